"""The desk: a request names a stored answer; the desk recomputes, checks, collects votes, delivers.

Votes name the digest of the desk's own bytes. What is delivered is encoded anew from the stored
answer and must have that digest; nothing that came from a session is ever sent out (I15). What a
crash or a suspension left half done is taken up again by ``resume``.
"""

import json
import logging
from collections.abc import Mapping
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, Engine, insert, update

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.key_requests import last_citation
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import require_licence
from authorization.organisations import group_of, organisations_of
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import (
    check_independent,
    check_may_vote,
    check_natural_person,
    check_not_buying,
)
from catalog.datasets import Frozen
from disclosure.answers import StoredAnswer, answer_by_id
from disclosure.checks.desk import CheckedAnswer, CheckResult, all_passed, run_checks
from disclosure.given import evidence_in, table_of
from disclosure.metering import ReleaseMeter, ReleaseUse
from disclosure.release.certificate import issue_certificate
from disclosure.release.encoding import encode_table, sha256_of
from disclosure.release.requests import Request, requests_of, require_request
from disclosure.release.states import ReleaseMove, ReleaseState, next_state
from disclosure.store import release_request, release_vote
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import Conflict, InvalidInput, Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.disclosure import DisclosureRules

log = logging.getLogger("sandgate.release")

FILE_FORMAT = "csv"
HALF_DONE = (ReleaseState.SUBMITTED, ReleaseState.APPROVED)


class ReleaseRequest(Frozen):
    """What an operator asks: one stored answer, under a title in both languages."""

    answer_id: str = Field(min_length=1, max_length=80)
    title_zh: str = Field(min_length=1, max_length=200)
    title_en: str = Field(min_length=1, max_length=200)


class ReleaseVote(Frozen):
    """A checker's vote on exactly the bytes with this digest; a refusal needs its reason."""

    decision: Literal["approve", "refuse"]
    sha256: str = Field(min_length=1, max_length=80)
    comment: str = Field(default="", max_length=2_000)


class ReleaseDesk:
    """Serves operators who ask and checkers who vote."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        keys: KeyStore,
        board: SuspensionBoard,
        rules: DisclosureRules,
        meter: ReleaseMeter,
    ) -> None:
        """Join store, log, keys, the rules of the desk, and what meters its releases."""
        self._engine = engine
        self._writer = writer
        self._keys = keys
        self._board = board
        self._rules = rules
        self._meter = meter

    def submit(self, actor: Actor, licence: str, asked: ReleaseRequest) -> Request:
        """Recompute and check one stored answer; the request stands, or is refused with why."""
        try:
            with reading(self._engine) as connection:
                answer = _require_answer(connection, asked.answer_id, licence)
            request = self._record_request(actor, licence, asked, answer)
        except SandgateError as refusal:
            public = {"licence": licence, "answer": asked.answer_id}
            self._log_refusal(EntryKind.RELEASE_REFUSED, actor, public, refusal)
            raise
        return self._check(request)

    def vote(self, actor: Actor, request_id: str, vote: ReleaseVote) -> Request:
        """Record one vote; the last approval delivers. Raises Denied for whoever may not vote."""
        try:
            request = self._record_vote(actor, request_id, vote)
        except SandgateError as refusal:
            self._log_refusal(EntryKind.VOTE_REFUSED, actor, {"release": request_id}, refusal)
            raise
        return self._carried_on(request)

    def preview(self, actor: Actor, request_id: str) -> bytes:
        """Return the very bytes that would leave, for a checker to read; the reading is logged.

        Raises Denied for a checker who is too near to the requester, or to who pays for it.
        """
        with reading(self._engine) as connection:
            request = require_request(connection, request_id)
            _check_reader(connection, actor, request)
            answer = _require_answer(connection, request.answer, request.licence)
        content = _same_bytes(request, answer)
        public = {"release": request.id, "licence": request.licence}
        private = {"sha256": request.sha256}
        event = AuditEvent(EntryKind.RELEASE_PREVIEWED, actor, public, private)
        self._writer.submit(event, no_effect)
        return content

    def resume(self) -> list[str]:
        """Carry on with what is only submitted or only approved; return what changed state.

        For the service's start and for a licence that was resumed. What cannot be carried on now,
        because its licence is shut, waits.
        """
        with reading(self._engine) as connection:
            waiting = [item for item in requests_of(connection, None) if item.state in HALF_DONE]
        return [item.id for item in waiting if self._carried_on(item).state is not item.state]

    def _carried_on(self, request: Request) -> Request:
        """Return the request after the desk's own next step; unchanged where that must wait."""
        step = {ReleaseState.SUBMITTED: self._check, ReleaseState.APPROVED: self._deliver}
        if request.state not in step:
            return request
        try:
            return step[request.state](request)
        except SandgateError as refusal:
            log.warning("release %s waits as %s: %s", request.id, request.state, refusal.code)
            with reading(self._engine) as connection:
                return require_request(connection, request.id)

    def _log_refusal(
        self, kind: EntryKind, actor: Actor, public: Mapping[str, object], refusal: SandgateError
    ) -> None:
        event = AuditEvent(kind, actor, {**public, "code": refusal.code})
        self._writer.submit(event, no_effect)
        refusal.logged = True

    def _check(self, request: Request) -> Request:
        """Run every check on the recomputed bytes and record what they found."""
        with reading(self._engine) as connection:
            answer = _require_answer(connection, request.answer, request.licence)
        checked = CheckedAnswer(
            mode=answer.given.mode,
            table=table_of(answer.given.content),
            content_bytes=len(_same_bytes(request, answer)),
            evidence=evidence_in(answer.given.summary),
            title_zh=request.title_zh,
            title_en=request.title_en,
            file_name=f"{request.id}.{FILE_FORMAT}",
        )
        return self._record_checks(request, run_checks(checked, self._rules))

    def _record_request(
        self,
        actor: Actor,
        licence: str,
        asked: ReleaseRequest,
        answer: StoredAnswer,
    ) -> Request:
        request_id = new_id("rel")
        sha256 = sha256_of(_recomputed(answer))
        public = {
            "release": request_id,
            "licence": licence,
            "answer": answer.id,
            "answer_entry": answer.answered_index,
        }

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            check_in_force(connection, self._board, licence, entry.time_us)
            use = ReleaseUse(request_id, licence, actor.organisation)
            self._meter.release_asked(connection, entry, use)
            connection.execute(
                insert(release_request).values(
                    id=request_id,
                    answer=answer.id,
                    licence=licence,
                    requester=actor.person,
                    organisation=actor.organisation,
                    title_zh=asked.title_zh,
                    title_en=asked.title_en,
                    state=ReleaseState.SUBMITTED.value,
                    format=FILE_FORMAT,
                    content_digest=sha256,
                    submitted_index=entry.index,
                    submitted_us=entry.time_us,
                )
            )
            return require_request(connection, request_id)

        event = AuditEvent(EntryKind.RELEASE_SUBMITTED, actor, public, {"sha256": sha256})
        return self._writer.submit(event, apply).value

    def _record_checks(self, request: Request, checks: tuple[CheckResult, ...]) -> Request:
        passed = all_passed(checks)
        move = ReleaseMove.PASS_CHECKS if passed else ReleaseMove.FAIL_CHECKS
        kind = EntryKind.RELEASE_CHECKED if passed else EntryKind.RELEASE_REFUSED
        found = [check.as_public() for check in checks]
        public = {
            "release": request.id,
            "licence": request.licence,
            "failed": [check.check for check in checks if not check.passed],
            "rules_version": self._rules.version,
        }

        def apply(connection: Connection, _entry: PendingEntry) -> Request:
            current = require_request(connection, request.id)
            state = next_state(current.state, move)
            _set(connection, current, state=state.value, checks=json.dumps(found))
            return require_request(connection, request.id)

        return self._writer.submit(AuditEvent(kind, SYSTEM_ACTOR, public), apply).value

    def _record_vote(self, actor: Actor, request_id: str, vote: ReleaseVote) -> Request:
        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            check_may_vote(
                actor,
                author=request.author,
                group=group_of(connection, request.organisation),
                belongs_to=organisations_of(connection, actor.person),
                voters=[cast.person for cast in request.votes],
                requested_us=request.submitted_us,
            )
            _check_not_buying(connection, actor, request)
            _check_vote(request, vote)
            check_in_force(connection, self._board, request.licence, entry.time_us)
            move = ReleaseMove.APPROVE if vote.decision == "approve" else ReleaseMove.REFUSE
            state = next_state(request.state, move)
            connection.execute(
                insert(release_vote).values(
                    id=new_id("vote"),
                    request=request_id,
                    person=actor.person,
                    organisation=actor.organisation,
                    decision=vote.decision,
                    reason=vote.comment,
                    content_digest=vote.sha256,
                    entry_index=entry.index,
                    voted_us=entry.time_us,
                )
            )
            _set(connection, request, state=state.value)
            entry.amend(licence=request.licence, state=state.value)
            return require_request(connection, request_id)

        public = {"release": request_id, "decision": vote.decision}
        private = {"comment": vote.comment, "sha256": vote.sha256}
        event = AuditEvent(EntryKind.RELEASE_VOTED, actor, public, private)
        return self._writer.submit(event, apply).value

    def _deliver(self, request: Request) -> Request:
        """Encode once more, compare with what was voted, certify and hand over."""
        with reading(self._engine) as connection:
            answer = _require_answer(connection, request.answer, request.licence)
            voted = last_citation(connection, EntryKind.RELEASE_VOTED, {"release": request.id})
        content = _same_bytes(request, answer)

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            check_in_force(connection, self._board, request.licence, entry.time_us)
            current = require_request(connection, request.id)
            state = next_state(current.state, ReleaseMove.DELIVER)
            certificate = issue_certificate(
                self._keys,
                release=request.id,
                licence=request.licence,
                answer=request.answer,
                answered_index=answer.answered_index,
                sha256=request.sha256,
                titles={"zh": request.title_zh, "en": request.title_en},
                votes=[
                    {"person": v.person, "organisation": v.organisation, "sha256": v.sha256}
                    for v in current.votes
                ],
                rules_version=self._rules.version,
                delivered_us=entry.time_us,
                cited=voted,
            )
            text = canonical_bytes(certificate.as_json()).decode()
            _set(
                connection,
                current,
                state=state.value,
                content=content,
                certificate=text,
                delivered_us=entry.time_us,
            )
            entry.amend(certificate_digest=sha256_of(text.encode()))
            use = ReleaseUse(request.id, request.licence, request.organisation)
            self._meter.release_delivered(connection, entry, use)
            return require_request(connection, request.id)

        public = {"release": request.id, "licence": request.licence}
        private = {"sha256": request.sha256}
        event = AuditEvent(EntryKind.RELEASE_DELIVERED, SYSTEM_ACTOR, public, private)
        return self._writer.submit(event, apply).value


def _require_answer(connection: Connection, answer_id: str, licence: str) -> StoredAnswer:
    found = answer_by_id(connection, answer_id, licence)
    if found is None:
        raise NotFound(
            "answer_unknown",
            Message("本授权下没有这个答案。", "There is no such answer under this licence."),
            field="answer_id",
        )
    return found


def _check_reader(connection: Connection, actor: Actor, request: Request) -> None:
    """Refuse a preview to whoever could not vote for being a machine or too near (I8)."""
    belongs_to = {actor.organisation, *organisations_of(connection, actor.person)}
    check_natural_person(actor)
    check_independent(belongs_to, group_of(connection, request.organisation))
    _check_not_buying(connection, actor, request)


def _check_not_buying(connection: Connection, actor: Actor, request: Request) -> None:
    licence = require_licence(connection, request.licence)
    payer = LicenceDocument.model_validate_json(licence.document).product.payer
    belongs_to = {actor.organisation, *organisations_of(connection, actor.person)}
    check_not_buying(belongs_to, group_of(connection, payer))


def _recomputed(answer: StoredAnswer) -> bytes:
    return encode_table(table_of(answer.given.content))


def _same_bytes(request: Request, answer: StoredAnswer) -> bytes:
    content = _recomputed(answer)
    if sha256_of(content) != request.sha256:
        raise Conflict(
            "release_bytes_differ",
            Message(
                "重新计算的结果与申请所列摘要不一致，不予放行。",
                "What the desk recomputed differs from what the request names; nothing leaves.",
            ),
            field="sha256",
            rule="I15",
        )
    return content


def _check_vote(request: Request, vote: ReleaseVote) -> None:
    if vote.sha256 != request.sha256:
        raise Conflict(
            "release_bytes_differ",
            Message(
                "您表决的文件与申请中的文件不是同一份；请重新预览后再表决。",
                "You voted on other bytes than the request holds; preview it again, then vote.",
            ),
            field="sha256",
            rule="I15",
        )
    if vote.decision == "refuse" and not vote.comment.strip():
        raise InvalidInput(
            "refusal_needs_reason",
            Message("拒绝须写明理由。", "A refusal needs its reason."),
            field="comment",
        )


def _set(connection: Connection, request: Request, **values: object) -> None:
    connection.execute(
        update(release_request).where(release_request.c.id == request.id).values(**values)
    )
