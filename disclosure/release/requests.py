"""Release requests as they stand in the store, with their files, votes, comments and exceptions."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from disclosure.release.files import FileDraft
from disclosure.release.states import DECIDED, VOTING, ReleaseState, shown
from disclosure.release.store import (
    release_comment,
    release_draft_file,
    release_exception,
    release_file,
    release_request,
    release_vote,
)
from foundation.canonical import digest
from foundation.errors import Message, NotFound


@dataclass(frozen=True)
class Vote:
    """One person's vote on the bytes named by a digest."""

    person: str
    organisation: str
    decision: str
    reason: str
    sha256: str
    revision: int
    entry_index: int


@dataclass(frozen=True)
class MadeFile:
    """One file as the desk made it for a revision; its content is made anew wherever it is read."""

    name: str
    format: str
    sha256: str
    content_bytes: int
    draft: FileDraft
    reproducible: bool
    answers: tuple[str, ...]
    entries: tuple[int, ...]
    asked: str
    sources: Mapping[str, tuple[str, ...]]
    tools: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        """Return what its readers see."""
        return {
            "name": self.name,
            "format": self.format,
            "sha256": self.sha256,
            "bytes": self.content_bytes,
            "source": self.draft.source,
            "answers": list(self.answers),
            "reproducible": self.reproducible,
        }


@dataclass(frozen=True)
class Comment:
    """What somebody wrote on a request."""

    person: str
    organisation: str
    comment: str
    revision: int

    def as_json(self) -> dict[str, object]:
        """Return what its readers see."""
        return {
            "person": self.person,
            "organisation": self.organisation,
            "comment": self.comment,
            "revision": self.revision,
        }


@dataclass(frozen=True)
class Excepted:
    """A failed check that a named person let pass, and why."""

    file: str
    check: str
    person: str
    organisation: str
    reason: str
    entry_index: int

    def as_json(self) -> dict[str, object]:
        """Return what its readers and the certificate see."""
        return {
            "file": self.file,
            "check": self.check,
            "person": self.person,
            "organisation": self.organisation,
            "reason": self.reason,
            "entry": self.entry_index,
        }


@dataclass(frozen=True)
class Request:
    """A release request; ``votes`` and ``exceptions`` are those of its revision."""

    id: str
    licence: str
    author: str
    organisation: str
    session: str
    title_zh: str
    title_en: str
    context: str
    state: ReleaseState
    revision: int
    road: str
    sha256: str
    checks: Sequence[Mapping[str, Any]]
    rules_version: str
    drafts: Sequence[FileDraft]
    files: Sequence[MadeFile]
    votes: Sequence[Vote]
    earlier_votes: Sequence[Vote]
    comments: Sequence[Comment]
    exceptions: Sequence[Excepted]
    created_us: int
    first_submitted_us: int | None
    submitted_us: int | None
    decided_us: int | None
    salt: str = field(repr=False)
    certified: str = field(repr=False)
    certificate: str = field(repr=False)

    @property
    def answer(self) -> str:
        """The first stored answer behind it, or nothing."""
        named = [name for made in self.files for name in made.answers]
        named += [draft.reference for draft in self.drafts if draft.source == "answer"]
        return next(iter(named), "")

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """The checks that failed and were not excepted."""
        let_pass = {(item.file, item.check) for item in self.exceptions}
        return [
            item
            for item in self.checks
            if not item["passed"] and (item.get("file", ""), item["check"]) not in let_pass
        ]

    def as_json(self, reader: str = "") -> dict[str, object]:
        """Return the request as a person sees it; votes stay blind until all are in.

        That one vote is in, and so who cast it, does not show either: the state reads ``checked``,
        and what a checker wrote beside the vote shows to that checker alone.
        """
        votes = [*self.earlier_votes, *(self.votes if self.state in DECIDED else ())]
        return {
            "id": self.id,
            "release_id": self.id,
            "answer_id": self.answer,
            "licence": self.licence,
            "organisation": self.organisation,
            "author": self.author,
            "title": {"zh": self.title_zh, "en": self.title_en},
            "context": self.context,
            "state": shown(self.state).value,
            "revision": self.revision,
            "road": self.road,
            "sha256": self.sha256,
            "drafts": [draft.model_dump(mode="json") for draft in self.drafts],
            "files": [made.as_json() for made in self.files],
            "checks": [_check_json(item) for item in self.checks],
            "exceptions": [item.as_json() for item in self.exceptions],
            "comments": [item.as_json() for item in self._comments_for(reader)],
            "votes": [_vote_json(vote) for vote in votes],
        }

    def _comments_for(self, reader: str) -> Iterable[Comment]:
        blind = self.state in VOTING or self.state is ReleaseState.WITHDRAWN
        for comment in self.comments:
            own = comment.person == reader or comment.organisation == self.organisation
            if own or not blind or comment.revision < self.revision:
                yield comment


def manifest_digest(files: Sequence[tuple[str, str]]) -> str:
    """Return what a vote names: the digest of the one file, or of all names with their digests."""
    if len(files) == 1:
        return files[0][1]
    return digest([{"name": name, "sha256": sha256} for name, sha256 in files])


def require_request(connection: Connection, request_id: str) -> Request:
    """Return one request. Raises NotFound."""
    query = select(release_request).where(release_request.c.id == request_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise no_such_request()
    return _request(connection, row)


def no_such_request() -> NotFound:
    """Say that there is no such request; to strangers, of one that there is as well."""
    return NotFound(
        "release_unknown",
        Message("没有这个出域申请。", "There is no such release request."),
        field="release",
    )


def requests_of(connection: Connection, licence: str | None) -> list[Request]:
    """Return the requests of a licence, or all, oldest first."""
    query = select(release_request).order_by(release_request.c.created_index)
    if licence is not None:
        query = query.where(release_request.c.licence == licence)
    return [_request(connection, row) for row in connection.execute(query).all()]


def requests_in(connection: Connection, states: Iterable[ReleaseState]) -> list[Request]:
    """Return the requests that stand in one of these states, oldest first."""
    named = [state.value for state in states]
    query = select(release_request).where(release_request.c.state.in_(named))
    rows = connection.execute(query.order_by(release_request.c.created_index)).all()
    return [_request(connection, row) for row in rows]


def _request(connection: Connection, row: Row[Any]) -> Request:
    votes = [_vote(found) for found in _of(connection, release_vote, row.id)]
    revision = row.revision
    checks = json.loads(row.checks)
    return Request(
        id=row.id,
        licence=row.licence,
        author=row.requester,
        organisation=row.organisation,
        session=row.session,
        title_zh=row.title_zh,
        title_en=row.title_en,
        context=row.context,
        state=ReleaseState(row.state),
        revision=revision,
        road=row.road,
        sha256=row.content_digest,
        checks=checks,
        rules_version=row.rules_version,
        drafts=_drafts(connection, row.id),
        files=_files(connection, row.id, revision),
        votes=[vote for vote in votes if vote.revision == revision],
        earlier_votes=[vote for vote in votes if vote.revision < revision],
        comments=[
            Comment(item.person, item.organisation, item.comment, item.revision)
            for item in _of(connection, release_comment, row.id)
        ],
        exceptions=[
            Excepted(
                item.name,
                item.checked,
                item.person,
                item.organisation,
                item.reason,
                item.entry_index,
            )
            for item in _of(connection, release_exception, row.id)
            if item.revision == revision
        ],
        created_us=row.created_us,
        first_submitted_us=row.first_submitted_us,
        submitted_us=row.submitted_us,
        decided_us=row.decided_us,
        salt=row.salt,
        certified=row.certified,
        certificate=row.certificate,
    )


def _of(connection: Connection, table: Table, request_id: str) -> Sequence[Row[Any]]:
    query = select(table).where(table.c.request == request_id).order_by(table.c.entry_index)
    return connection.execute(query).all()


def _vote(row: Row[Any]) -> Vote:
    return Vote(
        row.person,
        row.organisation,
        row.decision,
        row.reason,
        row.content_digest,
        row.revision,
        row.entry_index,
    )


def _drafts(connection: Connection, request_id: str) -> list[FileDraft]:
    """Return the files of the draft as they stand: the newest word on each name counts."""
    rows = _of(connection, release_draft_file, request_id)
    newest = {row.name: row.draft for row in rows}
    return [FileDraft.model_validate_json(newest[name]) for name in sorted(newest) if newest[name]]


def _files(connection: Connection, request_id: str, revision: int) -> list[MadeFile]:
    table = release_file.c
    query = select(release_file).where(table.request == request_id, table.revision == revision)
    return [
        MadeFile(
            name=row.name,
            format=row.format,
            sha256=row.content_digest,
            content_bytes=row.content_bytes,
            draft=FileDraft.model_validate_json(row.draft),
            reproducible=bool(row.reproducible),
            answers=tuple(json.loads(row.answers)),
            entries=tuple(json.loads(row.entries)),
            asked=row.asked,
            sources={name: tuple(named) for name, named in json.loads(row.sources).items()},
            tools=json.loads(row.tools),
        )
        for row in connection.execute(query.order_by(table.position))
    ]


def _check_json(item: Mapping[str, Any]) -> dict[str, object]:
    return {
        "check": item["check"],
        "file": item.get("file", ""),
        "ok": item["passed"],
        "text": {"zh": item["reason_zh"], "en": item["reason_en"]},
    }


def _vote_json(vote: Vote) -> dict[str, object]:
    return {
        "person": vote.person,
        "organisation": vote.organisation,
        "decision": vote.decision,
        "comment": vote.reason,
        "revision": vote.revision,
    }
