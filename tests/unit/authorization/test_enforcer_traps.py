"""One test per known trap of Casbin (T1 to T9), showing what we do instead."""

import threading
from dataclasses import replace

import casbin
import pytest

from authorization.enforcer import AccessQuestion, Enforcer, Environment, PolicySnapshot
from authorization.lines import FAR_FUTURE, FAR_PAST, Links, PolicyLine, deny_line
from foundation.errors import Denied, InvalidInput, Unavailable
from tests.licensing import PACK

MODEL = PACK.access_model
ALLOW = PolicyLine(
    sub="role:analyst",
    dom="lic:A",
    obj="ds:health",
    act="query.rows",
    purpose="research",
    grade="L2",
    nbf="2026-01-01T00:00:00.000000Z",
    exp="2027-01-01T00:00:00.000000Z",
    eft="allow",
)
MEMBER = ("person:ann", "role:analyst", "lic:A")
LINKS = Links(members=frozenset({MEMBER}), objects=frozenset({("col:health.age", "ds:health")}))
NOW = "2026-06-01T00:00:00.000000Z"


def ask(**changes: str) -> AccessQuestion:
    environment = {
        name: changes.pop(name, default)
        for name, default in (("purpose", "research"), ("grade", "L2"), ("now", NOW))
    }
    question = AccessQuestion(
        "person:ann", "lic:A", "col:health.age", "query.rows", Environment(**environment)
    )
    return replace(question, **changes)  # type: ignore[arg-type]


def snapshot(*lines: PolicyLine, links: Links = LINKS) -> PolicySnapshot:
    return PolicySnapshot(MODEL, lines, links)


def test_t1_an_empty_policy_denies_everything() -> None:
    assert not snapshot().decide(ask()).allowed


@pytest.mark.parametrize("field", ["sub", "dom", "obj", "act", "purpose", "grade", "now"])
def test_t1_an_empty_request_field_is_refused(field: str) -> None:
    with pytest.raises(Denied, match="access_question_empty"):
        snapshot(ALLOW).decide(ask(**{field: ""}))


def test_t2_a_denial_held_by_a_role_is_never_missed() -> None:
    links = Links(members=LINKS.members | {("person:ann", "org:bad", "lic:A")})
    denied = snapshot(
        ALLOW, deny_line("org:bad", "lic:A", "ds:health", "query.rows"), links=links.joined(LINKS)
    ).decide(ask())
    assert not denied.allowed
    assert denied.line is not None
    assert denied.line.sub == "org:bad"


@pytest.mark.parametrize("effect", ["Deny", " deny", "DENY", "", "allow ", "permit"])
def test_t3_a_misspelt_effect_is_refused(effect: str) -> None:
    with pytest.raises(InvalidInput, match="policy_line_refused"):
        snapshot(ALLOW._replace(eft=effect))


def test_t4_no_request_sees_a_half_loaded_policy() -> None:
    denying = snapshot(ALLOW, deny_line("role:analyst", "lic:A", "ds:health", "query.rows"))
    other = snapshot(
        ALLOW,
        deny_line("role:analyst", "lic:A", "ds:health", "query.rows"),
        deny_line("org:x", "lic:A", "ds:health", "query.rows"),
    )
    enforcer = Enforcer(denying)
    wrong: list[bool] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            wrong.append(enforcer.decide(ask()).allowed)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(300):
        enforcer.swap(other if turn % 2 else denying)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong
    assert not any(wrong)


@pytest.mark.parametrize(
    "matcher",
    [
        "m = eval(p.rule)",
        'm = r.act == p.act && g2(r.obj, p.obj) && r.sub == "x"',
        "m = true",
        MODEL[MODEL.index("m = ") :].strip() + " || true",
        "m = r.act == (",
    ],
)
def test_t5_a_model_that_evaluates_rule_text_or_widens_the_match_is_refused(matcher: str) -> None:
    with pytest.raises(Unavailable, match="access_model_refused"):
        PolicySnapshot(MODEL[: MODEL.index("m = ")] + matcher, (ALLOW,), LINKS)


def test_t6_pattern_functions_are_not_available_to_a_matcher() -> None:
    model = MODEL.replace("&& r.act == p.act", "&& r.act == p.act && regexMatch(r.sub, p.sub)")
    with pytest.raises(Unavailable, match="access_model_refused"):
        PolicySnapshot(model, (ALLOW,), LINKS)


def test_t7_many_threads_get_the_same_answers() -> None:
    policy = snapshot(ALLOW)
    expected = [(f"L{grade}", grade <= 2) for grade in range(1, 5)]
    faults: list[object] = []

    def work() -> None:
        for turn in range(500):
            grade, allowed = expected[turn % 4]
            now = f"2026-06-01T00:00:00.{turn:06d}Z"
            question = ask(grade=grade, now=now)
            policy._cache.clear()
            try:
                if policy.decide(question).allowed is not allowed:
                    faults.append(question)
            except Exception as error:  # noqa: BLE001 - any failure is the finding
                faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_t8_a_model_whose_second_role_definition_is_lost_is_refused() -> None:
    for lost in ("g2 = _, _\n", "g3 = _, _\n"):
        with pytest.raises(Unavailable, match="access_model_refused"):
            PolicySnapshot(MODEL.replace(lost, ""), (ALLOW,), LINKS)


def test_t9_there_is_no_switch_that_allows_everything() -> None:
    enforcer = Enforcer(snapshot())
    assert not hasattr(enforcer, "enable_enforce")
    assert not isinstance(enforcer, casbin.Enforcer)
    assert not enforcer.decide(ask()).allowed


@pytest.mark.parametrize(
    "change",
    [
        {"grade": "L3"},
        {"exp": "2027-01-01T00:00:00.000000Z"},
    ],
)
def test_a_denial_that_would_lapse_is_refused(change: dict[str, str]) -> None:
    line = deny_line("org:bad", "lic:A", "ds:health", "query.rows")
    with pytest.raises(InvalidInput, match="never lapse"):
        snapshot(line._replace(**change))


@pytest.mark.parametrize("field", ["sub", "dom", "obj", "act"])
@pytest.mark.parametrize("text", ["", "*", "ds:*", "a b", "a,b"])
def test_a_wildcard_or_empty_name_is_refused(field: str, text: str) -> None:
    with pytest.raises(InvalidInput, match="policy_line_refused"):
        snapshot(ALLOW._replace(**{field: text}))


@pytest.mark.parametrize(
    "change",
    [
        {"grade": "L5"},
        {"nbf": "2026-01-01"},
        {"exp": FAR_PAST},
        {"purpose": ""},
        {"nbf": FAR_FUTURE},
    ],
)
def test_a_line_that_could_not_mean_what_it_says_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="policy_line_refused"):
        snapshot(ALLOW._replace(**change))


def test_links_deeper_than_casbin_follows_are_refused() -> None:
    chain = frozenset((f"ds:{place}", f"ds:{place + 1}") for place in range(10))
    with pytest.raises(InvalidInput, match="policy_links_too_deep"):
        snapshot(ALLOW, links=Links(objects=chain))


def test_the_hand_checked_decisions_of_the_model() -> None:
    provincial = PolicyLine(
        "role:approver", "gov:prov", "ds:health", "release.request", "*", "L3", ALLOW.nbf,
        ALLOW.exp, "allow",
    )  # fmt: skip
    links = LINKS.joined(
        Links(
            members=frozenset({("person:bo", "role:approver", "gov:prov")}),
            domains=frozenset({("gov:city", "gov:prov"), ("gov:prov", "gov:nation")}),
        )
    )
    policy = snapshot(ALLOW, provincial, links=links)
    bo = {"sub": "person:bo", "obj": "ds:health", "act": "release.request"}
    decided = {
        "research on L2": policy.decide(ask()).allowed,
        "another purpose": policy.decide(ask(purpose="sale")).allowed,
        "a higher grade": policy.decide(ask(grade="L3")).allowed,
        "the expiry instant": policy.decide(ask(now=ALLOW.exp)).allowed,
        "the first instant": policy.decide(ask(now=ALLOW.nbf)).allowed,
        "another licence": policy.decide(ask(dom="lic:B")).allowed,
        "province for a city": policy.decide(ask(dom="gov:city", **bo)).allowed,
        "province for the nation": policy.decide(ask(dom="gov:nation", **bo)).allowed,
    }
    assert decided == {
        "research on L2": True,
        "another purpose": False,
        "a higher grade": False,
        "the expiry instant": False,
        "the first instant": True,
        "another licence": False,
        "province for a city": True,
        "province for the nation": False,
    }


def test_only_lines_of_the_asked_bucket_are_matched() -> None:
    others = [ALLOW._replace(dom=f"lic:{number}") for number in range(1000)]
    policy = snapshot(ALLOW, *others)
    assert policy.candidates(ask()) == [ALLOW]


@pytest.mark.parametrize("field", ["sub", "dom", "obj", "act", "purpose", "nbf", "exp"])
def test_a_line_break_at_the_end_of_a_word_is_refused(field: str) -> None:
    text = getattr(ALLOW, field) + "\n"
    with pytest.raises(InvalidInput, match="policy_line_refused"):
        snapshot(ALLOW._replace(**{field: text}))


def test_one_bad_line_among_many_is_found() -> None:
    good = [ALLOW._replace(obj=f"ds:{number}") for number in range(200)]
    for change in (
        {"eft": "Deny"},
        {"grade": "L9"},
        {"exp": ALLOW.nbf},
        {"eft": "deny"},  # with a window and a grade of a permission, so that it would lapse
    ):
        with pytest.raises(InvalidInput, match="policy_line_refused"):
            snapshot(*good, ALLOW._replace(**change))


# Semantics of public models, in our lines: (who, domain, object, action) -> allowed.
RBAC_WITH_DOMAINS = {  # pycasbin's examples/rbac_with_domains_policy.csv
    ("alice", "domain1", "data1", "read"): True,
    ("alice", "domain1", "data1", "write"): True,
    ("alice", "domain1", "data2", "read"): False,
    ("alice", "domain1", "data2", "write"): False,
    ("bob", "domain2", "data1", "read"): False,
    ("bob", "domain2", "data1", "write"): False,
    ("bob", "domain2", "data2", "read"): True,
    ("bob", "domain2", "data2", "write"): True,
}
RBAC_WITH_DENY = {  # pycasbin's examples/rbac_with_deny_policy.csv
    ("alice", "one", "data1", "read"): True,
    ("bob", "one", "data2", "write"): True,
    ("alice", "one", "data2", "read"): True,
    ("alice", "one", "data2", "write"): False,
    ("bob", "one", "data1", "read"): False,
}


def public_line(sub: str, dom: str, obj: str, act: str) -> PolicyLine:
    return PolicyLine(sub, dom, obj, act, "*", "L4", FAR_PAST, FAR_FUTURE, "allow")


def answers(policy: PolicySnapshot, asked: dict[tuple[str, str, str, str], bool]) -> object:
    return {key: policy.decide(AccessQuestion(*key, ask().env)).allowed for key in asked}


def test_casbins_public_example_of_roles_within_domains_means_the_same_here() -> None:
    lines = [
        public_line("admin", domain, data, act)
        for domain, data in (("domain1", "data1"), ("domain2", "data2"))
        for act in ("read", "write")
    ]
    links = Links(members=frozenset({("alice", "admin", "domain1"), ("bob", "admin", "domain2")}))
    assert answers(snapshot(*lines, links=links), RBAC_WITH_DOMAINS) == RBAC_WITH_DOMAINS


def test_casbins_public_example_of_deny_override_means_the_same_here() -> None:
    lines = [
        public_line("alice", "one", "data1", "read"),
        public_line("bob", "one", "data2", "write"),
        public_line("data2_admin", "one", "data2", "read"),
        public_line("data2_admin", "one", "data2", "write"),
        deny_line("alice", "one", "data2", "write"),
    ]
    links = Links(members=frozenset({("alice", "data2_admin", "one")}))
    assert answers(snapshot(*lines, links=links), RBAC_WITH_DENY) == RBAC_WITH_DENY


def test_reloads_under_load_never_allow_what_every_policy_denies() -> None:
    """A denial by role stands in both policies; a half-loaded one would forget it (T4)."""
    denial = deny_line("role:analyst", "lic:A", "ds:health", "query.rows")
    many = [ALLOW._replace(obj=f"ds:{number}") for number in range(300)]
    policies = ([ALLOW, denial, *many], [*many, denial, ALLOW._replace(purpose="*")])
    enforcer = Enforcer(snapshot(*policies[0]))
    stop = threading.Event()
    allowed: list[bool] = []

    def watch(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            now = f"2026-06-{number + 1:02d}T00:00:00.{turn % 10**6:06d}Z"
            allowed.append(enforcer.decide(ask(now=now)).allowed)

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        enforcer.rebuild(lambda turn=turn: snapshot(*policies[turn % 2]))  # type: ignore[misc]
    stop.set()
    for thread in threads:
        thread.join()
    assert len(allowed) > 100
    assert not any(allowed)
