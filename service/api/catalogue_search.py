"""Reading the catalogue: search, an entry with its versions, differences, history, change feed.

Published entries are seen by every registered caller, those withheld from sharing too: the
catalogue is seen, the data are not. What was never published is seen by its own department and the
authority; to anybody else it does not exist.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Connection

from catalog.book.duties import sees_drafts
from catalog.book.parts import (
    EntryHead,
    Revision,
    entry_unknown,
    known_head,
    open_revision,
    published_revision,
)
from catalog.book.searching import EntryPage, Wanted, search
from catalog.book.states import EntryState
from catalog.book.versions import (
    FEED_ROWS_MAX,
    Feed,
    changes_after,
    difference,
    history,
    known_version,
    versions_of,
)
from catalog.datasets import Grade
from catalog.entries import OpenAttribute, ReturnAttribute, ShareAttribute
from foundation.db import reading
from foundation.identity import Actor
from service.api.callers import AnyCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/catalog", route_class=IdempotentRoute, tags=["catalogue"])
feed = APIRouter(prefix="/catalogue", route_class=IdempotentRoute, tags=["catalogue"])

INDEX_MAX = 2**62
Words = Annotated[str, Query(max_length=200)]
Name = Annotated[str | None, Query(max_length=64)]
Version = Annotated[int, Query(ge=1, le=10**6)]


@router.get("/entries")
def get_entries(
    actor: AnyCaller,
    platform: OnPlatform,
    text: Words = "",
    provider: Name = None,
    tag: Name = None,
    zone: Name = None,
    state: EntryState | None = None,
    grade: Grade | None = None,
    share: ShareAttribute | None = None,
    open_to: Annotated[OpenAttribute | None, Query(alias="open")] = None,
    returned: Annotated[ReturnAttribute | None, Query(alias="return")] = None,
    after: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> EntryPage:
    """List or search entries in order of their codes. ``after`` is the ``next`` of a page."""
    wanted = Wanted(
        text=text,
        provider=provider,
        tag=tag,
        zone=zone,
        state=state,
        grade=grade,
        share=share,
        open=open_to,
        returned=returned,
    )
    with reading(platform.engine) as connection:
        return search(connection, actor, wanted, after=after, limit=limit)


@router.get("/entries/{entry_id}")
def get_entry(entry_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Show an entry as published; with the text at work, to its department and the authority."""
    with reading(platform.engine) as connection:
        head = seen_head(connection, actor, entry_id)
        published = published_revision(connection, entry_id, head.version) if head.version else None
        own = sees_drafts(actor, head.provider)
        at_work = open_revision(connection, entry_id) if own else None
    return {
        **head.model_dump(mode="json"),
        "document": published.entry.model_dump(mode="json") if published else None,
        "digest": published.digest if published else None,
        "published_us": published.decided_us if published else None,
        "draft": told_draft(at_work) if at_work else None,
    }


@router.get("/entries/{entry_id}/versions")
def get_versions(entry_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the published versions of an entry, oldest first."""
    with reading(platform.engine) as connection:
        seen_head(connection, actor, entry_id)
        found = versions_of(connection, entry_id)
    return {
        "versions": [
            {
                "version": item.version,
                "digest": item.digest,
                "previous_digest": item.previous_digest,
                "published_us": item.decided_us,
                "document": item.entry.model_dump(mode="json"),
            }
            for item in found
        ]
    }


@router.get("/entries/{entry_id}/difference")
def get_difference(
    entry_id: str,
    actor: AnyCaller,
    platform: OnPlatform,
    before: Version,
    after: Version | None = None,
) -> dict[str, object]:
    """Name what differs between two published versions; without ``after``, up to the draft."""
    with reading(platform.engine) as connection:
        head = seen_head(connection, actor, entry_id)
        old = known_version(connection, entry_id, before)
        if after is not None:
            new: Revision | None = known_version(connection, entry_id, after)
        else:
            own = sees_drafts(actor, head.provider)
            new = open_revision(connection, entry_id) if own else None
    if new is None:
        raise entry_unknown()
    changes = difference(old.entry, new.entry)
    return {"changes": [item.model_dump(mode="json") for item in changes]}


@router.get("/entries/{entry_id}/history")
def get_history(entry_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Tell an entry's moves, each with its entry in the log; to others, the public ones alone."""
    with reading(platform.engine) as connection:
        head = seen_head(connection, actor, entry_id)
        own = sees_drafts(actor, head.provider)
        lines = history(connection, entry_id, public_only=not own)
    hidden = None if own else {"person", "matter", "reason"}
    return {"moves": [item.model_dump(mode="json", exclude=hidden) for item in lines]}


@feed.get("/changes")
def get_changes(
    _actor: AnyCaller,
    platform: OnPlatform,
    after: Annotated[int, Query(ge=-1, le=INDEX_MAX)] = -1,
    limit: Annotated[int, Query(ge=1, le=FEED_ROWS_MAX)] = 100,
) -> Feed:
    """Tell what was published or withdrawn after a log entry; ``next`` is the cursor to keep."""
    with reading(platform.engine) as connection:
        return changes_after(connection, after, limit)


def seen_head(connection: Connection, actor: Actor, entry_id: str) -> EntryHead:
    """Return an entry that this actor may know of. Raises NotFound."""
    head = known_head(connection, entry_id)
    if head.version is None and not sees_drafts(actor, head.provider):
        raise entry_unknown()
    return head


def told_draft(revision: Revision) -> dict[str, object]:
    """Return a text at work with its papers, as its department and the authority see it."""
    return revision.model_dump(mode="json", exclude={"entry", "provider", "entry_id"}) | {
        "document": revision.entry.model_dump(mode="json")
    }
