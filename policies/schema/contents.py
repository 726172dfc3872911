"""What a contents rule file may say: which foreign bytes the desk reads, and what may not hide."""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile


class ContentRules(RuleFile):
    """One rule file on the contents of released files.

    Foreign bytes are those that came out of a session. A table of them leaves sorted and with no
    more than ``significant_digits_max``, so that neither row order nor low digits carry a message.
    An unbroken run of at least ``opaque_characters_min`` letters and digits counts as hidden
    content where it has ``opaque_millibits_per_character_min`` of entropy, and changes between
    digits, capitals and small letters ``opaque_changes_per_mille_min`` times. A text may hold at
    most ``untraced_numbers_max`` numbers that stand in no recomputed table of the same request; up
    to ``plain_numbers_max`` whole numbers of at most ``plain_digits_max`` digits, or years, are
    words (ages, days, numbers of tables).
    ``uploads_per_day_max`` files a licence and day are taken.
    """

    formats: tuple[Literal["csv", "parquet", "json", "md"], ...] = Field(min_length=1)
    file_bytes_max: int = Field(ge=1_000, le=1 << 28)
    rows_max: int = Field(ge=1, le=1_000_000)
    columns_max: int = Field(ge=1, le=500)
    cell_characters_max: int = Field(ge=1, le=10_000)
    text_characters_max: int = Field(ge=100, le=1_000_000)
    json_depth_max: int = Field(ge=1, le=64)
    json_values_max: int = Field(ge=1, le=1_000_000)
    significant_digits_max: int = Field(ge=1, le=15)
    opaque_characters_min: int = Field(ge=8, le=200)
    opaque_millibits_per_character_min: int = Field(ge=1_000, le=6_000)
    opaque_changes_per_mille_min: int = Field(ge=50, le=900)
    untraced_numbers_max: int = Field(ge=0, le=1_000)
    plain_digits_max: int = Field(ge=0, le=3)
    plain_numbers_max: int = Field(ge=0, le=1_000)
    uploads_per_day_max: int = Field(ge=1, le=10_000)
    figure_rows_max: int = Field(ge=1, le=100_000)
