"""Keeps a few slots warm for nobody, and gives each to one session once; none ever comes back.

A slot in the pool is anonymous: its name is random, its gateway refuses connections, nobody's code
ran in it. It is ended unused when it is too old, when rules, guest or environment changed, or when
it died. Without a warm slot an opening takes one that is starting, else starts one itself: it is
refused where that fails, and never waits for the pool.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from foundation.clock import MICROSECONDS_PER_SECOND, Clock
from foundation.errors import Message, SandgateError
from sandbox.backends.interface import Endpoint, SessionBackend
from sandbox.demand import Demand
from sandbox.warmth import WarmthQuestion

RETRY_SECONDS_MIN, RETRY_SECONDS_MAX = 2, 120
REFILL_US_EXPECTED = 4 * MICROSECONDS_PER_SECOND
"""What a refill takes, until one was measured."""
STOP_SECONDS_MAX = 30.0

log = logging.getLogger("sandgate.sessions")


@dataclass(frozen=True)
class PoolRules:
    """How many slots to keep, between which bounds, how long, and what their kernels import.

    The pool looks at its slots every ``look_seconds``; one that is not warm in time is ended.
    After an opening a refill waits ``settle_seconds``: a start takes a processor for seconds, and
    the person who just came is to run their first cell meanwhile.
    """

    floor: int
    ceiling: int
    age_us_max: int
    modules: tuple[str, ...] = ()
    look_seconds: float = 2.0
    warm_seconds_max: float = 60.0
    settle_seconds: float = 1.0


@dataclass(frozen=True)
class PoolReport:
    """How the pool stands: ``trouble`` says why it cannot be filled now, None where it can."""

    running: bool
    warm: int
    starting: int
    wanted: int
    refill_us: int
    trouble: Message | None


@dataclass(frozen=True)
class _Idle:
    """A slot of nobody."""

    name: str
    image: str
    started_us: int
    warm: bool = False


class SlotPool:
    """Warm slots of one backend.

    ``image`` names what a slot started now is made of; ``rooms`` how many more slots the host's
    memory has room for. Until ``start`` is called nothing is kept and every slot is started cold.
    """

    def __init__(
        self,
        backend: SessionBackend,
        rules: PoolRules,
        clock: Clock,
        *,
        image: Callable[[], str],
        rooms: Callable[[], int],
    ) -> None:
        """Keep nothing yet."""
        self._backend = backend
        self._rules = rules
        self._clock = clock
        self._image = image
        self._rooms = rooms
        self._demand = Demand()
        self._idle: dict[str, _Idle] = {}
        self._asking: tuple[str, WarmthQuestion] | None = None
        self._refill_us = REFILL_US_EXPECTED
        self._trouble: Message | None = None
        self._changed = threading.Condition()
        self._just_opened = False
        self._stopping = False
        self._keeper: threading.Thread | None = None

    def start(self) -> None:
        """Begin to keep slots, in the background: the caller waits for none."""
        if self._keeper is None and self._rules.ceiling > 0:
            self._keeper = threading.Thread(target=self._keep, name="slot pool", daemon=True)
            self._keeper.start()

    def take(self, session: str) -> Endpoint:
        """Give a slot to one session. Raises Unavailable where none can be had."""
        image = self._image()
        with self._changed:
            self._demand.opened(self._clock.now_us())
            self._just_opened = True
        while (slot := self._popped(image)) is not None:
            if self._backend.stats(slot).alive:
                return self._given(slot, session)
            self._backend.kill(slot)
        return self._given(self._backend.prestart(), session)

    def report(self) -> PoolReport:
        """Tell how the pool stands."""
        wanted = self._wanted()
        with self._changed:
            warm = sum(idle.warm for idle in self._idle.values())
            return PoolReport(
                running=self._keeper is not None and not self._stopping,
                warm=warm,
                starting=len(self._idle) - warm,
                wanted=wanted,
                refill_us=self._refill_us,
                trouble=self._trouble,
            )

    def wait(self, warm: int, seconds_max: float) -> bool:
        """Wait until so many slots are warm; False where they are not in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: sum(idle.warm for idle in self._idle.values()) >= warm, seconds_max
            )

    def close(self) -> None:
        """Stop keeping slots and end those of nobody."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            if self._asking is not None:
                self._asking[1].cancel()
        if self._keeper is not None:
            self._keeper.join(STOP_SECONDS_MAX)
        with self._changed:
            left, self._idle = tuple(self._idle), {}
        for slot in left:
            self._backend.kill(slot)

    def _popped(self, image: str) -> str | None:
        """Take out the slot that is warm the longest, else the one that starts; none if stale."""
        with self._changed:
            good = [idle for idle in self._idle.values() if not self._stale(idle, image)]
            if not good:
                return None
            slot = min(good, key=lambda idle: (not idle.warm, idle.started_us)).name
            del self._idle[slot]
            if self._asking is not None and self._asking[0] == slot:
                self._asking[1].cancel()  # whatever it answers from now on is its session's
            self._changed.notify_all()
            return slot

    def _given(self, slot: str, session: str) -> Endpoint:
        try:
            return self._backend.assign(slot, session)
        except BaseException:
            self._backend.kill(slot)
            raise

    def _keep(self) -> None:
        retry_seconds = RETRY_SECONDS_MIN
        while not self._stopping:
            try:
                waits = 0.0 if self._round() else self._rules.look_seconds
                retry_seconds = RETRY_SECONDS_MIN
            except Exception as error:  # noqa: BLE001 - opening goes on without the pool
                self._say(error)
                waits = float(retry_seconds)
                retry_seconds = min(2 * retry_seconds, RETRY_SECONDS_MAX)
            with self._changed:
                if not self._stopping and waits:
                    self._changed.wait(waits)

    def _round(self) -> bool:
        """End what should not be kept; start one slot if one is missing. True where one was."""
        image = self._image()
        wanted = self._wanted()
        for slot in self._removed(image, wanted):
            self._backend.kill(slot)
        with self._changed:
            missing = len(self._idle) < wanted and not self._stopping
        if missing:
            self._settle()
            self._add(image)
            self._trouble = None
        return missing

    def _settle(self) -> None:
        """Let whoever was just given a slot have the processors first; once before each start."""
        with self._changed:
            just_opened, self._just_opened = self._just_opened, False
            if just_opened:
                self._changed.wait_for(lambda: self._stopping, self._rules.settle_seconds)

    def _removed(self, image: str, wanted: int) -> list[str]:
        """Take out slots that are stale, dead, or more than are wanted."""
        with self._changed:
            kept = [idle for idle in self._idle.values() if not self._stale(idle, image)]
        alive = [idle for idle in kept if self._backend.stats(idle.name).alive]
        with self._changed:
            keep = {idle.name for idle in alive[:wanted]}
            gone = [slot for slot in self._idle if slot not in keep]
            for slot in gone:
                del self._idle[slot]
        return gone

    def _add(self, image: str) -> None:
        """Start one slot and wait until it is warm or was taken. Raises what starting raises."""
        started_us = self._clock.now_us()
        slot = self._backend.prestart()
        with self._asked(slot, _Idle(slot, image, started_us)) as question:
            try:
                question.ask()
            except BaseException:
                with self._changed:
                    failed = self._idle.pop(slot, None)
                if failed is None:
                    return  # it was taken meanwhile, and the question cancelled
                self._backend.kill(slot)
                raise
        now_us = self._clock.now_us()
        with self._changed:
            if slot in self._idle:
                self._idle[slot] = replace(self._idle[slot], warm=True)
                self._refill_us = max(1, (self._refill_us + now_us - started_us) // 2)
                self._changed.notify_all()

    @contextmanager
    def _asked(self, slot: str, idle: _Idle) -> Iterator[WarmthQuestion]:
        endpoint = self._backend.endpoint(slot)
        question = WarmthQuestion(endpoint, self._rules.modules, self._rules.warm_seconds_max)
        with self._changed:
            self._idle[slot] = idle
            self._asking = (slot, question)
            if self._stopping:
                question.cancel()
        try:
            yield question
        finally:
            with self._changed:
                self._asking = None

    def _wanted(self) -> int:
        """Return how many slots of nobody to have now."""
        if self._keeper is None or self._stopping:
            return 0
        with self._changed:
            asked = self._demand.stock(self._clock.now_us(), self._refill_us)
        rules = self._rules
        return min(max(asked, rules.floor), rules.ceiling, self._rooms())

    def _stale(self, idle: _Idle, image: str) -> bool:
        return (
            idle.image != image or self._clock.now_us() - idle.started_us > self._rules.age_us_max
        )

    def _say(self, error: Exception) -> None:
        """Say once why the pool cannot be filled; again only when it is for another reason."""
        if self._stopping:
            return
        unexpected = Message("沙箱池内部错误", "The pool of sandboxes failed")
        trouble = error.message if isinstance(error, SandgateError) else unexpected
        if trouble != self._trouble:
            log.warning("no warm sessions: %s (%s)", trouble.en, type(error).__name__)
        self._trouble = trouble
