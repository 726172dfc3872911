"""Sharing a pot by weight, each between a minimum and a maximum: exact, in no order.

Every claimant gets ``min(maximum, max(minimum, level * weight))`` for the one level at which the
parts sum to the pot. Raising one's own weight never lowers one's part; a weight of zero gets zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from foundation.money import PARTS_PER_MILLION


@dataclass(frozen=True)
class Claim:
    """A weight, and bounds in parts per million of the pot that hold where it is above zero."""

    weight: int
    minimum_ppm: int = 0
    maximum_ppm: int = PARTS_PER_MILLION


def fill(total: int, claims: Mapping[str, Claim]) -> dict[str, Fraction]:
    """Return each claimant's exact part. What nobody may take under the maximums is left over.

    Levels are searched as CSS resolves flexible lengths: freeze the bounds that are broken in the
    direction of the larger total violation, and repeat; each round freezes at least one claimant.
    Raises ValueError where the minimums of those with a weight exceed the pot.
    """
    bounds = {
        name: (_part(total, claim.minimum_ppm), _part(total, claim.maximum_ppm))
        for name, claim in claims.items()
        if claim.weight
    }
    if sum(low for low, _ in bounds.values()) > total:
        raise ValueError("the minimums exceed the pot")
    parts = dict.fromkeys(claims, Fraction(0))
    if sum(high for _, high in bounds.values()) <= total:
        return {**parts, **{name: high for name, (_, high) in bounds.items()}}
    while bounds:
        left = total - sum(parts.values(), Fraction(0))
        weight = sum(claims[name].weight for name in bounds)
        wanted = {name: left * claims[name].weight / weight for name in bounds}
        bounded = {name: min(max(wanted[name], low), high) for name, (low, high) in bounds.items()}
        violation = sum(bounded.values(), Fraction(0)) - left
        for name, part in bounded.items():
            if violation == 0 or (part - wanted[name]) * violation > 0:
                parts[name] = part
                del bounds[name]
    return parts


def _part(total: int, ppm: int) -> Fraction:
    return Fraction(total * ppm, PARTS_PER_MILLION)
