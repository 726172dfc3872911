"""The index answers every question as Casbin's own linear Enforcer does, on random policies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.enforcer import (
    AccessQuestion,
    Environment,
    PolicySnapshot,
    plain_enforcer,
)
from authorization.lines import GRADES, Links, PolicyLine, deny_line
from tests.licensing import PACK

PEOPLE = ("person:a", "person:b", "person:c")
GROUPS = ("role:analyst", "role:approver", "org:x", "org:bad")
DOMAINS = ("lic:A", "lic:B", "gov:city", "gov:prov", "gov:nation")
OBJECTS = ("ds:h", "ds:k", "col:h.age", "col:h.name", "col:k.city", "whole:h")
ACTIONS = ("query.rows", "query.dp")
PURPOSES = ("research", "industry")
TIMES = tuple(f"202{year}-01-01T00:00:00.000000Z" for year in range(6))
QUESTIONS_PER_POLICY = 25

names = st.sampled_from
allow_lines = st.builds(
    lambda sub, dom, obj, act, purpose, grade, window: PolicyLine(
        sub, dom, obj, act, purpose, grade, min(window), max(window), "allow"
    ),
    names((*PEOPLE, *GROUPS)),
    names(DOMAINS),
    names(OBJECTS),
    names(ACTIONS),
    names((*PURPOSES, "*")),
    names(GRADES),
    st.sets(names(TIMES), min_size=2, max_size=2),
)
deny_lines = st.builds(
    deny_line,
    names((*PEOPLE, *GROUPS)),
    names(DOMAINS),
    names(OBJECTS),
    names(ACTIONS),
    names((*PURPOSES, "*")),
)
link_sets = st.builds(
    Links,
    members=st.frozensets(
        st.tuples(names((*PEOPLE, *GROUPS)), names(GROUPS), names(DOMAINS)), max_size=12
    ),
    objects=st.frozensets(st.tuples(names(OBJECTS), names(OBJECTS)), max_size=6),
    domains=st.frozensets(st.tuples(names(DOMAINS), names(DOMAINS)), max_size=4),
)
questions = st.builds(
    AccessQuestion,
    names((*PEOPLE, "person:stranger")),
    names(DOMAINS),
    names(OBJECTS),
    names(ACTIONS),
    st.builds(Environment, names(PURPOSES), names(GRADES), names(TIMES)),
)
policies = st.tuples(
    st.lists(allow_lines, max_size=40), st.lists(deny_lines, max_size=4), link_sets
)
question_lists = st.lists(questions, min_size=QUESTIONS_PER_POLICY, max_size=QUESTIONS_PER_POLICY)


def check_equal(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links], asked: list[AccessQuestion]
) -> None:
    allowing, denying, links = policy
    lines = [*allowing, *denying]
    snapshot = PolicySnapshot(PACK.access_model, lines, links)
    reference = plain_enforcer(PACK.access_model, lines, links)
    for question in asked:
        first = snapshot.decide(question)
        # An empty Casbin policy runs its matcher on empty fields (trap T1); ours just denies.
        expected = reference(question) if lines else False
        assert first.allowed is expected
        assert snapshot.decide(question) == first
        if first.allowed:
            assert first.line in allowing


@settings(max_examples=30, deadline=None)
@given(policy=policies, asked=question_lists)
def test_the_index_equals_casbins_own_enforcer(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links], asked: list[AccessQuestion]
) -> None:
    check_equal(policy, asked)


@pytest.mark.full
@settings(max_examples=600, deadline=None)
@given(policy=policies, asked=question_lists)
def test_the_index_equals_casbins_own_enforcer_over_ten_thousand_questions(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links], asked: list[AccessQuestion]
) -> None:
    check_equal(policy, asked)


@settings(max_examples=30, deadline=None)
@given(policy=policies, asked=question_lists, more=deny_lines)
def test_one_more_denial_never_allows_more(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links],
    asked: list[AccessQuestion],
    more: PolicyLine,
) -> None:
    allowing, denying, links = policy
    before = PolicySnapshot(PACK.access_model, [*allowing, *denying], links)
    after = PolicySnapshot(PACK.access_model, [*allowing, *denying, more], links)
    for question in asked:
        assert before.decide(question).allowed or not after.decide(question).allowed
