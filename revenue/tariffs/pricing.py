"""The price of an outcome: a pure function of tariff, meter, quantity and the units before it.

It reads no data, clock or store, so that anyone who holds the tariff and the log computes the same
micro-fen (I12, I14). Tiers are marginal: the price of a unit depends on its number in the period
alone, so that a period's sum does not depend on how its use was split.
"""

from authorization.revenue_terms import PARTS_PER_MILLION, Tariff
from policies.schema.revenue import Meter


def price_micro_fen(tariff: Tariff, meter: Meter, quantity: int, units_before: int) -> int:
    """Return what ``quantity`` units cost in micro-fen, the next after ``units_before`` of them.

    A unit's price is rounded down to micro-fen, once, in its tier. Units that a subscription
    includes cost nothing; they are numbered like any other.
    """
    priced = tariff.price(meter)
    if priced is None or quantity <= 0:
        return 0
    first, last = max(units_before, tariff.included(meter)), units_before + quantity
    tiers = sorted((tier.from_unit - 1, tier.discount_ppm) for tier in priced.tiers)
    steps = [(0, 0), *tiers]
    ends = [*(start for start, _ in tiers), last]
    return sum(
        max(0, min(end, last) - max(start, first)) * _discounted(priced.micro_fen, discount_ppm)
        for (start, discount_ppm), end in zip(steps, ends, strict=True)
    )


def _discounted(micro_fen: int, discount_ppm: int) -> int:
    return micro_fen * (PARTS_PER_MILLION - discount_ppm) // PARTS_PER_MILLION
