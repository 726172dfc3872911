"""What a zone rule file may say: the highest grade that a kind of zone holds, and each mode gives.

A zone (公共数据区, 地区专区, 企业专区) is an isolation domain. What its grade forbids is refused
when data are registered in it and when a licence of it is drafted.
"""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

ZoneGrade = Literal["L1", "L2", "L3", "L4"]


class ZoneControls(Rules):
    """What one kind of zone may hold and give. A mode without a grade is not given at all."""

    kind: Literal["public", "regional", "enterprise"]
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    grade_max: ZoneGrade
    important_allowed: bool
    region_required: bool
    rows_grade_max: ZoneGrade | None = None
    aggregate_grade_max: ZoneGrade | None = None
    verify_grade_max: ZoneGrade | None = None

    def mode_grade_max(self, mode: str) -> str | None:
        """Return the highest grade that a mode may reach; None where the mode is not given."""
        found = {
            "rows": self.rows_grade_max,
            "aggregate": self.aggregate_grade_max,
            "verify": self.verify_grade_max,
        }
        return found.get(mode)


class ZoneRules(RuleFile):
    """One zone rule file."""

    kinds: tuple[ZoneControls, ...] = Field(min_length=1)

    def of_kind(self, kind: str) -> ZoneControls | None:
        """Return the controls of a kind of zone, or None."""
        return next((found for found in self.kinds if found.kind == kind), None)
