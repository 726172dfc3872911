"""What a verification rule file may say: which grades, how many claims, how guessing ends."""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile

GradeName = Literal["L1", "L2", "L3", "L4"]


class VerificationRules(RuleFile):
    """One verification (核验) rule file.

    ``claims_per_subject_max`` distinct claims about one subject's column within ``period_days``
    are answered, of one operator and its affiliates under all their licences; the next one locks
    that column of that subject to them until the authority lifts it.
    ``subjects_per_value_per_day_max`` bounds how many subjects one value is tried on, and
    ``claims_per_operator_per_day_max`` everything together. Each answer takes
    ``answer_slot_milliseconds`` or a multiple of it.
    """

    grade_max: GradeName
    grade_max_with_basis: GradeName
    consent_days_max: int = Field(ge=1, le=3_660)
    attributes_per_claim_max: int = Field(ge=1, le=20)
    claims_per_subject_max: int = Field(ge=1, le=100)
    period_days: int = Field(ge=1, le=3_660)
    subjects_per_value_per_day_max: int = Field(ge=1, le=1_000_000)
    claims_per_operator_per_day_max: int = Field(ge=1, le=100_000_000)
    answer_slot_milliseconds: int = Field(ge=50, le=60_000)
