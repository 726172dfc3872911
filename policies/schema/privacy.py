"""What a privacy rule file may say: lifetime caps, prices, weights and limits of private answers.

Budgets are integer nano-rho (zCDP) and integer steps of 10^-15 for delta; no float stands here.
No setting can loosen these figures: they are policy, and their digest is in every log entry.
"""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules
from policies.schema.budgets import BudgetRules

NANO = 10**9
DELTA_STEPS = 10**15
EPSILON_PATTERN = r"^[0-9]{1,2}(\.[0-9]{1,3})?$"


SlotClass = Literal["declared", "ranked", "unranked", "heavy", "per_unit", "joined"]
Slot = Annotated[int, Field(ge=50, le=600_000)]


class Weights(Rules):
    """How a question's budget is split over what it measures, in parts of their sum."""

    rows: int = Field(ge=1, le=1000)
    units: int = Field(ge=1, le=1000)
    values: int = Field(ge=1, le=1000)
    total: int = Field(ge=1, le=1000)


class MechanismRules(Rules):
    """How answers beyond plain counts and sums are noised, and the most that one may hold.

    ``threshold_delta_steps`` is what one question over unknown keys may spend of delta.
    ``quantile_ends_ppm`` is the part of a quantile's budget that goes to the ends of its interval.
    ``cells_max`` caps the noisy figures of an interactive answer; in a quantile a choice takes
    about as long as ``cells_per_choice`` figures, and one more for each ``candidates_per_cell``
    candidates. ``preview_units`` are the sizes at
    which an estimate tells how likely a group is to be withheld.
    """

    squares_weight: int = Field(ge=1, le=1000)
    quantile_weight: int = Field(ge=1, le=1000)
    threshold_delta_steps: int = Field(ge=1, le=DELTA_STEPS // 1000)
    quantile_ends_ppm: int = Field(ge=1, le=999_999)
    cells_max: int = Field(ge=1, le=1_000_000)
    candidates_max: int = Field(ge=2, le=100_000)
    cells_per_choice: int = Field(ge=1, le=1_000)
    candidates_per_cell: int = Field(ge=1, le=1_000)
    preview_units: tuple[int, ...] = Field(min_length=1, max_length=6)


class QuestionCaps(Rules):
    """The most that one question may lose, as a decimal epsilon at the fixed delta, by grade.

    Grades in ``case_approval_grades``, and important data whatever its grade, are asked only with
    the authority's approval of the case.
    """

    L1: str = Field(pattern=EPSILON_PATTERN)
    L2: str = Field(pattern=EPSILON_PATTERN)
    L3: str = Field(pattern=EPSILON_PATTERN)
    L4: str = Field(pattern=EPSILON_PATTERN)
    case_approval_grades: tuple[str, ...]


class PrivacyRules(RuleFile):
    """One privacy rule file.

    ``dataset_rows_max`` is the declared cap on which the proof rests that no sum overflows.
    ``interval_alpha_ppm`` is the chance, in parts per million, that the noise alone carries an
    answer outside its interval. ``epsilon_delta_steps`` is the one delta at which an epsilon is
    shown; it spends nothing.
    """

    population_lifetime_nano_rho_max: int = Field(ge=1, le=10 * NANO)
    population_lifetime_delta_steps_max: int = Field(ge=0, le=DELTA_STEPS // 1000)
    question_nano_rho_default: int = Field(ge=1, le=NANO)
    question_nano_rho_min: int = Field(ge=1, le=NANO)
    epsilon_delta_steps: int = Field(ge=1, le=DELTA_STEPS // 1000)
    interval_alpha_ppm: int = Field(ge=1, le=500_000)
    groups_max: int = Field(ge=1, le=100_000)
    dataset_rows_max: int = Field(ge=1, le=10**11)
    preview_counts: tuple[int, ...] = Field(min_length=1, max_length=6)
    answer_slot_milliseconds: dict[SlotClass, Slot]
    failed_licences_close_class: int = Field(ge=1, le=100)
    weights: Weights
    mechanisms: MechanismRules
    question_epsilon_max: QuestionCaps
    budgets: BudgetRules

    @model_validator(mode="after")
    def _a_slot_for_every_class(self) -> "PrivacyRules":
        missing = sorted(set(get_args(SlotClass)) - self.answer_slot_milliseconds.keys())
        if missing:
            raise ValueError(f"answer_slot_milliseconds lacks {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _default_within_limits(self) -> "PrivacyRules":
        if self.question_nano_rho_default < self.question_nano_rho_min:
            raise ValueError("question_nano_rho_default lies below question_nano_rho_min")
        return self
