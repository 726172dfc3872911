"""Masks that make a value coarser: spans of numbers and dates, regions, named buckets.

Each is a function of the value alone, without a key: what it shows is true, and less.
"""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from catalog.datasets import DateUnit, Mask, RegionLevel
from disclosure.masking.values import dropped, each_value, kept_where

EPOCH = date(1970, 1, 1).toordinal()
MONTHS = {DateUnit.MONTH: 1, DateUnit.QUARTER: 3, DateUnit.YEAR: 12}
DAYS_IN_WEEK = 7
MONTHS_IN_YEAR = 12
MONDAY_BEFORE_EPOCH = -3  # 1969-12-29, in days since 1970-01-01
REGION_DIGITS = {RegionLevel.PROVINCE: 2, RegionLevel.CITY: 4, RegionLevel.COUNTY: 6}
REGION_CODE_DIGITS = 6
REGION_CODE_LENGTHS = frozenset(
    {6, 9, 12}
)  # county; 街道/乡镇; 居委/村委 (国家统计局 statistics codes)


def generalised(values: pa.Array, mask: Mask) -> pa.Array:
    """Lower a number to its step's floor, a date to the first day of its span.

    Spans of years begin at multiples of the step counted from year 0, of months and quarters
    likewise, of weeks on Monday. What leaves the calendar or the type becomes NULL.
    """
    if mask.step > 0 and pa.types.is_signed_integer(values.type):
        return _floored(values, mask.step)
    if mask.step > 0 and pa.types.is_date32(values.type):
        shown = each_value(
            values.cast(pa.int32()), lambda days: first_day(days, mask.unit, mask.step), pa.int32()
        )
        return shown.cast(pa.date32())
    return dropped(values)


def first_day(days: int, unit: DateUnit, step: int) -> int | None:
    """Return the first day of a day's span, both in days since 1970-01-01; None out of range."""
    try:
        day = date.fromordinal(days + EPOCH)
        if unit is DateUnit.WEEK:
            width = DAYS_IN_WEEK * step
            first = (days - MONDAY_BEFORE_EPOCH) // width * width + MONDAY_BEFORE_EPOCH
            return date.fromordinal(first + EPOCH).toordinal() - EPOCH
        months = MONTHS[unit] * step
        month = (day.year * MONTHS_IN_YEAR + day.month - 1) // months * months
        first_of_month = date(month // MONTHS_IN_YEAR, month % MONTHS_IN_YEAR + 1, 1)
        return first_of_month.toordinal() - EPOCH
    except (ValueError, OverflowError):
        return None


def regional(values: pa.Array, mask: Mask) -> pa.Array:
    """Show a division code (6, 9 or 12 digits, GB/T 2260) as 6 digits at the mask's level.

    Digits beneath the level become 0; what is no such code becomes NULL. With a declared
    hierarchy each value becomes what stands above it, and one that is not listed NULL.
    """
    if mask.hierarchy and pa.types.is_string(values.type):
        return each_value(values, dict(mask.hierarchy).get, values.type)
    if mask.hierarchy or mask.level is None:
        return dropped(values)
    digits = REGION_DIGITS[mask.level]
    if pa.types.is_string(values.type):
        return each_value(values, lambda code: region_shown(code, digits), values.type)
    if pa.types.is_int64(values.type):
        return each_value(values, lambda code: _region_number(code, digits), values.type)
    return dropped(values)


def region_shown(code: str, digits: int) -> str | None:
    """Return a code's first digits and zeros, or None where it is no division code."""
    if len(code) not in REGION_CODE_LENGTHS or not (code.isascii() and code.isdecimal()):
        return None
    return None if code[0] == "0" else code[:digits].ljust(REGION_CODE_DIGITS, "0")


def bucketed(values: pa.Array, mask: Mask) -> pa.Array:
    """Name the bucket of a number; each edge is the lowest value of the bucket above it."""
    complete = mask.edges and len(mask.labels) == len(mask.edges) + 1
    if not complete or not pa.types.is_signed_integer(values.type):
        return pa.nulls(len(values), pa.string())
    wide = values.cast(pa.int64())
    place = pc.multiply(wide, 0)
    for edge in mask.edges:
        above = pc.greater_equal(wide, pa.scalar(edge, pa.int64()))
        place = pc.add(place, above.cast(pa.int64()))
    return pa.array(mask.labels, pa.string()).take(place)


def _region_number(code: int, digits: int) -> int | None:
    shown = region_shown(str(code), digits)
    return None if shown is None else int(shown)


def _floored(values: pa.Array, step: int) -> pa.Array:
    width = pa.scalar(step, pa.int64())
    wide = values.cast(pa.int64())
    floor = pc.subtract(wide, pc.call_function("modulo", [wide, width]))
    lowest = -(2 ** (values.type.bit_width - 1))
    whole = pc.and_(pc.less_equal(floor, wide), pc.greater_equal(floor, pa.scalar(lowest)))
    return kept_where(floor, whole).cast(values.type)  # below the type's range: dropped
