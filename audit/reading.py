"""Reading the log: entries by place, kind and subject, checkpoints, receipts and erasable fields.

Everything here reads what is durable; a body is handed out as the bytes that were hashed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, select

from audit.bodies import PrivateField
from audit.notes import Checkpoint, parse_checkpoint
from audit.proofs import receipt_text
from audit.recovery import nodes_for, stored_nodes
from audit.sealing import KeyRing
from audit.store import checkpoint, entry, entry_private, entry_subject
from audit.tags import EntryKind
from audit.tree import consistency_proof, inclusion_proof
from foundation.errors import Message, NotFound
from foundation.keys import Citation, KeyStore

ENTRIES_MAX = 1_000


@dataclass(frozen=True)
class LogEntry:
    """One durable entry; ``body`` is what its leaf hash was taken over."""

    index: int
    time_us: int
    kind: str
    body: bytes
    leaf_hash: bytes

    @property
    def content(self) -> dict[str, Any]:
        """The whole body as JSON: actor, public fields, commitments, nonce."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def public(self) -> dict[str, Any]:
        """The public fields of what happened."""
        public: dict[str, Any] = self.content["public"]
        return public


def read_entries(
    connection: Connection,
    *,
    first: int = 0,
    end: int | None = None,
    kinds: Sequence[EntryKind] = (),
    subjects: Mapping[str, str] | None = None,
    newest_first: bool = False,
    limit: int = ENTRIES_MAX,
) -> list[LogEntry]:
    """Read entries with ``first <= index < end`` of these kinds that name all these subjects.

    ``subjects`` maps a field of ``audit.bodies.SUBJECT_FIELDS`` (person, licence, dataset, …)
    to its value.
    """
    query = select(entry).where(entry.c.idx >= first)
    if end is not None:
        query = query.where(entry.c.idx < end)
    if kinds:
        query = query.where(entry.c.kind.in_([str(kind) for kind in kinds]))
    for field, value in (subjects or {}).items():
        query = _naming(query, field, value)
    order = entry.c.idx.desc() if newest_first else entry.c.idx
    rows = connection.execute(query.order_by(order).limit(limit))
    return [_log_entry(row) for row in rows]


def entry_at(connection: Connection, index: int) -> LogEntry:
    """Return one entry. Raises NotFound beyond the log's end."""
    row = connection.execute(select(entry).where(entry.c.idx == index)).one_or_none()
    if row is None:
        raise _no_entry(index)
    return _log_entry(row)


def current_checkpoint(connection: Connection) -> str | None:
    """Return the newest signed checkpoint, None while the log is empty."""
    newest = select(checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1)
    note: str | None = connection.execute(newest).scalar_one_or_none()
    return note


def receipt_for(connection: Connection, index: int) -> str:
    """Write a receipt for a stored entry against the newest checkpoint."""
    note = current_checkpoint(connection)
    head = parse_checkpoint(note) if note else Checkpoint("", 0, b"")
    if note is None or not 0 <= index < head.size:
        raise _no_entry(index)
    return receipt_text(
        index, inclusion_proof(index, head.size, nodes_for(connection, index, head)), note
    )


def consistency_between(connection: Connection, old_size: int, new_size: int) -> list[bytes]:
    """Prove that the log of one size extends that of a smaller size (RFC 6962, 2.1.2)."""
    return consistency_proof(old_size, new_size, stored_nodes(connection))


def private_of(
    connection: Connection, index: int, keys: KeyStore, cited: Citation | None = None
) -> dict[str, PrivateField]:
    """Open the private fields of an entry that have not been erased.

    ``cited`` is the logged entry on whose behalf they are read; it names their keys.
    """
    rows = connection.execute(select(entry_private).where(entry_private.c.idx == index))
    ring = KeyRing(keys, cited)
    return {row.field: ring.open(row) for row in rows}


def _naming(query: Select[Any], field: str, value: str) -> Select[Any]:
    return query.where(
        exists().where(
            entry_subject.c.field == field,
            entry_subject.c.value == value,
            entry_subject.c.idx == entry.c.idx,
        )
    )


def _log_entry(row: Row[Any]) -> LogEntry:
    return LogEntry(row.idx, row.time_us, row.kind, bytes(row.body), bytes(row.leaf_hash))


def _no_entry(index: int) -> NotFound:
    return NotFound(
        "log_entry_not_found",
        Message(zh=f"审计日志中没有第 {index} 号条目。", en=f"The audit log has no entry {index}."),
        field="index",
    )
