"""The rules of access that Casbin lines are compiled with: how high a grade each mode may reach.

The Casbin model itself is ``policies/access/model.conf``; it is part of the same pack and digest.
"""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile

GradeName = Literal["L1", "L2", "L3", "L4"]


class AccessRules(RuleFile):
    """The highest grade (GB/T 43697-2024) a line may carry, by mode, without and with a basis.

    A *basis* is the approval that a grant names; grade 4 and rows about persons need one.
    ``lines_max`` bounds one snapshot, so that a runaway compile is refused. Authorities stand in
    at most ``authority_levels_max`` levels, and lend a power for ``delegation_days_max`` at most.
    """

    rows_grade_max: GradeName
    rows_grade_max_with_basis: GradeName
    aggregate_grade_max: GradeName
    aggregate_grade_max_with_basis: GradeName
    lines_max: int
    authority_levels_max: int = Field(ge=1, le=9)
    delegation_days_max: int = Field(ge=1)
