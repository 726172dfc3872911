"""Decides what a column of a twin may hold, from its declaration alone: type, bounds, values, mask.

A column with declared values draws from them; one under a mask of divisions or of a hierarchy draws
what that mask can read; numbers and dates lie in their bounds, or in a range of ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from catalog.datasets import DAY_ZERO, Column, ColumnType, IdentifierKind, MaskKind
from catalog.written import StoredValue, stored_value
from disclosure.twins.chance import Chance
from disclosure.twins.identities import (
    DIVISIONS,
    SYNTHETIC_TEXT,
    form_of,
    own_number,
    own_text,
)

NUMBER_MAX = 1_000
YEARS = tuple(range(2018, 2025))
_DAYS = ((date(2020, 1, 1) - DAY_ZERO).days, (date(2024, 12, 31) - DAY_ZERO).days)
_BIRTHS = ((date(1940, 1, 1) - DAY_ZERO).days, (date(2010, 12, 31) - DAY_ZERO).days)
_LABEL_CHARACTERS = 12


@dataclass(frozen=True)
class Domain:
    """What a column draws from: some values, weighted or not, or whatever its type allows."""

    column: Column
    values: tuple[StoredValue, ...] = ()
    weights: tuple[int, ...] = ()

    def draw(self, chance: Chance, ordinal: int) -> StoredValue:
        """Draw one value; what only one unit has follows from its ordinal."""
        if self.weights:
            return self.values[chance.weighted(self.weights)]
        if self.values:
            return chance.one_of(self.values)
        return _open_value(self.column, chance, ordinal)


def declared_values(column: Column, texts: int) -> tuple[StoredValue, ...]:
    """Return the values that a column is declared to have, or that stand for a category's; or none.

    ``texts`` is how many a text without declared values takes.
    """
    if column.public_values:
        found = [stored_value(column, text) for text in column.public_values]
        return tuple(value for value in found if value is not None)
    if column.type is ColumnType.BOOLEAN:
        return (False, True)
    if column.mask.kind is MaskKind.REGION:
        return _divisions(column)
    if column.type is not ColumnType.TEXT or is_own(column):
        return ()
    label = column.label_zh[:_LABEL_CHARACTERS]
    return tuple(f"{SYNTHETIC_TEXT}{label}{number:02d}" for number in range(1, texts + 1))


def as_declared(value: object) -> str:
    """Write a value as a column's declared values are written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_own(column: Column) -> bool:
    """Tell whether every unit has a value of its own: an identifier by form, or a direct one."""
    known = column.type in {ColumnType.TEXT, ColumnType.INTEGER}
    direct = known and column.identifier is IdentifierKind.DIRECT and not column.public_values
    return direct or form_of(column) is not None


def own_value(column: Column, ordinal: int) -> StoredValue:
    """Return the value of a unit's own column: the same for one ordinal in every data set."""
    if column.public_values:
        values = declared_values(column, 1)
        return values[ordinal % len(values)]
    if column.type is ColumnType.TEXT:
        return own_text(column, ordinal)
    if column.type is ColumnType.DATE:
        low, high = _days(column)
        return DAY_ZERO + timedelta(days=low + ordinal % (high - low + 1))
    if column.type is ColumnType.BOOLEAN:
        return bool(ordinal % 2)
    return own_number(column, ordinal)


def samples(domain: Domain, chance: Chance, count: int) -> Sequence[StoredValue]:
    """Return values that a domain may give: all declared ones, or so many draws."""
    if domain.values:
        return domain.values
    return list(dict.fromkeys(domain.draw(chance, ordinal) for ordinal in range(count)))


def _open_value(column: Column, chance: Chance, ordinal: int) -> StoredValue:
    if is_own(column) or column.type is ColumnType.TEXT:
        return own_value(column, ordinal)
    if column.type is ColumnType.DATE:
        low, high = _days(column)
        return DAY_ZERO + timedelta(days=low + chance.below(high - low + 1))
    low, high = _range(column)
    span = high - low + 1
    return low + (chance.middle(span) if low < 0 else chance.low(span))


def _divisions(column: Column) -> tuple[StoredValue, ...]:
    """Return what a division mask can read; a hierarchy names its own values."""
    if column.mask.hierarchy:
        return tuple(value for value, _ in column.mask.hierarchy)
    if column.type is ColumnType.INTEGER:
        return tuple(int(code) for code in DIVISIONS)
    return DIVISIONS


def _range(column: Column) -> tuple[int, int]:
    """Return the bounds of a number in stored integers: declared, its mask's, or ours."""
    if column.lower is not None and column.upper is not None:
        return column.lower, column.upper
    edges = column.mask.edges
    if edges:
        width = max(1, edges[-1] - edges[0])
        return min(0, edges[0]) if edges[0] >= 0 else edges[0] - width, edges[-1] + width
    if column.type is ColumnType.INTEGER and _says_year(column):
        return YEARS[0], YEARS[-1]
    return 0, NUMBER_MAX * 10**column.scale


def _days(column: Column) -> tuple[int, int]:
    if column.lower is not None and column.upper is not None:
        return column.lower, column.upper
    born = "birth" in column.name or "出生" in column.label_zh
    return _BIRTHS if born else _DAYS


def _says_year(column: Column) -> bool:
    return column.name == "year" or column.name.endswith("_year") or "年份" in column.label_zh
