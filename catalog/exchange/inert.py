"""Text of others in files for people and machines: shown as what it is, and never carried out.

Controls, marks that turn text around and marks without width are written out as ``〈U+202E〉``; a
CSV cell that a spreadsheet would take for a formula gets an apostrophe; ``<``, ``>`` and ``&`` of
JSON are escaped, so that it can stand inside a page's script element.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from audit.formats.tables import inert_cell
from foundation.lines import inert

_BYTE_ORDER_MARK = "\ufeff"
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def inert_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a table for spreadsheets: UTF-8 with its mark, every cell quoted and inert."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([inert_cell(inert(cell)) for cell in header])
    writer.writerows([inert_cell(inert(cell)) for cell in row] for row in rows)
    return (_BYTE_ORDER_MARK + text.getvalue()).encode()


def inert_value(value: Any) -> Any:
    """Return a JSON value whose texts are inert; its keys are ours."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, Mapping):
        return {key: inert_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [inert_value(item) for item in value]
    return value


def inert_json(value: Any, *, indent: int | None = None) -> str:
    """Return JSON that no page takes for markup, its texts inert."""
    text = json.dumps(inert_value(value), ensure_ascii=False, indent=indent)
    for mark, written in _ESCAPED.items():
        text = text.replace(mark, written)
    return text
