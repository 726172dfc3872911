"""The rules of money: what is free, what may be metered, tariffs, permitted revenue, the waterfall.

The set of meters is closed. For answers over protected data no meter depends on data (I14):
``row`` counts governed rows only, ``nano_rho`` what policy charged before any data was read.
Bytes and processor time are not in the grammar, so that a rule file cannot ask for them.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

PARTS_PER_MILLION = 1_000_000
PriceClass = Literal["public_governance", "public_welfare", "industry"]


class Meter(StrEnum):
    """What a logged outcome is counted by."""

    FETCH = "fetch"
    CALL = "call"
    REPEAT = "repeat"
    VERIFICATION = "verification"
    ROW = "row"
    RELEASE = "release"
    SESSION_HOUR = "session_hour"
    NANO_RHO = "nano_rho"


class TariffRules(Rules):
    """Limits of a tariff beside its ceilings.

    ``trial_days_max`` is ours: the document lets a trial tariff stand until there is a full year
    of operation, and names no number.
    """

    trial_days_max: int = Field(ge=1, le=3_660)
    document: str = Field(min_length=1, max_length=200)


class SubscriptionRules(Rules):
    """How many whole days lie at least between two closes that charge a licence a fee.

    Ours: without it whoever closes periods could charge the fee as often as he likes.
    """

    days_min: int = Field(ge=1, le=366)


class WalletRules(Rules):
    """How long money stays reserved for a question that was decided and never answered."""

    hold_seconds: int = Field(ge=60, le=7 * 86_400)


class PermittedRules(Rules):
    """Maximum permitted revenue (最高准许收入) and its yearly comparison.

    ``rate_above_treasury_ppm_max`` is added to the mean ten-year treasury yield of the year before
    the cost survey. Up to ``deviation_ppm`` off the maximum prices adjust, beyond it ceilings do.
    An excess is deducted from the next period; over at most ``smoothing_periods_max`` of them
    where it is more than ``smoothing_from_ppm`` of the maximum.
    """

    rate_above_treasury_ppm_max: int = Field(ge=0, lt=PARTS_PER_MILLION)
    deviation_ppm: int = Field(ge=0, lt=PARTS_PER_MILLION)
    smoothing_from_ppm: int = Field(ge=0)
    smoothing_periods_max: int = Field(ge=1, le=10)
    review_years_max: int = Field(ge=1, le=10)
    document: str = Field(min_length=1, max_length=200)


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
    """Which price classes are free, which meters a tariff may price, and every limit on money.

    ``free_price_classes`` follow 发改价格〔2025〕65号. Until a finance department sets real figures
    ``fictional`` is true, and every statement says so.
    """

    free_price_classes: tuple[PriceClass, ...]
    meters: tuple[Meter, ...] = Field(min_length=1)
    fictional: bool
    tariff: TariffRules
    subscription: SubscriptionRules
    wallet: WalletRules
    permitted: PermittedRules
    tax: TaxRule
    rounding: Rounding
