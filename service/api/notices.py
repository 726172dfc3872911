"""What the data authority is told without asking, newest first: read from the log, so none is lost.

A day's screen budget spent, kept work withheld, a notebook or package that waits, a run that
failed, a release recalled: one line each, in both languages, with what it is about.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from audit.reading import LogEntry, read_entries
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from foundation.clock import to_iso
from foundation.db import reading
from service.api.callers import AuthorityCaller, OnPlatform
from service.idempotency import IdempotentRoute

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
