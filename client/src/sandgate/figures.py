"""How figures are written: integers, budgets (nano-ρ) and decimals exactly, floats in short."""

import datetime as dt
from decimal import Decimal
from typing import Any

NANO = 1_000_000_000
FLOAT_DIGITS = 6


def rho(nano_rho: int | None) -> str:
    """Write nano-ρ as ρ, exactly: 2500000 becomes 0.0025."""
    if nano_rho is None:
        return "–"
    whole, part = divmod(abs(int(nano_rho)), NANO)
    digits = f"{whole:,}.{part:09d}".rstrip("0").rstrip(".")
    return f"-{digits}" if nano_rho < 0 else digits


def cell(value: Any) -> str:
    """Write one value of an answer for reading; the table itself keeps every digit."""
    if value is None:
        return "–"
    if isinstance(value, bool | dt.date | str | bytes):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, float):
        return _fraction(value)
    return str(value)


def _fraction(value: float) -> str:
    """Write six figures, never in powers of ten where whole numbers do."""
    if abs(value) >= 10**FLOAT_DIGITS:
        return f"{value:,.0f}"
    return f"{value:,.{FLOAT_DIGITS}g}"
