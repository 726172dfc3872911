"""Onboards a table by the builder's own code, in this process: every table of a version."""

import io
from collections.abc import Iterable

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.build_child import build
from catalog.builder import order_of
from catalog.datasets import DatasetDeclaration

SECRET = b"k" * 32
POPULATION_SECRET = b"p" * 32


def onboarded(
    declaration: DatasetDeclaration,
    rows: pa.Table,
    *,
    secret: bytes = SECRET,
    population_secret: bytes = POPULATION_SECRET,
) -> dict[str, pa.Table]:
    """Build a version of a table: ``rows``, ``units``, ``ranked`` and each ``bounded-<set>``."""
    order = {
        "form": "parquet",
        "rows_max": 10**6,
        "memory_bytes_max": 1 << 28,
        "threads": 1,
        "secret": secret.hex(),
        "population_secret": population_secret.hex(),
        **order_of(declaration),
    }
    file = io.BytesIO()
    pq.write_table(rows, file, compression="none")
    file.seek(0)
    found: dict[str, pa.Table] = {}
    build(order, file, lambda name, reader: found.update({name: reader.read_all()}))
    return found


def opened(tables: Iterable[tuple[str, pa.Table]]) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that holds the tables under their names."""
    connection = duckdb.connect(config={"threads": "1"})
    for name, table in tables:
        connection.register("incoming", table)
        connection.execute(f'CREATE TABLE "{name}" AS FROM incoming')
        connection.unregister("incoming")
    return connection
