"""The desk: the one door by which files leave; drafts, checks, votes, exceptions, delivery.

Nothing that came from a session is ever sent out: votes name the digest of the desk's own bytes,
and what is delivered is made anew and must have that digest (I15). What a crash, a suspension or a
lapsed tariff left half done is taken up again by ``resume``.
"""

import logging
import time

from disclosure.release.bodies import (
    ExceptionGranted,
    ReleaseDraft,
    ReleaseRequest,
    ReleaseVote,
)
from disclosure.release.checking import Checking
from disclosure.release.copies import Copying
from disclosure.release.delivering import Delivering
from disclosure.release.drafting import Drafting
from disclosure.release.excepting import Excepting
from disclosure.release.files import ReleasedFile
from disclosure.release.parts import DeskParts
from disclosure.release.recalling import Recalling
from disclosure.release.requests import Request, requests_in, require_request
from disclosure.release.states import ReleaseState
from disclosure.release.submitting import Submitting
from disclosure.release.voting import Voting
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import Actor

__all__ = ["ReleaseDesk", "ReleaseRequest", "ReleaseVote"]

log = logging.getLogger("sandgate.release")
RETRY_SECONDS = 60.0  # making a table again costs; what waits is tried once a minute
HALF_DONE = (ReleaseState.SUBMITTED, ReleaseState.APPROVED)


class ReleaseDesk:
    """Serves operators who ask, checkers who vote and officers who except."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts of the desk."""
        self.parts = parts
        self.drafts = Drafting(parts)
        self.submitting = Submitting(parts)
        self.voting = Voting(parts)
        self._excepting = Excepting(parts)
        self._steps = {
            ReleaseState.SUBMITTED: Checking(parts).check,
            ReleaseState.APPROVED: Delivering(parts).deliver,
        }
        self.rules = parts.rules
        self.copies = Copying(parts)
        self.recalls = Recalling(parts)
        self._tried: dict[str, float] = {}
        self.waiting: dict[str, str] = {}
        """What could not be carried on at the last try, and the code of what stopped it."""

    def draft(self, actor: Actor, licence: str, asked: ReleaseDraft, session: str = "") -> Request:
        """Begin a request of one or several files."""
        return self.drafts.draft(actor, licence, asked, session)

    def submit(
        self, actor: Actor, licence: str, asked: ReleaseRequest, session: str = ""
    ) -> Request:
        """Ask for one stored answer in one step; it stands, or is refused with why."""
        return self._carried_on(self.submitting.submit_answer(actor, licence, asked, session))

    def submit_draft(self, actor: Actor, request_id: str) -> Request:
        """Submit a draft: the desk makes its files, checks them, and the checkers are asked."""
        return self._carried_on(self.submitting.submit(actor, request_id))

    def vote(self, actor: Actor, request_id: str, vote: ReleaseVote) -> Request:
        """Record one vote; the last approval delivers. Raises Denied for whoever may not vote."""
        return self._carried_on(self.voting.record(actor, request_id, vote))

    def except_check(self, actor: Actor, request_id: str, asked: ExceptionGranted) -> Request:
        """Let a failed check pass, by an officer, with a reason."""
        return self._excepting.grant(actor, request_id, asked)

    def preview(self, actor: Actor, request_id: str, name: str = "") -> ReleasedFile:
        """Return a file with the very bytes that would leave; the reading is logged."""
        return self.voting.preview(actor, request_id, name)

    def resume(self) -> list[str]:
        """Carry on with what is only submitted or only approved; return what changed state.

        For the service's start and a licence that was resumed. What cannot be carried on now,
        because its licence is shut or its tariff has lapsed, waits.
        """
        self._tried.clear()
        return self.retry()

    def retry(self) -> list[str]:
        """Do the same for what was not tried within the last minute: for the service's upkeep."""
        self.recalls.sign_list()
        now = time.monotonic()
        with reading(self.parts.engine) as connection:
            found = requests_in(connection, HALF_DONE)
        due = [
            item
            for item in found
            if now - self._tried.get(item.id, now - RETRY_SECONDS) >= RETRY_SECONDS
        ]
        return [item.id for item in due if self._carried_on(item).state is not item.state]

    def _carried_on(self, request: Request) -> Request:
        """Return the request after the desk's own next steps; unchanged where one must wait."""
        while (step := self._steps.get(request.state)) is not None:
            try:
                request = step(request)
                self.waiting.pop(request.id, None)
            except SandgateError as refusal:
                return self._waits(request, refusal)
        return request

    def _waits(self, request: Request, refusal: SandgateError) -> Request:
        """Note why a request waits, unless another thread has carried it on meanwhile."""
        with reading(self.parts.engine) as connection:
            current = require_request(connection, request.id)
        if current.state is not request.state:
            self.waiting.pop(request.id, None)
            return current
        self._tried[request.id] = time.monotonic()
        if self.waiting.get(request.id) != refusal.code:
            self.waiting[request.id] = refusal.code
            log.warning("release %s waits as %s: %s", request.id, request.state, refusal.code)
        return current
