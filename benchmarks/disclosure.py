"""A private answer against a raw GROUP BY on the same delivered rows, in processor time.

``dp_<road>_vs_raw_<groups>``: running in the confined worker and shaping in the service (user and
system) over DuckDB's own COUNT and SUM by VARCHAR keys and DECIMAL value, in memory, two threads,
warm; interleaved, the median of nine pairs. ``end_to_end`` adds all other steps.
``onboarding_10m_s`` and ``onboarding_peak_gib``: the confined builder, wall time and its own peak.
"""

import argparse
import json
import secrets
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.documents import PrivacyBudget
from benchmarks.processor_time import cost_of, descendants, processor_seconds
from catalog.builder import ConfinedBuilder
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    GroupSet,
)
from catalog.store import NeighbourRelation
from catalog.versions import VersionFolder, version_directory
from disclosure.answers import NewAnswer, RepeatKey, store_answer
from disclosure.budgets.charging import PopulationCharge, charge_levels
from disclosure.budgets.tree import Amount, licence_place, population_place
from disclosure.engine.supervisor import AnswerCaps, EngineLimits, EnginePool, WorkerKey
from disclosure.gate.question import QueryGate
from disclosure.plan.binding import bind
from disclosure.plan.model import Asked, AskedDataset, Road
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.reading import read_question
from disclosure.plan.relations import relations
from disclosure.plan.rendering import rendered, tables_in_order
from disclosure.plan.shaping import shape
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.gate import GateRules
from policies.schema.privacy import PrivacyRules

ROWS = 10_000_000
PERSONS = 1_000_000
RUNS = 9
GIBIBYTE = 1 << 30
BUILDER_BYTES_MAX = 4 * GIBIBYTE
WORKER_BYTES_MAX = 4 * GIBIBYTE
ONBOARDING_SECONDS_MAX = 60.0
ONBOARDING_GIB_MAX = 4.0
SKEW = 1.5  # persons have 10 rows on average, about 31 at the 99th percentile, 1,000 at most
REGIONS = tuple(f"region-{i:02d}" for i in range(50))
PRODUCTS = tuple(f"product-{i:02d}" for i in range(20))
AMOUNT_UPPER = 20_000
CAPS = AnswerCaps(rows_max=100_000, bytes_max=64 << 20, deadline_seconds=600.0)
BUDGET = PrivacyBudget(population="buyers", budget_nano_rho=10**9, question_nano_rho_max=10**9)
QUESTIONS = {
    50: ("region",),
    1000: ("region", "product"),
}
PACK = load_policies()
RULES = PACK.rules(PrivacyRules)
LIMITS = {
    (Road.DECLARED, 50): ("dp_declared_vs_raw_50", 0.5),
    (Road.DECLARED, 1000): ("dp_declared_vs_raw_1000", 0.5),
    (Road.RANKED, 1000): ("dp_ranks_vs_raw_1000", 3.0),
    (Road.UNRANKED, 1000): ("dp_unranked_vs_raw_1000", 50.0),
}
ROAD_NAMES = {Road.DECLARED: "declared", Road.RANKED: "ranked", Road.UNRANKED: "unranked"}


def column(name: str, kind: ColumnType, **more: object) -> Column:
    """Declare one column of the benchmark's data set."""
    fixed: dict[str, object] = {"name": name, "type": kind, "grade": Grade.L3}
    labels = {"label_zh": name, "label_en": name, "exposure": Exposure.AGGREGATE}
    return Column.model_validate({**fixed, **labels, **more})


def declaration() -> DatasetDeclaration:
    """Declare sales of persons by region and product, four groups and four rows a person."""
    return DatasetDeclaration(
        name="sales",
        entry="benchmark",
        label_zh="销售",
        label_en="Sales",
        subject="person",
        population="buyers",
        unit_columns=("person",),
        rows_per_unit_max=16,
        columns=(
            column("person", ColumnType.INTEGER, exposure=Exposure.UNIT),
            column("region", ColumnType.TEXT, public_values=REGIONS),
            column("product", ColumnType.TEXT, public_values=PRODUCTS),
            column("amount", ColumnType.DECIMAL, scale=2, lower=0, upper=AMOUNT_UPPER),
        ),
        group_sets=tuple(
            GroupSet(
                name=f"by_{groups}",
                keys=keys,
                groups_per_unit_max=4,
                rows_per_group_max=4,
                measures=("amount",),
            )
            for groups, keys in QUESTIONS.items()
        ),
    )


def question(keys: tuple[str, ...]) -> str:
    """Write the question: COUNT and SUM by public keys."""
    listed = ", ".join(keys)
    return f"SELECT {listed}, COUNT(*) AS n, SUM(amount) AS total FROM sales GROUP BY {listed}"


def deliver(rows: int) -> duckdb.DuckDBPyConnection:
    """Make the delivered rows: text keys, a decimal value, skewed persons; always the same."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        f"""
        CREATE TABLE sales AS SELECT
            CAST(floor({PERSONS * rows // ROWS} * pow((hash(i) % 1000003) / 1000003.0, {SKEW}))
                AS BIGINT) AS person,
            format('region-{{:02d}}', hash(i + 1) % 50) AS region,
            format('product-{{:02d}}', hash(i + 2) % 20) AS product,
            CAST((hash(i + 3) % 30000) / 100.0 AS DECIMAL(10, 2)) AS amount
        FROM range({rows}) t(i)
        """
    )
    return connection


@dataclass(frozen=True)
class Onboarded:
    """A version that the confined builder made, and what making it took."""

    home: Path
    version: str
    seconds: float
    peak_gib: float
    processor_seconds: float

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return version_directory(self.home, self.version)


def onboard(delivered: duckdb.DuckDBPyConnection, home: Path) -> Onboarded:
    """Build a version of the delivered rows as a provider's Parquet file, in the confined child."""
    source = home / "sales.parquet"
    delivered.execute(f"COPY sales TO '{source}' (FORMAT parquet)")
    folder = VersionFolder(home)
    rows_max = ROWS * 10
    builder = ConfinedBuilder(Path(sys.prefix), BUILDER_BYTES_MAX, rows_max)
    with watched_peak() as peak:
        started, before = time.monotonic(), processor_seconds()
        builder.build(declaration(), source, "parquet", folder, secrets.token_bytes(32))
        seconds = time.monotonic() - started
        used = max(peak.processor_seconds - before, 0.0)
    folder.seal({"dataset": "benchmark"})
    folder.reveal()
    return Onboarded(home, folder.version_id, seconds, peak.bytes / GIBIBYTE, used)


@dataclass
class Peak:
    """The greatest resident size that any one process below this one had; and the time used."""

    bytes: int = 0
    processor_seconds: float = 0.0


@contextmanager
def watched_peak() -> Iterator[Peak]:
    """Watch what the processes below this one hold, every tenth of a second."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            peak.bytes = max([peak.bytes, *map(_resident_peak, descendants())])
            peak.processor_seconds = max(peak.processor_seconds, processor_seconds())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _resident_peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    kibibytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kibibytes[0]) * 1024 if kibibytes else 0


@dataclass
class Side:
    """Our side of the comparison: a warm confined worker, the gate, the log and the budget."""

    pool: EnginePool
    gate: QueryGate
    writer: GroupCommitWriter
    groups: int
    road: Road
    onboarded: Onboarded

    @property
    def key(self) -> WorkerKey:
        """The worker that holds what this road reads."""
        return WorkerKey("lic_benchmark", f"{self.road.value}-{self.groups}", "aggregate")

    def priced(self) -> PricedPlan:
        """Parse in the confined parser, plan for this road and price."""
        checked = self.gate.check(question(QUESTIONS[self.groups]), {"sales"})
        granted = frozenset({"region", "product", "amount"})
        dataset = AskedDataset(declaration(), granted, NeighbourRelation.DP_ONLY)
        asked = Asked({"sales": dataset})
        plan = bind(read_question(checked.tree, asked), asked, RULES, self.road)
        return price(
            plan,
            RULES,
            question_nano_rho=5_000_000,
            question_nano_rho_max=5_000_000,
            grade="L3",
        )

    def answer(self, priced: PricedPlan) -> pa.Table:
        """Run in the worker and shape in the service."""
        tables = {
            item.name: self._opener(item.file or "", item.columns)
            for item in relations(priced.plan)
        }
        statements = rendered(priced.plan)
        results = [
            self.pool.query(self.key, tables, item.sql, CAPS, person="benchmark")
            for item in statements
        ]
        return shape(priced, tables_in_order(statements, results, priced.plan)).table

    def _opener(self, file: str, columns: tuple[str, ...]) -> Callable[[], pa.RecordBatchReader]:
        def opened_file() -> pa.RecordBatchReader:
            parquet = pq.ParquetFile(self.onboarded.directory / file)
            batches = parquet.iter_batches(columns=list(columns))
            schema = pa.schema([parquet.schema_arrow.field(name) for name in columns])
            return pa.RecordBatchReader.from_batches(
                schema, (batch.replace_schema_metadata(None).select(columns) for batch in batches)
            )

        return opened_file

    def whole(self) -> None:
        """Answer from text to stored answer."""
        priced = self.priced()
        self._charge(priced)
        self._store(priced, self.answer(priced))

    def _charge(self, priced: PricedPlan) -> None:
        asked = PopulationCharge("buyers", ("sales",), Amount(priced.cost_nano_rho))
        root = population_place("buyers", RULES)
        path = [root, licence_place(root, "lic_benchmark", BUDGET)]

        def apply(connection: Connection, entry: PendingEntry) -> None:
            charge_levels(
                connection,
                entry,
                licence="lic_benchmark",
                asked=asked,
                plan_digest=priced.digest,
                path=path,
                rules=RULES,
            )

        self.writer.submit(AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR), apply)

    def _store(self, priced: PricedPlan, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        given = NewAnswer(
            key=RepeatKey("lic_benchmark", "v1", priced.digest, PACK.digest, "none"),
            mode="aggregate",
            organisation="org",
            person="person",
            session="session",
            datasets=("sales",),
            content=sink.getvalue().to_pybytes(),
            row_count=table.num_rows,
            summary={},
            cost_nano_rho=priced.cost_nano_rho,
        )

        def apply(connection: Connection, entry: PendingEntry) -> None:
            index = entry.index
            store_answer(
                connection, given, decided_index=index, answered_index=index, now_us=entry.time_us
            )

        self.writer.submit(AuditEvent(EntryKind.ANSWER_RELEASED, SYSTEM_ACTOR), apply)


@contextmanager
def opened(onboarded: Onboarded, asked: list[tuple[Road, int]]) -> Iterator[list[Side]]:
    """Open a control store, its writer and the worker pool."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        limits = EngineLimits(
            worker_memory_bytes_max=WORKER_BYTES_MAX, pool_memory_bytes_max=32 * GIBIBYTE
        )
        pool = EnginePool(Path(sys.prefix), limits, SystemClock())
        keys = FileKeyStore(home / "keys")
        clock = SystemClock()
        try:
            with GroupCommitWriter(engine, keys, clock, "example.org/log", home / "head") as log:
                gate = QueryGate(pool.parse, PACK.rules(GateRules))
                yield [Side(pool, gate, log, groups, road, onboarded) for road, groups in asked]
        finally:
            pool.close()
            engine.dispose()


@contextmanager
def roads_opened(
    delivered: duckdb.DuckDBPyConnection,
) -> Iterator[Mapping[str, Callable[[], object]]]:
    """Give, for the question by region, one warm answering function for each road."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asked = [(road, min(QUESTIONS)) for road in ROAD_NAMES]
        sides = stack.enter_context(opened(onboard(delivered, home), asked))
        answering = {}
        for side in sides:
            priced = side.priced()
            side.answer(priced)
            answering[ROAD_NAMES[side.road]] = lambda s=side, p=priced: s.answer(p)
        yield answering


def compare(side: Side, delivered: duckdb.DuckDBPyConnection) -> dict[str, object]:
    """Measure pairs in turn; return the figure's line."""
    raw_sql = question(QUESTIONS[side.groups])
    name, limit = LIMITS[side.road, side.groups]

    def raw() -> object:
        return delivered.sql(raw_sql).to_arrow_table()

    priced = side.priced()
    for act in (raw, side.whole):
        act()
    ratios, wholes = [], []
    for _ in range(RUNS):
        base = cost_of(raw)
        ratios.append(cost_of(lambda: side.answer(priced)) / base)
        wholes.append(cost_of(side.whole) / base)
    ratio = statistics.median(ratios)
    return {
        "figure": name,
        "value": round(ratio, 3),
        "unit": "ratio",
        "limit": f"<={limit}",
        "ok": ratio <= limit,
        "against": "DuckDB GROUP BY with COUNT and SUM on the delivered rows, processor time",
        "runs": RUNS,
        "end_to_end": round(statistics.median(wholes), 3),
    }


def onboarding(made: Onboarded) -> Iterator[dict[str, object]]:
    """Give the figures of one onboarding."""
    figures = (
        ("onboarding_10m_s", made.seconds, "s", ONBOARDING_SECONDS_MAX),
        ("onboarding_peak_gib", made.peak_gib, "GiB", ONBOARDING_GIB_MAX),
    )
    for name, value, unit, limit in figures:
        yield {
            "figure": name,
            "value": round(value, 2),
            "unit": unit,
            "limit": f"<={limit}",
            "ok": value <= limit,
            "against": "a Parquet file of 10 M rows and 1 M persons, two group sets, confined",
            "runs": 1,
            "processor_seconds": round(made.processor_seconds, 1),
        }


def main() -> int:
    """Print one JSON line for each figure; return 1 where one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="delivered rows (default 10 M)")
    delivered = deliver(parser.parse_args().rows)
    good = True
    with tempfile.TemporaryDirectory() as directory:
        made = onboard(delivered, Path(directory))
        lines = list(onboarding(made))
        with opened(made, list(LIMITS)) as sides:
            for line in chain(lines, (compare(side, delivered) for side in sides)):
                print(json.dumps(line), flush=True)
                good = good and bool(line["ok"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
