"""Finds the header of a bureau's catalogue sheet: titles above it, merged and two-storey headers.

A header is the row among the first ones that names most known columns. Of two columns for one
field, or a required one that is missing, the whole file is refused, with all of them named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.exchange.words import known, lookup
from catalog.sheets.forms import Span
from catalog.sheets.reading import Sheet
from catalog.sheets.refusals import RULE, column_letters, sheet_refused
from foundation.errors import InvalidInput, Message
from policies.schema.exchange import ExchangeRules, ImportColumn

KNOWN_MIN = 3
FILLED_CELLS_MAX = 3_000_000
_WAY_OUT = Message(
    "请下载导入模板，按其表头填写；本单位的惯用写法可由管理员登记到规则中。",
    "Fetch the template and use its headers; your own words can be added to the rules.",
)


@dataclass(frozen=True)
class Mapped:
    """A sheet whose columns are known. Rows and columns count from 1, as the sheet shows them."""

    header_row: int
    columns: Mapping[int, ImportColumn]
    headers: Mapping[int, str]
    ignored: Mapping[int, str]
    rows: tuple[tuple[str, ...], ...]
    """The rows below the header; ``rows[0]`` is the sheet's row ``header_row`` + 1."""


def map_columns(sheet: Sheet, rules: ExchangeRules) -> Mapped:
    """Find header and columns. Raises InvalidInput."""
    cells = filled(sheet.cells, sheet.spans)
    names = lookup(
        (name, column.field)
        for column in rules.columns
        for name in (column.header, *column.synonyms)
    )
    by_field = {column.field: column for column in rules.columns}
    best: tuple[int, int, list[tuple[int, str]]] = (0, 0, [])
    for number, row in enumerate(cells[: rules.header_rows_searched], start=1):
        found = _fields(row, cells[number - 2] if number > 1 else (), names)
        if len(found) >= max(KNOWN_MIN, best[0]):
            best = (len(found), number, found)
    header_row, found = best[1], best[2]
    if not found:
        raise _unknown_header(rules)
    _check_once(found, by_field)
    _check_complete(found, rules)
    columns = {at: by_field[field] for at, field in found}
    header = cells[header_row - 1]
    return Mapped(
        header_row=header_row,
        columns=columns,
        headers={at: header[at - 1] for at in columns},
        ignored={at: text for at, text in enumerate(header, 1) if text and at not in columns},
        rows=cells[header_row:],
    )


def filled(
    cells: tuple[tuple[str, ...], ...], spans: Sequence[Span]
) -> tuple[tuple[str, ...], ...]:
    """Write the text of each merged block into every cell of it."""
    inside = [span for span in spans if 0 < span.first_row <= len(cells)]
    if not inside:
        return cells
    rows = [list(row) for row in cells]
    width, left = len(rows[0]), FILLED_CELLS_MAX
    for span in inside:
        last_row, last_column = min(span.last_row, len(rows)), min(span.last_column, width)
        left -= (last_row - span.first_row + 1) * max(0, last_column - span.first_column + 1)
        if left < 0:
            raise sheet_refused("cells", span.first_row, span.first_column)
        if span.first_column > width:
            continue
        text = rows[span.first_row - 1][span.first_column - 1]
        for row in range(span.first_row - 1, last_row):
            for column in range(span.first_column - 1, last_column):
                rows[row][column] = text
    return tuple(tuple(row) for row in rows)


def _fields(
    row: Sequence[str], above: Sequence[str], names: Mapping[str, str]
) -> list[tuple[int, str]]:
    """Return column and field of each known header; a lower storey may need the one above."""
    found = []
    for at, text in enumerate(row, start=1):
        over = above[at - 1] if above and above[at - 1] != text else ""
        field = known(text, names) if text else None
        field = known(over + text, names) or field if over and text else field
        if field is not None:
            found.append((at, field))
    return found


def _check_once(found: Sequence[tuple[int, str]], by_field: Mapping[str, ImportColumn]) -> None:
    for field, column in by_field.items():
        places = [column_letters(at) for at, name in found if name == field]
        if len(places) > 1:
            raise InvalidInput(
                "import_header_repeated",
                Message(
                    f"第 {'、'.join(places)} 列都是“{column.header}”，请只保留一列。",
                    f"Columns {', '.join(places)} all stand for {column.header}; keep one.",
                ),
                field="$.file",
                rule=RULE,
                way_out=_WAY_OUT,
            )


def _check_complete(found: Sequence[tuple[int, str]], rules: ExchangeRules) -> None:
    there = {field for _, field in found}
    missing = [one.header for one in rules.columns if one.required and one.field not in there]
    if missing:
        raise InvalidInput(
            "import_header_missing",
            Message(
                f"表头缺少：{'、'.join(missing)}。请一次补齐后重新提交。",
                f"The header lacks: {', '.join(missing)}. Add them all and submit again.",
            ),
            field="$.file",
            rule=RULE,
            way_out=_WAY_OUT,
        )


def _unknown_header(rules: ExchangeRules) -> InvalidInput:
    searched = rules.header_rows_searched
    return InvalidInput(
        "import_header_unknown",
        Message(
            f"前 {searched} 行中没有找到目录表头。",
            f"The first {searched} rows hold no header of a catalogue.",
        ),
        field="$.file",
        rule=RULE,
        way_out=_WAY_OUT,
    )
