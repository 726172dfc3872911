"""Delivers shared data: rows through the interface, a batch, or a file marked per recipient.

Each delivery is permitted and logged before a row is read, and recorded before a byte leaves. Only
the granted columns are read, only the granted region's rows leave. A file or batch carries its
recipient's mark; a stray copy names its delivery.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, select

from audit.events import AuditEvent, Recorded, no_effect
from audit.tags import EntryKind
from authorization.separation import check_natural_person
from authorization.sharing.delivery import Decided, Delivering, Made, Where
from authorization.sharing.states import no_such_share, require_share
from authorization.sharing.store import share_delivery
from catalog.datasets import Column, ColumnType
from catalog.entries import ShareMode
from catalog.standards.regions import rows_within
from catalog.versions import read_rows, version_directory
from disclosure.release.bodies import TracedFile
from disclosure.release.encoding import encode_table, sha256_of
from disclosure.release.fingerprints import BITS_MIN, agreement, marked, marks_of
from disclosure.release.parquet import encode_parquet
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor, Role

MARK_BYTES = 32
SURE_PERCENT = 90  # of the marks: a few texts may have been edited since
FORMS = {ShareMode.BATCH: "parquet", ShareMode.FILE: "csv"}


@dataclass(frozen=True)
class Rows:
    """One answer of the interface; ``next_after`` is where the following call begins, or None."""

    delivery: str
    version: str
    columns: tuple[str, ...]
    rows: list[dict[str, object]]
    next_after: int | None


@dataclass(frozen=True)
class Copy:
    """One recipient's copy of a file or batch."""

    delivery: str
    version: str
    name: str
    form: str
    content: bytes

    @property
    def digest(self) -> str:
        """The digest of these very bytes."""
        return sha256_of(self.content)


@dataclass(frozen=True)
class ShareDelivery:
    """Reads and hands over; ``home`` is where versions lie."""

    desk: Delivering
    home: Path

    def call(
        self,
        actor: Actor,
        share_id: str,
        *,
        columns: Sequence[str] = (),
        where: Where | None = None,
        limit: int,
        after: int = 0,
    ) -> Rows:
        """Answer one call of the interface: at most ``limit`` rows from place ``after`` on.

        Raises what the decision raises, and InvalidInput for a filter of the wrong type.
        """
        decided = self.desk.decide(actor, share_id, ShareMode.SERVICE, columns, where)
        limit = min(limit, decided.rows_max)
        found = self._table(decided, where or {}, after, limit + 1)
        rows = _as_json(found.slice(0, limit), decided)
        content = canonical_bytes(rows)
        digest = sha256_of(content)
        mark = secrets.token_bytes(MARK_BYTES)
        self.desk.made(actor, decided, Made(len(rows), digest, digest, mark))
        following = after + limit if found.num_rows > limit else None
        return Rows(decided.id, decided.version.id, decided.columns, rows, following)

    def hand_over(self, actor: Actor, share_id: str, mode: ShareMode | None = None) -> Copy:
        """Hand over a batch (Parquet) or a file (CSV) of the current version, marked.

        ``mode`` is the request's own where it is not named. A file is handed to a natural person.
        """
        mode = self._mode(actor, share_id) if mode is None else mode
        if mode is ShareMode.FILE:
            check_natural_person(actor)
        decided = self.desk.decide(actor, share_id, mode)
        table = self._table(decided, {}, 0, decided.rows_max + 1)
        if table.num_rows > decided.rows_max:
            raise _too_many(decided.rows_max)
        form = FORMS[mode]
        shown = _with_points(table, decided)
        plain = encode_table(shown) if form == "csv" else encode_parquet(shown)
        mark = secrets.token_bytes(MARK_BYTES)
        content = marked(plain, form, decided.id, mark)
        made = Made(table.num_rows, sha256_of(plain), sha256_of(content), mark)
        self.desk.made(actor, decided, made)
        name = f"{decided.granted.dataset}-{decided.version.number}.{form}"
        return Copy(decided.id, decided.version.id, name, form, content)

    def trace(
        self, actor: Actor, share_id: str, told: TracedFile
    ) -> Recorded[Mapping[str, object] | None]:
        """Say which delivery of a request a stray file is, or None. For provider and authority.

        The file stays with whoever found it: only its digests and marks are told.
        """
        check_natural_person(actor)
        with reading(self.desk.engine) as connection:
            share = require_share(connection, share_id)
            overseer = actor.organisation == self.desk.authority and actor.has(Role.AUTHORITY)
            if not (overseer or actor.organisation == share.provider):
                raise no_such_share()
            found = _traced(connection, share_id, told)
        public: dict[str, object] = {"found": "nothing" if found is None else str(found["by"])}
        if found is not None:
            public |= {"share": share_id, "delivery": found["delivery"]}
        event = AuditEvent(EntryKind.SHARE_TRACED, actor, public, {"sha256": told.sha256})
        recorded = self.desk.writer.submit(event, no_effect)
        return Recorded(**{**recorded.__dict__, "value": found})

    def _mode(self, actor: Actor, share_id: str) -> ShareMode:
        with reading(self.desk.engine) as connection:
            share = require_share(connection, share_id)
        if share.requester != actor.organisation or share.submitted_us is None:
            raise no_such_share()
        return ShareMode.FILE if share.mode is ShareMode.SERVICE else share.mode

    def _table(self, decided: Decided, where: Where, after: int, limit: int) -> pa.Table:
        granted, dataset = decided.granted, decided.dataset
        wanted = dict.fromkeys([*decided.columns, *where])
        if granted.region_column is not None:
            wanted[granted.region_column] = None
        declared = {column.name: column for column in dataset.declaration.columns}
        tests = {name: _typed(declared[name], value) for name, value in where.items()}
        directory = version_directory(self.home, decided.version.id, decided.version.zone)
        batches = read_rows(directory, list(wanted))
        kept = _cut(_matching(batches, tests, granted.region_column, granted.region), after, limit)
        table = pa.Table.from_batches(kept) if kept else _empty(directory, list(wanted))
        return table.select(list(decided.columns))


def _matching(
    batches: Iterator[pa.RecordBatch],
    tests: Mapping[str, object],
    region_column: str | None,
    region: str,
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        kept = batch
        if region_column is not None:
            kept = rows_within(region_column, region).chosen(kept)
        for name, value in tests.items():
            column = kept.column(name)
            kept = kept.filter(pc.equal(column, pa.scalar(value, column.type)))
        yield kept


def _cut(batches: Iterator[pa.RecordBatch], after: int, limit: int) -> list[pa.RecordBatch]:
    kept: list[pa.RecordBatch] = []
    rest = limit
    for batch in batches:
        if after >= batch.num_rows:
            after -= batch.num_rows
            continue
        part = batch.slice(after, rest)
        after = 0
        kept.append(part)
        rest -= part.num_rows
        if rest <= 0:
            break
    return kept


def _empty(directory: Path, columns: list[str]) -> pa.Table:
    first = next(read_rows(directory, columns, 1), None)
    if first is None:
        return pa.table({name: pa.array([], pa.string()) for name in columns})
    return pa.Table.from_batches([first]).slice(0, 0)


def _typed(column: Column, value: object) -> object:
    """Return a filter's value as the column stores it. Raises InvalidInput."""
    try:
        if column.type is ColumnType.TEXT and isinstance(value, str):
            return value
        if column.type is ColumnType.DATE and isinstance(value, str):
            return date.fromisoformat(value)
        if column.type is ColumnType.BOOLEAN and isinstance(value, bool):
            return value
        if column.type is ColumnType.INTEGER and type(value) is int:
            return value
    except ValueError:
        pass
    raise InvalidInput(
        "share_filter_type",
        Message(
            f"字段“{column.name}”的筛选值类型不符。",
            f"The value asked for does not fit the column {column.name!r}.",
        ),
        field="$.where",
    )


def _as_json(table: pa.Table, decided: Decided) -> list[dict[str, object]]:
    shown = _with_points(table, decided)
    return [{name: _plain(value) for name, value in row.items()} for row in shown.to_pylist()]


def _plain(value: object) -> object:
    if isinstance(value, Decimal | date):
        return str(value)
    return value


def _with_points(table: pa.Table, decided: Decided) -> pa.Table:
    """Give decimals their point back: they are stored as integers of 10^-scale."""
    shown: dict[str, Any] = {}
    for name in table.column_names:
        column = decided.dataset.declaration.column(name)
        values = table.column(name)
        if column is not None and column.type is ColumnType.DECIMAL and column.scale:
            texts = [
                None if value is None else str(Decimal(value).scaleb(-column.scale))
                for value in values.to_pylist()
            ]
            shown[name] = pa.array(texts, pa.string())
        else:
            shown[name] = values
    return pa.table(shown)


def _traced(connection: Connection, share_id: str, told: TracedFile) -> dict[str, object] | None:
    table = share_delivery
    rows = connection.execute(select(table).where(table.c.request == share_id)).all()
    for row in rows:
        if row.copy_digest == told.sha256:
            return _origin(row, "bytes")
        if row.id in told.marks:
            return _origin(row, "name")
    for row in rows:
        if told.content and row.content_digest == told.content:
            agree, of = agreement(told.quoted, marks_of(row.mark, len(told.quoted)))
            if of >= BITS_MIN and agree * 100 >= of * SURE_PERCENT:
                return _origin(row, "marks")
    return None


def _origin(row: Any, how: str) -> dict[str, object]:
    return {
        "by": how,
        "delivery": row.id,
        "organisation": row.organisation,
        "person": row.person,
        "version": row.version,
        "made": to_iso(row.made_us),
    }


def _too_many(rows_max: int) -> InvalidInput:
    return InvalidInput(
        "share_rows_too_many",
        Message(
            f"数据超过单次提供 {rows_max} 行的上限，请改用服务接口或按区域提供。",
            f"There are over {rows_max} rows: use the interface, or ask for a region.",
        ),
        field="rows",
        rule="policies/sharing",
    )
