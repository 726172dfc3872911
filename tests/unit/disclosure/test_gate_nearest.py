"""The nearest form: offered only where it passes, made of the asker's own words and names."""

from datetime import date

import pytest

from disclosure.gate.nearest import day_in_china, read_question
from disclosure.gate.refusals import GateRefused
from tests.attacks.gate_corpus import FORBIDDEN, GRANTS
from tests.engines import gate_here

GATE = gate_here()
TODAY = date(2026, 11, 22)


def refusal_of(sql: str, today: date | None = TODAY) -> GateRefused:
    with pytest.raises(GateRefused) as refused:
        read_question(GATE, sql, GRANTS, today=today)
    return refused.value


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_every_refusal_says_what_where_and_by_which_rule_and_any_form_it_offers_passes(
    name: str,
) -> None:
    refused = refusal_of(FORBIDDEN[name])
    assert refused.field
    assert refused.rule
    assert refused.way_out is not None
    if refused.allowed_sql is not None:
        read_question(GATE, refused.allowed_sql, GRANTS)
        assert "secrets" not in refused.allowed_sql


def test_enough_refusals_offer_a_form() -> None:
    offered = [name for name, sql in FORBIDDEN.items() if refusal_of(sql).allowed_sql]
    assert len(offered) >= 30


@pytest.mark.parametrize(
    ("sql", "field", "form"),
    [
        ("SELECT name FROM main.colleges", "from", "SELECT name FROM colleges"),
        ("SELECT name FROM colleges; DROP TABLE x", "sql", "SELECT name FROM colleges"),
        ("SELECT * FROM 'colleges.parquet' c", "from.colleges.parquet", "SELECT * FROM colleges c"),
        ("SELECT * FROM read_csv('/d/colleges.csv')", "from", "SELECT * FROM colleges"),
        ("SELECT * FROM query('SELECT name FROM colleges')", "from",
         "SELECT * FROM (SELECT name FROM colleges)"),
        ("SELECT * FROM colledges", "from.colledges", "SELECT * FROM colleges"),
        ("SELECT studnets FROM colleges", "select.studnets", "SELECT students FROM colleges"),
        ("SELECT nvl(state, 'x'), name.upper() FROM colleges", "select.nvl",
         "SELECT coalesce(state, 'x'), upper(name) FROM colleges"),
        ("SELECT name FROM colleges WHERE state IN ['AK', 'AL']", "where.list_value",
         "SELECT name FROM colleges WHERE state IN ('AK', 'AL')"),
        ("SELECT name[1], name[2:4] FROM colleges", "select",
         "SELECT substr(name, 1, 1), substr(name, 2, 3) FROM colleges"),
        ("SELECT 1 FROM flights WHERE day < now()", "where.now",
         "SELECT 1 FROM flights WHERE day < TIMESTAMP '2026-11-22 00:00:00'"),
        ("SELECT i FROM generate_series(1, 3) t(i), colleges", "from",
         "SELECT i FROM (VALUES (1), (2), (3)) t(i), colleges"),
        ("SELECT 1 FROM flights WHERE day > current_date", "where.current_date",
         "SELECT 1 FROM flights WHERE day > DATE '2026-11-22'"),
        ("DESCRIBE colleges", "from", "SELECT * FROM colleges LIMIT 10"),
        ("EXPLAIN ANALYZE SELECT name FROM colleges", "sql", "SELECT name FROM colleges"),
        ("COPY (SELECT name FROM colleges) TO 'x.csv'", "sql", "SELECT name FROM colleges"),
        ("SELECT * FROM colleges USING SAMPLE 5", "sql", "SELECT * FROM colleges LIMIT 1000"),
        ("SELECT name FROM colleges ORDER BY #1", "order by",
         "SELECT name FROM colleges ORDER BY 1"),
        ("SELECT lpad(name, 99999999, '0') FROM colleges", "select.lpad",
         "SELECT lpad(name, 1000, '0') FROM colleges"),
        ("SELECT 州::JSON FROM (SELECT state AS 州 FROM colleges)", "select.json",
         "SELECT 州::VARCHAR FROM (SELECT state AS 州 FROM colleges)"),
        ("SELECT name FROM col\u200bleges", "sql", "SELECT name FROM colleges"),
        ("SELECT '大' AS 大, COLUMNS(*) FROM colleges", "select",
         "SELECT '大' AS 大, * FROM colleges"),
    ],
)  # fmt: skip
def test_nearest_form(sql: str, field: str, form: str) -> None:
    refused = refusal_of(sql)
    assert (refused.allowed_sql, refused.field) == (form, field)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM secrets",
        "SELECT hidden FROM colleges",
        "SELECT * FROM range(1000000)",
        "SELECT * FROM range(99999999999999999999999999999)",
        "SELECT quantile_cont(students, [0.25, 0.5]) FROM colleges",
        "DROP TABLE colleges",
        "SELECT 1",
    ],
)
def test_where_no_form_is_near_none_is_made_up(sql: str) -> None:
    assert refusal_of(sql).allowed_sql is None


def test_the_licences_own_data_sets_are_named_where_another_was_asked() -> None:
    way_out = refusal_of("SELECT * FROM secrets").way_out
    assert way_out is not None
    assert "colleges, flights" in way_out.en
    assert "colleges, flights" in way_out.zh


def test_without_a_date_no_form_is_offered_for_the_clock() -> None:
    assert refusal_of("SELECT now() FROM colleges", today=None).allowed_sql is None


def test_a_form_is_a_function_of_the_question_and_the_licence_alone() -> None:
    sql = "SELECT studnets FROM colledges"
    assert {refusal_of(sql).allowed_sql for _ in range(3)} == {"SELECT students FROM colleges"}


def test_the_day_that_is_offered_is_the_day_in_china() -> None:
    last_second_of_the_day_in_utc = 1_795_305_599_000_000  # 2026-11-21T23:59:59Z
    assert day_in_china(last_second_of_the_day_in_utc).isoformat() == "2026-11-22"
