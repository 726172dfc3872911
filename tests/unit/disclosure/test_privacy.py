"""The noise: never cheaper than its own map, rounded up once, and distributed as claimed."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.privacy import (
    NANO,
    Mechanism,
    add_noise,
    cost_nano_rho,
    epsilon_shown,
    half_width,
    mechanism_within,
    root_rounded_up,
)


@pytest.mark.parametrize(("squared", "share"), [(0, 1000), (-1, 1000), (1, 0), (1, -5)])
def test_nothing_is_noised_without_sensitivity_or_share(squared: int, share: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        mechanism_within(squared, share)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2**60), st.integers(1_000, NANO))
def test_a_mechanism_never_loses_more_than_its_share(squared: int, share: int) -> None:
    mechanism = mechanism_within(squared, share)
    assert mechanism.rho <= Fraction(share, NANO)
    assert Fraction(mechanism.sensitivity) ** 2 >= squared
    exact_loss = Fraction(squared) / (2 * Fraction(mechanism.scale) ** 2)
    assert mechanism.rho >= exact_loss  # OpenDP's map never claims less than the closed form
    assert cost_nano_rho([mechanism]) in {share, share - 1}


def test_losses_are_rounded_up_once_not_each() -> None:
    third = mechanism_within(1, 1_000)
    loss = third.rho * NANO
    assert cost_nano_rho([third] * 5) == math.ceil(5 * loss)


@given(st.integers(1, 2**120))
def test_roots_are_rounded_up(squared: int) -> None:
    root = root_rounded_up(squared)
    assert Fraction(root) ** 2 >= squared
    assert Fraction(root) ** 2 <= squared * (1 + Fraction(1, 2**48))


def test_epsilon_is_shown_from_the_profile() -> None:
    assert epsilon_shown(50_000_000, 10**9) == "1.472"  # the textbook formula says 1.712
    assert epsilon_shown(0, 10**9) == "0.000"


def test_reach_of_noise_at_both_sides_of_the_summed_range() -> None:
    assert half_width(Mechanism(50.0, 1.0), 50_000) == 99
    small, large = (half_width(Mechanism(s, 1.0), 50_000) / s for s in (999.0, 1001.0))
    assert small == pytest.approx(large, rel=0.005)


def test_noise_has_the_root_mean_square_that_it_claims() -> None:
    draws = add_noise([0] * 20_000, Mechanism(40.0, 1.0))
    rmse = math.sqrt(sum(x * x for x in draws) / len(draws))
    assert rmse == pytest.approx(40.0, rel=0.03)  # 6 deviations of the estimate


def chi_square(draws: int, scale: float, reach: int) -> float:
    """Compare draws with the exact pmf, tails pooled; return (statistic - df) / sqrt(2 df)."""
    weights = {k: math.exp(-k * k / (2 * scale * scale)) for k in range(-200, 201)}
    total = sum(weights.values())
    noise = add_noise([0] * draws, Mechanism(scale, 1.0))
    cells = list(range(-reach, reach + 1))
    expected = [draws * weights[k] / total for k in cells]
    observed = [noise.count(k) for k in cells]
    expected.append(draws - sum(expected))
    observed.append(draws - sum(observed))
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    freedom = len(cells)
    return (statistic - freedom) / math.sqrt(2 * freedom)


def test_noise_follows_the_exact_distribution() -> None:
    # beyond 6 deviations a fault is all but certain; one fresh draw guards against chance
    assert chi_square(20_000, 4.0, 10) < 6 or chi_square(20_000, 4.0, 10) < 6


@pytest.mark.full
def test_noise_follows_the_exact_distribution_in_a_long_run() -> None:
    for scale, reach in ((1.0, 4), (4.0, 12), (9.5, 25)):
        assert chi_square(400_000, scale, reach) < 5 or chi_square(400_000, scale, reach) < 5
