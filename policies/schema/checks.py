"""What a checks rule file may say: when a table or model may leave, for each grade of its data."""

from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

Grade = Literal["L1", "L2", "L3", "L4"]
GRADES: tuple[Grade, ...] = ("L1", "L2", "L3", "L4")


class GradeChecks(Rules):
    """The statistical disclosure rules of one grade.

    ``contributors_min`` counts distinct units with a value. A cell is dominated where its
    ``dominance_units`` largest units hold ``dominance_per_mille`` of it, or where what is left
    without the two largest is under ``p_per_mille`` of the largest. With ``zeros_disclosive`` a
    cell with nobody in it, or with all zeros, tells something of everybody in its row.
    ``interval_people_min`` and ``interval_per_mille`` say how far a hidden count or total must be
    from known: a reader's interval is at least that wide (a total's reaches that part of it to
    each side). ``rounding_base`` 1 means no rounding. ``bin_contributors_min`` is for both edges
    of a histogram.
    """

    contributors_min: int = Field(ge=2, le=10_000)
    dominance_units: int = Field(ge=1, le=10)
    dominance_per_mille: int = Field(ge=100, le=1_000)
    p_per_mille: int = Field(ge=10, le=1_000)
    zeros_disclosive: bool
    interval_people_min: int = Field(ge=2, le=10_000)
    interval_per_mille: int = Field(ge=10, le=1_000)
    rounding_base: int = Field(ge=1, le=1_000)
    residual_freedom_min: int = Field(ge=1, le=10_000)
    parameters_per_mille_max: int = Field(ge=1, le=1_000)
    at_risk_min: int = Field(ge=2, le=10_000)
    bin_contributors_min: int = Field(ge=2, le=10_000)


class SizeChecks(Rules):
    """How large a table may be, and how long the search for what to hide may take.

    ``exact_choices_max`` is the most (cells × protected cells) for which the cheapest set is
    sought as a whole; above it cells are protected one by one. ``search_ms_max`` bounds all of it.
    """

    dimensions_max: int = Field(ge=1, le=4)
    levels_max: int = Field(ge=2, le=10_000)
    cells_max: int = Field(ge=4, le=1_000_000)
    linked_cells_max: int = Field(ge=4, le=1_000_000)
    search_ms_max: int = Field(ge=100, le=600_000)
    exact_choices_max: int = Field(ge=0, le=100_000)
    exact_search_ms_max: int = Field(ge=0, le=600_000)
    joined_cells_max: int = Field(ge=1, le=4)


class CheckRules(RuleFile):
    """One checks rule file: a set of rules for each grade, and limits of size for all."""

    size: SizeChecks
    grades: dict[Grade, GradeChecks]

    @model_validator(mode="after")
    def _every_grade_at_least_as_strict(self) -> "CheckRules":
        if set(self.grades) != set(GRADES):
            raise ValueError("every grade needs its rules")
        for lower, higher in pairwise(GRADES):
            if not _as_strict(self.grades[higher], self.grades[lower]):
                raise ValueError("a higher grade is never laxer than a lower one")
        return self

    def of(self, grade: Grade) -> GradeChecks:
        """Return the rules of one grade."""
        return self.grades[grade]


def _as_strict(higher: GradeChecks, lower: GradeChecks) -> bool:
    rising = (
        "contributors_min",
        "dominance_units",
        "p_per_mille",
        "zeros_disclosive",
        "interval_people_min",
        "interval_per_mille",
        "rounding_base",
        "residual_freedom_min",
        "at_risk_min",
        "bin_contributors_min",
    )
    falling = ("dominance_per_mille", "parameters_per_mille_max")
    return all(getattr(higher, name) >= getattr(lower, name) for name in rising) and all(
        getattr(higher, name) <= getattr(lower, name) for name in falling
    )
