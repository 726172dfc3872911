"""The mechanisms: never cheaper than their own map, rounded up once, as far as they say."""

import math
from fractions import Fraction
from typing import Any

import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure.privacy import (
    DELTA_STEPS,
    NANO,
    Mechanism,
    Noise,
    epsilon_shown,
    mechanism_within,
    nano_rho_within,
    root_rounded_up,
    selection_within,
    threshold_within,
    total_nano_rho,
)
from tests.noise_trials import law_of

NOISES = st.sampled_from(list(Noise))


@pytest.mark.parametrize(("squared", "share"), [(0, 1000), (-1, 1000), (1, 0), (1, -5)])
def test_nothing_is_noised_without_sensitivity_or_share(squared: int, share: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        mechanism_within(squared, share)
    with pytest.raises(ValueError, match="above zero"):
        selection_within(squared, squared, 1, share)


def test_a_threshold_has_no_place_under_pure_privacy() -> None:
    with pytest.raises(ValueError, match="delta"):
        threshold_within(mechanism_within(1, 10**6, Noise.LAPLACE), 1, 1, 10**6)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 2**30), st.integers(1_000, NANO), NOISES)
def test_a_mechanism_never_loses_more_than_its_share(bound: int, share: int, noise: Noise) -> None:
    mechanism = mechanism_within(bound**2, share, noise)
    assert mechanism.rho <= Fraction(share, NANO)
    assert Fraction(mechanism.sensitivity) ** 2 >= bound**2
    change = Fraction(bound) / Fraction(mechanism.scale)
    assert mechanism.rho >= change**2 / 2  # OpenDP's map never claims less than the closed form
    assert total_nano_rho([mechanism.rho]) in {share, share - 1}
    if noise is Noise.LAPLACE:
        assert mechanism.epsilon is not None
        assert mechanism.epsilon >= change
    else:
        assert mechanism.epsilon is None


def test_losses_are_rounded_up_once_not_each() -> None:
    third = mechanism_within(1, 1_000)
    loss = third.rho * NANO
    assert total_nano_rho([third.rho] * 5) == math.ceil(5 * loss)


@given(st.integers(1, 2**120))
def test_roots_are_rounded_up(squared: int) -> None:
    root = root_rounded_up(squared)
    assert Fraction(root) ** 2 >= squared
    assert Fraction(root) ** 2 <= squared * (1 + Fraction(1, 2**48))


ROWS_BY_GROUP = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(ROWS_BY_GROUP, st.integers(1, 10**6), st.integers(1_000, NANO), NOISES)
def test_a_selection_pays_for_every_vector_of_a_unit(
    rows: list[int], step: int, share: int, noise: Noise
) -> None:
    """The price of one bound covers OpenDP's own map, group by group, for a unit at that bound."""
    squared = sum(count**2 for count in rows)
    selection = selection_within(squared, sum(rows), step, share, noise)
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    space = (domain, dp.linf_distance(T="i64"))
    zcdp = dp.zero_concentrated_divergence()
    pure: Any = dp.m.make_noisy_max(*space, dp.max_divergence(), selection.scale, negate=True)
    if noise is Noise.GAUSSIAN:
        concentrated: Any = dp.m.make_noisy_max(*space, zcdp, selection.scale, negate=True)
    else:
        concentrated = dp.c.make_pureDP_to_zCDP(pure)
        epsilons = sum((Fraction(pure.map(step * count)) for count in rows), Fraction(0))
        assert selection.epsilon is not None
        assert epsilons <= selection.epsilon
        assert selection.epsilon**2 <= 2 * Fraction(share, NANO)
    by_group = sum((Fraction(concentrated.map(step * count)) for count in rows), Fraction(0))
    assert by_group <= selection.rho <= Fraction(share, NANO)
    assert selection.rho <= by_group * (1 + Fraction(1, 2**36))


def test_a_threshold_is_the_smallest_within_its_delta() -> None:
    mechanism = mechanism_within(4, 5_000_000)
    found = threshold_within(mechanism, 4, 1, 10**6)
    assert found is not None
    assert found.delta_steps <= 10**6
    domain = dp.map_domain(dp.atom_domain(T="i64"), dp.atom_domain(T="i64"))
    metric = dp.l02inf_distance(dp.absolute_distance(T=float))
    less: Any = dp.m.make_gaussian_threshold(
        domain, metric, scale=mechanism.scale, threshold=found.threshold - 2
    )
    assert less.map((4, mechanism.sensitivity, 1.0))[1] * DELTA_STEPS > 10**6
    assert found.rho == mechanism.rho


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(2_000_000, 300_000_000), st.integers(10**4, 10**12))
def test_delta_covers_the_exact_chance_that_a_lone_unit_shows(
    groups: int, share: int, delta_steps: int
) -> None:
    """OpenDP's own map at the threshold does not (its issue 2922)."""
    mechanism = mechanism_within(groups, share)
    found = threshold_within(mechanism, groups, 1, delta_steps)
    assert found is not None
    law = law_of(mechanism)
    alone = math.fsum(p for k, p in law.items() if isinstance(k, int) and k >= found.threshold - 1)
    anywhere = -math.expm1(groups * math.log1p(-alone))
    assert anywhere * (1 - 1e-9) <= found.delta_steps / DELTA_STEPS <= delta_steps / DELTA_STEPS


def test_a_delta_that_no_threshold_reaches_is_refused() -> None:
    assert threshold_within(mechanism_within(4, 5_000_000), 4, 1, 0) is None


def test_released_groups_stand_in_their_order_and_small_ones_are_withheld() -> None:
    found = threshold_within(mechanism_within(4, 5_000_000), 4, 1, 10**6)
    assert found is not None
    shown = found.release({9: 10_000, 2: 10_000, 5: 1, 7: 10_000})
    assert list(shown) == [2, 7, 9]
    assert all(abs(value - 10_000) < 300 for value in shown.values())


def test_epsilon_is_shown_from_the_profile() -> None:
    assert epsilon_shown(50_000_000, 10**9) == "1.472"  # the textbook formula says 1.712
    assert epsilon_shown(0, 10**9) == "0.000"
    assert float(epsilon_shown(50_000_000, 10**9, 5 * 10**8)) > 1.472
    assert epsilon_shown(1, 10**6, 10**6) == "inf"


@pytest.mark.parametrize("epsilon", ["0.1", "1", "2.5", "4"])
def test_caps_in_epsilon_are_rounded_down(epsilon: str) -> None:
    nano_rho = nano_rho_within(epsilon, 10**9)
    profile: Any = dp.c.make_zCDP_to_approxDP(_unit_gaussian())

    def at(loss: int) -> float:
        return float(profile.map(math.sqrt(2 * loss / NANO)).epsilon(1e-6))

    assert at(nano_rho) <= float(epsilon) < at(nano_rho + 2)


def _unit_gaussian() -> dp.Measurement:
    domain = dp.vector_domain(dp.atom_domain(T="i64"))
    return dp.m.make_gaussian(domain, dp.l2_distance(T=float), scale=1.0)


def test_reach_of_noise_at_both_sides_of_the_summed_range() -> None:
    assert Mechanism(50.0, 1.0).reach(50_000) == 99
    for noise in Noise:
        small, large = (Mechanism(s, 1.0, noise).reach(50_000) / s for s in (999.0, 1001.0))
        assert small == pytest.approx(large, rel=0.005)


@pytest.mark.parametrize("noise", list(Noise))
def test_noise_has_the_root_mean_square_that_it_claims(noise: Noise) -> None:
    mechanism = Mechanism(40.0, 1.0, noise)
    draws = mechanism.add([0] * 30_000)
    rmse = math.sqrt(sum(x * x for x in draws) / len(draws))
    assert rmse == pytest.approx(mechanism.deviation, rel=0.05)  # 5 deviations, for Laplace too


def test_a_selection_keeps_within_its_reach() -> None:
    selection = selection_within(1, 1, 1, 50_000_000)
    scores = [abs(place - 300) for place in range(1000)]
    reach = selection.reach(1000, 50_000)
    worse = sum(scores[selection.choose(scores)] > reach for _ in range(400))
    assert worse / 400 <= 0.05
