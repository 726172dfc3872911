"""What a catalogue rule file may say: which fields an entry must have, its code, its code lists.

The field names are those a refusal shows, in both languages (政务数据共享条例 art. 13).
"""

from pydantic import Field

from policies.schema import RuleFile, Rules


class RequiredField(Rules):
    """One field without which an entry is refused, and its name in both languages."""

    field: str = Field(pattern=r"^[a-z][a-z_]{0,62}$")
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)


class ConditionalField(RequiredField):
    """A field that is required only where another has one of these values."""

    when: str = Field(pattern=r"^[a-z][a-z_]{0,62}$")
    values: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1, max_length=200)


class CodeClass(Rules):
    """类: the first digit of a catalogue code and what it stands for."""

    digit: str = Field(pattern=r"^[0-9]$")
    zh: str = Field(min_length=1, max_length=60)
    en: str = Field(min_length=1, max_length=60)


class CodeRules(Rules):
    """How a catalogue code is built: 类1 项2 目3 细目, separator, running number."""

    separator: str = Field(min_length=1, max_length=1)
    detail_digits_max: int = Field(ge=0, le=40)
    sequence_digits_max: int = Field(ge=1, le=40)
    source: str = Field(min_length=1, max_length=200)
    classes: tuple[CodeClass, ...] = Field(min_length=1)


class ListedTag(Rules):
    """One entry of a code list of tags."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    zh: str = Field(min_length=1, max_length=60)
    en: str = Field(min_length=1, max_length=60)


class CatalogRules(RuleFile):
    """One catalogue rule file."""

    rows_max: int = Field(ge=1, le=10**10)
    source_bytes_max: int = Field(ge=1, le=2**44)
    batch_rows_max: int = Field(ge=1, le=500)
    page_rows_max: int = Field(ge=1, le=1000)
    code: CodeRules
    required_fields: tuple[RequiredField, ...] = Field(min_length=1)
    conditional_fields: tuple[ConditionalField, ...] = Field(min_length=1)
    base_libraries: tuple[ListedTag, ...] = Field(min_length=1)
    themes: tuple[ListedTag, ...] = Field(min_length=1)

    @property
    def base_library_names(self) -> frozenset[str]:
        """The codes of the base libraries (基础库)."""
        return frozenset(item.code for item in self.base_libraries)

    @property
    def theme_names(self) -> frozenset[str]:
        """The codes of the themes (主题库)."""
        return frozenset(item.code for item in self.themes)
