"""Who sits where: a seat for each department, its chief representatives, and who is on duty.

The department's head names a representative, the data authority confirms, a third person sits
there. Duty begins and ends by the representative's own word, logged.
"""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.hall.store import hall_appointment, hall_duty, hall_seat
from authorization.independence import check_apart
from authorization.organisations import (
    DEPARTMENTS,
    organisations_of,
    person_by_id,
    require_organisation,
)
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from authorization.sharing.parts import SharingParts
from catalog.datasets import Frozen
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, ActorKind, Role
from foundation.ids import new_id

RULE = "政务数据大厅"


class Seat(Frozen):
    """A department's seat, and who is on duty there now."""

    id: str
    organisation: str
    representatives: tuple[str, ...]
    on_duty: tuple[str, ...]


class Duty(Frozen):
    """One span of duty; ``ended_us`` is None while it lasts."""

    id: str
    seat: str
    person: str
    begun_us: int
    ended_us: int | None
    note: str


class Seats(SharingParts):
    """Opens seats, appoints to them, and keeps duty."""

    def open(self, actor: Actor, organisation: str) -> Recorded[Seat]:
        """Open a department's seat; each has one. By the authority."""
        check_role(actor, Role.AUTHORITY)
        seat_id = new_id("seat")
        about = {"seat": seat_id, "organisation": organisation}

        def apply(connection: Connection, entry: PendingEntry) -> Seat:
            house = require_organisation(connection, organisation, "organisation")
            if house.kind not in DEPARTMENTS:
                raise _departments_only()
            if seat_of(connection, organisation) is not None:
                raise _conflict("seat_exists", "该部门已设席位。", "This department has its seat.")
            connection.execute(
                insert(hall_seat).values(
                    id=seat_id,
                    organisation=organisation,
                    opened_by=actor.person,
                    opened_us=entry.time_us,
                )
            )
            return require_seat(connection, seat_id)

        return self.writer.submit(AuditEvent(EntryKind.HALL_SEAT_OPENED, actor, about), apply)

    def name(self, actor: Actor, seat_id: str, person: str) -> Recorded[str]:
        """Name a chief representative, as the seat's department head; never oneself."""
        check_role(actor, Role.DEPARTMENT_HEAD)
        check_natural_person(actor)
        check_another_person(actor, person)
        appointment = new_id("apt")
        about = {"appointment": appointment, "seat": seat_id, "subject": person}

        def apply(connection: Connection, entry: PendingEntry) -> str:
            seat = require_seat(connection, seat_id)
            if seat.organisation != actor.organisation:
                raise _no_seat()
            _check_fit(connection, seat, person)
            if _standing(connection, seat_id, person) is not None:
                raise _conflict(
                    "representative_named", "该人员已推荐或在任。", "This person is named already."
                )
            connection.execute(
                insert(hall_appointment).values(
                    id=appointment,
                    seat=seat_id,
                    person=person,
                    named_by=actor.person,
                    named_us=entry.time_us,
                )
            )
            return appointment

        event = AuditEvent(EntryKind.HALL_REPRESENTATIVE_NAMED, actor, about)
        return self.writer.submit(event, apply)

    def confirm(self, actor: Actor, appointment: str) -> Recorded[str]:
        """Confirm a representative who was named, as another person of the authority."""
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        event = AuditEvent(
            EntryKind.HALL_REPRESENTATIVE_CONFIRMED, actor, {"appointment": appointment}
        )

        def apply(connection: Connection, entry: PendingEntry) -> str:
            row = _appointment(connection, appointment)
            seat = require_seat(connection, row.seat)
            if row.confirmed_by is not None:
                raise _conflict("representative_confirmed", "已确认。", "Confirmed before.")
            check_another_person(actor, row.named_by)
            check_another_person(actor, row.person)
            check_apart(connection, actor, seat.organisation)
            check_older_than(actor, row.named_us)
            if actor.organisation != self.authority:
                raise _not_the_authority()
            _check_fit(connection, seat, row.person)
            connection.execute(
                update(hall_appointment)
                .where(hall_appointment.c.id == appointment)
                .values(confirmed_by=actor.person, confirmed_us=entry.time_us)
            )
            entry.amend(seat=row.seat, subject=row.person)
            return appointment

        return self.writer.submit(event, apply)

    def end(self, actor: Actor, appointment: str, reason: str) -> Recorded[str]:
        """End an appointment, as the department's head or the authority; duty ends with it."""
        check_role(actor, Role.DEPARTMENT_HEAD, Role.AUTHORITY)
        event = AuditEvent(
            EntryKind.HALL_REPRESENTATIVE_ENDED,
            actor,
            {"appointment": appointment},
            {"reason": reason},
        )

        def apply(connection: Connection, entry: PendingEntry) -> str:
            row = _appointment(connection, appointment)
            seat = require_seat(connection, row.seat)
            authority = actor.organisation == self.authority and actor.has(Role.AUTHORITY)
            if not authority and actor.organisation != seat.organisation:
                raise _no_seat()
            for duty in duties(connection, seat.id, standing=True):
                if duty.person == row.person:
                    _end_duty(connection, duty.id, entry.time_us, "")
            connection.execute(
                update(hall_appointment)
                .where(hall_appointment.c.id == appointment)
                .values(ended_by=actor.person, ended_us=entry.time_us)
            )
            entry.amend(seat=row.seat, subject=row.person)
            return appointment

        return self.writer.submit(event, apply)

    def begin_duty(self, actor: Actor, seat_id: str) -> Recorded[Duty]:
        """Come on duty at one's own seat."""
        check_role(actor, Role.HALL_REPRESENTATIVE)
        check_natural_person(actor)
        duty = new_id("duty")
        event = AuditEvent(EntryKind.HALL_DUTY_BEGUN, actor, {"seat": seat_id, "duty": duty})

        def apply(connection: Connection, entry: PendingEntry) -> Duty:
            seat = require_seat(connection, seat_id)
            if seat.organisation != actor.organisation or (
                actor.person not in seat.representatives
            ):
                raise _not_confirmed()
            if standing_duty(connection, actor.person) is not None:
                raise _conflict("on_duty_already", "您已在岗。", "You are on duty already.")
            connection.execute(
                insert(hall_duty).values(
                    id=duty, seat=seat_id, person=actor.person, begun_us=entry.time_us
                )
            )
            return _require_standing(connection, actor.person)

        return self.writer.submit(event, apply)

    def end_duty(self, actor: Actor, note: str = "") -> Recorded[Duty]:
        """Go off duty, with a note for the next one."""
        check_role(actor, Role.HALL_REPRESENTATIVE)
        event = AuditEvent(EntryKind.HALL_DUTY_ENDED, actor, {}, {"note": note})

        def apply(connection: Connection, entry: PendingEntry) -> Duty:
            duty = _require_standing(connection, actor.person)
            _end_duty(connection, duty.id, entry.time_us, note)
            entry.amend(seat=duty.seat, duty=duty.id)
            return duty.model_copy(update={"ended_us": entry.time_us, "note": note})

        return self.writer.submit(event, apply)


def seats(connection: Connection) -> list[Seat]:
    """Return every seat, by department."""
    rows = connection.execute(select(hall_seat).order_by(hall_seat.c.organisation)).all()
    return [_seat(connection, row) for row in rows]


def seat_of(connection: Connection, organisation: str) -> Seat | None:
    """Return a department's seat, or None."""
    query = select(hall_seat).where(hall_seat.c.organisation == organisation)
    row = connection.execute(query).first()
    return None if row is None else _seat(connection, row)


def require_seat(connection: Connection, seat_id: str) -> Seat:
    """Return a seat. Raises NotFound."""
    row = connection.execute(select(hall_seat).where(hall_seat.c.id == seat_id)).first()
    if row is None:
        raise _no_seat()
    return _seat(connection, row)


def appointments(connection: Connection, seat_id: str) -> list[dict[str, Any]]:
    """Return a seat's appointments, oldest first."""
    query = select(hall_appointment).where(hall_appointment.c.seat == seat_id)
    rows = connection.execute(query.order_by(hall_appointment.c.named_us))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def duties(connection: Connection, seat_id: str, *, standing: bool = False) -> list[Duty]:
    """Return a seat's spans of duty, oldest first; those that last still, if asked."""
    query = select(hall_duty).where(hall_duty.c.seat == seat_id)
    if standing:
        query = query.where(hall_duty.c.ended_us.is_(None))
    return [_duty(row) for row in connection.execute(query.order_by(hall_duty.c.begun_us))]


def standing_duty(connection: Connection, person: str) -> Duty | None:
    """Return a person's present duty, or None."""
    query = select(hall_duty).where(hall_duty.c.person == person, hall_duty.c.ended_us.is_(None))
    row = connection.execute(query).first()
    return None if row is None else _duty(row)


def check_on_duty(connection: Connection, actor: Actor) -> Duty:
    """Return the actor's present duty at a seat of their department. Raises Denied."""
    check_role(actor, Role.HALL_REPRESENTATIVE)
    check_natural_person(actor)
    duty = standing_duty(connection, actor.person)
    if duty is None:
        raise _off_duty()
    seat = require_seat(connection, duty.seat)
    if seat.organisation != actor.organisation or actor.person not in seat.representatives:
        raise _not_confirmed()
    return duty


def _require_standing(connection: Connection, person: str) -> Duty:
    duty = standing_duty(connection, person)
    if duty is None:
        raise _off_duty()
    return duty


def _end_duty(connection: Connection, duty: str, time_us: int, note: str) -> None:
    connection.execute(
        update(hall_duty).where(hall_duty.c.id == duty).values(ended_us=time_us, note=note)
    )


def _seat(connection: Connection, row: Any) -> Seat:
    table = hall_appointment.c
    held = select(table.person).where(
        table.seat == row.id, table.confirmed_us.is_not(None), table.ended_us.is_(None)
    )
    present = select(hall_duty.c.person).where(
        hall_duty.c.seat == row.id, hall_duty.c.ended_us.is_(None)
    )
    return Seat(
        id=row.id,
        organisation=row.organisation,
        representatives=tuple(sorted(connection.execute(held).scalars())),
        on_duty=tuple(sorted(connection.execute(present).scalars())),
    )


def _duty(row: Any) -> Duty:
    return Duty.model_validate(dict(row._mapping))  # noqa: SLF001 - SQLAlchemy's public name


def _appointment(connection: Connection, appointment: str) -> Any:
    query = select(hall_appointment).where(hall_appointment.c.id == appointment)
    row = connection.execute(query).first()
    if row is None or row.ended_us is not None:
        raise NotFound(
            "appointment_unknown",
            Message("没有该任职或已结束。", "No such appointment, or it is over."),
        )
    return row


def _standing(connection: Connection, seat_id: str, person: str) -> Any:
    table = hall_appointment.c
    query = select(hall_appointment).where(
        table.seat == seat_id, table.person == person, table.ended_us.is_(None)
    )
    return connection.execute(query).first()


def _check_fit(connection: Connection, seat: Seat, person: str) -> None:
    found = person_by_id(connection, person)
    fits = (
        found is not None
        and found.kind is ActorKind.PERSON
        and Role.HALL_REPRESENTATIVE in found.roles
        and seat.organisation in organisations_of(connection, person)
    )
    if not fits:
        raise InvalidInput(
            "representative_unfit",
            Message(
                "首席代表须为本部门的自然人，且已授予首席代表角色。",
                "A chief representative is a person of the department who was given that role.",
            ),
            field="$.person",
            rule=RULE,
        )


def _departments_only() -> InvalidInput:
    return InvalidInput(
        "seat_for_departments",
        Message("席位只为政府部门设立。", "Seats are for departments only."),
        field="$.organisation",
        rule=RULE,
    )


def _not_the_authority() -> Denied:
    return Denied(
        "hall_authority_required",
        Message(
            "首席代表由本平台的数据主管部门确认。",
            "The data authority of this platform confirms a chief representative.",
        ),
        field="actor",
        rule=RULE,
    )


def _no_seat() -> NotFound:
    return NotFound("seat_unknown", Message("没有该席位。", "There is no such seat."))


def _not_confirmed() -> Denied:
    return Denied(
        "representative_not_confirmed",
        Message(
            "您不是该席位经确认的在任首席代表。",
            "You are no confirmed representative of this seat.",
        ),
        field="actor",
        rule=RULE,
        way_out=Message(
            "请由部门负责人推荐、主管部门确认。",
            "Have your head name you, and the authority confirm.",
        ),
    )


def _off_duty() -> Denied:
    return Denied(
        "representative_off_duty",
        Message("您不在岗，请先到岗。", "You are off duty; come on duty first."),
        field="actor",
        rule=RULE,
    )


def _conflict(code: str, zh: str, en: str) -> Conflict:
    return Conflict(code, Message(zh, en), rule=RULE)
