"""Power runs down a tree of authorities, is lent by two people for a time, and ends at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from audit.events import Writer
from audit.writer import GroupCommitWriter
from authorization.authority_tree import place_authority
from authorization.delegation_lines import ask_power
from authorization.delegations import (
    Delegation,
    DelegationDocument,
    DelegationState,
    Power,
    confirm_delegation,
    end_delegation,
    propose_delegation,
    require_delegation,
)
from authorization.enforcer import Enforcer
from authorization.organisations import (
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from authorization.snapshots import enforcer_of
from foundation.clock import MICROSECONDS_PER_DAY, to_iso
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.schema.access import AccessRules
from tests.fakes import SteppedClock
from tests.licensing import PACK
from tests.licensing import actor as person_of_city

RULES = PACK.rules(AccessRules)
ROOT = "bureau"
LEVELS = ("province", "city", "county")
SUSPEND = Power.LICENCE_SUSPEND


@dataclass
class Country:
    """Authorities in four levels, two officers each, and the policy that follows the store."""

    writer: Writer
    clock: SteppedClock
    engine: Engine
    enforcer: Enforcer

    def officer(self, authority: str, number: int = 1) -> Actor:
        return Actor(f"{authority}-{number}", authority, frozenset({Role.AUTHORITY}))

    def root(self, name: str = "drafter") -> Actor:
        return person_of_city(name)

    def document(self, delegate: str, **changes: Any) -> DelegationDocument:
        now_us = self.clock.now_us()
        return DelegationDocument.model_validate(
            {
                "delegate": delegate,
                "powers": [SUSPEND],
                "datasets": ["households"],
                "valid_from": to_iso(now_us - MICROSECONDS_PER_DAY),
                "valid_until": to_iso(now_us + 10 * MICROSECONDS_PER_DAY),
                **changes,
            }
        )

    def lend(self, first: Actor, second: Actor, delegate: str, **changes: Any) -> Delegation:
        document = self.document(delegate, **changes)
        found = propose_delegation(self.writer, first, document, RULES).value
        self.clock.advance(1)
        return confirm_delegation(self.writer, second, found.id).value

    def chain(self) -> list[Delegation]:
        """Lend from the root to the county, level by level."""
        made = [self.lend(self.root(), self.root("signer"), LEVELS[0])]
        for upper, lower in pairwise(LEVELS):
            made.append(self.lend(self.officer(upper), self.officer(upper, 2), lower))
        return made

    def restrict(self, actor: Actor, delegate: str) -> Delegation:
        document = self.document(delegate, effect="deny", valid_from="", valid_until="")
        return propose_delegation(self.writer, actor, document, RULES).value

    def may(self, authority: str, within: str = "", dataset: str = "households") -> bool:
        return ask_power(
            self.enforcer.snapshot,
            subject=f"person:{authority}-1",
            authority=within or authority,
            power=SUSPEND,
            dataset=dataset,
            now_us=self.clock.now_us(),
        ).allowed


@pytest.fixture
def country(
    city: GroupCommitWriter, engine: Engine, keys: FileKeyStore, clock: SteppedClock
) -> Iterator[Country]:
    for name in LEVELS:
        create_organisation(
            city,
            SYSTEM_ACTOR,
            Organisation(id=name, kind=OrganisationKind.AUTHORITY, name_zh=name, name_en=name),
        )
        for number in (1, 2):
            officer = Person(
                id=f"{name}-{number}", name="x", organisations=(name,), roles=(Role.AUTHORITY,)
            )
            create_person(city, SYSTEM_ACTOR, officer)
    for lower, upper in zip(LEVELS, (ROOT, *LEVELS), strict=False):
        place_authority(city, person_of_city("drafter"), lower, upper, RULES)
    enforcer = enforcer_of(engine, PACK, keys.ensure_signing_key("authority"), ROOT)
    yield Country(city, clock, engine, enforcer)
    enforcer.close()


def refused(kind: type[SandgateError], code: str, call: Any, *arguments: Any) -> None:
    with pytest.raises(kind) as found:
        call(*arguments)
    assert found.value.code == code
    assert found.value.message.zh
    assert found.value.message.en


def test_no_power_is_held_before_anything_is_lent(country: Country) -> None:
    assert not any(country.may(name) for name in LEVELS)


def test_nobody_lends_upwards_sideways_or_to_a_stranger(country: Country) -> None:
    for actor, delegate in (
        (country.officer("county"), "city"),
        (country.officer("city"), "city"),
        (country.officer("province"), ROOT),
        (country.root(), "datawise"),
        (country.root(), "nobody"),
    ):
        document = country.document(delegate)
        refused(
            Denied, "delegate_not_beneath", propose_delegation, country.writer, actor, document,
            RULES,
        )  # fmt: skip


def test_who_acts_for_an_authority_they_left_or_as_a_machine_lends_nothing(
    country: Country,
) -> None:
    pretender = Actor("analyst", "province", frozenset({Role.AUTHORITY}))
    machine = Actor("province-1", "province", frozenset({Role.AUTHORITY}), kind=ActorKind.SERVICE)
    operator = Actor("analyst", "datawise", frozenset({Role.OPERATOR}))
    for actor in (pretender, machine, operator):
        with pytest.raises(Denied):
            propose_delegation(country.writer, actor, country.document("city"), RULES)


def test_a_document_that_breaks_a_rule_is_refused_by_its_field(country: Country) -> None:
    propose = (propose_delegation, country.writer, country.root())
    window = "delegation_window"
    for changes, code in (
        ({"datasets": ["unknown"]}, "delegation_dataset_unknown"),
        ({"valid_until": ""}, window),
        ({"valid_until": "tomorrow"}, window),
        ({"valid_from": "2026-01-02", "valid_until": "2026-01-01"}, window),
        ({"valid_from": "2026-01-01", "valid_until": "2026-02-01"}, window),
        ({"valid_until": "2031-01-01"}, window),
    ):
        refused(InvalidInput, code, *propose, country.document("province", **changes), RULES)


def test_two_people_lend_never_one(country: Country) -> None:
    found = propose_delegation(
        country.writer, country.root(), country.document("province"), RULES
    ).value
    assert found.state is DelegationState.PROPOSED
    assert not country.may("province")
    country.clock.advance(1)
    confirm = (confirm_delegation, country.writer)
    refused(Denied, "applicant_cannot_approve", *confirm, country.root(), found.id)
    refused(Denied, "delegation_not_yours", *confirm, country.officer("city"), found.id)
    young = Actor("signer", ROOT, frozenset({Role.AUTHORITY}), since_us=country.clock.now_us())
    refused(Denied, "account_younger_than_request", *confirm, young, found.id)
    refused(NotFound, "delegation_unknown", *confirm, country.root("signer"), "dlg_x")
    assert not country.may("province")
    confirm_delegation(country.writer, country.root("signer"), found.id)
    assert country.may("province")
    refused(Conflict, "delegation_state", *confirm, country.root("signer"), found.id)


def test_a_power_is_held_for_its_data_set_and_its_time_only(country: Country) -> None:
    country.lend(country.root(), country.root("signer"), "province")
    assert country.may("province")
    assert not country.may("province", dataset="colleges")
    country.clock.advance(10 * MICROSECONDS_PER_DAY - 2)
    assert country.may("province")
    country.clock.advance(1)
    assert not country.may("province")


def test_power_runs_down_only(country: Country) -> None:
    country.lend(country.root(), country.root("signer"), "city")
    assert country.may("city")
    assert country.may("city", within="county")
    assert not country.may("city", within="province")
    assert not country.may("county")
    assert not country.may("province")


def test_an_authority_passes_on_no_more_than_it_holds(country: Country) -> None:
    country.lend(country.root(), country.root("signer"), "province")
    country.lend(
        country.officer("province"), country.officer("province", 2), "city",
        datasets=["households", "colleges"],
        valid_until=to_iso(country.clock.now_us() + 100 * MICROSECONDS_PER_DAY),
    )  # fmt: skip
    assert country.may("city")
    assert not country.may("city", dataset="colleges")
    country.clock.advance(11 * MICROSECONDS_PER_DAY)
    assert not country.may("city")


def test_ending_one_delegation_ends_all_that_rests_on_it_at_once(country: Country) -> None:
    first, second, _ = country.chain()
    assert all(country.may(name) for name in LEVELS)
    end = (end_delegation, country.writer)
    refused(Denied, "delegation_not_yours", *end, country.officer("city"), second.id, "x")
    end_delegation(country.writer, country.root(), second.id, "from above")
    assert [country.may(name) for name in LEVELS] == [True, False, False]
    end_delegation(country.writer, country.root("signer"), first.id, "over")
    assert not any(country.may(name) for name in LEVELS)
    refused(Conflict, "delegation_state", *end, country.root(), first.id, "again")


def test_a_restriction_overrides_at_its_authority_and_beneath_until_it_is_lifted(
    country: Country,
) -> None:
    country.chain()
    found = country.restrict(country.officer("province"), "city")
    assert [country.may(name) for name in LEVELS] == [True, False, False]
    assert not country.may("province", within="city")
    assert not country.may("province", within="county")
    country.clock.advance(5 * MICROSECONDS_PER_DAY)
    assert not country.may("city")
    end_delegation(country.writer, country.officer("province"), found.id, "lifted")
    assert all(country.may(name) for name in LEVELS)


def test_who_leaves_no_trace_of_office_holds_nothing(country: Country) -> None:
    country.chain()
    with country.engine.begin() as connection:
        connection.execute(text("DELETE FROM person_role WHERE person = 'city-1'"))
    assert not country.may("city")
    assert country.may("county")


def test_the_tree_has_no_circle_no_second_superior_and_no_fifth_level(country: Country) -> None:
    place = (place_authority, country.writer, country.root())
    refused(InvalidInput, "authority_circle", *place, ROOT, "county", RULES)
    refused(Conflict, "authority_placed_already", *place, "county", "province", RULES)
    refused(InvalidInput, "not_an_authority", *place, "datawise", ROOT, RULES)
    village = Organisation(
        id="village", kind=OrganisationKind.AUTHORITY, name_zh="村", name_en="village"
    )
    create_organisation(country.writer, SYSTEM_ACTOR, village)
    refused(InvalidInput, "authority_tree_too_deep", *place, "village", "county", RULES)


def test_the_store_itself_keeps_delegations_as_written(country: Country) -> None:
    found = country.lend(country.root(), country.root("signer"), "province")
    end_delegation(country.writer, country.root(), found.id, "over")
    for statement in (
        "UPDATE delegation SET delegate = 'county'",
        "UPDATE delegation SET valid_until_us = valid_until_us + 1",
        "UPDATE delegation SET state = 'active'",
        "DELETE FROM delegation",
    ):
        with country.engine.begin() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement))
    with reading(country.engine) as connection:
        assert require_delegation(connection, found.id).state is DelegationState.ENDED
