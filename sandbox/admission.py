"""Lets sessions in by the memory they commit, one person after another, and says who must wait.

A session commits what the host set as its share, or what it really uses once that is more; its
limit bounds what it can ever take. Past the host's budget an opening is refused with a place in
the queue. Places are served in the order of first asking; who asks again in time keeps theirs.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Message, Unavailable
from foundation.identity import Actor
from sandbox.backends.interface import SlotStats

RULE = "sessions/national"
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
HOST_SHARE_PERCENT = 75
"""What sessions get of the host's memory where no budget is set: service and engines need some."""


@dataclass(frozen=True)
class AdmissionRules:
    """The host's memory for sessions, a session's share, and for how long a place is kept."""

    budget_bytes: int
    committed_bytes: int
    place_kept_seconds: int
    ask_again_seconds: int


class SessionsFull(Unavailable):
    """The host's memory for sessions is committed; ``place`` counts from 1 among ``waiting``."""

    place: int

    def __init__(self, place: int, waiting: int, rules: AdmissionRules) -> None:
        """Say what to do and by when."""
        again, kept = rules.ask_again_seconds, rules.place_kept_seconds
        super().__init__(
            "sessions_full",
            Message(
                f"本机可用于会话的内存已分配完：您排在第 {place} 位，共 {waiting} 人等待。",
                f"This host's memory for sessions is committed: you are number {place} of "
                f"{waiting} waiting.",
            ),
            rule=RULE,
            way_out=Message(
                f"请约 {again} 秒后再次申请；{kept} 秒内再次申请则保留位置。"
                "关闭不用的会话可腾出位置。",
                f"Ask again in about {again} s; your place is kept for {kept} s after "
                "each time you ask. Closing a session that you no longer use makes room.",
            ),
        )
        self.place, self.waiting, self.retry_seconds = place, waiting, again


class Admission:
    """Who may open a session now. ``stats`` tells what a slot uses; one that ended counts no more.

    ``on_refused`` learns of each refusal and of the person who met it.
    """

    def __init__(
        self,
        rules: AdmissionRules,
        stats: Callable[[str], SlotStats],
        clock: Clock,
        on_refused: Callable[[Actor, "SessionsFull"], None],
    ) -> None:
        """Nobody is in, and nobody waits."""
        self._rules = rules
        self._stats = stats
        self._clock = clock
        self._on_refused = on_refused
        self._held: set[str] = set()
        self._opening = 0
        self._asked_us: dict[str, int] = {}  # by person, in the order of first asking
        self._lock = threading.Lock()
        self._turns = threading.Lock()  # one looks for room at a time, so that two take not one

    @contextlib.contextmanager
    def admitted(self, actor: Actor) -> Iterator[Callable[[str], None]]:
        """Hold a person's share while a slot is found for them; the block names it when it is.

        Raises SessionsFull. What the block does not name is given back at its end.
        """
        try:
            with self._turns:
                rooms = self.rooms()
                with self._lock:
                    self._take_turn(actor.person, rooms)
                    self._opening += 1
        except SessionsFull as refusal:
            self._on_refused(actor, refusal)
            raise
        try:
            yield self.hold
        finally:
            with self._lock:
                self._opening -= 1

    def rooms(self) -> int:
        """Return how many more sessions, or warm slots of nobody, the budget has room for."""
        with self._lock:
            held, opening = tuple(self._held), self._opening
        rules = self._rules
        committed = opening * rules.committed_bytes
        for slot in held:
            found = self._stats(slot)
            if found.alive:
                committed += max(rules.committed_bytes, found.memory_bytes)
            else:
                with self._lock:
                    self._held.discard(slot)
        return max(0, (rules.budget_bytes - committed) // rules.committed_bytes)

    def waiting(self) -> int:
        """Return how many people have a place in the queue now."""
        with self._lock:
            self._forget_late()
            return len(self._asked_us)

    def hold(self, slot: str) -> None:
        """Count a slot as a session's from now until it ends."""
        with self._lock:
            self._held.add(slot)

    def _take_turn(self, person: str, rooms: int) -> None:
        """Let a person through where those before them leave room; else keep their place."""
        self._forget_late()
        queue = list(self._asked_us)
        ahead = queue.index(person) if person in self._asked_us else len(queue)
        if ahead < rooms:
            self._asked_us.pop(person, None)
            return
        self._asked_us[person] = self._clock.now_us()
        raise SessionsFull(ahead + 1, len(self._asked_us), self._rules)

    def _forget_late(self) -> None:
        """Drop the places of those who did not ask again in time."""
        kept_us = self._rules.place_kept_seconds * MICROSECONDS_PER_SECOND
        now_us = self._clock.now_us()
        late = [who for who, asked_us in self._asked_us.items() if now_us - asked_us > kept_us]
        for person in late:
            del self._asked_us[person]


def host_budget_bytes() -> int:
    """Return what sessions may commit where nothing is set: a share of what this process may use.

    That is the host's memory, or the limit of the container that the service runs in.
    """
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    total = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemTotal:"))
    for limit in CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # absent, or "max"
            total = min(total, int(limit.read_text(encoding="ascii")))
    return total * HOST_SHARE_PERCENT // 100
