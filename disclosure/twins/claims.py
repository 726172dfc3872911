"""Claims of debug sessions: which made-up units they can be about, and the table they are held to.

What a claim is checked for (grant, identifiers, ranges, consent) is the same as in production. It
is counted against nobody: a subject that does not exist can be neither guessed at nor locked.
"""

from datetime import date

import pyarrow as pa

from catalog.datasets import Column, ColumnType
from disclosure.granted import GrantedDataset
from disclosure.twins.shelf import Twin


def synthetic_subjects(granted: GrantedDataset, twin: Twin) -> list[dict[str, dict[str, str]]]:
    """Return the first units of a twin as a claim names them: identifiers, and what is so.

    Columns that are claimed by ranges are told as their value; empty where nothing is verified.
    """
    terms = None if granted.verified is None else granted.verified.verify
    if granted.verified is None or terms is None:
        return []
    rows = twin.rows.slice(0, twin.rules.told_subjects_max).to_pylist()
    declaration = granted.dataset.declaration

    def written(row: dict[str, object], names: tuple[str, ...]) -> dict[str, str]:
        columns = (declaration.column(name) for name in names)
        return {c.name: as_written(c, row[c.name]) for c in columns if c is not None}

    return [
        {
            "subject": written(row, tuple(terms.identifiers)),
            "claimed": written(row, tuple(granted.verified.columns)),
        }
        for row in rows
    ]


def as_written(column: Column, value: object) -> str:
    """Write a stored value as a claim does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if column.type is ColumnType.DECIMAL and isinstance(value, int):
        sign, whole = ("-" if value < 0 else ""), f"{abs(value):0{column.scale + 1}d}"
        return f"{sign}{whole[: -column.scale]}.{whole[-column.scale :]}" if column.scale else whole
    return "" if value is None else str(value)


def claim_table(twin: Twin, columns: tuple[str, ...]) -> pa.Table:
    """Return the twin's rows that claims are held to: the columns of the grant and no others."""
    names = [name for name in twin.rows.column_names if name in columns]
    return twin.rows.select(names)
