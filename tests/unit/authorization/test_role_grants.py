"""Two people stand behind every person, role and account; what each attempt alone comes to."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from audit.writer import GroupCommitWriter
from authorization.membership import Membership
from authorization.organisations import (
    Person,
    actor_for_account,
    create_person,
    group_of,
    person_by_id,
    served_by,
)
from authorization.role_grants import (
    GrantState,
    confirm_change,
    grants,
    propose_change,
    refuse_change,
    withdraw_change,
)
from authorization.suspensions import end_expired_roles, suspend_organisation, suspend_person
from foundation.clock import MICROSECONDS_PER_DAY, to_iso
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from foundation.identity import ActorKind, Role
from tests.fakes import SteppedClock
from tests.licensing import PACK, actor
from tests.registries import CHANGES, IDENTITIES, RULES, Registry, person_json, registered


@pytest.fixture
def registry(city: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> Registry:
    return registered(city, engine, clock)


def refused(code: str, attempt: Callable[[], object]) -> SandgateError:
    with pytest.raises(SandgateError, match=code) as caught:
        attempt()
    return caught.value


def test_the_systems_own_role_is_given_to_nobody(registry: Registry) -> None:
    newcomer = {**person_json(), "roles": ["system"]}
    refused("role_not_granted", lambda: registry.propose("drafter", "person", person=newcomer))


def test_a_role_is_given_in_a_house_whose_duty_it_is(registry: Registry) -> None:
    for role in ("checker", "provider", "pricing"):
        newcomer = person_json(roles=[role])  # of an operator's house
        told = refused(
            "role_not_of_house", partial(registry.propose, "drafter", "person", person=newcomer)
        )
        assert "operator" in told.message.en
    registry.both("drafter", "sec", "person", person=person_json())
    grant = {"person": "newcomer", "role": "release_officer"}
    refused("role_not_of_house|roles", lambda: registry.propose("drafter", "role", **grant))


def test_nobody_registers_a_person_alone(registry: Registry) -> None:
    for name in ("drafter", "sys", "sec", "aud", "inspector", "analyst"):
        with pytest.raises(Denied):
            create_person(registry.writer, registry.actor(name), Person(**person_json()))
    grant = registry.propose("drafter", "person", person=person_json())
    with reading(registry.engine) as connection:
        assert person_by_id(connection, "newcomer") is None
        with pytest.raises(NotFound):
            actor_for_account(connection, "newcomer@city")
    for name in ("drafter", "signer", "sys", "aud", "inspector", "analyst"):
        refused(
            "applicant_cannot|not_entitled|never_writes", partial(registry.confirm, name, grant)
        )
    confirmed = registry.confirm("sec", grant)
    assert (confirmed.state, confirmed.decided_by) == (GrantState.CONFIRMED, "sec")
    newcomer = registry.actor("newcomer")
    assert newcomer.roles == {Role.OPERATOR}
    assert newcomer.since_us == confirmed.decided_us
    refused("grant_decided", lambda: registry.confirm("sec", grant))


@pytest.mark.parametrize("role", ["authority", "checker", "finance", "pricing", "regulator"])
def test_two_administrators_make_no_approver_between_them(registry: Registry, role: str) -> None:
    for name in ("sys", "sec", "aud"):
        refused(
            "not_entitled_to_propose|own_roles",
            partial(registry.propose, name, "person", person=person_json(roles=[role])),
        )
    refused(
        "not_entitled_to_propose",
        lambda: registry.propose(
            "sys",
            "account",
            person="signer",
            account={"name": "ghost", "organisation": "bureau"},
        ),
    )
    refused(
        "not_entitled_to_propose",
        lambda: registry.propose("sys", "affiliation", person="signer", organisation="insurer"),
    )


@pytest.mark.parametrize("name", ["sys", "sec", "aud", "drafter"])
def test_nobody_grants_themselves(registry: Registry, name: str) -> None:
    refused(
        "not_entitled_to_propose|own_roles",
        lambda: registry.propose(name, "role", person=name, role="pricing"),
    )


def test_the_person_it_is_about_does_not_confirm(registry: Registry) -> None:
    grant = registry.propose("drafter", "role_end", person="sec", role="security_administrator")
    refused("own_roles", lambda: registry.confirm("sec", grant))
    assert registry.confirm("sys", grant).state is GrantState.CONFIRMED


@pytest.mark.parametrize(
    ("roles", "code"),
    [
        (["system_administrator", "security_administrator"], "administrator_holds_other_role"),
        (["audit_administrator", "authority"], "administrator_holds_other_role"),
        (["regulator", "authority"], "regulator_holds_other_role"),
        (["operator", "developer"], "roles_kept_apart"),
        (["checker", "operator"], "roles_kept_apart"),
        (["authority", "operator"], "roles_kept_apart"),
    ],
)
def test_roles_that_the_rules_keep_apart_never_meet_in_one_person(
    registry: Registry, roles: list[str], code: str
) -> None:
    document = person_json(roles=roles)
    wanted = (InvalidInput, Denied)
    with pytest.raises(wanted, match=f"{code}|not_entitled"):
        registry.both("drafter", "sec", "person", person=document)
    confirmer = "sys" if "security_administrator" in roles else "sec"
    house = {"authority": "bureau", "security_administrator": "platform"}.get(roles[1], "datawise")
    placed: dict[str, Any] = {
        "organisations": [house],
        "accounts": [{"name": "newcomer@city", "organisation": house}],
    }
    alone = person_json(roles=[roles[1]], **placed)
    first = registry.both("drafter", confirmer, "person", person=alone)
    assert first.state is GrantState.CONFIRMED
    with pytest.raises(wanted, match=r"kept_apart|not_entitled"):
        registry.both("drafter", confirmer, "role", person="newcomer", role=roles[0])


def test_an_identity_is_registered_once(registry: Registry) -> None:
    registry.both("drafter", "sec", "person", person=person_json())
    twin = registry.propose
    refused("identity_registered", lambda: twin("drafter", "person", person=person_json("twin")))
    refused(
        "identity_required",
        lambda: twin("drafter", "person", person=person_json("nobody", identity=None)),
    )
    first = registry.propose(
        "drafter", "person", person=person_json("a1", identity=IDENTITIES["two"])
    )
    second = registry.propose(
        "signer", "person", person=person_json("b1", identity=IDENTITIES["two"])
    )
    registry.confirm("sec", first)
    refused("identity_registered", lambda: registry.confirm("sec", second))
    refused(
        "identity_registered",
        lambda: registry.propose("drafter", "identity", person="rival", identity=IDENTITIES["one"]),
    )
    registry.both("drafter", "sec", "identity", person="rival", identity=IDENTITIES["three"])
    with pytest.raises(IntegrityError), registry.engine.begin() as connection:
        connection.execute(text("UPDATE person SET identity_digest = NULL WHERE id = 'rival'"))


def test_a_role_dates_from_its_confirmation_and_ends_with_its_time(registry: Registry) -> None:
    until_us = registry.clock.now_us() + MICROSECONDS_PER_DAY
    registry.both("drafter", "sec", "role", person="signer", role="steward", until=to_iso(until_us))
    signer = registry.actor("signer")
    assert Role.STEWARD in signer.roles
    assert signer.since_us == registry.clock.now_us()
    registry.clock.advance(MICROSECONDS_PER_DAY)
    assert Role.STEWARD not in registry.actor("signer").roles
    assert end_expired_roles(registry.writer).value == 1
    assert end_expired_roles(registry.writer).value == 0
    refused(
        "role_term",
        lambda: registry.propose(
            "drafter", "role", person="signer", role="steward", until="2020-01-01"
        ),
    )


def test_an_account_ends_and_its_name_is_never_anothers(registry: Registry) -> None:
    account = {"name": "second@city", "organisation": "datawise"}
    registry.both("drafter", "sec", "account", person="analyst", account=account)
    assert registry.actor("second").person == "analyst"
    registry.both("drafter", "sec", "account_end", person="analyst", account="second@city")
    with pytest.raises(NotFound):
        registry.actor("second")
    refused(
        "already_registered",
        lambda: registry.propose(
            "drafter",
            "account",
            person="rival",
            account={"name": "second@city", "organisation": "other-operator"},
        ),
    )


def test_who_left_a_house_or_was_removed_still_counts_as_of_it(registry: Registry) -> None:
    registry.both("drafter", "sec", "affiliation_end", person="double", organisation="insurer")
    registry.both("drafter", "sec", "person_end", person="clerk")
    with pytest.raises(NotFound):
        registry.actor("clerk")
    with reading(registry.engine) as connection:
        assert served_by(connection, "double") == {"datawise", "insurer"}
        assert served_by(connection, "clerk") == {"datawise"}
        people = Membership.read(connection).members_of_operator("datawise")
    assert "clerk" not in str(people)
    registry.clock.advance(RULES.cooling_days * MICROSECONDS_PER_DAY)
    end_expired_roles(registry.writer)  # any entry: the log's clock moves on
    with reading(registry.engine) as connection:
        assert served_by(connection, "double") == {"datawise"}


def test_a_suspension_is_one_hand_and_at_once_and_two_lift_it(registry: Registry) -> None:
    suspend_person(registry.writer, registry.actor("sec"), "analyst", "misuse", RULES)
    refused("person_suspended", lambda: registry.actor("analyst"))
    with reading(registry.engine) as connection:
        people = Membership.read(connection).members_of_operator("datawise")
    assert "person:analyst" not in str(people)
    for name in ("aud", "inspector", "rival", "sys"):
        with pytest.raises(Denied):
            suspend_person(registry.writer, registry.actor(name), "double", "x", RULES)
    with pytest.raises(Denied, match="role_missing"):
        suspend_person(registry.writer, registry.actor("sec"), "aud", "x", RULES)
    with pytest.raises(Denied, match="suspends_itself"):
        suspend_person(registry.writer, registry.actor("drafter"), "drafter", "x", RULES)
    registry.both("drafter", "sec", "person_resume", person="analyst")
    assert registry.actor("analyst").roles == {Role.OPERATOR}
    suspend_organisation(registry.writer, registry.actor("sec"), "datawise", "misuse", RULES)
    refused("person_suspended", lambda: registry.actor("analyst"))
    with pytest.raises(Conflict):
        suspend_organisation(registry.writer, registry.actor("sec"), "datawise", "again", RULES)
    registry.both("drafter", "sec", "organisation_resume", organisation="datawise")
    assert registry.actor("analyst").roles == {Role.OPERATOR}


def test_a_proposer_who_lost_the_role_is_no_proposer_any_more(registry: Registry) -> None:
    grant = registry.propose("drafter", "person", person=person_json())
    registry.both("signer", "sec", "role_end", person="drafter", role="authority")
    refused("not_entitled_to_propose", lambda: registry.confirm("sec", grant))


def test_a_proposal_lapses_is_refused_or_taken_back(registry: Registry) -> None:
    first, second, third = (
        registry.propose("drafter", "person", person=person_json(f"late{n}", identity=f"{n:064x}"))
        for n in (7, 8, 9)
    )
    refuse_change(registry.writer, registry.actor("sec"), first.id, "no", RULES)
    with pytest.raises(Denied, match="proposer_withdraws"):
        withdraw_change(registry.writer, registry.actor("signer"), second.id)
    withdraw_change(registry.writer, registry.actor("drafter"), second.id)
    for grant in (first, second):
        refused("grant_decided", partial(registry.confirm, "sec", grant))
    registry.clock.advance(RULES.proposal_days_max * MICROSECONDS_PER_DAY)
    refused("grant_lapsed", lambda: registry.confirm("sec", third))
    with reading(registry.engine) as connection:
        states = {one.id: one.state for one in grants(connection)}
    assert states[first.id] is GrantState.REFUSED
    assert states[third.id] is GrantState.PROPOSED


def test_a_grant_is_not_rewritten_by_hand(registry: Registry) -> None:
    grant = registry.propose("drafter", "person", person=person_json())
    for change in (
        "document = '{}'",
        "proposed_by = 'signer'",
        "state = 'confirmed', decided_by = proposed_by, decided_us = 1",
        "state = 'confirmed'",
    ):
        with pytest.raises(IntegrityError), registry.engine.begin() as connection:
            connection.execute(text(f"UPDATE role_grant SET {change} WHERE id = '{grant.id}'"))


def test_a_service_account_proposes_and_confirms_nothing(registry: Registry) -> None:
    robot = actor("drafter", kind=ActorKind.SERVICE)
    change = CHANGES.validate_python({"kind": "person", "person": person_json()})
    with pytest.raises(Denied, match="service_account_cannot_approve"):
        propose_change(registry.writer, robot, change, RULES)
    grant = registry.propose("drafter", "person", person=person_json())
    robot = actor("signer", kind=ActorKind.SERVICE, roles=frozenset({Role.SECURITY_ADMINISTRATOR}))
    with pytest.raises(Denied, match="service_account_cannot_approve"):
        confirm_change(registry.writer, robot, grant.id, RULES, PACK.digest)


def test_no_administrator_confirms_for_an_operator_they_serve(registry: Registry) -> None:
    registry.both("drafter", "sys", "affiliation", person="sec", organisation="datawise-labs")
    registry.clock.advance(1)
    grant = registry.propose("drafter", "person", person=person_json())
    refused("checker_of_same_organisation", lambda: registry.confirm("sec", grant))
    with reading(registry.engine) as connection:
        assert "datawise-labs" in group_of(connection, "datawise")
