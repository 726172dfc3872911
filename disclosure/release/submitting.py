"""Submission: the desk makes every file of a draft itself, and writes down what it made by digest.

All conditions hold within the effect of the entry: licence, policy, tariff, caps. Otherwise the
draft stays as it was, and the refusal is logged.
"""

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, insert, or_, select

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.revocation import check_in_force
from disclosure.metering import ReleaseUse
from disclosure.release.bodies import ReleaseDraft, ReleaseRequest
from disclosure.release.drafting import check_reads, insert_draft
from disclosure.release.files import FileDraft, ReleasedFile
from disclosure.release.making import first_made
from disclosure.release.parts import DeskParts, bytes_differ, check_author, set_request
from disclosure.release.requests import Request, manifest_digest, require_request
from disclosure.release.states import ReleaseMove, ReleaseState, next_state
from disclosure.release.store import release_file, release_request
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from foundation.errors import Conflict, Message, SandgateError
from foundation.identity import Actor
from foundation.ids import new_id

ANSWER_NAME = "answer.csv"
OPEN_STATES = (
    ReleaseState.DRAFT,
    ReleaseState.SUBMITTED,
    ReleaseState.CHECKED,
    ReleaseState.SECOND_CHECK,
    ReleaseState.APPROVED,
)


class Submitting:
    """Takes requests in."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def submit_answer(
        self, actor: Actor, licence: str, asked: ReleaseRequest, session: str
    ) -> Request:
        """Ask for one stored answer in one step: a request of one CSV file, submitted at once."""
        request_id = new_id("rel")
        file = FileDraft(name=ANSWER_NAME, source="answer", reference=asked.answer_id)
        draft = ReleaseDraft(
            title_zh=asked.title_zh, title_en=asked.title_en, context=asked.context, files=(file,)
        )
        try:
            made = first_made(self._parts, actor, request_id, licence, (file,))
        except SandgateError as refusal:
            public = {"licence": licence, "answer": asked.answer_id}
            self._parts.log_refusal(EntryKind.RELEASE_REFUSED, actor, public, refusal)
            raise

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            insert_draft(connection, entry, request_id, actor, licence, draft, session)
            return self._taken(connection, entry, actor, request_id, made)

        return self._written(actor, request_id, licence, made, apply)

    def submit(self, actor: Actor, request_id: str) -> Request:
        """Submit a draft with all its files. Raises what refuses it; the draft stays."""
        with reading(self._parts.engine) as connection:
            request = require_request(connection, request_id)
        check_reads(actor, request)
        try:
            check_author(actor, request)
            next_state(request.state, ReleaseMove.SUBMIT)
            made = first_made(self._parts, actor, request.id, request.licence, request.drafts)
        except SandgateError as refusal:
            public = {"licence": request.licence, "release": request_id}
            self._parts.log_refusal(EntryKind.RELEASE_REFUSED, actor, public, refusal)
            raise

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            current = require_request(connection, request_id)
            check_author(actor, current)
            if list(current.drafts) != list(request.drafts):
                raise bytes_differ()
            return self._taken(connection, entry, actor, request_id, made)

        return self._written(actor, request_id, request.licence, made, apply)

    def _written(
        self,
        actor: Actor,
        request_id: str,
        licence: str,
        made: Sequence[ReleasedFile],
        apply: Callable[[Connection, PendingEntry], Request],
    ) -> Request:
        answers = [name for item in made for name in item.answers]
        public: dict[str, object] = {
            "release": request_id,
            "licence": licence,
            "answers": answers,
            "entries": [index for item in made for index in item.entries],
            "files": len(made),
            "reproducible": all(item.reproducible for item in made),
            **({"answer": answers[0]} if answers else {}),
        }
        sha256 = manifest_digest([(item.name, item.sha256) for item in made])
        event = AuditEvent(EntryKind.RELEASE_SUBMITTED, actor, public, {"sha256": sha256})
        return self._parts.submit(event, apply).value

    def _taken(
        self,
        connection: Connection,
        entry: PendingEntry,
        actor: Actor,
        request_id: str,
        made: Sequence[ReleasedFile],
    ) -> Request:
        """Take a draft in, inside the effect of its entry: all conditions hold now, or nothing."""
        request = require_request(connection, request_id)
        state = next_state(request.state, ReleaseMove.SUBMIT)
        check_in_force(connection, self._parts.board, request.licence, entry.time_us)
        self._check_caps(connection, request)
        _insert_files(connection, request, made)
        sha256 = manifest_digest([(item.name, item.sha256) for item in made])
        first = request.first_submitted_us
        set_request(
            connection,
            request,
            state=state.value,
            content_digest=sha256,
            checks="[]",
            first_submitted_us=entry.time_us if first is None else first,
            submitted_us=entry.time_us,
        )
        taken = require_request(connection, request_id)
        self._parts.check_may_ask(connection, actor, request.licence, taken, entry.time_us)
        use = ReleaseUse(request.id, request.licence, request.organisation)
        self._parts.meter.release_asked(connection, entry, use)
        entry.amend(revision=request.revision)
        return taken

    def _check_caps(self, connection: Connection, request: Request) -> None:
        rules, table = self._parts.rules, release_request.c
        query = select(func.count()).where(
            table.licence == request.licence,
            table.id != request.id,
            table.state.in_([state.value for state in OPEN_STATES]),
        )
        if connection.execute(query).scalar_one() >= rules.requests_open_max:
            raise _too_many(
                "requests_open",
                rules.requests_open_max,
                "本授权未办结的出域申请已达上限",
                "This licence has as many open release requests as the rules allow",
            )
        for draft in request.drafts:
            if _decided_against(connection, request, draft) >= rules.decided_against_max:
                raise _too_many(
                    "asked_too_often",
                    rules.decided_against_max,
                    f"文件 {draft.name} 的内容已多次被退回、拒绝或撤回，不再受理",
                    f"What {draft.name} holds was sent back, refused or withdrawn too often",
                )


def _insert_files(connection: Connection, request: Request, made: Sequence[ReleasedFile]) -> None:
    drafts = {draft.name: draft for draft in request.drafts}
    for position, item in enumerate(made):
        draft = drafts[item.name]
        connection.execute(
            insert(release_file).values(
                request=request.id,
                revision=request.revision,
                position=position,
                name=item.name,
                format=item.format,
                source=item.source,
                draft_digest=_draft_digest(draft),
                draft=canonical_bytes(draft.model_dump(mode="json")).decode(),
                content_digest=item.sha256,
                content_bytes=len(item.content),
                reproducible=int(item.reproducible),
                answers=json.dumps(item.answers),
                entries=json.dumps(item.entries),
                asked=item.asked,
                sources=json.dumps(
                    {name: list(item.sources[name]) for name in sorted(item.sources)}
                ),
                tools=json.dumps(dict(item.tools)),
            )
        )


def _draft_digest(draft: FileDraft) -> str:
    """Name what a draft asks for, whatever the file is called."""
    return digest({"source": draft.source, "reference": draft.reference, "plan": draft.plan})


def _decided_against(connection: Connection, request: Request, draft: FileDraft) -> int:
    """Count how often this was submitted under the licence and did not leave for good reason."""
    ours, files = release_request.c, release_file.c
    against = [
        state.value
        for state in (ReleaseState.RETURNED, ReleaseState.REFUSED, ReleaseState.WITHDRAWN)
    ]
    query = (
        select(func.count())
        .select_from(release_file.join(release_request, files.request == ours.id))
        .where(
            files.draft_digest == _draft_digest(draft),
            ours.licence == request.licence,
            or_(files.revision < ours.revision, ours.state.in_(against)),
        )
    )
    return int(connection.execute(query).scalar_one())


def _too_many(code: str, most: int, zh: str, en: str) -> Conflict:
    return Conflict(
        f"release_{code}",
        Message(f"{zh}（上限 {most}）。", f"{en} (at most {most})."),
        field="release",
        rule="policies/disclosure",
        way_out=Message(
            "请先按意见修改内容，或与审核部门沟通。",
            "Change what it holds as the comments say, or ask the checkers' office.",
        ),
    )
