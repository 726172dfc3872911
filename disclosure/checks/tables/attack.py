"""What a reader can compute of several released tables: the interval of every hidden value.

Written apart from ``secondary`` and knowing none of its parts: here the unknowns are the values
themselves, and the least and the greatest of each are asked for. Where the last digit is in doubt
the reader is given the benefit, so an interval is never reported wider than it is.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from disclosure.checks.tables.cells import CellName, Link, ReleasedTable, Shown, refused
from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme, Row

_FINEST: Final = 1_000_000
_DOUBT: Final = 1e-5

Terms = Mapping[CellName, int]
"""A sum of cells: coefficient of each."""


class OutOfTime(Exception):
    """The attack was not finished in time: nothing is known to be safe."""


@dataclass(frozen=True)
class Reader:
    """Someone who knows more than what is printed: bounds on some hidden cells.

    ``cell`` is where the reader's own contribution stands, or None for one who knows only counts.
    """

    cell: CellName | None
    bounds: Mapping[CellName, tuple[int, int | None]]


class Attack:
    """A reader of several tables, with a solver. ``points`` collects every table it found."""

    def __init__(
        self, releases: Sequence[ReleasedTable], links: Sequence[Link], seconds: float
    ) -> None:
        """Write down all that a reader sees."""
        self._deadline = time.monotonic() + seconds
        self._cells: dict[CellName, tuple[int, Shown]] = {}
        self._columns = Columns()
        self._column_of: dict[CellName, int] = {}
        values = [abs(c.value) for release in releases for c in release.table.cells]
        self._unit = max(1, max(values, default=1) // _FINEST)
        for release in releases:
            self._read(release)
        rows = [row for release in releases for row in self._totals(release)]
        rows += [self._link(link) for link in links]
        self._programme = Programme(self._columns, [row for row in rows if row.terms])
        self._answers: dict[tuple[tuple[tuple[CellName, int], ...], int], Sequence[float] | None]
        self._answers = {}
        self.points: list[Sequence[float]] = []

    @property
    def hidden(self) -> tuple[CellName, ...]:
        """Return the cells whose value is not printed."""
        return tuple(self._column_of)

    def seconds_left(self) -> float:
        """Return how long the attack may still go on."""
        return self._deadline - time.monotonic()

    def interval(self, terms: Terms, reader: Reader | None = None) -> Shown:
        """Return the least and the greatest value of a sum of cells that fit what is seen.

        None on a side means without limit. Raises OutOfTime.
        """
        low = self._end(terms, 1, reader)
        high = self._end(terms, -1, reader)
        return Shown(
            None if low is None else math.ceil(low * self._unit - _DOUBT * self._unit),
            None if high is None else math.floor(high * self._unit + _DOUBT * self._unit),
        )

    def column(self, name: CellName) -> int:
        """Return where a hidden cell stands in ``points``."""
        return self._column_of[name]

    def _end(self, terms: Terms, sign: int, reader: Reader | None) -> float | None:
        constant = sum(f * self._cells[n][0] for n, f in terms.items() if n not in self._column_of)
        moving = {self._column_of[n]: f for n, f in terms.items() if n in self._column_of}
        if not moving:
            return constant / self._unit
        asked = (tuple(sorted(terms.items(), key=repr)), sign)
        if reader is None:
            if asked not in self._answers:
                self._answers[asked] = self._solve(moving, sign)
            point = self._answers[asked]
        else:
            point = self._answers.get(asked)
            if point is None or not self._fits(point, reader):
                point = self._solve(moving, sign, reader)
        if point is None:
            return None
        return sum(f * point[column] for column, f in moving.items()) + constant / self._unit

    def _solve(
        self, moving: Mapping[int, int], sign: int, reader: Reader | None = None
    ) -> Sequence[float] | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        known = {} if reader is None else self._known(reader)
        for place, (low, high) in known.items():
            self._programme.bound(place, low, high)
        for column, figure in moving.items():
            self._programme.cost(column, sign * figure)
        answer = self._programme.minimise(left)
        for column in moving:
            self._programme.cost(column, 0.0)
        for place in known:
            self._programme.bound(place, self._columns.low[place], self._columns.high[place])
        if answer.values is not None and answer.best:
            self.points.append(answer.values)
            return answer.values
        if answer.unbounded:
            return None
        raise OutOfTime

    def _fits(self, point: Sequence[float], reader: Reader) -> bool:
        return all(low <= point[n] <= high for n, (low, high) in self._known(reader).items())

    def _known(self, reader: Reader) -> dict[int, tuple[float, float]]:
        known = {}
        for name, (low, high) in reader.bounds.items():
            place = self._column_of[name]
            top = self._columns.high[place]
            known[place] = (
                max(self._columns.low[place], low / self._unit),
                top if high is None else min(top, high / self._unit),
            )
        return known

    def _read(self, release: ReleasedTable) -> None:
        negative = any(cell.negative for cell in release.table.cells)
        sizes = (max(abs(c.value), *c.largest, 1) for c in release.table.cells)
        floor = -max(sizes) if negative else 0
        for key, cell in release.table.by_key.items():
            name, shown = CellName(release.name, key), release.shown[key]
            self._cells[name] = (cell.value, shown)
            if shown.exact:
                continue
            low = floor if shown.low is None else max(floor, shown.low)
            high = UNBOUNDED if shown.high is None else shown.high / self._unit
            self._column_of[name] = self._columns.add(low / self._unit, high)

    def _totals(self, release: ReleasedTable) -> list[Row]:
        rows = []
        cells = release.table.by_key
        for total, parts in release.table.relations():
            whole = CellName(release.name, total)
            pieces = [CellName(release.name, part) for part in parts]
            adds_up = cells[total].value == sum(cells[part].value for part in parts)
            balance = {whole: 1, **dict.fromkeys(pieces, -1)}
            rows.append(self._row(balance, 0 if adds_up else None, 0))
            if not adds_up:
                rows += [self._row({whole: 1, piece: -1}, 0, None) for piece in pieces]
        return rows

    def _link(self, link: Link) -> Row:
        terms: dict[CellName, int] = {}
        for figure, name in link.terms:
            if name not in self._cells:
                raise refused(
                    "table_link",
                    "links",
                    "表间关系提到了不存在的单元格。",
                    "A link between tables names a cell that is not there.",
                )
            terms[name] = terms.get(name, 0) + figure
        return self._row(terms, link.low, link.high)

    def _row(self, terms: Terms, low: int | None, high: int | None) -> Row:
        seen = sum(f * self._cells[n][0] for n, f in terms.items() if n not in self._column_of)
        moving = {self._column_of[n]: float(f) for n, f in terms.items() if n in self._column_of}
        return Row(
            {column: figure for column, figure in moving.items() if figure},
            -UNBOUNDED if low is None else (low - seen) / self._unit,
            UNBOUNDED if high is None else (high - seen) / self._unit,
        )
