"""Many rows into one table at the driver's own speed: the writer's inner loop.

The statement is compiled once for a table and a dialect. Values reach the driver as they are, which
the log's tables allow: their columns are integers, texts and bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

Row = Mapping[str, object]
STATEMENTS_KEPT_MAX = 64


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all name the same columns."""
    statement, arranged = _insertion(table, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(statement, [arranged(row) for row in rows])


@lru_cache(maxsize=STATEMENTS_KEPT_MAX)
def _insertion(
    table: Table, dialect: Dialect, columns: tuple[str, ...]
) -> tuple[str, Callable[[Any], Any]]:
    compiled = insert(table).compile(dialect=dialect, column_keys=list(columns))
    if dialect.positional:
        return str(compiled), itemgetter(*(compiled.positiontup or ()))
    return str(compiled), dict
