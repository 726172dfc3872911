"""The index answers every question as Casbin's own linear Enforcer does, on random policies.

Hierarchies in all three relations (circles too), windows met at their boundaries, denials, empty
fields; the same after exchanging domains one by one; and the explanation says what was decided.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.enforcer import (
    AccessQuestion,
    Environment,
    PolicySnapshot,
    plain_enforcer,
)
from authorization.explanations import Cause, cause_of, misses
from authorization.index import DomainPolicy, Members, Relation, group
from authorization.lines import GRADES, Links, PolicyLine, deny_line
from foundation.errors import Denied
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
@settings(max_examples=4_200, deadline=None)
@given(policy=policies, asked=question_lists)
def test_the_index_equals_casbins_own_enforcer_over_a_hundred_thousand_questions(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links], asked: list[AccessQuestion]
) -> None:
    check_equal(policy, asked)


@settings(max_examples=60, deadline=None)
@given(old=policies, new=policies, asked=question_lists)
def test_exchanging_domains_gives_what_building_anew_gives(
    old: tuple[list[PolicyLine], list[PolicyLine], Links],
    new: tuple[list[PolicyLine], list[PolicyLine], Links],
    asked: list[AccessQuestion],
) -> None:
    """Domain by domain, and object links counted: what two licences bring goes with the second."""
    empty = PolicySnapshot(PACK.access_model, (), Links())
    before = empty.replaced(parts(*old), domains=old[2].domains)
    assert same(before, old)
    gone = dict.fromkeys(parts(*old).keys() - parts(*new).keys())
    step = before
    for domain, part in {**parts(*new), **gone}.items():
        step = step.replaced({domain: part})
    after = step.replaced({}, domains=new[2].domains)
    assert same(after, new)
    anew = PolicySnapshot(PACK.access_model, [*new[0], *new[1]], new[2])
    for question in asked:
        assert after.decide(question) == anew.decide(question)


def parts(
    allowing: list[PolicyLine], denying: list[PolicyLine], links: Links
) -> dict[str, DomainPolicy]:
    """Cut a policy into domains; each brings all object links, so that they are counted."""
    found = group([*allowing, *denying])
    people: dict[str, set[tuple[str, str]]] = {}
    for who, role, domain in links.members:
        people.setdefault(domain, set()).add((who, role))
    return {
        domain: DomainPolicy.of(
            domain, found.get(domain, ()), Members.of(people.get(domain, ())), links.objects
        )
        for domain in (*DOMAINS, "lic:carrier")
        if domain in found or domain in people or domain == "lic:carrier"
    }


def same(
    snapshot: PolicySnapshot, policy: tuple[list[PolicyLine], list[PolicyLine], Links]
) -> bool:
    allowing, denying, links = policy
    links = Links(links.members | {("person:nobody", "role:none", "lic:carrier")}, links.objects,
                  links.domains)  # fmt: skip
    carrier = DomainPolicy.of(
        "lic:carrier", (), Members.of((("person:nobody", "role:none"),)), policy[2].objects
    )
    anew = PolicySnapshot(PACK.access_model, [*allowing, *denying], links)
    return snapshot.replaced({"lic:carrier": carrier}).digest == anew.digest


pairs = st.tuples(names(OBJECTS), names(OBJECTS))


@settings(max_examples=100, deadline=None)
@given(held=st.lists(pairs, max_size=6), moves=st.lists(pairs, min_size=1, max_size=6))
def test_a_relation_changed_link_by_link_closes_as_one_made_anew(
    held: list[tuple[str, str]], moves: list[tuple[str, str]]
) -> None:
    """A link reaches down too: whoever stands beneath its low end gains and loses by it."""
    relation = Relation.of(held)
    for pair in moves:
        gone = pair in held
        held = [other for other in held if other != pair] if gone else [*held, pair]
        removed = [pair] * relation_count(relation, pair) if gone else []
        relation = relation.changed(removed, [] if gone else [pair])
        anew = Relation.of(held)
        assert relation.closure == anew.closure
        assert relation.digest == anew.digest


def relation_count(relation: Relation, pair: tuple[str, str]) -> int:
    return relation._counts[pair]


@settings(max_examples=60, deadline=None)
@given(policy=policies, asked=question_lists)
def test_the_explanation_says_what_was_decided(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links], asked: list[AccessQuestion]
) -> None:
    allowing, denying, links = policy
    snapshot = PolicySnapshot(PACK.access_model, [*allowing, *denying], links)
    for question in asked:
        cause, line = cause_of(snapshot, question)
        fits = [
            other
            for other in snapshot.candidates(question)
            if not misses(snapshot, question, other)
        ]
        effects = {str(other.eft) for other in fits}
        assert (cause is Cause.ALLOWED) is snapshot.decide(question).allowed
        assert (cause is Cause.ALLOWED) is (effects == {"allow"})
        assert (cause is Cause.DENIED) is ("deny" in effects)
        if line is not None:
            assert (line in fits) is (cause in {Cause.ALLOWED, Cause.DENIED})


@settings(max_examples=30, deadline=None)
@given(policy=policies, asked=question_lists, field=names(("sub", "dom", "obj", "act")))
def test_an_empty_field_never_passes_whatever_the_policy(
    policy: tuple[list[PolicyLine], list[PolicyLine], Links],
    asked: list[AccessQuestion],
    field: str,
) -> None:
    allowing, denying, links = policy
    snapshot = PolicySnapshot(PACK.access_model, [*allowing, *denying], links)
    for question in asked:
        with pytest.raises(Denied):
            snapshot.decide(replace(question, **{field: ""}))  # type: ignore[arg-type]


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
