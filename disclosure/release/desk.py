"""The desk: a request names a stored answer; the desk recomputes, checks, collects votes, delivers.

Votes name the digest of the desk's own bytes. What is delivered is encoded anew from the stored
answer and must have that digest; nothing that came from a session is ever sent out (I15).
"""

import json
from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, Engine, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.organisations import group_of, organisations_of
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import check_may_vote
from catalog.datasets import Frozen
from disclosure.answers import StoredAnswer, answer_by_id
from disclosure.checks.desk import CheckedAnswer, CheckResult, all_passed, run_checks
from disclosure.given import evidence_in, table_of
from disclosure.release.certificate import issue_certificate
from disclosure.release.encoding import encode_table, sha256_of
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseMove, ReleaseState, next_state
from disclosure.store import release_request, release_vote
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.disclosure import DisclosureRules

FILE_FORMAT = "csv"


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


@dataclass(frozen=True)
class Delivered:
    """A release as it left: the product of its licence."""

    id: str
    sha256: str
    content: bytes
    certificate: str


class ReleaseDesk:
    """Serves operators who ask and checkers who vote."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        keys: KeyStore,
        board: SuspensionBoard,
        rules: DisclosureRules,
    ) -> None:
        """Join store, log, keys and the rules of the desk."""
        self._engine = engine
        self._writer = writer
        self._keys = keys
        self._board = board
        self._rules = rules

    def submit(self, actor: Actor, licence: str, asked: ReleaseRequest) -> Request:
        """Recompute and check one stored answer; the request stands, or is refused with why."""
        with reading(self._engine) as connection:
            answer = _require_answer(connection, asked.answer_id, licence)
        content = _recomputed(answer)
        request_id = new_id("rel")
        self._record_request(actor, licence, asked, request_id, answer, content)
        checks = run_checks(self._as_checked(answer, asked, request_id, content), self._rules)
        return self._record_checks(request_id, licence, checks)

    def vote(self, actor: Actor, request_id: str, vote: ReleaseVote) -> Request:
        """Record one vote; the last approval delivers. Raises Denied for whoever may not vote."""
        self._record_vote(actor, request_id, vote)
        with reading(self._engine) as connection:
            request = require_request(connection, request_id)
        return self._deliver(request) if request.state is ReleaseState.APPROVED else request

    def preview(self, request_id: str) -> bytes:
        """Return the very bytes that would leave, for a checker to read."""
        with reading(self._engine) as connection:
            request = require_request(connection, request_id)
            answer = _require_answer(connection, request.answer, request.licence)
        return _same_bytes(request, answer)

    def _as_checked(
        self, answer: StoredAnswer, asked: ReleaseRequest, request_id: str, content: bytes
    ) -> CheckedAnswer:
        return CheckedAnswer(
            mode=answer.given.mode,
            table=table_of(answer.given.content),
            content_bytes=len(content),
            evidence=evidence_in(answer.given.summary),
            title_zh=asked.title_zh,
            title_en=asked.title_en,
            file_name=f"{request_id}.{FILE_FORMAT}",
        )

    def _record_request(
        self,
        actor: Actor,
        licence: str,
        asked: ReleaseRequest,
        request_id: str,
        answer: StoredAnswer,
        content: bytes,
    ) -> None:
        public = {
            "release": request_id,
            "licence": licence,
            "answer": answer.id,
            "answer_entry": answer.answered_index,
            "sha256": sha256_of(content),
        }

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self._board, licence, entry.time_us)
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
                    content_digest=sha256_of(content),
                    submitted_index=entry.index,
                    submitted_us=entry.time_us,
                )
            )

        self._writer.submit(AuditEvent(EntryKind.RELEASE_SUBMITTED, actor, public), apply)

    def _record_checks(
        self, request_id: str, licence: str, checks: tuple[CheckResult, ...]
    ) -> Request:
        passed = all_passed(checks)
        move = ReleaseMove.PASS_CHECKS if passed else ReleaseMove.FAIL_CHECKS
        kind = EntryKind.RELEASE_CHECKED if passed else EntryKind.RELEASE_REFUSED
        found = [check.as_public() for check in checks]
        public = {
            "release": request_id,
            "licence": licence,
            "failed": [check.check for check in checks if not check.passed],
            "rules_version": self._rules.version,
        }

        def apply(connection: Connection, _entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            state = next_state(request.state, move)
            _set(connection, request, state=state.value, checks=json.dumps(found))
            return require_request(connection, request_id)

        return self._writer.submit(AuditEvent(kind, SYSTEM_ACTOR, public), apply).value

    def _record_vote(self, actor: Actor, request_id: str, vote: ReleaseVote) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            request = require_request(connection, request_id)
            check_may_vote(
                actor,
                author=request.author,
                group=group_of(connection, request.organisation),
                belongs_to=organisations_of(connection, actor.person),
                voters=[cast.person for cast in request.votes],
                requested_us=request.submitted_us,
            )
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

        public = {"release": request_id, "decision": vote.decision, "sha256": vote.sha256}
        event = AuditEvent(EntryKind.RELEASE_VOTED, actor, public, {"comment": vote.comment})
        self._writer.submit(event, apply)

    def _deliver(self, request: Request) -> Request:
        """Encode once more, compare with what was voted, certify and hand over."""
        with reading(self._engine) as connection:
            answer = _require_answer(connection, request.answer, request.licence)
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
            return require_request(connection, request.id)

        public = {"release": request.id, "licence": request.licence, "sha256": request.sha256}
        event = AuditEvent(EntryKind.RELEASE_DELIVERED, SYSTEM_ACTOR, public)
        return self._writer.submit(event, apply).value


def delivered_product(connection: Connection, licence: str) -> Delivered:
    """Return the newest delivered release of a licence: its product. Raises NotFound."""
    row = connection.execute(
        select(release_request)
        .where(
            release_request.c.licence == licence,
            release_request.c.state == ReleaseState.DELIVERED.value,
        )
        .order_by(release_request.c.delivered_us.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound(
            "product_not_released",
            Message("该授权还没有已放行的产品。", "Nothing was released under this licence yet."),
            field="licence",
        )
    return Delivered(row.id, row.content_digest, bytes(row.content), row.certificate)


def certificate_of(connection: Connection, request_id: str) -> dict[str, object]:
    """Return the certificate of a delivered release. Raises Conflict before delivery."""
    request = require_request(connection, request_id)
    if request.state is not ReleaseState.DELIVERED:
        raise Conflict(
            "release_not_delivered",
            Message(
                "该申请尚未放行，没有证书。",
                "This request was not delivered; it has no certificate.",
            ),
            field="state",
        )
    certificate: dict[str, object] = json.loads(request.certificate)
    return certificate


def _require_answer(connection: Connection, answer_id: str, licence: str) -> StoredAnswer:
    found = answer_by_id(connection, answer_id, licence)
    if found is None:
        raise NotFound(
            "answer_unknown",
            Message("本授权下没有这个答案。", "There is no such answer under this licence."),
            field="answer_id",
        )
    return found


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
        raise Conflict(
            "refusal_needs_reason",
            Message("拒绝须写明理由。", "A refusal needs its reason."),
            field="comment",
        )


def _set(connection: Connection, request: Request, **values: object) -> None:
    connection.execute(
        update(release_request).where(release_request.c.id == request.id).values(**values)
    )
