"""Judges a whole sheet without changing anything: which rows are new, changed, known or refused.

Nothing is lost: each row that holds anything is judged, and columns that no field has are named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.entries import CatalogueEntry
from catalog.exchange.headers import Mapped, map_columns
from catalog.exchange.rows import RowFault, RowReader, repeated_code
from catalog.sheets.reading import Sheet
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules


class RowState(StrEnum):
    """What an import would do with a row."""

    NEW = "new"  # 新建草稿
    CHANGED = "changed"  # 变更（提出变更草稿）
    SAME = "same"  # 与现有条目一致，不处理
    REFUSED = "refused"  # 退回更正


TAKEN_STATES = frozenset({RowState.NEW, RowState.CHANGED})


@dataclass(frozen=True)
class JudgedRow:
    """One row by its number in the sheet. ``cells`` are kept of refused rows only."""

    number: int
    state: RowState
    entry: CatalogueEntry | None
    cells: tuple[str, ...] = ()
    faults: tuple[RowFault, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """All rows of a sheet, and what was made of its header."""

    sheet: str
    encoding: str
    mapped: Mapped
    rows: tuple[JudgedRow, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


Standings = Callable[[Sequence[CatalogueEntry]], Sequence[tuple[RowState, RowFault | None]]]
"""What the book says of entries, in their order: new, changed, same, or refused and why."""


def judge(
    sheet: Sheet, rules: ExchangeRules, catalog: CatalogRules, standings: Standings
) -> Judgement:
    """Judge every row of a sheet. Raises InvalidInput where its header cannot be used."""
    mapped = map_columns(sheet, rules)
    read = _read_rows(sheet, mapped, RowReader(mapped, rules, catalog))
    entries = [row.entry for row in read if row.entry is not None]
    said = iter(standings(entries))
    rows = tuple(row if row.entry is None else _with_standing(row, *next(said)) for row in read)
    counts = {str(state): sum(row.state is state for row in rows) for state in RowState}
    return Judgement(sheet.name, sheet.encoding, mapped, rows, counts)


def _read_rows(sheet: Sheet, mapped: Mapped, reader: RowReader) -> list[JudgedRow]:
    spoilt: dict[int, list[tuple[int, str]]] = {}
    for fault in sheet.faults:
        spoilt.setdefault(fault.row, []).append((fault.column, fault.rule))
    code_column = next((at for at, one in mapped.columns.items() if one.field == "code"), None)
    code_header = mapped.headers.get(code_column or 0, "")
    first_rows: dict[str, int] = {}
    rows = []
    for number, cells in enumerate(mapped.rows, start=mapped.header_row + 1):
        hurt = spoilt.get(number, [])
        if reader.is_blank(cells) and not any(at in mapped.columns for at, _ in hurt):
            continue
        entry, faults = reader.read(cells, hurt)
        if entry is not None:
            first = first_rows.setdefault(entry.code, number)
            if first != number:
                faults = [repeated_code(code_column, code_header, first)]
        if faults or entry is None:
            rows.append(JudgedRow(number, RowState.REFUSED, None, cells, tuple(faults)))
        else:
            rows.append(JudgedRow(number, RowState.NEW, entry, cells))
    return rows


def _with_standing(row: JudgedRow, state: RowState, fault: RowFault | None) -> JudgedRow:
    if fault is not None:
        return JudgedRow(row.number, RowState.REFUSED, None, row.cells, (fault,))
    return JudgedRow(row.number, state, row.entry)
