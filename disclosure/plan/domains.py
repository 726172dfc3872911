"""The public domain of each key: which groups an answer has, from declarations and text alone.

A domain comes from declared public values, from the labels of a CASE, or from bounds: declared
ones, narrowed by the ranges that WHERE itself names. A key without one shows its groups only past
a threshold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from catalog.datasets import ColumnType
from disclosure.plan import refusals
from disclosure.plan.conditions import conjuncts_of, holds
from disclosure.plan.expressions import (
    Binned,
    Both,
    Cases,
    Comparison,
    Condition,
    DatePart,
    Either,
    Extracted,
    Field,
    KeyExpression,
    Literal,
    Plain,
    Truncated,
    fields_of,
)
from disclosure.plan.facts import Facts, day_number, day_of, facts_of, public_literals
from disclosure.plan.model import Asked, PlannedKey
from disclosure.plan.question import Source

MONTHS_OF_QUARTER = 3
_LENGTHS = {
    DatePart.QUARTER: 4,
    DatePart.MONTH: 12,
    DatePart.WEEK: 53,
    DatePart.DAY: 31,
    DatePart.WEEKDAY: 7,
}


@dataclass(frozen=True)
class Domains:
    """Makes the keys of one question, where ``where`` holds on all its rows.

    ``has_missing`` tells whether the rows read may have no value in a key: not where they were
    stored by group.
    """

    source: Source
    asked: Asked
    where: Condition | None
    groups_max: int
    has_missing: bool = True

    def planned(self, key: KeyExpression) -> PlannedKey:
        """Return a key with its public domain. Raises Refused where it is too large."""
        match key:
            case Plain(field):
                return self._plain(key, field)
            case Cases():
                return _cases(key)
            case Truncated(field, part):
                return self._dated(key, field, part)
            case Extracted(field, part):
                return self._extracted(key, field, part)
            case Binned(field):
                return self._binned(key, field)

    def _plain(self, key: Plain, field: Field) -> PlannedKey:
        facts = self._facts(field)
        values: tuple[Literal, ...] = public_literals(facts)
        if not values and facts.type is ColumnType.BOOLEAN:
            values = (False, True)
        if not values:
            return PlannedKey(key, facts.type, None, None, facts.scale)
        coded = bool(facts.public_values) and field.relation in self.asked.protected
        shown = [
            (value, place if coded else value)
            for place, value in enumerate(values)
            if self._may_be(field, value)
        ]
        tail = self._missing(field, facts)
        return PlannedKey(
            key,
            facts.type,
            (*(value for value, _ in shown), *tail),
            (*(engine for _, engine in shown), *tail),
            facts.scale,
        )

    def _dated(self, key: KeyExpression, field: Field, part: DatePart) -> PlannedKey:
        facts = self._facts(field)
        starts: Iterable[date]
        if facts.public_values:
            starts = sorted({truncated(day, part) for day in self._public_days(field, facts)})
            return self._made(key, ColumnType.DATE, field, tuple(starts))
        bounds = self._bounds(field, facts)
        if bounds is None:
            return PlannedKey(key, ColumnType.DATE, None, None)
        lower, upper = bounds
        found: list[date] = []
        day = truncated(day_of(lower), part)
        while day <= day_of(upper):
            found.append(day)
            if len(found) > self.groups_max:
                raise refusals.too_many_groups(self.groups_max)
            day = truncated(day_of(day_number(day) + _DAYS_PAST[part]), part)
        return self._made(key, ColumnType.DATE, field, tuple(found), bounds=bounds)

    def _extracted(self, key: KeyExpression, field: Field, part: DatePart) -> PlannedKey:
        facts = self._facts(field)
        if facts.public_values:
            days = self._public_days(field, facts)
            numbers = sorted({extracted(day, part) for day in days})
            return self._made(key, ColumnType.INTEGER, field, tuple(numbers))
        bounds = self._bounds(field, facts)
        if part is not DatePart.YEAR:
            numbers = list(range(1, _LENGTHS[part] + 1))
            return self._made(key, ColumnType.INTEGER, field, tuple(numbers))
        if bounds is None:
            return PlannedKey(key, ColumnType.INTEGER, None, None)
        years = range(day_of(bounds[0]).year, day_of(bounds[1]).year + 1)
        return self._made(key, ColumnType.INTEGER, field, tuple(years), bounds=bounds)

    def _binned(self, key: Binned, field: Field) -> PlannedKey:
        facts = self._facts(field)
        kind = ColumnType.INTEGER if key.indexed else facts.type
        scale = 0 if key.indexed else facts.scale
        factor = 1 if key.indexed else key.width
        if facts.public_values:
            numbers = (v for v in public_literals(facts) if self._may_be(field, v))
            bins = sorted({v // key.width for v in numbers if isinstance(v, int)})
            return self._made(key, kind, field, tuple(b * factor for b in bins), scale=scale)
        bounds = self._bounds(field, facts)
        if bounds is None:
            return PlannedKey(key, kind, None, None, scale)
        first, last = bounds[0] // key.width, bounds[1] // key.width
        if last - first >= self.groups_max:
            raise refusals.too_many_groups(self.groups_max)
        values = tuple(number * factor for number in range(first, last + 1))
        return self._made(key, kind, field, values, scale=scale, bounds=bounds)

    def _made(
        self,
        key: KeyExpression,
        kind: ColumnType,
        field: Field,
        values: tuple[Literal, ...],
        *,
        scale: int = 0,
        bounds: tuple[int, int] | None = None,
    ) -> PlannedKey:
        """Make a key whose engine values are the values themselves."""
        shown = (*values, *self._missing(field, self._facts(field)))
        lower, upper = bounds or (None, None)
        return PlannedKey(key, kind, shown, shown, scale, lower, upper)

    def _facts(self, field: Field) -> Facts:
        return facts_of(field, self.source, self.asked)

    def _public_days(self, field: Field, facts: Facts) -> list[date]:
        days = public_literals(facts)
        return [day for day in days if isinstance(day, date) and self._may_be(field, day)]

    def _missing(self, field: Field, facts: Facts) -> tuple[None, ...]:
        """Return the group of rows without a value, where there can be such rows."""
        return (None,) if self.has_missing and facts.nullable and self._may_be(field, None) else ()

    def _may_be(self, field: Field, value: Literal | None) -> bool:
        """Tell whether WHERE leaves rows with this value of a field."""
        return all(holds(part, value) is True for part in self._about(field))

    def _about(self, field: Field) -> list[Condition]:
        return [part for part in conjuncts_of(self.where) if set(fields_of(part)) == {field}]

    def _bounds(self, field: Field, facts: Facts) -> tuple[int, int] | None:
        """Return the declared bounds narrowed by WHERE, or None where an end is open.

        Ends that WHERE puts in the wrong order leave one group, which stays empty.
        """
        lower, upper = facts.lower, facts.upper
        for part in self._about(field):
            if not isinstance(part, Comparison):
                continue
            number = _number(part.literal)
            if part.operator in {">=", "="}:
                lower = number if lower is None else max(lower, number)
            if part.operator in {"<=", "="}:
                upper = number if upper is None else min(upper, number)
        if lower is None or upper is None:
            return None
        return lower, max(lower, upper)


_DAYS_PAST = {
    DatePart.DAY: 1,
    DatePart.WEEK: 7,
    DatePart.MONTH: 31,
    DatePart.QUARTER: 92,
    DatePart.YEAR: 366,
}
"""Enough days to stand in the next part, and never in the one after it."""


def key_value(key: KeyExpression, values: dict[Field, Literal]) -> Literal | None:
    """Evaluate a key at known values of its fields."""
    match key:
        case Plain(field):
            return values[field]
        case Truncated(field, part):
            return truncated(_day(values[field]), part)
        case Extracted(field, part):
            return extracted(_day(values[field]), part)
        case Binned(field, width, indexed):
            number = int(_number(values[field])) // width
            return number if indexed else number * width
        case Cases(branches, otherwise):
            for branch in branches:
                if holds_at(branch.when, values):
                    return branch.then
            return otherwise


def holds_at(condition: Condition, values: dict[Field, Literal]) -> bool:
    """Evaluate a condition of several fields, all of which have values."""
    match condition:
        case Both(parts):
            return all(holds_at(part, values) for part in parts)
        case Either(parts):
            return any(holds_at(part, values) for part in parts)
        case _:
            return holds(condition, values[next(iter(fields_of(condition)))]) is True


def truncated(day: date, part: DatePart) -> date:
    """Return the first day of a date's year, quarter, month or week (from Monday)."""
    match part:
        case DatePart.YEAR:
            return day.replace(month=1, day=1)
        case DatePart.QUARTER:
            first = (day.month - 1) // MONTHS_OF_QUARTER * MONTHS_OF_QUARTER + 1
            return day.replace(month=first, day=1)
        case DatePart.MONTH:
            return day.replace(day=1)
        case DatePart.WEEK:
            return day_of(day_number(day) - day.weekday())
        case _:
            return day


def extracted(day: date, part: DatePart) -> int:
    """Return one number of a date; weeks and weekdays are those of ISO 8601."""
    match part:
        case DatePart.YEAR:
            return day.year
        case DatePart.QUARTER:
            return (day.month - 1) // MONTHS_OF_QUARTER + 1
        case DatePart.MONTH:
            return day.month
        case DatePart.WEEK:
            return day.isocalendar().week
        case DatePart.DAY:
            return day.day
        case DatePart.WEEKDAY:
            return day.isoweekday()


def _cases(key: Cases) -> PlannedKey:
    labels = [*(branch.then for branch in key.branches), key.otherwise]
    unique = tuple(dict.fromkeys(labels))
    values = (*(v for v in unique if v is not None), *(v for v in unique if v is None))
    kinds = {bool: ColumnType.BOOLEAN, int: ColumnType.INTEGER, str: ColumnType.TEXT}
    named = next((type(value) for value in values if value is not None), str)
    return PlannedKey(key, kinds.get(named, ColumnType.TEXT), values, values)


def _day(value: Literal) -> date:
    if not isinstance(value, date):
        raise TypeError("a part of a date needs a date")
    return value


def _number(literal: Literal) -> int:
    if isinstance(literal, date):
        return day_number(literal)
    if isinstance(literal, str):
        raise TypeError("a bound is a number or a date")
    return int(literal)
