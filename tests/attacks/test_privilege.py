"""Attempts to gain authority that was not given: each must fail, and the honest twin must work."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.compile import compile_licence
from authorization.decisions import AccessRequest, Decision, Denial, Permit, decide
from authorization.enforcer import Enforcer, PolicySnapshot
from authorization.licences import activate_licence, draft_licence, new_licence_id
from authorization.lines import Action, Links, PolicyLine
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    actor_for_account,
    create_organisation,
    create_person,
    group_of,
    organisations_of,
)
from authorization.revocation import Revocation, SuspensionBoard
from authorization.separation import check_may_vote, check_not_redeveloping
from authorization.signing import SignedLicence, sign_licence, verify_licence
from authorization.snapshots import assemble, refresh
from foundation.db import metadata, reading
from foundation.errors import Denied, InvalidInput, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.licensing import (
    LICENCE_ID,
    PACK,
    RULES,
    active_licence,
    actor,
    add_catalogue,
    declarations,
    found_city,
    licence_document,
    licence_json,
)

DATASETS = declarations()


@dataclass
class City:
    writer: GroupCommitWriter
    keys: FileKeyStore
    engine: Engine
    clock: SteppedClock
    board: SuspensionBoard
    revocation: Revocation

    def snapshot(self) -> PolicySnapshot:
        with reading(self.engine) as connection:
            public_key = self.keys.ensure_signing_key("authority")
            return assemble(connection, PACK, public_key).snapshot

    def ask(
        self,
        who: Actor,
        *columns: str,
        action: Action = Action.QUERY_ROWS,
        dataset: str = "colleges",
        licence: str = LICENCE_ID,
    ) -> Decision:
        request = AccessRequest(who, licence, action, DATASETS[dataset], columns)
        return decide(self.snapshot(), self.board, request, self.clock.now_us())


@pytest.fixture
def city(engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path) -> Iterator[City]:
    metadata.create_all(engine)
    keys.ensure_signing_key("authority")
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        found_city(writer)
        writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
        active_licence(writer, keys)
        board = SuspensionBoard(tmp_path / "closures")
        revocation = Revocation(board, engine, writer, clock)
        yield City(writer, keys, engine, clock, board, revocation)


def test_the_honest_operator_is_permitted(city: City) -> None:
    assert isinstance(city.ask(actor("analyst"), "state", "title"), Permit)


def test_a_rival_operator_cannot_use_the_licence_by_naming_it(city: City) -> None:
    assert isinstance(city.ask(actor("rival"), "state"), Denial)


def test_a_rival_cannot_claim_the_operators_organisation_in_a_token(city: City) -> None:
    assert isinstance(city.ask(actor("rival", organisation="datawise"), "state"), Denial)


def test_the_authority_itself_cannot_ask_under_an_operators_licence(city: City) -> None:
    forged = actor("drafter", roles=frozenset({Role.AUTHORITY, Role.OPERATOR}))
    assert isinstance(city.ask(forged, "state"), Denial)
    assert isinstance(city.ask(replace(forged, organisation="datawise"), "state"), Denial)


def test_a_colleague_without_the_role_cannot_claim_it_in_a_token(city: City) -> None:
    assert isinstance(city.ask(actor("clerk", roles=frozenset({Role.OPERATOR})), "state"), Denial)


def test_belonging_to_the_payer_as_well_denies_under_every_account(city: City) -> None:
    found = city.ask(actor("double"), "state")
    assert isinstance(found, Denial)
    assert found.code == "denied_by_rule"


@pytest.mark.parametrize("column", ["debt", "", "*", "state\x00", "TITLE", "colleges.state", "％"])
def test_no_spelling_reaches_a_column_that_was_not_granted(city: City, column: str) -> None:
    assert isinstance(city.ask(actor("analyst"), "state", column), Denial)


def test_rows_of_an_aggregate_only_data_set_are_denied(city: City) -> None:
    rows = city.ask(actor("analyst"), "income", dataset="households")
    aggregates = city.ask(actor("analyst"), "income", dataset="households", action=Action.QUERY_DP)
    assert isinstance(rows, Denial)
    assert isinstance(aggregates, Permit)


def test_an_empty_identity_is_never_somebody(city: City) -> None:
    nobody = Actor(person="", organisation="datawise", roles=frozenset({Role.OPERATOR}))
    assert isinstance(city.ask(nobody, "state"), Denial)
    assert isinstance(city.ask(actor("analyst"), "state", licence=""), Denial)


def test_a_person_named_like_a_role_gains_nothing(city: City) -> None:
    person = Person(
        id="role-operator", name="x", organisations=("datawise",), roles=(Role.FINANCE,)
    )
    create_person(city.writer, SYSTEM_ACTOR, person)
    for name in ("role-operator", "role:operator", "org:datawise"):
        forged = Actor(person=name, organisation="datawise", roles=frozenset({Role.OPERATOR}))
        assert isinstance(city.ask(forged, "state"), Denial)
    with pytest.raises(ValueError, match="pattern"):
        Person(id="role:operator", name="x", organisations=("datawise",), roles=(Role.FINANCE,))


def test_an_operator_cannot_draft_sign_suspend_or_register(city: City) -> None:
    operator = actor("analyst")
    document = licence_document(id=new_licence_id())
    attempts = (
        lambda: draft_licence(city.writer, operator, document, RULES),
        lambda: activate_licence(city.writer, city.keys, operator, LICENCE_ID, RULES),
        lambda: city.revocation.suspend(operator, LICENCE_ID, "x"),
        lambda: city.revocation.resume(operator, LICENCE_ID, "x"),
        lambda: city.revocation.end(operator, LICENCE_ID, "x"),
        lambda: create_organisation(
            city.writer,
            operator,
            Organisation(id="shell", kind=OrganisationKind.OPERATOR, name_zh="壳", name_en="Shell"),
        ),
    )
    for attempt in attempts:
        with pytest.raises(Denied, match="role_missing"):
            attempt()


def test_a_regulator_with_every_other_role_still_never_writes(city: City) -> None:
    mighty = actor("inspector", roles=frozenset(Role))
    with pytest.raises(Denied, match="regulator_never_writes"):
        city.revocation.end(mighty, LICENCE_ID, "x")


def test_one_person_with_two_accounts_cannot_draft_and_sign(city: City) -> None:
    accounts = tuple(Account(name=name, organisation="bureau") for name in ("day", "night"))
    create_person(
        city.writer,
        SYSTEM_ACTOR,
        Person(
            id="twofold",
            name="x",
            organisations=("bureau",),
            roles=(Role.AUTHORITY,),
            accounts=accounts,
        ),
    )
    with reading(city.engine) as connection:
        day, night = (actor_for_account(connection, name) for name in ("day", "night"))
    document = licence_document(id=new_licence_id())
    draft_licence(city.writer, day, document, RULES)
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        activate_licence(city.writer, city.keys, night, document.id, RULES)


def test_a_service_account_cannot_sign_or_suspend(city: City) -> None:
    robot = actor("signer", kind=ActorKind.SERVICE)
    document = licence_document(id=new_licence_id())
    draft_licence(city.writer, actor("drafter"), document, RULES)
    with pytest.raises(Denied, match="service_account_cannot_approve"):
        activate_licence(city.writer, city.keys, robot, document.id, RULES)
    with pytest.raises(Denied, match="service_account_cannot_approve"):
        city.revocation.suspend(robot, LICENCE_ID, "x")


def test_an_account_made_after_the_draft_cannot_sign_it(city: City) -> None:
    document = licence_document(id=new_licence_id())
    draft_licence(city.writer, actor("drafter"), document, RULES)
    city.clock.advance(1)
    create_person(
        city.writer,
        SYSTEM_ACTOR,
        Person(
            id="puppet",
            name="x",
            organisations=("bureau",),
            roles=(Role.AUTHORITY,),
            accounts=(Account(name="puppet@city", organisation="bureau"),),
        ),
    )
    with reading(city.engine) as connection:
        puppet = actor_for_account(connection, "puppet@city")
    with pytest.raises(Denied, match="account_younger_than_request"):
        activate_licence(city.writer, city.keys, puppet, document.id, RULES)


def test_a_checker_on_loan_from_an_affiliate_cannot_vote(city: City) -> None:
    create_person(
        city.writer,
        SYSTEM_ACTOR,
        Person(
            id="lent",
            name="x",
            organisations=("bureau", "datawise-labs"),
            roles=(Role.CHECKER,),
            accounts=(Account(name="lent@city", organisation="bureau"),),
        ),
    )
    with reading(city.engine) as connection:
        lent = actor_for_account(connection, "lent@city")
        group = group_of(connection, "datawise")
        belongs_to = organisations_of(connection, "lent")
    with pytest.raises(Denied, match="checker_of_same_organisation"):
        check_may_vote(
            lent,
            author="analyst",
            group=group,
            belongs_to=belongs_to,
            voters=(),
            requested_us=lent.since_us + 1,
        )


def test_an_operator_cannot_buy_its_product_through_an_affiliate_chain(city: City) -> None:
    create_organisation(
        city.writer,
        actor("drafter"),
        Organisation(
            id="front",
            kind=OrganisationKind.DEVELOPER,
            name_zh="前",
            name_en="Front",
            affiliates=("datawise-labs",),
        ),
    )
    with reading(city.engine) as connection:
        group = group_of(connection, "datawise")
    with pytest.raises(Denied, match="operator_redevelops_own_product"):
        check_not_redeveloping("front", group)
    product = {**licence_json()["product"], "payer": "front"}
    document = licence_document(id=new_licence_id(), product=product)
    with pytest.raises(InvalidInput, match="operator_is_payer"):
        draft_licence(city.writer, actor("drafter"), document, RULES)


def test_a_document_enlarged_after_signing_has_no_force(city: City) -> None:
    public_key = city.keys.ensure_signing_key("authority")
    signed = sign_licence(city.keys, licence_document())
    assert verify_licence(signed, public_key) == licence_document()
    larger = json.loads(signed.document)
    larger["grants"][1]["columns"].append("debt")
    bytes_of = json.dumps(larger, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for document in (bytes_of.encode(), signed.document + b" ", b" " + signed.document):
        with pytest.raises(Denied, match="licence_signature_invalid"):
            verify_licence(SignedLicence(document, signed.signature), public_key)


@pytest.mark.parametrize("signature", [b"", b"\x00" * 64, b"\xff" * 63])
def test_a_blank_signature_has_no_force(city: City, signature: bytes) -> None:
    public_key = city.keys.ensure_signing_key("authority")
    document = sign_licence(city.keys, licence_document()).document
    with pytest.raises(Denied, match="licence_signature_invalid"):
        verify_licence(SignedLicence(document, signature), public_key)


def test_another_use_of_the_authoritys_key_signs_no_licence(city: City) -> None:
    document = sign_licence(city.keys, licence_document()).document
    bare = city.keys.sign("authority", document)
    with pytest.raises(Denied, match="licence_signature_invalid"):
        verify_licence(SignedLicence(document, bare), city.keys.ensure_signing_key("authority"))


def test_a_draft_put_in_force_by_hand_in_the_database_grants_nothing(city: City) -> None:
    document = licence_document(id=new_licence_id())
    draft_licence(city.writer, actor("drafter"), document, RULES)
    with pytest.raises(IntegrityError), city.engine.begin() as connection:
        connection.execute(text("UPDATE licence SET state = 'active' WHERE state = 'drafted'"))
    with city.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE licence SET state = 'active', signature = zeroblob(64)"
                " WHERE state = 'drafted'"
            )
        )
    assert set(city.snapshot().licences) == {LICENCE_ID}


def test_an_ended_licence_cannot_be_revived_by_hand_or_by_restart(city: City) -> None:
    city.revocation.end(actor("signer"), LICENCE_ID, "over")
    with pytest.raises(IntegrityError), city.engine.begin() as connection:
        connection.execute(text("UPDATE licence SET state = 'active'"))
    assert isinstance(city.ask(actor("analyst"), "state"), Denial)


def test_deleting_the_marker_of_a_suspension_opens_nothing(city: City, tmp_path: Path) -> None:
    city.revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    for marker in (tmp_path / "closures").glob("*.json"):
        marker.unlink()
    city.board = SuspensionBoard(tmp_path / "closures")
    assert isinstance(city.ask(actor("analyst"), "state"), Denial)


def test_a_suspension_reaches_requests_that_hold_an_older_snapshot(city: City) -> None:
    enforcer = Enforcer(city.snapshot())
    held = enforcer.snapshot
    request = AccessRequest(actor("analyst"), LICENCE_ID, Action.SESSION_OPEN)
    assert isinstance(decide(held, city.board, request, city.clock.now_us()), Permit)
    city.revocation.suspend(actor("signer"), LICENCE_ID, "misuse")
    assert isinstance(decide(held, city.board, request, city.clock.now_us()), Denial)


def test_no_allow_line_stands_on_a_whole_data_set() -> None:
    compiled = compile_licence(licence_document(), RULES)
    on_datasets = {line.eft for line in compiled.lines if line.obj.startswith("ds:")}
    assert on_datasets == {"deny"}


def test_a_purpose_smuggled_into_a_line_does_not_widen_it() -> None:
    compiled = compile_licence(licence_document(), RULES)
    line = compiled.lines[0]
    for text_of in ('industry" or "1"=="1', "* ", "**"):
        with pytest.raises(SandgateError):
            PolicySnapshot(PACK.access_model, [_with_purpose(line, text_of)], Links())


def _with_purpose(line: PolicyLine, purpose: str) -> PolicyLine:
    return line._replace(purpose=purpose)


def test_a_person_registered_later_gains_access_only_through_a_new_snapshot(city: City) -> None:
    enforcer = Enforcer(city.snapshot())
    person = Person(id="late", name="x", organisations=("datawise",), roles=(Role.OPERATOR,))
    create_person(city.writer, SYSTEM_ACTOR, person)
    late = Actor(person="late", organisation="datawise", roles=frozenset({Role.OPERATOR}))
    request = AccessRequest(late, LICENCE_ID, Action.SESSION_OPEN)
    now_us = city.clock.now_us()
    assert isinstance(decide(enforcer.snapshot, city.board, request, now_us), Denial)
    public_key = city.keys.ensure_signing_key("authority")
    assert refresh(enforcer, city.engine, PACK, public_key) == ()
    assert isinstance(decide(enforcer.snapshot, city.board, request, now_us), Permit)
