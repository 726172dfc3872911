"""What happens without anyone asking, every few seconds: terms that end, sessions, owed entries.

Each task stands alone: one that fails is tried again at the next round and stops no other. An
expired or suspended licence refuses questions at once by itself; this ends what still runs.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial

from authorization.organisations import actor_for_person
from authorization.policy_version import PolicyVersion, read_version
from authorization.revocation import FINAL_MOVES
from authorization.suspensions import end_expired_roles, expired_roles
from catalog.store import version_ids
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import Denied, NotFound
from foundation.identity import SYSTEM_ACTOR, Role
from sandbox.lifecycle import SessionState
from sandbox.sessions import Session
from service.bootstrap import Platform

EVERY_SECONDS = 3.0
OWED_AFTER_US = 30 * MICROSECONDS_PER_SECOND  # a suspension under way writes its own entry
BUILD_ANYWAY_US = 60 * MICROSECONDS_PER_SECOND  # what failed is tried again though nothing changed
STOP_SECONDS_MAX = 10.0
STOPPED = "person_suspended"

log = logging.getLogger("sandgate.upkeep")


class Upkeep:
    """Four threads that keep a running platform in order.

    Extracts are built apart from the rest, and sessions whose sandboxes are asked for their work
    are tended apart: a build may take minutes and a hostile sandbox as long as it is let, and
    ending what a licence no longer allows waits for neither (I7).
    """

    def __init__(self, platform: Platform, every_seconds: float = EVERY_SECONDS) -> None:
        """Know the platform; nothing runs before ``start``."""
        self._platform = platform
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._built_from: tuple[PolicyVersion, set[str]] | None = None
        self._built_us = 0
        self._threads = (
            threading.Thread(target=self._run, args=(self.watch_once,), name="upkeep", daemon=True),
            threading.Thread(target=self._run, args=(self.tend_once,), name="tending", daemon=True),
            threading.Thread(target=self._run, args=(self.build_once,), name="builds", daemon=True),
            threading.Thread(target=self._run, args=(self.tell_once,), name="notices", daemon=True),
        )

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the tasks that are running."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS_MAX)

    def run_once(self) -> None:
        """Do every task but the builds once."""
        self.watch_once()
        self.tend_once()
        self.tell_once()

    def tell_once(self) -> None:
        """Call matters and terms to mind, raise what is overdue, bring notices: slow receivers."""
        for task in self._platform.notices.tasks:
            self._tried(task)

    def tend_once(self) -> None:
        """End old sessions and keep the work of others: sandboxes are waited for."""
        for task in (self._end_old_sessions, self._keep_work, self._forget_ended):
            self._tried(task)

    def watch_once(self) -> None:
        """Do every quick task once; none of them asks a sandbox for anything."""
        for task in (
            self._platform.revocation.expire_due,
            self._platform.revocation.suspend_without_consent,
            self._end_expired_roles,
            self._end_sessions_of_stopped,
            self._write_owed_closures,
            self._end_shut_sessions,
            self._platform.activation.destroy_ended,
            self._platform.work.runner.run_waiting,
            self._platform.homes.destroy_ended,
            self._platform.pipeline.write_counted_refusals,
            self._platform.denials.write_counted,
            self._platform.oversight.write_counted,
            self._platform.oversight.alerting.evaluate,
            self._platform.desk.retry,
        ):
            self._tried(task)

    def build_once(self) -> None:
        """Bring every extract up to the newest versions and rules, where any of them moved.

        A look at every licence costs more with each one, so it is taken when a licence or a
        version is new, and each minute besides.
        """
        self._tried(self._build_what_changed)

    def _run(self, round_of_tasks: Callable[[], None]) -> None:
        while not self._stopping.wait(self._every_seconds):
            round_of_tasks()

    def _tried(self, task: Callable[[], object]) -> None:
        if self._stopping.is_set():
            return
        try:
            task()
        except Exception as error:  # noqa: BLE001 - the other tasks and the next round go on
            named = getattr(task, "func", task).__name__
            log.warning("upkeep: %s did not finish: %s", named, type(error).__name__)

    def _build_what_changed(self) -> None:
        with reading(self._platform.engine) as connection:
            found = read_version(connection), version_ids(connection)
        now_us = self._platform.clock.now_us()
        lately = 0 <= now_us - self._built_us < BUILD_ANYWAY_US
        if lately and found == self._built_from:
            return
        self._platform.activation.refresh_extracts()
        self._built_from, self._built_us = found, now_us
        self._platform.work.runner.follow_versions()

    def _write_owed_closures(self) -> None:
        now_us = self._platform.clock.now_us()
        closures = self._platform.board.closures()
        if all(now_us - closure.time_us > OWED_AFTER_US for closure in closures):
            self._platform.revocation.reconcile()

    def _end_shut_sessions(self) -> None:
        for session in self._platform.sessions.sessions(live=True):
            closure = self._platform.board.closure(session.licence)
            if closure is not None:
                reason = "licence_ended" if closure.move in FINAL_MOVES else ""
                self._tried(partial(self._end, session, reason))

    def _end_expired_roles(self) -> None:
        platform = self._platform
        with reading(platform.engine) as connection:
            due = expired_roles(connection, platform.clock.now_us())
        if due:
            end_expired_roles(platform.writer)

    def _end_sessions_of_stopped(self) -> None:
        """Close what runs for people who were suspended, removed or left their house."""
        platform = self._platform
        for session in platform.sessions.sessions(live=True):
            if not self._still_works(session):
                self._tried(partial(platform.sessions.close, session.id, SYSTEM_ACTOR, STOPPED))

    def _still_works(self, session: Session) -> bool:
        now_us = self._platform.clock.now_us()
        try:
            with reading(self._platform.engine) as connection:
                actor = actor_for_person(
                    connection, session.person, session.organisation, now_us=now_us
                )
        except (Denied, NotFound):
            return False
        return actor.has(Role.OPERATOR)

    def _keep_work(self) -> None:
        """Keep the work of sessions that were used since it was last kept."""
        platform, now_us = self._platform, self._platform.clock.now_us()
        for session in platform.sessions.sessions(live=True):
            if session.answering and session.review is None and session.slot is not None:
                used_us = platform.sessions.used_us(session)
                if platform.homes.is_due(session, used_us, now_us):
                    self._tried(partial(self._keep_one, session, session.slot, now_us))

    def _keep_one(self, session: Session, slot: str, now_us: int) -> None:
        endpoint = self._platform.slots.endpoint(slot)
        self._platform.homes.save_due(session, endpoint, now_us)

    def _forget_ended(self) -> None:
        """Forget what was remembered for keeping the work of sessions that are gone."""
        for session_id in self._platform.homes.remembered():
            if self._platform.sessions.session(session_id).state is SessionState.DESTROYED:
                self._platform.homes.forget(session_id)

    def _end(self, session: Session, reason: str) -> None:
        """Close a session whose licence is over; freeze one whose licence is suspended."""
        sessions = self._platform.sessions
        if reason:
            sessions.close(session.id, SYSTEM_ACTOR, reason)
        elif session.answering:
            sessions.freeze(session.id, SYSTEM_ACTOR, "licence_suspended")

    def _end_old_sessions(self) -> None:
        settings = self._platform.settings
        self._platform.sessions.close_expired(
            self._platform.clock.now_us(),
            idle_us_max=settings.session_idle_seconds_max * MICROSECONDS_PER_SECOND,
            wall_us_max=settings.session_wall_seconds_max * MICROSECONDS_PER_SECOND,
        )
