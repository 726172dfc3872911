"""What a mask rule file may say: which mask is stricter, how masks look, and the least k and l."""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

MASKS = frozenset({"none", "generalise", "partial", "pseudonym", "redact", "null"})


class ExtractThreshold(Rules):
    """For one subject and grade: ``k`` look-alikes at least, ``l`` sensitive values in each group.

    k-anonymity: Samarati and Sweeney 1998; l-diversity: Machanavajjhala and others 2007.
    """

    subject: Literal["person", "organisation", "open"]
    grade: Literal["L1", "L2", "L3", "L4"]
    k: int = Field(ge=1, le=10_000)
    l: int = Field(ge=1, le=1_000)  # noqa: E741 - the name the field gives it


class MaskRules(RuleFile):
    """One mask rule file.

    ``strictness`` lists the masks from the mildest to the strictest. Where no threshold stands
    for a subject and grade, no extract may be built.
    """

    strictness: tuple[str, ...]
    redacted_text: str = Field(min_length=1, max_length=20)
    partial_middle: str = Field(min_length=1, max_length=20)
    pseudonym_characters: int = Field(ge=16, le=52)
    thresholds: tuple[ExtractThreshold, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.strictness) != len(MASKS) or set(self.strictness) != MASKS:
            raise ValueError("strictness must list each mask once")
        cases = [(threshold.subject, threshold.grade) for threshold in self.thresholds]
        if len(cases) != len(set(cases)):
            raise ValueError("one threshold per subject and grade")
        return self

    def threshold(self, subject: str, grade: str) -> ExtractThreshold | None:
        """Return the threshold for a subject and grade, or None."""
        return next(
            (item for item in self.thresholds if (item.subject, item.grade) == (subject, grade)),
            None,
        )
