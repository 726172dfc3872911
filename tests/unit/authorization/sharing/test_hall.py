"""The data hall: two departments' representatives clear their queues; the duty record says so."""

from datetime import date, timedelta

import pytest

from authorization.hall.queues import Queues, holder_of, queue
from authorization.hall.records import Records, record_pdf
from authorization.hall.seats import Seats, require_seat
from authorization.sharing.states import ShareState
from catalog.matters.reads import matter
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from tests.catalogue import bare_book, entry_code, walk
from tests.sharing_world import FORM, World, document


class Hall:
    """The desks of the hall over a world, with both seats filled."""

    def __init__(self, world: World) -> None:
        self.world = world
        parts = vars(world.applying)
        self.seats, self.queues = Seats(**parts), Queues(**parts)
        self.records = Records(**parts)

    def seat(self, organisation: str, head: str, *envoys: str) -> str:
        seat = self.seats.open(self.world["officer"], organisation).value.id
        for envoy in envoys:
            named = self.seats.name(self.world[head], seat, envoy).value
            self.seats.confirm(self.world["second_officer"], named)
        return seat

    def waiting(self, envoy: str) -> list[str]:
        with reading(self.world.engine) as connection:
            found = queue(connection, self.world[envoy], self.world.clock.now_us())
        return [one.matter.id for one in found]


@pytest.fixture(scope="module")
def hall(world: World) -> Hall:
    return Hall(world)


@pytest.fixture(scope="module")
def police(hall: Hall) -> str:
    return hall.seat("police", "chief", "envoy", "second_envoy")


def test_two_departments_representatives_clear_a_queue_and_the_record_is_printed(
    fresh: World,
) -> None:
    hall = Hall(fresh)
    seats = {
        "envoy": hall.seat("police", "chief", "envoy"),
        "health_envoy": hall.seat("health", "matron", "health_envoy"),
    }
    beds = walk(
        bare_book(fresh.writer, "bureau"),
        fresh.engine,
        document(code=entry_code("beds")),
        "health",
        (fresh["nurse"], fresh["matron"], fresh["officer"]),
    ).entry_id
    for entry in (fresh.entry, beds, fresh.entry):
        share = fresh.applying.draft(fresh["clerk"], entry, FORM).value
        fresh.applying.sign_off(fresh["director"], share.id, share.document_digest)
        fresh.applying.submit(fresh["clerk"], share.id)
    for envoy, seat in seats.items():
        hall.seats.begin_duty(fresh[envoy], seat)
        found = hall.waiting(envoy)
        assert len(found) == {"envoy": 2, "health_envoy": 1}[envoy]
        for place, waiting in enumerate(found):
            hall.queues.take(fresh[envoy], waiting)
            refuse = {"approve": False, "reason": "非履职所需", "legal_basis": "条例第二十条"}
            hall.queues.decide(fresh[envoy], waiting, **(refuse if place else {"approve": True}))
    kinds = {"envoy": ["share_supply"], "health_envoy": ["share_supply"]}
    for envoy in seats:
        with reading(fresh.engine) as connection:
            left = [matter(connection, one) for one in hall.waiting(envoy)]
        assert [str(one.kind) for one in left if one] == kinds[envoy]
        hall.seats.end_duty(fresh[envoy], "余件明日办理")
    today = fresh.applying.clocks.rules.calendar.civil_day(fresh.clock.now_us())
    for envoy, seat in seats.items():
        record = hall.records.print_record(fresh[envoy], seat, today).value
        assert [one["move"] for one in record["handled"]].count("decided") == (
            2 if envoy == "envoy" else 1
        )
        assert record["duty"][0]["note"] == "余件明日办理"
        assert all(one["in_time"] for one in record["handled"])
        paper = record_pdf(record)
        assert paper.startswith(b"%PDF-")
        assert paper == record_pdf(record)


def test_a_seat_is_filled_by_three_people(hall: Hall, police: str, world: World) -> None:
    with pytest.raises(Conflict, match="seat_exists"):
        hall.seats.open(world["officer"], "police")
    with pytest.raises(InvalidInput, match="seat_for_departments"):
        hall.seats.open(world["officer"], "datawise")
    for person in ("constable", "health_envoy", "nobody"):
        with pytest.raises(InvalidInput, match="representative_unfit"):
            hall.seats.name(world["chief"], police, person)
    with pytest.raises(NotFound, match="seat_unknown"):
        hall.seats.name(world["matron"], police, "envoy")
    for name in ("constable", "officer"):
        with pytest.raises(Denied):
            hall.seats.name(world[name], police, "envoy")


def test_nobody_sits_unconfirmed_or_off_duty(hall: Hall, police: str, world: World) -> None:
    share = world.asked(ShareState.SUBMITTED)
    with pytest.raises(Denied, match="representative_off_duty"):
        hall.queues.take(world["envoy"], share.matter)
    with pytest.raises(Denied, match="representative_not_confirmed"):
        hall.seats.begin_duty(world["health_envoy"], police)
    with pytest.raises(Denied, match="representative_decides_in_the_hall"):
        world.deciding.approve(world["envoy"], share.id)
    hall.seats.begin_duty(world["envoy"], police)
    with pytest.raises(Conflict, match="on_duty_already"):
        hall.seats.begin_duty(world["envoy"], police)
    with pytest.raises(Denied, match="matter_not_taken"):
        hall.queues.decide(world["envoy"], share.matter, approve=True)
    hall.seats.end_duty(world["envoy"])


def test_what_one_took_no_other_decides_until_handed_over(
    hall: Hall, police: str, world: World
) -> None:
    share = world.asked(ShareState.SUBMITTED)
    for envoy in ("envoy", "second_envoy"):
        hall.seats.begin_duty(world[envoy], police)
    hall.queues.take(world["envoy"], share.matter)
    with pytest.raises(Conflict, match="matter_taken"):
        hall.queues.take(world["second_envoy"], share.matter)
    with pytest.raises(Denied, match="matter_not_taken"):
        hall.queues.decide(world["second_envoy"], share.matter, approve=True)
    for stranger in ("health_envoy", "constable", "envoy"):
        with pytest.raises(InvalidInput, match="representative_unknown"):
            hall.queues.hand_over(world["envoy"], share.matter, stranger, "x")
    hall.queues.hand_over(world["envoy"], share.matter, "second_envoy", "换班")
    with reading(world.engine) as connection:
        assert holder_of(connection, share.matter) == "second_envoy"
    with pytest.raises(SandgateError, match="share_condition_obstructs"):
        hall.queues.decide(world["second_envoy"], share.matter, approve=True, conditions=["收费"])
    decided = hall.queues.decide(world["second_envoy"], share.matter, approve=True).value
    assert (decided.state, decided.decided_by) == (ShareState.APPROVED, "second_envoy")
    for envoy in ("envoy", "second_envoy"):
        hall.seats.end_duty(world[envoy])


def test_a_representative_who_left_is_off_duty_at_once(fresh: World) -> None:
    hall = Hall(fresh)
    seat = hall.seats.open(fresh["officer"], "police").value.id
    named = hall.seats.name(fresh["chief"], seat, "envoy").value
    with pytest.raises(Denied, match="representative_not_confirmed"):
        hall.seats.begin_duty(fresh["envoy"], seat)
    hall.seats.confirm(fresh["officer"], named)
    hall.seats.begin_duty(fresh["envoy"], seat)
    share = fresh.asked(ShareState.SUBMITTED)
    hall.queues.take(fresh["envoy"], share.matter)
    hall.seats.end(fresh["chief"], named, "调离")
    with pytest.raises(Denied, match="representative_off_duty"):
        hall.queues.decide(fresh["envoy"], share.matter, approve=True)
    with reading(fresh.engine) as connection:
        assert require_seat(connection, seat).on_duty == ()


def test_a_record_is_for_its_department_and_of_a_day_that_was(
    hall: Hall, police: str, world: World
) -> None:
    today = world.applying.clocks.rules.calendar.civil_day(world.clock.now_us())
    for name in ("nurse", "analyst", "clerk"):
        with pytest.raises(Denied, match="duty_record_not_yours"):
            hall.records.print_record(world[name], police, today)
    with pytest.raises(InvalidInput, match="duty_day_not_begun"):
        hall.records.print_record(world["chief"], police, today + timedelta(days=1))
    empty = hall.records.print_record(world["officer"], police, date(2026, 1, 5)).value
    assert (empty["duty"], empty["handled"]) == ([], [])
    assert record_pdf(empty).startswith(b"%PDF-")
