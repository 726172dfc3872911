"""A value as people write it, in the form a column stores: the constants of filters and claims.

One reading for both: a text that is not written as its type is refused, never guessed.
"""

from datetime import date
from decimal import Decimal, InvalidOperation

from catalog.datasets import Column, ColumnType

INTEGER_MAX = 2**63 - 1
TEXT_CHARACTERS_MAX = 1_000
StoredValue = int | str | date | bool


def stored_value(column: Column, text: str) -> StoredValue | None:
    """Return the value that a text writes, as the column stores it; None where it writes none.

    Decimals become integers of 10^-scale and may have no more places than that; dates are
    YYYY-MM-DD; booleans true or false.
    """
    if not text or len(text) > TEXT_CHARACTERS_MAX or "\0" in text:
        return None
    if column.type is ColumnType.TEXT:
        return text
    if column.type is ColumnType.BOOLEAN:
        return {"true": True, "false": False}.get(text)
    if column.type is ColumnType.DATE:
        return written_date(text)
    return _whole(text, column.scale if column.type is ColumnType.DECIMAL else 0)


def written_date(text: str) -> date | None:
    """Return the date of a text written as 2026-01-31; None where it is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None


def _whole(text: str, scale: int) -> int | None:
    plain = text.isascii() and text.lstrip("-").replace(".", "", 1).isdecimal()
    try:
        scaled = Decimal(text).scaleb(scale) if plain else Decimal("NaN")
    except InvalidOperation:
        return None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        return None
    return int(scaled) if abs(scaled) <= INTEGER_MAX else None
