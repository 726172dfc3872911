"""Ten minutes of twenty sessions that open, work, die and are killed: nothing lost, nothing left.

Each of twenty workers is a person at a notebook: a session is asked for, cells run, questions go to
the gateway, and then the session ends in one of five ways: closed, its kernel dies, its sandbox is
killed from outside, the browser just leaves, or it is frozen by the authority. Every question that
was asked in a session that lives must be answered rightly; afterwards every decision in the log has
its outcome, and memory in the last third is what it was in the middle. Run:
``./dev bench sessions_soak [--minutes 10] [--sessions 20]``.
"""

import argparse
import contextlib
import os
import re
import secrets
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from audit.tags import EntryKind
from benchmarks.figures import show
from benchmarks.session_leaks import held, leaked
from benchmarks.session_platform import Opened, SessionPlatform, session_platform
from foundation.identity import SYSTEM_ACTOR

MINUTES, SESSIONS = 10.0, 20
MEMORY_GROWTH_MAX = 1.10
SAMPLE_SECONDS = 5.0
MEET_SECONDS_MAX = 300.0
CELLS_MAX = 8
ASK = r"""
import sandgate
answer = sandgate.sql("SELECT COUNT(*) AS n FROM colleges")
print("\ncounted", answer.table.to_pylist()[0]["n"])
"""
WORK = "sum(number * number for number in range(100_000))"
WORKED = "333328333350000"
DECIDED = (EntryKind.QUESTION_DECIDED,)
OUTCOMES = (EntryKind.ANSWER_RELEASED, EntryKind.ANSWER_REPEATED, EntryKind.ANSWER_FAILED)


@dataclass
class Tally:
    """What happened, counted from many threads."""

    counts: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    resident_bytes: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str) -> None:
        """Count one."""
        with self.lock:
            self.counts[name] += 1

    def lose(self, what: str) -> None:
        """Remember something that should not have happened."""
        with self.lock:
            self.lost.append(what)


def main() -> int:
    """Run the soak and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    chosen = parser.parse_args()
    tally = Tally()
    settings = {"session_slots_floor": 2, "session_slots_ceiling": 4}
    with session_platform(**settings) as platform:
        platform.api("analyst")
        with platform.working() as opened:  # engines and caches are there before anything counts
            expected = _answer(opened)
            if not re.fullmatch(r"counted [1-9]\d*", expected):
                raise RuntimeError(f"the first question was answered {expected!r}")
        _all_at_once(platform, tally, chosen.sessions)  # threads and connections are made
        before = held()
        platform.city.platform.slots.pool.start()
        until = time.monotonic() + 60 * chosen.minutes
        with ThreadPoolExecutor(chosen.sessions + 1) as pool:
            watching = pool.submit(_watch, tally, until)
            workers = [
                pool.submit(_work, platform, tally, expected, until) for _ in range(chosen.sessions)
            ]
            for one in (*workers, watching):
                one.result()
        unanswered = _unanswered(platform)
        platform.city.platform.slots.pool.close()
        left = leaked(before)
    return 0 if _shown(tally, unanswered, left, chosen.minutes) else 1


def _all_at_once(platform: SessionPlatform, tally: Tally, sessions: int) -> None:
    """Let everybody have a session at the same time, once, and close it."""
    meeting = threading.Barrier(sessions)

    def come(_number: int) -> None:
        try:
            with platform.working() as opened:
                _answer(opened)
                meeting.wait(MEET_SECONDS_MAX)
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not have happened
            meeting.abort()
            tally.lose(f"{type(error).__name__}: {error}"[:200])

    with ThreadPoolExecutor(sessions) as pool:
        list(pool.map(come, range(sessions)))


def _work(platform: SessionPlatform, tally: Tally, expected: str, until: float) -> None:
    """Be one person after another, until the time is over."""
    while time.monotonic() < until:
        try:
            with platform.working() as opened:
                tally.add("opened")
                for _ in range(1 + secrets.randbelow(CELLS_MAX)):
                    _cell(opened, tally, expected)
                _end(platform, opened, tally)
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not have happened
            tally.lose(f"{type(error).__name__}: {error}"[:200])


def _cell(opened: Opened, tally: Tally, expected: str) -> None:
    if secrets.randbelow(2):
        shown = opened.kernel.execute(WORK).text
        tally.add("worked")
        if shown != WORKED:
            tally.lose(f"a cell showed {shown!r}")
        return
    found = _answer(opened)
    tally.add("asked")
    if found != expected:
        tally.lose(f"a question was answered {found!r}")


def _answer(opened: Opened) -> str:
    shown = opened.kernel.execute(ASK)
    if shown.error is not None:
        return f"{shown.error}: {shown.text[:100]}"
    return shown.text.strip().splitlines()[-1]  # above it stands how long it took, where it did


def _end(platform: SessionPlatform, opened: Opened, tally: Tally) -> None:
    """End a session in one of the ways in which sessions end."""
    way = secrets.choice(("closed", "kernel died", "killed", "left", "frozen"))
    tally.add(way)
    found = platform.city.platform
    if way == "closed":
        platform.end(opened.id)
    elif way == "kernel died":
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            opened.kernel.execute("import os; os._exit(1)", seconds_max=2)
    elif way == "killed":
        backend = found.slots.backend
        init = vars(backend)["_slots"][opened.slot].process.init_pid
        os.kill(init, signal.SIGKILL)
    elif way == "frozen":
        found.sessions.freeze(opened.id, SYSTEM_ACTOR, "soak")
        found.sessions.close(opened.id, SYSTEM_ACTOR, "soak")


def _watch(tally: Tally, until: float) -> None:
    """Note the memory of this process, which is the service, again and again."""
    page = os.sysconf("SC_PAGESIZE")
    while time.monotonic() < until:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
        tally.resident_bytes.append(int(fields[1]) * page)
        time.sleep(SAMPLE_SECONDS)
        sys.stderr.write(f"{dict(tally.counts)} lost {len(tally.lost)}\n")


def _unanswered(platform: SessionPlatform) -> int:
    """Return how many decisions of the log have no outcome."""
    decided = platform.city.entries(*DECIDED)
    outcomes = platform.city.entries(*OUTCOMES)
    return len(decided) - len(outcomes)


def _shown(tally: Tally, unanswered: int, left: dict[str, int], minutes: float) -> bool:
    sys.stderr.write("".join(f"lost: {what}\n" for what in tally.lost[:20]))
    runs = tally.counts["opened"]
    lost = len(tally.lost) + max(0, unanswered)
    third = max(1, len(tally.resident_bytes) // 3)
    middle = statistics.median(tally.resident_bytes[third : 2 * third] or [1])
    last = statistics.median(tally.resident_bytes[-third:] or [1])
    growth = round(last / middle, 3)
    against = f"{minutes:g} minutes: {dict(sorted(tally.counts.items()))}"
    total = sum(left.values())
    met = [
        show("soak_lost", lost, "answers", "=0", met=lost == 0, against=against, runs=runs),
        show(
            "soak_leaks",
            total,
            "leaks",
            "=0",
            met=total == 0,
            against=against,
            runs=runs,
            left=left,
        ),
        show(
            "soak_memory_growth",
            growth,
            "times",
            f"<={MEMORY_GROWTH_MAX}",
            met=growth <= MEMORY_GROWTH_MAX,
            against="the service's resident memory, last third to middle third",
            runs=len(tally.resident_bytes),
            last_mib=round(last / (1 << 20)),
        ),
    ]
    return all(met)


if __name__ == "__main__":
    sys.exit(main())
