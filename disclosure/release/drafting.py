"""Drafts: what an author puts together before the desk looks at it, and takes back.

Nothing is made of a draft until it is submitted. A request that was sent back becomes a draft again
under the next revision number, whose votes start anew.
"""

import secrets

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from disclosure.release.parts import DeskParts, check_apart, check_author, set_request
from disclosure.release.requests import Request, no_such_request, require_request
from disclosure.release.states import ReleaseMove, ReleaseState, next_state
from disclosure.release.store import release_comment, release_draft_file, release_request
from foundation.canonical import canonical_bytes
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id

SALT_BYTES = 32


class Drafting:
    """Serves the authors of requests."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def draft(self, actor: Actor, licence: str, asked: ReleaseDraft, session: str) -> Request:
        """Begin a request. Raises Denied under a shut licence, InvalidInput for strange files."""
        for file in asked.files:
            self._parts.sources.check_here(file)
        request_id = new_id("rel")

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            check_in_force(connection, self._parts.board, licence, entry.time_us)
            insert_draft(connection, entry, request_id, actor, licence, asked, session)
            return require_request(connection, request_id)

        public = {"release": request_id, "licence": licence}
        event = AuditEvent(EntryKind.RELEASE_DRAFTED, actor, public, {"context": asked.context})
        return self._parts.submit(event, apply).value

    def put_file(self, actor: Actor, request_id: str, file: FileDraft) -> Request:
        """Add a file to a draft, or replace the one of that name."""
        self._parts.sources.check_here(file)
        return self._edit(actor, request_id, file.name, draft_text(file))

    def remove_file(self, actor: Actor, request_id: str, name: str) -> Request:
        """Take a file out of a draft. Raises NotFound."""
        return self._edit(actor, request_id, name, "")

    def withdraw(self, actor: Actor, request_id: str, reason: str) -> Request:
        """Take a request back, for good; its votes, if any, stay unread."""
        move, kind = ReleaseMove.WITHDRAW, EntryKind.RELEASE_WITHDRAWN
        return self._moved(actor, request_id, move, kind, {"reason": reason})

    def revise(self, actor: Actor, request_id: str) -> Request:
        """Turn what was sent back into a draft under the next revision number."""
        move, kind = ReleaseMove.REVISE, EntryKind.RELEASE_REVISED
        return self._moved(actor, request_id, move, kind, {})

    def comment(self, actor: Actor, request_id: str, text: str) -> Request:
        """Write beside a request: its own organisation, or a checker who may read it."""

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            check_reads(actor, request)
            if actor.organisation != request.organisation:
                check_apart(connection, actor, request)
            connection.execute(
                insert(release_comment).values(
                    id=new_id("rcm"),
                    request=request.id,
                    revision=request.revision,
                    person=actor.person,
                    organisation=actor.organisation,
                    comment=text,
                    entry_index=entry.index,
                    written_us=entry.time_us,
                )
            )
            entry.amend(licence=request.licence, revision=request.revision)
            return require_request(connection, request_id)

        event = AuditEvent(
            EntryKind.RELEASE_COMMENTED, actor, {"release": request_id}, {"comment": text}
        )
        return self._parts.submit(event, apply).value

    def _edit(self, actor: Actor, request_id: str, name: str, text: str) -> Request:
        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            check_reads(actor, request)
            check_author(actor, request)
            next_state(request.state, ReleaseMove.EDIT)
            check_in_force(connection, self._parts.board, request.licence, entry.time_us)
            held = {draft.name for draft in request.drafts}
            if not text and name not in held:
                raise _no_such_file()
            if len({*held, name}) > self._parts.rules.files_max:
                raise too_many_files(self._parts.rules.files_max)
            _insert_file(connection, entry, request.id, request.revision, name, text)
            entry.amend(licence=request.licence, revision=request.revision)
            return require_request(connection, request_id)

        event = AuditEvent(EntryKind.RELEASE_EDITED, actor, {"release": request_id}, {"file": name})
        return self._parts.submit(event, apply).value

    def _moved(
        self,
        actor: Actor,
        request_id: str,
        move: ReleaseMove,
        kind: EntryKind,
        private: dict[str, str],
    ) -> Request:
        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            check_reads(actor, request)
            check_author(actor, request)
            state = next_state(request.state, move)
            revision = request.revision + (move is ReleaseMove.REVISE)
            set_request(connection, request, state=state.value, revision=revision)
            entry.amend(licence=request.licence, revision=revision)
            return require_request(connection, request_id)

        event = AuditEvent(kind, actor, {"release": request_id}, private)
        return self._parts.submit(event, apply).value


def insert_draft(
    connection: Connection,
    entry: PendingEntry,
    request_id: str,
    actor: Actor,
    licence: str,
    asked: ReleaseDraft,
    session: str,
) -> None:
    """Write a new request with its files, inside the effect of an entry."""
    connection.execute(
        insert(release_request).values(
            id=request_id,
            licence=licence,
            requester=actor.person,
            organisation=actor.organisation,
            session=session,
            title_zh=asked.title_zh,
            title_en=asked.title_en,
            context=asked.context,
            state=ReleaseState.DRAFT.value,
            revision=1,
            salt=secrets.token_hex(SALT_BYTES),
            created_index=entry.index,
            created_us=entry.time_us,
        )
    )
    if len({file.name for file in asked.files}) != len(asked.files):
        raise Conflict(
            "file_named_twice",
            Message("同一申请中文件名不得重复。", "Two files of the request have one name."),
            field="files",
        )
    for file in asked.files:
        _insert_file(connection, entry, request_id, 1, file.name, draft_text(file))


def draft_text(file: FileDraft) -> str:
    """Return a draft as it is kept. Raises InvalidInput for a number that is no integer."""
    try:
        return canonical_bytes(file.model_dump(mode="json")).decode()
    except TypeError as error:
        raise InvalidInput(
            "plan_not_canonical",
            Message("方案中的数字须为整数。", "Numbers in a plan are integers."),
            field="plan",
        ) from error


def check_reads(actor: Actor, request: Request) -> None:
    """Raise NotFound for who may not know that there is such a request."""
    overseers = (Role.CHECKER, Role.AUTHORITY, Role.REGULATOR, Role.RELEASE_OFFICER)
    if actor.organisation != request.organisation and not any(map(actor.has, overseers)):
        raise no_such_request()


def too_many_files(most: int) -> InvalidInput:
    """Say how many files a request may hold."""
    return InvalidInput(
        "too_many_files",
        Message(f"一个申请最多 {most} 个文件。", f"A request holds at most {most} files."),
        field="files",
    )


def _insert_file(
    connection: Connection,
    entry: PendingEntry,
    request_id: str,
    revision: int,
    name: str,
    text: str,
) -> None:
    connection.execute(
        insert(release_draft_file).values(
            id=new_id("rdf"),
            request=request_id,
            revision=revision,
            name=name,
            draft=text,
            entry_index=entry.index,
        )
    )


def _no_such_file() -> NotFound:
    return NotFound(
        "file_unknown",
        Message("申请中没有这个文件。", "The request holds no such file."),
        field="name",
    )
