"""Cheaper questions: each can be run as it stands, and is more exact at the same loss."""

import pytest

from disclosure.outcome import Refused
from disclosure.plan.alternatives import Alternative, alternatives
from disclosure.plan.pricing import PriceTerms
from tests.planning import QUESTION_MAX, RULES, asked, plan, question


def ranked(sql: str, nano_rho: int | None = None) -> tuple[Alternative, ...]:
    terms = PriceTerms(QUESTION_MAX, grade="L3")
    return alternatives(question(sql), asked(), RULES, terms, nano_rho)


def test_a_question_that_would_be_refused_has_none() -> None:
    with pytest.raises(Refused):
        ranked("SELECT COUNT(*) AS n FROM survey", 1)


def test_alternatives_are_ranked_and_run_as_they_stand() -> None:
    found = ranked("SELECT state, sex, COUNT(*) AS n, AVG(pay) AS m FROM survey GROUP BY ALL")
    gains = [item.error_gain for item in found]
    assert len(found) >= 3
    assert gains == sorted(gains, reverse=True)
    assert min(gains) > 1
    assert all(plan(item.sql).measured for item in found)
    assert "GROUP BY sex" in found[0].sql
    assert all(
        set(item.as_public()) == {"sql", "why", "cost_nano_rho", "error_gain"} for item in found
    )


def test_order_and_having_go_with_the_output_that_is_left_out() -> None:
    sql = (
        "SELECT state, COUNT(*) AS n, AVG(pay) AS m FROM survey GROUP BY state "
        "HAVING m > 3 ORDER BY m DESC"
    )
    without = next(item.sql for item in ranked(sql) if "AVG" not in item.sql)
    assert "HAVING" not in without
    assert "ORDER" not in without


def test_the_simplest_question_needs_none() -> None:
    assert ranked("SELECT COUNT(*) AS n FROM survey") == ()
