"""Decides each delivery when it is asked for, records it, and counts calls by department.

The decision is made inside the writer's savepoint, on the state, term, grants and people as they
stand at that moment, and is durable before a row is read (I1). Another department, an operator's
person, a wrong mode, a suspended, expired or ended grant: refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.separation import check_may_write
from authorization.sharing.parts import SharingParts, check_department, published_entry
from authorization.sharing.states import (
    DELIVERING,
    STATE_NAMES,
    Granted,
    Share,
    ShareState,
    move,
    no_such_share,
    require_share,
)
from authorization.sharing.store import share_calls, share_delivery
from authorization.sharing.supplying import check_leaves, not_ours_to_share
from catalog.datasets import Dataset, Version
from catalog.entries import ShareMode
from catalog.resources.consents import without_consent
from catalog.store import current_version, dataset_by_name
from catalog.zones.store import ZoneState, zone
from foundation.canonical import salted_commitment
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor
from foundation.ids import new_id

FILTERS_MAX = 8
VALUE_CHARACTERS_MAX = 200
Where = Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Decided:
    """One permitted delivery: of which version which columns, of which region's rows."""

    id: str
    share: Share
    dataset: Dataset
    version: Version
    columns: tuple[str, ...]
    granted: Granted
    rows_max: int
    index: int = -1


@dataclass(frozen=True)
class Made:
    """What was delivered: rows, the values' digest, the copy's own digest, and its secret mark."""

    row_count: int
    content_digest: str
    copy_digest: str
    mark: bytes


class Delivering(SharingParts):
    """The policy decision of each delivery, and its record."""

    def decide(
        self,
        actor: Actor,
        share_id: str,
        mode: ShareMode,
        columns: Sequence[str] = (),
        where: Where | None = None,
    ) -> Decided:
        """Permit one delivery, or refuse it. ``columns``: some of those granted; none: all.

        Raises NotFound to strangers, Denied by state, term, mode or people.
        """
        check_may_write(actor)
        delivery = new_id("cpy")  # so that whoever finds a copy looks for one kind of name
        asked = dict(where or {})
        text = json.dumps(asked, ensure_ascii=False, sort_keys=True) if asked else ""
        event = AuditEvent(
            EntryKind.SHARE_DELIVERY_DECIDED,
            actor,
            {
                "share": share_id,
                "delivery": delivery,
                "mode": str(mode),
                "filtered": sorted(asked),
                "policy_digest": self.policy_digest,
            },
            {"filter": text},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Decided:
            share = self._permitted(connection, actor, share_id, mode, entry)
            decided = self._bounded(connection, share, delivery, columns, asked)
            entry.amend(
                provider=share.provider,
                requester=share.requester,
                dataset=decided.granted.dataset,
                version=decided.version.id,
                columns=list(decided.columns),
            )
            self._count_call(connection, entry, share)
            if share.state is ShareState.SUPPLIED:
                move(connection, entry, share, ShareState.IN_USE)
            return decided

        recorded = self.writer.submit(event, apply)
        return Decided(**{**recorded.value.__dict__, "index": recorded.index})

    def made(self, actor: Actor, decided: Decided, made: Made) -> Recorded[None]:
        """Record what was delivered; state and term are looked at once more before it leaves."""
        commitment = salted_commitment(made.mark, made.copy_digest.encode())
        event = AuditEvent(
            EntryKind.SHARE_DELIVERED,
            actor,
            {
                "share": decided.share.id,
                "delivery": decided.id,
                "decided": decided.index,
                "mode": str(decided.share.mode),
                "content": commitment,
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> None:
            share = self._permitted(connection, actor, decided.share.id, decided.share.mode, entry)
            connection.execute(
                insert(share_delivery).values(
                    id=decided.id,
                    request=share.id,
                    mode=str(share.mode),
                    dataset=decided.granted.dataset,
                    version=decided.version.id,
                    person=actor.person,
                    organisation=actor.organisation,
                    row_count=made.row_count,
                    content_digest=made.content_digest,
                    copy_digest=made.copy_digest,
                    mark=made.mark,
                    decided_index=decided.index,
                    made_us=entry.time_us,
                )
            )
            self._add(connection, entry, share, calls=0, rows=made.row_count)

        return self.writer.submit(event, apply)

    def _permitted(
        self,
        connection: Connection,
        actor: Actor,
        share_id: str,
        mode: ShareMode,
        entry: PendingEntry,
    ) -> Share:
        share = require_share(connection, share_id)
        if actor.organisation != share.requester:
            raise no_such_share()
        check_department(connection, actor)
        if share.state not in DELIVERING:
            raise _not_delivering(share.state)
        if share.until_us is None or entry.time_us >= share.until_us:
            raise _expired()
        if share.mode is not mode:
            raise _other_mode(share.mode)
        published_entry(connection, share.entry)
        _check_source(connection, share)
        return share

    def _bounded(
        self,
        connection: Connection,
        share: Share,
        delivery: str,
        columns: Sequence[str],
        where: Where,
    ) -> Decided:
        granted = share.granted
        dataset = None if granted is None else dataset_by_name(connection, granted.dataset)
        version = None if dataset is None else current_version(connection, dataset.id)
        if granted is None or dataset is None or version is None:
            raise _not_delivering(share.state)
        wanted = tuple(columns) or granted.columns
        if not set(wanted) | set(where) <= set(granted.columns) or len(where) > FILTERS_MAX:
            raise _not_granted()
        for name in granted.columns:
            column = dataset.declaration.column(name)
            if column is None:
                raise _not_granted()
            check_leaves(column, share.mode, self.rules.file_grade_max)
        limit = self.rules.rows_per_call_max
        rows_max = limit if share.mode is ShareMode.SERVICE else self.rules.file_rows_max
        return Decided(delivery, share, dataset, version, wanted, granted, rows_max)

    def _count_call(self, connection: Connection, entry: PendingEntry, share: Share) -> None:
        if self._add(connection, entry, share, calls=1, rows=0) > self.rules.calls_per_day_max:
            raise Denied(
                "share_calls_spent",
                Message(
                    "本申请当日调用次数已达上限。",
                    "The calls that this request has for a day are used up.",
                ),
                field="calls",
                rule="policies/sharing",
                way_out=Message("请次日再调用。", "Call again tomorrow."),
            )

    def _add(
        self, connection: Connection, entry: PendingEntry, share: Share, *, calls: int, rows: int
    ) -> int:
        """Add to a day's counters of one request; return the day's calls."""
        day = self.today(entry).isoformat()
        table = share_calls.c
        here = (table.request == share.id) & (table.day == day)
        added = connection.execute(
            update(share_calls)
            .where(here)
            .values(calls=table.calls + calls, row_count=table.row_count + rows)
        )
        if not added.rowcount:
            connection.execute(
                insert(share_calls).values(
                    request=share.id,
                    day=day,
                    requester=share.requester,
                    provider=share.provider,
                    entry=share.entry,
                    mode=str(share.mode),
                    calls=calls,
                    row_count=rows,
                )
            )
        return int(connection.execute(select(table.calls).where(here)).scalar_one())


def deliveries(connection: Connection, share_id: str) -> list[dict[str, object]]:
    """Return what was delivered under a request, oldest first, without its marks."""
    table = share_delivery.c
    rows = connection.execute(
        select(table.id, table.mode, table.version, table.person, table.row_count, table.made_us)
        .where(table.request == share_id)
        .order_by(table.made_us)
    )
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _check_source(connection: Connection, share: Share) -> None:
    """Refuse data whose source took its consent back, or whose zone was closed, since supplied."""
    granted = share.granted
    dataset = None if granted is None else dataset_by_name(connection, granted.dataset)
    if dataset is None:
        raise _not_delivering(share.state)
    if dataset.declaration.name in without_consent(connection):
        raise not_ours_to_share()
    standing = zone(connection, dataset.zone)
    if standing is None or standing.state is not ZoneState.OPEN:
        raise _zone_closed()


def _zone_closed() -> Denied:
    return Denied(
        "share_zone_closed",
        Message("数据所在的数据区已关闭，不再提供。", "The data's zone is closed: none leave it."),
        field="zone",
        rule="policies/zones",
    )


def _not_delivering(state: ShareState) -> Denied:
    names = STATE_NAMES[state]
    return Denied(
        "share_not_delivering",
        Message(
            f"该共享申请当前为“{names.zh}”，不提供数据。",
            f"The sharing request is {names.en}: no data is delivered.",
        ),
        field="state",
        rule="sharing-states",
    )


def _expired() -> Denied:
    return Denied(
        "share_expired",
        Message(
            "使用时限已过，不再提供数据；请处置（销毁）已获取的数据。",
            "The term of use is over: no data is delivered. Destroy what was received.",
        ),
        field="until",
        rule="使用时限",
        way_out=Message("确需继续使用的，请重新申请。", "To go on, ask again."),
    )


def _other_mode(mode: ShareMode) -> Denied:
    return Denied(
        "share_mode_differs",
        Message(
            f"该申请批准的共享方式为 {mode}，不能以其他方式提供。",
            f"This request was approved for the mode {mode}, and no other.",
        ),
        field="mode",
        rule="共享方式",
    )


def _not_granted() -> InvalidInput:
    return InvalidInput(
        "share_column_not_granted",
        Message("所列字段不在批准范围内。", "A column named here was not granted."),
        field="$.columns",
        rule="使用范围",
    )
