"""How group keys are written on an axis: months as months, bins as ranges, years without commas."""

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sandgate import figures

BINS_MIN = 3


def written(values: Sequence[Any]) -> list[str]:
    """Return the labels of one key's values, in their order."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, dt.date) for value in known):
        form = _date_form(known)
        return [figures.key(None, grouped=False) if v is None else form(v) for v in values]
    width = bin_width(known)
    grouped = figures.is_grouped(known)
    if width is None:
        return [figures.key(value, grouped=grouped) for value in values]
    return [
        figures.key(None, grouped=grouped)
        if value is None
        else f"{_number(value, grouped)}–{_number(value + width, grouped)}"
        for value in values
    ]


def bin_width(values: Sequence[Any]) -> int | None:
    """Return the width of bins that begin at these values; None where they are no bins.

    Bins begin at multiples of one width and reach zero or thousands: years and sizes do not.
    """
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return None
    starts = sorted(set(values))
    if len(starts) < BINS_MIN or not (starts[0] <= 0 or figures.is_grouped(starts)):
        return None
    width = int(min(after - before for before, after in pairwise(starts)))
    return width if width > 1 and all(value % width == 0 for value in starts) else None


def order(value: Any) -> tuple[bool, Any]:
    """Return what sorts keys of one column by their value, the missing one last."""
    return (value is None, 0 if value is None else value)


def _number(value: int, grouped: bool) -> str:
    return figures.key(value, grouped=grouped)


def _date_form(days: Sequence[Any]) -> Any:
    if any(day.day != 1 for day in days):
        return figures.cell
    if any(day.month != 1 for day in days):
        return lambda day: f"{day:%Y-%m}"
    return lambda day: str(day.year)
