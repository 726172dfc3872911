"""What a standards rule file may say: data elements, code lists, divisions, public-credit codes.

The authority may add elements and lists later through the API; those of the rule file are the
platform's first edition, each with its standard's number and edition.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

CODE = r"^[A-Z][A-Z0-9_-]{1,39}$"
Enforcement = Literal["refuse", "flag"]


class CodeValue(Rules):
    """One value of a code list, in both languages."""

    value: str = Field(min_length=1, max_length=100)
    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(default="", max_length=200)


class CodeListRule(Rules):
    """A code list (代码表): ``standard`` is its number, ``version`` its edition."""

    code: str = Field(pattern=CODE)
    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)
    standard: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=60)
    values: tuple[CodeValue, ...] = Field(min_length=1, max_length=10_000)


class ElementRule(Rules):
    """A data element (数据元). ``length_max`` counts characters, ``pattern`` is RE2 and whole.

    ``divisions`` says that values are division codes, so that a column may be chosen by region.
    ``on_violation`` refuses the version, or lets it stand and tells the source.
    """

    code: str = Field(pattern=CODE)
    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)
    type: Literal["integer", "decimal", "text", "date", "boolean"]
    standard: str = Field(min_length=1, max_length=200)
    version: str = Field(min_length=1, max_length=60)
    length_max: int | None = Field(default=None, ge=1, le=4_096)
    pattern: str | None = Field(default=None, min_length=1, max_length=400)
    code_list: str | None = Field(default=None, pattern=CODE)
    divisions: bool = False
    on_violation: Enforcement = "flag"


class StandardRules(RuleFile):
    """One standards file. ``divisions`` are (code, Chinese name), ``province_names`` in English."""

    divisions_standard: str = Field(min_length=1, max_length=200)
    divisions_version: str = Field(min_length=1, max_length=60)
    elements: tuple[ElementRule, ...] = Field(min_length=1)
    code_lists: tuple[CodeListRule, ...] = Field(min_length=1)
    province_names: dict[str, str]
    divisions: tuple[tuple[str, str], ...] = Field(min_length=34, max_length=10_000)

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        lists = [found.code for found in self.code_lists]
        elements = [found.code for found in self.elements]
        named = {found.code_list for found in self.elements if found.code_list}
        codes = [code for code, _ in self.divisions]
        once = all(len(set(one)) == len(one) for one in (lists, elements, codes))
        if not once or not named <= set(lists):
            raise ValueError("a code stands twice, or an element names a list that is not there")
        if not all(len(code) == 6 and code.isdecimal() for code in codes):  # noqa: PLR2004
            raise ValueError("a division code has six digits")
        return self
