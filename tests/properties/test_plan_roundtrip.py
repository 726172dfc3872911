"""Questions and texts: what is written reads back the same, and what means the same is one plan."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disclosure.outcome import Refused
from disclosure.plan.binding import bind
from disclosure.plan.model import AggregatePlan
from disclosure.plan.question import Question
from disclosure.plan.rendering import rendered
from disclosure.plan.writing import write_question
from tests.engines import parse_here
from tests.planning import RULES, WIDE, question, tree
from tests.questions import other_spelling, questions

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
FEW = settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
MANY = settings(max_examples=20_000, deadline=None, suppress_health_check=SLOW)


def planned(asked: Question) -> AggregatePlan | str:
    """Bind a question, or return the code of the rule that refuses it."""
    try:
        return bind(asked, WIDE, RULES)
    except Refused as refused:
        return refused.code


def check_round_trip(asked: Question) -> None:
    sql = write_question(asked, WIDE)
    again = question(sql, WIDE)
    assert again == asked, sql
    first, second = planned(asked), planned(again)
    assert first == second
    if isinstance(first, AggregatePlan) and isinstance(second, AggregatePlan):
        assert first.digest == second.digest


def check_other_spelling(asked: Question, data: Any) -> None:
    sql = other_spelling(asked, data.draw)
    again = question(sql, WIDE)
    assert again == asked, sql
    first, second = planned(asked), planned(again)
    if isinstance(first, AggregatePlan) and isinstance(second, AggregatePlan):
        assert first.digest == second.digest
    else:
        assert first == second


@FEW
@given(questions())
def test_a_written_question_reads_back_as_itself(asked: Question) -> None:
    check_round_trip(asked)
    tree.cache_clear()


@FEW
@given(questions(), st.data())
def test_another_spelling_is_the_same_plan(asked: Question, data: Any) -> None:
    check_other_spelling(asked, data)
    tree.cache_clear()


@FEW
@given(questions())
def test_every_plan_renders_to_sql_that_parses(asked: Question) -> None:
    plan = planned(asked)
    for statement in rendered(plan) if isinstance(plan, AggregatePlan) else ():
        syntax = json.loads(parse_here(statement.sql).tree_json)
        assert not syntax["error"], statement.sql
        assert len(syntax["statements"]) == 1


@FEW
@given(questions(), questions())
def test_plans_have_one_digest_only_where_they_are_one(left: Question, right: Question) -> None:
    first, second = planned(left), planned(right)
    if isinstance(first, AggregatePlan) and isinstance(second, AggregatePlan):
        assert (first.digest == second.digest) is (first == second)


@pytest.mark.full
@pytest.mark.timeout(3600)
@MANY
@given(questions(), st.data())
def test_twenty_thousand_questions_in_two_spellings(asked: Question, data: Any) -> None:
    check_round_trip(asked)
    check_other_spelling(asked, data)
    tree.cache_clear()
