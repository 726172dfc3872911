"""What is read means what the engine would have made of it, on real rows in a real engine.

Texts are made word by word, not from questions, so that normal forms, rounding of literals and
public domains stand against DuckDB's own reading of the same words.
"""

from datetime import date, timedelta
from functools import cache
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.outcome import Refused
from disclosure.plan.binding import bind
from disclosure.plan.domains import key_value
from disclosure.plan.expressions import Binned, Field, KeyExpression, Plain, fields_of
from disclosure.plan.question import Question
from disclosure.plan.writing import Writer, write_question
from tests.planning import RULES, WIDE, question, tree

FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
COLUMNS = ("state", "sex", "pay", "zone", "age", "score", "rate", "day", "seen", "member")


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """Hold rows of every declared and missing value, within the declared bounds."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE survey (unit INTEGER, state VARCHAR, sex INTEGER, pay DECIMAL(9, 1), "
        "zone VARCHAR, age INTEGER, score INTEGER, rate DECIMAL(9, 2), day DATE, seen DATE, "
        "member BOOLEAN)"
    )
    chance = Random(7)
    days = [date(2024, 1, 15) + timedelta(days=n) for n in range(421)]
    rows = [
        (
            chance.randint(1, 40),
            chance.choice(["CA", "NY", "TX"]),
            chance.choice([1, 2]),
            chance.choice([None, chance.randint(-50, 200) / 10]),
            chance.choice(["a", "b'c", "", "东", "z9"]),
            chance.choice([0, 1, 2, 3, 9, 10, 119, chance.randint(0, 119)]),
            chance.choice([None, chance.randint(-5, 12)]),
            chance.choice([1.0, 1.01, 1.99, 2.0, chance.randint(-500, 500) / 100]),
            chance.choice([None, days[0], days[-1], chance.choice(days)]),
            chance.choice(days),
            chance.random() < 0.5,
        )
        for _ in range(300)
    ]
    connection.executemany(f"INSERT INTO survey VALUES ({', '.join('?' * 11)})", rows)
    return connection


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    return engine().execute(sql).fetchall()


numbers = st.sampled_from(["-1", "0", "1", "2", "2.5", "3", "9.99", "10", "1e1", "119", "2.005"])
days = st.dates(date(2024, 1, 10), date(2025, 3, 15)).map(lambda day: f"DATE '{day}'")
texts = st.sampled_from(["'a'", "'b''c'", "''", "'东'", "'m'"])
LITERALS = {
    **dict.fromkeys(("pay", "age", "score", "rate"), numbers),
    **dict.fromkeys(("day", "seen"), days),
    "zone": texts,
    "state": st.sampled_from(["'CA'", "'NY'", "'TX'"]),
    "sex": st.sampled_from(["1", "2"]),
}
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">=", "!=", "=="])


@st.composite
def leaves(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(COLUMNS))
    if name == "member":
        ways = ["member", "NOT member", "member = TRUE", "member <> TRUE", "member IS FALSE"]
        return draw(st.sampled_from(ways))
    literal = LITERALS[name]
    found = draw(st.lists(literal, min_size=1, max_size=3))
    ways = [
        f"{name} {draw(OPERATORS)} {found[0]}",
        f"{found[0]} {draw(OPERATORS)} {name}",
        f"{name} IN ({', '.join(found)})",
        f"{name} NOT IN ({', '.join(found)})",
        f"{name} BETWEEN {found[0]} AND {found[-1]}",
        f"{name} NOT BETWEEN {found[0]} AND {found[-1]}",
        f"{name} IS NULL",
        f"{name} IS NOT NULL",
        f"{name} IS DISTINCT FROM {found[0]}",
        f"{name} IS NOT DISTINCT FROM {found[0]}",
    ]
    return draw(st.sampled_from(ways))


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" AND ".join).map("({})".format),
        st.tuples(inner, inner).map(" OR ".join).map("({})".format),
        inner.map("NOT ({})".format),
    ),
    max_leaves=8,
)


@FEW
@given(conditions)
def test_a_condition_keeps_the_rows_that_the_engine_keeps(condition: str) -> None:
    sql = f"SELECT COUNT(*) AS n FROM survey WHERE {condition}"
    asked = question(sql, WIDE)
    tree.cache_clear()
    expected = rows_of(sql)
    assert rows_of(write_question(asked, WIDE)) == expected, write_question(asked, WIDE)
    simplified = bind(asked, WIDE, RULES).question
    assert rows_of(write_question(simplified, WIDE)) == expected, write_question(simplified, WIDE)


@st.composite
def key_texts(draw: st.DrawFn) -> str:
    day = draw(st.sampled_from(["day", "seen"]))
    part = draw(st.sampled_from(["year", "quarter", "month", "week", "day"]))
    number = draw(st.sampled_from(["age", "pay", "rate", "score"]))
    width = draw(st.sampled_from(["1", "2", "7", "30", "1000"]))
    ways = [
        draw(st.sampled_from(COLUMNS)),
        f"date_trunc('{part}', {day})",
        f"{part}({day})",
        f"isodow({day})",
        f"EXTRACT({part} FROM {day})",
        f"floor({number} / {width}) * {width}",
        f"{width} * floor({number} / {width})",
        f"floor({number} / {width})",
        f"(age // {width}) * {width}",
        f"age // {width}",
        f"CASE WHEN {draw(conditions)} THEN 'x' WHEN {draw(conditions)} THEN 'y' END",
        f"CASE WHEN {draw(conditions)} THEN 3 ELSE -4 END",
        f"IF({draw(conditions)}, 'x', 'y')",
        "CASE state WHEN 'CA' THEN 'west' WHEN 'NY' THEN NULL ELSE 'south' END",
    ]
    return draw(st.sampled_from(ways))


@FEW
@given(key_texts(), st.none() | conditions)
def test_a_key_has_the_groups_that_the_engine_finds(key: str, condition: str | None) -> None:
    where = "" if condition is None else f" WHERE {condition}"
    sql = f"SELECT {key} AS k, COUNT(*) AS n FROM survey{where} GROUP BY k"
    try:
        asked = question(sql, WIDE)
    except Refused:
        assert key.startswith(("CASE", "IF"))  # no branch that can hold
        return
    tree.cache_clear()
    expected = sorted(rows_of(sql), key=repr)
    written = write_question(asked, WIDE)
    assert sorted(rows_of(written), key=repr) == expected, written
    try:
        plan = bind(asked, WIDE, RULES)
    except Refused:
        with pytest.raises(Refused, match="groups_too_many"):
            bind(asked, WIDE, RULES)
        return
    (planned,) = plan.keys
    if planned.values is not None and len(asked.outputs) > 1:
        shown = {as_shown(value, planned.scale) for value in planned.values}
        assert {as_plain(value) for value, _ in expected} <= shown
        assert len(shown) == len(planned.values)


def as_shown(value: object, scale: int) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value / 10**scale
    return value


def as_plain(value: Any) -> object:
    """Compare as shown: the engine gives timestamps, floats and decimals."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    return float(value)


@FEW
@given(key_texts())
def test_keys_over_known_values_are_what_the_engine_makes_of_them(key: str) -> None:
    try:
        asked = question(f"SELECT {key} AS k, COUNT(*) AS n FROM survey GROUP BY k", WIDE)
    except Refused:
        return
    (expression,) = asked.keys
    fields = sorted(set(fields_of(expression)), key=lambda field: field.column)
    listed = ", ".join(field.column for field in fields)
    present = " AND ".join(f"{field.column} IS NOT NULL" for field in fields)
    for *values, made in rows_of(f"SELECT {listed}, {key} FROM survey WHERE {present} LIMIT 60"):
        known = {f: in_units(v, f, asked) for f, v in zip(fields, values, strict=True)}
        found = key_value(expression, known)
        scale = 0 if is_scaleless(expression) else scale_of(fields[0], asked)
        assert as_shown(found, scale) == as_plain(made) or found == made, (key, values)


def is_scaleless(expression: KeyExpression) -> bool:
    return not isinstance(expression, Plain | Binned) or getattr(expression, "indexed", False)


def in_units(value: Any, field: Field, asked: Question) -> Any:
    if isinstance(value, str | bool | date):
        return value
    return round(value * 10 ** scale_of(field, asked))


def scale_of(field: Field, asked: Question) -> int:
    return Writer(asked.source, WIDE).facts(field).scale
