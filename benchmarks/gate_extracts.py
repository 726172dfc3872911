"""Governed rows against raw DuckDB over TPC-H, masks and row filters on, in processor time.

``extract_build_s``: wall seconds from the stored versions of all eight tables to their encrypted
extracts. ``tpch_governed_geomean`` and ``…_worst``: the 22 queries on those extracts, in a confined
rows worker, over the same queries on the delivered tables in an attached DuckDB file; two threads
each, warm, interleaved, each query's ratio of medians. The filters keep every row.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from authorization.documents import AccessMode, Grant, RowFilter
from benchmarks.peer_environments import python_of
from benchmarks.processor_time import cost_of
from benchmarks.public_queries import Skipped, cache_directory, tpch_queries
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    Mask,
    MaskKind,
)
from catalog.versions import VersionFolder, read_rows, version_directory
from disclosure.engine.limits import EngineLimits
from disclosure.engine.loading import TableSource
from disclosure.engine.supervisor import AnswerCaps, EnginePool, WorkerKey
from disclosure.extracts import (
    Extract,
    build_extract,
    licence_pseudonym_key,
    open_extract,
    plan_extract,
)
from disclosure.gate.question import QueryGate
from disclosure.gate.scope import TableGrant, classify
from foundation.clock import SystemClock
from foundation.errors import SandgateError
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.gate import GateRules
from policies.schema.masks import MaskRules

QUERIES = 22
RUNS = 5
GEOMEAN_MAX = 1.0
WORST_MAX = 2.0
BUILD_SECONDS_MAX = 10.0
GENERATE_SECONDS_MAX = 600.0
BATCH_ROWS = 131_072
TABLES = ("lineitem", "orders", "customer", "part", "partsupp", "supplier", "nation", "region")
MASKS = {
    "c_name": Mask(kind=MaskKind.PSEUDONYM),
    "o_clerk": Mask(kind=MaskKind.PSEUDONYM),
    "c_phone": Mask(kind=MaskKind.PARTIAL, keep_first=2),
    "s_phone": Mask(kind=MaskKind.PARTIAL, keep_first=2),
    "c_address": Mask(kind=MaskKind.REDACT),
    "s_address": Mask(kind=MaskKind.REDACT),
    "l_comment": Mask(kind=MaskKind.PARTIAL, keep_first=8),
}
FILTERS = {
    "lineitem": RowFilter(column="l_returnflag", values=("A", "N", "R")),
    "orders": RowFilter(column="o_orderstatus", values=("F", "O", "P")),
    "customer": RowFilter(
        column="c_mktsegment",
        values=("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"),
    ),
}
KEY = WorkerKey("lic_benchmark", "v1", "rows")
CAPS = AnswerCaps(rows_max=5_000_000, bytes_max=1 << 30, deadline_seconds=120.0)
LIMITS = EngineLimits(worker_memory_bytes_max=6 << 30, threads=2)
PACK = load_policies()


def delivered_tables(scale: str) -> Path:
    """Return the directory of the generated Parquet files, made once. Raises Skipped."""
    directory = cache_directory() / f"tpch-sf{scale}"
    if all((directory / f"{name}.parquet").is_file() for name in TABLES):
        return directory
    program = python_of("tpch").with_name("tpchgen-cli")
    with tempfile.TemporaryDirectory(dir=cache_directory()) as made:
        options = ["parquet", "--scale-factor", scale, "--output-dir", f"{made}/out"]
        Path(made, "out").mkdir()
        try:
            subprocess.run(
                [str(program), *options],
                check=True,
                capture_output=True,
                timeout=GENERATE_SECONDS_MAX,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Skipped("tpchgen-cli did not run here") from error
        Path(made, "out").rename(directory)
    return directory


@dataclass(frozen=True)
class Stored:
    """One table as it is onboarded: its declaration and its stored version."""

    declaration: DatasetDeclaration
    directory: Path
    rows: int


def attach_raw(home: Path, delivered: Path) -> duckdb.DuckDBPyConnection:
    """Attach a DuckDB file with the tables as delivered, read-only and warm as any base is."""
    with duckdb.connect(str(home / "raw.duckdb")) as made:
        for name in TABLES:
            made.execute(f"CREATE TABLE {name} AS FROM '{delivered / name}.parquet'")
    raw = duckdb.connect(config={"threads": 2})
    raw.execute(f"ATTACH '{home / 'raw.duckdb'}' AS base (READ_ONLY); USE base")
    return raw


def store_versions(home: Path, raw: duckdb.DuckDBPyConnection) -> dict[str, Stored]:
    """Store the tables as onboarding does: decimals as integers, in salted Parquet."""
    found = {}
    for name in TABLES:
        described = raw.execute(f"DESCRIBE {name}").fetchall()
        columns = tuple(_column(str(field[0]), str(field[1])) for field in described)
        listed = ", ".join(_stored(column) for column in columns)
        rows = raw.sql(f"SELECT {listed} FROM {name}").to_arrow_reader(BATCH_ROWS)
        folder = VersionFolder(home)
        count = 0
        with folder.table("rows", rows.schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
                count += batch.num_rows
        folder.seal({})
        folder.reveal()
        declaration = DatasetDeclaration(
            name=name,
            entry="benchmark",
            label_zh=name,
            label_en=name,
            subject="open",
            columns=columns,
        )
        found[name] = Stored(declaration, version_directory(home, folder.version_id), count)
    return found


def _column(name: str, kind: str) -> Column:
    types = {"BIGINT": ColumnType.INTEGER, "INTEGER": ColumnType.INTEGER, "DATE": ColumnType.DATE}
    decimal = kind.startswith("DECIMAL")
    return Column(
        name=name,
        type=ColumnType.DECIMAL if decimal else types.get(kind, ColumnType.TEXT),
        label_zh=name,
        label_en=name,
        grade=Grade.L1,
        exposure=Exposure.ROWS,
        mask=MASKS.get(name, Mask()),
        scale=2 if decimal else 0,
    )


def _stored(column: Column) -> str:
    if column.type is ColumnType.DECIMAL:
        return f"CAST({column.name} * 100 AS BIGINT) AS {column.name}"
    if column.type is ColumnType.INTEGER:
        return f"CAST({column.name} AS BIGINT) AS {column.name}"
    return column.name


def build_all(home: Path, stored: Mapping[str, Stored], keys: FileKeyStore) -> dict[str, Extract]:
    """Build the licence's eight extracts."""
    rules = PACK.rules(MaskRules)
    found = {}
    for name, table in stored.items():
        grant = Grant(
            dataset=name,
            modes=(AccessMode.ROWS,),
            columns=tuple(column.name for column in table.declaration.columns),
            row_filters=(FILTERS[name],) if name in FILTERS else (),
        )
        plan = plan_extract(table.declaration, grant, rules)
        found[name] = build_extract(
            plan,
            read_rows(table.directory, plan.source_columns()),
            path=home / "extracts" / f"{name}.parquet",
            keys=keys,
            key_name=f"extract.{name}",
            pseudonym_key=licence_pseudonym_key(keys, "lic_benchmark"),
            rules=rules,
            rows_expected=table.rows,
        )
        assert found[name].row_count == table.rows, "the filters keep every row"
    return found


@dataclass(frozen=True)
class Governed:
    """Our side: the gate, the extracts, and a warm confined worker that holds no base."""

    pool: EnginePool
    gate: QueryGate
    extracts: Mapping[str, Extract]
    keys: FileKeyStore

    def sources(self, sql: str) -> dict[str, TableSource]:
        """Check a query and say which columns of which extracts it reads."""
        granted = {name: TableGrant(extract=item.columns) for name, item in self.extracts.items()}
        found = classify(self.gate.check(sql, set(granted)), granted)
        assert found.kind == "rows"
        return {name: self._source(name, found.columns) for name in found.tables}

    def _source(self, name: str, read: frozenset[tuple[str, str]]) -> TableSource:
        extract = self.extracts[name]
        needed = frozenset(column for table, column in read if table == name)
        key = self.keys.data_key(extract.key_name)
        return TableSource(
            partial(open_extract, extract.path, key),
            extract.column_bytes,
            needed,
            extract.plan.cluster(),
        )

    def answer(self, sql: str, sources: Mapping[str, TableSource]) -> pa.Table:
        """Ask the worker."""
        return self.pool.query(KEY, sources, sql, CAPS, person="benchmark")


@contextmanager
def opened(extracts: Mapping[str, Extract], keys: FileKeyStore) -> Iterator[Governed]:
    """Open the worker pool."""
    pool = EnginePool(Path(sys.prefix), LIMITS, SystemClock())
    try:
        yield Governed(pool, QueryGate(pool.parse, PACK.rules(GateRules)), extracts, keys)
    finally:
        pool.close()


def compare(governed: Governed, raw: duckdb.DuckDBPyConnection) -> list[float]:
    """Return each query's ratio; one that is refused, fails or gives other rows stops nothing."""
    ready = []
    for number, sql in enumerate(tpch_queries(), start=1):
        try:
            sources = governed.sources(sql)
            rows = governed.answer(sql, sources).num_rows
        except SandgateError as refusal:
            print(json.dumps({"query": number, "refused": refusal.code}), flush=True)
            continue
        if rows == raw.sql(sql).to_arrow_table().num_rows:
            ready.append((number, sql, sources))
    ratios = []
    for number, sql, sources in ready:
        ours, theirs = [], []
        for _ in range(RUNS):
            theirs.append(cost_of(lambda sql=sql: raw.sql(sql).to_arrow_table()))  # type: ignore[misc]
            ours.append(cost_of(lambda sql=sql, given=sources: governed.answer(sql, given)))  # type: ignore[misc]
        ratios.append(statistics.median(ours) / statistics.median(theirs))
        shown = {"query": number, "ratio": round(ratios[-1], 2), "raw_s": statistics.median(theirs)}
        print(json.dumps(shown), file=sys.stderr, flush=True)
    return ratios


def figure(name: str, value: float, limit: float, **more: object) -> bool:
    """Print one figure; tell whether it is good."""
    good = value <= limit and bool(more.pop("whole", True))
    line = {"figure": name, "value": round(value, 3), "unit": "ratio", "limit": f"<={limit}"}
    print(json.dumps({**line, "ok": good, **more}), flush=True)
    return good


def main() -> int:
    """Print one JSON line for each figure; return 1 where one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="1", help="TPC-H scale factor (default 1)")
    scale = parser.parse_args().scale
    try:
        delivered = delivered_tables(scale)
        tpch_queries()
    except Skipped as skipped:
        for name in ("extract_build_s", "tpch_governed_geomean", "tpch_governed_worst"):
            print(json.dumps({"figure": name, "skipped": str(skipped)}), flush=True)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        raw = attach_raw(home, delivered)
        stored = store_versions(home, raw)
        keys = FileKeyStore(home / "keys")
        started = time.monotonic()
        built: list[dict[str, Extract]] = []
        spent = cost_of(lambda: built.append(build_all(home, stored, keys)))
        seconds = time.monotonic() - started
        more = {"unit": "s", "against": "wall time, idle cores", "processor_s": round(spent, 2)}
        good = figure("extract_build_s", seconds, BUILD_SECONDS_MAX, runs=1, **more)
        with opened(built[0], keys) as governed:
            ratios = compare(governed, raw)
        against = f"DuckDB on the delivered TPC-H SF{scale} tables, attached file, processor time"
        common = {"against": against, "runs": RUNS, "ran": f"{len(ratios)} of {QUERIES}"}
        whole = len(ratios) == QUERIES
        geomean = math.exp(statistics.mean(math.log(ratio) for ratio in ratios))
        for name, value, limit in (
            ("tpch_governed_geomean", geomean, GEOMEAN_MAX),
            ("tpch_governed_worst", max(ratios), WORST_MAX),
        ):
            good = figure(name, value, limit, whole=whole, **common) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
