"""What an operator took in a year, and what its permitted maximum leaves: by the ledger alone.

Revenue is what closed periods billed, by the day of their close in China, as it stands now: a pool
whose settlement was reversed counts no more, a corrected one at its correction.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from authorization.store import licence as licence_table
from foundation.clock import to_iso
from revenue.flow.pool_state import pool_state
from revenue.permitted.documents import year_bounds_us
from revenue.permitted.store import permitted_decision
from revenue.pool_store import pool
from revenue.store import period

EIGHT_HOURS_US = 8 * 3_600 * 1_000_000


@dataclass(frozen=True)
class PermittedLeft:
    """What an operator may still bill in a year. Pools of one close share it."""

    operator: str
    year: int
    fen: int


def year_in_china(time_us: int) -> int:
    """Return the calendar year in China of a time in UTC microseconds."""
    return int(to_iso(time_us + EIGHT_HOURS_US)[:4])


def actual_fen(connection: Connection, operator: str, year: int) -> int:
    """Return what closed periods of a year billed under an operator's licences, in fen."""
    since_us, until_us = year_bounds_us(year)
    query = (
        select(pool.c.period_id, pool.c.licence)
        .join(period, period.c.id == pool.c.period_id)
        .join(licence_table, licence_table.c.id == pool.c.licence)
        .where(
            licence_table.c.operator == operator,
            period.c.closed_us >= since_us,
            period.c.closed_us < until_us,
            pool.c.billed_fen > 0,
        )
    )
    billed = connection.execute(query).all()
    return sum(pool_state(connection, name, licence).billed_fen for name, licence in billed)


def maximum_fen(connection: Connection, operator: str, year: int) -> int | None:
    """Return the decided maximum of a year, or None where nobody decided one."""
    query = select(permitted_decision.c.maximum_fen).where(
        permitted_decision.c.operator == operator, permitted_decision.c.year == year
    )
    found = connection.execute(query).scalar()
    return None if found is None else int(found)


def permitted_left(connection: Connection, licence_id: str, time_us: int) -> PermittedLeft | None:
    """Return what a licence's operator may still bill this year; None where nothing was decided.

    A close that settles several licences of one operator takes what it billed itself off this.
    """
    query = select(licence_table.c.operator).where(licence_table.c.id == licence_id)
    operator = connection.execute(query).scalar()
    if operator is None:
        return None
    year = year_in_china(time_us)
    maximum = maximum_fen(connection, operator, year)
    if maximum is None:
        return None
    left = max(0, maximum - actual_fen(connection, operator, year))
    return PermittedLeft(operator, year, left)


def permitted_left_fen(connection: Connection, licence_id: str, time_us: int) -> int | None:
    """Return the same in fen alone."""
    left = permitted_left(connection, licence_id, time_us)
    return None if left is None else left.fen
