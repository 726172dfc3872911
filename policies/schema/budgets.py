"""What a privacy rule file may say of budgets: how levels open, how far they may ever be raised.

Amounts are integer nano-rho and integer steps of 10^-15 for delta. What a population may lose in
its whole life stands above, in ``policies.schema.privacy``; nothing here lies beyond it.
"""

from typing import Literal

from pydantic import Field, model_validator

from policies.schema import Rules


class OpeningAmounts(Rules):
    """What a level may spend when it opens."""

    opening_nano_rho: int = Field(ge=1, le=10**10)
    opening_delta_steps: int = Field(ge=0, le=10**12)


class RaisableAmounts(OpeningAmounts):
    """What a level opens with, and the ceiling beneath which two persons may raise it."""

    ceiling_nano_rho: int = Field(ge=1, le=10**10)
    ceiling_delta_steps: int = Field(ge=0, le=10**12)

    @model_validator(mode="after")
    def _opening_within_ceiling(self) -> "RaisableAmounts":
        if self.opening_nano_rho > self.ceiling_nano_rho:
            raise ValueError("opening_nano_rho lies above ceiling_nano_rho")
        if self.opening_delta_steps > self.ceiling_delta_steps:
            raise ValueError("opening_delta_steps lies above ceiling_delta_steps")
        return self


class BudgetRules(Rules):
    """The levels of the budget tree.

    ``forecast_ppm`` is the share of a level, in parts per million, from which its end is forecast;
    ``forecast_window_days`` is how far back the present pace is measured. Periods are calendar
    ones that begin at local midnight, ``period_offset_minutes`` east of UTC. A population opens
    with at most its lifetime cap.
    """

    forecast_ppm: int = Field(ge=1, le=1_000_000)
    forecast_window_days: int = Field(ge=1, le=3_660)
    period: Literal["year", "quarter", "month"]
    period_offset_minutes: int = Field(ge=-720, le=840)
    population: OpeningAmounts
    lineage: RaisableAmounts
    period_amounts: RaisableAmounts
