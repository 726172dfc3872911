"""What every result of the SDK offers: a repr, HTML, and a form that machines can check."""

from abc import ABC, abstractmethod
from typing import Any


class Shown(ABC):
    """A result that draws itself in a notebook and in a terminal."""

    kind = "result"

    @abstractmethod
    def plain(self) -> str:
        """Return the text for a terminal."""

    @abstractmethod
    def html(self) -> str:
        """Return the HTML for a notebook, escaped."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what a program would check, as JSON values."""

    def __repr__(self) -> str:
        return self.plain()

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude  # the notebook picks; all three forms are small
        return mime_bundle(self.kind, self.plain(), self.html(), self.facts())


def mime_bundle(kind: str, plain: str, html: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the three forms of one output, the machine's under our own media type."""
    return {
        "text/plain": plain,
        "text/html": html,
        f"application/vnd.sandgate.{kind}+json": facts,
    }
