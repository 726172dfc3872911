"""What a sharing file may say: what a request states, which conditions obstruct, how much leaves.

A condition that a provider makes up for one requester obstructs sharing (政务数据共享条例 art. 15).
Words that give such a condition away stand here, each under the name of what it asks for.
"""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules
from policies.schema.access import GradeName
from policies.schema.catalog import RequiredField

Words = Annotated[str, Field(min_length=2, max_length=60)]


class Obstruction(Rules):
    """One kind of condition that obstructs sharing, and the words that it is known by."""

    name: str = Field(pattern=r"^[a-z][a-z_]{1,40}$")
    label_zh: str = Field(min_length=1, max_length=60)
    label_en: str = Field(min_length=1, max_length=100)
    words: tuple[Words, ...] = Field(min_length=1)


class SharingRules(RuleFile):
    """One sharing file.

    ``file_grade_max`` is the highest grade that leaves as a file or a batch; above it data are
    asked for through the interface only, where each call is metered. ``use_term_days_max`` bounds
    使用时限 in civil days; ``term_notice_days_before`` its end it is called to mind.
    ``calls_per_day_max`` is one department's for one request.
    """

    required_fields: tuple[RequiredField, ...] = Field(min_length=1)
    sign_off: RequiredField
    conditions_document: str = Field(min_length=1, max_length=200)
    refusal_document: str = Field(min_length=1, max_length=200)
    obstructions: tuple[Obstruction, ...] = Field(min_length=1)
    use_term_days_max: int = Field(ge=1, le=36_600)
    term_notice_days_before: tuple[int, ...] = Field(min_length=1, max_length=10)
    file_grade_max: GradeName
    rows_per_call_max: int = Field(ge=1, le=100_000)
    calls_per_day_max: int = Field(ge=1, le=10**9)
    file_rows_max: int = Field(ge=1, le=10**8)

    @model_validator(mode="after")
    def _steps_fall(self) -> Self:
        days = self.term_notice_days_before
        if days[-1] < 1 or any(later >= earlier for earlier, later in pairwise(days)):
            raise ValueError("reminders come nearer to the last day, one after another")
        return self
