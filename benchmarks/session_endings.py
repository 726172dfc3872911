"""How sessions end: a suspension with twenty of them live, and two hundred that leave nothing.

After a suspension every channel must close and nothing may be answered, at either door. Of the
cycles every tenth is a person's: asked for over the API, a cell run, closed. The others open and
shut the doors of a slot and end it at once, before it is even warm.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
from starlette.types import Message, Receive, Scope, Send
from websockets.exceptions import ConnectionClosed

from benchmarks.figures import show
from benchmarks.session_leaks import held, leaked
from benchmarks.session_platform import Opened, SessionPlatform, run_cell, session_platform
from foundation.process_table import descendants
from sandbox.sessions import Session
from sandbox.warmth import WarmthQuestion
from service.app import create_gateway

SUSPEND_SECONDS, KILL_SECONDS = 1.0, 1.0
KILLS = 10
SECONDS_MAX = 60.0
ASK_FOR_EVER = """
import http.client, socket, threading, time
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/gateway.sock")
def ask():
    while True:
        try:
            connection = Local("gateway")
            connection.request("GET", "/v1/datasets")
            connection.getresponse().read()
        except OSError:
            pass
        time.sleep(0.2)
threading.Thread(target=ask, daemon=True).start()
"""


class RecordingGateway:
    """The platform's own gateway, and when it began each answer that was no refusal."""

    def __init__(self, platform: SessionPlatform) -> None:
        """Stand before the gateway of a platform that has no session yet."""
        self.answers: list[float] = []
        found = platform.city.platform
        self._gateway = create_gateway(found)
        found.doors.close()
        found.doors.connect(self, found.sessions.freeze_slot, lambda _slot: None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and note the time of each good answer."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == httpx.codes.OK:
                self.answers.append(time.perf_counter())
            await send(message)

        await self._gateway(scope, receive, noting)


def show_suspension(sessions: int) -> bool:
    """Suspend a licence with so many live sessions; tell whether all were gone in time."""
    with session_platform() as platform, ExitStack() as stack:
        gateway = RecordingGateway(platform)
        opened = [_asking(platform, stack) for _ in range(sessions)]
        before = len(gateway.answers)
        seconds, began = _suspended(platform, opened)
        answered = sum(_is_answered(one) for one in opened)
        answered += sum(at > began + SUSPEND_SECONDS for at in gateway.answers)
    late = round(sorted(seconds)[-(-len(seconds) * 95 // 100) - 1], 3)
    return show(
        "suspend_20_sessions_s_p95",
        late,
        "s",
        f"<={SUSPEND_SECONDS:.0f}",
        met=late <= SUSPEND_SECONDS and answered == 0 and before > sessions,
        against="from the request to suspend until each session's channel is closed",
        runs=len(seconds),
        answered_before=before,
        answered_after=answered,
    )


def show_cycles(cycles: int) -> bool:
    """Open and close so many sessions; tell whether nothing was left and each ended in time."""
    with session_platform() as platform:
        for _ in range(3):
            template = _cycle(platform)
        before = held()
        for number in range(cycles):
            if number % 10 == 0:
                _cycle(platform)
                sys.stderr.write(f"{number} cycles\n")
            else:
                _short_cycle(platform, template)
        slowest = max(_kill_seconds(platform) for _ in range(KILLS))
        left = leaked(before)
    total = sum(left.values())
    clean = show(
        "cycles_200_leaks",
        total,
        "leaks",
        "=0",
        met=total == 0,
        against="processes, mounts, control groups, slots, sockets, descriptors, threads",
        runs=cycles,
        left=left,
    )
    quick = show(
        "kill_gone_s_max",
        round(slowest, 3),
        "s",
        f"<={KILL_SECONDS:.0f}",
        met=slowest <= KILL_SECONDS,
        against="from killing a running sandbox until every process of it is gone",
        runs=KILLS,
    )
    return clean and quick


def _asking(platform: SessionPlatform, stack: ExitStack) -> Opened:
    """Open a session whose kernel asks the gateway again and again by itself."""
    opened = stack.enter_context(platform.working())
    run_cell(opened.kernel)
    shown = opened.kernel.execute(ASK_FOR_EVER)
    if shown.error is not None:
        raise RuntimeError(shown.traceback)
    return opened


def _suspended(platform: SessionPlatform, opened: list[Opened]) -> tuple[list[float], float]:
    """Suspend; return after how many seconds each channel closed, and when it began."""
    ready = threading.Barrier(len(opened) + 1)
    path = f"/licences/{platform.city.licence}/suspend"
    platform.api("founder")
    with ThreadPoolExecutor(len(opened)) as pool:
        closings = [pool.submit(_closed_at, one, ready) for one in opened]
        ready.wait(SECONDS_MAX)
        started = time.perf_counter()
        platform.post("founder", path, {"reason": "benchmark"}, expected=200)
        seconds = [closing.result() - started for closing in closings]
    time.sleep(2 * SUSPEND_SECONDS)  # whatever were still answered would be seen
    return seconds, started


def _closed_at(opened: Opened, ready: threading.Barrier) -> float:
    ready.wait(SECONDS_MAX)
    try:
        while True:
            opened.kernel.socket.recv(SECONDS_MAX)
    except ConnectionClosed:
        return time.perf_counter()


def _is_answered(opened: Opened) -> bool:
    return opened.browser.request("GET", "/api/status").status_code == httpx.codes.OK


def _cycle(platform: SessionPlatform) -> Session:
    """Open a session, run a cell, close it; insist that its sandbox is gone when that is answered.

    Return the session as it was while it was open.
    """
    session = platform.open()
    with platform.entered(session) as browser, browser.kernel() as kernel:
        run_cell(kernel)
    record = platform.city.platform.sessions.session(session)
    (pid,) = platform.slot_pids()
    platform.end(session)
    _insist_on_nothing(platform, pid)
    return record


def _short_cycle(platform: SessionPlatform, template: Session) -> None:
    """Take a slot, open its doors, shut them, end it."""
    found = platform.city.platform
    endpoint = found.slots.pool.take(template.id)
    (pid,) = platform.slot_pids()
    found.doors.open(replace(template, slot=endpoint.slot), endpoint)
    found.doors.darken(endpoint.slot, False)
    found.slots.kill(endpoint.slot)
    _insist_on_nothing(platform, pid)


def _insist_on_nothing(platform: SessionPlatform, pid: int) -> None:
    if platform.slot_pids() or _exists(pid):
        raise RuntimeError("the sandbox outlived its session")


def _kill_seconds(platform: SessionPlatform) -> float:
    """Kill a sandbox with a running kernel; return the seconds until it is gone."""
    slots = platform.city.platform.slots
    endpoint = slots.pool.take("ses_killed")
    WarmthQuestion(endpoint, (), SECONDS_MAX).ask()
    members = [member for pid in platform.slot_pids() for member in descendants(pid)]
    started = time.perf_counter()
    slots.kill(endpoint.slot)
    seconds = time.perf_counter() - started
    if len(members) < 3 or any(map(_exists, members)):  # noqa: PLR2004 - outside, server, kernel
        raise RuntimeError("something of the sandbox survived")
    return seconds


def _exists(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
