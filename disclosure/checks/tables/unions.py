"""Groups of hidden cells that a reader can compute exactly, though no single one of them.

The sum over a set of cells is determined exactly if its indicator lies in the row space of the
equations over the hidden cells. Each row's hidden rest is tried whole, and every set of up to
three cells by the null space, with arithmetic modulo a prime (a wrong "not determined" needs a
multiple of 2^61 - 1 among the minors: those of tables are small).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from disclosure.checks.tables.system import Condition, System

_PRIME: Final = (1 << 61) - 1
_PAIR: Final = 2
_TRIPLE: Final = 3
Vector = dict[int, int]
ByVector = dict[frozenset[tuple[int, int]], list[int]]


def determined_sets(
    system: System, hidden: frozenset[int], small: frozenset[int], most: int
) -> Iterator[frozenset[int]]:
    """Return sets of at least two hidden cells whose sum every reader can compute.

    Rests of rows come at any size; other sets have up to ``most`` cells, those of three only from
    ``small``.
    """
    rows = [_over(condition, hidden) for condition in system.conditions if condition.is_equation]
    seen: set[frozenset[int]] = set()
    for found in (*_rests(rows), *_combined(rows, hidden, small, most)):
        if len(found) >= _PAIR and found not in seen:
            seen.add(found)
            yield found


def _over(condition: Condition, hidden: frozenset[int]) -> Vector:
    return {number: figure for number, figure in condition.terms.items() if number in hidden}


def _rests(rows: Sequence[Vector]) -> Iterator[frozenset[int]]:
    for row in rows:
        if len(set(row.values())) == 1:
            yield frozenset(row)


def _combined(
    rows: Sequence[Vector], hidden: frozenset[int], small: frozenset[int], most: int
) -> Iterator[frozenset[int]]:
    free = _null_space(rows, hidden)
    by_vector: ByVector = {}
    for number, vector in free.items():
        by_vector.setdefault(frozenset(vector.items()), []).append(number)
    if most >= _PAIR:
        yield from _pairs(free, by_vector)
    if most >= _TRIPLE:
        yield from _triples({n: free[n] for n in sorted(small & free.keys())}, by_vector)


def _pairs(free: Mapping[int, Vector], by_vector: ByVector) -> Iterator[frozenset[int]]:
    for number, vector in free.items():
        for other in by_vector.get(_opposite(vector), ()):
            if number < other:
                yield frozenset((number, other))


def _triples(free: Mapping[int, Vector], by_vector: ByVector) -> Iterator[frozenset[int]]:
    for first, second in combinations(free, 2):
        for third in by_vector.get(_opposite(_sum(free[first], free[second])), ()):
            if third > second and third in free:
                yield frozenset((first, second, third))


def _null_space(rows: Sequence[Vector], hidden: frozenset[int]) -> Mapping[int, Vector]:
    """Return each hidden cell as a combination of the free ones (reduced row echelon form)."""
    reduced: dict[int, Vector] = {}
    for row in rows:
        rest = dict(row)
        for pivot in [number for number in rest if number in reduced]:
            _add(rest, reduced[pivot], -rest[pivot])
        if not rest:
            continue
        pivot, figure = next(iter(rest.items()))
        inverse = pow(figure, -1, _PRIME)
        rest = {number: value * inverse % _PRIME for number, value in rest.items()}
        for other in reduced.values():
            if pivot in other:
                _add(other, rest, -other[pivot])
        reduced[pivot] = rest
    return {
        number: (
            {k: -v % _PRIME for k, v in reduced[number].items() if k != number}
            if number in reduced
            else {number: 1}
        )
        for number in hidden
    }


def _add(vector: Vector, other: Vector, times: int) -> None:
    for number, value in other.items():
        total = (vector.get(number, 0) + value * times) % _PRIME
        if total:
            vector[number] = total
        else:
            vector.pop(number, None)


def _sum(first: Vector, second: Vector) -> Vector:
    total = dict(first)
    _add(total, second, 1)
    return total


def _opposite(vector: Vector) -> frozenset[tuple[int, int]]:
    return frozenset((number, -value % _PRIME) for number, value in vector.items())
