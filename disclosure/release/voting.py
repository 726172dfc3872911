"""Votes: by persons apart from author and buyer, on the desk's own bytes, blind until all are in.

Each vote names the digest of what was read and counts for one revision only. Until the last is in,
no reader learns what a vote said or that there is one; the entry of the last names them all.
"""

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, no_effect
from audit.tags import EntryKind
from authorization.licences import licence_document
from authorization.organisations import group_of, served_by
from authorization.revocation import check_in_force
from authorization.separation import check_may_vote
from disclosure.release.appetite import rules_for
from disclosure.release.bodies import ReleaseVote
from disclosure.release.certificate import certified_text, commitment_of
from disclosure.release.drafting import check_reads
from disclosure.release.files import ReleasedFile
from disclosure.release.making import made_again
from disclosure.release.parts import DeskParts, check_apart, set_request
from disclosure.release.requests import Request, Vote, require_request
from disclosure.release.states import DECIDED, ReleaseMove, ReleaseState, next_state, outcome
from disclosure.release.store import release_exception, release_vote
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound, SandgateError
from foundation.identity import Actor, Role
from foundation.ids import new_id


class Voting:
    """Serves checkers."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def preview(self, actor: Actor, request_id: str, name: str) -> ReleasedFile:
        """Return a file with the very bytes that would leave; the reading is logged.

        ``name`` may be empty where there is one file. Raises Denied for a reader who is too near
        to the requester, or to who pays for it; NotFound where nothing is there to be checked.
        """
        with reading(self._parts.engine) as connection:
            request = require_request(connection, request_id)
            check_reads(actor, request)
            check_apart(connection, actor, request)
            made = made_again(self._parts, connection, request)
        file = _named(made, name)
        public = {"release": request.id, "licence": request.licence, "revision": request.revision}
        private = {"sha256": file.sha256}
        event = AuditEvent(EntryKind.RELEASE_PREVIEWED, actor, public, private)
        self._parts.writer.submit(event, no_effect)
        return file

    def record(self, actor: Actor, request_id: str, vote: ReleaseVote) -> Request:
        """Record one vote. Raises Denied for whoever may not vote, after logging that."""

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            self._check(connection, entry, actor, request, vote)
            connection.execute(
                insert(release_vote).values(
                    id=new_id("vote"),
                    request=request_id,
                    revision=request.revision,
                    person=actor.person,
                    organisation=actor.organisation,
                    decision=vote.decision,
                    reason=vote.comment,
                    content_digest=vote.sha256,
                    entry_index=entry.index,
                    voted_us=entry.time_us,
                )
            )
            return self._counted(connection, entry, require_request(connection, request_id))

        private = {"comment": vote.comment, "sha256": vote.sha256, "decision": vote.decision}
        event = AuditEvent(EntryKind.RELEASE_VOTED, actor, {"release": request_id}, private)
        return self._parts.submit(event, apply, EntryKind.VOTE_REFUSED).value

    def _check(
        self,
        connection: Connection,
        entry: PendingEntry,
        actor: Actor,
        request: Request,
        vote: ReleaseVote,
    ) -> None:
        if request.first_submitted_us is None:
            next_state(request.state, ReleaseMove.VOTE)
        check_may_vote(
            actor,
            author=request.author,
            group=group_of(connection, request.organisation),
            belongs_to=served_by(connection, actor.person),
            voters=[cast.person for cast in request.votes],
            requested_us=request.first_submitted_us or 0,
        )
        check_apart(connection, actor, request)
        if _has_excepted(connection, actor, request):
            raise _gave_exception()
        next_state(request.state, ReleaseMove.VOTE)
        _check_vote(request, vote)
        check_in_force(connection, self._parts.board, request.licence, entry.time_us)

    def _counted(self, connection: Connection, entry: PendingEntry, request: Request) -> Request:
        """Count the votes of the revision, the newest of them included, and move on."""
        entry.amend(licence=request.licence, revision=request.revision)
        licence = licence_document(connection, request.licence)
        rules = rules_for(connection, licence, self._parts.rules)
        move = outcome([cast.decision for cast in request.votes], rules.votes_min)
        state = next_state(request.state, move)
        values: dict[str, object] = {"state": state.value}
        if state in DECIDED:
            values["decided_us"] = entry.time_us
            votes = [_told(cast) for cast in request.votes]
            entry.amend(state=state.value, votes=votes)
        if state is ReleaseState.APPROVED:
            text = certified_text(request, rules, entry.time_us)
            values["certified"] = text
            entry.amend(certifies=commitment_of(text))
        set_request(connection, request, **values)
        return require_request(connection, request.id)


def may_be_asked(connection: Connection, actor: Actor, request: Request) -> bool:
    """Tell whether a checker could vote on a request now; for the checker's own list."""
    if request.first_submitted_us is None or not actor.has(Role.CHECKER):
        return False
    try:
        check_may_vote(
            actor,
            author=request.author,
            group=group_of(connection, request.organisation),
            belongs_to=served_by(connection, actor.person),
            voters=[cast.person for cast in request.votes],
            requested_us=request.first_submitted_us,
        )
        check_apart(connection, actor, request)
        next_state(request.state, ReleaseMove.VOTE)
    except SandgateError:
        return False
    return True


def _told(cast: Vote) -> dict[str, object]:
    return {"entry": cast.entry_index, "person": cast.person, "decision": cast.decision}


def _named(made: tuple[ReleasedFile, ...], name: str) -> ReleasedFile:
    if not name and len(made) == 1:
        return made[0]
    for file in made:
        if file.name == name:
            return file
    raise NotFound(
        "file_unknown",
        Message("申请中没有这个文件。", "The request holds no such file."),
        field="name",
    )


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
    if vote.decision != "approve" and not vote.comment.strip():
        raise InvalidInput(
            "refusal_needs_reason",
            Message("退回或拒绝须写明意见。", "To return or refuse needs a comment."),
            field="comment",
        )


def _has_excepted(connection: Connection, actor: Actor, request: Request) -> bool:
    """Tell whether a person ever excepted a check of this request, in whatever revision."""
    table = release_exception.c
    query = select(table.id).where(table.request == request.id, table.person == actor.person)
    return connection.execute(query.limit(1)).first() is not None


def _gave_exception() -> Denied:
    return Denied(
        "officer_cannot_vote",
        Message(
            "对本申请给予过例外的人员不得对其表决。",
            "Whoever excepted a check of this request does not vote on it.",
        ),
        field="actor",
        rule="separation-of-duties",
    )
