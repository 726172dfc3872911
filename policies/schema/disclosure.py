"""What a disclosure rule file may say: what the release desk asks of a result before it leaves."""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile


class DisclosureRules(RuleFile):
    """One disclosure rule file.

    ``contributors_min`` counts privacy units, not rows. ``released_modes`` names the answers
    that may be released at all; ``votes_min`` is how many people must approve.
    """

    contributors_min: int = Field(ge=1, le=10_000)
    released_modes: tuple[Literal["aggregate", "rows"], ...] = Field(min_length=1)
    rows_max: int = Field(ge=1, le=1_000_000)
    columns_max: int = Field(ge=1, le=500)
    bytes_max: int = Field(ge=1, le=1 << 30)
    text_characters_max: int = Field(ge=1, le=10_000)
    header_characters_max: int = Field(ge=1, le=200)
    title_characters_max: int = Field(ge=1, le=200)
    file_name_pattern: str = Field(min_length=1, max_length=200)
    file_formats: tuple[Literal["arrow", "csv", "parquet"], ...] = Field(min_length=1)
    votes_min: int = Field(ge=2, le=9)
