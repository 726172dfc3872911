"""The rules of money: what is free, what may be metered, the waterfall before the scheme, rounding.

The set of meters and of rounding methods is closed. No meter may depend on data (I14): rows,
bytes and processor time are not in the grammar, so a rule file cannot ask for them.
"""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

PARTS_PER_MILLION = 1_000_000
PriceClass = Literal["public_governance", "public_welfare", "industry"]


class TaxRule(Rules):
    """The first step of the waterfall: parts per million of what the payer owes."""

    ppm: int = Field(ge=0, lt=PARTS_PER_MILLION)
    label_zh: str = Field(min_length=1, max_length=200)
    label_en: str = Field(min_length=1, max_length=200)


class Rounding(Rules):
    """How micro-fen become fen: once per pool and period, whatever the order of fetches."""

    unit: Literal["fen"]
    at: Literal["period_close"]
    method: Literal["largest_remainder"]


class RevenueRules(RuleFile):
    """Which price classes are free, which meters exist, the tax step and the rounding.

    ``free_price_classes`` follow 发改价格〔2025〕65号. Until a finance department sets real figures
    ``fictional`` is true, and every statement says so.
    """

    free_price_classes: tuple[PriceClass, ...]
    meters: tuple[Literal["fetch"], ...] = Field(min_length=1)
    fictional: bool
    tax: TaxRule
    rounding: Rounding
