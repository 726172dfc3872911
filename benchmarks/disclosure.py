"""A private answer against a raw GROUP BY on the same delivered rows, in processor time.

``dp_declared_vs_raw_50`` and ``…_1000``: running in the confined worker and shaping in the service
(user and system) over DuckDB's own COUNT and SUM by VARCHAR keys and DECIMAL value, in memory, two
threads, warm; interleaved, the median of nine pairs. ``end_to_end`` adds all other steps.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import Connection

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.documents import PrivacyBudget
from catalog.columnar import BoundedSet, Measure, bound_rows, rank_rows
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    GroupSet,
)
from catalog.store import NeighbourRelation
from disclosure.answers import NewAnswer, RepeatKey, store_answer
from disclosure.budgets.charging import PopulationCharge, charge_levels
from disclosure.budgets.tree import Amount, licence_place, population_place
from disclosure.engine.supervisor import AnswerCaps, EngineLimits, EnginePool, WorkerKey
from disclosure.gate.question import QueryGate
from disclosure.plan.binding import plan_question
from disclosure.plan.model import AskedDataset
from disclosure.plan.pricing import PricedPlan, price
from disclosure.plan.rendering import bounded_sql
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
RATIO_MAX = 1.0
SKEW = 1.5  # persons have 10 rows on average, about 31 at the 99th percentile, 1,000 at most
REGIONS = tuple(f"region-{i:02d}" for i in range(50))
PRODUCTS = tuple(f"product-{i:02d}" for i in range(20))
AMOUNT_UPPER = 20_000
CAPS = AnswerCaps(rows_max=100_000, bytes_max=64 << 20, deadline_seconds=60.0)
BUDGET = PrivacyBudget(population="buyers", budget_nano_rho=10**9, question_nano_rho_max=10**9)
QUESTIONS = {
    50: ("region",),
    1000: ("region", "product"),
}
PACK = load_policies()
RULES = PACK.rules(PrivacyRules)


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


def onboard(delivered: duckdb.DuckDBPyConnection) -> dict[int, pa.Table]:
    """Bound the rows of both group sets with the builder's own code."""
    delivered.execute(
        "CREATE TABLE coded AS SELECT person, region, product, "
        "CAST(amount * 100 AS BIGINT) AS amount, rowid AS _position FROM sales"
    )
    secret = b"benchmark secret, always the same"
    rank_rows(delivered, source="coded", target="ranked", unit_columns=("person",), secret=secret)
    delivered.execute("DROP TABLE coded")
    found: dict[int, pa.Table] = {}
    for groups, keys in QUESTIONS.items():
        bounded = BoundedSet(
            name=f"by_{groups}",
            keys={name: {"region": REGIONS, "product": PRODUCTS}[name] for name in keys},
            groups_per_unit_max=4,
            rows_per_group_max=4,
            measures=[Measure("amount", 0, AMOUNT_UPPER)],
        )
        bound_rows(delivered, source="ranked", target="kept", bounded=bounded, secret=secret)
        found[groups] = delivered.sql("SELECT * FROM kept").to_arrow_table()
        delivered.execute("DROP TABLE kept")
    delivered.execute("DROP TABLE ranked")
    return found


def processor_seconds() -> float:
    """Return the processor time of this process and of all that it started."""
    return time.process_time() + sum(map(_clock_of, _descendants()))


def _clock_of(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    except OSError:
        return 0.0


def _descendants() -> list[int]:
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    own = int(Path("/proc/self").resolve().name)
    found = list(parents.get(own, []))
    for pid in found:
        found.extend(parents.get(pid, []))
    return found


def cost_of(act: Callable[[], object]) -> float:
    """Return the processor seconds that an act takes, everywhere."""
    before = processor_seconds()
    act()
    return processor_seconds() - before


@dataclass
class Side:
    """Our side of the comparison: a warm confined worker, the gate, the log and the budget."""

    pool: EnginePool
    gate: QueryGate
    writer: GroupCommitWriter
    groups: int
    bounded: pa.Table

    @property
    def key(self) -> WorkerKey:
        """The worker that holds this group set."""
        return WorkerKey("lic_benchmark", f"v{self.groups}", "aggregate")

    def priced(self) -> PricedPlan:
        """Parse in the confined parser, plan and price."""
        checked = self.gate.check(question(QUESTIONS[self.groups]), {"sales"})
        granted = frozenset({"region", "product", "amount"})
        asked = AskedDataset(declaration(), granted, NeighbourRelation.DP_ONLY)
        plan = plan_question(checked.tree, asked, RULES)
        return price(plan, RULES, question_nano_rho=5_000_000, question_nano_rho_max=5_000_000)

    def answer(self, priced: PricedPlan) -> pa.Table:
        """Run in the worker and shape in the service."""
        tables = {"bounded": self.bounded.to_reader}
        sql = bounded_sql(priced.plan, "bounded")
        exact = self.pool.query(self.key, tables, sql, CAPS, person="benchmark")
        return shape(priced, exact).table

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
def opened(bounded: dict[int, pa.Table]) -> Iterator[list[Side]]:
    """Open a control store, its writer and the worker pool."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        pool = EnginePool(Path(sys.prefix), EngineLimits(), SystemClock())
        keys = FileKeyStore(home / "keys")
        clock = SystemClock()
        try:
            with GroupCommitWriter(engine, keys, clock, "example.org/log", home / "head") as log:
                gate = QueryGate(pool.parse, PACK.rules(GateRules))
                yield [Side(pool, gate, log, groups, rows) for groups, rows in bounded.items()]
        finally:
            pool.close()
            engine.dispose()


def compare(side: Side, delivered: duckdb.DuckDBPyConnection) -> dict[str, object]:
    """Measure pairs in turn; return the figure's line."""
    raw_sql = question(QUESTIONS[side.groups])

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
        "figure": f"dp_declared_vs_raw_{side.groups}",
        "value": round(ratio, 3),
        "unit": "ratio",
        "limit": f"<={RATIO_MAX}",
        "ok": ratio <= RATIO_MAX,
        "against": "DuckDB GROUP BY with COUNT and SUM on the delivered rows, processor time",
        "runs": RUNS,
        "end_to_end": round(statistics.median(wholes), 3),
    }


def main() -> int:
    """Print one JSON line for each figure; return 1 where one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="delivered rows (default 10 M)")
    delivered = deliver(parser.parse_args().rows)
    good = True
    with opened(onboard(delivered)) as sides:
        for side in sides:
            line = compare(side, delivered)
            print(json.dumps(line), flush=True)
            good = good and bool(line["ok"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
