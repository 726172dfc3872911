"""I14: with one person more or fewer, all that may be seen before an answer is equal to the byte.

The databases differ in one person; plans, prices, estimates, refusals, generated SQL, the shape
of answers and the fields of log entries must not. Only the noisy figures themselves may differ.
"""

import json
from collections.abc import Sequence

import pyarrow as pa
import pytest

from disclosure.checks.contributors import evidence_of
from disclosure.outcome import Refused
from disclosure.plan.estimates import estimate
from disclosure.plan.question import KeyOutput
from disclosure.plan.rendering import rendered
from disclosure.plan.shaping import shape
from foundation.canonical import canonical_bytes
from tests.planning import RULES, Row, bounded, declared, exact, plan, priced

BASE: list[Row] = [(person, "CA", 1, 100) for person in range(2, 40)]
PERSON: list[Row] = [(1, "NY", 2, 200), (1, "NY", 2, -300), (1, "TX", 1, None)]
QUESTIONS = (
    "SELECT state, sex, COUNT(*), COUNT(DISTINCT unit), SUM(pay) FROM survey GROUP BY ALL",
    "SELECT state, AVG(pay) FROM survey GROUP BY state",
    "SELECT state, COUNT(*) FROM survey GROUP BY state ORDER BY state",
    "SELECT COUNT(*) FROM survey WHERE state = 'NY'",
    "SELECT sex, SUM(pay) FROM survey WHERE state IN ('NY', 'TX') GROUP BY sex",
    "SELECT COUNT(*) FROM survey WHERE pay > 19.9",
    "SELECT floor(pay / 5) * 5 AS bin, COUNT(*) FROM survey GROUP BY bin",
    "SELECT IF(pay > 19, 'top', 'rest') AS k, SUM(pay) + COUNT(*) AS r FROM survey GROUP BY k",
)
REFUSALS = (
    "SELECT COUNT(*) FROM survey WHERE person = 1",
    "SELECT COUNT(*) FROM survey WHERE pay > (SELECT 199)",
    "SELECT MAX(pay) FROM survey",
    "SELECT COUNT(*) FROM survey WHERE state = 'NV'",
)


def observed(rows: Sequence[Row], sql: str) -> bytes:
    """Everything about one question that is seen around its figures, as one byte string."""
    store = bounded(rows, declared())
    try:
        found = priced(sql)
    except Refused as refused:
        seen = (refused.code, refused.message.zh, refused.message.en, refused.field)
        return repr((seen, refused.way_out, refused.allowed_sql)).encode()
    answer = shape(found, exact(store, found.plan))
    outputs = found.plan.question.outputs
    shown = [item.name for item in outputs if isinstance(item, KeyOutput)]
    public = {
        "plan": found.plan.as_canonical(),
        "digest": found.digest,
        "cost_nano_rho": found.cost_nano_rho,
        "sql": [statement.sql for statement in rendered(found.plan)],
        "estimate": json.dumps(estimate(found, RULES)),
        "schema": str(answer.table.schema),
        "rows": answer.table.num_rows,
        "keys": repr(answer.table.select(shown).to_pylist()),
        "bytes": None if "AVG" in sql else arrow_bytes(answer.table),  # NULLs follow the noise
        "evidence": repr(evidence_of(found)),
    }
    return canonical_bytes(public)


def arrow_bytes(table: pa.Table) -> int:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return int(sink.getvalue().size)


@pytest.mark.parametrize("sql", [*QUESTIONS, *REFUSALS])
def test_neighbours_look_the_same(sql: str) -> None:
    without, with_person = observed(BASE, sql), observed([*BASE, *PERSON], sql)
    assert without == with_person
    assert observed([], sql) == without  # nobody at all


def test_the_exact_integers_do_differ() -> None:
    """The control: the two databases are really apart before the noise."""
    asked_plan = plan(QUESTIONS[0])
    tables = [exact(bounded(rows, declared()), asked_plan) for rows in (BASE, [*BASE, *PERSON])]
    assert tables[0][0].num_rows != tables[1][0].num_rows
