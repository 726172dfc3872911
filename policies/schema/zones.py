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


class RefusedClass(Rules):
    """A class of data that no zone holds, and the document that says so."""

    secrecy: Literal["core", "work_secret", "state_secret"]
    document: str = Field(min_length=1, max_length=200)


class ZoneRules(RuleFile):
    """One zone rule file. Every class that may be declared as secret has its refusal here."""

    kinds: tuple[ZoneControls, ...] = Field(min_length=1)
    refused: tuple[RefusedClass, ...] = Field(min_length=3)

    def refusal_of(self, secrecy: str) -> str:
        """Return the document by which a class of data is refused."""
        named = (found.document for found in self.refused if found.secrecy == secrecy)
        return next(named, self.document)

    def of_kind(self, kind: str) -> ZoneControls | None:
        """Return the controls of a kind of zone, or None."""
        return next((found for found in self.kinds if found.kind == kind), None)
