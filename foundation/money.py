"""Money in integers only: fen for what is paid, micro-fen for what accrues, exact splitting."""

from collections.abc import Mapping
from fractions import Fraction

MICRO_FEN_PER_FEN = 1_000_000
FEN_PER_YUAN = 100
PARTS_PER_MILLION = 1_000_000


def largest_remainder(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split a non-negative integer by integer weights so that the parts sum to it exactly.

    Hamilton's method; ties go to the smaller name, so the result never depends on order.
    A weight of zero gets nothing. Raises ValueError for a negative number or no weight at all.
    """
    if total < 0 or any(weight < 0 for weight in weights.values()):
        raise ValueError("a split needs a total and weights of zero or more")
    weight_sum = sum(weights.values())
    if weight_sum == 0:
        if total == 0:
            return dict.fromkeys(weights, 0)
        raise ValueError("a split of money needs at least one weight above zero")
    parts = {name: total * weight // weight_sum for name, weight in weights.items()}
    left = total - sum(parts.values())
    by_remainder = sorted(
        (name for name in weights if weights[name]),
        key=lambda name: (-(total * weights[name] % weight_sum), name),
    )
    for name in by_remainder[:left]:
        parts[name] += 1
    return parts


def round_exactly(parts: Mapping[str, Fraction]) -> dict[str, int]:
    """Round exact parts that sum to a whole number so that they still do, each by less than one.

    Hamilton's method as in ``largest_remainder``: what the floors leave goes to the largest
    fractions, ties to the smaller name; a part of zero stays zero. Raises ValueError where a part
    is negative or the sum is not whole.
    """
    total = sum(parts.values(), Fraction(0))
    if total.denominator != 1 or any(part < 0 for part in parts.values()):
        raise ValueError("exact parts are zero or more and sum to a whole number")
    whole = {name: part.numerator // part.denominator for name, part in parts.items()}
    left = int(total) - sum(whole.values())
    by_remainder = sorted(parts, key=lambda name: (whole[name] - parts[name], name))
    for name in by_remainder[:left]:
        whole[name] += 1
    return whole


def yuan_text(fen: int) -> str:
    """Render fen as yuan with two decimals, for example ``-1,234.05``."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{sign}{whole:,}.{rest:02d}"
