"""What the data authority is told without asking, newest first: read from the log, so none is lost.

A day's screen budget spent, kept work withheld, a notebook or package that waits, a run that
failed, a release recalled: one line each, in both languages, with what it is about.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from audit.reading import LogEntry, read_entries
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from catalog.datasets import Frozen
from catalog.notices.outbox import notices_for
from foundation.clock import to_iso
from foundation.db import reading
from service.api.callers import AuthorityCaller, OnPlatform, PersonalCaller
from service.idempotency import IdempotentRoute
from service.notices.addresses import address_of, forget_address, set_address

router = APIRouter(prefix="/notices", route_class=IdempotentRoute, tags=["notices"])
TOLD = (
    EntryKind.EGRESS_SPENT,
    EntryKind.HOME_WITHHELD,
    EntryKind.REVIEW_SUBMITTED,
    EntryKind.RUN_FAILED,
    EntryKind.PACKAGE_REQUESTED,
    EntryKind.RELEASE_EXCEPTED,
    EntryKind.RELEASE_RECALLED,
)
_ABOUT = (
    "session", "licence", "person", "home", "review", "run", "request", "release", "package",
    "package_version", "code", "day",
)  # fmt: skip


@router.get("")
def get_notices(
    _actor: AuthorityCaller,
    platform: OnPlatform,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    """List what happened that the authority should know of, newest first."""
    with reading(platform.engine) as connection:
        found = read_entries(connection, kinds=TOLD, newest_first=True, limit=limit)
    return {"notices": [_notice(entry) for entry in found]}


class AddressBody(Frozen):
    """Where one wants to be written to, and in which language."""

    address: str = Field(min_length=3, max_length=254)
    language: str = Field(default="zh", pattern=r"^(zh|en)$")


@router.get("/own")
def get_own_notices(
    actor: PersonalCaller,
    platform: OnPlatform,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, object]:
    """List what oneself, or one's role in one's organisation, was told, newest first."""
    with reading(platform.engine) as connection:
        found = notices_for(connection, actor, before=before, limit=limit)
    return {
        "notices": [
            {
                "id": item.id,
                "number": item.number,
                "entry": item.entry,
                "at": to_iso(item.time_us),
                "kind": item.kind,
                "subject": item.subject,
                "title": item.title.model_dump(),
                "text": item.body.model_dump(),
                "data": item.data,
            }
            for item in found
        ]
    }


@router.get("/address")
def get_address(actor: PersonalCaller, platform: OnPlatform) -> dict[str, object]:
    """Return one's own e-mail address for notices, if one is set."""
    with reading(platform.engine) as connection:
        found = address_of(connection, actor.person)
    return {"address": None, "language": None} if found is None else found.model_dump()


@router.post("/address", status_code=201)
def post_address(
    body: AddressBody, actor: PersonalCaller, platform: OnPlatform
) -> dict[str, object]:
    """Set one's own e-mail address for notices."""
    recorded = set_address(platform.writer, actor, body.address, body.language)
    return {**recorded.value.model_dump(), "entry": recorded.index}


@router.post("/address/removal", status_code=201)
def post_address_removal(actor: PersonalCaller, platform: OnPlatform) -> dict[str, object]:
    """Have one's own e-mail address forgotten."""
    return {"entry": forget_address(platform.writer, actor).index}


def _notice(entry: LogEntry) -> dict[str, object]:
    sentence = KIND_SENTENCES[EntryKind(entry.kind)]
    public = entry.public
    return {
        "entry": entry.index,
        "at": to_iso(entry.time_us),
        "kind": entry.kind,
        "text": {"zh": sentence.zh, "en": sentence.en},
        "about": {name: public[name] for name in _ABOUT if name in public},
    }
