"""One question on its way: what the engine says of its progress, and giving it up.

The kernel's stop button gives a question up. Rows then end at once and are not billed; a private
answer has no progress and is not given up, because how long it takes would tell about the data.
"""

import importlib
import json
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from html import escape
from typing import Any

from sandgate import markup, transport
from sandgate.language import pick, pick_from
from sandgate.settings import settings

FIRST_LOOK_SECONDS = 1.0
LOOK_SECONDS = 0.5
END_SECONDS = 3.0
OK = 200


class Question:
    """One question, asked in a thread of its own so that this one can be interrupted."""

    def __init__(self, path: str, body: Mapping[str, Any]) -> None:
        """Give it a random name, by which this session alone follows it."""
        self._path = path
        self._target = f"/v1/queries/{secrets.token_hex(16)}"
        self._body = {**body, "ask": self._target.rpartition("/")[2]}
        self._done = threading.Event()
        self._content = b""
        self._error: BaseException | None = None
        self._line = _Line()

    def answer(self) -> bytes:
        """Return the answer's bytes; raise ``Refused``, or KeyboardInterrupt where given up."""
        threading.Thread(target=self._ask, daemon=True).start()
        started = time.monotonic()
        try:
            self._follow(started)
        except KeyboardInterrupt:
            self._line.show(self._give_up(started))
            raise
        self._line.clear()
        if self._error is not None:
            raise self._error
        return self._content

    def _ask(self) -> None:
        try:
            self._content = transport.ask(self._path, "POST", "/v1/query", self._body)
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked
            self._error = error
        self._done.set()

    def _follow(self, started: float) -> None:
        """Wait for the answer; show how far it is while the gateway says so."""
        wait = FIRST_LOOK_SECONDS
        while not self._done.wait(wait):
            status, content = transport.exchange(self._path, "GET", self._target)
            if status != OK:  # a private answer comes at its time, and says nothing before
                self._line.clear()
                self._done.wait()
                return
            percent = json.loads(content).get("percent")
            self._line.show(_running(time.monotonic() - started, percent), percent)
            wait = LOOK_SECONDS

    def _give_up(self, started: float) -> str:
        status, content = transport.exchange(self._path, "DELETE", self._target)
        if status == OK:
            self._done.wait(END_SECONDS)
            seconds = time.monotonic() - started
            return pick(
                f"查询已取消（{seconds:.1f} 秒），未给出答案，不计费。",
                f"Cancelled after {seconds:.1f} s: nothing was answered or billed.",
            )
        problem = json.loads(content)
        told = (pick_from(problem.get(name)) for name in ("messages", "way_out"))
        return " ".join(part for part in told if part)


class _Line:
    """A line beneath the cell, changed in place; nothing at all outside a notebook."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str, percent: int | None = None) -> None:
        """Show a sentence and, where it is known, the share that is done."""
        display = _display()
        if display is None:
            return
        html = f'<div role="status" style="{markup.LINE}">{escape(text)}{_bar(percent)}</div>'
        self._draw(display, {"text/plain": text, "text/html": html})

    def clear(self) -> None:
        """Leave nothing of it."""
        display = _display()
        if display is not None and self._handle is not None:
            self._draw(display, {"text/plain": "", "text/html": ""})

    def _draw(self, display: Any, bundle: dict[str, str]) -> None:
        if self._handle is None:
            self._handle = display.display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _running(seconds: float, percent: int | None) -> str:
    done = "" if percent is None else pick(f"，引擎已完成 {percent}%", f", {percent}% done")
    return pick(
        f"正在查询：{seconds:.0f} 秒{done}（按“中断内核”取消）",
        f"Asking: {seconds:.0f} s{done} (interrupt the kernel to cancel)",
    )


def _bar(percent: int | None) -> str:
    return "" if percent is None else markup.drawn(markup.Bar(percent / 100))


def _display() -> Any:
    """Return what draws beneath the cell that runs, where there is a kernel and it is wanted."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    drawn = settings.progress and getattr(shell, "kernel", None) is not None
    return importlib.import_module("IPython.display") if drawn else None
