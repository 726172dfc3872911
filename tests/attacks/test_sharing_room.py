"""Sharing, hall, zones, clocks: nobody decides for a house they gain by, or reads by guessing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.hall.seats import Seats
from authorization.independence import check_apart, check_apart_from_person
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from authorization.sharing.demand_list import DemandForm, Outcome
from authorization.sharing.demands import Demands
from authorization.sharing.promoting import Promoting
from authorization.sharing.states import Share, ShareState, shares_of
from catalog.matters.moves import decide_extension, extend
from catalog.matters.reads import inbox
from catalog.resources.consents import (
    ConsentGiven,
    ConsentWithdrawn,
    attach_consent,
    withdraw_consent,
)
from catalog.resources.grading import RegradingProposal, confirm_regrading, propose_regrading
from catalog.resources.store import resource
from catalog.store import dataset_table
from catalog.zones.store import zone_table
from catalog.zones.zones import ZoneOrder, close_zone, destroy_zone, open_zone
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from policies.load import load_policies
from policies.schema.zones import ZoneRules
from tests.fakes import TickingClock
from tests.sharing_world import FORM, World, opened

OF_TWO = {
    "moonlighter": (("police", "transport"), Role.PROVIDER),
    "source_and_holder": (("health", "police"), Role.PROVIDER),
    "insider": (("bureau", "police", "datawise"), Role.AUTHORITY),
    "county_officer": (("county_bureau",), Role.AUTHORITY),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home: Path = tmp_path_factory.mktemp("sharing")
    with opened(home, TickingClock()) as made:
        writer = made.writer
        county = Organisation(
            id="county_bureau", kind=OrganisationKind.AUTHORITY, name_zh="县局", name_en="County"
        )
        create_organisation(writer, SYSTEM_ACTOR, county)
        for name, (houses, role) in OF_TWO.items():
            account = Account(name=name, organisation=houses[0])
            someone = Person(
                id=name, name=name, organisations=houses, roles=(role,), accounts=(account,)
            )
            create_person(writer, SYSTEM_ACTOR, someone)
            made.people[name] = Actor(
                name, houses[0], frozenset({role}), since_us=made.clock.now_us()
            )
        yield made


def refusal(move: Callable[[], Any]) -> str:
    with pytest.raises(SandgateError) as caught:
        move()
    return caught.value.code


def changed(world: World, change: Callable[[Connection], object]) -> None:
    """Put a fact into the store within an entry, as the room that keeps it would."""

    def apply(connection: Connection, _entry: PendingEntry) -> None:
        change(connection)

    event = AuditEvent(EntryKind.REQUEST_REFUSED, SYSTEM_ACTOR, {"route": "t", "code": "t"})
    world.writer.submit(event, apply)


def test_no_case_is_joined_by_guessing_its_number(world: World) -> None:
    case = world.asked(ShareState.SUBMITTED).case_number
    for guessed in (case, "C2026-999999"):
        joined = refusal(
            partial(world.applying.draft, world["nurse"], world.entry, FORM, case=guessed)
        )
        assert joined == "case_unknown"
    lost = refusal(
        lambda: world.applying.draft(world["nurse"], world.entry, FORM, demand="dmd_other")
    )
    assert lost == "demand_unknown"
    followed = world.applying.draft(world["clerk"], world.entry, FORM, case=case).value
    assert followed.case_number == case


def test_a_head_signs_nothing_they_wrote_and_nobody_agrees_to_another_form(world: World) -> None:
    share = world.asked(ShareState.DRAFT)
    rewritten = refusal(lambda: world.applying.revise(world["director"], share.id, FORM))
    assert rewritten == "share_draft_of_another"
    share = world.asked(ShareState.SUBMITTED)
    approve = world.deciding.approve
    other = refusal(lambda: approve(world["constable"], share.id, read_digest="sha256:other"))
    assert other == "share_changed_meanwhile"
    approve(world["constable"], share.id, read_digest=share.document_digest)


def test_two_at_once_decide_once(world: World) -> None:
    share = world.asked(ShareState.SUBMITTED)

    def decide(name: str) -> str:
        try:
            if name == "clerk":
                return str(world.applying.withdraw(world[name], share.id).value.state)
            return str(world.deciding.approve(world[name], share.id).value.state)
        except SandgateError as error:
            return error.code

    with ThreadPoolExecutor(3) as pool:
        told = sorted(pool.map(decide, ("constable", "sergeant", "clerk")))
    done = [one for one in told if one in {"approved", "withdrawn"}]
    assert len(done) == 1, told
    with reading(world.engine) as connection:
        (standing,) = shares_of(connection, id=share.id)
    assert [str(standing.state)] == done


def test_who_serves_the_user_does_not_lift_its_suspension(world: World) -> None:
    share = world.asked()
    world.using.suspend(world["constable"], share.id, "用途不符")
    world.using.rectify(world["clerk"], share.id, "已整改")
    resume = world.using.resume
    near = refusal(lambda: resume(world["moonlighter"], share.id, "可以"))
    assert near == "checker_of_same_organisation"
    assert resume(world["sergeant"], share.id, "已核实").value.state is ShareState.IN_USE


def test_what_the_authority_suspended_only_the_authority_resumes(world: World) -> None:
    share, using = world.asked(), world.using
    using.suspend(world["officer"], share.id, "转供第三方")

    def resume(name: str) -> Share:
        return using.resume(world[name], share.id, "可以").value

    def refused_to_the_provider() -> None:
        using.rectify(world["clerk"], share.id, "已整改")
        with reading(world.engine) as connection:
            asked = [
                {item.subject for item in inbox(connection, world[name])}
                for name in ("officer", "constable")
            ]
        assert [share.id in subjects for subjects in asked] == [True, False]
        assert refusal(lambda: resume("constable")) == "share_suspended_by_authority"

    refused_to_the_provider()
    using.suspend(world["sergeant"], share.id, "再次暂停")  # does not make the order the provider's
    refused_to_the_provider()
    lifted = resume("officer")
    assert (lifted.state, lifted.suspended_as) == (ShareState.IN_USE, "")
    using.suspend(world["constable"], share.id, "用途不符")
    using.rectify(world["clerk"], share.id, "已整改")
    assert resume("sergeant").state is ShareState.IN_USE


def test_the_authority_takes_a_suspension_of_the_providers_over(world: World) -> None:
    share, using = world.asked(), world.using
    using.suspend(world["constable"], share.id, "用途不符")
    using.rectify(world["clerk"], share.id, "已整改")
    using.suspend(world["second_officer"], share.id, "整改不实")
    using.rectify(world["clerk"], share.id, "已整改")
    resume = using.resume
    late = refusal(lambda: resume(world["sergeant"], share.id, "可以"))
    assert late == "share_suspended_by_authority"
    assert resume(world["officer"], share.id, "已核实").value.state is ShareState.IN_USE


@pytest.mark.parametrize("change", ["suspended_as = 'provider'", "suspended_as = ''"])
def test_the_store_itself_keeps_the_authoritys_order(world: World, change: str) -> None:
    share = world.asked()
    world.using.suspend(world["officer"], share.id, "转供第三方")
    with pytest.raises(DBAPIError), world.engine.begin() as connection:
        connection.execute(text(f"UPDATE share_request SET {change}"))


def test_delivery_ends_with_the_sources_consent_and_with_the_zone(world: World) -> None:
    share = world.asked()

    def call() -> int:
        return len(world.delivery.call(world["clerk"], share.id, limit=5).rows)

    assert call()
    changed(
        world,
        lambda connection: connection.execute(
            insert(resource).values(
                dataset_id="ds_vehicles",
                dataset="vehicles",
                origin="shared",
                source="health",
                derived_from="[]",
                created_us=0,
            )
        ),
    )
    assert refusal(call) == "share_source_consent_missing"
    given = ConsentGiven(reference="卫健函1号")
    attach = attach_consent
    own = refusal(
        lambda: attach(world.writer, world["source_and_holder"], "vehicles", given, check_apart)
    )
    assert own == "checker_of_same_organisation"
    attach(world.writer, world["nurse"], "vehicles", given, check_apart)
    assert call()
    withdraw_consent(world.writer, world["nurse"], "vehicles", ConsentWithdrawn(reason="撤回"))
    assert refusal(call) == "share_source_consent_missing"
    attach(world.writer, world["nurse"], "vehicles", given, check_apart)
    opened_zone(world, "north")
    moved = update(dataset_table).where(dataset_table.c.name == "vehicles")
    with pytest.raises(DBAPIError):  # a data set never changes its zone; this one was made there
        changed(world, lambda connection: connection.execute(moved.values(zone="north")))
    changed(world, without_guards)
    changed(world, lambda connection: connection.execute(moved.values(zone="north")))
    assert call()
    close_zone(world.writer, world["officer"], "north", "改组")
    assert refusal(call) == "share_zone_closed"
    changed(world, lambda connection: connection.execute(moved.values(zone="public")))


def without_guards(connection: Connection) -> None:
    named = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'dataset'"
    for name in connection.exec_driver_sql(named).scalars().all():
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')


def opened_zone(world: World, name: str) -> None:
    order = ZoneOrder.model_validate(
        {
            "id": name,
            "kind": "enterprise",
            "name": {"zh": name, "en": name},
            "keeper": "datawise",
            "grade_max": "L1",
        }
    )
    open_zone(
        world.writer,
        world["officer"],
        load_policies().rules(ZoneRules),
        order,
        check_keeper=lambda _connection, _keeper: None,
        check_region=lambda _connection, _region: None,
    )


def test_who_serves_a_zones_keeper_does_not_destroy_it(world: World) -> None:
    opened_zone(world, "east")
    close_zone(world.writer, world["officer"], "east", "到期")

    def destroy(name: str) -> None:
        destroy_zone(
            world.writer,
            world.keys,
            world.home,
            world[name],
            "east",
            check_licences=lambda _connection, _zone: None,
            apart=check_apart,
        )

    assert refusal(lambda: destroy("officer")) == "applicant_cannot_approve"
    assert refusal(lambda: destroy("insider")) == "checker_of_same_organisation"
    destroy("second_officer")
    with reading(world.engine) as connection:
        query = select(zone_table.c.state).where(zone_table.c.id == "east")
        assert connection.execute(query).scalar_one() == "destroyed"


def test_an_extension_and_a_lower_grade_take_somebody_apart(world: World) -> None:
    share = world.asked(ShareState.SUBMITTED, until="2026-12-31")
    clocks = replace(world.applying.clocks, authority="bureau")
    extend(world.writer, clocks, world["constable"], share.matter, 5, "材料多")

    def consent(name: str) -> None:
        decide_extension(
            world.writer, clocks, world[name], share.matter, check_apart, consent=True, reason="可"
        )

    proposal = RegradingProposal.model_validate(
        {"dataset": "summary", "columns": ["age"], "grade": "L1", "basis": "报告1号"}
    )
    lower = propose_regrading(world.writer, world["constable"], proposal).value.id
    confirm = confirm_regrading
    near = refusal(lambda: confirm(world.writer, world["insider"], lower, check_apart_from_person))
    assert near == "checker_of_same_organisation"
    confirm(world.writer, world["officer"], lower, check_apart_from_person)
    assert refusal(lambda: consent("county_officer")) == "extension_consent_denied"
    assert refusal(lambda: consent("insider")) == "checker_of_same_organisation"
    consent("officer")


def test_another_authority_decides_nothing_that_was_asked_of_this_one(world: World) -> None:
    parts = vars(world.applying)
    demands, seats, promoting = Demands(**parts), Seats(**parts), Promoting(**parts)
    words = {"title": "核查", "need": "车龄", "data_items": ["号牌"], "wanted": "service"}
    stated = demands.state(world["clerk"], DemandForm.model_validate(words)).value
    county = world["county_officer"]
    decided = refusal(lambda: demands.decide(county, stated.id, Outcome.REFUSED, "", "无"))
    assert decided == "matter_not_yours"
    seat = seats.open(world["officer"], "police").value.id
    named = seats.name(world["chief"], seat, "envoy").value
    assert refusal(lambda: seats.confirm(county, named)) == "hall_authority_required"
    assert refusal(lambda: seats.confirm(world["insider"], named)) == (
        "checker_of_same_organisation"
    )
    share = world.asked()
    world.delivery.call(world["clerk"], share.id, limit=1)
    put_forward = promoting.propose(world["clerk"], share.id, "办件提速").value
    published = refusal(lambda: promoting.decide(county, put_forward.id, "published", ""))
    assert published == "matter_not_yours"


def test_rows_go_to_nobody_else(world: World) -> None:
    share = world.asked()
    call = world.delivery.call
    stranger: dict[str, str] = {
        name: refusal(partial(call, world[name], share.id, limit=1))
        for name in ("nurse", "analyst", "officer", "constable")
    }
    assert set(stranger.values()) == {"share_unknown"}
    guessed = refusal(lambda: call(world["nurse"], "shr_guessed", limit=1))
    assert guessed == "share_unknown"
    kept = refusal(lambda: call(world["clerk"], share.id, where={"note": "x"}, limit=1))
    assert kept == "share_column_not_granted"
    wild = call(world["clerk"], share.id, where={"plate": "%"}, limit=5)
    assert wild.rows == []
