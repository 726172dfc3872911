"""The regulator's cases: evidence on hold, private text read for a reason, and the case as a file.

Auditors of the organisation that opened a case do all of it; the authority sees that a case is
open and since when, because its purges stop there, and nothing more.
"""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.background import BackgroundTask

from audit.cases.files import REASON_CHARACTERS_MAX, Case, cases, check_own, require_case
from audit.cases.scope import NAMED_CHARACTERS_MAX, NAMED_MAX, Scope
from audit.cases.texts import READ_AT_ONCE_MAX
from audit.events import Recorded
from catalog.datasets import Frozen
from foundation.clock import from_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.ids import random_name
from service.api.bodies import StrictRoute
from service.api.callers import OnPlatform, OverseerCaller, RegulatorCaller
from service.idempotency import IdempotentRoute
from service.regulator.names import RegisteredNames

router = APIRouter(prefix="/cases", route_class=IdempotentRoute, tags=["cases"])
# What answers with private text is never kept for a repeat.
reading_room = APIRouter(prefix="/cases", route_class=StrictRoute, tags=["cases"])
Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]
Named = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=NAMED_CHARACTERS_MAX)], ...],
    Field(max_length=NAMED_MAX),
]
Instant = Annotated[str | None, Field(max_length=40)]
Index = Annotated[int, Field(ge=0, le=2**63 - 1)]


class CaseBody(Frozen):
    """Why a case is opened; the grounds stay in the private part of the entry."""

    grounds: Reason


class HoldBody(Frozen):
    """What a hold covers: any of the things named, within the span; nothing named needs ``all``."""

    licences: Named = ()
    persons: Named = ()
    datasets: Named = ()
    since: Instant = None
    until: Instant = None
    whole_log: bool = False

    def scope(self) -> Scope:
        """Return the scope. Raises InvalidInput where it names nothing and does not say so."""
        named = bool(self.licences or self.persons or self.datasets)
        if named == self.whole_log:
            raise InvalidInput(
                "scope_ambiguous",
                Message(
                    "请列明授权、人员或数据集，或仅指定 whole_log 保全全部日志（可限时段）。",
                    "Name licences, persons or data sets, or say whole_log alone.",
                ),
                field="$.whole_log",
            )
        return Scope(
            self.licences,
            self.persons,
            self.datasets,
            _time(self.since, "$.since"),
            _time(self.until, "$.until"),
        )


class ReasonBody(Frozen):
    """Why a hold is lifted or a case closed."""

    reason: Reason


class ReadingBody(Frozen):
    """Entries of the log whose private text is to be read."""

    entries: Annotated[tuple[Index, ...], Field(min_length=1, max_length=READ_AT_ONCE_MAX)]


@router.get("")
def get_cases(actor: OverseerCaller, platform: OnPlatform) -> dict[str, object]:
    """List all cases; one's own with their holds, of others only that they exist."""
    with reading(platform.engine) as connection:
        found = cases(connection)
    return {"cases": [case.as_json(whole=_own(actor, case)) for case in found]}


@router.post("", status_code=201)
def post_case(body: CaseBody, actor: RegulatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Open a case; place its first hold next."""
    return _told(platform.records.files.open(actor, body.grounds))


@router.get("/{case_id}")
def get_case(case_id: str, actor: RegulatorCaller, platform: OnPlatform) -> dict[str, object]:
    """Show one's own case with its holds."""
    with reading(platform.engine) as connection:
        found = require_case(connection, case_id)
    check_own(actor, found)
    return found.as_json(whole=True)


@router.post("/{case_id}/holds", status_code=201)
def post_hold(
    case_id: str, body: HoldBody, actor: RegulatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Put evidence on hold: nothing of it is erased while the hold stands."""
    return _told(platform.records.files.place(actor, case_id, body.scope()))


@router.post("/{case_id}/holds/{hold_id}/lift")
def post_lift(
    case_id: str, hold_id: str, body: ReasonBody, actor: RegulatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Lift a hold for good."""
    return _told(platform.records.files.lift(actor, case_id, hold_id, body.reason))


@router.post("/{case_id}/close")
def post_close(
    case_id: str, body: ReasonBody, actor: RegulatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Close a case none of whose holds stands."""
    return _told(platform.records.files.close(actor, case_id, body.reason))


@reading_room.post("/{case_id}/readings")
def post_reading(
    case_id: str, body: ReadingBody, actor: RegulatorCaller, platform: OnPlatform
) -> dict[str, object]:
    """Read private text of entries that the case covers; the reading is an entry itself."""
    recorded = platform.records.texts.read(actor, case_id, body.entries)
    return {
        "entry": recorded.index,
        "receipt": recorded.receipt,
        "fields": [item.as_json() for item in recorded.value],
    }


@reading_room.post("/{case_id}/export")
def post_export(case_id: str, actor: RegulatorCaller, platform: OnPlatform) -> FileResponse:
    """Export a case: entries, proofs, opened text, and the report in Chinese as PDF."""
    path = platform.settings.home / "exports" / f"{random_name()}.zip"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with reading(platform.engine) as connection:
        names = RegisteredNames(connection)
    platform.records.exporter.export(
        actor, case_id, names=names, now_us=platform.clock.now_us(), out=path
    )
    return FileResponse(path, media_type="application/zip", background=BackgroundTask(path.unlink))


def _own(actor: Actor, case: Case) -> bool:
    return actor.has(Role.REGULATOR) and actor.organisation == case.organisation


def _told(recorded: Recorded[Case]) -> dict[str, object]:
    return {
        **recorded.value.as_json(whole=True),
        "entry": recorded.index,
        "receipt": recorded.receipt,
    }


def _time(text: str | None, field: str) -> int | None:
    if text is None:
        return None
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "time_invalid",
            Message("时间须写作 ISO 8601。", "Write a time as ISO 8601."),
            field=field,
            rule="ISO 8601",
        ) from error
