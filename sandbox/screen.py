"""What stands between one session and its operator's screen: budget, filter, cells and files.

Made by ``Screens`` for each slot; the proxy asks it about every byte that goes either way.
"""

import json
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from audit.events import Writer
from foundation.clock import Clock
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role
from policies.schema.screen import ScreenRules
from sandbox.cells import CellLog, CellOwner, SessionCells
from sandbox.egress import EgressAccount, EgressBudget, EgressMeter
from sandbox.kernel_messages import dumped
from sandbox.kernel_screen import KernelScreen
from sandbox.screen_display import DisplayFilter
from sandbox.screen_files import FilesShown
from sandbox.screen_values import values_of_text
from sandbox.uploads import IncomingFiles, SessionFiles

CONTENTS = "/api/contents"
STAMP_DIGITS_MAX = 20


@dataclass(frozen=True)
class Shown:
    """An answer's body as a browser may see it, and the values in it."""

    body: bytes
    values: int


@dataclass(frozen=True)
class SlotScreen:
    """Everything that the proxy asks about one slot."""

    rules: ScreenRules
    meter: EgressMeter
    kernels: KernelScreen
    files: SessionFiles
    shown_files: FilesShown
    cells: SessionCells

    def asked(self, method: str, path: str, query: str, body: bytes) -> "Future[object] | None":
        """Note what a page asks and sends, beside files; return what must be durable first.

        Raises Denied where it is too much.
        """
        if body:
            return self.cells.note_text(method, f"{path}?{query}\n{body.decode(errors='replace')}")
        stamped = query.isascii() and query.isdigit() and len(query) <= STAMP_DIGITS_MAX
        return self.cells.note_address(path if stamped else f"{path}?{query}")

    def answer(self, path: str, body: bytes) -> Shown:
        """Filter the JSON of an answer. Raises Denied for anything that is no JSON."""
        if not body:
            return Shown(b"", 0)
        try:
            value: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise unlike_json() from None
        if path.startswith(CONTENTS):
            value = self.shown_files.filtered(value)
        shown = dumped(value)
        return Shown(shown, values_of_text(shown, self.rules.egress))

    def event(self, text: str) -> Shown:
        """Filter one event of the server's own stream."""
        return self.answer("", text.encode("utf-8", "replace"))


class Screens:
    """Makes the screens of all slots, which share budgets, the log and the rules."""

    def __init__(self, rules: ScreenRules, engine: Engine, writer: Writer, clock: Clock) -> None:
        """Show nothing yet."""
        self._rules = rules
        self._clock = clock
        self._filter = DisplayFilter(rules.display)
        self._cells = CellLog(writer, clock, rules.cells)
        self._files = IncomingFiles(writer, clock, rules.uploads)
        self.egress = EgressBudget(clock, rules.egress, engine, writer)

    def of(
        self, slot: str, person: str, organisation: str, licence: str, session: str
    ) -> SlotScreen:
        """Return the screen of a session in a slot."""
        actor = Actor(person, organisation, frozenset({Role.OPERATOR}))
        owner = CellOwner(actor, licence, session)
        cells = self._cells.of(owner)
        return SlotScreen(
            rules=self._rules,
            meter=self.egress.meter(slot, EgressAccount(person, licence)),
            kernels=KernelScreen(self._rules, self._filter, cells, self._clock),
            files=self._files.of(owner),
            shown_files=FilesShown(self._filter, self._rules.display),
            cells=cells,
        )

    def close(self) -> None:
        """Finish what is being logged."""
        self._cells.close()


def unlike_json() -> Denied:
    """Say that a session answered with something that pages are not given."""
    return Denied(
        "session_answer_refused",
        Message(
            "会话返回的内容不是允许的格式。", "The session answered in a form that is not shown."
        ),
        rule="policies/screen",
    )
