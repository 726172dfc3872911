"""Exceptions: an officer lets a failed check pass, with a written reason, where rules allow it.

The officer is a person apart from author, operator and buyer, and votes neither before nor after.
The votes are still needed; the certificate names check, officer and reason.
"""

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.licences import licence_document
from authorization.revocation import check_in_force
from authorization.separation import check_another_person, check_older_than, check_role
from disclosure.release.appetite import rules_for
from disclosure.release.bodies import ExceptionGranted
from disclosure.release.drafting import check_reads
from disclosure.release.parts import DeskParts, check_apart, set_request
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseMove, next_state
from disclosure.release.store import release_exception
from foundation.errors import Conflict, Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.ids import new_id
from policies.schema.disclosure import DisclosureRules


class Excepting:
    """Serves the release officer."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def grant(self, actor: Actor, request_id: str, asked: ExceptionGranted) -> Request:
        """Let one failed check pass; with the last of them the request goes to its checkers."""

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            request = require_request(connection, request_id)
            check_reads(actor, request)
            self._check(connection, actor, request, asked)
            check_in_force(connection, self._parts.board, request.licence, entry.time_us)
            connection.execute(
                insert(release_exception).values(
                    id=new_id("rex"),
                    request=request.id,
                    revision=request.revision,
                    name=asked.file,
                    checked=asked.check,
                    person=actor.person,
                    organisation=actor.organisation,
                    reason=asked.reason,
                    entry_index=entry.index,
                    granted_us=entry.time_us,
                )
            )
            excepted = require_request(connection, request_id)
            move = ReleaseMove.EXCEPT if excepted.failed else ReleaseMove.PASS_CHECKS
            state = next_state(request.state, move)
            set_request(connection, request, state=state.value)
            rules_version = request.rules_version
            entry.amend(
                licence=request.licence,
                revision=request.revision,
                state=state.value,
                rules_version=rules_version,
            )
            return require_request(connection, request_id)

        public = {"release": request_id, "check": asked.check}
        private = {"reason": asked.reason, "file": asked.file}
        event = AuditEvent(EntryKind.RELEASE_EXCEPTED, actor, public, private)
        return self._parts.submit(event, apply).value

    def _check(
        self, connection: Connection, actor: Actor, request: Request, asked: ExceptionGranted
    ) -> None:
        check_role(actor, Role.RELEASE_OFFICER)
        check_another_person(actor, request.author)
        check_apart(connection, actor, request)
        check_older_than(actor, request.first_submitted_us or 0)
        if request.votes or request.earlier_votes:
            _check_no_voter(actor, request)
        next_state(request.state, ReleaseMove.EXCEPT)
        licence = licence_document(connection, request.licence)
        rules = rules_for(connection, licence, self._parts.rules)
        _check_may_except(request, asked, rules)


def _check_no_voter(actor: Actor, request: Request) -> None:
    voters = {vote.person for vote in (*request.votes, *request.earlier_votes)}
    if actor.person in voters:
        raise Denied(
            "voter_cannot_except",
            Message(
                "对本申请表决过的人员不得给予例外。",
                "Whoever voted on this request gives it no exception.",
            ),
            field="actor",
            rule="separation-of-duties",
        )


def _check_may_except(request: Request, asked: ExceptionGranted, rules: DisclosureRules) -> None:
    if not asked.reason.strip():
        raise InvalidInput(
            "exception_needs_reason",
            Message("例外须写明理由。", "An exception needs its reason."),
            field="reason",
        )
    named = {(item.get("file", ""), item["check"]) for item in request.failed}
    if (asked.file, asked.check) not in named:
        raise Conflict(
            "check_did_not_fail",
            Message(
                "该文件的这项检查没有未通过的结果，无须例外。",
                "No such check of such a file stands as failed; there is nothing to except.",
            ),
            field="check",
        )
    if asked.check in rules.never_excepted:
        raise Denied(
            "check_never_excepted",
            Message(
                f"规则规定检查“{asked.check}”不得例外。",
                f"By the rules, the check {asked.check!r} is never excepted.",
            ),
            field="check",
            rule="policies/disclosure",
        )
