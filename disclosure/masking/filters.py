"""Rows chosen by a column that nobody is shown: a fixed, signed condition, read once at the build.

The condition stands in the licence with what it discloses; the column itself goes no further.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from authorization.grant_terms import FilterOnly
from catalog.datasets import Column
from catalog.written import stored_value
from foundation.errors import Denied, Message


def passing(
    batch: pa.RecordBatch, filters: Iterable[FilterOnly], columns: Iterable[Column]
) -> pa.Array:
    """Return, for each stored row, whether it passes every filter; NULL passes none.

    ``batch`` holds the filters' columns as stored, before any mask, and ``columns`` declares them.
    Raises Denied for a column that is not declared, or a value that is not written as its type.
    """
    declared = {column.name: column for column in columns}
    passed = pa.repeat(pa.scalar(True), batch.num_rows)
    for item in filters:
        values = _constants(item, declared.get(item.column), batch.schema.field(item.column).type)
        passed = pc.and_(passed, pc.is_in(batch.column(item.column), values, skip_nulls=True))
    return passed


def _constants(item: FilterOnly, column: Column | None, kind: pa.DataType) -> pa.Array:
    stored = [None if column is None else stored_value(column, value) for value in item.values]
    if column is None or None in stored:
        raise Denied(
            "filter_only_unreadable",
            Message(
                f"筛选列“{item.column}”不存在，或取值与其类型不符。",
                f"The filter's column {item.column!r} is missing, or a value is not of its type.",
            ),
            field=f"filter_only.{item.column}",
            rule="I13",
        )
    return pa.array(stored).cast(kind)
