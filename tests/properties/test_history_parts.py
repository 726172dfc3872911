"""Parts of conditions mean what the conditions mean: against the engine, and against themselves."""

import itertools
import json
from collections.abc import Sequence

import duckdb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from disclosure.gate.question import column_of
from disclosure.history.conditions import Conditions
from disclosure.history.parts import (
    Edge,
    Except,
    Facts,
    Missing,
    Opaque,
    Part,
    Span,
    Values,
    as_json,
    before,
    between,
    from_json,
    negated,
    normalised,
    part_key,
    share,
)
from tests.engines import parse_here

NUMBERS = (0, 1, 2, 3)
WORDS = ("x", "y", "z")
POINTS = tuple(itertools.product(NUMBERS, NUMBERS, WORDS))
Point = tuple[int, int, str]
FACTS = Facts({"a": 4, "b": 4, "s": 3}, undeclared=10)


def holds(part: Part, point: Point) -> bool:
    value = {"a": f"n:{point[0]}", "b": f"n:{point[1]}", "s": f"t:{point[2]}"}
    match part:
        case Values():
            return (value[part.column] in part.values) != part.negated
        case Missing():
            return part.negated
        case Span():
            return above(part.lower, value[part.column]) and below(part.upper, value[part.column])
        case Except():
            return not all(holds(inner, point) for inner in part.parts)
        case Opaque():
            raise AssertionError("nothing here is opaque")


def above(edge: Edge | None, value: str) -> bool:
    return edge is None or before(edge.value, value) or (edge.inclusive and edge.value == value)


def below(edge: Edge | None, value: str) -> bool:
    return edge is None or before(value, edge.value) or (edge.inclusive and edge.value == value)


def points_of(parts: Sequence[Part]) -> set[Point]:
    return {point for point in POINTS if all(holds(part, point) for part in parts)}


COLUMNS = st.sampled_from("ab")
EDGES = st.builds(Edge, st.sampled_from([f"n:{number}" for number in NUMBERS]), st.booleans())
SIMPLE = st.one_of(
    st.builds(
        Values,
        COLUMNS,
        st.frozensets(st.sampled_from([f"n:{number}" for number in NUMBERS]), min_size=1),
        st.booleans(),
    ),
    st.builds(Span, COLUMNS, EDGES, EDGES | st.none()),
    st.builds(Span, COLUMNS, st.none(), EDGES),
)
PARTS = st.one_of(SIMPLE, st.builds(Except, st.frozensets(SIMPLE, min_size=2, max_size=3)))


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_normalised_and_negated_parts_keep_their_meaning(parts: list[Part]) -> None:
    assert points_of(list(normalised(parts))) == points_of(parts)
    assert points_of(negated(parts)) == set(POINTS) - points_of(parts)


@given(st.none() | PARTS, st.none() | PARTS)
def test_what_lies_between_two_is_what_one_has_and_the_other_lacks(
    first: Part | None, second: Part | None
) -> None:
    one = points_of([] if first is None else [first])
    other = points_of([] if second is None else [second])
    assume(one and other)  # a condition that nothing meets says nothing to take away
    regions = between(first, second)
    found = set[Point]().union(*map(points_of, regions)) if regions else set[Point]()
    if regions and (one <= other or other <= one):
        assert found == one ^ other
    if isinstance(first, Values) and isinstance(second, Values) and first.column == second.column:
        assert regions or not (one < other and first.negated == second.negated)


@given(PARTS)
def test_a_part_is_read_back_as_it_was_written(part: Part) -> None:
    assert from_json(json.loads(json.dumps(as_json(part)))) == part
    assert part_key(from_json(as_json(part))) == part_key(part)


@given(st.lists(SIMPLE, max_size=3))
def test_shares_are_fractions_of_the_whole(parts: list[Part]) -> None:
    assert 0 <= share(parts, FACTS) <= 1


ATOMS = st.one_of(
    st.builds(
        "{} {} {}".format,
        st.sampled_from("ab"),
        st.sampled_from(["=", "<>", "<", "<=", ">", ">="]),
        st.sampled_from(NUMBERS),
    ),
    st.builds("{1} {2} {0}".format, COLUMNS, st.sampled_from(NUMBERS), st.sampled_from("=<>")),
    st.builds("{} BETWEEN {} AND {}".format, COLUMNS, *[st.sampled_from(NUMBERS)] * 2),
    st.builds("{} IN ({}, {})".format, COLUMNS, *[st.sampled_from(NUMBERS)] * 2),
    st.builds("{} NOT IN ({}, {})".format, COLUMNS, *[st.sampled_from(NUMBERS)] * 2),
    st.builds("s = '{}'".format, st.sampled_from(WORDS)),
    st.sampled_from(["a IS NULL", "b IS NOT NULL", "s IN ('x', 'z')"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=8,
)


def engine_with_points() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("CREATE TABLE t (a INTEGER, b INTEGER, s VARCHAR)")
    database.executemany("INSERT INTO t VALUES (?, ?, ?)", POINTS)
    return database


ENGINE = engine_with_points()


@settings(max_examples=300, deadline=None)
@given(CONDITIONS)
def test_parts_hold_where_the_engine_says_that_the_condition_does(condition: str) -> None:
    sql = f"SELECT a, b, s FROM t WHERE {condition}"
    tree = json.loads(parse_here(sql).tree_json)["statements"][0]["node"]
    parts = Conditions(lambda node: column_of(node)[1]).parts(tree["where_clause"])
    assert points_of(parts) == set(ENGINE.execute(sql).fetchall())
