"""A private answer against a raw GROUP BY on the same delivered rows, in processor time.

``dp_<road>_vs_raw_<groups>``: running in the confined worker and shaping in the service (user and
system) over DuckDB's own COUNT and SUM by VARCHAR keys and DECIMAL value, in memory, two threads,
warm; interleaved, the median of nine pairs. ``end_to_end`` adds all other steps.
``onboarding_10m_s`` and ``onboarding_peak_gib``: the confined builder, wall time and its own peak.
"""

import argparse
import json
import statistics
import sys
import tempfile
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
from benchmarks.processor_time import cost_of
from benchmarks.sales import (
    GIBIBYTE,
    QUESTIONS,
    ROWS,
    Onboarded,
    declaration,
    deliver,
    onboard,
    question,
)
from catalog.store import NeighbourRelation
from disclosure.answers import NewAnswer, RepeatKey, store_answer
from disclosure.budgets.charging import PopulationCharge, charge_levels
from disclosure.budgets.tree import Amount, licence_place, population_place
from disclosure.engine.limits import EngineLimits
from disclosure.engine.supervisor import AnswerCaps, EnginePool, WorkerKey
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

RUNS = 9
WORKER_BYTES_MAX = 4 * GIBIBYTE
ONBOARDING_SECONDS_MAX = 60.0
ONBOARDING_GIB_MAX = 4.0
CAPS = AnswerCaps(rows_max=100_000, bytes_max=64 << 20, deadline_seconds=600.0)
BUDGET = PrivacyBudget(population="buyers", budget_nano_rho=10**9, question_nano_rho_max=10**9)
PACK = load_policies()
RULES = PACK.rules(PrivacyRules)
LIMITS = {
    (Road.DECLARED, 50): ("dp_declared_vs_raw_50", 0.5),
    (Road.DECLARED, 1000): ("dp_declared_vs_raw_1000", 0.5),
    (Road.RANKED, 1000): ("dp_ranks_vs_raw_1000", 3.0),
    (Road.UNRANKED, 1000): ("dp_unranked_vs_raw_1000", 50.0),
}
ROAD_NAMES = {Road.DECLARED: "declared", Road.RANKED: "ranked", Road.UNRANKED: "unranked"}


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
