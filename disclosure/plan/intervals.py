"""The mean of a noisy sum over a noisy count, with Fieller's interval (Fieller, 1954).

The interval covers the noise only: not the clamping of values, nor rows that bounding left out.
Means and ends are brought into the declared bounds, which are public.
"""

import math
from dataclasses import dataclass

from disclosure.plan.pricing import Noised


@dataclass(frozen=True)
class Mean:
    """What the interval of a mean is made from: reaches of both noises, bounds, and the scale."""

    total_reach: float
    count_reach: float
    lower: int
    upper: int
    unit: int

    @classmethod
    def of(cls, total: Noised, count: Noised) -> "Mean":
        """Take the reach of each noise as the larger multiple of its own scale."""
        column = total.measured.column
        if column is None or column.lower is None or column.upper is None:
            raise ValueError("an averaged measure has declared bounds")
        multiple = max(item.half_width / item.mechanism.scale for item in (total, count))
        return cls(
            total_reach=multiple * total.mechanism.scale,
            count_reach=multiple * count.mechanism.scale,
            lower=column.lower,
            upper=column.upper,
            unit=10**column.scale,
        )


def mean_interval(mean: Mean, total: int, count: int) -> tuple[float | None, float, float]:
    """Return the mean and the ends of its interval, or None and the bounds for no clear count.

    The ends are the roots θ of (S - θN)² = s² + θ²n², with s and n the reaches of the noises.
    """
    leading = count**2 - mean.count_reach**2
    if count <= 0 or leading <= 0:
        value = None if count <= 0 else _within(mean, total / count)
        return value, mean.lower / mean.unit, mean.upper / mean.unit
    spread = (count * mean.total_reach) ** 2 + (total * mean.count_reach) ** 2
    root = math.sqrt(max(spread - (mean.total_reach * mean.count_reach) ** 2, 0))
    low, high = ((total * count - root) / leading, (total * count + root) / leading)
    return _within(mean, total / count), _within(mean, low), _within(mean, high)


def _within(mean: Mean, value: float) -> float:
    return min(max(value, mean.lower), mean.upper) / mean.unit
