"""Means, variances and deviations from noisy sums, with intervals in closed form.

A mean has Fieller's interval (Fieller, 1954). A variance has the delta method's, widened by the
square of the sum's reach, which the method leaves out. Intervals cover the noise only: not the
clamping of values, nor rows that bounding left out. All is brought into what the declared bounds
allow, which are public.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from disclosure.privacy import Mechanism, Noise

Interval = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Range:
    """The declared bounds of a measure in stored units, what was subtracted, and one unit."""

    lower: int
    upper: int
    centre: int
    unit: int

    def shown(self, centred: float) -> float:
        """Return a centred mean within the bounds, as shown."""
        return min(max(centred + self.centre, self.lower), self.upper) / self.unit

    @property
    def variance_max(self) -> float:
        """The greatest variance of values within the bounds: half of them at either end."""
        return (self.upper - self.lower) ** 2 / 4


def joint_reaches(mechanisms: Sequence[Mechanism], alpha_ppm: int) -> tuple[float, ...]:
    """Return a reach for each noise so that root sums of squares of them hold together.

    For any fixed coefficients the weighted sum of the noises stays within the root sum of squares
    of the weighted reaches, but for chance alpha. Independent Gaussians add that way, at one
    multiple of their deviations. For Laplace each reach holds at its part of alpha, and the sum
    of k numbers is at most root k times their root sum of squares.
    """
    if all(item.noise is Noise.GAUSSIAN for item in mechanisms):
        multiple = max(item.reach(alpha_ppm) / item.scale for item in mechanisms)
        return tuple(multiple * item.scale for item in mechanisms)
    count = len(mechanisms)
    part = max(alpha_ppm // count, 1)
    return tuple(math.sqrt(count) * item.reach(part) for item in mechanisms)


def mean_interval(
    within: Range, total: int, count: int, reaches: tuple[float, float]
) -> tuple[float | None, float, float]:
    """Return the mean and the ends of its interval, or None and the bounds for no clear count.

    The ends are the roots θ of (S - θN)² = s² + θ²n², with s and n the reaches of the noises.
    """
    total_reach, count_reach = reaches
    value = None if count <= 0 else within.shown(total / count)
    leading = count**2 - count_reach**2
    if count <= 0 or leading <= 0:
        return value, within.lower / within.unit, within.upper / within.unit
    spread = (count * total_reach) ** 2 + (total * count_reach) ** 2
    root = math.sqrt(max(spread - (total_reach * count_reach) ** 2, 0))
    low, high = ((total * count - root) / leading, (total * count + root) / leading)
    return value, within.shown(low), within.shown(high)


def variance_interval(
    within: Range,
    noisy: tuple[int, int, int],
    reaches: tuple[float, float, float],
    *,
    of_population: bool,
) -> tuple[float | None, float, float]:
    """Return the variance from noisy squares, total and count, with the ends of its interval.

    With Q, T, N it is Q/N - (T/N)², and the slopes are 1/N, -2T/N² and (2T²/N - Q)/N². Where the
    count is not clearly positive, the interval is all that the bounds allow.
    """
    squares, total, count = noisy
    unit = within.unit**2
    least = 1 if of_population else 2
    if count < least:
        return None, 0.0, within.variance_max * (1 if of_population else 2) / unit
    factor = 1.0 if of_population else count / (count - 1)
    most = within.variance_max * factor
    mean = total / count
    value = min(max((squares / count - mean**2) * factor, 0.0), most)
    if count <= reaches[2]:
        return value / unit, 0.0, within.variance_max * (1 if of_population else 2) / unit
    slopes = (1 / count, 2 * mean / count, (2 * mean**2 - squares / count) / count)
    reach = math.hypot(*(a * b for a, b in zip(slopes, reaches, strict=True)))
    reach = (reach + (reaches[1] / count) ** 2) * factor
    low, high = max(value - reach, 0.0), min(value + reach, most)
    return value / unit, low / unit, high / unit


def deviation_interval(
    variance: tuple[float | None, float, float],
) -> tuple[float | None, float, float]:
    """Return the standard deviation of a variance: roots keep order, so the ends carry over."""
    value, low, high = variance
    return None if value is None else math.sqrt(value), math.sqrt(low), math.sqrt(high)
