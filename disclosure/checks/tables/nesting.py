"""Which cells lie wholly within a group of people, in its own table and in linked ones.

Whoever stands in such a cell belongs to the group, so what they know of their own cell is no
attack on it: the concentration rules judge what members of a group learn of each other.
"""

from collections.abc import Iterable, Sequence

from disclosure.checks.tables.cells import ALL, CellName, Key, Link, ReleasedTable


class Nesting:
    """Answers which cells lie within others, for a set of tables and links."""

    def __init__(self, releases: Sequence[ReleasedTable], links: Sequence[Link]) -> None:
        """Keep each table's keys, and the links that say one group holds another."""
        self._keys = {release.name: tuple(release.table.by_key) for release in releases}
        self._holds: list[tuple[frozenset[CellName], frozenset[CellName]]] = []
        for link in links:
            more = frozenset(name for figure, name in link.terms if figure > 0)
            less = frozenset(name for figure, name in link.terms if figure < 0)
            if link.low == 0:
                self._holds.append((more, less))
            if link.high == 0:
                self._holds.append((less, more))

    def within(self, names: Iterable[CellName]) -> frozenset[CellName]:
        """Return every cell that lies within the union of the given ones, themselves included."""
        found: set[CellName] = set()
        fresh = set(names)
        while fresh:
            for name in fresh:
                found |= {
                    CellName(name.table, key)
                    for key in self._keys[name.table]
                    if lies_within(key, name.key)
                }
            fresh = {
                name
                for more, less in self._holds
                if more and more <= found
                for name in less - found
            }
        return frozenset(found)


def lies_within(inner: Key, outer: Key) -> bool:
    """Tell whether one cell of a table is part of another, or the same."""
    return all(b is ALL or a == b for a, b in zip(inner, outer, strict=True))
