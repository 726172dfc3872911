"""Quantiles from histograms over a public grid: integer scores, a noisy choice, and its interval.

A bin holds the values from its candidate up to the next; the bin that holds the quantile scores
zero. Only counts of rows enter, so one row moves no score by more than its step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from disclosure.plan.model import Measured
from disclosure.privacy import PARTS_PER_MILLION, Noise, Selection, selection_within

CHOICES = 3
"""A quantile takes three noisy choices: of its value and of both ends of its interval."""


@dataclass(frozen=True)
class NoisyQuantile:
    """Places on the grid, chosen with noise: of the quantile, and of the ends of its interval."""

    value: int
    low: int
    high: int


@dataclass(frozen=True)
class QuantileMechanism:
    """The selections of one quantile: one for the value, one asked twice for the two ends."""

    value: Selection
    ends: Selection
    candidates: int
    fraction: Fraction
    shift: int

    @property
    def rho(self) -> Fraction:
        """The loss of all three choices under zCDP: they compose by addition."""
        return self.value.rho + 2 * self.ends.rho

    @property
    def epsilon(self) -> Fraction | None:
        """The loss of all three choices under pure DP, where the licence asks for it."""
        value, ends = self.value.epsilon, self.ends.epsilon
        return None if value is None or ends is None else value + 2 * ends

    def choose(self, bins: Mapping[int, int]) -> NoisyQuantile:
        """Choose from the exact counts of rows by bin."""
        counts = [bins.get(place, 0) for place in range(self.candidates)]
        value = self.value.choose(scores(counts, self.fraction, 0))
        low = self.ends.choose(scores(counts, self.fraction, -self.shift))
        high = self.ends.choose(scores(counts, self.fraction, self.shift))
        return NoisyQuantile(value, min(low, value), max(high, value))

    def rows_reach(self, alpha_ppm: int) -> Fraction:
        """Return by how many ranks the value may miss the quantile, but for chance alpha."""
        return Fraction(self.value.reach(self.candidates, alpha_ppm), self.fraction.denominator)


def candidates_of(measured: Measured) -> int:
    """Return how many candidates the public grid of a quantile has."""
    if measured.measure is None or measured.grid_step < 1:
        raise ValueError("a quantile names its measure and the step of its grid")
    return (measured.measure.upper - measured.measure.lower) // measured.grid_step + 1


def fraction_of(measured: Measured) -> Fraction:
    """Return the quantile as a fraction in lowest terms, which makes its scores smallest."""
    if measured.quantile_ppm is None or not 0 <= measured.quantile_ppm <= PARTS_PER_MILLION:
        raise ValueError("a quantile lies between 0 and 1")
    return Fraction(measured.quantile_ppm, PARTS_PER_MILLION)


def step_of(fraction: Fraction) -> int:
    """Return the most by which one row moves any score.

    A row adds 1 to N, and 1 to the counts below all candidates above it. So den·below - num·N
    moves by den - num or by -num, and so does each part of a score; the greatest of three numbers
    moves by no more than the one that moves most.
    """
    return max(fraction.numerator, fraction.denominator - fraction.numerator)


def scores(counts: Sequence[int], fraction: Fraction, shift: int) -> list[int]:
    """Score every candidate by how far its bin lies from the rank aimed at, in den-ths of a row.

    The aim is num·N + shift. With B rows below the bin and A rows up to its end, the score is the
    aim's distance from the stretch den·B to den·A. The first bin's stretch begins, and the last
    one's ends, without bound: no quantile lies outside the declared bounds, so they are right for
    any aim beyond. The aim itself is never cut to N, for that would move a score by den.
    """
    den = fraction.denominator
    ends = [den * end for end in accumulate(counts)]
    aim = fraction.numerator * sum(counts) + shift
    last = len(ends) - 1
    return [
        max(
            aim - ends[place] if place < last else 0,
            ends[place - 1] - aim if place > 0 else 0,
            0,
        )
        for place in range(len(ends))
    ]


def quantile_within(
    measured: Measured,
    squared_rows: int,
    rows: int,
    share_nano_rho: int,
    *,
    ends_ppm: int,
    alpha_ppm: int,
    noise: Noise,
) -> QuantileMechanism:
    """Divide a quantile's share over its value and the two ends of its interval.

    Each end aims past the quantile by its own reach at half of alpha. So the stretch it chooses
    begins at or below the true rank (ends at or above it) but for that chance.
    """
    fraction, candidates = fraction_of(measured), candidates_of(measured)
    end_share = share_nano_rho * ends_ppm // (2 * PARTS_PER_MILLION)
    step = step_of(fraction)
    value = selection_within(squared_rows, rows, step, share_nano_rho - 2 * end_share, noise)
    ends = selection_within(squared_rows, rows, step, end_share, noise)
    shift = ends.reach(candidates, max(alpha_ppm // 2, 1))
    return QuantileMechanism(value, ends, candidates, fraction, shift)
