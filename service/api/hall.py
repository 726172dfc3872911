"""The online data hall (政务数据大厅): seats, chief representatives, duty, queues, duty records."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from authorization.hall.queues import Waiting, queue
from authorization.hall.records import record_pdf
from authorization.hall.seats import appointments, require_seat, seats
from catalog.datasets import Frozen
from foundation.civil_day import CivilDay
from foundation.db import reading
from service.api.callers import (
    AuthorityCaller,
    DepartmentCaller,
    GovernmentCaller,
    HeadCaller,
    OnPlatform,
    RepresentativeCaller,
    SeatKeeperCaller,
)
from service.api.sharing import Identifier, ReasonBody, Words
from service.idempotency import IdempotentRoute
from service.sharing_desks import sharing_of

router = APIRouter(prefix="/hall", route_class=IdempotentRoute, tags=["hall"])


class SeatBody(Frozen):
    """The department that gets a seat."""

    organisation: Identifier


class NamedBody(Frozen):
    """Who is named as chief representative."""

    person: Identifier


class NoteBody(Frozen):
    """What the next one on duty should know."""

    note: str = Field(default="", max_length=2_000)


class HandOverBody(Frozen):
    """To whom of the same seat a matter goes, and why."""

    to: Identifier
    reason: Words


class SeatDecisionBody(Frozen):
    """A decision from the queue; a refusal needs both a reason and a legal basis."""

    outcome: Literal["approved", "refused"]
    conditions: Annotated[tuple[Words, ...], Field(max_length=20)] = ()
    reason: str = Field(default="", max_length=2_000)
    legal_basis: str = Field(default="", max_length=2_000)
    document_digest: str = Field(default="", max_length=100)
    """The digest of the form that was read; where it is given, no other one is agreed to."""


@router.get("/seats")
def get_seats(_actor: GovernmentCaller, platform: OnPlatform) -> dict[str, object]:
    """List the seats, their representatives, and who is on duty now."""
    with reading(platform.engine) as connection:
        return {"seats": [one.model_dump(mode="json") for one in seats(connection)]}


@router.post("/seats", status_code=201)
def post_seat(body: SeatBody, actor: AuthorityCaller, platform: OnPlatform) -> dict[str, object]:
    """Open a department's seat."""
    recorded = sharing_of(platform).seats.open(actor, body.organisation)
    return {**recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@router.get("/seats/{seat_id}/appointments")
def get_appointments(
    seat_id: str, _actor: DepartmentCaller, platform: OnPlatform
) -> dict[str, object]:
    """List who was named, confirmed and ended at a seat."""
    with reading(platform.engine) as connection:
        require_seat(connection, seat_id)
        return {"appointments": appointments(connection, seat_id)}


@router.post("/seats/{seat_id}/appointments", status_code=201)
def post_appointment(
    seat_id: str, body: NamedBody, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Name a chief representative, as the department's head."""
    recorded = sharing_of(platform).seats.name(actor, seat_id, body.person)
    return {"id": recorded.value, "entry_index": recorded.index}


@router.post("/appointments/{appointment}/confirmation", status_code=201)
def post_confirmation(
    appointment: str, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Confirm a chief representative, as the data authority."""
    recorded = sharing_of(platform).seats.confirm(actor, appointment)
    return {"id": recorded.value, "entry_index": recorded.index}


@router.post("/appointments/{appointment}/end", status_code=201)
def post_end(
    appointment: str, body: ReasonBody, actor: SeatKeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """End an appointment; duty ends with it."""
    recorded = sharing_of(platform).seats.end(actor, appointment, body.reason)
    return {"id": recorded.value, "entry_index": recorded.index}


@router.post("/seats/{seat_id}/duty", status_code=201)
def post_duty(seat_id: str, actor: RepresentativeCaller, platform: OnPlatform) -> dict[str, object]:
    """Come on duty."""
    recorded = sharing_of(platform).seats.begin_duty(actor, seat_id)
    return {**recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@router.post("/duty/end", status_code=201)
def post_duty_end(
    body: NoteBody, actor: RepresentativeCaller, platform: OnPlatform
) -> dict[str, object]:
    """Go off duty."""
    recorded = sharing_of(platform).seats.end_duty(actor, body.note)
    return {**recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@router.get("/queue")
def get_queue(actor: RepresentativeCaller, platform: OnPlatform) -> dict[str, object]:
    """Show what waits at one's own seat, the most urgent first."""
    with reading(platform.engine) as connection:
        found = queue(connection, actor, platform.clock.now_us())
    return {"queue": [_waiting(one) for one in found]}


@router.post("/queue/{matter_id}/taking", status_code=201)
def post_taking(
    matter_id: str, actor: RepresentativeCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take a matter."""
    recorded = sharing_of(platform).queues.take(actor, matter_id)
    return {"matter": recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@router.post("/queue/{matter_id}/hand-over", status_code=201)
def post_hand_over(
    matter_id: str, body: HandOverBody, actor: RepresentativeCaller, platform: OnPlatform
) -> dict[str, object]:
    """Hand a matter to another representative of the seat."""
    hand_over = sharing_of(platform).queues.hand_over
    recorded = hand_over(actor, matter_id, body.to, body.reason)
    return {"matter": recorded.value.model_dump(mode="json"), "entry_index": recorded.index}


@router.post("/queue/{matter_id}/decision", status_code=201)
def post_seat_decision(
    matter_id: str, body: SeatDecisionBody, actor: RepresentativeCaller, platform: OnPlatform
) -> dict[str, object]:
    """Decide a sharing request from the queue."""
    recorded = sharing_of(platform).queues.decide(
        actor,
        matter_id,
        approve=body.outcome == "approved",
        conditions=body.conditions,
        reason=body.reason,
        legal_basis=body.legal_basis,
        read_digest=body.document_digest,
    )
    return {**recorded.value.as_json(), "entry_index": recorded.index}


@router.post("/seats/{seat_id}/duty-records/{form}")
def post_duty_record(
    seat_id: str,
    form: Literal["json", "pdf"],
    actor: SeatKeeperCaller,
    platform: OnPlatform,
    day: Annotated[CivilDay, Query()],
) -> Response:
    """Print the duty record of a day, as JSON or PDF; the log holds its digest."""
    recorded = sharing_of(platform).records.print_record(actor, seat_id, day)
    headers = {"X-Audit-Index": str(recorded.index)}
    if form == "json":
        return JSONResponse(recorded.value, headers=headers)
    data = record_pdf(recorded.value)
    return Response(data, media_type="application/pdf", headers=headers)


def _waiting(one: Waiting) -> dict[str, Any]:
    return one.model_dump(mode="json")
