"""What a mask rule file may say: which mask is stricter, how masks look, and the least k and l."""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

MASKS = frozenset(
    {
        "none",
        "generalise",
        "region",
        "bucket",
        "partial",
        "format",
        "pseudonym",
        "redact",
        "null",
    }
)


class ExtractThreshold(Rules):
    """For one subject and grade: ``k`` look-alikes at least, ``l`` sensitive values in each group.

    k-anonymity: Samarati and Sweeney 1998; l-diversity: Machanavajjhala and others 2007.
    """

    subject: Literal["person", "organisation", "open"]
    grade: Literal["L1", "L2", "L3", "L4"]
    k: int = Field(ge=1, le=10_000)
    l: int = Field(ge=1, le=1_000)  # noqa: E741 - the name the field gives it


class MaskMinimum(Rules):
    """The mildest mask, by ``strictness``, for a column of this identifier kind and grade."""

    identifier: Literal["direct", "quasi", "sensitive", "none"]
    grade: Literal["L1", "L2", "L3", "L4"]
    mask: Literal["partial", "format", "pseudonym", "redact", "null"]


class MaskRules(RuleFile):
    """One mask rule file.

    ``strictness`` lists the masks from the mildest to the strictest. Where no threshold stands
    for a subject and grade, no extract may be built; where no minimum stands for an identifier
    kind and grade, the declared mask is enough.
    """

    strictness: tuple[str, ...]
    redacted_text: str = Field(min_length=1, max_length=20)
    partial_middle: str = Field(min_length=1, max_length=20)
    pseudonym_characters: int = Field(ge=16, le=52)
    thresholds: tuple[ExtractThreshold, ...]
    minimums: tuple[MaskMinimum, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(self.strictness) != len(MASKS) or set(self.strictness) != MASKS:
            raise ValueError("strictness must list each mask once")
        if self.strictness[0] != "none" or set(self.strictness[-2:]) != {"redact", "null"}:
            raise ValueError("strictness begins with none and ends with redact and null")
        cases = [(threshold.subject, threshold.grade) for threshold in self.thresholds]
        if len(cases) != len(set(cases)):
            raise ValueError("one threshold per subject and grade")
        masked = [(minimum.identifier, minimum.grade) for minimum in self.minimums]
        if len(masked) != len(set(masked)):
            raise ValueError("one minimum per identifier kind and grade")
        return self

    def threshold(self, subject: str, grade: str) -> ExtractThreshold | None:
        """Return the threshold for a subject and grade, or None."""
        return next(
            (item for item in self.thresholds if (item.subject, item.grade) == (subject, grade)),
            None,
        )

    def minimum(self, identifier: str, grade: str) -> str | None:
        """Return the least mask for an identifier kind and grade, or None."""
        return next(
            (
                item.mask
                for item in self.minimums
                if (item.identifier, item.grade) == (identifier, grade)
            ),
            None,
        )
