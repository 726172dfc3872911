"""Counts look-alikes while rows pass by: k units that look the same, l sensitive values among them.

What is kept is one pair of 64-bit numbers for each distinct pair of a class and a unit (or value),
16 bytes each, whatever the rows hold; the numbers are keyed for this one count.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_MERGE_ROWS = 4 << 20


class DistinctPairs:
    """The distinct pairs of two columns of 64-bit numbers, merged as they come."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[pa.Table] = []
        self._rows = 0

    def add(self, classes: pa.Array, members: pa.Array) -> None:
        """Take pairs; a NULL member counts for nothing."""
        pairs = pa.table({"class": classes, "member": members})
        if members.null_count:
            pairs = pairs.filter(pc.is_valid(members))
        self._parts.append(_distinct(pairs))
        self._rows += self._parts[-1].num_rows
        if self._rows > _MERGE_ROWS:
            self._parts = [_distinct(pa.concat_tables(self._parts))]
            self._rows = 0

    def fewest(self, classes: int) -> int:
        """Return the smallest number of distinct members of a class, of as many classes."""
        if not self._parts:
            return 0
        pairs = _distinct(pa.concat_tables(self._parts))
        counted = pairs.group_by("class").aggregate([([], "count_all")])
        if counted.num_rows < classes:
            return 0
        return int(pc.min(counted.column("count_all")).as_py())

    def class_count(self) -> int:
        """Count the classes that have a member."""
        if not self._parts:
            return 0
        return int(pc.count_distinct(pa.concat_tables(self._parts).column("class")).as_py())


class ClassCounter:
    """Counts, for every class, its units and the values of each sensitive column."""

    def __init__(self, sensitive: Sequence[str]) -> None:
        """Count units always, and as many sensitive columns as are named."""
        self._units = DistinctPairs()
        self._values = {name: DistinctPairs() for name in sensitive}
        self.rows = 0

    def add(self, classes: pa.Array, units: pa.Array, sensitive: Sequence[pa.Array]) -> None:
        """Take the classes of some rows, their units, and tags of their sensitive values."""
        self.rows += len(classes)
        self._units.add(classes, units)
        for pairs, values in zip(self._values.values(), sensitive, strict=True):
            pairs.add(classes, values)

    def missed(self, k: int, l: int) -> str | None:  # noqa: E741 - the name the field gives it
        """Return which of ``k`` and ``l`` some class misses, or None."""
        if not self.rows:
            return None
        classes = self._units.class_count()
        if self._units.fewest(classes) < k:
            return "k"
        if l > 1 and any(pairs.fewest(classes) < l for pairs in self._values.values()):
            return "l"
        return None


def _distinct(pairs: pa.Table) -> pa.Table:
    return pairs.group_by(["class", "member"]).aggregate([])
