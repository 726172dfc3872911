"""Matters (办件): what must be decided, by whom and until when; papers, extensions, overdue lists.

A matter is seen by its applicant's and its handler's organisation, by the data authority and by
the regulator; to anyone else there is none. Silence never grants: see ``catalog.matters``.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from authorization.independence import check_apart
from catalog.datasets import Frozen
from catalog.matters.announcing import announcements
from catalog.matters.matter import Matter, MatterKind, MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers, decide_extension, extend
from catalog.matters.reads import inbox, matters, moves_of, overdue, visible_matter
from catalog.matters.scorecards import scorecards
from foundation.clock import from_iso, to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor
from service.api.bodies import INTEGER_MAX
from service.api.callers import (
    AnyCaller,
    AuthorityCaller,
    GovernmentCaller,
    HandlerCaller,
    OnPlatform,
)
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/matters", route_class=IdempotentRoute, tags=["matters"])
View = Literal["inbox", "applied", "handled", "all"]
Count = Annotated[int, Query(ge=1, le=500)]
_TIMES = ("opened_us", "started_us", "noticed_us", "concluded_us", "extension_asked_us")


class PapersBody(Frozen):
    """Everything that lacks, at once: there is no second notice."""

    missing: tuple[MissingPaper, ...] = Field(min_length=1, max_length=50)


class ExtensionBody(Frozen):
    """How many further working days are asked, and why."""

    days: int = Field(ge=1, le=365)
    reason: str = Field(min_length=1, max_length=400)


class ConsentBody(Frozen):
    """Whether the authority consents to an extension, and why."""

    consent: bool
    reason: str = Field(min_length=1, max_length=400)


@router.get("")
def get_matters(
    actor: AnyCaller,
    platform: OnPlatform,
    view: View = "inbox",
    state: MatterState | None = None,
    kind: MatterKind | None = None,
    case: Annotated[str | None, Query(max_length=32)] = None,
    subject: Annotated[str | None, Query(max_length=100)] = None,
    after: Annotated[int, Query(ge=-1, le=INTEGER_MAX)] = -1,
    limit: Count = 100,
) -> dict[str, object]:
    """List matters: what I must decide, what my organisation applied for or handles, or all.

    ``all`` is for the data authority and the regulator; others see their own organisation's.
    ``after`` is the entry that opened the last matter of the page before.
    """
    with reading(platform.engine) as connection:
        if view == "inbox":
            found = inbox(connection, actor, limit=limit)
        else:
            found = matters(
                connection,
                handler=actor.organisation if _is_handled(view, actor) else None,
                applicant=actor.organisation if view == "applied" else None,
                state=state,
                kind=None if kind is None else str(kind),
                case=case,
                subject=subject,
                after=after,
                limit=limit,
            )
    now_us = platform.clock.now_us()
    return {"matters": [_shown(item, now_us) for item in found]}


@router.get("/overdue")
def get_overdue(actor: GovernmentCaller, platform: OnPlatform) -> dict[str, object]:
    """List what is overdue, the longest owed first: all for overseers, else one's own house's."""
    now_us = platform.clock.now_us()
    handler = None if actor.oversees else actor.organisation
    with reading(platform.engine) as connection:
        found = overdue(connection, now_us, handler=handler)
    return {"matters": [_shown(item, now_us) for item in found]}


@router.get("/overdue/announcements")
def get_announcements(_actor: GovernmentCaller, platform: OnPlatform) -> dict[str, object]:
    """List the notices of overdue matters given inside government (通报), newest first."""
    with reading(platform.engine) as connection:
        found = announcements(connection)
    return {"announcements": [_dated(item) for item in found]}


@router.post("/overdue/announcements", status_code=201)
def post_announcement(actor: AuthorityCaller, platform: OnPlatform) -> dict[str, object]:
    """Give notice of what is overdue now to the departments that owe it."""
    recorded = platform.notices.announcer.announce(actor)
    return {**recorded.value, "entry": recorded.index, "at": to_iso(recorded.time_us)}


@router.get("/scorecards")
def get_scorecards(
    actor: GovernmentCaller,
    platform: OnPlatform,
    since: Annotated[str, Query(alias="from", max_length=40)],
    until: Annotated[str, Query(max_length=40)],
) -> dict[str, object]:
    """Assess departments from the record of their matters (考核评估): all, or one's own house."""
    from_us, until_us = _time_of(since, "from"), _time_of(until, "until")
    houses = None if actor.oversees else [actor.organisation]
    with reading(platform.engine) as connection:
        cards = scorecards(connection, from_us, until_us, houses)
    return {
        "from": to_iso(from_us),
        "until": to_iso(until_us),
        "scorecards": [card.model_dump() for card in cards],
    }


@router.get("/{matter_id}")
def get_matter(matter_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Return a matter with each of its moves and the due date as it was counted then."""
    with reading(platform.engine) as connection:
        found = visible_matter(connection, actor, matter_id)
        moves = moves_of(connection, matter_id)
    return {**_shown(found, platform.clock.now_us()), "moves": [_dated(item) for item in moves]}


@router.post("/{matter_id}/papers", status_code=201)
def post_papers(
    matter_id: str, body: PapersBody, actor: HandlerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Return incomplete papers with the one complete notice (一次性告知)."""
    _check_visible(platform, actor, matter_id)
    recorded = ask_for_papers(platform.writer, platform.clocks, actor, matter_id, body.missing)
    return {**_shown(recorded.value, recorded.time_us), "entry": recorded.index}


@router.post("/{matter_id}/extension", status_code=201)
def post_extension(
    matter_id: str, body: ExtensionBody, actor: HandlerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Ask for further working days; nothing changes before the authority consents."""
    _check_visible(platform, actor, matter_id)
    recorded = extend(platform.writer, platform.clocks, actor, matter_id, body.days, body.reason)
    return {**_shown(recorded.value, recorded.time_us), "entry": recorded.index}


@router.post("/{matter_id}/extension/decision", status_code=201)
def post_extension_decision(
    matter_id: str, body: ConsentBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Consent to an extension that another person asked for, or refuse it."""
    recorded = decide_extension(
        platform.writer,
        platform.clocks,
        actor,
        matter_id,
        check_apart,
        consent=body.consent,
        reason=body.reason,
    )
    return {**_shown(recorded.value, recorded.time_us), "entry": recorded.index}


def _is_handled(view: View, actor: Actor) -> bool:
    """Tell whether a list is of what one's own organisation handles; ``all`` is for overseers."""
    return view == "handled" or (view == "all" and not actor.oversees)


def _check_visible(platform: Platform, actor: Actor, matter_id: str) -> None:
    with reading(platform.engine) as connection:
        visible_matter(connection, actor, matter_id)


def _shown(item: Matter, now_us: int) -> dict[str, Any]:
    fields = item.model_dump(mode="json")
    for name in _TIMES:
        time_us = fields.pop(name)
        fields[name.removesuffix("_us")] = None if time_us is None else to_iso(time_us)
    return {**fields, "overdue": item.is_overdue(now_us)}


def _dated(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "time_us"} | {
        "at": to_iso(item["time_us"])
    }


def _time_of(text: str, field: str) -> int:
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            "time_invalid",
            Message("时间须为ISO 8601日期或时间。", "A time is an ISO 8601 date or time."),
            field=field,
        ) from error
