"""Statistics for the gates of the noise: fit to an exact law, and lower bounds on the loss.

Written out here, for no library of the test environment has them. The faults are doubles of the
mechanisms, made for tests alone: no switch of the product can bring them about.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from disclosure.privacy import Mechanism, Noise

CHANCE_MIN = 1e-4
"""Below this a fit is refused, then tried once more with fresh draws."""

EXPECTED_MIN = 8.0
"""Cells that expect fewer draws are pooled."""


def chi_square_chance(observed: Mapping[Hashable, int], law: Mapping[Hashable, float]) -> float:
    """Return the chance of a fit as bad as this, or worse, under the exact law.

    What the law does not name is one more cell; thin cells are pooled with it.
    """
    draws = sum(observed.values())
    kept = {cell: chance * draws for cell, chance in law.items() if chance * draws >= EXPECTED_MIN}
    statistic = sum((observed.get(cell, 0) - want) ** 2 / want for cell, want in kept.items())
    rest_seen = draws - sum(observed.get(cell, 0) for cell in kept)
    rest = draws - sum(kept.values())
    freedom = len(kept) - 1
    if rest >= EXPECTED_MIN:
        statistic += (rest_seen - rest) ** 2 / rest
        freedom += 1
    elif rest_seen > 4 * EXPECTED_MIN:
        return 0.0
    return _gamma_above(freedom / 2, statistic / 2) if freedom > 0 else 1.0


def fits(draw: Callable[[], Counter[Hashable]], law: Mapping[Hashable, float]) -> bool:
    """Tell whether draws fit a law; a bad fit is drawn afresh once."""
    return any(chi_square_chance(draw(), law) >= CHANCE_MIN for _ in range(2))


def law_of(mechanism: Mechanism, around: int = 0) -> dict[Hashable, float]:
    """Return the exact law of discrete noise around a value, far into the tails."""
    reach = math.ceil(mechanism.scale * (12 if mechanism.noise is Noise.GAUSSIAN else 40)) + 2
    gaussian = mechanism.noise is Noise.GAUSSIAN

    def weight(k: int) -> float:
        ratio: float = k / mechanism.scale
        return math.exp(-ratio * ratio / 2 if gaussian else -abs(ratio))

    weights: dict[int, float] = {around + k: weight(k) for k in range(-reach, reach + 1)}
    total = math.fsum(weights.values())
    return {k: w / total for k, w in weights.items()}


def choice_law(scores: Sequence[int], scale: float, noise: Noise) -> dict[Hashable, float]:
    """Return the exact law of a noisy choice: exponential mechanism, or permute and flip."""
    least = min(scores)
    weights = [math.exp(-(score - least) / scale) for score in scores]
    if noise is Noise.GAUSSIAN:
        return {place: weight / sum(weights) for place, weight in enumerate(weights)}
    return {place: weight * _flipped(weights, place) for place, weight in enumerate(weights)}


def _flipped(weights: Sequence[float], place: int) -> float:
    """Sum over the sets of candidates that could have come first (McKenna and Sheldon, 2020)."""
    others = [weight for i, weight in enumerate(weights) if i != place]
    return sum(
        (-1.0 if size % 2 else 1.0) / (size + 1) * math.prod(chosen)
        for size in range(len(others) + 1)
        for chosen in itertools.combinations(others, size)
    )


@dataclass(frozen=True)
class LowerBound:
    """A lower bound on epsilon, and the event of the answer that showed it."""

    epsilon: float
    event: frozenset[Hashable]


def epsilon_lower_bound(
    with_unit: Sequence[Hashable], without: Sequence[Hashable], *, delta: float, chance: float
) -> LowerBound:
    """Bound the loss between two neighbours from below, but for a small chance.

    The event is chosen on the first half of the draws, its chances are bounded on the second
    (Clopper and Pearson, 1934), in both directions.
    """
    half = len(with_unit) // 2
    bounds = []
    for left, right in ((with_unit, without), (without, with_unit)):
        event = _event(left[:half], right[:half], delta)
        hits_left = sum(item in event for item in left[half:])
        misses_right = sum(item not in event for item in right[half:])
        low = _binomial_low(hits_left, len(left) - half, chance / 4)
        high = 1 - _binomial_low(misses_right, len(right) - half, chance / 4)
        epsilon = math.log(max(low - delta, 1e-300) / high) if high > 0 else math.inf
        bounds.append(LowerBound(max(epsilon, 0.0), event))
    return max(bounds, key=lambda item: item.epsilon)


def _event(
    left: Sequence[Hashable], right: Sequence[Hashable], delta: float
) -> frozenset[Hashable]:
    """Take the outcomes in order of their likelihood ratio, so far as the bound grows."""
    seen_left, seen_right = Counter(left), Counter(right)
    order = sorted(
        seen_left | seen_right,
        key=lambda item: (seen_left[item] + 1) / (seen_right[item] + 1),
        reverse=True,
    )
    best, found, hits_left, hits_right = -math.inf, 0, 0, 0
    for place, item in enumerate(order, 1):
        hits_left, hits_right = hits_left + seen_left[item], hits_right + seen_right[item]
        low = hits_left - 3 * math.sqrt(hits_left) - 3 - delta * len(left)
        high = hits_right + 3 * math.sqrt(hits_right) + 5
        value = low / high
        if value > best:
            best, found = value, place
    return frozenset(order[:found])


def _binomial_low(hits: int, draws: int, chance: float) -> float:
    """Return the Clopper-Pearson lower bound: the least rate that so many hits do not refuse."""
    if hits == 0:
        return 0.0
    low, high = 0.0, hits / draws
    for _ in range(60):
        middle = (low + high) / 2
        if _binomial_at_least(hits, draws, middle) < chance:
            low = middle
        else:
            high = middle
    return low


def _binomial_at_least(hits: int, draws: int, rate: float) -> float:
    if rate <= 0:
        return 0.0
    log_term = (
        math.lgamma(draws + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(draws - hits + 1)
        + hits * math.log(rate)
        + (draws - hits) * math.log1p(-rate)
    )
    term, total = math.exp(log_term), 0.0
    for k in range(hits, draws + 1):
        total += term
        if term < total * 1e-17:
            break
        term *= (draws - k) / (k + 1) * rate / (1 - rate)
    return min(total, 1.0)


def _gamma_above(shape: float, value: float) -> float:
    """Return the upper regularised incomplete gamma function (Numerical Recipes, 6.2)."""
    if value <= 0:
        return 1.0
    front = math.exp(-value + shape * math.log(value) - math.lgamma(shape))
    if value < shape + 1:
        term = total = 1 / shape
        step = shape
        while abs(term) > abs(total) * 1e-15:
            step += 1
            term *= value / step
            total += term
        return 1 - total * front
    return front * _continued_fraction(shape, value)


def _continued_fraction(shape: float, value: float) -> float:
    tiny = 1e-300
    b = value + 1 - shape
    c, d = 1 / tiny, 1 / b
    found = d
    for i in range(1, 10_000):
        a = -i * (i - shape)
        b += 2
        d = 1 / ((a * d + b) or tiny)
        c = (b + a / c) or tiny
        found *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return found
