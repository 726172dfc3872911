"""Keyed sketches of who stands behind a figure: people are compared without being stored.

A figure adds up one integer a person. Its sketch adds up, in the lane of each person, that integer
times a secret number of the person, modulo a prime; lane and number come from the keyed hash of
onboarding. Sketches are linear: the sketch of a sum or difference of figures is that of the
sketches. Lanes that are not zero are at most as many as people whose integers differ, so a pair
that is too near is never taken for one that is not; only the reverse can happen, by two people who
share a lane (after linear sketches for sparse recovery: Cormode and Muthukrishnan, J. Algorithms
55, 2005).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LANES = 512
MODULUS = (1 << 31) - 1
LANE_BYTES = 4
_WIDTH = 64
_WORD = _WIDTH // 8


@dataclass(frozen=True)
class Sketch:
    """One published figure: how many people stand behind it, its lanes, and those of its people.

    ``members`` is the sketch of who stands there at all, each person once.
    """

    contributors: int
    lanes: tuple[int, ...]
    members: tuple[int, ...]

    def packed(self) -> bytes:
        """Return the lanes as bytes, four a lane; those of the people once where they are equal."""
        same = self.members == self.lanes
        return lanes_packed(self.lanes) + (b"" if same else lanes_packed(self.members))

    @staticmethod
    def unpacked(contributors: int, data: bytes) -> "Sketch":
        """Read what ``packed`` wrote. Raises ValueError for anything else."""
        size = LANES * LANE_BYTES
        if len(data) not in {size, 2 * size}:
            raise ValueError("a sketch has a fixed size")
        return Sketch(contributors, lanes_from(data[:size]), lanes_from(data[-size:]))

    @staticmethod
    def of(contributors: int, lanes: Mapping[int, int], members: Mapping[int, int]) -> "Sketch":
        """Make a sketch of the lanes that are not zero."""
        every = range(LANES)
        return Sketch(
            contributors,
            tuple(lanes.get(place, 0) for place in every),
            tuple(members.get(place, 0) for place in every),
        )


def too_near(one: Sketch, other: Sketch, people_min: int) -> bool:
    """Tell whether the difference of two figures tells of fewer people than ``people_min``.

    Either it is over fewer people in all; or fewer than that stand in the one alone and fewer in
    the other alone, and few with another value in both. With p people in one alone and q in the
    other alone, the lanes of people that differ are at most p + q and the numbers of people differ
    by p - q, so that both add up to twice the larger at most. Lanes never differ more than people
    do: what is too near is always found.
    """
    most = 2 * (people_min - 1)
    if abs(one.contributors - other.contributors) > most:
        return False
    differing = _differing(one.lanes, other.lanes, most)
    if not 0 < differing <= most:
        return False
    if differing < people_min:
        return True
    moved = _differing(one.members, other.members, most)
    return moved > 0 and moved + abs(one.contributors - other.contributors) <= most


def _differing(one: Sequence[int], other: Sequence[int], most: int) -> int:
    """Count the lanes that differ, up to one more than ``most``."""
    differing = 0
    for left, right in zip(one, other, strict=True):
        if left != right:
            differing += 1
            if differing > most:
                break
    return differing


def lanes_packed(lanes: Sequence[int]) -> bytes:
    """Return lanes as bytes, four a lane."""
    return b"".join(lane.to_bytes(LANE_BYTES, "little") for lane in lanes)


def lanes_from(data: bytes) -> tuple[int, ...]:
    """Read what ``lanes_packed`` wrote."""
    return tuple(memoryview(data).cast("I"))


@dataclass(frozen=True)
class Combination:
    """A sum and difference of figures that tells of few people: the new figures in it."""

    new: tuple[int, ...]


def sparse_combinations(
    earlier: Sequence[Sketch],
    new: Sequence[Sketch],
    *,
    people_min: int,
    trials: int,
    seed: bytes,
) -> list[Combination]:
    """Find combinations of figures, with a new one in them, that tell of fewer people than that.

    Every combination is searched, of any number of figures and with any factors, by eliminating
    in ``trials`` orders of the lanes (information-set decoding: Prange, IRE Trans. IT 8, 1962). A
    figure about one person is found in every order; of w people, with n figures, each order
    finds it with a chance of at least (1 - n/LANES)^w + w (n/LANES) (1 - n/LANES)^(w-1).
    """
    rows = _independent(earlier, new)
    found: dict[tuple[int, ...], Combination] = {}
    for trial in range(trials):
        basis = _eliminated(rows, _order(seed, trial))
        for row in basis:
            combination = _sparse(row, earlier, new, people_min)
            if combination is not None:
                found.setdefault(combination.new, combination)
    return list(found.values())


class _Rows:
    """Arithmetic on rows of many numbers below the prime, each row one long integer."""

    def __init__(self, width: int) -> None:
        self.width = width
        ones = sum(1 << (_WIDTH * place) for place in range(width))
        self.modulus = ones * MODULUS
        self._high = ones * ((1 << (_WIDTH - 31)) - 1)

    def reduced(self, row: int) -> int:
        """Fold each number twice: at most two above the prime, so that no product overflows."""
        row = (row & self.modulus) + ((row >> 31) & self._high)
        return (row & self.modulus) + ((row >> 31) & self._high)

    def less(self, row: int, factor: int, other: int) -> int:
        """Return ``row - factor * other``."""
        return self.reduced(row + other * (MODULUS - factor))

    def numbers(self, row: int) -> list[int]:
        words = memoryview(row.to_bytes(self.width * _WORD, "little")).cast("Q")
        return [word % MODULUS for word in words]


def _row(sketch: Sketch, place: int) -> int:
    """Write a figure as lanes, and behind them which figure it is."""
    data = b"".join(lane.to_bytes(_WORD, "little") for lane in sketch.lanes)
    return int.from_bytes(data, "little") | (1 << (_WIDTH * (LANES + place)))


def _at(row: int, place: int) -> int:
    return ((row >> (_WIDTH * place)) & ((1 << _WIDTH) - 1)) % MODULUS


def dependencies(figures: Sequence[Sequence[int]]) -> Iterator[dict[int, int]]:
    """Return every figure's lanes as a combination of those before it, where they are one.

    Each is given as factors modulo the prime by the figures' places; they add up to nothing.
    """
    arithmetic = _Rows(LANES + len(figures))
    pivots: list[tuple[int, int]] = []
    for place, lanes in enumerate(figures):
        row = int.from_bytes(b"".join(lane.to_bytes(_WORD, "little") for lane in lanes), "little")
        row |= 1 << (_WIDTH * (LANES + place))
        for pivot, other in pivots:
            factor = _at(row, pivot)
            if factor:
                row = arithmetic.less(row, factor, other)
        numbers = arithmetic.numbers(row)
        lane = next((lane for lane, number in enumerate(numbers[:LANES]) if number), None)
        if lane is None:
            yield {place: number for place, number in enumerate(numbers[LANES:]) if number}
        else:
            pivots.append((lane, arithmetic.reduced(row * pow(numbers[lane], -1, MODULUS))))


def lanes_added(figures: Sequence[Sequence[int]]) -> bytes:
    """Return the lanes of a sum of figures, packed."""
    return lanes_packed([sum(lanes) % MODULUS for lanes in zip(*figures, strict=True)])


def _independent(earlier: Sequence[Sketch], new: Sequence[Sketch]) -> list[int]:
    """Leave out what can be computed from the figures before it: it tells nothing new."""
    every = [*earlier, *new]
    arithmetic = _Rows(LANES + len(every))
    kept: list[int] = []
    pivots: list[tuple[int, int]] = []
    for place, sketch in enumerate(every):
        row = reduced = _row(sketch, place)
        for pivot, other in pivots:
            factor = _at(reduced, pivot)
            if factor:
                reduced = arithmetic.less(reduced, factor, other)
        numbers = arithmetic.numbers(reduced)[:LANES]
        lane = next((lane for lane, number in enumerate(numbers) if number), None)
        if lane is None:
            continue
        inverse = pow(numbers[lane], -1, MODULUS)
        pivots.append((lane, arithmetic.reduced(reduced * inverse)))
        kept.append(row)
    return kept


def _eliminated(rows: Sequence[int], order: Sequence[int]) -> list[list[int]]:
    """Return the rows in reduced form: each with a lane of its own, taken in this order."""
    width = max((row.bit_length() // _WIDTH + 1 for row in rows), default=LANES + 1)
    arithmetic = _Rows(width)
    basis: list[tuple[int, int]] = []
    for raw in rows:
        row = raw
        for pivot, other in basis:
            factor = _at(row, pivot)
            if factor:
                row = arithmetic.less(row, factor, other)
        numbers = arithmetic.numbers(row)
        lane = next((lane for lane in order if numbers[lane]), None)
        if lane is None:
            continue
        row = arithmetic.reduced(row * pow(numbers[lane], -1, MODULUS))
        for place, (pivot, other) in enumerate(basis):
            factor = _at(other, lane)
            if factor:
                basis[place] = (pivot, arithmetic.less(other, factor, row))
        basis.append((lane, row))
    return [arithmetic.numbers(row) for _, row in basis]


def _sparse(
    row: Sequence[int], earlier: Sequence[Sketch], new: Sequence[Sketch], people_min: int
) -> Combination | None:
    differing = sum(1 for number in row[:LANES] if number)
    if not 0 < differing < people_min:
        return None
    factors = list(row[LANES:])
    factors += [0] * (len(earlier) + len(new) - len(factors))
    mine = tuple(place for place, factor in enumerate(factors[len(earlier) :]) if factor)
    if not mine or sum(1 for factor in factors if factor) == 1:
        return None  # all of it was published before; or it is a cell, judged as one
    if differing >= people_min - 2 and _people(factors, [*earlier, *new]) >= people_min:
        return None  # enough people, of whom one or two share a lane
    return Combination(mine)


def _people(factors: Sequence[int], figures: Sequence[Sketch]) -> int:
    """Return how many people a plain sum and difference leaves, or 0 where it is another."""
    scale = pow(next(factor for factor in factors if factor), -1, MODULUS)
    left = 0
    for factor, figure in zip(factors, figures, strict=True):
        scaled = factor * scale % MODULUS
        if scaled not in {0, 1, MODULUS - 1}:
            return 0
        left += figure.contributors * {0: 0, 1: 1, MODULUS - 1: -1}[scaled]
    return abs(left)


def _order(seed: bytes, trial: int) -> list[int]:
    """Return the lanes in an order of a trial's own, the same in every run."""
    return sorted(range(LANES), key=lambda lane: _digest(seed, trial, lane))


def _digest(seed: bytes, trial: int, lane: int) -> bytes:
    return hashlib.sha256(seed + trial.to_bytes(4, "big") + lane.to_bytes(4, "big")).digest()


def batches(tables: Sequence[Sequence[Sketch]], most: int) -> Iterator[list[Sketch]]:
    """Pack the figures of earlier tables, each table whole, into lists of at most so many.

    A table of more is cut; what stands in different lists is compared by pairs alone.
    """
    waiting: list[Sketch] = []
    for table in tables:
        for start in range(0, len(table), most):
            piece = list(table[start : start + most])
            if len(waiting) + len(piece) > most:
                yield waiting
                waiting = []
            waiting += piece
    if waiting:
        yield waiting
