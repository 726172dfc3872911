"""How a claim is looked up: one statement of our own over the needed columns, in a locked worker.

Every constant is written here: whole numbers as digits, text as hexadecimal, so that nothing a
caller wrote is ever read as SQL. What comes back is one of three words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from authorization.grant_terms import ClaimRange
from catalog.versions import ROWS_FILE
from catalog.written import StoredValue
from disclosure.verify.claims import Condition, ReadClaim
from foundation.canonical import digest

ANSWERS = ("yes", "no", "unknown")
TABLE = "verified"
WARM = "SELECT 1 AS warm"
Opener = Callable[[], pa.RecordBatchReader]
Run = Callable[[str, str, Mapping[str, Opener], str, str], pa.Table]
"""Runs one statement: licence, version, tables, SQL, person. The bootstrap binds it to the pool."""


def worker_version(manifest_digest: str, columns: Sequence[str]) -> str:
    """Name what the worker of a verification holds: these columns of this version."""
    return f"{manifest_digest}/verify/{digest(sorted(columns))}"


def source(version_dir: Path, columns: Sequence[str]) -> Opener:
    """Return how the needed columns of a version are streamed to a worker."""

    def opener() -> pa.RecordBatchReader:
        file = pq.ParquetFile(version_dir / ROWS_FILE)
        wanted = set(columns)
        fields = [field for field in file.schema_arrow if field.name in wanted]
        return pa.RecordBatchReader.from_batches(pa.schema(fields), _batches(file, fields))

    return opener


def claim_sql(claim: ReadClaim) -> str:
    """Write the statement of a claim: yes if any row of the unit has it all, no if none could.

    Where the unit is absent, or a claimed value of it is not recorded, nothing is known.
    """
    found = " AND ".join(_holds(item) for item in claim.identifiers)
    claimed = " AND ".join(_holds(item) for item in claim.attributes)
    return (
        "SELECT CASE WHEN bool_or(held) THEN 'yes' "  # noqa: S608 - constants are written below
        "WHEN count(*) > 0 AND count(held) = count(*) THEN 'no' ELSE 'unknown' END AS answer "
        f"FROM (SELECT ({claimed}) AS held FROM {TABLE} WHERE {found})"
    )


def answer_of(table: pa.Table) -> str | None:
    """Return the worker's word, or None where it said anything else."""
    if table.num_rows != 1 or table.num_columns != 1:
        return None
    word = table.column(0)[0].as_py()
    return word if word in ANSWERS else None


def _batches(file: pq.ParquetFile, fields: Sequence[pa.Field]) -> Iterator[pa.RecordBatch]:
    names = [field.name for field in fields]
    with file:
        for batch in file.iter_batches(columns=names, use_threads=False):
            yield batch.select(names).replace_schema_metadata(None)


def _holds(condition: Condition) -> str:
    name, value = f'"{condition.column.name}"', condition.value
    if isinstance(value, ClaimRange):
        return f"({name} >= {int(value.lower)} AND {name} < {int(value.upper)})"
    return f"({name} = {_constant(value)})"


def _constant(value: StoredValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return f"decode(unhex('{value.encode().hex()}'))"
