"""Cosignatures as they are kept: lines beside their checkpoint, and receipts that carry them.

Every line was checked against a configured witness key before it was stored; a reader checks it
again, with a key of their own.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, insert, select

from audit.notes import SignatureLine, split_note
from audit.proofs import receipt_text
from audit.recovery import stored_nodes
from audit.store import checkpoint, cosignature
from audit.tree import inclusion_proof

NEWEST_MAX = 50


def keep_lines(
    connection: Connection, size: int, lines: Iterable[SignatureLine], time_us: int
) -> None:
    """Store lines that a witness put under the checkpoint of this size.

    A line by a key that signed this size before is not stored again.
    """
    rows = connection.execute(
        select(cosignature.c.witness, cosignature.c.key_id).where(cosignature.c.size == size)
    )
    present = {(row.witness, row.key_id) for row in rows}
    new = [
        {
            "size": size,
            "witness": line.name,
            "key_id": line.key_id.hex(),
            "line": line.text(),
            "time_us": time_us,
        }
        for line in lines
        if (line.name, line.key_id.hex()) not in present
    ]
    if new:
        connection.execute(insert(cosignature), new)


def with_cosignatures(connection: Connection, size: int, note: str) -> str:
    """Return a checkpoint's note with every line that witnesses put under it so far."""
    rows = connection.execute(
        select(cosignature.c.line)
        .where(cosignature.c.size == size)
        .order_by(cosignature.c.witness, cosignature.c.key_id)
    ).scalars()
    present = {line.text() for line in split_note(note)[1]}
    return note + "".join(line for line in rows if line not in present)


def witnesses_by_size(connection: Connection, limit: int = NEWEST_MAX) -> dict[int, set[str]]:
    """Tell for the newest cosigned sizes which witnesses cosigned each, newest first."""
    sizes = (
        select(cosignature.c.size).distinct().order_by(cosignature.c.size.desc()).limit(limit)
    ).scalar_subquery()
    rows = connection.execute(
        select(cosignature.c.size, cosignature.c.witness)
        .where(cosignature.c.size.in_(sizes))
        .order_by(cosignature.c.size.desc())
    )
    found: dict[int, set[str]] = {}
    for size, name in rows:
        found.setdefault(size, set()).add(name)
    return found


def sizes_of_witnesses(connection: Connection) -> Mapping[str, int]:
    """Tell the largest size that each witness is known to have cosigned."""
    rows = connection.execute(
        select(cosignature.c.witness, func.max(cosignature.c.size).label("size")).group_by(
            cosignature.c.witness
        )
    )
    return {row.witness: row.size for row in rows}


def uncovered_since_us(connection: Connection, covered_size: int) -> int | None:
    """Return the time of the first checkpoint above a size; None where there is none."""
    first = select(checkpoint.c.time_us).where(checkpoint.c.size > covered_size)
    time_us: int | None = connection.execute(
        first.order_by(checkpoint.c.size).limit(1)
    ).scalar_one_or_none()
    return time_us


def best_cosigned_size(connection: Connection, index: int) -> int | None:
    """Return the size above an entry that most witnesses cosigned, the newest of such; or None."""
    sizes = {size: names for size, names in witnesses_by_size(connection).items() if size > index}
    return max(sizes, key=lambda size: (len(sizes[size]), size), default=None)


def cosigned_receipt(connection: Connection, index: int, size: int) -> str:
    """Write a receipt for a stored entry against the cosigned checkpoint of a size above it."""
    note: str = connection.execute(
        select(checkpoint.c.note).where(checkpoint.c.size == size)
    ).scalar_one()
    proof = inclusion_proof(index, size, stored_nodes(connection))
    return receipt_text(index, proof, with_cosignatures(connection, size, note))
