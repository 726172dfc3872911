"""What the planner refuses, each with its reason and a question that would be allowed."""

import json

import duckdb
import pytest

from disclosure.outcome import Refused
from disclosure.plan.binding import plan_question
from disclosure.plan.model import Asked
from disclosure.plan.words import KEYWORDS
from tests.attacks.gate_corpus import FORBIDDEN, LEGITIMATE
from tests.planning import RULES, WIDE, asked, asked_dataset, declared, plan, priced, tree

FORM = "aggregate_form"
REFUSED = {
    # what is shown
    "SELECT * FROM survey": FORM,
    "SELECT state FROM survey": FORM,
    "SELECT pay FROM survey": FORM,
    "SELECT 1 FROM survey": FORM,
    "SELECT state, COUNT(*) FROM survey": FORM,
    "SELECT COUNT(*) FROM survey GROUP BY state": FORM,
    "SELECT MAX(pay) FROM survey": FORM,
    "SELECT MIN(pay), SUM(pay) FROM survey": FORM,
    "SELECT SUM(DISTINCT pay) FROM survey": FORM,
    "SELECT SUM(pay + 1) FROM survey": FORM,
    "SELECT SUM(pay * pay) FROM survey": FORM,
    "SELECT SUM(state) FROM survey": FORM,
    "SELECT SUM(day) FROM survey": FORM,
    "SELECT SUM(pay ORDER BY pay) FROM survey": FORM,
    "SELECT SUM(CASE WHEN state = 'CA' THEN pay END) FROM survey": FORM,
    "SELECT SUM(CASE WHEN pay < 1 THEN 2 ELSE pay END) FROM survey": FORM,
    "SELECT SUM(LEAST(GREATEST(pay, 0.05), 9)) FROM survey": FORM,
    "SELECT SUM(LEAST(age, pay)) FROM survey": FORM,
    "SELECT COUNT(*) FILTER (WHERE sex = 1) FROM survey": FORM,
    "SELECT COUNT(CASE WHEN sex = 1 THEN 1 END) FROM survey": FORM,
    "SELECT COUNT_IF(sex = 1) FROM survey": FORM,
    "SELECT COUNT(*) OVER () FROM survey": FORM,
    "SELECT approx_count_distinct(state) FROM survey": FORM,
    "SELECT string_agg(state, ',') FROM survey": FORM,
    "SELECT mode(state), COUNT(*) FROM survey": FORM,
    "SELECT corr(pay, age) FROM survey": FORM,
    "SELECT QUANTILE_CONT(pay, 0) FROM survey": FORM,
    "SELECT QUANTILE_CONT(pay, 1.5) FROM survey": FORM,
    "SELECT QUANTILE_CONT(pay, 0.1234567) FROM survey": FORM,
    "SELECT QUANTILE_CONT(pay, [0.2, 0.8]) FROM survey": FORM,
    "SELECT QUANTILE_CONT(pay, sex) FROM survey": FORM,
    "SELECT SUM(pay) / sex FROM survey": FORM,
    "SELECT sqrt(COUNT(*)) FROM survey": FORM,
    "SELECT COUNT(*) AS n, SUM(pay) AS n FROM survey": FORM,
    "SELECT COUNT(*) AS n, SUM(pay) AS n_low FROM survey": FORM,
    "SELECT SUM(score) FROM survey": "measure_unbounded",
    "SELECT state, AVG(score) AS a FROM survey GROUP BY state": "measure_unbounded",
    "SELECT SUM(GREATEST(score, 0)) FROM survey": "measure_unbounded",
    "SELECT COUNT(DISTINCT state) FROM survey": "distinct_not_unit",
    "SELECT state, COUNT(DISTINCT zone) FROM survey GROUP BY state": "distinct_not_unit",
    # keys
    "SELECT state, COUNT(*) FROM survey GROUP BY ROLLUP (state)": FORM,
    "SELECT state, COUNT(*) FROM survey GROUP BY CUBE (state)": FORM,
    "SELECT state, COUNT(*) FROM survey GROUP BY GROUPING SETS ((state), ())": FORM,
    "SELECT upper(state), COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT state || zone AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT date_trunc('hour', day), COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT date_trunc('month', age), COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT dayofweek(day), COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT floor(age / 10) * 5 AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT floor(age / 0) AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT floor(age / 2.5) AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT pay // 10 AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT score // 10 AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT age % 10 AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT CASE WHEN sex = 1 THEN state END AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT CASE WHEN sex = 1 THEN 'a' ELSE 2 END AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT CASE WHEN sex = 1 THEN 1.5 END AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    "SELECT CASE WHEN FALSE THEN 'a' END AS k, COUNT(*) FROM survey GROUP BY 1": FORM,
    # where it reads
    "SELECT COUNT(*)": FORM,
    "SELECT COUNT(*) FROM survey QUALIFY COUNT(*) > 1": FORM,
    "SELECT COUNT(*) FROM survey TABLESAMPLE 10%": FORM,
    "SELECT COUNT(*) FROM survey a JOIN survey b USING (state)": FORM,
    "SELECT COUNT(*) FROM survey a JOIN survey b USING (person)": FORM,
    "SELECT COUNT(*) FROM survey, zones": FORM,
    "SELECT COUNT(*) FROM survey CROSS JOIN zones": FORM,
    "SELECT COUNT(*) FROM survey NATURAL JOIN zones": FORM,
    "SELECT COUNT(*) FROM survey RIGHT JOIN zones ON zone = code": FORM,
    "SELECT COUNT(*) FROM survey FULL JOIN zones ON zone = code": FORM,
    "SELECT COUNT(*) FROM zones LEFT JOIN survey ON zone = code": FORM,
    "SELECT COUNT(*) FROM survey SEMI JOIN zones ON zone = code": FORM,
    "SELECT COUNT(*) FROM survey JOIN zones ON zone < code": FORM,
    "SELECT COUNT(*) FROM survey JOIN zones ON zone = code OR TRUE": FORM,
    "SELECT COUNT(*) FROM survey JOIN zones ON upper(zone) = code": FORM,
    "SELECT COUNT(*) FROM survey JOIN zones ON zone = area": "join_not_unique",
    "SELECT COUNT(*) FROM survey JOIN zones ON age = code": "join_not_unique",
    "SELECT COUNT(*) FROM survey JOIN zones ON zone = code AND state = area": "join_not_unique",
    "SELECT COUNT(*) FROM survey LEFT JOIN visits USING (person)": FORM,
    "SELECT COUNT(*) FROM survey JOIN visits ON survey.age = visits.cost": FORM,
    "SELECT COUNT(*) FROM survey JOIN visits ON survey.unit = visits.cost": FORM,
    "SELECT COUNT(*) FROM zones": FORM,
    "SELECT COUNT(*) FROM survey UNION SELECT COUNT(*) FROM survey": FORM,
    "SELECT n FROM (SELECT COUNT(*) AS n FROM survey)": FORM,
    "SELECT COUNT(*) FROM (SELECT state FROM survey LIMIT 3)": FORM,
    "SELECT COUNT(*) FROM (SELECT DISTINCT state FROM survey)": FORM,
    "SELECT COUNT(*) FROM (SELECT state, COUNT(*) AS n FROM survey GROUP BY state)": FORM,
    "SELECT COUNT(*) FROM (SELECT unit, AVG(age) AS m FROM survey GROUP BY unit)": FORM,
    "SELECT COUNT(*) FROM (SELECT unit, state FROM survey GROUP BY unit, state)": FORM,
    "SELECT n, COUNT(*) FROM (SELECT unit, COUNT(*) AS n FROM survey GROUP BY unit) GROUP BY n": (
        FORM
    ),
    "SELECT SUM(s) FROM (SELECT unit, SUM(age) AS s FROM survey GROUP BY unit)": (
        "measure_unbounded"
    ),
    "SELECT COUNT(*) FROM elsewhere": "not_granted",
    # which rows
    "SELECT COUNT(*) FROM survey WHERE state IN (SELECT 'CA')": FORM,
    "SELECT COUNT(*) FROM survey WHERE EXISTS (SELECT 1)": FORM,
    "SELECT COUNT(*) FROM survey WHERE upper(state) = 'CA'": FORM,
    "SELECT COUNT(*) FROM survey WHERE CAST(state AS INTEGER) = 1": FORM,
    "SELECT COUNT(*) FROM survey WHERE state = zone": FORM,
    "SELECT COUNT(*) FROM survey WHERE state LIKE 'C%'": FORM,
    "SELECT COUNT(*) FROM survey WHERE age + 1 = 3": FORM,
    "SELECT COUNT(*) FROM survey WHERE age": FORM,
    "SELECT COUNT(*) FROM survey WHERE state = NULL": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE age IN (1, NULL)": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE age = 'ten'": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE day = '2024-2-3'": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE day > 20240203": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE member < TRUE": "literal_type",
    "SELECT COUNT(*) FROM survey WHERE nothing = 1": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE secret = 'x'": "not_granted",
    "SELECT SUM(person) FROM survey": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE unit = 7": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE person = 7": "not_granted",
    "SELECT COUNT(unit) FROM survey": "not_granted",
    "SELECT person, COUNT(*) FROM survey GROUP BY person": "not_granted",
    "SELECT unit, COUNT(*) FROM survey GROUP BY unit": "not_granted",
    "SELECT floor(unit / 2) AS k, COUNT(*) FROM survey GROUP BY 1": "not_granted",
    "SELECT other.state, COUNT(*) FROM survey GROUP BY ALL": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE state = 'ZZ'": "key_value_unknown",
    "SELECT COUNT(*) FROM survey WHERE state <> 'ZZ'": "key_value_unknown",
    "SELECT COUNT(*) FROM survey WHERE sex IN (1, 3)": "key_value_unknown",
    "SELECT COUNT(*) FROM survey WHERE sex = 1.5": "key_value_unknown",
    # after the noise
    "SELECT COUNT(*) FROM survey HAVING SUM(pay) > 1": FORM,
    "SELECT COUNT(*) AS n FROM survey HAVING n > 1 OR n < 0": FORM,
    "SELECT state, COUNT(*) FROM survey GROUP BY state HAVING state = 'CA'": FORM,
    "SELECT COUNT(*) FROM survey ORDER BY SUM(pay)": FORM,
    "SELECT COUNT(*) FROM survey ORDER BY ALL": FORM,
    "SELECT DISTINCT ON (state) state, COUNT(*) FROM survey GROUP BY state": FORM,
    "SELECT COUNT(*) FROM survey LIMIT 10%": FORM,
    # size
    "SELECT floor(age / 1) AS a, floor(rate / 0.01) AS r, day, COUNT(*) FROM survey "
    "WHERE rate BETWEEN 0 AND 100 GROUP BY ALL": "groups_too_many",
    "SELECT floor(rate / 0.01) AS r, COUNT(*) FROM survey "
    "WHERE rate BETWEEN 0 AND 1000000 GROUP BY ALL": "groups_too_many",
    "SELECT SUM(LEAST(GREATEST(score, 0), 10000000000)) FROM survey": "sum_range_not_provable",
}


def refused(sql: str, within: Asked = WIDE) -> Refused:
    with pytest.raises(Refused) as caught:
        plan(sql, within)
    return caught.value


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_refused_with_a_question_that_would_be_allowed(sql: str, code: str) -> None:
    found = refused(sql)
    assert found.code == code
    assert found.message.zh
    assert found.message.en
    assert found.way_out is not None
    assert found.allowed_sql is not None
    assert found.allowed_sql in found.way_out.en
    plan(found.allowed_sql, WIDE)


NEAREST = {
    "SELECT state, MAX(pay), COUNT(*) AS n FROM survey WHERE sex = 1 GROUP BY state": (
        "SELECT state, COUNT(*) AS n FROM survey WHERE sex = 1 GROUP BY state"
    ),
    "SELECT state, AVG(score) AS a FROM survey GROUP BY state": (
        "SELECT state, AVG(LEAST(GREATEST(score, 0), 1000)) AS a FROM survey GROUP BY state"
    ),
    "SELECT COUNT(DISTINCT state) FROM survey": (
        "SELECT state, COUNT(*) AS n FROM survey GROUP BY state"
    ),
    "SELECT state, sex, pay FROM survey": (
        "SELECT state, sex, AVG(pay) AS mean_pay FROM survey GROUP BY state, sex"
    ),
    "SELECT COUNT(*) AS n FROM survey WHERE sex = 1 AND upper(state) = 'CA'": (
        "SELECT COUNT(*) AS n FROM survey WHERE sex = 1"
    ),
    "SELECT COUNT(*) AS n FROM survey GROUP BY state": (
        "SELECT state, COUNT(*) AS n FROM survey GROUP BY state"
    ),
    "SELECT COUNT(*) AS n FROM survey WHERE state = 'ZZ'": "SELECT COUNT(*) AS n FROM survey",
    "SELECT * FROM survey": ("SELECT COUNT(*) AS n FROM survey"),
    "SELECT COUNT(*) FROM elsewhere": (
        "SELECT state, sex, COUNT(*) AS n, AVG(pay) AS mean_pay FROM survey GROUP BY state, sex"
    ),
}


@pytest.mark.parametrize(("sql", "nearest"), NEAREST.items())
def test_the_question_shown_is_made_of_what_was_asked(sql: str, nearest: str) -> None:
    assert refused(sql).allowed_sql == nearest


@pytest.mark.parametrize(
    ("sql", "construct"),
    {
        "SELECT MAX(pay) FROM survey": "MAX",
        "SELECT SUM(DISTINCT pay) FROM survey": "SUM with DISTINCT",
        "SELECT COUNT(*) FILTER (WHERE sex = 1) FROM survey": "COUNT(*) with FILTER",
        "SELECT COUNT(*) OVER () FROM survey": "OVER",
        "SELECT upper(state), COUNT(*) FROM survey GROUP BY 1": "UPPER",
        "SELECT COUNT(*) FROM survey WHERE upper(state) = 'CA'": "UPPER",
        "SELECT COUNT(*) FROM survey WHERE state LIKE 'C%'": "LIKE",
        "SELECT COUNT(*) FROM survey WHERE state IN (SELECT 'CA')": "a subquery",
        "SELECT SUM(sqrt(age)) FROM survey": "SQRT",
        "SELECT * FROM survey": "*",
    }.items(),
)
def test_a_refusal_names_the_construct(sql: str, construct: str) -> None:
    found = refused(sql)
    assert found.message.en.startswith(f"{construct} is not supported here.")
    assert found.message.zh.startswith(f"此处不支持 {construct}。")


def test_unknown_and_not_granted_columns_read_the_same() -> None:
    texts = set()
    for name in ("secret", "nothing", "person", "unit"):
        for sql in (
            f"SELECT COUNT(*) FROM survey WHERE {name} = 1",
            f"SELECT SUM({name}) FROM survey",
            f"SELECT COUNT(*) FROM survey WHERE {name} BETWEEN 1 AND 2",
        ):
            found = refused(sql)
            texts.add((found.code, found.message, found.field, found.rule))
    assert len(texts) == 1


def test_an_unknown_table_reads_like_one_not_granted() -> None:
    without = Asked({"survey": WIDE.protected["survey"]})
    for name in ("visits", "zones", "nowhere"):
        assert refused(f"SELECT COUNT(*) FROM {name}", without).code == "not_granted"


def test_a_field_that_a_newer_parser_adds_is_refused() -> None:
    sql = "SELECT state, COUNT(*) FROM survey WHERE sex = 1 GROUP BY state"
    for path in (
        ("select_list", 0),
        ("select_list", 1),
        ("from_table",),
        ("where_clause",),
        ("where_clause", "left"),
        ("group_expressions", 0),
        (),
    ):
        syntax = json.loads(json.dumps(tree(sql)))
        node = syntax["statements"][0]["node"]
        for step in path:
            node = node[step]
        node["new_clause"] = True
        with pytest.raises(Refused, match="aggregate_form"):
            plan_question(syntax, asked(), RULES)


def test_too_many_groups_are_refused() -> None:
    few = RULES.model_copy(update={"groups_max": 5})
    with pytest.raises(Refused, match="groups_too_many") as caught:
        plan_question(tree("SELECT state, sex, COUNT(*) FROM survey GROUP BY ALL"), asked(), few)
    assert caught.value.allowed_sql is not None
    plan_question(tree(caught.value.allowed_sql), asked(), few)


def test_a_set_without_ranks_answers_its_group_sets_only() -> None:
    bare = asked(has_ranks=False)
    assert plan("SELECT state, COUNT(*) FROM survey GROUP BY state", bare).bounding.group_set
    found = refused("SELECT sex, COUNT(DISTINCT unit) FROM survey GROUP BY sex", bare)
    assert found.allowed_sql is not None


@pytest.mark.parametrize("nano_rho", [0, 999, 100_000_001, -1])
def test_a_price_outside_the_limits_is_refused(nano_rho: int) -> None:
    with pytest.raises(Refused, match="question_budget_out_of_range"):
        priced("SELECT COUNT(*) FROM survey", nano_rho=nano_rho)


def test_a_licence_without_any_road_has_no_example() -> None:
    few = asked_dataset().__class__(
        declared(), frozenset({"pay"}), asked_dataset().neighbours, has_ranks=False
    )
    assert refused("SELECT * FROM survey", Asked({"survey": few})).allowed_sql is None


DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT COUNT(*) FROM survey LIMIT {DIGITS}",
        f"SELECT COUNT(*) FROM survey WHERE sex = {DIGITS}",
        f"SELECT COUNT(*) FROM survey WHERE age = {DIGITS}",
        f"SELECT COUNT(*) FROM survey WHERE sex = '{DIGITS}'",
        f"SELECT SUM(LEAST(score, {DIGITS})) FROM survey",
        f"SELECT floor(age / {DIGITS}) AS k, COUNT(*) FROM survey GROUP BY k",
        f"SELECT COUNT(*) * {DIGITS} AS k FROM survey",
        "SELECT COUNT(*) FROM survey WHERE sex = '²'",
        "SELECT COUNT(*) FROM survey WHERE age = 1e99999999999999999999",
        "SELECT COUNT(*) FROM survey WHERE rate = 1e-999999999",
        "SELECT COUNT(*) AS n FROM survey HAVING n > 1e99999999999999999999",
        "SELECT COUNT(*) FROM survey LIMIT -1",
        "SELECT state, COUNT(*) FROM survey GROUP BY 99",
        "SELECT state, COUNT(*) FROM survey GROUP BY 'x'",
        "SELECT COUNT(*) FROM survey ORDER BY 99",
    ],
)
def test_strange_literals_are_refused_not_failed(sql: str) -> None:
    refused(sql)


@pytest.mark.parametrize("broken", [{}, {"node": {}}, {"statements": [{}]}, {"statements": []}])
def test_a_tree_of_another_shape_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(Refused, match="aggregate_form"):
        plan_question(broken, asked(), RULES)


def test_no_sentence_of_the_gate_corpus_breaks_the_planner() -> None:
    for attempt in (*FORBIDDEN.values(), *LEGITIMATE):
        try:
            syntax = tree(attempt)
        except RecursionError:  # the gate refuses such depth before any planning
            continue
        with pytest.raises(Refused):
            plan_question(syntax, asked(), RULES)


def test_every_word_of_the_engine_that_is_no_name_is_quoted() -> None:
    words = duckdb.connect().execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
    )
    assert {word for (word,) in words.fetchall()} == KEYWORDS
