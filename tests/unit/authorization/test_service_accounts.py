"""What a program may do by itself: its scopes, for a time, by a secret that is shown once."""

import pytest
from sqlalchemy import Engine, text

from audit.writer import GroupCommitWriter
from authorization.registry_changes import ServiceAccountMade
from authorization.service_accounts import (
    IssuedCredential,
    caller_of,
    check_scope,
    end_credential,
    issue_credential,
    service_accounts,
)
from authorization.suspensions import suspend_person
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, Unauthenticated
from foundation.identity import ActorKind, Role
from tests.fakes import SteppedClock
from tests.registries import RULES, Registry, registered

BOT = {
    "id": "bot",
    "name": "Bot",
    "organisation": "datawise",
    "roles": ["operator"],
    "scopes": ["catalogue.read"],
}


@pytest.fixture
def registry(city: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> Registry:
    found = registered(city, engine, clock)
    found.both("drafter", "sec", "service_account", service_account=BOT)
    found.clock.advance(1)
    return found


def issued(registry: Registry, days: int = 30, by: str = "analyst") -> IssuedCredential:
    return issue_credential(registry.writer, registry.actor(by), "bot", days, RULES).value


def answers(registry: Registry, token: str) -> bool:
    try:
        with reading(registry.engine) as connection:
            return caller_of(connection, token, registry.clock.now_us()).actor.person == "bot"
    except Unauthenticated:
        return False


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"roles": [str(role)]}, "service_role_kept_apart|not_entitled")
        for role in Role
        if role not in RULES.service_roles and role is not Role.SYSTEM
    ]
    + [
        ({"scopes": ["everything"]}, "scope_unknown"),
        ({"organisation": "ghost"}, "organisation_unknown"),
        ({"id": "bot"}, "already_registered"),
    ],
)
def test_no_program_gets_a_deciding_role_or_an_unknown_scope(
    registry: Registry, changes: dict[str, object], code: str
) -> None:
    account = {**BOT, "id": "other", **changes}
    with pytest.raises((InvalidInput, Denied, Conflict), match=code):
        registry.both("drafter", "sec", "service_account", service_account=account)
    assert ServiceAccountMade.model_validate(
        {"kind": "service_account", "service_account": BOT}
    ).service_account.scopes


def test_a_program_never_gains_a_deciding_role_login_or_second_house(registry: Registry) -> None:
    for role in ("authority", "checker", "security_administrator", "release_officer"):
        with pytest.raises((InvalidInput, Denied), match=r"service_role|not_entitled"):
            registry.both("drafter", "sec", "role", person="bot", role=role)
    account = {"name": "bot@city", "organisation": "datawise"}
    with pytest.raises(InvalidInput, match="service_by_its_own_change"):
        registry.propose("drafter", "account", person="bot", account=account)
    with pytest.raises(InvalidInput, match="service_of_one_house"):
        registry.propose("drafter", "affiliation", person="bot", organisation="insurer")


def test_a_secret_is_kept_as_a_digest_and_opens_its_scopes_alone(registry: Registry) -> None:
    given = issued(registry)
    with registry.engine.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM service_credential")).all())
        logged = str(connection.execute(text("SELECT body FROM entry")).all())
    secret = given.token.rsplit(".", 1)[1]
    assert secret not in stored + logged
    with reading(registry.engine) as connection:
        caller = caller_of(connection, given.token, registry.clock.now_us())
    assert (caller.actor.kind, caller.actor.organisation) == (ActorKind.SERVICE, "datawise")
    check_scope(caller.actor, caller.scopes, "GET", "/catalog/datasets", RULES)
    for method, path in (("POST", "/licences"), ("GET", "/catalog/datasets/{name}/rows")):
        with pytest.raises(Denied, match="scope_missing"):
            check_scope(caller.actor, caller.scopes, method, path, RULES)


def test_wrong_secrets_all_read_the_same(registry: Registry) -> None:
    given = issued(registry)
    head, secret = given.token.rsplit(".", 1)
    other = "A" * len(secret)
    for token in (
        f"{head}.{other}",
        f"sgsvc1.crd_{'a' * 26}.{secret}",
        "sgsvc1..",
        given.token + "x",
    ):
        with reading(registry.engine) as connection, pytest.raises(Unauthenticated) as refusal:
            caller_of(connection, token, registry.clock.now_us())
        assert refusal.value.code == "token_invalid"


def test_secrets_expire_rotate_with_a_short_overlap_and_end_at_once(registry: Registry) -> None:
    first = issued(registry, days=2)
    assert answers(registry, first.token)
    registry.clock.advance(2 * MICROSECONDS_PER_DAY)
    assert not answers(registry, first.token)
    second = issued(registry)
    third = issued(registry)
    assert answers(registry, second.token)
    registry.clock.advance(RULES.rotation_overlap_days_max * MICROSECONDS_PER_DAY)
    assert not answers(registry, second.token)
    assert answers(registry, third.token)
    end_credential(registry.writer, registry.actor("analyst"), third.id, "leaked")
    assert not answers(registry, third.token)
    with pytest.raises(Conflict):
        end_credential(registry.writer, registry.actor("analyst"), third.id, "again")
    fourth = issued(registry)
    suspend_person(registry.writer, registry.actor("sec"), "bot", "misuse", RULES)
    assert not answers(registry, fourth.token)


def test_only_its_house_and_the_system_administrator_hold_its_keys(registry: Registry) -> None:
    issued(registry, by="sys")
    for name in ("rival", "drafter", "sec", "inspector"):
        with pytest.raises(NotFound):
            issued(registry, by=name)
    for days in (0, RULES.service_days_max + 1):
        with pytest.raises(InvalidInput, match="credential_term"):
            issued(registry, days=days)
    with pytest.raises(NotFound):
        issue_credential(registry.writer, registry.actor("analyst"), "double", 1, RULES)
    with reading(registry.engine) as connection:
        assert [one["id"] for one in service_accounts(connection, "datawise")] == ["bot"]
        assert service_accounts(connection, "insurer") == []
