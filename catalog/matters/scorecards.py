"""Assessment (考核评估) of departments from the record of matters: figures, and no judgement.

Everything is counted over the matters a department decided within a time, and over those it still
owes at its end; the same record gives the same card. Rates are parts per million, rounded down.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, and_, case, cast, func, select

from catalog.datasets import Frozen
from catalog.matters.matter import MatterKind, MatterState
from catalog.matters.store import matter_table
from foundation.clock import MICROSECONDS_PER_DAY

MILLION = 1_000_000
TENTHS = 10


class Scorecard(Frozen):
    """One department over one time. ``on_time_ppm`` is None where nothing had a clock.

    ``clocks_missed`` counts clocks that ran out whatever came of the matter: papers asked for too
    late, a duty given up when it was overdue. ``withdrawn`` counts matters that ended undecided.
    """

    organisation: str
    decided: int
    decided_in_time: int
    on_time_ppm: int | None
    open: int
    overdue: int
    average_days_tenths: int | None
    notices_given: int
    extensions: int
    objections: int
    clocks_missed: int
    withdrawn: int


def scorecards(
    connection: Connection, from_us: int, until_us: int, organisations: Sequence[str] | None = None
) -> list[Scorecard]:
    """Return a card for each department that handled anything in ``[from_us, until_us)``."""
    table = matter_table
    query = _counted(from_us, until_us)
    if organisations is not None:
        query = query.where(table.c.handler.in_(list(organisations)))
    rows = connection.execute(query.group_by(table.c.handler).order_by(table.c.handler))
    return [_card(row._mapping) for row in rows]  # noqa: SLF001 - the row's own columns


def _counted(from_us: int, until_us: int) -> Select[Any]:
    table = matter_table
    decided = and_(
        table.c.state == str(MatterState.CONCLUDED),
        table.c.concluded_us >= from_us,
        table.c.concluded_us < until_us,
    )
    withdrawn = and_(
        table.c.state == str(MatterState.WITHDRAWN),
        table.c.concluded_us >= from_us,
        table.c.concluded_us < until_us,
    )
    live = and_(
        table.c.opened_us < until_us,
        (table.c.concluded_us.is_(None)) | (table.c.concluded_us >= until_us),
    )
    opened = and_(table.c.opened_us >= from_us, table.c.opened_us < until_us)
    noticed = and_(table.c.noticed_us >= from_us, table.c.noticed_us < until_us)
    took_us = table.c.concluded_us - table.c.opened_us
    paused = and_(noticed, table.c.state == str(MatterState.WAITING))
    missed = case((decided | withdrawn | paused, table.c.missed), else_=0)
    owed = and_(live, table.c.due_us < until_us, table.c.state != str(MatterState.WAITING))
    return select(
        table.c.handler.label("organisation"),
        _sum(decided).label("decided"),
        _sum(and_(decided, table.c.in_time.is_(True))).label("decided_in_time"),
        _sum(and_(decided, table.c.in_time.is_not(None))).label("clocked"),
        _sum(live).label("open"),
        _sum(owed).label("overdue"),
        cast(func.coalesce(func.sum(case((decided, took_us), else_=0)), 0), BigInteger).label(
            "took_us"
        ),
        _sum(noticed).label("notices_given"),
        _sum(and_(decided, table.c.extended_days > 0)).label("extensions"),
        _sum(and_(opened, table.c.kind == str(MatterKind.OBJECTION))).label("objections"),
        func.coalesce(func.sum(missed), 0).label("clocks_missed"),
        _sum(withdrawn).label("withdrawn"),
    ).where(decided | withdrawn | live | noticed | opened)


def _sum(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _card(row: Any) -> Scorecard:
    decided, clocked = int(row["decided"]), int(row["clocked"])
    tenths = int(row["took_us"]) * TENTHS // (decided * MICROSECONDS_PER_DAY) if decided else None
    return Scorecard(
        organisation=row["organisation"],
        decided=decided,
        decided_in_time=int(row["decided_in_time"]),
        on_time_ppm=int(row["decided_in_time"]) * MILLION // clocked if clocked else None,
        open=int(row["open"]),
        overdue=int(row["overdue"]),
        average_days_tenths=tenths,
        notices_given=int(row["notices_given"]),
        extensions=int(row["extensions"]),
        objections=int(row["objections"]),
        clocks_missed=int(row["clocks_missed"]),
        withdrawn=int(row["withdrawn"]),
    )
