"""One normal order of conditions: what means the same is written the same, by row-local logic.

Negation is pushed to the leaves (valid in three-valued logic), equalities of one field are merged,
ranges keep their tightest end, parts stand sorted. In this form no part is negated as a whole, so
"false" and "unknown" never differ in effect, and a condition that cannot match is the constant
``Either(())``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from disclosure.plan.expressions import (
    Among,
    Both,
    Comparison,
    Condition,
    Either,
    Field,
    Literal,
    Missing,
    Negated,
)

TRUE = Both(())
FALSE = Either(())

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}
_RANGE = ("<", "<=", ">", ">=")


def present(field: Field) -> Condition:
    """Return the condition that a field has a value."""
    return Negated(Missing(field))


def equals_any(field: Field, literals: Iterable[Literal]) -> Condition:
    """Return the condition that a field equals one of some literals."""
    unique = sorted(set(literals))
    if not unique:
        return FALSE
    return Comparison(field, "=", unique[0]) if len(unique) == 1 else Among(field, tuple(unique))


def equals_none(field: Field, literals: Iterable[Literal]) -> Condition:
    """Return the condition that a field has a value, and none of some literals."""
    unique = sorted(set(literals))
    if not unique:
        return present(field)
    if len(unique) == 1:
        return Comparison(field, "<>", unique[0])
    return Negated(Among(field, tuple(unique)))


def both(parts: Iterable[Condition]) -> Condition:
    """Return the normal form of conditions that all hold."""
    flat = list(_flattened(parts, Both))
    if FALSE in flat:
        return FALSE
    merged = _merged(flat, _all_of)
    if FALSE in merged:
        return FALSE
    return merged[0] if len(merged) == 1 else Both(_sorted(merged))


def either(parts: Iterable[Condition]) -> Condition:
    """Return the normal form of conditions of which one holds."""
    flat = list(_flattened(parts, Either))
    if TRUE in flat:
        return TRUE
    merged = _merged(flat, _one_of)
    return merged[0] if len(merged) == 1 else Either(_sorted(merged))


def conjuncts_of(condition: Condition | None) -> tuple[Condition, ...]:
    """Take a condition in normal form apart at its ANDs."""
    if condition is None:
        return ()
    return condition.parts if isinstance(condition, Both) else (condition,)


def holds(condition: Condition, value: Literal | None) -> bool | None:
    """Evaluate a condition of one field at a value; None is SQL's unknown."""
    match condition:
        case Comparison(_, operator, literal):
            return None if value is None else COMPARE[operator](value, literal)
        case Among(_, literals):
            return None if value is None else value in literals
        case Missing():
            return value is None
        case Negated(part):
            found = holds(part, value)
            return None if found is None else not found
        case Both(parts):
            return _all_known([holds(part, value) for part in parts])
        case Either(parts):
            negated = _all_known([_not(holds(part, value)) for part in parts])
            return _not(negated)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all_known(found: Sequence[bool | None]) -> bool | None:
    if False in found:
        return False
    return None if None in found else True


def _flattened(parts: Iterable[Condition], kind: type[Both] | type[Either]) -> Iterator[Condition]:
    for part in parts:
        if isinstance(part, Both | Either) and isinstance(part, kind):
            yield from part.parts
        else:
            yield part


Merge = Callable[[Field, list[Condition]], list[Condition]]


def _merged(parts: list[Condition], merge: Merge) -> list[Condition]:
    """Merge the leaves about each field; keep all else once."""
    leaves: dict[Field, list[Condition]] = {}
    others: list[Condition] = []
    for part in parts:
        field = _leaf_field(part)
        if field is None:
            others.append(part)
        else:
            leaves.setdefault(field, []).append(part)
    found = [item for field, items in leaves.items() for item in merge(field, items)]
    return list(dict.fromkeys([*found, *others]))


def _leaf_field(part: Condition) -> Field | None:
    """Return the field of a comparison with literals, positive or negative."""
    inner = part.part if isinstance(part, Negated) else part
    return inner.field if isinstance(inner, Comparison | Among) else None


def _literals(leaf: Condition, *, equal: bool) -> set[Literal] | None:
    """Return the literals of a leaf that is an equality (or, else, an inequality)."""
    match leaf:
        case Comparison(_, "=", literal) if equal:
            return {literal}
        case Comparison(_, "<>", literal) if not equal:
            return {literal}
        case Among(_, literals) if equal:
            return set(literals)
        case Negated(Among(_, literals)) if not equal:
            return set(literals)
        case _:
            return None


def _sets(leaves: list[Condition], *, equal: bool) -> list[set[Literal]]:
    found = (_literals(leaf, equal=equal) for leaf in leaves)
    return [item for item in found if item is not None]


def _ranges(leaves: list[Condition], *, widest: bool) -> list[Condition]:
    """Keep of each range operator the one comparison that decides."""
    kept: list[Condition] = []
    for operator in _RANGE:
        found = [
            leaf for leaf in leaves if isinstance(leaf, Comparison) and leaf.operator == operator
        ]
        if found:
            smallest = (operator in {"<", "<="}) is not widest
            choose = min if smallest else max
            kept.append(choose(found, key=_literal_of))
    return kept


def _literal_of(leaf: Comparison) -> Any:
    return leaf.literal


def _all_of(field: Field, leaves: list[Condition]) -> list[Condition]:
    equal, unequal = _sets(leaves, equal=True), _sets(leaves, equal=False)
    ranges = _ranges(leaves, widest=False)
    excluded: set[Literal] = set().union(*unequal)
    if equal:
        left = set.intersection(*equal) - excluded
        kept = {v for v in left if all(holds(item, v) for item in ranges)}
        return [equals_any(field, kept)]
    if _are_empty(ranges):
        return [FALSE]
    return [*ranges, *([equals_none(field, excluded)] if unequal else [])]


def _are_empty(ranges: list[Condition]) -> bool:
    """Tell whether a lower end lies above an upper end, so that nothing can match."""
    ends = {item.operator: item.literal for item in ranges if isinstance(item, Comparison)}
    lower: Any = ends.get(">=")
    upper: Any = ends.get("<=")
    return lower is not None and upper is not None and bool(lower > upper)


def _one_of(field: Field, leaves: list[Condition]) -> list[Condition]:
    equal, unequal = _sets(leaves, equal=True), _sets(leaves, equal=False)
    ranges = _ranges(leaves, widest=True)
    included: set[Literal] = set().union(*equal)
    if unequal:
        excluded = set.intersection(*unequal) - included
        return [equals_none(field, excluded), *ranges]
    return [*([equals_any(field, included)] if equal else []), *ranges]


def _sorted(parts: Iterable[Condition]) -> tuple[Condition, ...]:
    return tuple(sorted(parts, key=_place))


def _place(condition: Condition) -> str:
    """Return the text by which parts are ordered: different for different parts, leaves first."""
    if isinstance(condition, Both | Either):
        kind = "all" if isinstance(condition, Both) else "any"
        return f"{{{kind} {','.join(map(_place, condition.parts))}}}"
    if isinstance(condition, Negated):
        return f"{_place(condition.part)} not"
    name = f"{condition.field.relation}.{condition.field.column}"
    if isinstance(condition, Comparison):
        return f"{name} {condition.operator} {condition.literal!r}"
    return f"{name} in {condition.literals!r}" if isinstance(condition, Among) else f"{name} null"


def in_steps(field: Field, operator: str, literal: Literal) -> Condition:
    """Write a range over whole numbers or days with ``<=`` and ``>=``; texts keep ``<``, ``>``."""
    if operator not in {"<", ">"} or isinstance(literal, str | bool):
        return Comparison(field, operator, literal)
    step = -1 if operator == "<" else 1
    moved = _next_day(literal, step) if isinstance(literal, date) else literal + step
    if moved is None:
        return FALSE
    return Comparison(field, f"{operator}=", moved)


def _next_day(day: date, step: int) -> date | None:
    try:
        return date.fromordinal(day.toordinal() + step)
    except (ValueError, OverflowError):
        return None
