"""Noise by OpenDP over integers, under approximate zero-concentrated DP (zCDP); its only door.

A scale is the smallest whose own privacy map stays within a given share; what is charged is that
map, as the exact value of its double, rounded up once. Only vetted mechanisms are enabled.
Canonne, Kamath and Steinke (2020); Bun and Steinke (2016); Rogers (2023); McKenna and Sheldon
(2020).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import opendp.prelude as dp

NANO = 10**9
DELTA_STEPS = 10**15
PARTS_PER_MILLION = 10**6
SUMMED_SCALE_MAX = 1_000.0
_SMALLEST_STEP = 1 + 2.0**-50
_ROUNDING = 1 + Fraction(1, 2**40)
_THRESHOLD_SCALES_MAX = 64

dp.enable_features("contrib")


class Noise(StrEnum):
    """The two distributions: Gaussian for zCDP, Laplace where a licence asks for pure DP."""

    GAUSSIAN = "gaussian"
    LAPLACE = "laplace"


@dataclass(frozen=True)
class Mechanism:
    """Discrete noise on one vector: its scale, and the change that it hides (rounded up).

    ``sensitivity`` is an L2 bound for the Gaussian and an L1 bound, a whole number, for Laplace.
    """

    scale: float
    sensitivity: float
    noise: Noise = Noise.GAUSSIAN

    @property
    def rho(self) -> Fraction:
        """The loss under zCDP by OpenDP's own map, as the exact value of its double."""
        if self.noise is Noise.GAUSSIAN:
            return Fraction(float(_gaussian(self.scale).map(self.sensitivity)))
        concentrated: Any = dp.c.make_pureDP_to_zCDP(_laplace(self.scale))
        return Fraction(float(concentrated.map(int(self.sensitivity))))

    @property
    def epsilon(self) -> Fraction | None:
        """The loss under pure DP, where there is one."""
        if self.noise is Noise.GAUSSIAN:
            return None
        return Fraction(float(_laplace(self.scale).map(int(self.sensitivity))))

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise, by the closed form of the continuous law.

        The discrete laws lie below it by less than a rounding at the scales in use.
        """
        return self.scale if self.noise is Noise.GAUSSIAN else self.scale * math.sqrt(2)

    def add(self, values: Sequence[int]) -> list[int]:
        """Return the values with noise: one draw for each, all in one call."""
        make = _gaussian if self.noise is Noise.GAUSSIAN else _laplace
        return list(make(self.scale)(list(values)))

    def reach(self, alpha_ppm: int) -> int:
        """Return the integer that the noise reaches with a chance of at most alpha."""
        return _reach(self.scale, self.noise, alpha_ppm)


@dataclass(frozen=True)
class Threshold:
    """Release of noisy counts past a threshold, so that a group's existence is protected too.

    ``groups`` is how many counts one unit changes at most, ``largest`` by how much each.
    """

    mechanism: Mechanism
    groups: int
    largest: int
    threshold: int

    @property
    def rho(self) -> Fraction:
        """The loss under zCDP by OpenDP's map."""
        return self._loss()[0]

    @property
    def delta_steps(self) -> int:
        """The chance that one unit alone shows a group, in steps of 10^-15, rounded up."""
        return math.ceil(self._loss()[1] * DELTA_STEPS)

    def release(self, counts: Mapping[int, int]) -> dict[int, int]:
        """Return the groups, by number and in order, whose noisy count reaches the threshold."""
        found = _threshold(self.mechanism.scale, self.threshold)(dict(counts))
        return dict(sorted(found.items()))

    def _loss(self) -> tuple[Fraction, Fraction]:
        """Ask OpenDP's map one below: it leaves out the chance of the threshold itself.

        Counts that equal the threshold are released, but delta is computed from the tail above
        it (OpenDP issue 2922, open in 0.16). The tail above one less is the tail that shows.
        """
        change = (self.groups, self.mechanism.sensitivity, float(self.largest))
        rho, delta = _threshold(self.mechanism.scale, self.threshold - 1).map(change)
        return Fraction(float(rho)), Fraction(float(delta))


@dataclass(frozen=True)
class Selection:
    """Choosing, group by group, the candidate of nearly the smallest score (noisy max).

    ``step`` is the most by which one row moves any score; ``squared_rows`` and ``rows`` are the
    squared L2 and the L1 bound of one unit's rows over the groups. Under zCDP OpenDP draws Gumbel
    noise (the exponential mechanism), under pure DP exponential noise (permute and flip).
    """

    scale: float
    step: int
    squared_rows: int
    rows: int
    noise: Noise = Noise.GAUSSIAN

    @property
    def rho(self) -> Fraction:
        """The loss of all groups together under zCDP.

        A unit that changes r_g rows in group g moves scores there by at most r_g·step, so that
        group loses map(r_g·step). The map is quadratic in the change, hence the groups together
        lose Σ r_g²·map(step) <= squared_rows·map(step): whatever the unit's vector, the answer
        pays for one bound, not for its number of groups. The factor is above the few roundings
        (each below 2^-52) between OpenDP's map of a multiple and the multiple of its map;
        tests/unit/disclosure/test_privacy.py compares the two for every vector of a unit.
        """
        selection = _noisy_max(self.scale, self.noise)
        if self.noise is Noise.LAPLACE:
            selection = dp.c.make_pureDP_to_zCDP(selection)
        return self.squared_rows * Fraction(float(selection.map(self.step))) * _ROUNDING

    @property
    def epsilon(self) -> Fraction | None:
        """The loss of all groups together under pure DP, whose map is linear in the change."""
        if self.noise is Noise.GAUSSIAN:
            return None
        one = Fraction(float(_noisy_max(self.scale, self.noise).map(self.step)))
        return self.rows * one * _ROUNDING

    def choose(self, scores: Sequence[int]) -> int:
        """Return the place of a candidate with nearly the smallest score."""
        return int(_noisy_max(self.scale, self.noise)(list(scores)))

    def reach(self, candidates: int, alpha_ppm: int) -> int:
        """Return by how much the chosen score may exceed the smallest, but for chance alpha.

        The exponential mechanism takes a candidate with a chance of at most exp(-distance/scale),
        its distance being to the smallest score; the union bound is over all others. Permute and
        flip is never worse (McKenna and Sheldon, theorem 2).
        """
        others = max(candidates - 1, 1)
        return math.ceil(self.scale * math.log(others * PARTS_PER_MILLION / alpha_ppm))


def mechanism_within(
    squared_sensitivity: int, share_nano_rho: int, noise: Noise = Noise.GAUSSIAN
) -> Mechanism:
    """Return the most accurate mechanism whose loss is within a share of the budget.

    For Laplace the sensitivity is an L1 bound, given squared as well. A pure loss of epsilon
    counts as epsilon²/2 (Bun and Steinke, proposition 1.4).
    """
    _check(squared_sensitivity, share_nano_rho)
    sensitivity = root_rounded_up(squared_sensitivity)
    share = Fraction(share_nano_rho, NANO)
    mechanism = Mechanism(sensitivity / math.sqrt(2 * float(share)), sensitivity, noise)
    while mechanism.rho > share:
        mechanism = Mechanism(mechanism.scale * _SMALLEST_STEP, sensitivity, noise)
    return mechanism


def selection_within(
    squared_rows: int, rows: int, step: int, share_nano_rho: int, noise: Noise = Noise.GAUSSIAN
) -> Selection:
    """Return the most accurate selection whose loss over all groups is within a share.

    Under pure DP the share is what a pure loss of epsilon counts for, epsilon²/2, and the pure
    loss over all groups stays within that epsilon.
    """
    _check(squared_rows, share_nano_rho)
    share = Fraction(share_nano_rho, NANO)
    change = root_rounded_up(squared_rows) if noise is Noise.GAUSSIAN else 2.0 * rows
    scale = step * change / math.sqrt(2 * float(share))
    selection = Selection(scale, step, squared_rows, rows, noise)
    while selection.rho > share or (selection.epsilon or 0) ** 2 > 2 * share:
        selection = replace(selection, scale=selection.scale * (1 + 2.0**-42))
    return selection


@lru_cache(maxsize=256)
def threshold_within(
    mechanism: Mechanism, groups: int, largest: int, delta_steps_max: int
) -> Threshold | None:
    """Return the smallest threshold whose delta is within a bound, or None if there is none."""
    if mechanism.noise is not Noise.GAUSSIAN:
        raise ValueError("a threshold loses delta: it has no place under pure DP")
    low, high = largest + 1, largest + math.ceil(mechanism.scale * _THRESHOLD_SCALES_MAX) + 1
    if Threshold(mechanism, groups, largest, high).delta_steps > delta_steps_max:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        fits = Threshold(mechanism, groups, largest, middle).delta_steps <= delta_steps_max
        low, high = (low, middle) if fits else (middle, high)
    return Threshold(mechanism, groups, largest, high)


def total_nano_rho(losses: Iterable[Fraction]) -> int:
    """Add up losses exactly and round up once to whole nano-rho."""
    return math.ceil(sum(losses, Fraction(0)) * NANO)


@lru_cache(maxsize=1024)
def epsilon_shown(nano_rho: int, delta_steps: int, delta_steps_spent: int = 0) -> str:
    """Show a loss as epsilon at a fixed delta, by OpenDP's profile, to three decimals upward.

    What thresholds spent of that delta is taken off first. For people only: nothing is charged
    or compared in epsilon.
    """
    if delta_steps_spent >= delta_steps:
        return "inf"
    return f"{math.ceil(_epsilon(nano_rho, delta_steps - delta_steps_spent) * 1000) / 1000:.3f}"


@lru_cache(maxsize=256)
def nano_rho_within(epsilon: str, delta_steps: int) -> int:
    """Return the most nano-rho whose epsilon at a fixed delta is within a decimal bound."""
    bound = Fraction(epsilon)
    low, high = 0, 1
    while Fraction(_epsilon(high, delta_steps)) <= bound:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        fits = Fraction(_epsilon(middle, delta_steps)) <= bound
        low, high = (middle, high) if fits else (low, middle)
    return low


def root_rounded_up(squared: int) -> float:
    """Return the smallest double found whose exact square is not below an integer."""
    root = math.sqrt(squared)
    while Fraction(root) ** 2 < squared:
        root = math.nextafter(root, math.inf)
    return root


def _check(squared_sensitivity: int, share_nano_rho: int) -> None:
    if squared_sensitivity <= 0 or share_nano_rho <= 0:
        raise ValueError("a mechanism needs a sensitivity and a share above zero")


def _epsilon(nano_rho: int, delta_steps: int) -> float:
    if nano_rho == 0:
        return 0.0
    profile = _concentrated().map(math.sqrt(2 * nano_rho / NANO))
    return float(profile.epsilon(delta_steps / DELTA_STEPS))


@lru_cache(maxsize=4096)
def _reach(scale: float, noise: Noise, alpha_ppm: int) -> int:
    """Ask OpenDP, which sums the probabilities one by one, or a quantile at large scales.

    There the quantile of the continuous law and one more says the same: the two differ by less
    than rounding.
    """
    alpha = alpha_ppm / PARTS_PER_MILLION
    gaussian = noise is Noise.GAUSSIAN
    if scale > SUMMED_SCALE_MAX:
        multiple = NormalDist().inv_cdf(1 - alpha / 2) if gaussian else -math.log(alpha)
        return math.ceil(multiple * scale) + 1
    accuracy = (
        dp.discrete_gaussian_scale_to_accuracy
        if gaussian
        else dp.discrete_laplacian_scale_to_accuracy
    )
    return math.ceil(float(accuracy(scale, alpha)))


@lru_cache(maxsize=256)
def _gaussian(scale: float) -> Any:
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)


@lru_cache(maxsize=256)
def _laplace(scale: float) -> Any:
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    return dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=scale)


@lru_cache(maxsize=256)
def _noisy_max(scale: float, noise: Noise) -> Any:
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    gaussian = noise is Noise.GAUSSIAN
    measure = dp.zero_concentrated_divergence() if gaussian else dp.max_divergence()
    return dp.m.make_noisy_max(domain, dp.linf_distance(T="i64"), measure, scale, negate=True)


@lru_cache(maxsize=256)
def _threshold(scale: float, threshold: int) -> Any:
    domain = dp.map_domain(dp.atom_domain(T="i64"), dp.atom_domain(T="i64"))
    metric = dp.l02inf_distance(dp.absolute_distance(T=float))
    return dp.m.make_gaussian_threshold(domain, metric, scale=scale, threshold=threshold)


@lru_cache(maxsize=1)
def _concentrated() -> Any:
    return dp.c.make_zCDP_to_approxDP(_gaussian(1.0))
