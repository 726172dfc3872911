"""Conditions as canonical parts: how much of the declared values each spans, and what lies between.

All pure and exact (fractions): nothing here sees data. After D. Denning, P. Denning and M.
Schwartz, "The tracker" (A, and A without x), and D. Dobkin, A. Jones and R. Lipton on the overlap
of query sets, both ACM TODS 4(1), 1979.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import reduce
from typing import Any

from foundation.canonical import digest

_HALF = Fraction(1, 2)
_EXPONENT_MAX = 40
DERIVED = "~"  # between a column and the digest of what was made of it


@dataclass(frozen=True)
class Values:
    """A column is one of some values, or none of them."""

    column: str
    values: frozenset[str]
    negated: bool = False


@dataclass(frozen=True)
class Edge:
    """One end of a range."""

    value: str
    inclusive: bool


@dataclass(frozen=True)
class Span:
    """A column lies in a range, open where an edge is None."""

    column: str
    lower: Edge | None = None
    upper: Edge | None = None


@dataclass(frozen=True)
class Missing:
    """A column is NULL, or is not."""

    column: str
    negated: bool = False


@dataclass(frozen=True)
class Opaque:
    """A condition of another form, known by its text; ``pointed`` where it could pick one value."""

    columns: frozenset[str]
    text: str
    pointed: bool
    negated: bool = False


@dataclass(frozen=True)
class Except:
    """Not all of these at once: what a tracker takes away, and every OR of several columns."""

    parts: frozenset["Part"]


Part = Values | Span | Missing | Opaque | Except
Parts = frozenset[Part]


@dataclass(frozen=True)
class Facts:
    """What is declared of the columns: how many values each has, and what to think otherwise."""

    values: Mapping[str, int]
    undeclared: int

    def count(self, column: str) -> int:
        """Return how many values a column counts as."""
        return max(self.values.get(_base(column), self.undeclared), 2)


def normalised(parts: Iterable[Part]) -> Parts:
    """Join the parts on one column that say the same kind of thing; their order is lost."""
    kept: dict[tuple[object, ...], Part] = {}
    for part in parts:
        key = _joinable(part)
        before = kept.get(key)
        kept[key] = part if before is None else _joined(before, part)
    return frozenset(kept.values())


def _joinable(part: Part) -> tuple[object, ...]:
    match part:
        case Values():
            return ("values", part.column, part.negated)
        case Span():
            return ("span", part.column)
        case _:
            return ("itself", part)


def _joined(first: Part, second: Part) -> Part:
    if isinstance(first, Values) and isinstance(second, Values):
        both = first.values | second.values if first.negated else first.values & second.values
        return Values(first.column, both, first.negated)
    if isinstance(first, Span) and isinstance(second, Span):
        lower = _tighter(first.lower, second.lower, lower=True)
        return Span(first.column, lower, _tighter(first.upper, second.upper, lower=False))
    return first


def _tighter(first: Edge | None, second: Edge | None, *, lower: bool) -> Edge | None:
    if first is None or second is None:
        return first or second
    if first.value == second.value:
        return first if not first.inclusive else second
    return first if before(second.value, first.value) == lower else second


def negated(parts: Iterable[Part]) -> list[Part]:
    """Return the parts that hold where not all of these do."""
    given = list(parts)
    if len(given) != 1:
        return [Except(frozenset(given))]
    part = given[0]
    if isinstance(part, Except):
        return list(part.parts)
    return [_opposite(part) or Except(frozenset(given))]


def _opposite(part: Part) -> Part | None:
    opposite: Part | None = None
    match part:
        case Values():
            opposite = Values(part.column, part.values, not part.negated)
        case Missing():
            opposite = Missing(part.column, not part.negated)
        case Opaque():
            opposite = Opaque(part.columns, part.text, part.pointed, not part.negated)
        case Span(lower=None, upper=Edge() as upper):
            opposite = Span(part.column, Edge(upper.value, not upper.inclusive), None)
        case Span(upper=None, lower=Edge() as lower):
            opposite = Span(part.column, None, Edge(lower.value, not lower.inclusive))
    return opposite


def share(parts: Iterable[Part], facts: Facts) -> Fraction:
    """Return how much of the declared values the parts leave, as if columns were independent."""
    by_column: dict[str, Fraction] = {}
    for part in parts:
        for column, left in _shares(part, facts):
            by_column[column] = min(by_column.get(column, Fraction(1)), left)
    return reduce(lambda total, left: total * left, by_column.values(), Fraction(1))


def _shares(part: Part, facts: Facts) -> list[tuple[str, Fraction]]:
    match part:
        case Values():
            count = facts.count(part.column)
            named = min(Fraction(len(part.values), count), Fraction(1))
            return [(part.column, max(1 - named, Fraction(1, count)) if part.negated else named)]
        case Span():
            return [(part.column, _span_share(part, facts.count(part.column)))]
        case Missing():
            return [(part.column, Fraction(1) if part.negated else Fraction(1, 10))]
        case Opaque():
            return [(column, _opaque_share(part, facts.count(column))) for column in part.columns]
        case Except():
            inner = share(part.parts, facts)
            return [] if inner <= _HALF else [("", 1 - inner)]


def _opaque_share(part: Opaque, count: int) -> Fraction:
    """Think of a condition that could pick one value as one that does."""
    if not part.pointed:
        return _HALF
    return 1 - Fraction(1, count) if part.negated else Fraction(1, count)


def _span_share(part: Span, count: int) -> Fraction:
    if part.lower is None or part.upper is None:
        return _HALF
    width = distance(part.lower.value, part.upper.value)
    if width is None:
        return _HALF
    return min(max(width, Fraction(1)) / count, Fraction(1))


def between(first: Part | None, second: Part | None) -> list[list[Part]]:
    """Return the regions that one of two statistics counts and the other does not.

    Nothing where neither holds the other, so that no difference of the two isolates anything.
    """
    if first is None or second is None:
        part = first or second
        return [] if part is None else [negated([part])]
    match first, second:
        case Values(), Values() if first.column == second.column:
            return _between_values(first, second)
        case Span(), Span() if first.column == second.column:
            return _between_spans(first, second) or _between_spans(second, first)
        case Span(), Span() if _base(first.column) == _base(second.column):
            return [[Values(_base(first.column), frozenset({"?"}))]]  # made differently: any one
    return []


def _base(column: str) -> str:
    return column.partition(DERIVED)[0]


def _between_values(first: Values, second: Values) -> list[list[Part]]:
    if first.negated != second.negated:
        apart = first.values & second.values == frozenset()
        return [[Values(first.column, first.values | second.values, negated=True)]] if apart else []
    if first.values <= second.values or second.values <= first.values:
        return [[Values(first.column, first.values ^ second.values)]]
    return []


def _between_spans(wide: Span, narrow: Span) -> list[list[Part]]:
    """Return what a wider range has below and above a narrower one; nothing where it is not."""
    regions: list[list[Part]] = []
    if not _reaches(wide.lower, narrow.lower, lower=True):
        return []
    if not _reaches(wide.upper, narrow.upper, lower=False):
        return []
    if narrow.lower is not None and wide.lower != narrow.lower:
        edge = Edge(narrow.lower.value, not narrow.lower.inclusive)
        regions.append([Span(wide.column, wide.lower, edge)])
    if narrow.upper is not None and wide.upper != narrow.upper:
        edge = Edge(narrow.upper.value, not narrow.upper.inclusive)
        regions.append([Span(wide.column, edge, wide.upper)])
    return regions


def _reaches(wide: Edge | None, narrow: Edge | None, *, lower: bool) -> bool:
    if wide is None or narrow is None:
        return wide is None
    if wide.value == narrow.value:
        return wide.inclusive or not narrow.inclusive
    return before(wide.value, narrow.value) == lower


def part_key(part: Part) -> str:
    """Return a digest of one part; equal parts have equal digests."""
    return digest(as_json(part))


def set_key(part_keys: Iterable[str]) -> str:
    """Return a digest of a set of parts from theirs."""
    return digest(sorted(part_keys))


def as_json(part: Part) -> list[object]:
    """Return a part as JSON; equal parts give equal JSON."""
    match part:
        case Values():
            return ["values", part.column, sorted(part.values), part.negated]
        case Span():
            return ["span", part.column, _edge_json(part.lower), _edge_json(part.upper)]
        case Missing():
            return ["missing", part.column, part.negated]
        case Opaque():
            return ["opaque", sorted(part.columns), part.text, part.pointed, part.negated]
        case Except():
            return ["except", sorted((as_json(inner) for inner in part.parts), key=digest)]


def _edge_json(edge: Edge | None) -> list[object] | None:
    return None if edge is None else [edge.value, edge.inclusive]


def from_json(value: Sequence[Any]) -> Part:
    """Read a part that ``as_json`` wrote."""
    kind, *fields = value
    match kind:
        case "values":
            return Values(fields[0], frozenset(fields[1]), fields[2])
        case "span":
            return Span(fields[0], *(None if edge is None else Edge(*edge) for edge in fields[1:]))
        case "missing":
            return Missing(fields[0], fields[1])
        case "opaque":
            return Opaque(frozenset(fields[0]), *fields[1:])
        case _:
            return Except(frozenset(map(from_json, fields[0])))


def number_text(text: str) -> str | None:
    """Return one spelling for each number, or None for what is none."""
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _EXPONENT_MAX:
        return None
    return f"n:{number.normalize():f}"


def before(first: str, second: str) -> bool:
    """Tell whether one literal comes before another: numbers by size, text by character."""
    if first.startswith("n:") and second.startswith("n:"):
        return Decimal(first[2:]) < Decimal(second[2:])
    return first < second


def distance(first: str, second: str) -> Fraction | None:
    """Return how many whole values or days lie from one literal to another, where that is known.

    Between two texts lie many values only where a whole first character does: else as few as one.
    """
    if first.startswith("n:") and second.startswith("n:"):
        return Fraction(Decimal(second[2:])) - Fraction(Decimal(first[2:]))
    try:
        days = date.fromisoformat(second[2:12]) - date.fromisoformat(first[2:12])
    except ValueError:
        starts = [ord(text[2]) if len(text) > len("t:") else 0 for text in (first, second)]
        return None if starts[1] - starts[0] > 1 else Fraction(0)
    return Fraction(days.days)
