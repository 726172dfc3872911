"""A worker's answer, read as a stranger's: it becomes a table of flat types, or nothing."""

import pyarrow as pa

from disclosure.engine.link import Broken
from disclosure.outcome import question_failed


def read_answer(payload: bytes) -> pa.Table:
    """Return the table: flat types, checked, and nothing beneath NULLs. Raises what refuses it.

    DuckDB leaves whatever was in memory in the slots of NULL values; ``take`` writes zeros there.
    """
    try:
        table = pa.ipc.open_stream(payload).read_all().replace_schema_metadata(None)
        table.validate(full=True)
    except pa.ArrowException as error:
        raise Broken from error
    if any(pa.types.is_nested(column.type) for column in table.columns):
        raise question_failed("engine_error")
    if any(column.null_count for column in table.columns):
        table = table.take(pa.arange(0, table.num_rows))
    return table
