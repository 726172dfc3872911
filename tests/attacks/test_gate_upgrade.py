"""A later engine can open nothing: what it has beyond the lists is refused, whatever it is.

Read over the engine's own lists of functions, types and keywords, and over trees changed as a
later engine could change them; and what the lists allow is held to the engine's own classes.
"""

import json
import secrets
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.engine.supervisor import Parsed
from disclosure.gate.question import QueryGate
from disclosure.gate.scope import classify
from disclosure.gate.walk import walk
from disclosure.outcome import Refused
from tests.attacks.gate_corpus import GRANTS, LEGITIMATE
from tests.engines import RULES, gate_here, parse_here

GATE = gate_here()
LISTED = RULES.scalar_functions | RULES.aggregate_functions | RULES.window_functions
# What reads nothing though it takes nothing: a constant, counts, and places in a window.
CALLED_WITH_NOTHING = frozenset({
    "pi", "count", "count_star", "row_number", "rank", "dense_rank", "rank_dense", "cume_dist",
    "percent_rank",
})  # fmt: skip
# Allowed forms of one argument count only, because another count reads the clock.
HELD_TO_A_COUNT = {"age": 2, "make_timestamptz": 7}


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as database:
        database.execute("LOAD icu")
        return database.execute(sql).fetchall()


def passes(sql: str) -> bool:
    try:
        classify(GATE.check(sql, GRANTS), GRANTS)
    except Refused:
        return False
    return True


def test_no_function_off_the_lists_passes_in_any_place() -> None:
    names = {
        str(name).lower() for (name,) in rows_of("SELECT function_name FROM duckdb_functions()")
    }
    unlisted = sorted(names - LISTED - RULES.operators)
    assert len(unlisted) > 500
    for name in unlisted:
        quoted = '"' + name.replace('"', '""') + '"'
        for sql in (
            f"SELECT {quoted}(name) FROM colleges",
            f"SELECT {quoted}() FROM colleges",
            f"SELECT sum({quoted}(name)) OVER () FROM colleges",
            f"SELECT {quoted}(name) OVER () FROM colleges",
            f"SELECT name FROM colleges WHERE {quoted}(name, 1)",
            f"SELECT * FROM {quoted}('colleges'), colleges",
        ):
            assert not passes(sql), sql


def test_what_the_lists_allow_is_consistent_without_side_effects_and_of_no_other_kind() -> None:
    found = rows_of(
        "SELECT lower(function_name), function_type, stability, has_side_effects "
        "FROM duckdb_functions()"
    )
    for name, kind, stability, side_effects in found:
        if name in LISTED:
            assert kind in {"scalar", "aggregate", "macro", "window"}, name
            assert kind == "macro" or (stability == "CONSISTENT" and not side_effects), name


def test_what_the_lists_allow_without_arguments_reads_neither_clock_nor_chance() -> None:
    """The engine calls some clocks consistent, so that its classes alone do not do."""
    found = rows_of(
        "SELECT lower(function_name), parameters FROM duckdb_functions() WHERE varargs IS NULL"
    )
    empty = {name for name, parameters in found if name in LISTED and not parameters}
    assert empty <= CALLED_WITH_NOTHING
    assert RULES.argument_counts == HELD_TO_A_COUNT


def test_listed_macros_stand_for_listed_or_plain_functions_only() -> None:
    plain = {"string_split", "array_extract", "list_extract", "interval", "date_diff"}
    macros = rows_of(
        "SELECT lower(function_name), macro_definition FROM duckdb_functions() "
        "WHERE function_type = 'macro'"
    )
    for name, definition in macros:
        if name in LISTED:
            tree = json.loads(parse_here(f"SELECT {definition}").tree_json)
            used = set(functions_in(tree))
            assert used <= LISTED | RULES.operators | plain, name


def functions_in(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [str(node["function_name"]).lower()] if node.get("class") == "FUNCTION" else []
        return own + [name for value in node.values() for name in functions_in(value)]
    return [name for item in node for name in functions_in(item)] if isinstance(node, list) else []


def test_no_type_off_the_list_passes_and_none_on_it_is_nested_or_bytes() -> None:
    found = rows_of("SELECT lower(type_name), logical_type FROM duckdb_types()")
    safe = {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
        "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "DATE", "TIME",
        "TIME_NS", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS",
        "TIMESTAMP_NS", "INTERVAL",
    }  # fmt: skip
    for name, logical in found:
        if name in RULES.types:
            assert logical in safe, name
            continue
        for sql in (f'CAST(name AS "{name}")', f"name::{name}", f"TRY_CAST(name AS {name}[])"):
            assert not passes(f"SELECT {sql} FROM colleges"), sql


def test_keywords_open_nothing_wherever_they_stand() -> None:
    """Every keyword in every place: what passes is what is known to."""
    keywords = [str(word) for (word,) in rows_of("SELECT keyword_name FROM duckdb_keywords()")]
    expected = {
        "SELECT {} FROM colleges": {"true", "false", "null", "name"},
        "SELECT * FROM {}": set(),
        "{} colleges": {"table", "from"},
        "{} SELECT * FROM colleges": set(),
        "SELECT * FROM colleges {} flights": {"as"},
        "SELECT * FROM {} (SELECT * FROM colleges)": {"lateral"},
        "WITH x AS {} (SELECT * FROM colleges) SELECT * FROM x": {"materialized"},
        "WITH x AS ({} colleges) SELECT * FROM x": {"table", "from"},
    }
    for place, allowed in expected.items():
        passed = {word for word in keywords if passes(place.format(word))}
        assert passed == allowed, place


# Fields whose words are the asker's own, or are checked against a list of their own.
FREE = frozenset({
    "alias", "query_location", "query_location_length", "text", "column_names", "key", "value",
    "aliases", "table", "column", "relation_name", "exclude_list", "column_name_alias",
    "expected_names", "using_columns", "group_sets", "table_name", "function_name", "type_name",
    "path", "collation", "map", "rename_list", "replace_list", "type",
})  # fmt: skip


def nodes_in(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        return [node, *(found for value in node.values() for found in nodes_in(value))]
    return [found for item in node for found in nodes_in(item)] if isinstance(node, list) else []


def refused(tree: dict[str, Any]) -> bool:
    gate = QueryGate(lambda _sql: Parsed(json.dumps(tree), ""), RULES)
    try:
        classify(gate.check("SELECT", GRANTS), GRANTS)
    except Refused:
        return True
    return False


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_changed_tree_is_refused(data: st.DataObject) -> None:
    """An unknown field, class or value, a missing field, a value of another kind: refused."""
    sql = data.draw(st.sampled_from(LEGITIMATE))
    tree = json.loads(parse_here(sql).tree_json)
    assert not refused(tree)
    node = data.draw(st.sampled_from(nodes_in(tree["statements"][0])))
    field = data.draw(st.sampled_from(sorted(node)))
    change = data.draw(st.sampled_from(("add", "remove", "replace", "retype")))
    if change == "add":
        node[data.draw(st.text(min_size=1)) + secrets.token_hex(4)] = None
    elif change == "remove":
        del node[field]
    elif change == "retype":
        node[field] = [node[field], {"class": "NEW", "type": "NEW"}]
    elif field in FREE and not (field == "type" and isinstance(node[field], str)):
        return
    else:
        node[field] = "NEW_" + data.draw(st.text(max_size=5))
    assert refused(tree), (sql, field, change)


def test_a_type_under_another_name_is_refused() -> None:
    """Found by chance among changed trees: the kind of a type's own node was not looked at."""
    tree = json.loads(parse_here("SELECT CAST(delay AS DATE) FROM flights").tree_json)
    named = [node for node in nodes_in(tree["statements"][0]) if node.get("class") == "TYPE"]
    assert named
    assert not refused(tree)
    for field in ("type", "class"):
        named[0][field] = "NEW_"
        assert refused(tree)
        named[0][field] = "TYPE"


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(("node", "type", "class", "from_table", "select_list", "children")),
            inner, max_size=4,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_nonsense_in_place_of_a_tree_is_refused_without_any_other_error(nonsense: Any) -> None:
    assert refused({"error": False, "statements": [nonsense]})
    if isinstance(nonsense, dict):
        with pytest.raises(Refused):
            list(walk({"node": nonsense, "named_param_map": []}, RULES))
