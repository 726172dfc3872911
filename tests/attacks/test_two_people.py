"""I8: under whatever account, house or moment one person tries it, no flow is approved so."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.tags import EntryKind
from authorization.affiliates import RelationDeclared, declare_relation
from authorization.authority_tree import place_authority
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from authorization.registry_changes import roles_held
from foundation.clock import MICROSECONDS_PER_SECOND, to_iso
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, ActorKind, Role
from policies.schema.access import AccessRules
from policies.schema.roles import RoleRules
from tests.attacks.two_people_flows import (
    APPROVING,
    COUNTY,
    ELSEWHERE,
    FLOWS,
    NO_APPROVAL,
    PRICES,
    Flow,
)
from tests.calling import problem_of
from tests.city import AUTHORITY, City, Plan, built_city
from tests.fakes import TickingClock
from tests.parts import REPOSITORY
from tests.registering import API, change

SECOND = frozenset({"applicant_cannot_approve", "population_second_person", "role_missing"})
MACHINE = frozenset({"service_account_cannot_approve", "authority_required", "role_missing"})
NEAR = frozenset({"checker_of_same_organisation", "reviewer_not_apart"})
YOUNG = frozenset({"account_younger_than_request"})
NO_ROLE = frozenset({"role_missing", "not_entitled_to_confirm"})
PASSING_US = 600 * MICROSECONDS_PER_SECOND


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    with built_city(home, Plan(), clock=clock) as city:
        house(city, PRICES, OrganisationKind.PRICING)
        house(city, COUNTY, OrganisationKind.AUTHORITY)
        for name in ("pricer", "second_pricer"):
            person(city, name, Role.PRICING, PRICES)
        founder, rules = city.actor("founder"), city.platform.pack.rules(AccessRules)
        opened = city.client("founder").post(f"{API}/periods", json={"id": "one"})
        assert opened.status_code == 201, opened.text
        place_authority(city.platform.writer, founder, COUNTY, AUTHORITY, rules)
        yield city


def house(city: City, name: str, kind: OrganisationKind = OrganisationKind.DEVELOPER) -> None:
    organisation = Organisation(id=name, kind=kind, name_zh=name, name_en=name)
    create_organisation(city.platform.writer, SYSTEM_ACTOR, organisation)


def person(city: City, name: str, role: Role, *houses: str, **changes: Any) -> str:
    account = Account(name=name, organisation=houses[0])
    wanted = Person(
        id=name, name=name, organisations=houses, roles=(role,), accounts=(account,), **changes
    )
    create_person(city.platform.writer, SYSTEM_ACTOR, wanted)
    return name


def near(city: City, name: str, to: str) -> str:
    """Register a company of which another holds half; return the relation's id."""
    house(city, name)
    declared = RelationDeclared.model_validate(
        {
            "organisation": name,
            "kind": "share",
            "controller_organisation": to,
            "share_ppm": 500_000,
            "evidence": "register of companies",
        }
    )
    rules = city.platform.pack.rules(RoleRules)
    recorded = declare_relation(
        city.platform.writer, city.actor("founder"), declared, rules, city.platform.pack.digest
    )
    return recorded.value.id


class Attackers:
    """People who hold the approver's role in their own right, and what is wrong with each."""

    def __init__(self, city: City, flow: Flow, clock: TickingClock) -> None:
        self.city, self.flow, self.clock = city, flow, clock
        self.found: list[tuple[str, frozenset[str]]] = []

    def _name(self, word: str) -> str:
        return f"{word}_{self.flow.name}"

    def _person(self, word: str, *houses: str, **changes: Any) -> str:
        flow = self.flow
        return person(self.city, self._name(word), flow.role, flow.home, *houses, **changes)

    def before(self) -> None:
        """Register those who were there before anything was asked."""
        city, flow = self.city, self.flow
        self.found += [
            (self._name("second"), SECOND),
            (self._person("machine", kind=ActorKind.SERVICE), MACHINE),
            ("auditor", NO_ROLE),
            ("audit_admin", NO_ROLE),
            ("system_admin", NO_ROLE),
        ]
        if flow.role is not Role.SECURITY_ADMINISTRATOR:
            self.found.append(("security_admin", NO_ROLE))
        applicant = city.actor(flow.applicant)
        second = {"name": self._name("second"), "organisation": applicant.organisation}
        self._by_two({"kind": "account", "person": applicant.person, "account": second})
        self.swapped = self._person("swapped")
        until = to_iso(self.clock.now_us() + PASSING_US)
        self.passing = self._person("passing")
        self._swap(self.passing, until)
        if flow.house:
            near(city, self._name("sister"), flow.house)
            self.relation = near(city, self._name("sold"), flow.house)
            self.found += [
                (self._person("own", flow.house), NEAR),
                (self._person("of_sister", self._name("sister")), NEAR),
                (self._person("of_sold", self._name("sold")), NEAR),
                (self._person("leaver", flow.house), NEAR),
            ]

    def during(self) -> None:
        """Change what can be changed between the request and the vote."""
        flow = self.flow
        self.found += [
            (flow.applicant, SECOND),
            (self._person("late"), YOUNG),
            (self.swapped, YOUNG),
        ]
        self._swap(self.swapped)
        if flow.house:
            self._by_two({"kind": "relation_end", "relation": self.relation})
            leaver = self._name("leaver")
            wanted = {"kind": "affiliation_end", "person": leaver, "organisation": flow.house}
            self._by_two(wanted)

    def after(self) -> None:
        """Let time pass, so that what was granted for a while is over."""
        self.clock.advance(PASSING_US)
        self.found.append((self.passing, NO_ROLE))

    def _swap(self, name: str, until: str = "") -> None:
        role = str(self.flow.role)
        self._by_two({"kind": "role_end", "person": name, "role": role})
        self._by_two({"kind": "role", "person": name, "role": role, "until": until})

    def _by_two(self, wanted: dict[str, Any]) -> None:
        """Make a change by a person of the authority and the administrator who confirms it."""
        held = set()
        if "person" in wanted:
            with reading(self.city.platform.engine) as connection:
                held = set(roles_held(connection, wanted["person"]))
        held |= {wanted["role"]} if "role" in wanted else set()
        of_security = Role.SECURITY_ADMINISTRATOR in held
        confirmer = "system_admin" if of_security else "security_admin"
        change(self.city.client("approver"), self.city.client(confirmer), wanted)


LATE_ROUND = frozenset({"delegation", "tariff", "permitted", "package"})
"""Flows whose code is as that of one beside it: they are driven in the full run."""


def rows() -> list[Any]:
    return [
        pytest.param(
            flow, id=flow.name, marks=[pytest.mark.full] if flow.name in LATE_ROUND else []
        )
        for flow in FLOWS
    ]


@pytest.mark.parametrize("flow", rows())
def test_no_flow_is_approved_by_one_hand(city: City, clock: TickingClock, flow: Flow) -> None:
    attackers = Attackers(city, flow, clock)
    attackers.before()
    path, body = flow.prepare(city)
    attackers.during()
    attackers.after()
    before = len(city.entries(*flow.kinds))
    for account, codes in attackers.found:
        answer = city.client(account).post(f"{API}{path}", json=body)
        problem = problem_of(answer, 403)
        assert problem["code"] in codes, (flow.name, account, problem)
    assert len(city.entries(*flow.kinds)) == before
    honest = city.client(flow.approver).post(f"{API}{path}", json=body)
    assert honest.status_code in {200, 201}, honest.text
    assert len(city.entries(*flow.kinds)) == before + 1


def test_every_kind_of_entry_that_approves_has_its_row() -> None:
    driven = {str(kind) for flow in FLOWS for kind in flow.kinds}
    rows = [*driven, *ELSEWHERE, *NO_APPROVAL]
    assert len(rows) == len(set(rows))
    kinds = {str(kind) for kind in EntryKind}
    assert set(rows) <= kinds
    approving = {kind for kind in kinds if kind.rsplit(":", 1)[1] in APPROVING}
    missing = sorted(approving - set(rows))
    assert not missing, f"tests/attacks/two_people_flows.py has no row for {missing}"


def test_what_is_attacked_elsewhere_is_there() -> None:
    for path in ELSEWHERE.values():
        assert (REPOSITORY / path).is_file(), path
