"""One WebSocket between a browser and its session: read, judged, counted, then sent on.

A message that runs something waits for its log entry, and everything behind it waits with it, so
that order is kept; what waits together is committed together.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection

from foundation.errors import Message, SandgateError, Unavailable
from sandbox.kernel_messages import V1, Unreadable, read_message
from sandbox.screen import SlotScreen

WAITING_FRAMES_MAX = 512
CLOSED_BY_POLICY = 1008
GOING_AWAY = 1001


class Slot(Protocol):
    """What the channel asks of the slot that it belongs to."""

    @property
    def dark(self) -> bool:
        """Whether the slot is no longer served."""
        ...

    @property
    def screen(self) -> SlotScreen:
        """What stands between the slot and its operator."""
        ...

    async def within_budget(self, byte_count: int, values: int) -> bool:
        """Count what is about to be shown; False where nothing may be shown any more."""
        ...

    def used(self) -> None:
        """Note that somebody works in the session."""
        ...


@dataclass(frozen=True)
class _Queued:
    frame: bytes | str
    forward: bytes | str
    logged: "Future[object] | None"


class KernelChannel:
    """Relays the messages of one kernel."""

    def __init__(self, slot: Slot, browser: WebSocket, session: ClientConnection) -> None:
        """Relay between two open sockets that speak the same framing."""
        self._slot = slot
        self._browser = browser
        self._session = session
        self._v1 = session.subprotocol == V1
        self._queue: asyncio.Queue[_Queued] = asyncio.Queue(WAITING_FRAMES_MAX)

    async def run(self, dark: asyncio.Event) -> None:
        """Pump both ways until one side ends or the slot goes dark."""
        works = (self._read(), self._forward(), self._show(), dark.wait())
        await _pump(works, self._slot, self._browser)

    async def _read(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, Unreadable):
            while True:
                frame = await _received(self._browser)
                self._slot.used()
                judged = self._slot.screen.kernels.inwards(frame, v1=self._v1)
                if judged.forward is not None:
                    await self._queue.put(_Queued(frame, judged.forward, judged.logged))
                for answer in judged.answers:
                    await _send(self._browser, answer)

    async def _forward(self) -> None:
        while True:
            queued = await self._queue.get()
            if queued.logged is not None and not await self._is_logged(queued):
                continue
            if self._slot.dark:
                return
            await self._session.send(queued.forward)

    async def _is_logged(self, queued: _Queued) -> bool:
        """Wait for the entry; where there will be none, tell the browser and run nothing."""
        assert queued.logged is not None  # noqa: S101 - asked by the caller
        try:
            await asyncio.wrap_future(queued.logged)
        except SandgateError:
            message = read_message(queued.frame, v1=self._v1)
            for answer in self._slot.screen.kernels.refusal(message, _unlogged(), v1=self._v1):
                await _send(self._browser, answer)
            return False
        return True

    async def _show(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            async for frame in self._session:
                with contextlib.suppress(Unreadable):
                    shown = self._slot.screen.kernels.outwards(frame, v1=self._v1)
                    if shown.frame is None:
                        continue
                    if self._slot.dark or not await self._slot.within_budget(
                        shown.bytes, shown.values
                    ):
                        return
                    self._slot.used()
                    await _send(self._browser, shown.frame)


class EventChannel:
    """Relays the server's events to the page, and nothing back."""

    def __init__(self, slot: Slot, browser: WebSocket, session: ClientConnection) -> None:
        """Relay between two open sockets."""
        self._slot = slot
        self._browser = browser
        self._session = session

    async def run(self, dark: asyncio.Event) -> None:
        """Pump until one side ends or the slot goes dark."""
        await _pump((self._ignore(), self._show(), dark.wait()), self._slot, self._browser)

    async def _ignore(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                await _received(self._browser)

    async def _show(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, SandgateError):
            async for frame in self._session:
                if isinstance(frame, str):
                    shown = self._slot.screen.event(frame)
                    if not await self._slot.within_budget(len(shown.body), shown.values):
                        return
                    await self._browser.send_text(shown.body.decode())


async def _pump(
    works: Iterable[Coroutine[Any, Any, object]], slot: Slot, browser: WebSocket
) -> None:
    """Work until one of these ends, then stop the others and close the browser's side."""
    pumps = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await browser.close(CLOSED_BY_POLICY if slot.dark else GOING_AWAY)


async def _received(browser: WebSocket) -> bytes | str:
    message = await browser.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    data: bytes | str | None = message.get("bytes")
    return data if data is not None else str(message["text"])


async def _send(browser: WebSocket, frame: bytes | str) -> None:
    if isinstance(frame, bytes):
        await browser.send_bytes(frame)
    else:
        await browser.send_text(frame)


def _unlogged() -> Unavailable:
    return Unavailable(
        "cell_not_logged",
        Message("审计日志无法写入，代码未执行。", "The log could not be written; nothing was run."),
        way_out=Message("请稍后重试。", "Try again later."),
    )
