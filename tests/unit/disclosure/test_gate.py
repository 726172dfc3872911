"""The gate: what it refuses and why it says so, and what analysts write that it lets pass."""

import json

import duckdb
import pytest

from disclosure.engine.supervisor import Parsed
from disclosure.gate.grammar import EXPRESSION_TYPES, EXPRESSIONS, MODIFIERS, QUERIES, TABLES
from disclosure.gate.question import QueryGate
from disclosure.gate.scope import TableGrant, classify
from disclosure.outcome import Refused
from tests.attacks.gate_corpus import FORBIDDEN, GRANTS, LEGITIMATE
from tests.engines import RULES, gate_here, parse_here

GATE = gate_here()
MIXED = {
    "households": TableGrant(
        extract=("state", "year"),
        protected=frozenset({"income", "age"}),
        units=frozenset({"household"}),
    ),
    "people": TableGrant(protected=frozenset({"wage", "state"}), units=frozenset({"person"})),
    "states": TableGrant(extract=("state", "region")),
}


def refusal_of(sql: str, grants: dict[str, TableGrant] | None = None) -> Refused:
    granted = grants or GRANTS
    with pytest.raises(Refused) as refused:
        classify(GATE.check(sql, granted), granted)
    return refused.value


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_forbidden_statement_is_refused_in_both_languages(name: str) -> None:
    refusal = refusal_of(FORBIDDEN[name])
    assert refusal.message.zh
    assert refusal.message.en
    assert refusal.way_out is not None
    assert refusal.way_out.zh
    assert refusal.way_out.en


@pytest.mark.parametrize("sql", LEGITIMATE)
def test_what_analysts_write_passes_as_rows(sql: str) -> None:
    assert classify(GATE.check(sql, GRANTS), GRANTS).kind == "rows"


def test_unknown_and_ungranted_table_read_the_same_byte_for_byte() -> None:
    unknown = refusal_of("SELECT * FROM secrets")
    world_with_it = {**GRANTS, "secrets": TableGrant(extract=("code",))}
    GATE.check("SELECT code FROM secrets", world_with_it)
    ungranted = refusal_of("SELECT * FROM secrets")
    assert (unknown.code, unknown.message, unknown.way_out, unknown.rule) == (
        ungranted.code,
        ungranted.message,
        ungranted.way_out,
        ungranted.rule,
    )
    other = refusal_of("SELECT * FROM terces7")
    assert other.message.en.replace("terces7", "secrets") == unknown.message.en


def test_unknown_and_ungranted_column_read_the_same() -> None:
    first, second = refusal_of("SELECT hidden FROM colleges"), refusal_of("SELECT x FROM colleges")
    assert first.message.en.replace("hidden", "x") == second.message.en
    assert (first.code, first.way_out) == (second.code, second.way_out)


def test_refused_before_any_parser_when_too_long_too_deep_or_with_hidden_characters() -> None:
    asked: list[str] = []

    def parse(sql: str) -> Parsed:
        asked.append(sql)
        return parse_here(sql)

    gate = QueryGate(parse, RULES)
    for name in ("huge_text", "nested_brackets", "nul", "bidi", "zero_width", "escape_character"):
        with pytest.raises(Refused):
            gate.check(FORBIDDEN[name], GRANTS)
    assert asked == []


def test_a_node_field_or_value_that_a_later_engine_adds_is_refused() -> None:
    sql = "SELECT name FROM colleges WHERE students > 1"
    tree = json.loads(parse_here(sql).tree_json)

    def gate_over(changed: dict[str, object]) -> QueryGate:
        return QueryGate(lambda _sql: Parsed(json.dumps(changed), ""), RULES)

    gate_over(tree).check(sql, GRANTS)
    for path, value in (
        (("from_table", "new_field"), 1),
        (("from_table", "type"), "NEW_REF"),
        (("from_table", "sample"), {}),
        (("where_clause", "class"), "NEW_CLASS"),
        (("where_clause", "type"), "COMPARE_NEW"),
        (("where_clause", "left"), "text"),
        (("select_list",), None),
        (("aggregate_handling",), "NEW_HANDLING"),
        (("modifiers",), [{"type": "NEW_MODIFIER"}]),
    ):
        changed = json.loads(json.dumps(tree))
        node = changed["statements"][0]["node"]
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
        with pytest.raises(Refused):
            gate_over(changed).check(sql, GRANTS)


def test_every_function_of_the_engine_that_is_not_listed_is_refused() -> None:
    with duckdb.connect() as database:
        rows = database.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    names = {str(name).lower() for (name,) in rows}
    listed = RULES.operators | RULES.scalar_functions | RULES.aggregate_functions
    refused = 0
    for name in sorted(names - listed):
        sql = f'SELECT "{name}"(name) FROM colleges'
        assert refusal_of(sql).code in {"function_not_allowed", "sql_not_allowed"}, name
        refused += 1
    assert refused > 500


def test_the_list_names_no_function_that_reads_beyond_its_arguments() -> None:
    listed = RULES.scalar_functions | RULES.aggregate_functions | RULES.window_functions
    beyond = "read query setting current secret version random uuid json list_ array_ struct map_"
    for part in beyond.split():
        assert [name for name in listed if part in name] == []


def test_each_listed_function_is_one_the_engine_has() -> None:
    with duckdb.connect() as database:
        rows = database.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    known = {str(name).lower() for (name,) in rows} | {"<=>", "**"}
    listed = RULES.operators | RULES.scalar_functions | RULES.aggregate_functions
    aliases = {"geometric_mean", "date_add", "xor", "listagg", "group_concat"}
    assert listed - known - aliases == frozenset()


def test_the_grammar_names_no_node_that_writes_or_reads_elsewhere() -> None:
    assert set(QUERIES) == {"SELECT_NODE", "SET_OPERATION_NODE"}
    assert set(TABLES) == {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST"}
    assert set(MODIFIERS) == {"DISTINCT_MODIFIER", "ORDER_MODIFIER", "LIMIT_MODIFIER"}
    assert set(EXPRESSIONS) == set(EXPRESSION_TYPES)
    assert not {"LAMBDA", "PARAMETER", "POSITIONAL_REFERENCE"} & set(EXPRESSIONS)


def test_checked_question_names_tables_columns_functions_and_headings() -> None:
    checked = GATE.check(
        "SELECT c.state AS s, sum(tuition), rank() OVER (ORDER BY c.state) "
        "FROM Colleges c GROUP BY lower(c.state), c.state",
        GRANTS,
    )
    assert checked.tables == {"colleges"}
    assert checked.columns == {("c", "state"), (None, "tuition")}
    assert checked.functions == {"sum", "lower"}
    assert checked.aggregates == {"sum"}
    assert checked.windows == {"rank"}
    assert checked.names == ("s", "", "")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT state, avg(income) AS income FROM households GROUP BY state",
        "SELECT count(*) FROM people",
        "SELECT count(DISTINCT household) FROM households",
        "SELECT state FROM households WHERE age > 3",
        "SELECT h.state FROM households h JOIN states s ON s.state = h.state ORDER BY h.age",
        "SELECT s.region, sum(p.wage) FROM people p JOIN states s USING (state) GROUP BY 1",
        "WITH x AS (SELECT income AS harmless FROM households) SELECT harmless FROM x",
        "SELECT state, (SELECT max(income) FROM households h) FROM states s",
        "SELECT * FROM people",
    ],
)
def test_a_protected_column_anywhere_makes_the_question_an_aggregate(sql: str) -> None:
    assert classify(GATE.check(sql, MIXED), MIXED).kind == "aggregate"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM households",
        "SELECT state AS income FROM households ORDER BY year",
        "SELECT x.income FROM (SELECT count(*) AS income FROM households) x",
        "SELECT h.*, s.region FROM households h, states s WHERE h.state = s.state",
        "SELECT h.a, h.b FROM households h(a, b)",
    ],
)
def test_columns_of_the_extract_alone_make_rows(sql: str) -> None:
    assert classify(GATE.check(sql, MIXED), MIXED).kind == "rows"


def test_classification_names_what_is_protected() -> None:
    sql = "SELECT year, avg(income) FROM households GROUP BY year"
    found = classify(GATE.check(sql, MIXED), MIXED)
    assert found.columns == {("households", "year"), ("households", "income")}
    assert found.protected == {("households", "income")}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT z.state FROM households h",
        "SELECT h.income FROM states h",
        "SELECT region FROM households",
        "SELECT x.income FROM (SELECT state FROM households) x",
        "SELECT c FROM (SELECT state FROM households) x(a)",
        "SELECT q.* FROM households",
        "SELECT session_user FROM (SELECT 1 + 1, state FROM households) x",
    ],
)
def test_a_name_that_resolves_to_nothing_is_refused(sql: str) -> None:
    assert refusal_of(sql, MIXED).code == "column_not_granted"
