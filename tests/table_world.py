"""A small world for tables over granted rows: one data set about persons, its extract's plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from authorization.documents import Grant
from catalog.datasets import DatasetDeclaration, Grade
from disclosure.extracts.plan import plan_extract
from disclosure.release.tables.counting import Counted, count_cells
from disclosure.release.tables.kept import KeptTable, kept_table, read, written
from disclosure.release.tables.nearness import Earlier, Published, published
from disclosure.release.tables.plan import TablePlan, TableRequest
from disclosure.release.tables.protecting import Protection, protect_table
from disclosure.release.tables.reading import GrantedRows, read_table
from disclosure.release.tables.rendering import PERSON, TABLE
from disclosure.release.tables.sketches import Sketch
from policies.load import load_policies
from policies.schema.checks import CheckRules
from policies.schema.masks import MaskRules
from policies.schema.tables import TableRules
from tests.city_documents import column
from tests.engines import gate_here

PACK = load_policies()
RULES = PACK.rules(TableRules)
CHECKS = PACK.rules(CheckRules)
VISITS = DatasetDeclaration.model_validate(
    {
        "name": "visits",
        "entry": "306001/9",
        "label_zh": "就诊",
        "label_en": "Visits",
        "subject": "person",
        "population": "residents",
        "unit_columns": ["pid"],
        "columns": [
            column("pid", "integer", "L2", "unit", identifier="direct"),
            column("region", "text", "L1", "rows", identifier="quasi"),
            column("age", "integer", "L2", "rows", identifier="quasi", lower=0, upper=120),
            column("day", "date", "L2", "rows"),
            column("cost", "decimal", "L2", "rows", scale=2, nullable=True),
            column("illness", "text", "L3", "aggregate", identifier="sensitive"),
        ],
    }
)
GRANT = Grant.model_validate(
    {
        "dataset": "visits",
        "modes": ["rows"],
        "columns": ["region", "age", "day", "cost"],
        "basis": "a fictional approval",
    }
)
GRANTED = {"visits": GrantedRows(VISITS, plan_extract(VISITS, GRANT, PACK.rules(MaskRules)))}


def plan_of(sql: str, **more: Any) -> TablePlan:
    """Read a table's plan from its SQL."""
    return read_table(gate_here(), TableRequest(sql=sql, **more), GRANTED, RULES)


def asking(rows: Sequence[Mapping[str, Any]]) -> Callable[[str], pa.Table]:
    """Return what answers our own SQL over rows of ``person``, region, age, day, cost."""
    names = {"region": pa.string(), "age": pa.int64(), "day": pa.date32(), "cost": pa.int64()}
    columns = {f"c_{n}": pa.array([r.get(n) for r in rows], kind) for n, kind in names.items()}
    people = pa.array([_number(row["person"]) for row in rows], pa.int64())
    table = pa.table({**columns, PERSON: people})
    connection = duckdb.connect()
    connection.register(TABLE, table)
    return lambda sql: connection.sql(sql).to_arrow_table()


def counted_of(sql: str, rows: Sequence[Mapping[str, Any]], **more: Any) -> Counted:
    """Count a table over rows, by the very SQL that a worker runs."""
    return count_cells(plan_of(sql, **more), asking(rows), RULES)


def _number(person: int) -> int:
    """Spread people over 63 bits, the same in every run, as their keyed hashes do."""
    return (person * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % (1 << 64) >> 1


@dataclass
class Released:
    """A register in memory: tables are released one after the other, as the desk records them."""

    tables: list[list[Published]] = field(default_factory=list)
    rules: TableRules = RULES
    kept: list[KeptTable] = field(default_factory=list)
    jointly: bool = True
    grade: Grade = Grade.L2

    def release(
        self, sql: str, rows: Sequence[Mapping[str, Any]], **more: Any
    ) -> tuple[Counted, Protection]:
        """Protect a table against all earlier ones, and record what it shows. Raises Refused.

        Without ``jointly`` it is attacked alone, as nothing that promises anything ever is.
        """
        counted = counted_of(sql, rows, **more)
        kept = self.kept if self.jointly else ()
        protection = protect_table(
            counted, self._earlier(), self.rules, CHECKS, self.grade, kept=kept
        )
        version = str(len({row["person"] for row in rows}))
        new = kept_table(
            counted, f"t{len(self.kept)}", version, base=1, totals=protection.totals
        ).with_hidden(counted, protection.hidden, protection.summed)
        self.kept.insert(0, read(written(new)))
        self.tables.insert(0, published(counted, protection.hidden, totals=protection.totals))
        return counted, protection

    def _earlier(self) -> Earlier:
        def near(comparable: str, sizes: tuple[int, int]) -> list[Sketch]:
            found = (item for table in self.tables for item in table)
            return [
                item.sketch
                for item in found
                if item.comparable == comparable
                and sizes[0] <= item.sketch.contributors <= sizes[1]
            ]

        def tables(comparable: str) -> list[list[Sketch]]:
            return [
                [item.sketch for item in table if item.comparable == comparable]
                for table in self.tables
            ]

        return Earlier(near, tables)
