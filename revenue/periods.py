"""Accounting periods: opened and closed by the authority's command, each at its log index.

One period is open at a time. Closing settles every pool, writes the period statement and commits
to its digest in the log entry; a closed period never changes again.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import check_may_write, check_natural_person
from foundation.canonical import digest
from foundation.errors import Conflict, Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from policies.schema.revenue import RevenueRules
from revenue.closing import commit_close
from revenue.settlement import settle
from revenue.statements import write_period_statement
from revenue.store import period

_PERIOD = re.compile(r"[0-9a-z][0-9a-z-]{0,39}")


@dataclass(frozen=True)
class ClosedPeriod:
    """What closing brought about."""

    period: str
    close_index: int
    pool_fen: int
    journals: tuple[str, ...]
    statement_digest: str


def open_period(writer: Writer, actor: Actor, period_id: str) -> Recorded[str]:
    """Open a period by the authority's command, for example ``2026-11``."""
    check_authority(actor)
    if not _PERIOD.fullmatch(period_id):
        raise InvalidInput(
            "period_name_invalid",
            Message(
                zh="账期名称只能由小写字母、数字和连字符组成，最长 40 个字符。",
                en="A period's name holds lower-case letters, digits and hyphens, at most 40.",
            ),
            field="$.period",
        )

    def apply(connection: Connection, entry: PendingEntry) -> str:
        return open_at(connection, entry, period_id)

    event = AuditEvent(EntryKind.PERIOD_OPENED, actor, {"period": period_id})
    return writer.submit(event, apply)


def close_period(
    writer: Writer, actor: Actor, period_id: str, rules: RevenueRules
) -> Recorded[ClosedPeriod]:
    """Close the open period by the authority's command, settle it and write its statement."""
    check_authority(actor)

    def apply(connection: Connection, entry: PendingEntry) -> ClosedPeriod:
        return close_at(connection, entry, period_id, rules)

    event = AuditEvent(EntryKind.PERIOD_CLOSED, actor, {"period": period_id})
    return writer.submit(event, apply)


def open_at(connection: Connection, entry: PendingEntry, period_id: str) -> str:
    """Open a period at the index of the entry being written."""
    _check_free(connection, period_id)
    connection.execute(
        insert(period).values(
            id=period_id, state="open", opened_index=entry.index, opened_us=entry.time_us
        )
    )
    return period_id


def close_at(
    connection: Connection, entry: PendingEntry, period_id: str, rules: RevenueRules
) -> ClosedPeriod:
    """Settle and close a period at the index of the entry being written."""
    if open_period_id(connection) != period_id:
        raise Conflict(
            "period_not_open",
            Message(
                zh=f"账期“{period_id}”未开启或已关闭。",
                en=f"The period {period_id!r} is not open.",
            ),
            field="$.period",
        )
    journals = settle(connection, entry, period_id, rules).journals
    statement = write_period_statement(connection, entry, period_id)
    connection.execute(
        update(period)
        .where(period.c.id == period_id, period.c.state == "open")
        .values(state="closed", closed_index=entry.index, closed_us=entry.time_us)
    )
    entry.amend(
        pool_fen=statement.pool_fen,
        statement_digest=statement.digest,
        journal_count=len(journals),
        journals_digest=digest([posted.digest for posted in journals]),
        **commit_close(connection, period_id, statement.document),
    )
    return ClosedPeriod(
        period=period_id,
        close_index=entry.index,
        pool_fen=statement.pool_fen,
        journals=tuple(posted.id for posted in journals),
        statement_digest=statement.digest,
    )


def open_period_id(connection: Connection) -> str | None:
    """Return the name of the open period, or None."""
    return connection.execute(select(period.c.id).where(period.c.state == "open")).scalar()


def require_open_period(connection: Connection) -> str:
    """Return the name of the open period. Raises Conflict where none is open."""
    period_id = open_period_id(connection)
    if period_id is None:
        raise Conflict(
            "no_open_period",
            Message(
                zh="当前没有开启的账期，无法计量或记账。",
                en="No period is open, so nothing can be metered or posted.",
            ),
            rule="revenue/periods",
            way_out=Message(
                zh="请数据主管部门先开启账期。", en="Let the authority open a period first."
            ),
        )
    return period_id


def _check_free(connection: Connection, period_id: str) -> None:
    taken = select(period.c.id).where((period.c.id == period_id) | (period.c.state == "open"))
    other = connection.execute(taken).scalar()
    if other is not None:
        raise Conflict(
            "period_exists",
            Message(
                zh=f"账期“{other}”已存在或尚未关闭，不能开启“{period_id}”。",
                en=f"The period {other!r} exists or is still open, so {period_id!r} cannot open.",
            ),
            field="$.period",
            way_out=Message(
                zh="请先关闭当前账期，并使用新的账期名称。",
                en="Close the open period first, and use a new name.",
            ),
        )


def check_authority(actor: Actor) -> None:
    """Refuse anyone but a person of the data authority: a close bills every payer."""
    check_may_write(actor)
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message(
                zh="只有数据主管部门可以开启、关闭账期或冲销凭证。",
                en="Only the data authority may open or close a period or reverse a journal.",
            ),
            rule="revenue/periods",
        )
