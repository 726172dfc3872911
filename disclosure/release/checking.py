"""The automatic checks: all of them, on bytes made anew, and what follows from what they find.

A failed check that no officer may let pass ends the request; any other sends it back. Where rules
and licence allow it, a low-risk result that passes leaves without votes, but for the sample.
"""

import json
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from authorization.licences import licence_document
from authorization.revocation import check_in_force
from disclosure.checks.desk import CheckedFile, CheckResult, file_checks, title_check
from disclosure.release.appetite import grade_of, rules_for
from disclosure.release.certificate import certified_text, commitment_of
from disclosure.release.files import ReleasedFile
from disclosure.release.making import made_again
from disclosure.release.parts import DeskParts, bytes_differ, set_request
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseMove, next_state
from foundation.canonical import digest
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR
from policies.schema.disclosure import DisclosureRules

PARTS_PER_MILLION = 1_000_000


class Checking:
    """Checks what was submitted."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def check(self, request: Request) -> Request:
        """Run every check on what was made anew, and move the request on by what they found."""
        with reading(self._parts.engine) as connection:
            made = made_again(self._parts, connection, request)
            licence = licence_document(connection, request.licence)
            rules = rules_for(connection, licence, self._parts.rules)
            unseen = self._leaves_unseen(connection, request, made)
        found = checks_of(request, made, rules, self._together(request, made))
        failed = [item for item in found if not item["passed"]]
        if not failed and unseen:
            return self._release_unseen(request, found, rules)
        return self._record(request, found, failed, rules)

    def _together(
        self, request: Request, made: Sequence[ReleasedFile]
    ) -> Mapping[str, tuple[CheckResult, ...]]:
        drafts = [item.draft for item in request.files]
        titles = (request.title_zh, request.title_en)
        return self._parts.sources.check_together(made, drafts, titles)

    def _leaves_unseen(
        self, connection: Connection, request: Request, made: Sequence[ReleasedFile]
    ) -> bool:
        """Tell whether the rules and the licence let this leave without votes, sample aside."""
        automatic = self._parts.rules.automatic
        licence = licence_document(connection, request.licence)
        return (
            automatic.enabled
            and licence.release.automatic
            and str(grade_of(connection, licence)) in automatic.grades
            and all(item.reproducible for item in made)
            and secrets.randbelow(PARTS_PER_MILLION) >= automatic.sample_ppm
        )

    def _release_unseen(
        self, request: Request, found: Sequence[Mapping[str, object]], rules: DisclosureRules
    ) -> Request:
        def apply(connection: Connection, entry: PendingEntry) -> Request:
            current = _unchanged(connection, request)
            state = next_state(current.state, ReleaseMove.RELEASE_UNSEEN)
            check_in_force(connection, self._parts.board, request.licence, entry.time_us)
            set_request(connection, current, checks=json.dumps(found), road="automatic")
            seen = require_request(connection, request.id)
            text = certified_text(seen, rules, entry.time_us)
            set_request(
                connection,
                current,
                state=state.value,
                certified=text,
                rules_version=rules.version,
                decided_us=entry.time_us,
            )
            entry.amend(state=state.value, certifies=commitment_of(text))
            return require_request(connection, request.id)

        with reading(self._parts.engine) as connection:
            licence_digest = digest(
                licence_document(connection, request.licence).model_dump(mode="json")
            )
        public = {
            "release": request.id,
            "licence": request.licence,
            "revision": request.revision,
            "rules_version": rules.version,
            "licence_digest": licence_digest,
        }
        event = AuditEvent(EntryKind.RELEASE_AUTOMATIC, SYSTEM_ACTOR, public)
        return self._parts.writer.submit(event, apply).value

    def _record(
        self,
        request: Request,
        found: Sequence[Mapping[str, object]],
        failed: Sequence[Mapping[str, object]],
        rules: DisclosureRules,
    ) -> Request:
        move, kind = ReleaseMove.PASS_CHECKS, EntryKind.RELEASE_CHECKED
        if failed:
            move, kind = ReleaseMove.RETURN_CHECKS, EntryKind.RELEASE_RETURNED
        if any(item["check"] in rules.never_excepted for item in failed):
            move, kind = ReleaseMove.FAIL_CHECKS, EntryKind.RELEASE_REFUSED
        public = {
            "release": request.id,
            "licence": request.licence,
            "revision": request.revision,
            "failed": sorted({str(item["check"]) for item in failed}),
            "rules_version": rules.version,
        }

        def apply(connection: Connection, entry: PendingEntry) -> Request:
            current = _unchanged(connection, request)
            state = next_state(current.state, move)
            decided = entry.time_us if failed else None
            set_request(
                connection,
                current,
                state=state.value,
                checks=json.dumps(found),
                rules_version=rules.version,
                decided_us=decided,
            )
            return require_request(connection, request.id)

        return self._parts.writer.submit(AuditEvent(kind, SYSTEM_ACTOR, public), apply).value


def _unchanged(connection: Connection, request: Request) -> Request:
    """Return the request as it stands, if it is what was checked: a revision, and its bytes."""
    current = require_request(connection, request.id)
    if (current.revision, current.sha256) != (request.revision, request.sha256):
        raise bytes_differ()
    return current


def checks_of(
    request: Request,
    made: Sequence[ReleasedFile],
    rules: DisclosureRules,
    together: Mapping[str, tuple[CheckResult, ...]],
) -> list[dict[str, object]]:
    """Run every check of every file and of the request, and return what they found."""
    found: list[dict[str, object]] = []
    for item in made:
        seen = CheckedFile(item.table, len(item.content), item.name)
        results = (*item.findings, *file_checks(seen, rules), *together.get(item.name, ()))
        found += [{**result.as_public(), "file": item.name} for result in results]
    title = title_check(request.title_zh, request.title_en, rules)
    return [*found, *({**item.as_public(), "file": ""} for item in (title, *together.get("", ())))]
