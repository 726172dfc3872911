"""The price law as arithmetic (发改价格〔2025〕65号 parts 3 and 4): pure functions over whole fen.

The worked cases of ``tests/spec/permitted_revenue.md`` are computed by hand and must match these.
Fractions of a fen fall off once, downwards, at each named line of the sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from foundation.errors import InvalidInput, Message
from foundation.money import PARTS_PER_MILLION
from policies.schema.revenue import PermittedRules


class Adjustment(StrEnum):
    """What a year's deviation from the maximum calls for."""

    NONE = "none"
    PRICES = "prices"  # 调整具体收费标准
    CEILINGS = "ceilings"  # 调整上限收费标准


@dataclass(frozen=True)
class Maximum:
    """The maximum permitted revenue of one year, line by line, in fen."""

    cost_fen: int
    rate_ppm: int
    profit_fen: int
    tax_fen: int

    @property
    def total_fen(self) -> int:
        """Cost net of subsidy, permitted profit and tax together."""
        return self.cost_fen + self.profit_fen + self.tax_fen


def maximum_of(
    *,
    costs_fen: Sequence[int],
    subsidy_fen: int,
    treasury_yield_ppm: int,
    margin_ppm: int,
    tax_ppm: int,
    rules: PermittedRules,
) -> Maximum:
    """Return cost net of subsidy, plus cost × rate, plus tax on both.

    ``treasury_yield_ppm`` is the mean ten-year yield of the year before the cost survey. Raises
    InvalidInput for a margin above the cap and for a subsidy above the costs.
    """
    if margin_ppm > rules.rate_above_treasury_ppm_max:
        points = rules.rate_above_treasury_ppm_max / 10_000
        raise permitted_refusal(
            "permitted_rate_above_cap",
            "margin_ppm",
            rules,
            zh=f"准许利润率不得超过上年10年期国债平均收益率加 {points:g} 个百分点。",
            en=f"The rate may exceed the mean treasury yield by at most {points:g} points.",
        )
    cost_fen = sum(costs_fen) - subsidy_fen
    if cost_fen < 0:
        raise permitted_refusal(
            "subsidy_above_cost",
            "subsidy_fen",
            rules,
            zh="政府补助不得超过经营成本。",
            en="The subsidy is more than the costs it is taken from.",
        )
    rate_ppm = treasury_yield_ppm + margin_ppm
    profit_fen = cost_fen * rate_ppm // PARTS_PER_MILLION
    tax_fen = (cost_fen + profit_fen) * tax_ppm // PARTS_PER_MILLION
    return Maximum(cost_fen, rate_ppm, profit_fen, tax_fen)


def adjustment_for(actual_fen: int, maximum_fen: int, rules: PermittedRules) -> Adjustment:
    """Say what a year's revenue calls for: up to 10 % off, prices adjust; beyond it, ceilings."""
    off_fen = abs(actual_fen - maximum_fen)
    if off_fen == 0:
        return Adjustment.NONE
    if off_fen * PARTS_PER_MILLION <= maximum_fen * rules.deviation_ppm:
        return Adjustment.PRICES
    return Adjustment.CEILINGS


def excess_of(actuals_fen: Sequence[int], maxima_fen: Sequence[int]) -> int:
    """Return by how much the revenue of a whole period exceeds its maxima; zero where it does not.

    A year below its maximum offsets one above it: the document compares the period.
    """
    return max(0, sum(actuals_fen) - sum(maxima_fen))


def deductions_of(
    excess_fen: int, maximum_fen: int, periods: int, rules: PermittedRules
) -> tuple[int, ...]:
    """Spread an excess over the next periods, the earlier ones a fen more; it sums exactly.

    Raises InvalidInput where an excess that is not large, or too many periods, would be smoothed.
    """
    if not 1 <= periods <= rules.smoothing_periods_max:
        raise permitted_refusal(
            "smoothing_too_long",
            "smoothing_periods",
            rules,
            zh=f"超收扣减最多可在 {rules.smoothing_periods_max} 个周期内平滑处理。",
            en=f"An excess may be smoothed over at most {rules.smoothing_periods_max} periods.",
        )
    large = excess_fen * PARTS_PER_MILLION > maximum_fen * rules.smoothing_from_ppm
    if periods > 1 and not large:
        raise permitted_refusal(
            "smoothing_not_due",
            "smoothing_periods",
            rules,
            zh="超收不多，应在下一周期一次扣减。",
            en="The excess is not large: it is deducted in the next period at once.",
        )
    return spread(excess_fen, periods)


def merged(*schedules: Sequence[int]) -> tuple[int, ...]:
    """Add deductions due in the same period, the first of each schedule first."""
    length = max(map(len, schedules))
    return tuple(
        sum(due[place] for due in schedules if place < len(due)) for place in range(length)
    )


def spread(fen: int, parts: int) -> tuple[int, ...]:
    """Split whole fen evenly into parts, the first ones a fen more where it does not divide."""
    each, left = divmod(fen, parts)
    return tuple(each + (place < left) for place in range(parts))


def permitted_refusal(
    code: str, field: str, rules: PermittedRules, *, zh: str, en: str
) -> InvalidInput:
    """Return a refusal of a figure that the price law does not allow."""
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=rules.document)
