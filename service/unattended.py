"""Executes reviewed notebooks where nobody sits before them: its cells in order, under its caps.

A run is a session without a browser. The host takes the kept bytes of the approval, runs them over
the slot's own socket, and learns of each cell only whether it ended well. Whatever happens, the
session ends with the run, and the run ends with an entry.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine

from audit.events import PendingEntry
from authorization.decisions import AccessRequest, check_decision, decide
from authorization.enforcer import Enforcer
from authorization.lines import Action
from authorization.organisations import actor_for_person
from authorization.revocation import SuspensionBoard
from catalog.store import current_version, dataset_by_name
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from policies.schema.sessions import SessionRules
from sandbox.lifecycle import SessionMode
from sandbox.reviews import Review, ReviewDesk
from sandbox.sessions import Session, SessionRegistry
from sandbox.subscriptions import Subscription, SubscriptionDesk
from sandbox.unattended import Ended, Run, RunDesk, RunState, charge, check_caps
from service.run_caps import CappedMetering
from service.session_kernel import LOST, open_kernel

log = logging.getLogger("sandgate.runs")

STOP_SECONDS_MAX = 20.0
RUN_OVER = "run_over"
END_SECONDS_MAX = 2.0
END_TURN_SECONDS = 0.05
LOST_FOR_GOOD = (
    "review_not_approved",
    "review_expired",
    "review_rules_changed",
    "review_environment_changed",
    "review_notebook_changed",
    "review_unknown",
)


@dataclass
class UnattendedRunner:
    """Runs what waits, a few at once, each in a thread of its own."""

    engine: Engine
    clock: Clock
    enforcer: Enforcer
    board: SuspensionBoard
    sessions: SessionRegistry
    reviews: ReviewDesk
    runs: RunDesk
    subscriptions: SubscriptionDesk
    metering: CappedMetering
    rules: SessionRules
    language: str
    _busy: dict[str, threading.Thread] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run_waiting(self) -> None:
        """Begin what waits, oldest first, as far as there is room."""
        for run in self.runs.runs(state=RunState.WAITING):
            with self._lock:
                self._busy = {key: one for key, one in self._busy.items() if one.is_alive()}
                full = len(self._busy) >= self.rules.runs_at_once_max
                if full or self._stopping.is_set() or run.id in self._busy:
                    continue
                thread = threading.Thread(target=self.execute, args=(run,), name=f"run {run.id}")
                self._busy[run.id] = thread
                thread.start()

    def follow_versions(self) -> None:
        """Ask for a run of each subscription whose data set has a newer version.

        One whose approval is lost for good ends, with the reason; one that must wait waits.
        """
        for one, version in self.subscriptions.due(self._newest):
            try:
                review = self.reviews.review(one.review)
                self.subscriptions.run_for(self._actor(one), one, review, version)
            except SandgateError as refusal:
                log.warning("subscription %s: no run: %s", one.id, refusal.code)
                if refusal.code in LOST_FOR_GOOD:
                    self.subscriptions.end(SYSTEM_ACTOR, one.id, refusal.code)

    def execute(self, run: Run) -> Run:
        """Run one notebook to its end; never raises what a refusal can say."""
        session: Session | None = None
        ended = Ended(0, "run_failed")
        try:
            review, actor = self._admitted(run)
            session = self._session(run, review, actor)
            started = self._started(run, actor, session, review)
            ended = self._cells(started, session, review)
        except SandgateError as refusal:
            ended = Ended(0, refusal.code)
        except Exception as error:  # noqa: BLE001 - whatever it was, the log says one code
            log.warning("run %s failed: %s", run.id, type(error).__name__)
        if session is not None:
            ended = self._closed(session, ended)
        return self.runs.end(run, ended)

    def close(self) -> None:
        """Stop what runs; each run is logged as failed, for the service stopped."""
        self._stopping.set()
        for thread in list(self._busy.values()):
            thread.join(STOP_SECONDS_MAX)

    def _admitted(self, run: Run) -> tuple[Review, Actor]:
        """Ask all of it afresh: that the approval holds, and the person may use the licence."""
        actor = self._actor(run)
        now_us = self.clock.now_us()
        with reading(self.engine) as connection:
            review = self.reviews.check_stands(connection, run.review, run.licence, now_us)
            check_caps(run, micro_fen=self.metering.session_of_run(connection, now_us, run))
        request = AccessRequest(actor, run.licence, Action.SESSION_OPEN)
        check_decision(decide(self.enforcer.snapshot, self.board, request, now_us))
        return review, actor

    def _session(self, run: Run, review: Review, actor: Actor) -> Session:
        if run.session is not None:
            return self.sessions.promote(run.session, actor, review)
        permit = self.enforcer.snapshot.licences[run.licence]
        purpose = str(permit.document.scenario.purpose)
        return self.sessions.open(
            actor, run.licence, purpose, run.project or None, SessionMode.PRODUCTION, review.id
        )

    def _started(self, run: Run, actor: Actor, session: Session, review: Review) -> Run:
        def price(connection: Connection, entry: PendingEntry, current: Run) -> None:
            most = self.metering.session_of_run(connection, entry.time_us, current)
            charge(connection, current, micro_fen=most)

        versions = [f"{name}:{self._newest(name)}" for name in review.datasets]
        return self.runs.start(run, actor, session.id, versions, price)

    def _cells(self, run: Run, session: Session, review: Review) -> Ended:
        """Run the kept cells in order until one fails, time is over or the session ends."""
        slot = str(session.slot)
        endpoint = self.sessions.endpoint(slot)
        until = time.monotonic() + run.wall_seconds_max
        cell_seconds = float(self.rules.run_cell_seconds_max)
        done = 0
        try:
            with open_kernel(endpoint.ui_socket, endpoint.ui_token) as kernel:
                for number, code in enumerate(review.notebook.cells, start=1):
                    deadline = min(until, time.monotonic() + cell_seconds)
                    if not kernel.run(code, deadline, self._over(session)):
                        return Ended(done, "cell_failed", number)
                    done = number
        except SandgateError as failure:
            code = "service_stopped" if self._stopping.is_set() else failure.code
            return Ended(done, code, done + 1)
        return Ended(done)

    def _over(self, session: Session) -> Callable[[], bool]:
        def over() -> bool:
            gone = not self.sessions.session(session.id).answering
            return gone or self._stopping.is_set() or not self.board.is_open(session.licence)

        return over

    def _closed(self, session: Session, ended: Ended) -> Ended:
        """End a run's session; where somebody ended it before, say why in the run's place."""
        if ended.code == LOST:
            self._awaited_end(session)
        with contextlib.suppress(SandgateError):  # it had ended before its run
            self.sessions.close(session.id, SYSTEM_ACTOR, RUN_OVER)
        reason = self.sessions.session(session.id).reason
        if ended.code is None or reason in {None, RUN_OVER}:
            return ended
        return replace(ended, code=reason)

    def _awaited_end(self, session: Session) -> None:
        """Let whoever ended a sandbox log it first: death comes before its entry (I7)."""
        until = time.monotonic() + END_SECONDS_MAX
        while time.monotonic() < until and self.sessions.session(session.id).answering:
            self._stopping.wait(END_TURN_SECONDS)

    def _newest(self, dataset: str) -> str | None:
        with reading(self.engine) as connection:
            found = dataset_by_name(connection, dataset)
            version = None if found is None else current_version(connection, found.id)
        return None if version is None else version.manifest_digest

    def _actor(self, one: Run | Subscription) -> Actor:
        with reading(self.engine) as connection:
            return actor_for_person(connection, one.person, one.organisation, self.language)
