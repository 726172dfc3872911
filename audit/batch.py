"""One batch of the writer: items applied in their savepoints, their entries, tiles and proofs.

Nothing here commits. Entries of earlier items are in the database before the next effect runs,
so an effect may read or reference them.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from audit.bodies import PrivateField, entry_body, private_fields, subjects
from audit.events import AuditEvent, Recorded, no_effect
from audit.grammar import check_grammar
from audit.insertion import insert_rows
from audit.notes import Checkpoint
from audit.proofs import proof_line, receipt_of_lines
from audit.recovery import LogState
from audit.sealing import FieldSealer
from audit.store import checkpoint, entry, entry_private, entry_subject, tile
from audit.tree import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TreeEdge,
    complete_root,
    consistency_proof,
    inclusion_spans,
    leaf_hash,
    node_hash,
    range_root,
    split_hashes,
)
from foundation.clock import Clock


class Waiting:
    """A caller who waits for the writer."""

    def __init__(self) -> None:
        """Begin to wait."""
        self._recorded: Recorded[Any] | None = None
        self._error: BaseException | None = None
        self._waiting = threading.Lock()
        self._waiting.acquire()

    def let_go(self) -> None:
        """Let the caller go: what was handed in is durable."""
        self._waiting.release()

    def succeed(self, recorded: Recorded[Any]) -> None:
        """Let the caller go with a durable entry."""
        self._recorded = recorded
        self._waiting.release()

    def fail(self, error: BaseException) -> None:
        """Let the caller go with an error."""
        self._error = error
        self._waiting.release()

    def done(self) -> Recorded[Any] | None:
        """Block until the writer decided; return the entry, if there is one, or raise."""
        self._waiting.acquire()
        if self._error is not None:
            raise self._error
        return self._recorded


class Item(Waiting):
    """One submission: what happened, its effect, and the caller who waits for both."""

    def __init__(self, event: AuditEvent, apply: Callable[[Connection, Any], Any]) -> None:
        """Begin to wait."""
        super().__init__()
        self.event = event
        self.apply = apply

    def wait(self) -> Recorded[Any]:
        """Block until the writer decided; return the entry or raise."""
        recorded = self.done()
        assert recorded is not None  # noqa: S101 - an item succeeds with its entry
        return recorded


class Aside(Waiting):
    """Rows that tell of no event, such as a witness's line beside a checkpoint: no entry."""

    def __init__(self, rows: Callable[[Connection], None]) -> None:
        """Begin to wait."""
        super().__init__()
        self.rows = rows


class EntryDraft:
    """The entry as its effect sees it (``audit.events.PendingEntry``)."""

    def __init__(self, event: AuditEvent, index: int, time_us: int) -> None:
        """Start from the event's public fields."""
        self._index = index
        self._time_us = time_us
        self.public: dict[str, object] = dict(event.public)

    @property
    def index(self) -> int:
        """The leaf index this entry will have if its effect holds."""
        return self._index

    @property
    def time_us(self) -> int:
        """The entry's time; never before that of an earlier entry."""
        return self._time_us

    def amend(self, **public: object) -> None:
        """Add public fields that only became known while applying the effect."""
        self.public.update(public)


Signing = Callable[[Checkpoint, Checkpoint, Callable[[], Sequence[bytes]]], str]


class NewNodes:
    """Interior hashes near the right edge, as proofs of new leaves need them."""

    def __init__(self, edge: TreeEdge) -> None:
        """Read from an edge and the tiles it completed meanwhile."""
        self._edge = edge
        self._completed: dict[tuple[int, int], list[bytes]] = {}
        self._known: dict[tuple[int, int], bytes] = {}

    def completed(self, level: int, number: int, data: bytes) -> None:
        """Keep a tile that left the edge."""
        self._completed[level, number] = split_hashes(data)

    def __call__(self, height: int, number: int) -> bytes:
        """Return the root of a complete subtree."""
        if height % TILE_HEIGHT == 0:
            tile_number, offset = divmod(number, TILE_WIDTH)
            level = height // TILE_HEIGHT
            row = self._completed.get((level, tile_number)) or self._edge.levels[level]
            return row[offset]
        known = self._known.get((height, number))
        if known is None:
            left, right = self(height - 1, 2 * number), self(height - 1, 2 * number + 1)
            known = self._known[height, number] = node_hash(left, right)
        return known


class Batch:
    """Items of one transaction and the tree as it will be once they are durable."""

    def __init__(
        self, connection: Connection, state: LogState, clock: Clock, sealer: FieldSealer
    ) -> None:
        """Start behind the last durable entry."""
        self._connection = connection
        self._sealer = sealer
        self._edge = state.edge.copy()
        self._base = state.head
        self._origin = state.head.origin
        self._last_time_us = state.last_time_us
        self._clock = clock
        self._nodes = NewNodes(self._edge)
        self._items: list[tuple[Item, EntryDraft, bytes, Any, bytes]] = []
        self._refused: list[tuple[Waiting, Exception]] = []
        self._asides: list[Aside] = []
        self._entries: list[dict[str, object]] = []
        self._subjects: list[dict[str, object]] = []
        self._private: list[dict[str, object]] = []
        self._tiles: list[dict[str, object]] = []
        self._note = ""

    def add(self, item: Item) -> None:
        """Apply one item in its savepoint; a refusal rolls back this item alone.

        Raises what the database raises when it lost the whole transaction.
        """
        time_us = max(self._clock.now_us(), self._last_time_us)
        draft = EntryDraft(item.event, self._edge.size, time_us)
        private = private_fields(item.event)
        try:
            sealed = self._sealed(item, draft, private)
            value, body = self._applied(item, draft, private)
        except Exception as error:
            if self._connection.invalidated:  # nobody's refusal: the lease went with the connection
                raise
            self._refused.append((item, error))
            return
        self._last_time_us = time_us
        self._append(item, draft, body, sealed)
        self._items.append((item, draft, leaf_hash(body), value, body))

    def add_aside(self, aside: Aside) -> None:
        """Write rows that are no entry, in their own savepoint."""
        self._connection.exec_driver_sql("SAVEPOINT item")
        try:
            aside.rows(self._connection)
        except Exception as error:  # noqa: BLE001 - any refusal belongs to its caller
            self._undo()
            self._refused.append((aside, error))
            return
        self._connection.exec_driver_sql("RELEASE SAVEPOINT item")
        self._asides.append(aside)

    @property
    def holds_asides(self) -> bool:
        """Whether there is something to commit even where no entry was added."""
        return bool(self._asides)

    def seal(self, sign: Signing) -> LogState | None:
        """Write entries, full tiles and the signed checkpoint; None where nothing was added."""
        if not self._items:
            return None
        self._flush()
        root = range_root(0, self._edge.size, self._nodes)
        head = Checkpoint(self._origin, self._edge.size, root)
        self._note = sign(
            self._base, head, lambda: consistency_proof(self._base.size, head.size, self._nodes)
        )
        self._connection.execute(
            insert(checkpoint),
            {
                "size": head.size,
                "root": root,
                "note": self._note,
                "time_us": self._last_time_us,
            },
        )
        return LogState(self._edge, head, self._note, self._last_time_us)

    def release(self) -> None:
        """Answer every caller; call this only once the batch is durable."""
        for item, error in self._refused:
            item.fail(error)
        for aside in self._asides:
            aside.let_go()
        written: dict[tuple[int, int], str] = {}
        for item, draft, leaf, value, body in self._items:
            receipt = self._receipt(draft.index, written)
            item.succeed(Recorded(draft.index, draft.time_us, leaf, receipt, value, body))

    def _receipt(self, index: int, written: dict[tuple[int, int], str]) -> str:
        spans = inclusion_spans(index, self._edge.size)
        for span in spans:
            if span not in written:
                written[span] = proof_line(range_root(*span, self._nodes))
        return receipt_of_lines(index, [written[span] for span in spans], self._note)

    def _applied(
        self, item: Item, draft: EntryDraft, private: list[PrivateField]
    ) -> tuple[Any, bytes]:
        if item.apply is no_effect:
            return None, self._body(item, draft, private)
        self._flush()
        self._connection.exec_driver_sql("SAVEPOINT item")
        try:
            value = item.apply(self._connection, draft)
            body = self._body(item, draft, private)
        except BaseException:
            self._undo()
            raise
        self._connection.exec_driver_sql("RELEASE SAVEPOINT item")
        return value, body

    def _undo(self) -> None:
        self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT item")
        self._connection.exec_driver_sql("RELEASE SAVEPOINT item")

    @staticmethod
    def _body(item: Item, draft: EntryDraft, private: list[PrivateField]) -> bytes:
        check_grammar(item.event.kind, draft.public, item.event.private)
        return entry_body(item.event, draft.index, draft.time_us, draft.public, private)

    def _sealed(
        self, item: Item, draft: EntryDraft, private: list[PrivateField]
    ) -> list[dict[str, object]]:
        kind = str(item.event.kind)
        return [self._sealer.row(kind, draft.index, draft.time_us, hidden) for hidden in private]

    def _append(
        self, item: Item, draft: EntryDraft, body: bytes, sealed: list[dict[str, object]]
    ) -> None:
        leaf = leaf_hash(body)
        index = draft.index
        self._entries.append(
            {
                "idx": index,
                "time_us": draft.time_us,
                "kind": str(item.event.kind),
                "body": body,
                "leaf_hash": leaf,
            }
        )
        self._subjects += (
            {"field": field, "value": value, "idx": index}
            for field, value in subjects(item.event, draft.public)
        )
        self._private += sealed
        for level, number, data in self._edge.append(leaf):
            self._nodes.completed(level, number, data)
            root = complete_root(split_hashes(data))
            self._tiles.append({"level": level, "number": number, "data": data, "root": root})

    def _flush(self) -> None:
        for table, rows in (
            (entry, self._entries),
            (entry_subject, self._subjects),
            (entry_private, self._private),
            (tile, self._tiles),
        ):
            if rows:
                insert_rows(self._connection, table, rows)
                rows.clear()
