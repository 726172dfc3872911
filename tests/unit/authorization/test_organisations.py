"""Registering organisations, people, accounts and agreements; who belongs to whom."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.agreements import agreement_by_number, create_agreement
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    actor_for_account,
    actor_for_person,
    check_credit_code,
    create_organisation,
    create_person,
    group_of,
    organisation_by_id,
    organisations_of,
    person_by_id,
)
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import SYSTEM_ACTOR, Role
from tests.licensing import PEOPLE, RULES, actor, agreement

GOOD_CODE = "91350100M000100Y43"


def organisation(**changes: Any) -> Organisation:
    facts: dict[str, Any] = {
        "id": "new-one",
        "kind": OrganisationKind.OPERATOR,
        "name_zh": "新",
        "name_en": "New",
        **changes,
    }
    return Organisation(**facts)


def person(**changes: Any) -> Person:
    facts: dict[str, Any] = {
        "id": "newcomer",
        "name": "Newcomer",
        "organisations": ("datawise",),
        "roles": (Role.OPERATOR,),
        **changes,
    }
    return Person(**facts)


@pytest.mark.parametrize(
    "code", ["", "91350100M000100Y44", "9135", GOOD_CODE.lower(), "I" * 18, f"{GOOD_CODE}\n"]
)
def test_a_wrong_credit_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput, match="credit_code_invalid"):
        check_credit_code(code)


def test_a_right_credit_code_is_accepted() -> None:
    check_credit_code(GOOD_CODE)


@pytest.mark.parametrize("name", ["analyst", "clerk", "inspector"])
def test_only_the_authority_registers(city: GroupCommitWriter, name: str) -> None:
    with pytest.raises(Denied):
        create_organisation(city, actor(name), organisation())
    with pytest.raises(Denied):
        create_person(city, actor(name), person())
    with pytest.raises(Denied):
        create_agreement(city, actor(name), agreement(), RULES.licences)


def test_an_organisation_is_registered_once(city: GroupCommitWriter) -> None:
    create_organisation(city, actor("drafter"), organisation(credit_code=GOOD_CODE))
    with pytest.raises(Conflict, match="already_registered"):
        create_organisation(city, actor("drafter"), organisation())
    with pytest.raises(Conflict, match="already_registered"):
        create_organisation(
            city, actor("drafter"), organisation(id="another", credit_code=GOOD_CODE)
        )


def test_an_unknown_affiliate_is_refused(city: GroupCommitWriter, engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="organisation_unknown") as refusal:
        create_organisation(city, actor("drafter"), organisation(affiliates=("ghost",)))
    assert refusal.value.field == "$.affiliates"
    with reading(engine) as connection:
        assert organisation_by_id(connection, "new-one") is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": (Role.SYSTEM,)}, "role_reserved"),
        ({"roles": (Role.REGULATOR, Role.AUTHORITY)}, "regulator_holds_other_role"),
        (
            {"accounts": (Account(name="a", organisation="insurer"),)},
            "account_outside_organisations",
        ),
        ({"organisations": ("ghost",)}, "organisation_unknown"),
    ],
)
def test_a_person_that_breaks_a_rule_is_refused(
    city: GroupCommitWriter, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidInput, match=code):
        create_person(city, SYSTEM_ACTOR, person(**changes))


def test_a_person_and_an_account_are_registered_once(city: GroupCommitWriter) -> None:
    account = Account(name="analyst@city", organisation="datawise")
    with pytest.raises(Conflict, match="already_registered"):
        create_person(city, SYSTEM_ACTOR, person(id="analyst"))
    with pytest.raises(Conflict, match="already_registered"):
        create_person(city, SYSTEM_ACTOR, person(accounts=(account,)))


def test_an_unknown_account_is_nobody(city: GroupCommitWriter, engine: Engine) -> None:
    assert city
    with reading(engine) as connection, pytest.raises(NotFound, match="account_unknown"):
        actor_for_account(connection, "nobody@city")


def test_two_accounts_of_one_person_are_one_person(city: GroupCommitWriter, engine: Engine) -> None:
    accounts = tuple(
        Account(name=name, organisation=where)
        for name, where in (("one", "datawise"), ("two", "insurer"))
    )
    recorded = create_person(
        city,
        SYSTEM_ACTOR,
        person(organisations=("datawise", "insurer"), accounts=accounts),
    )
    with reading(engine) as connection:
        first, second = (actor_for_account(connection, name) for name in ("one", "two"))
    assert (first.person, second.person) == ("newcomer", "newcomer")
    assert (first.organisation, second.organisation) == ("datawise", "insurer")
    assert first.since_us == recorded.time_us


def test_a_person_acts_only_for_their_own_organisations(
    city: GroupCommitWriter, engine: Engine
) -> None:
    assert city
    with reading(engine) as connection:
        with pytest.raises(NotFound, match="person_unknown"):
            actor_for_person(connection, "analyst", "insurer")
        with pytest.raises(NotFound, match="person_unknown"):
            actor_for_person(connection, "nobody", "datawise")
        found = actor_for_person(connection, "analyst", "datawise", "en")
        assert found == actor_for_account(connection, "analyst@city", "en")


def test_a_person_is_read_back_whole(city: GroupCommitWriter, engine: Engine) -> None:
    assert city
    with reading(engine) as connection:
        assert person_by_id(connection, "double") == PEOPLE["double"]
        assert organisations_of(connection, "double") == {"datawise", "insurer"}


def test_affiliates_count_in_both_directions(city: GroupCommitWriter, engine: Engine) -> None:
    create_organisation(
        city, actor("drafter"), organisation(id="grandchild", affiliates=("datawise-labs",))
    )
    group = {"datawise", "datawise-labs", "grandchild"}
    with reading(engine) as connection:
        assert group_of(connection, "datawise") == group
        assert group_of(connection, "grandchild") == group
        assert group_of(connection, "insurer") == {"insurer"}


def test_an_agreement_is_recorded_once_and_within_five_years(
    city: GroupCommitWriter, engine: Engine
) -> None:
    with pytest.raises(Conflict, match="agreement_already_recorded"):
        create_agreement(city, actor("drafter"), agreement(), RULES.licences)
    longer = agreement().model_copy(update={"number": "2", "valid_until": "2030-12-02"})
    with pytest.raises(InvalidInput, match="term_too_long"):
        create_agreement(city, actor("drafter"), longer, RULES.licences)
    with reading(engine) as connection:
        found = agreement_by_number(connection, agreement().number)
    assert found is not None
    assert found.operator == "datawise"


def test_an_organisation_is_of_a_region_by_its_division_code(city: GroupCommitWriter) -> None:
    made = create_organisation(city, actor("drafter"), organisation(id="tunxi", region="341002"))
    assert made.value.region == "341002"
    for region in ("3410", "屯溪区", "34100200"):
        with pytest.raises(ValidationError):
            organisation(id="other", region=region)
