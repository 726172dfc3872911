"""Bills as the log moved them: what each pool is owed, has collected, and paid on to its payees.

Replayed entry by entry. A journal that was reversed counts no more, nor does what hung on it; after
an upheld dispute the correction is the bill, until it is reversed itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.verify.evidence import Record
from audit.verify.shares import split_exactly

Place = tuple[str, str]
"""A pool: its period and licence."""


@dataclass(frozen=True)
class Bill:
    """What a settlement or a correction billed: by lines, each named ``channel:payee``."""

    journal: str | None
    fen: int
    prepaid_fen: int
    lines: Mapping[str, int]
    index: int


@dataclass
class PoolMoney:
    """One pool's bills, receipts and distributions, each with the journal that it hangs on."""

    pool: Record
    bills: list[Bill] = field(default_factory=list)
    matched: list[tuple[str, int]] = field(default_factory=list)
    distributed: list[tuple[str, Mapping[str, tuple[int, int]]]] = field(default_factory=list)


@dataclass
class Money:
    """Every pool that closed so far, in the order of closing and licence."""

    pools: dict[Place, PoolMoney] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)

    def bill(self, place: Place) -> Bill:
        """Return the bill in force: the newest that is not reversed, else one of nothing."""
        for one in reversed(self.pools[place].bills):
            if one.journal not in self.reversed:
                return one
        return Bill(None, 0, 0, {}, 0)

    def matched_fen(self, place: Place) -> int:
        """Return what receipts have paid of a pool's bill."""
        return sum(fen for name, fen in self.pools[place].matched if name not in self.reversed)

    def collected_fen(self, place: Place) -> int:
        """Return what came in for a pool, from the wallet or by receipts."""
        return self.bill(place).prepaid_fen + self.matched_fen(place)

    def given(self, place: Place) -> dict[str, tuple[int, int]]:
        """Return what each line of a pool was allotted and paid so far."""
        sums: dict[str, tuple[int, int]] = {}
        for name, lines in self.pools[place].distributed:
            if name in self.reversed:
                continue
            for line, (allotted, paid) in lines.items():
                before = sums.get(line, (0, 0))
                sums[line] = (before[0] + allotted, before[1] + paid)
        return sums

    def allotments(self, place: Place) -> dict[str, int]:
        """Split what newly came in over what each line still lacks; zeros left out."""
        given, bill = self.given(place), self.bill(place)
        lacking = {
            line: max(0, fen - given.get(line, (0, 0))[0]) for line, fen in bill.lines.items()
        }
        new = self.collected_fen(place) - sum(allotted for allotted, _ in given.values())
        parts = split_exactly(min(max(0, new), sum(lacking.values())), lacking)
        return {line: fen for line, fen in parts.items() if fen}

    def lines_of(self, period: str, payee: str) -> Iterator[tuple[PoolMoney, Bill, str]]:
        """Yield a payee's lines of a period: pool, bill in force, and the line's name."""
        for place, held in self.pools.items():
            if place[0] != period:
                continue
            bill = self.bill(place)
            for line in sorted({*bill.lines, *self.given(place)}):
                if line.partition(":")[2] == payee:
                    yield held, bill, line


def lines_named(lines: Any) -> dict[str, int]:
    """Return what is billed for each ``channel:payee``, zeros left out."""
    found: dict[str, int] = {}
    for line in lines:
        name = f"{line['channel']}:{line['payee']}"
        found[name] = found.get(name, 0) + int(line["fen"])
    return {name: fen for name, fen in found.items() if fen}
