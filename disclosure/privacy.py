"""Noise by OpenDP: the discrete Gaussian over integers, under zero-concentrated DP (zCDP).

The scale is the smallest whose own privacy map stays within the given share; what is charged is
that map, rounded up once to whole nano-rho. Only vetted mechanisms are enabled ("contrib").
Canonne, Kamath and Steinke (2020); Bun and Steinke (2016).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

dp.enable_features("contrib")


@dataclass(frozen=True)
class Mechanism:
    """One discrete Gaussian: its scale, and the L2 change that it hides (rounded up)."""

    scale: float
    sensitivity: float

    @property
    def rho(self) -> Fraction:
        """The loss by OpenDP's own map, as the exact value of its double."""
        return Fraction(float(_gaussian(self.scale).map(self.sensitivity)))


def mechanism_within(squared_sensitivity: int, share_nano_rho: int) -> Mechanism:
    """Return the most accurate mechanism whose loss is within a share of the budget."""
    if squared_sensitivity <= 0 or share_nano_rho <= 0:
        raise ValueError("a mechanism needs a sensitivity and a share above zero")
    sensitivity = root_rounded_up(squared_sensitivity)
    share = Fraction(share_nano_rho, NANO)
    mechanism = Mechanism(sensitivity / math.sqrt(2 * float(share)), sensitivity)
    while mechanism.rho > share:
        mechanism = Mechanism(mechanism.scale * _SMALLEST_STEP, sensitivity)
    return mechanism


def cost_nano_rho(mechanisms: Iterable[Mechanism]) -> int:
    """Add up the losses exactly and round up once to whole nano-rho."""
    total = sum((item.rho for item in mechanisms), Fraction(0))
    return math.ceil(total * NANO)


def add_noise(values: Sequence[int], mechanism: Mechanism) -> list[int]:
    """Return the values with noise, one vector under one mechanism."""
    return list(_gaussian(mechanism.scale)(list(values)))


def half_width(mechanism: Mechanism, alpha_ppm: int) -> int:
    """Return the integer that the noise reaches with a chance of at most alpha.

    OpenDP sums the probabilities one by one; at large scales the normal quantile and one more
    says the same, for the two differ by less than rounding there.
    """
    alpha = alpha_ppm / PARTS_PER_MILLION
    if mechanism.scale > SUMMED_SCALE_MAX:
        return math.ceil(NormalDist().inv_cdf(1 - alpha / 2) * mechanism.scale) + 1
    reach: float = dp.discrete_gaussian_scale_to_accuracy(mechanism.scale, alpha)
    return math.ceil(reach)


@lru_cache(maxsize=1024)
def epsilon_shown(nano_rho: int, delta_steps: int) -> str:
    """Show a loss as epsilon at a fixed delta, by OpenDP's profile, to three decimals upward.

    For people only: nothing is charged or compared in epsilon.
    """
    if nano_rho == 0:
        return "0.000"
    mechanism: Any = dp.c.make_zCDP_to_approxDP(_gaussian(1.0))
    profile = mechanism.map(math.sqrt(2 * nano_rho / NANO))
    epsilon = profile.epsilon(delta_steps / DELTA_STEPS)
    return f"{math.ceil(epsilon * 1000) / 1000:.3f}"


def root_rounded_up(squared: int) -> float:
    """Return the smallest double found whose exact square is not below an integer."""
    root = math.sqrt(squared)
    while Fraction(root) ** 2 < squared:
        root = math.nextafter(root, math.inf)
    return root


@lru_cache(maxsize=256)
def _gaussian(scale: float) -> Any:
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=scale)
