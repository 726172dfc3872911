"""When a level will be spent at the present pace, and what could still be asked of it.

Everything here is integer arithmetic on policy, charges and their times: no data is read, so a
forecast says nothing about anyone (I14).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from disclosure.budgets.store import charge_level
from disclosure.budgets.tree import Amount, Level
from foundation.clock import MICROSECONDS_PER_DAY
from policies.schema.privacy import PrivacyRules

PARTS_PER_MILLION = 1_000_000


@dataclass(frozen=True)
class Forecast:
    """A level that has spent the warning share of its cap.

    ``spent_by_us`` is when it will be spent at the present pace, in UTC microseconds; None where
    the window holds a single moment. ``questions_left`` counts questions like the last one.
    """

    level: Level
    spent_ppm: int
    spent_by_us: int | None
    questions_left: int


@dataclass(frozen=True)
class Further:
    """How many more questions of one cost a level has room for; None where it costs it nothing."""

    level: Level
    questions: int | None


@dataclass(frozen=True)
class Simulation:
    """What could still be asked at one cost: so many questions, until a level stops the next."""

    cost: Amount
    levels: tuple[Further, ...]

    @property
    def first_to_stop(self) -> Further | None:
        """The level that stops first; the one nearest the root, of several."""
        counted = [found for found in self.levels if found.questions is not None]
        return min(counted, key=lambda found: found.questions or 0, default=None)


def simulate_levels(levels: Iterable[Level], cost: Amount) -> Simulation:
    """Count how often a cost fits each level. Free: nothing is charged or logged."""
    return Simulation(cost, tuple(Further(level, _fits(level, cost)) for level in levels))


def spent_ppm(cap: Amount, spent: Amount) -> int:
    """Return the share of a level that is spent, in parts per million: of rho or of delta."""
    shares = [
        min(taken * PARTS_PER_MILLION // most, PARTS_PER_MILLION)
        for taken, most in (
            (spent.nano_rho, cap.nano_rho),
            (spent.delta_steps, cap.delta_steps),
        )
        if most
    ]
    return max(shares, default=PARTS_PER_MILLION)


def warned_by(before: Sequence[Level], loss: Amount, rules: PrivacyRules) -> list[str]:
    """Name the levels that a charge carries across the warning share, as they stood before it."""
    share = rules.budgets.forecast_ppm
    return [
        level.place.id
        for level in before
        if spent_ppm(level.cap, level.spent) < share <= spent_ppm(level.cap, level.spent + loss)
    ]


def forecast(connection: Connection, level: Level, rules: PrivacyRules) -> Forecast | None:
    """Return a level's forecast, or None below the warning share.

    The pace is that of the window of days that ends with the last charge.
    """
    share = spent_ppm(level.cap, level.spent)
    if share < rules.budgets.forecast_ppm or level.opened_us is None:
        return None
    last = _last_charge(connection, level)
    if last is None:
        return Forecast(level, share, None, 0)
    loss, last_us = last
    return Forecast(
        level,
        share,
        _spent_by(connection, level, last_us, rules),
        _fits(level, loss) or 0,
    )


def _spent_by(
    connection: Connection, level: Level, last_us: int, rules: PrivacyRules
) -> int | None:
    """Extend the pace of the window's charges over what is left."""
    window_us = rules.budgets.forecast_window_days * MICROSECONDS_PER_DAY
    begins_us = max(last_us - window_us, level.opened_us or 0)
    elapsed_us = last_us - begins_us
    rows = charge_level.c
    spent_rho, spent_delta = connection.execute(
        select(func.sum(rows.nano_rho), func.sum(rows.delta_steps)).where(
            rows.node == level.place.id, rows.charged_us >= begins_us
        )
    ).one()
    left = level.remaining
    waits = [
        remaining * elapsed_us // int(spent)
        for remaining, spent in (
            (left.nano_rho, spent_rho),
            (left.delta_steps, spent_delta),
        )
        if spent and elapsed_us
    ]
    return last_us + min(waits) if waits else None


def _last_charge(connection: Connection, level: Level) -> tuple[Amount, int] | None:
    rows = charge_level.c
    query = (
        select(rows.nano_rho, rows.delta_steps, rows.charged_us)
        .where(rows.node == level.place.id)
        .order_by(rows.charged_us.desc(), rows.charge)
        .limit(1)
    )
    found = connection.execute(query).first()
    return None if found is None else (Amount(found[0], found[1]), found[2])


def _fits(level: Level, cost: Amount) -> int | None:
    left = level.remaining
    counts = [
        have // asked
        for have, asked in (
            (left.nano_rho, cost.nano_rho),
            (left.delta_steps, cost.delta_steps),
        )
        if asked
    ]
    return min(counts, default=None)
