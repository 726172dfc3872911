"""What a batch is, and how its rows are written together: one statement a table and step."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from audit.events import PendingEntry
from catalog.book.parts import Revision, revision_from
from catalog.book.store import catalog_batch, catalog_entry, catalog_move, catalog_revision
from catalog.datasets import Frozen
from foundation.canonical import digest
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor


class Batch(Frozen):
    """A batch of entries. ``digest`` is over every row's code and document digest."""

    id: str
    provider: str
    name: str
    rows: int
    digest: str
    entry_ids: tuple[str, ...]


class Member(Frozen):
    """One row of a batch: the text, and the entry it is of."""

    revision: Revision
    state: str
    version: int | None
    zone: str


def row_lines(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return what an entry of the log says of each row: its code and its document's digest."""
    return [f"{code} {text.removeprefix('sha256:')}" for code, text in rows]


def batch_digest(lines: Sequence[str]) -> str:
    """Return the digest that a step of a whole batch names."""
    return digest(sorted(lines))


def members(connection: Connection, batch_id: str) -> list[Member]:
    """Return the rows of a batch that are still of it, by code."""
    head = catalog_entry
    query = (
        select(
            catalog_revision,
            head.c.state.label("head_state"),
            head.c.version.label("head_version"),
            head.c.zone.label("head_zone"),
        )
        .join(head, head.c.id == catalog_revision.c.entry_id)
        .where(catalog_revision.c.batch == batch_id)
        .order_by(head.c.code)
    )
    found = []
    for row in connection.execute(query):
        fields = dict(row._mapping)  # noqa: SLF001 - the row's own columns
        about = {name: fields.pop(f"head_{name}") for name in ("state", "version", "zone")}
        found.append(Member(revision=revision_from(fields), **about))
    return found


def stored_batch(connection: Connection, batch_id: str) -> Batch:
    """Return a batch as it stands. Raises NotFound."""
    row = connection.execute(select(catalog_batch).where(catalog_batch.c.id == batch_id)).first()
    if row is None:
        raise NotFound(
            "batch_unknown",
            Message("没有该批次。", "There is no such batch."),
            field="$.batch",
        )
    query = (
        select(catalog_entry.c.id, catalog_entry.c.code, catalog_revision.c.digest)
        .join(catalog_entry, catalog_entry.c.id == catalog_revision.c.entry_id)
        .where(catalog_revision.c.batch == batch_id)
        .order_by(catalog_entry.c.code)
    )
    rows = connection.execute(query).all()
    return Batch(
        id=row.id,
        provider=row.provider,
        name=row.name,
        rows=len(rows),
        digest=batch_digest(row_lines((item.code, item.digest) for item in rows)),
        entry_ids=tuple(item.id for item in rows),
    )


def batches(connection: Connection, provider: str | None, limit: int) -> list[Batch]:
    """Return the batches of a department, or of all, newest first."""
    query = select(catalog_batch.c.id).order_by(
        catalog_batch.c.drafted_us.desc(), catalog_batch.c.id
    )
    if provider is not None:
        query = query.where(catalog_batch.c.provider == provider)
    return [
        stored_batch(connection, name) for name in connection.execute(query.limit(limit)).scalars()
    ]


def wrong_batch_state(batch: Batch) -> Conflict:
    """Say that the rows of a batch are not all where this step needs them."""
    return Conflict(
        "batch_wrong_state",
        Message(
            f"批次“{batch.name}”中的条目不都处于可办理此项的状态（或已无条目）。",
            f"Not all rows of the batch {batch.name!r} are where this step needs them.",
        ),
        field="$.batch",
        rule="catalog.book.states",
    )


def change_heads(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Change heads by ``key``, the entry's identifier; every row names the same columns."""
    _change(connection, catalog_entry, rows)


def change_revisions(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Change revisions by ``key``, their identifier; every row names the same columns."""
    _change(connection, catalog_revision, rows)


def record_moves(
    connection: Connection,
    pending: PendingEntry,
    actor: Actor,
    rows: Sequence[Mapping[str, object]],
) -> None:
    """Add a line to each entry's history, all under this entry of the log."""
    stamp: dict[str, object] = {
        "idx": pending.index,
        "time_us": pending.time_us,
        "person": actor.person,
        "organisation": actor.organisation,
    }
    connection.execute(insert(catalog_move), [{**stamp, **row} for row in rows])


def _change(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    statement = (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values({name: bindparam(name) for name in rows[0] if name != "key"})
    )
    connection.execute(statement, [dict(row) for row in rows])
