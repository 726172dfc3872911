"""What the planner refuses, each with its reason and an allowed question; then what it plans."""

import json

import pytest

from disclosure.outcome import Refused
from disclosure.plan.binding import plan_question
from disclosure.plan.refusals import example_sql
from disclosure.plan.sensitivity import squared_l2
from tests.attacks.gate_corpus import FORBIDDEN, LEGITIMATE
from tests.planning import RULES, asked, declared, plan, priced, tree

REFUSED = {
    "SELECT * FROM survey": "aggregate_form",
    "SELECT state FROM survey": "aggregate_form",
    "SELECT pay FROM survey": "aggregate_form",
    "SELECT state, COUNT(*) FROM survey": "aggregate_form",
    "SELECT COUNT(*) FROM survey GROUP BY state": "aggregate_form",
    "SELECT state, COUNT(*) FROM survey GROUP BY ROLLUP (state)": "aggregate_form",
    "SELECT state, COUNT(*) FROM survey GROUP BY GROUPING SETS ((state), ())": "aggregate_form",
    "SELECT MAX(pay) FROM survey": "aggregate_form",
    "SELECT MEDIAN(pay) FROM survey": "aggregate_form",
    "SELECT COUNT(pay) FROM survey": "aggregate_form",
    "SELECT SUM(DISTINCT pay) FROM survey": "aggregate_form",
    "SELECT SUM(pay + 1) FROM survey": "aggregate_form",
    "SELECT SUM(pay) / COUNT(*) FROM survey": "aggregate_form",
    "SELECT 1 + COUNT(*) FROM survey": "aggregate_form",
    "SELECT SUM(pay ORDER BY pay) FROM survey": "aggregate_form",
    "SELECT COUNT(*) FILTER (WHERE sex = 1) FROM survey": "aggregate_form",
    "SELECT COUNT(*) OVER () FROM survey": "aggregate_form",
    "SELECT COUNT(DISTINCT state) FROM survey": "aggregate_form",
    "SELECT DISTINCT COUNT(*) FROM survey": "aggregate_form",
    "SELECT COUNT(*) FROM survey QUALIFY COUNT(*) > 1": "aggregate_form",
    "SELECT COUNT(*) FROM survey TABLESAMPLE 10%": "aggregate_form",
    "SELECT COUNT(*) FROM survey a JOIN survey b USING (state)": "aggregate_form",
    "SELECT COUNT(*) FROM (SELECT * FROM survey)": "aggregate_form",
    "SELECT COUNT(*) FROM survey UNION SELECT COUNT(*) FROM survey": "aggregate_form",
    "WITH q AS (SELECT 1) SELECT COUNT(*) FROM survey": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE sex > 1": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state <> 'CA'": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state = 'CA' OR sex = 1": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE NOT state = 'CA'": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state IN (SELECT 'CA')": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state IS NULL": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state = NULL": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE upper(state) = 'CA'": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE CAST(state AS INTEGER) = 1": "aggregate_form",
    "SELECT COUNT(*) FROM survey WHERE state = sex": "aggregate_form",
    "SELECT COUNT(*) FROM survey HAVING SUM(pay) > 1": "aggregate_form",
    "SELECT COUNT(*) AS n FROM survey HAVING n > 1 OR n < 0": "aggregate_form",
    "SELECT state, COUNT(*) FROM survey GROUP BY state HAVING state = 'CA'": "aggregate_form",
    "SELECT COUNT(*) FROM survey ORDER BY SUM(pay)": "aggregate_form",
    "SELECT COUNT(*) FROM survey ORDER BY ALL": "aggregate_form",
    "SELECT COUNT(*) FROM survey LIMIT 10%": "aggregate_form",
    "SELECT COUNT(*) AS n, SUM(pay) AS n FROM survey": "aggregate_form",
    "SELECT COUNT(*) AS n, SUM(pay) AS n_low FROM survey": "aggregate_form",
    "SELECT COUNT(*) FROM elsewhere": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE nothing = 1": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE secret = 'x'": "not_granted",
    "SELECT SUM(person) FROM survey": "not_granted",
    "SELECT person, COUNT(*) FROM survey GROUP BY person": "not_granted",
    "SELECT other.state, COUNT(*) FROM survey GROUP BY ALL": "not_granted",
    "SELECT COUNT(*) FROM survey WHERE state = 'ZZ'": "key_value_unknown",
    "SELECT COUNT(*) FROM survey WHERE state = 'CA' AND state = 'NY'": "key_value_unknown",
    "SELECT COUNT(*) FROM survey WHERE pay = 3": "group_set_not_declared",
    "SELECT SUM(sex) FROM survey": "group_set_not_declared",
    "SELECT sex, COUNT(DISTINCT unit) FROM survey GROUP BY sex": "units_not_countable",
}


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_refused_with_a_question_that_would_be_allowed(sql: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        plan(sql)
    assert caught.value.code == code
    assert caught.value.message.zh
    assert caught.value.message.en
    assert caught.value.allowed_sql is not None
    assert plan(caught.value.allowed_sql).group_set.name == "by_both"


def test_unknown_and_not_granted_columns_read_the_same() -> None:
    texts = []
    for name in ("secret", "nothing", "person"):
        with pytest.raises(Refused) as caught:
            plan(f"SELECT COUNT(*) FROM survey WHERE {name} = 1")
        texts.append((caught.value.code, caught.value.message, caught.value.field))
    assert len(set(texts)) == 1


def test_a_field_that_a_newer_parser_adds_is_refused() -> None:
    syntax = json.loads(json.dumps(tree("SELECT COUNT(*) FROM survey")))
    syntax["statements"][0]["node"]["select_list"][0]["new_clause"] = True
    with pytest.raises(Refused, match="aggregate_form"):
        plan_of(syntax)


def plan_of(syntax: object) -> object:
    return plan_question(syntax, asked(), RULES)  # type: ignore[arg-type]


def test_bounds_too_wide_for_a_proof_are_refused() -> None:
    declaration = declared()
    wide = declaration.model_copy(
        update={
            "columns": tuple(
                item.model_copy(update={"upper": 2**40}) if item.name == "pay" else item
                for item in declaration.columns
            )
        }
    )
    with pytest.raises(Refused, match="sum_range_not_provable"):
        plan("SELECT SUM(pay) FROM survey", asked(wide))


def test_too_many_groups_are_refused() -> None:
    few = RULES.model_copy(update={"groups_max": 5})
    with pytest.raises(Refused, match="groups_too_many"):
        plan_question(tree("SELECT state, sex, COUNT(*) FROM survey GROUP BY ALL"), asked(), few)


@pytest.mark.parametrize("nano_rho", [0, 999, 100_000_001, -1])
def test_a_price_outside_the_limits_is_refused(nano_rho: int) -> None:
    with pytest.raises(Refused, match="question_budget_out_of_range"):
        priced("SELECT COUNT(*) FROM survey", nano_rho=nano_rho)


def test_a_licence_without_the_keys_has_no_example() -> None:
    few = asked().__class__(declared(), frozenset({"pay"}), asked().neighbours)
    assert example_sql(few) is None


def test_the_same_question_in_other_words_is_the_same_plan() -> None:
    first = plan("SELECT state, COUNT(*) AS n FROM survey WHERE sex = 1 GROUP BY state")
    second = plan("select s.STATE, count(*) as n from Survey s where 1 = sex group by 1")
    third = plan("SELECT state, COUNT(*) AS n FROM survey WHERE sex IN (1, 1) GROUP BY ALL")
    assert first.digest == second.digest == third.digest
    other = plan("SELECT state, COUNT(*) AS n FROM survey WHERE sex = 2 GROUP BY state")
    assert other.digest != first.digest


def test_what_is_measured_is_measured_once() -> None:
    found = plan("SELECT COUNT(*), SUM(pay), AVG(pay) FROM survey")
    assert [str(item.kind) for item in found.measured] == ["rows", "values", "total"]


def test_a_row_filter_of_the_licence_always_holds() -> None:
    forced = asked(forced={"state": ("CA", "NY")})
    found = plan("SELECT COUNT(*) FROM survey", forced)
    assert [item.ordinals for item in found.selections] == [(0, 1), (0, 1)]
    with pytest.raises(Refused, match="key_value_unknown"):
        plan("SELECT COUNT(*) FROM survey WHERE state = 'TX'", forced)


def test_a_filter_narrows_the_bound() -> None:
    total = plan("SELECT COUNT(*) FROM survey")
    one = plan("SELECT COUNT(*) FROM survey WHERE state = 'CA' AND sex = 1")
    assert squared_l2(total, total.measured[0]) == 36
    assert squared_l2(one, one.measured[0]) == 9


DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT COUNT(*) FROM survey LIMIT {DIGITS}",
        f"SELECT COUNT(*) FROM survey WHERE sex = {DIGITS}",
        f"SELECT COUNT(*) FROM survey WHERE sex = '{DIGITS}'",
        "SELECT COUNT(*) FROM survey WHERE sex = '²'",
        "SELECT COUNT(*) AS n FROM survey HAVING n > 1e99999999999999999999",
        "SELECT COUNT(*) FROM survey LIMIT -1",
        "SELECT state, COUNT(*) FROM survey GROUP BY 99",
        "SELECT state, COUNT(*) FROM survey GROUP BY 'x'",
        "SELECT COUNT(*) FROM survey ORDER BY 99",
    ],
)
def test_strange_literals_are_refused_not_failed(sql: str) -> None:
    with pytest.raises(Refused):
        plan(sql)


@pytest.mark.parametrize("broken", [{}, {"node": {}}, {"statements": [{}]}, {"statements": []}])
def test_a_tree_of_another_shape_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(Refused, match="aggregate_form"):
        plan_of(broken)


def test_no_sentence_of_the_gate_corpus_breaks_the_planner() -> None:
    for attempt in (*FORBIDDEN.values(), *LEGITIMATE):
        try:
            syntax = tree(attempt)
        except RecursionError:  # the gate refuses such depth before any planning
            continue
        with pytest.raises(Refused):
            plan_of(syntax)
