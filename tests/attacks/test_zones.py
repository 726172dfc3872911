"""Nothing of one zone is had from another, whoever signed; a source's no stops everything."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.decisions import Denial, Permit
from authorization.independence import check_apart
from authorization.licences import activate_licence, draft_licence
from authorization.lines import Action
from authorization.revocation import SuspensionBoard
from catalog.resources.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    attach_consent,
    withdraw_consent,
)
from catalog.store import dataset_by_name
from catalog.zones.places import make_zone_home, zone_home
from catalog.zones.zones import (
    check_entry_may_move,
    close_zone,
    destroy_zone,
    finish_destroyed,
)
from foundation.db import metadata, reading
from foundation.errors import SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role
from foundation.keys import FileKeyStore, zone_key_name, zoned_name
from tests.fakes import SteppedClock
from tests.licensing import LICENCE_ID, RULES, actor, add_catalogue, found_city, licence_document
from tests.zoned import SOURCE_PERSON, ZonedCity, grant, refused

SHARED = {"kind": "shared", "source": "treasury"}
CONSENT = ConsentGiven(reference="同意函1号")
WHY = ConsentWithdrawn(reason="no longer needed")
NO_BUDGETS: dict[str, Any] = {"budgets": []}


@pytest.fixture
def city(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[ZonedCity]:
    metadata.create_all(engine)
    keys.ensure_signing_key("authority")
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        found_city(writer)
        writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
        yield ZonedCity(writer, keys, engine, clock, SuspensionBoard(tmp_path / "closures"))


def draft(city: ZonedCity, dataset: str, zone: str = "public") -> None:
    document = licence_document(grants=[grant(dataset)], zone=zone, **NO_BUDGETS)
    draft_licence(city.writer, actor("drafter"), document, RULES)


def activate(city: ZonedCity) -> None:
    activate_licence(city.writer, city.keys, actor("signer"), LICENCE_ID, RULES)


def test_a_licence_is_not_drafted_for_data_of_another_zone(city: ZonedCity) -> None:
    city.open_zone("east")
    city.open_zone("west")
    city.add_dataset("eastern", "east")
    for zone in ("public", "west"):
        assert refused(partial(draft, city, "eastern", zone)) == "dataset_of_another_zone"
    assert refused(lambda: draft(city, "colleges", "east")) == "dataset_of_another_zone"
    assert refused(lambda: draft(city, "eastern", "nowhere")) == "zone_not_open"
    draft(city, "eastern", "east")
    activate(city)
    assert isinstance(city.ask(LICENCE_ID, "eastern"), Permit)


@pytest.mark.parametrize("action", [Action.QUERY_ROWS, Action.RELEASE_REQUEST])
def test_a_truly_signed_grant_across_zones_still_opens_nothing(
    city: ZonedCity, action: Action
) -> None:
    city.open_zone("east")
    city.add_dataset("eastern", "east")
    licence = city.forge_licence(grants=[grant("eastern"), grant("colleges")], **NO_BUDGETS)
    found = city.ask(licence, "eastern", action)
    assert isinstance(found, Denial)
    assert found.code == "denied_by_zone"
    assert isinstance(city.ask(licence, "colleges", action), Permit)


def test_a_licence_of_no_zone_that_there_is_opens_nothing(city: ZonedCity) -> None:
    licence = city.forge_licence(zone="ghost", grants=[grant("colleges")], **NO_BUDGETS)
    for asked in ("colleges", None):
        action = Action.QUERY_ROWS if asked else Action.SESSION_OPEN
        assert isinstance(city.ask(licence, asked, action), Denial)


def test_data_never_change_their_zone(city: ZonedCity) -> None:
    city.open_zone("east")
    city.add_dataset("eastern", "east")
    with city.engine.connect() as connection, pytest.raises(DBAPIError, match="does not change"):
        connection.execute(text("UPDATE dataset SET zone = 'public'"))
    with reading(city.engine) as connection:
        found = dataset_by_name(connection, "eastern")
        assert found is not None
        assert found.zone == "east"
        entry = connection.execute(text("SELECT entry_id FROM dataset WHERE name = 'eastern'"))
        entry_id = str(entry.scalar_one())
        moved = refused(lambda: check_entry_may_move(connection, entry_id, "east", "public"))
        assert moved == "entry_zone_fixed"
        check_entry_may_move(connection, entry_id, "east", "east")
        check_entry_may_move(connection, "another", "east", "public")


def test_a_closed_zone_answers_nothing_and_takes_no_licence(city: ZonedCity) -> None:
    city.open_zone("east")
    city.add_dataset("eastern", "east")
    draft(city, "eastern", "east")
    activate(city)
    assert isinstance(city.ask(LICENCE_ID, None, Action.SESSION_OPEN), Permit)
    close_zone(city.writer, actor("drafter"), "east", "reorganised")
    assert isinstance(city.ask(LICENCE_ID, "eastern"), Denial)
    assert isinstance(city.ask(LICENCE_ID, None, Action.SESSION_OPEN), Denial)
    again = refused(lambda: close_zone(city.writer, actor("drafter"), "east", "twice"))
    assert again == "zone_state"
    assert refused(lambda: close_zone(city.writer, actor("drafter"), "public", "x")) == (
        "zone_public_stays"
    )


def test_a_zones_key_ends_that_zone_and_no_other(city: ZonedCity, tmp_path: Path) -> None:
    city.open_zone("east")
    city.open_zone("west")
    east, west = zoned_name("extract", "east", "a"), zoned_name("extract", "west", "a")
    plain = zoned_name("extract", "public", "a")
    made = {name: city.keys.create_data_key(name) for name in (east, west, plain)}
    city.keys.rewrap()
    assert {name: city.keys.data_key(name) for name in made} == made
    (make_zone_home(tmp_path, "east") / "versions").mkdir()
    make_zone_home(tmp_path, "west")
    assert zone_home(tmp_path, "east").stat().st_mode & 0o777 == 0o700

    def destroy(name: str) -> None:
        destroy_zone(
            city.writer,
            city.keys,
            tmp_path,
            actor(name),
            "east",
            check_licences=lambda _connection, _zone: None,
            apart=check_apart,
        )

    assert refused(lambda: destroy("signer")) == "zone_state"
    close_zone(city.writer, actor("drafter"), "east", "over")
    assert refused(lambda: destroy("drafter")) == "applicant_cannot_approve"
    destroy("signer")
    for again in (east, zoned_name("extract", "east", "b")):
        with pytest.raises(Unavailable):
            city.keys.ensure_data_key(again)
    assert {name: city.keys.data_key(name) for name in (west, plain)} == {
        name: made[name] for name in (west, plain)
    }
    city.keys.rewrap()  # what can no longer be read is carried on, and stays unreadable
    with pytest.raises(Unavailable):
        city.keys.data_key(east)
    states = {record.name: record.state for record in city.keys.inventory()}
    assert states[zone_key_name("east")] == "destroyed"
    assert not zone_home(tmp_path, "east").exists()
    assert zone_home(tmp_path, "west").exists()
    make_zone_home(tmp_path, "east")  # as a crash may leave it
    with reading(city.engine) as connection:
        assert finish_destroyed(connection, city.keys, tmp_path) == ["east"]
    assert not zone_home(tmp_path, "east").exists()


def test_what_a_zone_may_not_hold_or_give_is_refused(city: ZonedCity) -> None:
    too_high = refused(lambda: city.open_zone("vault", grade_max="L4"))
    assert too_high == "zone_grade_too_high"
    assert refused(lambda: city.open_zone("area", "regional")) == "zone_region_missing"
    unknown = refused(lambda: city.open_zone("area", "regional", region="990000"))
    assert unknown == "region_unknown"
    city.open_zone("area", "regional", region="520100")
    assert refused(lambda: city.open_zone("area", "regional", region="520100")) == "zone_exists"
    city.open_zone("east")
    columns = [
        {
            "name": name,
            "type": "text",
            "label_zh": name,
            "label_en": name,
            "grade": "L3",
            "exposure": "rows",
        }
        for name in ("state", "title")
    ]
    city.add_dataset("eastern", "east", columns=columns)
    granted = {**grant("eastern"), "basis": "批准1号"}
    document = licence_document(grants=[granted], zone="east", **NO_BUDGETS)
    over = refused(lambda: draft_licence(city.writer, actor("drafter"), document, RULES))
    assert over == "zone_forbids_mode"


def test_shared_data_wait_for_their_sources_consent(city: ZonedCity) -> None:
    city.add_dataset("shared", origin=SHARED)
    city.add_dataset("derived", derived_from=["shared"])
    city.add_dataset("derived_again", derived_from=["derived"])
    for name in ("shared", "derived", "derived_again"):
        assert refused(partial(draft, city, name)) == "source_consent_missing"
    attach_consent(city.writer, SOURCE_PERSON, "shared", CONSENT, check_apart)
    draft(city, "derived_again")
    withdraw_consent(city.writer, SOURCE_PERSON, "shared", WHY)
    assert refused(lambda: activate(city)) == "source_consent_missing"
    attach_consent(city.writer, SOURCE_PERSON, "shared", CONSENT, check_apart)
    activate(city)
    assert isinstance(city.ask(LICENCE_ID, "derived_again"), Permit)
    withdraw_consent(city.writer, SOURCE_PERSON, "shared", WHY)
    found = city.ask(LICENCE_ID, "derived_again")
    assert isinstance(found, Denial)
    assert found.code == "source_consent_missing"


def test_a_truly_signed_grant_without_consent_opens_nothing(city: ZonedCity) -> None:
    city.add_dataset("shared", origin=SHARED)
    licence = city.forge_licence(grants=[grant("shared"), grant("colleges")], **NO_BUDGETS)
    assert isinstance(city.ask(licence, "shared"), Denial)
    assert isinstance(city.ask(licence, "colleges"), Permit)


@pytest.mark.parametrize(
    "who",
    [
        actor("drafter"),  # the authority
        Actor("steward", "statistics", frozenset({Role.PROVIDER})),  # who holds the data
        Actor("analyst", "datawise", frozenset({Role.OPERATOR})),
        Actor("bot", "treasury", frozenset({Role.PROVIDER}), ActorKind.SERVICE),
        Actor("cashier", "treasury", frozenset({Role.FINANCE})),
    ],
)
def test_only_the_sources_own_people_consent(city: ZonedCity, who: Actor) -> None:
    city.add_dataset("shared", origin=SHARED)
    with pytest.raises(SandgateError) as caught:
        attach_consent(city.writer, who, "shared", CONSENT, check_apart)
    assert caught.value.code in {"consent_of_source_only", "service_account_cannot_approve"}
    assert refused(lambda: draft(city, "shared")) == "source_consent_missing"


def test_a_consent_is_given_once_and_taken_back_once(city: ZonedCity) -> None:
    city.add_dataset("shared", origin=SHARED)

    def take_back() -> None:
        withdraw_consent(city.writer, SOURCE_PERSON, "shared", WHY)

    def give() -> None:
        attach_consent(city.writer, SOURCE_PERSON, "shared", CONSENT, check_apart)

    assert refused(take_back) == "consent_state"
    give()
    assert refused(give) == "consent_state"
    take_back()
    assert refused(take_back) == "consent_state"
    other = refused(
        lambda: attach_consent(city.writer, SOURCE_PERSON, "colleges", CONSENT, check_apart)
    )
    assert other == "shared_dataset_unknown"


def test_nobody_is_their_own_source(city: ZonedCity) -> None:
    origin = {"kind": "shared", "source": "statistics"}
    assert refused(lambda: city.add_dataset("shared", origin=origin)) == "origin_own_source"


def test_consents_only_grow(city: ZonedCity) -> None:
    city.add_dataset("shared", origin=SHARED)
    attach_consent(city.writer, SOURCE_PERSON, "shared", CONSENT, check_apart)
    for statement in ("UPDATE source_consent SET state = 'granted'", "DELETE FROM source_consent"):
        with city.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(text(statement))
