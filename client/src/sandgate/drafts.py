"""A release of several files, put together step by step; the desk makes every file itself.

Of answers, tables and figures only names and plans are sent. Words and files of your own go to the
desk over the session's one socket; what cannot be computed anew is treated as single records.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sandgate.answers import Answer
from sandgate.language import pick
from sandgate.releases import ReleaseRequest
from sandgate.shown import Shown
from sandgate.standing import HandedIn

Call = Callable[[str, str, dict[str, Any] | None], dict[str, Any]]
HandIn = Callable[[bytes, str], HandedIn]


class Draft(Shown):
    """A request for the release desk, before and after it is submitted."""

    kind = "release"

    def __init__(self, details: dict[str, Any], call: Call, hand_in: HandIn) -> None:
        """Hold what the desk says of it now."""
        self.request = ReleaseRequest(details)
        self._call = call
        self._hand_in = hand_in

    @property
    def release_id(self) -> str:
        """The request's own name."""
        return self.request.release_id

    @property
    def state(self) -> str:
        """Where the request stood when the desk was last asked."""
        return self.request.state

    def add_answer(self, answer: Answer | str, name: str = "answer.csv") -> "Draft":
        """Add a stored answer as a ``.csv`` or ``.parquet`` file."""
        found = answer.answer_id if isinstance(answer, Answer) else answer
        return self._put({"name": name, "source": "answer", "reference": found})

    def add_table(
        self, text: str, name: str = "table.csv", *, margins: bool = False, rounding: int = 0
    ) -> "Draft":
        """Add a table over granted rows, which the desk computes and protects."""
        plan = {"sql": text, "margins": margins, "rounding": rounding}
        return self._put({"name": name, "source": "table", "plan": plan})

    def add_figure(
        self,
        name: str,
        *,
        data: str,
        x: str,
        y: str,
        kind: str = "bar",
        colour: str | None = None,
        title: str = "",
    ) -> "Draft":
        """Add a ``.png`` that the desk draws from ``data``, an answer or table of this draft.

        ``kind`` is ``bar``, ``line``, ``point`` or ``area``; ``x``, ``y`` and ``colour`` are its
        columns.
        """
        known = {item["name"]: item for item in self.request.details.get("drafts") or []}
        if data not in known:
            raise ValueError(pick(f"草稿中没有文件 {data}", f"the draft has no file {data}"))
        chart = {"kind": kind, "x": x, "y": y, "colour": colour, "title": title}
        return self._put(
            {"name": name, "source": "figure", "plan": {"chart": chart, "data": known[data]}}
        )

    def add_words(self, text: str, name: str = "notes.md") -> "Draft":
        """Add words as Markdown; numbers in them are traced to the tables beside them."""
        handed = self._hand_in(text.encode(), "md")
        return self._put({"name": name, "source": "text", "reference": handed.reference})

    def add_file(self, path: str | Path, name: str | None = None) -> "Draft":
        """Add a CSV, Parquet or JSON file of your own: never released without people's word."""
        found = Path(path)
        named = name or found.name.lower()
        handed = self._hand_in(found.read_bytes(), named.rpartition(".")[2])
        return self._put({"name": named, "source": "foreign", "reference": handed.reference})

    def remove(self, name: str) -> "Draft":
        """Take a file out."""
        self._editable()
        return self._moved("/files/remove", {"name": name})

    def check(self) -> "Draft":
        """Ask the desk where the request stands and what its checks found."""
        return self._told(self._call("GET", f"/v1/releases/{self.release_id}", None))

    def submit(self) -> "Draft":
        """Submit: the desk makes the files, checks them, and asks two people."""
        self._editable()
        return self._moved("/submit")

    def withdraw(self, reason: str) -> "Draft":
        """Take the request back for good."""
        return self._moved("/withdraw", {"reason": reason})

    def comment(self, text: str) -> "Draft":
        """Write to the checkers."""
        return self._moved("/comments", {"comment": text})

    def comments(self) -> list[dict[str, Any]]:
        """Return what was written on the request."""
        return self.check().request.comments

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What the checks found when the desk was last asked."""
        return self.request.findings

    def plain(self) -> str:
        """Return the request as text."""
        return self.request.plain()

    def html(self) -> str:
        """Return the request as a card."""
        return self.request.html()

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.request.facts()

    def _editable(self) -> None:
        """Turn what was sent back into a draft again, before it is changed."""
        if self.check().state == "returned":
            self._moved("/revise")

    def _put(self, file: Mapping[str, Any]) -> "Draft":
        self._editable()
        return self._moved("/files", dict(file))

    def _moved(self, move: str, body: dict[str, Any] | None = None) -> "Draft":
        return self._told(self._call("POST", f"/v1/releases/{self.release_id}{move}", body))

    def _told(self, details: dict[str, Any]) -> "Draft":
        self.request = ReleaseRequest(details)
        return self
