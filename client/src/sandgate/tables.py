"""A table for release before it is submitted: which cells would not show, and no figure at all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandgate import markup
from sandgate.language import pick, pick_from
from sandgate.releases import ReleaseRequest
from sandgate.shown import Shown

CELLS_SHOWN_MAX = 12
Submit = Callable[..., ReleaseRequest]


@dataclass(frozen=True, repr=False)
class Table(Shown):
    """A table that could be released: its shape, and the cells that would not show."""

    details: dict[str, Any]
    asked: dict[str, Any]
    submit: Submit
    kind = "table"

    @property
    def suppressed(self) -> list[dict[str, Any]]:
        """The cells that would be held back, by their keys; a total's keys are missing."""
        return list(self.details.get("suppressed") or [])

    @property
    def checks(self) -> list[dict[str, Any]]:
        """What the desk's checks say."""
        return list(self.details.get("checks") or [])

    def release(self, title_zh: str, title_en: str, name: str = "table.csv") -> ReleaseRequest:
        """Ask that this table may leave; the desk computes it anew from the licence's rows."""
        return self.submit(title_zh=title_zh, title_en=title_en, name=name, **self.asked)

    def plain(self) -> str:
        """Return shape and held-back cells as text."""
        lines = [f"{self._title()}: {self._shape()}"]
        lines += [f"  - {cell}" for cell in self._cells()]
        return "\n".join([*lines, self._note()])

    def html(self) -> str:
        """Return the rehearsal as a card."""
        body = [markup.facts_list([(pick("形状", "Shape"), self._shape())])]
        if self.suppressed:
            title = pick("将隐去", "Held back")
            body.append(markup.facts_list([(title, cell) for cell in self._cells()]))
        said = [pick_from(item.get("text") or {}) for item in self.checks]
        body += [markup.paragraph(text) for text in said if text]
        body.append(markup.paragraph(self._note(), quiet=True))
        return markup.card("plain" if self.suppressed else "good", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    def _shape(self) -> str:
        rows, held = self.details.get("rows", 0), self.details.get("suppressed_count", 0)
        return pick(f"{rows} 行，将隐去 {held} 行的数值", f"{rows} rows, {held} of them held back")

    def _cells(self) -> list[str]:
        shown = self.suppressed[:CELLS_SHOWN_MAX]
        absent = pick("合计或缺失", "total or missing")
        cells = [
            ", ".join(
                f"{name}={absent if value is None else value}" for name, value in cell.items()
            )
            for cell in shown
        ]
        more = len(self.suppressed) - len(shown)
        return [*cells, pick(f"另有 {more} 行", f"and {more} more")] if more > 0 else cells

    def _note(self) -> str:
        return pick_from(self.details.get("note") or {})

    @staticmethod
    def _title() -> str:
        return pick("出域表预检", "Table rehearsed")
