"""What an alert rule file may say: how much of what, within which time, makes a regulator look."""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

MINUTES_PER_DAY = 1_440
PPM = 1_000_000
CheckName = Literal[
    "refused_bursts",
    "budget_drained",
    "odd_hours",
    "circling_columns",
    "circling_refusals",
    "screen_spent",
]


class AlertThreshold(Rules):
    """So much within such a time: ``minimum`` counts what the check counts.

    ``budget_drained`` counts millionths of a level's cap, every other check counts entries.
    """

    minimum: int = Field(ge=1, le=1_000_000)
    window_seconds: int = Field(ge=60, le=31 * 86_400)


class AlertRules(RuleFile):
    """One alert rule file.

    Work lies between ``opens_minute`` and ``closes_minute`` of a working day of the calendar, at
    ``utc_offset_minutes`` from UTC. ``small_group_codes`` are the refusals that protect small
    groups. ``evaluated_every_seconds`` is how often the log is told up to where it was checked.
    """

    utc_offset_minutes: int = Field(gt=-MINUTES_PER_DAY, lt=MINUTES_PER_DAY)
    calendar: str = Field(min_length=1, max_length=60)
    opens_minute: int = Field(ge=0, lt=MINUTES_PER_DAY)
    closes_minute: int = Field(gt=0, le=MINUTES_PER_DAY)
    small_group_codes: tuple[str, ...] = Field(min_length=1)
    evaluated_every_seconds: int = Field(ge=60, le=86_400)
    own_rules_max: int = Field(ge=1, le=1_000)
    refused_bursts: AlertThreshold
    budget_drained: AlertThreshold
    odd_hours: AlertThreshold
    circling_columns: AlertThreshold
    circling_refusals: AlertThreshold
    screen_spent: AlertThreshold

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        if self.opens_minute >= self.closes_minute:
            raise ValueError("work ends before it begins")
        if self.budget_drained.minimum > PPM:
            raise ValueError("more than a whole budget cannot be drained")
        return self

    def threshold(self, check: CheckName) -> AlertThreshold:
        """Return the threshold of one check."""
        found: AlertThreshold = getattr(self, check)
        return found
