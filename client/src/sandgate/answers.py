"""Answers: an Arrow table with its cost, its intervals and the receipt that proves its place."""

import importlib
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from sandgate import charts, figures, markup, synthetic
from sandgate.costs import Cost
from sandgate.language import pick, pick_from
from sandgate.money import billed
from sandgate.settings import settings
from sandgate.shown import Shown

ROWS_SHOWN_MAX = 20
CHART_ROWS_MIN = 2
METADATA_KEY = b"sandgate"


@dataclass(frozen=True, repr=False)
class Answer(Shown):
    """One answer. ``receipt`` proves its place in the log; ``answer_id`` names it for a release."""

    table: pa.Table
    details: dict[str, Any] = field(default_factory=dict)
    kind = "answer"

    @classmethod
    def from_stream(cls, stream: bytes) -> "Answer":
        """Read an Arrow stream whose schema metadata carries the answer's details."""
        with pa.ipc.open_stream(pa.BufferReader(stream)) as reader:
            table = reader.read_all()
        raw = (table.schema.metadata or {}).get(METADATA_KEY, b"{}")
        return cls(table, json.loads(raw))

    @property
    def answer_id(self) -> str:
        """The name under which the platform stored this answer."""
        return str(self.details.get("answer_id", ""))

    @property
    def mode(self) -> str:
        """``rows`` or ``aggregate``."""
        return str(self.details.get("mode", ""))

    @property
    def receipt(self) -> Any:
        """The proof that this answer stands in the log, as the platform gave it."""
        return self.details.get("receipt")

    @property
    def cost(self) -> Cost:
        """What this answer took from the privacy budget, and what is left."""
        nano_rho = int(self.details.get("cost_nano_rho") or 0)
        epsilon = str(self.details.get("epsilon_shown") or "") if nano_rho else ""
        delta = int(self.details.get("cost_delta_steps") or 0) if nano_rho else 0
        return Cost(nano_rho, epsilon, self.details.get("budget_nano_rho_remaining"), delta)

    @property
    def gross_micro_fen(self) -> int:
        """What this answer was billed, in micro-fen (a hundred-millionth of a yuan)."""
        return int(self.details.get("gross_micro_fen") or 0)

    @property
    def intervals(self) -> dict[str, tuple[str, str]]:
        """The columns that bound each noisy value: ``{value: (low, high)}``."""
        names = set(self.table.column_names)
        told = self.details.get("intervals") or {}
        pairs = {name: (ends["low"], ends["high"]) for name, ends in told.items()}
        for name in self.table.column_names:
            pairs.setdefault(name, (f"{name}_low", f"{name}_high"))
        return {name: ends for name, ends in pairs.items() if {name, *ends} <= names}

    @property
    def repeated(self) -> bool:
        """Whether this is an answer given before, at no further charge."""
        return bool(self.details.get("repeated"))

    @property
    def synthetic(self) -> bool:
        """Whether this comes from the synthetic twin that a debug session sees, not from data."""
        return bool(self.details.get("synthetic"))

    @property
    def would_cost(self) -> dict[str, Any]:
        """What production would have taken for a synthetic answer; empty for any other."""
        return dict(self.details.get("would_cost") or {})

    @property
    def environment_digest(self) -> str:
        """The environment of the session that this answer was first given to."""
        return str(self.details.get("environment_digest") or "")

    @property
    def notes(self) -> str:
        """What the platform says about this answer, in the operator's language."""
        return pick_from(self.details.get("notes"))

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame; one of synthetic data says so in its ``attrs``."""
        frame = self.table.to_pandas()
        if self.synthetic:
            frame.attrs[synthetic.ATTRIBUTE] = True
        return frame

    def to_polars(self) -> Any:
        """Return a polars DataFrame."""
        return importlib.import_module("polars").from_arrow(self.table)

    def plot(self, x: str | None = None, y: str | None = None) -> Any:
        """Return an Altair chart: bars by ``x`` of ``y``, error bars from the interval columns."""
        chart = charts.bars(self.table, self.intervals, x, y)
        return chart.properties(title=synthetic.mark()) if self.synthetic else chart

    def plain(self) -> str:
        """Return the first rows and the budget line."""
        head, rows, _ = self._cells()
        marked = [f"【{synthetic.mark()}】"] if self.synthetic else []
        table = markup.plain_table(head, rows)
        return "\n".join([*marked, table, *self._lines(), *self._notes()])

    def html(self) -> str:
        """Return the first rows as a table with the budget line beneath."""
        head, rows, numeric = self._cells()
        told = [" · ".join(self._lines()), *self._notes()]
        notes = [markup.paragraph(line, quiet=True) for line in told]
        title = pick("查询结果", "Answer")
        drawn = markup.table(*self._with_chart(head, rows, numeric))
        mark = synthetic.mark() if self.synthetic else ""
        return markup.card("plain", title, [drawn, *notes], mark=mark)

    def facts(self) -> dict[str, Any]:
        """Return what names and prices this answer, without its values."""
        return {
            "answer_id": self.answer_id,
            "mode": self.mode,
            "rows": self.table.num_rows,
            "columns": self.table.column_names,
            "cost_nano_rho": self.cost.nano_rho,
            "cost_delta_steps": self.cost.delta_steps,
            "repeated": self.repeated,
            "synthetic": self.synthetic,
            "gross_micro_fen": self.gross_micro_fen,
            "epsilon_shown": str(self.details.get("epsilon_shown") or ""),
            "budget_nano_rho_remaining": self.cost.budget_nano_rho_remaining,
            "receipt": self.receipt,
            "environment_digest": self.environment_digest,
        }

    def _with_chart(
        self, head: list[str], rows: list[list[str]], numeric: list[bool]
    ) -> tuple[list[str], list[list[markup.Cell]], list[bool]]:
        """Draw the first figure of a small aggregate with one key beside its table."""
        cells: list[list[markup.Cell]] = [list(row) for row in rows]
        intervals, places = self.intervals, [name for name in head if name in self.intervals]
        one_key = len(head) == len(places) + 1 and self.table.num_rows >= CHART_ROWS_MIN
        if not (settings.charts and places and one_key and self.table.num_rows <= ROWS_SHOWN_MAX):
            return head, cells, numeric
        value = places[0]
        spans = charts.spans(self.table, value, intervals[value])
        if spans is None:
            return head, cells, numeric
        for row, span in zip(cells, spans, strict=True):
            row.append(markup.Span(*span) if span else "")
        return [*head, value], cells, [*numeric, False]

    def _cells(self) -> tuple[list[str], list[list[str]], list[bool]]:
        """Fold interval ends into the cell of their value."""
        intervals = self.intervals
        ends = {end for pair in intervals.values() for end in pair}
        names = [name for name in self.table.column_names if name not in ends]
        rows = self.table.slice(0, ROWS_SHOWN_MAX).to_pylist()
        keys = self._keys(names, rows)
        cells = [[_cell(row, name, intervals.get(name), keys) for name in names] for row in rows]
        types = (self.table.schema.field(name).type for name in names)
        return names, cells, [charts.is_number(kind) for kind in types]

    def _keys(self, names: list[str], rows: list[dict[str, Any]]) -> dict[str, bool]:
        """Return the group keys of an aggregate, each with whether it reads in thousands."""
        if not self.intervals:
            return {}
        free = [name for name in names if name not in self.intervals]
        return {name: figures.is_grouped([row[name] for row in rows]) for name in free}

    def _lines(self) -> list[str]:
        count = self.table.num_rows
        lines = [pick(f"共 {count:,} 行", f"{count:,} row{'' if count == 1 else 's'}")]
        if count > ROWS_SHOWN_MAX:
            lines[0] += pick(f"，显示 {ROWS_SHOWN_MAX} 行", f", {ROWS_SHOWN_MAX} shown")
        if self.mode == "aggregate" and self.repeated:
            left = pick("，", ", ") + self.cost.left if self.cost.left else ""
            lines.append(pick(f"问过的问题，不再收费{left}", f"Asked before: free this time{left}"))
        elif self.synthetic:
            lines += [line for line in [synthetic.would_cost(self.would_cost)] if line]
        elif self.mode == "aggregate":
            lines.append(pick(f"隐私预算：消耗 {self.cost}", f"Privacy budget: {self.cost}"))
        lines += billed(self.gross_micro_fen)
        if self.intervals:
            lines.append(pick("方括号内为 95% 区间", "95% interval in brackets"))
        return lines

    def _notes(self) -> list[str]:
        return [self.notes] if self.notes else []


def _cell(
    row: dict[str, Any], name: str, ends: tuple[str, str] | None, keys: dict[str, bool]
) -> str:
    if name in keys:
        return figures.key(row[name], grouped=keys[name])
    if ends is None or row[name] is None:
        return figures.cell(row[name])
    return figures.interval(row[name], row[ends[0]], row[ends[1]])
