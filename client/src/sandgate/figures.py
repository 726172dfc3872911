"""How figures are written: integers, budgets (nano-ρ) and decimals exactly, floats in short."""

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandgate.language import pick

NANO = 1_000_000_000
SHOWN_DIGITS = 3
NANO_PER_SHOWN = 10**SHOWN_DIGITS
DELTA_STEP_DIGITS = 15
FLOAT_DIGITS = 6
WHOLE_PERCENT_MIN = 10
INTERVAL_DIGITS = 2
PLAIN_KEY_MAX = 9_999
CHINA = dt.timezone(dt.timedelta(hours=8))
MICROSECONDS = 1_000_000
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def rho(nano_rho: int | None) -> str:
    """Write nano-ρ as ρ, exactly: 2500000 becomes 0.0025."""
    if nano_rho is None:
        return "–"
    whole, part = divmod(abs(int(nano_rho)), NANO)
    digits = f"{whole:,}.{part:09d}".rstrip("0").rstrip(".")
    return f"-{digits}" if nano_rho < 0 else digits


def rho_short(nano_rho: int | None) -> str:
    """Write ρ to six decimals, which is all that a person reads; less than that exactly."""
    if nano_rho is None or abs(nano_rho) < NANO_PER_SHOWN:
        return rho(nano_rho)
    return rho(round(nano_rho, -SHOWN_DIGITS))


def delta(steps: int) -> str:
    """Write δ, counted in steps of 10⁻¹⁵, to three figures: 975956 becomes 9.76×10⁻¹⁰."""
    if not steps:
        return "0"
    mantissa, _, power = f"{steps:.2e}".partition("e")
    raised = str(int(power) - DELTA_STEP_DIGITS).translate(_RAISED)
    digits = mantissa.rstrip("0").rstrip(".")
    return f"10{raised}" if digits == "1" else f"{digits}×10{raised}"


def percent(share: float) -> str:
    """Write a share of one in percent, to two figures; beyond all of it only that it is so."""
    if share > 1:
        return "> 100%"
    found = 100 * share
    return f"{found:.0f}%" if found >= WHOLE_PERCENT_MIN else f"{found:.2g}%"


def day(microseconds: int) -> str:
    """Write the day of a moment (UTC microseconds) in China, in words."""
    found = dt.datetime.fromtimestamp(microseconds // MICROSECONDS, CHINA)
    month = _MONTHS[found.month - 1]
    return pick(f"{found.year}年{found.month}月{found.day}日", f"{found.day} {month} {found.year}")


def cell(value: Any) -> str:
    """Write one value of an answer for reading; the table itself keeps every digit."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value)
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def key(value: Any, *, grouped: bool) -> str:
    """Write a group's key: a year or a small number has no separator of thousands."""
    if isinstance(value, int) and not isinstance(value, bool) and not grouped:
        return str(value)
    return pick("（无值）", "(none)") if value is None else cell(value)


def is_grouped(values: list[Any]) -> bool:
    """Tell whether a column's whole numbers are large enough to be read in thousands."""
    return any(isinstance(value, int) and abs(value) > PLAIN_KEY_MAX for value in values)


def interval(value: Any, low: Any, high: Any) -> str:
    """Write a value and its interval, no finer than the interval itself."""
    if low is None or high is None:
        return cell(value)
    places = _places(float(high) - float(low))
    shown = [_to_places(item, places) for item in (value, low, high)]
    return f"{shown[0]}  [{shown[1]} – {shown[2]}]"


def _places(width: float) -> int:
    """Return how many decimals say an interval of this width to two figures."""
    if not math.isfinite(width) or width <= 0:
        return FLOAT_DIGITS
    return max(0, INTERVAL_DIGITS - 1 - math.floor(math.log10(width / 2)))


def _to_places(value: Any, places: int) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.{places}f}"
    if isinstance(value, Decimal):
        return f"{round(value, min(places, _scale(value))):,f}"
    return cell(value)


def _scale(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _fraction(value: float) -> str:
    """Write six figures, never in powers of ten where whole numbers do."""
    if abs(value) >= 10**FLOAT_DIGITS:
        return f"{value:,.0f}"
    return f"{value:,.{FLOAT_DIGITS}g}"


def _moment(value: dt.datetime) -> str:
    """Write a moment; midnight is its day."""
    return value.isoformat(" ", "minutes").removesuffix(" 00:00")


_WRITERS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (dt.datetime, _moment),
    (int, lambda value: f"{value:,}"),
    (Decimal, lambda value: f"{value:,f}"),
    (float, _fraction),
)
