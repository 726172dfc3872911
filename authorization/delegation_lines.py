"""From the tree of authorities and its delegations to policy: who may exercise which lent power.

A power is in force at an authority only while an unbroken chain of confirmed delegations leads
down to it from the top, and only in the time common to all of them. A restriction stands at its
authority and at all beneath it, as a denial that nothing overrides.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from sqlalchemy import Connection

from authorization.authority_tree import chain_above, tree
from authorization.delegations import Delegation, DelegationState, Power, delegations
from authorization.enforcer import AccessQuestion, Environment, PolicySnapshot, Verdict
from authorization.index import DomainPolicy, Members, Pair
from authorization.lines import ANY_PURPOSE, Effect, PolicyLine, deny_line, time_text
from foundation.identity import Role

MEMBER = f"role:{Role.AUTHORITY}"
SUPERIOR = "role:superior_authority"
PURPOSE = "administration"
GRADE = "L4"
ALWAYS = (0, 2**62)

Window = tuple[int, int]
Held = tuple[str, str, str]  # authority, power, data set


@dataclass(frozen=True)
class AuthorityPolicy:
    """What the authorities' domains hold, their g3 links, and which delegation made each line."""

    domains: Mapping[str, DomainPolicy]
    links: frozenset[Pair]
    origins: Mapping[PolicyLine, str]


def authority_domain(authority: str) -> str:
    """Return the Casbin domain of an authority."""
    return f"gov:{authority}"


def authority_policy(
    connection: Connection, root: str, members_of: Callable[[str], Iterable[str]]
) -> AuthorityPolicy:
    """Compile tree and delegations. ``root`` holds every power by law.

    ``members_of`` gives the subjects that act for an authority.
    """
    superior = tree(connection)
    active = delegations(connection, DelegationState.ACTIVE)
    above = {name: chain_above(superior, name) for name in {*superior, *superior.values()}}
    origins: dict[PolicyLine, str] = {}
    for found in _restrictions(active, above):
        origins.setdefault(*found)
    for found in _grants(active, above, root):
        origins.setdefault(*found)
    lines: defaultdict[str, list[PolicyLine]] = defaultdict(list)
    for line in origins:
        lines[line.dom].append(line)
    return AuthorityPolicy(
        domains={
            authority_domain(name): DomainPolicy.of(
                authority_domain(name),
                lines[authority_domain(name)],
                _members(name, chain, members_of),
            )
            for name, chain in above.items()
        },
        links=frozenset(
            (authority_domain(low), authority_domain(high)) for low, high in superior.items()
        ),
        origins=origins,
    )


def ask_power(
    snapshot: PolicySnapshot,
    *,
    subject: str,
    authority: str,
    power: Power,
    dataset: str,
    now_us: int,
) -> Verdict:
    """Decide whether somebody acting for an authority may exercise a power over a data set now."""
    return snapshot.decide(power_question(subject, authority, power, dataset, now_us))


def power_question(
    subject: str, authority: str, power: Power, dataset: str, now_us: int
) -> AccessQuestion:
    """Return the question that ``ask_power`` asks."""
    return AccessQuestion(
        sub=subject,
        dom=authority_domain(authority),
        obj=f"ds:{dataset}",
        act=str(power),
        env=Environment(purpose=PURPOSE, grade=GRADE, now=time_text(now_us)),
    )


def _grants(
    active: Iterable[Delegation], above: Mapping[str, tuple[str, ...]], root: str
) -> Iterable[tuple[PolicyLine, str]]:
    """Walk from the top down, so that what is passed on is known before it is passed on."""
    held: defaultdict[Held, list[Window]] = defaultdict(list)
    lent = [one for one in active if one.effect == "allow"]
    for one in sorted(lent, key=lambda one: len(above.get(one.delegator, ()))):
        if one.delegator not in above.get(one.delegate, ()):
            continue
        for power, dataset in product(one.powers, one.datasets):
            own = [ALWAYS] if one.delegator == root else held[one.delegator, power, dataset]
            for window in own:
                begin = max(window[0], one.valid_from_us)
                end = min(window[1], one.valid_until_us)
                if begin < end:
                    held[one.delegate, power, dataset].append((begin, end))
                    yield _line(one.delegate, power, dataset, (begin, end)), one.id


def _restrictions(
    active: Iterable[Delegation], above: Mapping[str, tuple[str, ...]]
) -> Iterable[tuple[PolicyLine, str]]:
    for one in active:
        if one.effect != "deny":
            continue
        below = (name for name, chain in above.items() if one.delegate in (name, *chain))
        for name, power, dataset, who in product(
            below, one.powers, one.datasets, (MEMBER, SUPERIOR)
        ):
            yield deny_line(who, authority_domain(name), f"ds:{dataset}", power), one.id


def _line(authority: str, power: str, dataset: str, window: Window) -> PolicyLine:
    return PolicyLine(
        sub=MEMBER,
        dom=authority_domain(authority),
        obj=f"ds:{dataset}",
        act=power,
        purpose=ANY_PURPOSE,
        grade=GRADE,
        nbf=time_text(window[0]),
        exp=time_text(window[1]),
        eft=Effect.ALLOW,
    )


def _members(
    authority: str, chain: Iterable[str], members_of: Callable[[str], Iterable[str]]
) -> Members:
    """Link an authority's own people to its role, and those above it to what denials reach."""
    own = {(who, MEMBER) for who in members_of(authority)}
    over = {(who, SUPERIOR) for name in chain for who in members_of(name)}
    return Members.of(own | over)
