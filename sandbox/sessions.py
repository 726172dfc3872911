"""Sessions as the platform keeps them: each step of ``sandbox.lifecycle`` committed with its entry.

A slot answers only after its assignment is committed. Ending works the other way round: darkness
and death come first and never wait on the log (I7).
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, insert, select, update

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from sandbox.backends.interface import Endpoint
from sandbox.egress import EgressBudget
from sandbox.lifecycle import ANSWERING, LIVE, SessionMode, SessionState, illegal, not_open, step
from sandbox.reviews import Review
from sandbox.session_record import Session, egress_account, read_session, session_of
from sandbox.slots import Slots
from sandbox.store import sessions

__all__ = ["Doors", "Session", "SessionMeter", "SessionRegistry", "egress_account"]

PROMOTED = "promoted"
KEPT_AT = frozenset({"closed_by_operator", "idle", "wall_time_spent", "service_stopped", PROMOTED})
"""The ends at which a session's work is kept."""


ENDED_AT_ONCE = 10
log = logging.getLogger("sandgate.sessions")


@dataclass(frozen=True)
class Doors:
    """What stands between a slot and the world, as the service gives it.

    ``open`` begins to serve browser and gateway; ``darken`` (slot, frozen) ends both at once.
    ``bring_back`` gives a fresh slot the work its person kept, ``keep`` takes it again at an
    orderly end; neither raises.
    """

    open: Callable[[Session, Endpoint], None]
    darken: Callable[[str, bool], None]
    bring_back: Callable[[Session, Endpoint], object] = lambda _session, _endpoint: None
    keep: Callable[[Session, Endpoint], object] = lambda _session, _endpoint: None


class SessionMeter(Protocol):
    """Meters sessions inside the writer's transaction; whose money it is, the service knows."""

    def session_asked(self, connection: Connection, entry: PendingEntry, session: Session) -> None:
        """Refuse a session that could not be billed, and set its price aside."""
        ...

    def session_ended(self, connection: Connection, entry: PendingEntry, session: Session) -> None:
        """Meter a session that was closed at its ``changed_us``."""
        ...


class SessionRegistry:
    """Opens, freezes and closes sessions. The caller has already asked whether the actor may."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        slots: Slots,
        egress: EgressBudget,
        doors: Doors,
        meter: SessionMeter,
    ) -> None:
        """Take collaborators; ``recover`` closes what an earlier process left open."""
        self._engine = engine
        self._writer = writer
        self._slots = slots
        self._egress = egress
        self._doors = doors
        self._meter = meter
        self._ending = threading.Lock()
        self._used_us: dict[str, int] = {}

    def open(
        self,
        actor: Actor,
        licence: str,
        purpose: str,
        project: str | None = None,
        mode: SessionMode = SessionMode.PRODUCTION,
        review: str | None = None,
    ) -> Session:
        """Open a session for an actor under a licence. Raises Unavailable where none can be.

        On a full host that is SessionsFull: a place in the queue, and nothing asked for or owed.
        ``project`` is one that the caller knows the licence to have, ``mode`` one in which it
        knows that the actor may work, ``review`` an approval that stands.
        """
        with self._slots.admitted(actor) as take:
            session = self._apply_for(actor, licence, purpose, project, mode, review)
            try:
                endpoint = take(session.id)
            except SandgateError as error:
                self._end(session.id, actor, error.code)
                raise
        return self._begin(session, endpoint, mode, actor, _project_public(project))

    def promote(self, session_id: str, actor: Actor, review: Review) -> Session:
        """Move a debug session to production, in a fresh sandbox, on an approval that stands.

        Its debug sandbox is gone first: nothing in which somebody worked runs what was reviewed.
        Where no other can be had the session ends. Raises Conflict where it is not in debug.
        """
        session = self.session(session_id)
        step(session.state, SessionState.PRODUCTION)
        sent = 0
        if session.slot is not None:
            self._doors.darken(session.slot, False)
            self._keep(session, session.slot, PROMOTED)
            self._slots.kill(session.slot)
            sent = self._egress.slot_bytes(session.slot)
        try:
            endpoint = self._slots.another(session.id)
        except SandgateError as error:
            self._end(session.id, actor, error.code)
            raise
        public: dict[str, object] = {
            "licence": session.licence,
            "review": review.id,
            "notebook_digest": review.notebook_digest,
            "reviewer": review.reviewer,
        }
        columns = {"review": review.id, "egress_bytes": sent}
        return self._begin(session, endpoint, SessionMode.PRODUCTION, actor, public, **columns)

    def _begin(
        self,
        session: Session,
        endpoint: Endpoint,
        mode: SessionMode,
        actor: Actor,
        said: Mapping[str, object],
        **columns: Any,
    ) -> Session:
        """Commit an assignment, then open the doors; where either fails the session ends."""
        slot = endpoint.slot
        try:
            public = {"slot": slot, "mode": mode, **said}
            columns = {"slot": slot, "mode": mode.value, **columns}
            opened = self._move(session.id, mode.state, actor, public, **columns)
            if opened.review is None:  # nobody's own files stand beside what was reviewed
                self._doors.bring_back(opened, endpoint)
            self._doors.open(opened, endpoint)
            self._check_answering(session.id)  # it may have been ended while it was being opened
        except BaseException:
            self._doors.darken(slot, False)
            self._slots.kill(slot)
            self._end(session.id, actor, "start_failed")
            raise
        return opened

    def _check_answering(self, session_id: str) -> None:
        state = self.session(session_id).state
        if state not in ANSWERING:
            raise not_open(state)

    def freeze(self, session_id: str, actor: Actor, reason: str, note: str = "") -> Session:
        """Stop a session's outputs but keep its sandbox for inspection.

        ``reason`` is a code; ``note`` is what a person wrote, and stays private.
        """
        session = self.session(session_id)
        if session.slot is not None:
            self._doors.darken(session.slot, True)
        said = {"reason": reason}
        return self._move(session_id, SessionState.FROZEN, actor, said, note, reason=reason)

    def close(self, session_id: str, actor: Actor, reason: str, note: str = "") -> Session:
        """End a session and its sandbox; both are gone before anything is logged."""
        session = self.session(session_id)
        if session.state not in LIVE:
            raise illegal(session.state, SessionState.CLOSED)
        if session.slot is not None:
            self._doors.darken(session.slot, False)
            self._keep(session, session.slot, reason)
            self._slots.kill(session.slot)
        return self._end(session_id, actor, reason, note)

    def _keep(self, session: Session, slot: str, reason: str) -> None:
        """Keep the work of a session that ends in order; any other end waits for nothing (I7)."""
        if session.answering and session.review is None and reason in KEPT_AT:
            with contextlib.suppress(NotFound):  # its sandbox is gone already
                self._doors.keep(session, self._slots.endpoint(slot))

    def freeze_slot(self, slot: str) -> None:
        """Freeze the session whose day's egress is spent; nothing happens where it just ended."""
        for session in self.sessions(live=True):
            if session.slot == slot and session.answering:
                self.freeze(session.id, SYSTEM_ACTOR, "egress_budget_spent")

    def touch(self, slot: str, now_us: int) -> None:
        """Remember that somebody used a slot now."""
        self._used_us[slot] = now_us

    def used_us(self, session: Session) -> int:
        """Return when somebody last used a session; when it opened, where nobody did."""
        return self._used_us.get(session.slot or "", session.opened_us or session.changed_us)

    def close_expired(self, now_us: int, *, idle_us_max: int, wall_us_max: int) -> None:
        """End sessions that nobody used for too long, and those that are simply too old.

        A reviewed session has no person before it: its run ends it. One that cannot be ended now
        keeps no other from ending.
        """
        over: dict[str, str] = {}
        for session in self.sessions(live=True):
            if session.slot is None or session.opened_us is None:
                continue
            used_us = self._used_us.get(session.slot, session.opened_us)
            if now_us - session.opened_us > wall_us_max:
                over[session.id] = "wall_time_spent"
            elif session.review is None and now_us - used_us > idle_us_max:
                over[session.id] = "idle"
        self._close_each(over)

    def close_all(self, reason: str) -> None:
        """End every live session; one that cannot be ended keeps no other from ending."""
        self._close_each({session.id: reason for session in self.sessions(live=True)})

    def _close_each(self, over: Mapping[str, str]) -> None:
        """End sessions, a few at once: each may be waited for, and any may be hostile."""

        def end(named: tuple[str, str]) -> None:
            try:
                self.close(named[0], SYSTEM_ACTOR, named[1])
            except SandgateError as error:  # somebody else ended it, or the next round will
                log.warning("session %s was not ended: %s", named[0], error.code)

        with ThreadPoolExecutor(ENDED_AT_ONCE, thread_name_prefix="session end") as threads:
            list(threads.map(end, over.items()))

    def recover(self) -> tuple[Session, ...]:
        """Log the end of sessions that died with an earlier service; carry today's egress over."""
        left = [one for one in self.sessions() if one.state is not SessionState.DESTROYED]
        for session in left:
            if session.slot is not None:
                self._doors.darken(session.slot, False)
                self._slots.kill(session.slot)
        return tuple(self._end(one.id, SYSTEM_ACTOR, "service_restarted") for one in left)

    def session(self, session_id: str) -> Session:
        """Return one session. Raises NotFound."""
        with reading(self._engine) as connection:
            return read_session(connection, session_id)

    def endpoint(self, slot: str) -> Endpoint:
        """Return how the host reaches a live slot. Raises NotFound."""
        return self._slots.endpoint(slot)

    def session_of_slot(self, slot: str) -> Session | None:
        """Return the open session behind a slot; None where it is not, or no longer, open."""
        query = select(sessions).where(
            sessions.c.slot == slot, sessions.c.state.in_([state.value for state in ANSWERING])
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else session_of(row)

    def sessions(self, *, licence: str | None = None, live: bool = False) -> tuple[Session, ...]:
        """Return sessions, newest first."""
        query = select(sessions).order_by(sessions.c.requested_us.desc(), sessions.c.id)
        if licence is not None:
            query = query.where(sessions.c.licence == licence)
        if live:
            query = query.where(sessions.c.state.in_([state.value for state in LIVE]))
        with reading(self._engine) as connection:
            return tuple(session_of(row) for row in connection.execute(query))

    def _apply_for(
        self,
        actor: Actor,
        licence: str,
        purpose: str,
        project: str | None,
        mode: SessionMode,
        review: str | None,
    ) -> Session:
        session_id = new_id("ses")

        def apply(connection: Connection, entry: PendingEntry) -> Session:
            row = {
                "id": session_id,
                "person": actor.person,
                "organisation": actor.organisation,
                "licence": licence,
                "purpose": purpose,
                "project": project or "",
                "mode": mode.value,
                "review": review or "",
                "state": SessionState.APPLIED.value,
                "egress_bytes": 0,
                "requested_us": entry.time_us,
                "changed_us": entry.time_us,
            }
            connection.execute(insert(sessions).values(row))
            requested = read_session(connection, session_id)
            self._meter.session_asked(connection, entry, requested)
            return requested

        public = {
            "session": session_id,
            "licence": licence,
            "purpose": purpose,
            "mode": mode,
            **({} if review is None else {"review": review}),
            **_project_public(project),
        }
        event = AuditEvent(EntryKind.SESSION_REQUESTED, actor, public)
        return self._writer.submit(event, apply).value

    def _end(self, session_id: str, actor: Actor, reason: str, note: str = "") -> Session:
        with self._ending:  # two enders of one session: the second finds it ended
            session = self.session(session_id)
            if session.state is SessionState.DESTROYED:
                return session
            if session.state is not SessionState.CLOSED:
                last = 0 if session.slot is None else self._egress.slot_bytes(session.slot)
                spent = session.egress_bytes + last
                public = {"reason": reason, "egress_bytes": spent}
                columns = {"reason": reason, "egress_bytes": spent}
                self._move(session_id, SessionState.CLOSED, actor, public, note, **columns)
            return self._move(session_id, SessionState.DESTROYED, actor, {"reason": reason})

    def _move(
        self,
        session_id: str,
        target: SessionState,
        actor: Actor,
        public: Mapping[str, object],
        note: str = "",
        **columns: Any,
    ) -> Session:
        """Make one transition of the table, logged; the state is checked again while writing."""
        source = self.session(session_id).state
        kind = step(source, target)

        def apply(connection: Connection, entry: PendingEntry) -> Session:
            if target is SessionState.DESTROYED:
                self._meter.session_ended(connection, entry, read_session(connection, session_id))
            times = {"changed_us": entry.time_us}
            if source is SessionState.APPLIED and target in ANSWERING:
                times["opened_us"] = entry.time_us
            changed = connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id, sessions.c.state == source.value)
                .values(state=target.value, **times, **columns)
            )
            if changed.rowcount != 1:
                raise illegal(read_session(connection, session_id).state, target)
            return read_session(connection, session_id)

        private = {"note": note} if note else {}
        event = AuditEvent(kind, actor, {"session": session_id, **public}, private)
        return self._writer.submit(event, apply).value


def _project_public(project: str | None) -> dict[str, str]:
    """Return what an entry says of a session's project: nothing where it has none."""
    return {} if project is None else {"project": project}
