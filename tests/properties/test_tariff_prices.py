"""Prices as arithmetic: equal to a naive sum unit by unit, and free of how use was split."""

from hypothesis import given
from hypothesis import strategies as st

from authorization.revenue_terms import PARTS_PER_MILLION, Tariff
from policies.schema.revenue import Meter
from revenue.billing import highest_price_micro_fen
from revenue.tariffs.pricing import price_micro_fen
from tests.tariffs import price_json, tariff

UNITS_MAX = 300


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Draw a price with tiers, and perhaps a subscription that includes units of it."""
    starts = sorted(draw(st.sets(st.integers(1, UNITS_MAX), max_size=5)))
    tiers = [
        {"from_unit": start, "discount_ppm": draw(st.integers(0, PARTS_PER_MILLION))}
        for start in starts
    ]
    price = {**price_json("call", draw(st.integers(0, 10**9))), "tiers": tiers}
    included = draw(st.integers(0, 40))
    subscription = {
        "fen_per_period": 1,
        "ceiling_fen_per_period": 1,
        "included": [{"meter": "call", "units": included}] if included else [],
    }
    return tariff(prices=[price], subscription=draw(st.sampled_from([None, subscription])))


def naive(priced: Tariff, first: int, last: int) -> int:
    """Price the units ``first``+1 to ``last`` one by one, by the words of the tariff."""
    total = 0
    price = priced.prices[0]
    for number in range(first + 1, last + 1):
        if number <= priced.included(Meter.CALL):
            continue
        discount = 0
        for tier in price.tiers:
            if tier.from_unit <= number:
                discount = tier.discount_ppm
        total += price.micro_fen * (PARTS_PER_MILLION - discount) // PARTS_PER_MILLION
    return total


@given(tariffs(), st.integers(0, UNITS_MAX), st.integers(0, UNITS_MAX))
def test_tiers_are_the_naive_sum_unit_by_unit(priced: Tariff, before: int, quantity: int) -> None:
    found = price_micro_fen(priced, Meter.CALL, quantity, before)
    assert found == naive(priced, before, before + quantity)
    assert found <= highest_price_micro_fen(priced, {Meter.CALL: quantity})


@given(tariffs(), st.lists(st.integers(0, 60), max_size=8), st.randoms(use_true_random=False))
def test_a_periods_sum_is_free_of_order_and_of_splitting(
    priced: Tariff, parts: list[int], chance: object
) -> None:
    def total(quantities: list[int]) -> int:
        before = gross = 0
        for quantity in quantities:
            gross += price_micro_fen(priced, Meter.CALL, quantity, before)
            before += quantity
        return gross

    shuffled = list(parts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert total(parts) == total(shuffled) == total([sum(parts)])


@given(tariffs(), st.integers(0, UNITS_MAX))
def test_another_meter_costs_nothing(priced: Tariff, quantity: int) -> None:
    assert price_micro_fen(priced, Meter.ROW, quantity, 0) == 0
