"""The platform's side of witnessing: bring each new checkpoint to every witness, keep their lines.

A witness that has seen a larger or another log than ours contradicts us: somebody rolled the log
back or forked it. Nothing a witness answers is believed but a line under a key given beforehand;
its refusals can only close, never open.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Engine

from audit.cosignatures import cosigned_at_s
from audit.cosigned import keep_lines, sizes_of_witnesses, witnesses_by_size
from audit.notes import (
    BadNote,
    Checkpoint,
    SignatureLine,
    VerifierKey,
    parse_checkpoint,
    parse_size,
    signatures_by,
    split_note,
)
from audit.reading import consistency_between
from audit.witness.protocol import CONFLICT, OK, UNPROCESSABLE, request_body
from audit.writer import GroupCommitWriter
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import SandgateError

ATTEMPTS_MAX = 3
SIZES_KEPT_MAX = 1_000
STOP_SECONDS_MAX = 5.0

log = logging.getLogger("sandgate.cosigning")


@dataclass(frozen=True)
class Peer:
    """One witness: its name, the keys it signs with, and where it listens."""

    name: str
    keys: tuple[VerifierKey, ...]
    url: str


@dataclass(frozen=True)
class Answer:
    """What came back over the wire; nothing in it is trusted."""

    status: int
    body: bytes


class Unreachable(Exception):
    """No answer came."""


Send = Callable[[str, bytes], Answer]
"""Posts a body to an address of a witness. Raises Unreachable."""


class Standing(StrEnum):
    """How a witness stands to our log."""

    UNKNOWN = "unknown"
    AGREES = "agrees"
    UNREACHABLE = "unreachable"
    REFUSES = "refuses"  # it does not know the log or its key, or its answer makes no sense
    AHEAD = "ahead"  # it has seen a larger log: ours was rolled back
    CONTRADICTS = "contradicts"  # it has seen another log: ours was forked


CONTRARY = frozenset({Standing.AHEAD, Standing.CONTRADICTS})


@dataclass(frozen=True)
class Seen:
    """What is known of one witness: its standing, the size it holds, its time in POSIX seconds."""

    standing: Standing = Standing.UNKNOWN
    size: int = 0
    time_s: int = 0


Told = Callable[[Peer, Seen, Seen], None]


@dataclass(frozen=True)
class Tempo:
    """How long a round and its rest take, in seconds; how many may wait for one at a time."""

    round_seconds_max: float
    idle_seconds_between: float
    waiting_max: int


class Cosigning:
    """One thread that leads rounds, and one call at a time to each witness."""

    def __init__(
        self,
        writer: GroupCommitWriter,
        engine: Engine,
        peers: Sequence[Peer],
        send: Send,
        clock: Clock,
        tempo: Tempo,
        *,
        told: Told | None = None,
    ) -> None:
        """Know the witnesses and what they signed before. ``told`` hears of each new standing."""
        self._writer = writer
        self._engine = engine
        self._peers = tuple(peers)
        self._send = send
        self._clock = clock
        self._tempo = tempo
        self._told = told
        with reading(engine) as connection:
            sizes = sizes_of_witnesses(connection)
            self._names = witnesses_by_size(connection)
        self._seen = {peer.name: Seen(size=sizes.get(peer.name, 0)) for peer in self._peers}
        self._busy: dict[str, Future[None]] = {}
        self._changed = threading.Condition()
        self._waiting = 0
        self._head_moved = True
        self._stopping = False
        self._closing = threading.Lock()
        self._closed = False
        self._pool = ThreadPoolExecutor(max(1, len(self._peers)), "cosigning")
        self._thread = threading.Thread(target=self._run, name="cosigning", daemon=True)
        writer.on_head(self._on_head)

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The witnesses, as configured."""
        return self._peers

    def seen(self) -> dict[str, Seen]:
        """Return how each witness stands."""
        with self._changed:
            return dict(self._seen)

    def contrary(self) -> Peer | None:
        """Return a witness that contradicts our log; None where none does."""
        with self._changed:
            found = (peer for peer in self._peers if self._seen[peer.name].standing in CONTRARY)
            return next(found, None)

    def covered_size(self, witnesses: int) -> int:
        """Return the largest size that so many of our witnesses cosigned."""
        with self._changed:
            return self._covered(witnesses) or 0

    def start(self) -> None:
        """Begin."""
        if self._peers:
            self._thread.start()

    def round(self) -> None:
        """Bring the newest checkpoint to every witness that is not busy; wait for a round at most.

        A witness that takes longer finishes by itself and joins the next round after.
        """
        note = self._writer.head()
        for peer in self._peers:
            running = self._busy.get(peer.name)
            if running is None or running.done():
                self._busy[peer.name] = self._pool.submit(self._bring, peer, note)
        wait(self._busy.values(), self._tempo.round_seconds_max)

    def wait_for(self, index: int, witnesses: int, seconds_max: float) -> int | None:
        """Wait until so many witnesses cosigned one checkpoint above an entry; return its size.

        None where they did not within the time, where one contradicts the log, or where as many
        wait already as may: who waits holds a thread that others need, revocation among them.
        """
        with self._changed:
            if self._waiting >= self._tempo.waiting_max:
                return self._covered(witnesses, index)
            self._waiting += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(
                    lambda: self._ended() or self._covered(witnesses, index) is not None,
                    seconds_max,
                )
            finally:
                self._waiting -= 1
            return None if self._ended() else self._covered(witnesses, index)

    def close(self) -> None:
        """Let everybody go, show the last checkpoint once more, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        with self._closing:  # a second caller waits for the last round, and makes none
            if self._thread.ident is not None and not self._closed:
                self._thread.join(STOP_SECONDS_MAX)
                self.round()
            self._closed = True
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _ended(self) -> bool:
        return self._stopping or any(seen.standing in CONTRARY for seen in self._seen.values())

    def _covered(self, witnesses: int, index: int = -1) -> int | None:
        ours = {peer.name for peer in self._peers}
        sizes = (
            size
            for size, names in self._names.items()
            if size > index and len(names & ours) >= witnesses
        )
        return max(sizes, default=None)

    def _on_head(self) -> None:
        with self._changed:
            self._head_moved = True
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or (self._waiting > 0 and self._head_moved),
                    self._tempo.idle_seconds_between,
                )
                if self._stopping:
                    return
                urgent, self._head_moved = self._waiting > 0, False
            self.round()
            if urgent and self._unfinished():
                self._rest_briefly()

    def _unfinished(self) -> bool:
        """Whether somebody waits still: the head has not moved, so the next round needs a call."""
        with self._changed:
            if self._waiting > 0:
                self._head_moved = True
            return self._waiting > 0

    def _rest_briefly(self) -> None:
        """Do not hammer a witness that answers at once but does not cosign."""
        if any(seen.standing is not Standing.AGREES for seen in self.seen().values()):
            time.sleep(min(0.1, self._tempo.round_seconds_max))

    def _bring(self, peer: Peer, note: str) -> None:
        before = self.seen()[peer.name]
        try:
            after = self._called(peer, note, before)
        except Unreachable:
            after = replace(before, standing=Standing.UNREACHABLE)
        except (BadNote, SandgateError, ValueError) as error:
            log.warning("the witness %s answered badly: %s", peer.name, type(error).__name__)
            after = replace(before, standing=Standing.REFUSES)
        if before.standing in CONTRARY and after.standing is not Standing.AGREES:
            after = before  # only a new agreement ends a contradiction, not silence
        with self._changed:
            self._seen[peer.name] = after
            if after.standing is Standing.AGREES:
                self._names.setdefault(after.size, set()).add(peer.name)
                for size in sorted(self._names)[:-SIZES_KEPT_MAX]:
                    del self._names[size]
            self._changed.notify_all()
        if after.standing is not before.standing and self._told is not None:
            self._told(peer, before, after)

    def _called(self, peer: Peer, note: str, before: Seen) -> Seen:
        head, old_size = parse_checkpoint(note), before.size
        for _ in range(ATTEMPTS_MAX):
            if old_size > head.size:
                return replace(before, standing=Standing.AHEAD)
            answer = self._send(f"{peer.url}/add-checkpoint", self._request(old_size, head, note))
            if answer.status == OK:
                return self._kept(peer, head, note, answer.body.decode())
            if answer.status == UNPROCESSABLE:
                return replace(before, standing=Standing.CONTRADICTS)
            if answer.status != CONFLICT:
                break
            old_size = parse_size(answer.body.decode().removesuffix("\n"))
        return replace(before, standing=Standing.REFUSES)

    def _request(self, old_size: int, head: Checkpoint, note: str) -> bytes:
        with reading(self._engine) as connection:
            proof = consistency_between(connection, old_size, head.size)
        return request_body(old_size, proof, note)

    def _kept(self, peer: Peer, head: Checkpoint, note: str, lines: str) -> Seen:
        """Believe what the witness's keys signed, and store it. Raises BadNote where none did."""
        text, signed = signatures_by(note + lines, peer.keys)
        if not signed or text != split_note(note)[0]:
            raise BadNote("the witness answered with no line of its own under our checkpoint")
        found: list[SignatureLine] = [line for _, line in signed]
        now_us = self._clock.now_us()
        if head.size:  # an empty log has no row that a line could stand beside
            self._writer.keep_beside(
                lambda connection: keep_lines(connection, head.size, found, now_us)
            )
        return Seen(Standing.AGREES, head.size, max(cosigned_at_s(line) for line in found))
