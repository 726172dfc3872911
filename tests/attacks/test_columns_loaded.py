"""An answer about rows is the same whatever columns a worker holds beyond those it must.

Each text runs over the whole table, and over every smaller one that holds what it is said to need:
a text that reads by place would else read another column, unseen by decision and history.
"""

from collections.abc import Iterator
from itertools import combinations

import duckdb
import pytest

from disclosure.gate.scope import TableGrant, classify
from disclosure.pipeline.columns import columns_needed
from tests.engines import gate_here

GATE = gate_here()
EXTRACTS = {"people": ("person", "state", "age", "income"), "towns": ("state", "mayor")}
ROWS = {
    "people": "(VALUES ('p1', 's1', 41, 100), ('p2', 's2', 52, 200), ('p3', 's1', 63, 300))",
    "towns": "(VALUES ('s1', 'm1'), ('s2', 'm2'))",
}
TEXTS = (
    "SELECT b FROM people AS q(a, b)",
    "SELECT a FROM people q(a)",
    "SELECT max(c) FROM people AS q(a, b, c) WHERE b = 's1'",
    "SELECT q.b, mayor FROM people AS q(a, b) JOIN towns t ON t.state = q.b",
    "WITH w AS (SELECT b FROM people AS q(a, b)) SELECT b FROM w",
    "SELECT (SELECT max(b) FROM towns AS q(a, b)) AS m FROM people",
    "SELECT age FROM people AS q(a, b) WHERE income > 100",
    "SELECT age, mayor FROM people NATURAL JOIN towns",
    "SELECT age, mayor FROM people JOIN towns USING (state)",
    "SELECT * FROM people",
    "SELECT * EXCLUDE (age) FROM people",
    "SELECT x FROM (SELECT * FROM people) AS q(w, x)",
    "SELECT x FROM (FROM people) AS q(w, x)",
    "SELECT age, count(*) FROM people GROUP BY ALL ORDER BY ALL",
    "SELECT age, income FROM people ORDER BY 2",
    "SELECT state FROM people UNION SELECT state FROM towns",
    "FROM towns UNION BY NAME SELECT state FROM people",
    "SELECT count(*) FROM people",
    "SELECT age FROM people QUALIFY row_number() OVER (ORDER BY income) = 1",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def answer(engine: duckdb.DuckDBPyConnection, sql: str, held: dict[str, tuple[str, ...]]) -> object:
    for name, columns in held.items():
        every, listed = ", ".join(EXTRACTS[name]), ", ".join(columns)
        rows = f"SELECT {listed} FROM {ROWS[name]} AS v({every})"
        engine.execute(f"CREATE OR REPLACE TABLE {name} AS {rows}")
    found = engine.execute(sql)
    headings = [item[0] for item in found.description or ()]
    return headings, sorted(found.fetchall(), key=repr)


@pytest.mark.parametrize("sql", TEXTS)
def test_what_else_a_worker_holds_changes_no_answer(
    engine: duckdb.DuckDBPyConnection, sql: str
) -> None:
    checked = GATE.check(sql, set(EXTRACTS))
    grants = {name: TableGrant(extract=columns) for name, columns in EXTRACTS.items()}
    needed = columns_needed(checked, classify(checked, grants), EXTRACTS)
    expected = answer(engine, sql, EXTRACTS)
    for name, columns in EXTRACTS.items():
        other = [item for item in columns if (name, item) not in needed]
        for size in range(len(other) + 1):
            for more in combinations(other, size):
                kept = {item for table, item in needed if table == name} | set(more)
                held = tuple(item for item in columns if item in kept) or columns[:1]
                assert answer(engine, sql, {**EXTRACTS, name: held}) == expected, held
