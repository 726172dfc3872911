"""What a figures file may say: how each indicator is counted, what counts as social, the targets.

The national file names the indicators; a jurisdiction's own file may set targets for them. A target
is a share in parts per million, with the document that it follows.
"""

from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

PPM = 1_000_000
KEY = r"^[a-z][a-z_]{0,59}$"


class Indicator(Rules):
    """One figure's name and formula, in words that a reader can check by hand."""

    key: str = Field(pattern=KEY)
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=120)
    formula_zh: str = Field(min_length=1, max_length=300)
    formula_en: str = Field(min_length=1, max_length=400)
    source: str = Field(min_length=1, max_length=200)


class Target(Rules):
    """The share an indicator should reach, and by which document."""

    key: str = Field(pattern=KEY)
    share_ppm: int = Field(ge=0, le=PPM)
    source: str = Field(min_length=1, max_length=200)


class FigureRules(RuleFile):
    """One figures file.

    An entry is of society (社会数据) where its zone is of one of ``social_zone_kinds`` or its
    provider's organisation of one of ``social_organisation_kinds``; every other is of government.
    ``environmental_themes`` and ``social_themes`` say under which benefit a theme is counted;
    ``recent_days`` is how far back timeliness and scorecards look.
    """

    indicators: tuple[Indicator, ...] = ()
    targets: tuple[Target, ...] = ()
    social_zone_kinds: tuple[str, ...] = ()
    social_organisation_kinds: tuple[str, ...] = ()
    social_themes: tuple[str, ...] = ()
    environmental_themes: tuple[str, ...] = ()
    recent_days: int = Field(default=366, ge=1, le=3_660)
    months_max: int = Field(default=36, ge=1, le=600)

    @model_validator(mode="after")
    def _says_something_once(self) -> Self:
        if not self.indicators and not self.targets:
            raise ValueError("a file names indicators or targets")
        for items in (self.indicators, self.targets):
            keys = [item.key for item in items]
            if len(set(keys)) != len(keys):
                raise ValueError("a key is named twice")
        return self
