"""Which cells of several tables hang together: the facts that a reader joins them by.

Equal groups, split and merged categories, filters that complete each other: all are linear
relations between inner cells, and sketches are linear, so that every such relation is a dependency
of the lanes. A relation that is not of small whole factors, or not true of the cells, is two people
who share a lane, and is left out. Rows that pass more conditions lie within those that pass fewer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from disclosure.checks.tables.cells import ALL, CellName, Key, Link
from disclosure.release.tables.kept import KeptPart, KeptTable
from disclosure.release.tables.sketches import MODULUS, dependencies, lanes_added

FACTOR_MAX = 64
SCALES = range(1, 13)


@dataclass(frozen=True)
class Named:
    """A part of a table under the name that the checks know it by."""

    name: str
    part: KeptPart

    @property
    def inner(self) -> int:
        """Return how many inner cells hold anybody."""
        return len(self.part.lanes)

    def value(self, key: Key) -> int:
        """Return a cell's true value."""
        return self.part.table.by_key[key].value


def named(table: KeptTable, comparable: str) -> list[Named]:
    """Return the parts of a table that can be added to each other, by name."""
    return [
        Named(f"{table.id}/{place}", part)
        for place, part in enumerate(table.parts)
        if part.comparable == comparable
    ]


def linear_links(parts: Sequence[Named]) -> list[Link]:
    """Return the relations between inner cells, enough to follow all others from."""
    cells = [(one, key) for one in parts for key in one.part.lanes]
    found, doubtful = [], False
    for dependency in dependencies([one.part.lanes[key] for one, key in cells]):
        link = _link(dependency, cells)
        doubtful = doubtful or link is None
        found += [] if link is None else [link]
    if doubtful and len(parts) > 2:  # noqa: PLR2004 - lanes are shared: look at each pair as well
        for pair in combinations(parts, 2):
            found += [link for link in linear_links(pair) if link not in found]
    return found


def equal_links(one: Named, other: Named) -> list[Link]:
    """Return which cells and totals of two tables are about the same people, at any size."""
    theirs: dict[bytes, list[Key]] = {}
    for lanes, keys in _groups(other):
        theirs.setdefault(lanes, keys)
    found = []
    for lanes, keys in _groups(one):
        match = theirs.get(lanes)
        if match is None:
            continue
        terms = (
            *((1, CellName(one.name, key)) for key in keys),
            *((-1, CellName(other.name, key)) for key in match),
        )
        if sum(map(one.value, keys)) == sum(map(other.value, match)):
            found.append(Link(terms, 0, 0))
    return found


def nested_links(less: KeptTable, more: KeptTable, comparable: str) -> list[Link]:
    """Return that rows of one table lie within those of another, key by key that both have."""
    if less.rows_of != more.rows_of or not more.conditions < less.conditions:
        return []
    common = [key for key in less.keys if key in more.keys]
    found = []
    for one, other in product(named(less, comparable), named(more, comparable)):
        if one.part.kind != other.part.kind or _negative(one) or _negative(other):
            continue
        outer = _by(other, [more.keys.index(key) for key in common])
        for labels, keys in _by(one, [less.keys.index(key) for key in common]).items():
            around = outer.get(labels, [])
            terms = (
                *((1, CellName(other.name, key)) for key in around),
                *((-1, CellName(one.name, key)) for key in keys),
            )
            if sum(map(other.value, around)) >= sum(map(one.value, keys)):
                found.append(Link(terms, 0, None))
    return found


def tables_of(link: Link) -> frozenset[str]:
    """Name the tables that a link joins."""
    return frozenset(name.table for _, name in link.terms)


def _link(dependency: Mapping[int, int], cells: Sequence[tuple[Named, Key]]) -> Link | None:
    factors = _whole(dependency)
    if factors is None:
        return None
    if sum(factor * cells[place][0].value(cells[place][1]) for place, factor in factors.items()):
        return None
    terms = tuple(
        (factor, CellName(cells[place][0].name, cells[place][1]))
        for place, factor in factors.items()
    )
    return Link(terms, 0, 0)


def _whole(dependency: Mapping[int, int]) -> dict[int, int] | None:
    """Return the factors as small whole numbers, or None where they are none."""
    for scale in SCALES:
        factors = {place: _signed(factor * scale) for place, factor in dependency.items()}
        if all(abs(factor) <= FACTOR_MAX for factor in factors.values()):
            return factors
    return None


def _signed(number: int) -> int:
    number %= MODULUS
    return number - MODULUS if number > MODULUS // 2 else number


def _groups(one: Named) -> Iterator[tuple[bytes, list[Key]]]:
    """Return every cell and total with its lanes: as the inner cells that it is the sum of."""
    places = range(len(one.part.table.dimensions))
    for size in range(len(places) + 1):
        for chosen in combinations(places, size):
            for keys in _by(one, chosen).values():
                filled = [key for key in keys if key in one.part.lanes]
                if filled:
                    yield lanes_added([one.part.lanes[key] for key in filled]), filled


def _by(one: Named, places: Sequence[int]) -> dict[tuple[object, ...], list[Key]]:
    found: dict[tuple[object, ...], list[Key]] = {}
    for key in one.part.table.by_key:
        if ALL not in key:
            found.setdefault(tuple(key[place] for place in places), []).append(key)
    return found


def _negative(one: Named) -> bool:
    return any(cell.negative for cell in one.part.table.cells)
