"""Takes how often a declared value comes from private answers that this licence was charged for.

Whatever is made of such an answer costs no further privacy, and the licence has it already. Rows,
exact counts and other licences' answers are never read.
"""

import json
from collections.abc import Mapping

import pyarrow as pa
from sqlalchemy import Connection, select

from catalog.datasets import Column, DatasetDeclaration
from disclosure.given import table_of
from disclosure.store import answer
from disclosure.twins.values import as_declared

ANSWERS_MAX = 50  # the newest of one column each


def charged_weights(
    connection: Connection, licence: str, declaration: DatasetDeclaration
) -> dict[str, dict[str, int]]:
    """Return, by column, how often each of its declared values was counted, noise and all.

    Read from answers that count by one column alone and show all of its declared values.
    """
    found: dict[str, dict[str, int]] = {}
    for column in declaration.columns:
        if not column.public_values:
            continue
        counts = _newest(connection, licence, declaration.name, column)
        if counts:
            found[column.name] = counts
    return found


def _newest(
    connection: Connection, licence: str, dataset: str, column: Column
) -> dict[str, int] | None:
    """Return the counts of the newest answer that counts by this column alone."""
    asked = json.dumps({dataset: [column.name]})
    query = (
        select(answer.c.content, answer.c.summary)
        .where(
            answer.c.licence == licence,
            answer.c.mode == "aggregate",
            answer.c.cost_nano_rho > 0,
            answer.c.sources == asked,
        )
        .order_by(answer.c.answered_index.desc())
        .limit(ANSWERS_MAX)
    )
    for row in connection.execute(query):
        counts = _counts(table_of(bytes(row.content)), json.loads(row.summary), column)
        if counts is not None:
            return counts
    return None


def _counts(
    table: pa.Table, summary: Mapping[str, object], column: Column
) -> dict[str, int] | None:
    """Return an answer's counts by value; None where it is not one count by every value."""
    intervals = summary.get("intervals")
    noisy = set(intervals) if isinstance(intervals, Mapping) else set()
    figures = [name for name in table.column_names if name in noisy]
    if column.name not in table.column_names or not figures:
        return None
    if not pa.types.is_integer(table.schema.field(figures[0]).type):
        return None
    keys = [as_declared(value) for value in table.column(column.name).to_pylist()]
    if sorted(keys) != sorted(column.public_values):
        return None
    values = table.column(figures[0]).to_pylist()
    return {key: max(0, int(value or 0)) for key, value in zip(keys, values, strict=True)}
