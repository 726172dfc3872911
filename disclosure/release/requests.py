"""Release requests and votes as they stand in the store."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from disclosure.release.states import ReleaseState
from disclosure.store import release_request, release_vote
from foundation.errors import Message, NotFound


@dataclass(frozen=True)
class Vote:
    """One person's vote on the bytes named by a digest."""

    person: str
    organisation: str
    decision: str
    reason: str
    sha256: str


@dataclass(frozen=True)
class Request:
    """A release request, its checks and its votes."""

    id: str
    answer: str
    licence: str
    author: str
    organisation: str
    title_zh: str
    title_en: str
    state: ReleaseState
    sha256: str
    checks: Sequence[Mapping[str, Any]]
    votes: Sequence[Vote]
    submitted_us: int
    certificate: str
    content: bytes | None

    def as_json(self) -> dict[str, object]:
        """Return the request as its readers see it; votes stay blind until all are in.

        That one vote is in, and so a yes, does not show either: the state reads ``checked``.
        """
        decided = self.state in {ReleaseState.DELIVERED, ReleaseState.REFUSED}
        voting = self.state is ReleaseState.APPROVED_ONCE
        return {
            "id": self.id,
            "release_id": self.id,
            "answer_id": self.answer,
            "licence": self.licence,
            "organisation": self.organisation,
            "title": {"zh": self.title_zh, "en": self.title_en},
            "state": (ReleaseState.CHECKED if voting else self.state).value,
            "sha256": self.sha256,
            "checks": [
                {
                    "check": item["check"],
                    "ok": item["passed"],
                    "text": {"zh": item["reason_zh"], "en": item["reason_en"]},
                }
                for item in self.checks
            ],
            "votes": [
                {
                    "person": vote.person,
                    "organisation": vote.organisation,
                    "decision": vote.decision,
                    "comment": vote.reason,
                }
                for vote in (self.votes if decided else ())
            ],
        }


def require_request(connection: Connection, request_id: str) -> Request:
    """Return one request. Raises NotFound."""
    query = select(release_request).where(release_request.c.id == request_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            "release_unknown",
            Message("没有这个出域申请。", "There is no such release request."),
            field="release",
        )
    return _request(connection, row)


def requests_of(connection: Connection, licence: str | None) -> list[Request]:
    """Return the requests of a licence, or all, oldest first."""
    query = select(release_request).order_by(release_request.c.submitted_us)
    if licence is not None:
        query = query.where(release_request.c.licence == licence)
    return [_request(connection, row) for row in connection.execute(query)]


def _request(connection: Connection, row: Row[Any]) -> Request:
    votes = connection.execute(
        select(release_vote)
        .where(release_vote.c.request == row.id)
        .order_by(release_vote.c.voted_us)
    )
    return Request(
        id=row.id,
        answer=row.answer,
        licence=row.licence,
        author=row.requester,
        organisation=row.organisation,
        title_zh=row.title_zh,
        title_en=row.title_en,
        state=ReleaseState(row.state),
        sha256=row.content_digest,
        checks=json.loads(row.checks),
        votes=[
            Vote(v.person, v.organisation, v.decision, v.reason, v.content_digest) for v in votes
        ],
        submitted_us=row.submitted_us,
        certificate=row.certificate,
        content=None if row.content is None else bytes(row.content),
    )
