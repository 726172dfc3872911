"""What a catalogue rule file may say: which fields an entry must have, and how big a file may be.

The field names are those a refusal shows, in both languages (政务数据共享条例 art. 13).
"""

from pydantic import Field

from policies.schema import RuleFile, Rules


class RequiredField(Rules):
    """One field without which an entry is refused, and its name in both languages."""

    field: str = Field(pattern=r"^[a-z][a-z_]{0,62}$")
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)


class CatalogRules(RuleFile):
    """One catalogue rule file."""

    rows_max: int = Field(ge=1, le=10**10)
    source_bytes_max: int = Field(ge=1, le=2**44)
    required_fields: tuple[RequiredField, ...] = Field(min_length=1)
