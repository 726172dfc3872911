"""Questions on their way, by the name that their own session gave them: progress and cancelling.

Only a question answered by granted rows has either. Its worker holds nothing but the licence's own
extract, every row of which the asker may read: how far the engine is, and when it ends, tells no
more than the rows would. A private answer comes at its slot, whatever the engine does (I14): of it
no progress is told, and it is not cancelled.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from disclosure.outcome import QuestionFailed, question_failed
from foundation.errors import Conflict, Message, NotFound

CANCELLED = "cancelled"
End = Callable[[], None]


@dataclass
class Ask:
    """One question on its way. Cancelled before it is settled, it is never answered or billed."""

    percent: int | None = None
    _private: bool = False
    _settled: bool = False
    _cancelled: bool = False
    _end: End | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cancelled(self) -> bool:
        """Whether its asker gave it up."""
        return self._cancelled

    def keep_private(self) -> None:
        """Answer at the slot alone: from here on nothing is told and nothing cancels it.

        Raises QuestionFailed where it was cancelled before.
        """
        with self._lock:
            self._raise_if_cancelled()
            self._private = True

    def settle(self) -> None:
        """Take the answer as given, from here on. Raises QuestionFailed where it was cancelled."""
        with self._lock:
            self._raise_if_cancelled()
            self._settled = True

    def cancel(self) -> None:
        """Give it up, and end what works on it now. Raises Conflict where that cannot be."""
        with self._lock:
            self._check_rows()
            if self._settled:
                raise _too_late()
            self._cancelled = True
            if self._end is not None:
                self._end()

    def progress(self) -> dict[str, object]:
        """Return the engine's own percentage, where it knows one. Raises Conflict if private."""
        with self._lock:
            self._check_rows()
            return {"percent": self.percent}

    def tell(self, percent: int) -> None:
        """Take the engine's percentage; it never falls."""
        self.percent = max(self.percent or 0, min(percent, 100))

    @contextmanager
    def turn(self, lock: threading.Lock, end: End) -> Iterator[None]:
        """Hold a worker's turn; cancelled meanwhile, ``end`` is called. Waiting ends with it too.

        Raises QuestionFailed where it is cancelled before its turn.
        """
        while not lock.acquire(timeout=0.1):
            self._raise_if_cancelled()
        try:
            with self._lock:
                self._raise_if_cancelled()
                self._end = end
            yield
        finally:
            with self._lock:
                self._end = None
            lock.release()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled:
            raise cancelled()

    def _check_rows(self) -> None:
        if self._private:
            raise _private()


class Asks:
    """The questions on their way in this process; a session sees its own alone."""

    def __init__(self) -> None:
        """Know none."""
        self._asks: dict[tuple[str, str], Ask] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, session: str, name: str | None) -> Iterator[Ask]:
        """Keep a question under its name while it is answered. Raises Conflict for one in use."""
        ask = Ask()
        if name is None:
            yield ask
            return
        with self._lock:
            if (session, name) in self._asks:
                raise Conflict(
                    "ask_in_use",
                    Message("这个问题编号正在使用。", "A question of this name is on its way."),
                    field="ask",
                )
            self._asks[session, name] = ask
        try:
            yield ask
        finally:
            with self._lock:
                del self._asks[session, name]

    def of(self, session: str, name: str) -> Ask:
        """Return a question that a session is asking now. Raises NotFound."""
        with self._lock:
            found = self._asks.get((session, name))
        if found is None:
            raise NotFound(
                "ask_unknown",
                Message(
                    "本会话没有正在回答的这个问题。", "This session asks no such question now."
                ),
                field="ask",
            )
        return found


def cancelled() -> QuestionFailed:
    """Return how a question that its asker gave up ends."""
    return question_failed(CANCELLED)


def _private() -> Conflict:
    return Conflict(
        "private_answer_at_its_slot",
        Message(
            "统计答案在固定时刻给出，不显示进度，也不能取消：否则进度与时长会透露数据。",
            "A private answer comes at its fixed time. It has no progress and cannot be cancelled, "
            "because how long it takes would tell about the data.",
        ),
        field="ask",
        rule="privacy/answer_slot_milliseconds",
        way_out=Message(
            "请等待答案；同一问题再次提问不再消耗预算。",
            "Wait for the answer; asking the same again takes no further budget.",
        ),
    )


def _too_late() -> Conflict:
    return Conflict(
        "already_answered",
        Message("答案已经给出，不能再取消。", "The answer is given and cannot be cancelled."),
        field="ask",
    )
