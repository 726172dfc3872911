"""What a quality file may say: what detectors suggest and when, risk bands, scores, clocks of data.

Shares are per mille of the values looked at. Nothing here changes a declaration by itself.
"""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

PER_MILLE = 1_000


class DetectorRule(Rules):
    """What one detector suggests where at least ``share_min`` of the values look like it.

    ``words`` are parts of a column's labels that make a likeness more certain; a heuristic
    detector (``needs_word``) suggests nothing without one.
    """

    detector: str = Field(pattern=r"^[a-z][a-z_]{0,40}$")
    identifier: Literal["direct", "quasi", "sensitive"]
    grade: Literal["L1", "L2", "L3", "L4"]
    share_min: int = Field(ge=1, le=PER_MILLE)
    certainty: Literal["checked", "formed", "likely"]
    needs_word: bool = False
    words: tuple[str, ...] = ()
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    document: str = Field(min_length=1, max_length=200)


class ProfileRules(Rules):
    """How much a profile keeps. ``partition_values_max`` bounds what is counted at once."""

    sample_rows_max: int = Field(ge=100, le=10_000_000)
    top_values_max: int = Field(ge=0, le=100)
    patterns_max: int = Field(ge=0, le=100)
    bins_max: int = Field(ge=1, le=200)
    partition_values_max: int = Field(ge=1_000, le=50_000_000)


class RiskBand(Rules):
    """A band of re-identification risk: it holds where the least class is below ``k_below``."""

    name: Literal["high", "medium", "low"]
    k_below: int = Field(ge=1, le=10_000_000)


class RiskRules(Rules):
    """How re-identification risk is banded, first match first; and how many columns are crossed."""

    quasi_columns_max: int = Field(ge=1, le=16)
    sensitive_columns_max: int = Field(ge=1, le=16)
    small_classes: tuple[int, ...] = Field(min_length=1, max_length=8)
    l_min: int = Field(ge=2, le=100)
    bands: tuple[RiskBand, ...] = Field(min_length=1, max_length=3)
    document: str = Field(min_length=1, max_length=200)


class ScoreBand(Rules):
    """A band that an owner may release: from this score (per mille) on."""

    name: Literal["excellent", "good", "fair", "poor"]
    from_score: int = Field(ge=0, le=PER_MILLE)
    name_zh: str = Field(min_length=1, max_length=20)
    name_en: str = Field(min_length=1, max_length=40)


class ComparisonRules(Rules):
    """How much of a comparison of two sources is kept, sealed, for each of the two."""

    listed_keys_max: int = Field(ge=0, le=1_000_000)


class QualityRules(RuleFile):
    """One quality file. ``age_days`` is how old a version may grow, by update frequency."""

    rules_max: int = Field(ge=1, le=1_000)
    profile: ProfileRules
    risk: RiskRules
    comparison: ComparisonRules
    score_bands: tuple[ScoreBand, ...] = Field(min_length=1, max_length=4)
    age_days: dict[str, int]
    detectors: tuple[DetectorRule, ...] = Field(min_length=1, max_length=40)
