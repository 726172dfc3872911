"""Suspending and ending licences: it takes effect first and never waits on the log (I7).

Order: memory, a durable marker file, listeners (sessions go dark, workers drop), and only then
the log entry. A marker whose entry was never written is reconciled at the next start.
"""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from authorization.licences import (
    MOVE_KINDS,
    Licence,
    LicenceState,
    Move,
    check_move,
    check_not_of_operator,
    licence_by_id,
    licences_in,
    licences_without_consent,
    move_licence,
    require_licence,
)
from authorization.separation import check_natural_person, check_role
from authorization.validation import LICENCE_PREFIX
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Message, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import is_id, new_id

RULE = "licence-revocation"
CLOSURE_PREFIX = "closure"
Listener = Callable[[str], None]
FINAL_MOVES = frozenset({Move.END, Move.EXPIRE})


@dataclass(frozen=True)
class Closure:
    """Why a licence is shut: the marker's content. ``id`` ties it to its log entry."""

    id: str
    licence: str
    move: Move
    reason: str
    person: str
    time_us: int


class SuspensionBoard:
    """Knows which licences are shut, before anyone else does; every check consults it."""

    def __init__(self, directory: Path) -> None:
        """Read the markers left by earlier runs. An unreadable one keeps its licence shut."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._closed: dict[str, Closure] = {
            path.stem: _read_marker(path) for path in sorted(directory.glob("*.json"))
        }

    def listen(self, listener: Listener) -> None:
        """Call a function with the licence's id whenever one is shut."""
        self._listeners.append(listener)

    def is_open(self, licence_id: str) -> bool:
        """Tell whether nothing on the board shuts the licence."""
        return licence_id not in self._closed

    def check_open(self, licence_id: str) -> None:
        """Refuse anything under a licence that is shut."""
        if not self.is_open(licence_id):
            raise _shut()

    def closure(self, licence_id: str) -> Closure | None:
        """Return why a licence is shut, or None."""
        return self._closed.get(licence_id)

    def closures(self) -> list[Closure]:
        """Return all closures on the board."""
        return list(self._closed.values())

    def close(self, closure: Closure) -> list[Exception]:
        """Shut a licence now: memory, marker, listeners. Faults are returned, never a reopening.

        A licence that was shut for good stays so.
        """
        if not is_id(closure.licence, LICENCE_PREFIX):
            raise ValueError("not a licence identifier")
        with self._lock:
            standing = self._closed.get(closure.licence)
            if standing is not None and standing.move in FINAL_MOVES:
                return []
            self._closed[closure.licence] = closure
        faults = _faults(partial(self._write_marker, closure))
        for listener in self._listeners:
            faults += _faults(partial(listener, closure.licence))
        return faults

    def reopen(self, lifted: Closure) -> None:
        """Take one closure off the board, after its resumption is in the log.

        A closure ordered since then stands, with its marker.
        """
        with self._lock:
            standing = self._closed.get(lifted.licence)
            if standing is None or standing.id != lifted.id:
                return
            (self._directory / f"{lifted.licence}.json").unlink(missing_ok=True)
            _sync_directory(self._directory)
            self._closed.pop(lifted.licence)

    def _write_marker(self, closure: Closure) -> None:
        path = self._directory / f"{closure.licence}.json"
        draft = path.with_suffix(".part")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(closure), file, ensure_ascii=False, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync_directory(self._directory)


@dataclass(frozen=True)
class Shut:
    """What came of a suspension or end: it holds; the entry may still be owed to the log."""

    closure: Closure
    recorded: Recorded[Licence] | None
    faults: tuple[str, ...]


class Revocation:
    """Suspends, ends, resumes and expires licences through one board and one writer."""

    def __init__(
        self, board: SuspensionBoard, engine: Engine, writer: Writer, clock: Clock
    ) -> None:
        """Join the board to the log."""
        self._board = board
        self._engine = engine
        self._writer = writer
        self._clock = clock

    @property
    def board(self) -> SuspensionBoard:
        """The board that every check consults."""
        return self._board

    def suspend(self, actor: Actor, licence_id: str, reason: str) -> Shut:
        """Suspend a licence now. Authority only; the entry follows the effect."""
        return self._shut(actor, licence_id, Move.SUSPEND, reason)

    def end(self, actor: Actor, licence_id: str, reason: str) -> Shut:
        """End a licence for good, now."""
        return self._shut(actor, licence_id, Move.END, reason)

    def resume(self, actor: Actor, licence_id: str, reason: str) -> Recorded[Licence]:
        """Resume a suspended licence; the entry comes first, then the board opens.

        Raises Denied where another closure stands or the suspension is not in the log yet.
        """
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        self.reconcile()
        closure = self._board.closure(licence_id)
        if closure is not None and closure.move in FINAL_MOVES:
            raise _shut()

        def apply(connection: Connection, entry: PendingEntry) -> Licence:
            check_not_of_operator(connection, actor, require_licence(connection, licence_id))
            return move_licence(connection, entry, licence_id, Move.RESUME)

        event = AuditEvent(
            MOVE_KINDS[Move.RESUME], actor, {"licence": licence_id}, {"reason": reason}
        )
        recorded = self._writer.submit(event, apply)
        if closure is not None:
            self._board.reopen(closure)
        return recorded

    def expire_due(self) -> list[str]:
        """Shut every licence whose term is over; returns their ids."""
        now_us = self._clock.now_us()
        with reading(self._engine) as connection:
            standing = licences_in(connection, (LicenceState.ACTIVE, LicenceState.SUSPENDED))
        due = [found.id for found in standing if found.valid_until_us <= now_us]
        closures = [self._closure(SYSTEM_ACTOR, one, Move.EXPIRE, "term over") for one in due]
        for closure in closures:
            self._board.close(closure)
        for closure in closures:  # only when all are shut: the log may be slow
            self._record(SYSTEM_ACTOR, closure)
        return due

    def suspend_without_consent(self) -> list[str]:
        """Suspend every licence that grants data whose source does not consent; returns their ids.

        Nothing of those data is answered anyway (``authorization.zones``); this stops the sessions
        that hold answers. The authority resumes a licence when the consent is back.
        """
        with reading(self._engine) as connection:
            found = [one.id for one in licences_without_consent(connection)]
        closures = [
            self._closure(SYSTEM_ACTOR, one, Move.SUSPEND, "source consent missing")
            for one in found
            if self._board.is_open(one)
        ]
        for closure in closures:
            self._board.close(closure)
        for closure in closures:
            self._record(SYSTEM_ACTOR, closure)
        return [closure.licence for closure in closures]

    def reconcile(self) -> list[str]:
        """Write the entries that markers still owe, and lift markers whose licence resumed.

        Called at start, and before a resumption. Returns the licences whose entry was written.
        """
        written = []
        for closure in self._board.closures():
            with reading(self._engine) as connection:
                found = licence_by_id(connection, closure.licence)
            if found is None:
                continue
            if found.closure == closure.id:
                if found.state is LicenceState.ACTIVE:
                    self._board.reopen(closure)
                continue
            if self._owes_entry(found.state, closure):
                self._record(SYSTEM_ACTOR, closure)
                written.append(closure.licence)
        return written

    def _owes_entry(self, state: LicenceState, closure: Closure) -> bool:
        try:
            check_move(state, closure.move)
        except SandgateError:
            return False
        return True

    def _shut(self, actor: Actor, licence_id: str, move: Move, reason: str) -> Shut:
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        _check_reason(reason)
        with reading(self._engine) as connection:
            check_move(require_licence(connection, licence_id).state, move)
        closure = self._closure(actor, licence_id, move, reason)
        faults = self._board.close(closure)
        closure = self._board.closure(licence_id) or closure
        try:
            recorded = self._record(actor, closure)
        except SandgateError as error:
            faults.append(error)
            recorded = None
        return Shut(closure, recorded, tuple(type(fault).__name__ for fault in faults))

    def _closure(self, actor: Actor, licence_id: str, move: Move, reason: str) -> Closure:
        return Closure(
            id=new_id(CLOSURE_PREFIX),
            licence=licence_id,
            move=move,
            reason=reason,
            person=actor.person,
            time_us=self._clock.now_us(),
        )

    def _record(self, actor: Actor, closure: Closure) -> Recorded[Licence]:
        def apply(connection: Connection, entry: PendingEntry) -> Licence:
            return move_licence(
                connection, entry, closure.licence, closure.move, closure=closure.id
            )

        public = {
            "licence": closure.licence,
            "closure": closure.id,
            "effective_us": closure.time_us,
            "ordered_by": closure.person,
        }
        event = AuditEvent(MOVE_KINDS[closure.move], actor, public, {"reason": closure.reason})
        return self._writer.submit(event, apply)


def check_in_force(
    connection: Connection, board: SuspensionBoard, licence_id: str, time_us: int
) -> Licence:
    """Return a licence that is in force at a time; for use inside an ``apply``.

    Raises Denied where it is shut, not active, or out of term: authority is checked once more
    where the effect is written.
    """
    board.check_open(licence_id)
    found = require_licence(connection, licence_id)
    in_term = found.valid_from_us <= time_us < found.valid_until_us
    if found.state is not LicenceState.ACTIVE or not in_term:
        raise _shut()
    return found


def _faults(call: Callable[[], None]) -> list[Exception]:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever fails, the licence stays shut
        return [error]
    return []


def _read_marker(path: Path) -> Closure:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Closure(**{**found, "move": Move(found["move"])})
    except (OSError, ValueError, TypeError, KeyError):
        return Closure(new_id(CLOSURE_PREFIX), path.stem, Move.SUSPEND, "unreadable marker", "", 0)


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput(
            "reason_missing",
            Message(zh="请写明理由。", en="Give a reason."),
            field="$.reason",
            rule=RULE,
        )


def _shut() -> Denied:
    return Denied(
        "licence_not_in_force",
        Message(
            zh="该授权不在有效状态（未生效、已暂停、已终止或已到期）。",
            en="The licence is not in force: not yet valid, suspended, ended or expired.",
        ),
        field="licence",
        rule=RULE,
        way_out=Message(zh="请联系数据主管部门。", en="Ask the data authority."),
    )
