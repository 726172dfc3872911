"""The pool of confined workers: warm per licence, version and kind, bounded, killed at once.

A worker serves one key for life. It is checked clean between people, dropped when idle, least
recently used or over budget, and killed the moment its licence is. Nothing here runs unconfined:
where isolation is missing, ``launch`` raises and the question is refused (I3).
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from disclosure.asks import Ask, cancelled
from disclosure.engine.answered import read_answer
from disclosure.engine.limits import EngineLimits
from disclosure.engine.link import Broken, WorkerLink, WorkerProcess
from disclosure.engine.loading import (
    Loaded,
    Opener,
    Step,
    Tables,
    TableSource,
    TooLarge,
    steps_for,
)
from disclosure.outcome import question_failed
from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.confinement import Confinement, Limits, launch
from foundation.errors import Message, Unavailable

WORKER_PROGRAM = Path(__file__).with_name("worker.py")
KILL_GRACE_SECONDS = 0.5  # an interrupt that the engine does not heed (policy_gate: 27 s seen)

SPILL_DIRECTORY = "/spill"  # the worker names it too
TEMPORARY_BYTES = 32 << 20
__all__ = ["Opener", "TableSource"]

Launch = Callable[[Confinement], WorkerProcess]


@dataclass(frozen=True)
class WorkerKey:
    """What a warm worker is for: one licence at one version of policy and data, one kind.

    A ``synthetic`` worker serves debug sessions: it is given tables of twins and no others.
    """

    licence: str
    version: str
    kind: Literal["rows", "aggregate"]
    synthetic: bool = False


@dataclass(frozen=True)
class AnswerCaps:
    """How large one answer may be and how long it may take."""

    rows_max: int
    bytes_max: int
    deadline_seconds: float


@dataclass(frozen=True)
class Parsed:
    """A text as DuckDB reads it: its syntax tree as JSON, and the tree written back as SQL."""

    tree_json: str
    canonical_sql: str


@dataclass
class _Slot:
    """One place in the pool. ``busy`` counts callers; ``turn`` lets one speak at a time."""

    link: WorkerLink | None = None
    person: str = ""
    loaded: dict[str, Loaded] = field(default_factory=dict)
    busy: int = 0
    used_us: int = 0
    dropped: bool = False
    given_up: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def end(self) -> None:
        """Kill the worker, then close its socket; whoever is waiting for it sees it break."""
        self.dropped = True
        if self.link is not None:
            self.link.close()

    def give_up(self) -> None:
        """End what the one whose turn it is asked; whoever waits is served by a new worker."""
        self.given_up = True
        self.end()


class EnginePool:
    """Starts, feeds, reuses and kills the engine workers of this service."""

    def __init__(
        self,
        environment: Path,
        limits: EngineLimits,
        clock: Clock,
        launcher: Launch = launch,
    ) -> None:
        """Keep what workers are started with; no process runs before the first question."""
        self._environment = environment
        self._limits = limits
        self._clock = clock
        self._launch = launcher
        self._slots: dict[WorkerKey, _Slot] = {}
        self._slots_lock = threading.Lock()
        self._parser: WorkerLink | None = None
        self._parser_turn = threading.Lock()

    def query(
        self,
        key: WorkerKey,
        tables: Tables,
        sql: str,
        caps: AnswerCaps,
        *,
        person: str,
        ask: Ask | None = None,
    ) -> pa.Table:
        """Run one statement on the worker of a key, loading the columns it has not loaded yet.

        Raises QuestionFailed with a fixed code; what cannot fit is refused before a row is read.
        An aggregate worker has one code for everything: which way it failed could depend on
        protected data (I14). A worker of twins and a table of data are never brought together.
        Given up by its asker, the question ends with its worker.
        """
        if any(_is_synthetic(source) is not key.synthetic for source in tables.values()):
            raise question_failed(_visible_code(key, "engine_error"))
        ask = ask or Ask()
        while True:
            slot = self._take(key)
            try:
                with ask.turn(slot.turn, slot.give_up):
                    link = self._ready(key, slot, person)
                    self._load(link, slot, tables, key)
                    return self._ask(link, key, sql, caps, ask)
            except Broken as broken:
                self._forget(key, slot)
                if ask.cancelled:
                    raise cancelled() from None
                if not slot.given_up:  # by another, before us: then a new worker is asked
                    raise question_failed(_visible_code(key, broken.code)) from None
            finally:
                with self._slots_lock:
                    slot.busy -= 1

    @contextmanager
    def keeping(self, key: WorkerKey) -> Iterator[None]:
        """Keep a key's place while several statements are asked: no other licence's need ends it.

        Raises Unavailable where there is no place. ``drop`` still kills the worker at once.
        """
        slot = self._take(key)
        try:
            yield
        finally:
            with self._slots_lock:
                slot.busy -= 1

    def parse(self, sql: str) -> Parsed:
        """Return DuckDB's own reading of a text from the parser worker, which holds nothing.

        Raises QuestionFailed where the text breaks the parser; the next text gets a new one.
        """
        with self._parser_turn:
            try:
                if self._parser is None:
                    self._parser = self._start("parser")
                    first = {"command": "parse", "sql": "SELECT 1"}  # how long a start takes
                    self._parser.call(first, seconds_max=self._limits.start_seconds_max)
                command = {"command": "parse", "sql": sql}
                reply, _ = self._parser.call(command, seconds_max=self._limits.parse_seconds_max)
            except Broken:
                self._stop_parser()
                raise question_failed("engine_error") from None
        if not reply["ok"]:
            raise question_failed("engine_error")
        return Parsed(str(reply["tree"]), str(reply["canonical_sql"]))

    def drop(self, licence: str) -> None:
        """Kill every worker of a licence at once, in the middle of whatever it does (I7)."""
        with self._slots_lock:
            keys = [key for key in self._slots if key.licence == licence]
            slots = [self._slots.pop(key) for key in keys]
        for slot in slots:
            slot.end()

    def drop_idle(self, licence: str) -> None:
        """Kill the workers of a licence that nobody is asking; the others finish and grow old."""
        with self._slots_lock:
            keys = [k for k, slot in self._slots.items() if k.licence == licence and not slot.busy]
            slots = [self._slots.pop(key) for key in keys]
        for slot in slots:
            slot.end()

    def close(self) -> None:
        """Kill all workers."""
        with self._slots_lock:
            slots = list(self._slots.values())
            self._slots.clear()
        for slot in slots:
            slot.end()
        with self._parser_turn:
            self._stop_parser()

    def warm_keys(self) -> frozenset[WorkerKey]:
        """Return the keys that have a place in the pool now."""
        with self._slots_lock:
            return frozenset(self._slots)

    def _ask(
        self, link: WorkerLink, key: WorkerKey, sql: str, caps: AnswerCaps, ask: Ask
    ) -> pa.Table:
        command = {
            "command": "query",
            "sql": sql,
            "rows_max": caps.rows_max,
            "bytes_max": caps.bytes_max,
            "deadline_s": caps.deadline_seconds,
        }
        seconds_max = caps.deadline_seconds + KILL_GRACE_SECONDS
        reply, payload = link.call(command, seconds_max=seconds_max, tell=ask.tell)
        if not reply["ok"]:
            raise question_failed(_visible_code(key, str(reply.get("code"))))
        return read_answer(payload)

    def _ready(self, key: WorkerKey, slot: _Slot, person: str) -> WorkerLink:
        if slot.link is None:
            slot.link = self._start(key.kind)
            self._expect_ok(slot.link, {"command": "lock"})
        elif slot.person != person:
            self._expect_ok(slot.link, {"command": "reset"})
        if slot.dropped:
            slot.link.close()
            raise Broken
        slot.person = person
        return slot.link

    def _load(self, link: WorkerLink, slot: _Slot, tables: Tables, key: WorkerKey) -> None:
        try:
            steps = steps_for(tables, slot.loaded, self._limits.table_bytes(key.kind))
        except TooLarge:
            raise question_failed(_visible_code(key, "out_of_memory")) from None
        self._free(key, sum(step.load.size_bytes for step in steps if step.load is not None))
        for step in steps:
            if step.drop_first:
                self._expect_ok(link, {"command": "unload", "table": step.table})
                slot.loaded.pop(step.table, None)
            if step.load is not None:
                self._stream(link, slot, key, step, tables)

    def _stream(
        self, link: WorkerLink, slot: _Slot, key: WorkerKey, step: Step, tables: Tables
    ) -> None:
        source, columns = tables[step.table], step.load or Loaded({})
        rows = (
            source.open(tuple(columns.column_bytes))
            if isinstance(source, TableSource)
            else source()
        )
        cluster = self._cluster(source, columns, key)
        command = {"command": "load", "table": step.table, "cluster": cluster}
        reply, _ = link.call(command, seconds_max=self._limits.load_seconds_max, rows=rows)
        if not reply["ok"]:
            self._forget(key, slot)
            raise question_failed(_visible_code(key, str(reply.get("code"))))
        slot.loaded[step.table] = columns

    def _cluster(self, source: Opener | TableSource, columns: Loaded, key: WorkerKey) -> str | None:
        """Return the column to lay a table out by, where it is there and twice the table fits."""
        fits = 2 * columns.size_bytes <= self._limits.table_bytes(key.kind)
        if not fits or not isinstance(source, TableSource):
            return None
        return source.cluster if source.cluster in columns.column_bytes else None

    def _free(self, key: WorkerKey, needed_bytes: int) -> None:
        """End idle workers, the least recently used first, until so much more may be held."""
        with self._slots_lock:
            oldest_first = sorted(self._slots, key=lambda other: self._slots[other].used_us)
            for other in oldest_first:
                if self._held_bytes() + needed_bytes <= self._limits.pool_memory_bytes_max:
                    return
                if other != key and not self._slots[other].busy:
                    self._slots.pop(other).end()

    def _expect_ok(self, link: WorkerLink, command: dict[str, Any]) -> None:
        reply, _ = link.call(command, seconds_max=self._limits.start_seconds_max)
        if not reply["ok"]:
            link.close()
            raise Broken

    def _take(self, key: WorkerKey) -> _Slot:
        with self._slots_lock:
            slot = self._slots.get(key)
            if slot is None:
                self._make_room()
                slot = self._slots[key] = _Slot()
            slot.busy += 1
            slot.used_us = self._clock.now_us()
            return slot

    def _make_room(self) -> None:
        oldest_first = sorted(self._slots, key=lambda key: self._slots[key].used_us)
        idle = [key for key in oldest_first if not self._slots[key].busy]
        stale_us = self._clock.now_us() - self._limits.idle_seconds_max * MICROSECONDS_PER_SECOND
        for key in idle:
            if self._slots[key].used_us > stale_us and self._has_room():
                return
            self._slots.pop(key).end()
        if not self._has_room():
            raise Unavailable(
                "engine_busy",
                Message(
                    zh="查询引擎正忙，请稍后再试。", en="All query engines are busy; try again."
                ),
            )

    def _has_room(self) -> bool:
        few_enough = len(self._slots) < self._limits.workers_max
        return few_enough and self._held_bytes() < self._limits.pool_memory_bytes_max

    def _held_bytes(self) -> int:
        links = [slot.link for slot in self._slots.values() if slot.link is not None]
        return sum(link.memory_bytes() for link in links)

    def _forget(self, key: WorkerKey, slot: _Slot) -> None:
        with self._slots_lock:
            if self._slots.get(key) is slot:
                del self._slots[key]
        slot.dropped = True
        if slot.link is not None:
            slot.link.close()

    def _stop_parser(self) -> None:
        if self._parser is not None:
            self._parser.close()
            self._parser = None

    def _start(self, kind: str) -> WorkerLink:
        ours, theirs = socket.socketpair()
        memory_bytes_max = self._limits.worker_memory_bytes_max
        spill_bytes = self._limits.spill_bytes(kind)
        spill = {SPILL_DIRECTORY: spill_bytes} if spill_bytes else {}
        confinement = Confinement(
            environment=self._environment,
            program=WORKER_PROGRAM,
            arguments=(
                f"--fd={theirs.fileno()}",
                f"--kind={kind}",
                f"--memory-bytes-max={self._limits.engine_bytes(kind)}",
                f"--spill-bytes-max={spill_bytes}",
                f"--threads={self._limits.threads}",
            ),
            inherited_fds=(theirs.fileno(),),
            limits=Limits(
                memory_bytes_max=memory_bytes_max,
                pids_max=self._limits.worker_pids_max,
                processors=self._limits.processors(kind),
            ),
            tmpfs_bytes={"/tmp": TEMPORARY_BYTES, **spill},  # noqa: S108 - paths inside
            profile="worker",
        )
        try:
            process = self._launch(confinement)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return WorkerLink(process, ours)


def _is_synthetic(source: Opener | TableSource) -> bool:
    return isinstance(source, TableSource) and source.synthetic


def _visible_code(key: WorkerKey, code: str) -> str:
    return code if key.kind == "rows" else "engine_error"
