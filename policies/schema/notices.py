"""What a notice file may say: when matters are called to mind and raised, how notices travel."""

from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules


class Escalation(Rules):
    """Whom an overdue matter is raised to, so many civil days after its last day.

    ``to`` is a role: of the handling organisation, or of the data authority for ``authority``.
    """

    after_days: int = Field(ge=0, le=365)
    to: str = Field(pattern=r"^(provider|department_head|hall_representative|authority)$")


class NoticeRules(RuleFile):
    """Reminders and escalations of matters; the overdue list; attempts and limits of delivery."""

    remind_days_before: tuple[int, ...] = Field(min_length=1, max_length=10)
    escalations: tuple[Escalation, ...] = Field(min_length=1, max_length=10)
    announce_every_days: int = Field(ge=1, le=366)
    announced_max: int = Field(ge=1, le=2_000)
    retry_seconds: tuple[int, ...] = Field(min_length=1, max_length=20)
    deliver_seconds_max: int = Field(ge=1, le=60)
    round_deliveries_max: int = Field(ge=1, le=1_000)
    subscriptions_per_organisation_max: int = Field(ge=1, le=100)

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        days = self.remind_days_before
        if any(later >= earlier for earlier, later in pairwise(days)):
            raise ValueError("reminders come nearer to the last day, one after another")
        after = [step.after_days for step in self.escalations]
        if sorted(set(after)) != after:
            raise ValueError("escalations follow one after another")
        return self
