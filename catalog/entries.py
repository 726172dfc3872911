"""Decides whether a catalogue entry is complete: nine legal fields, the three attributes, a code.

The fields are those of 政务数据共享条例 art. 13; all that is missing is named at once
(一次性告知), with what an attribute asks for besides: scope and permitted use where sharing is
conditional, reason and legal basis where an entry is withheld (art. 15). The catalogue code is
built as the guide of 2017 says; the provider's code must be a valid unified social credit code
(GB 32100-2015).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from catalog.catalogue_codes import check_code
from catalog.datasets import Frozen, Grade
from foundation.errors import InvalidInput, Message
from policies.schema.catalog import CatalogRules, RequiredField

CODE_LENGTH = 18
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CODE_CHARACTERS_MAX = 100
Text = Annotated[str, Field(min_length=1, max_length=400)]
Tag = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
SystemName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]


class ShareAttribute(StrEnum):
    """共享属性 (art. 14)."""

    UNCONDITIONAL = "unconditional"  # 无条件共享
    CONDITIONAL = "conditional"  # 有条件共享
    WITHHELD = "withheld"  # 不予共享


class ShareMode(StrEnum):
    """共享方式 (art. 22)."""

    SERVICE = "service"  # 服务接口
    BATCH = "batch"  # 批量交换
    FILE = "file"  # 文件下载
    SANDBOX = "sandbox"  # 沙箱内使用


class UpdateFrequency(StrEnum):
    """更新频率."""

    REAL_TIME = "real_time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    ONCE = "once"


class OpenAttribute(StrEnum):
    """开放属性: whether the data are open to the public."""

    UNCONDITIONAL = "unconditional"  # 无条件开放
    CONDITIONAL = "conditional"  # 有条件开放（受限开放）
    WITHHELD = "withheld"  # 不予开放（禁止开放）


class ReturnAttribute(StrEnum):
    """回流属性: whether the data flow back to the grass roots."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


class Bilingual(Frozen):
    """One text in both languages."""

    zh: Text
    en: Text


def _needs_no_english(schema: dict[str, Any]) -> None:
    """Let a contract say what ``Wording`` takes: no English, or an empty one, is no mistake."""
    schema["required"] = [name for name in schema["required"] if name != "en"]
    del schema["properties"]["en"]["minLength"]


class Wording(Bilingual):
    """A text of the catalogue. A bureau writes Chinese; English falls back to it where none is."""

    model_config = ConfigDict(json_schema_extra=_needs_no_english)

    @model_validator(mode="before")
    @classmethod
    def _fall_back(cls, told: object) -> object:
        if isinstance(told, Mapping) and "zh" in told and told.get("en", "") == "":
            return {**told, "en": told["zh"]}
        return told


class DataItem(Wording):
    """数据项: its name, and its type where the department states one."""

    type: Text | None = None


class Provider(Frozen):
    """提供单位: its name and its unified social credit code."""

    name: Wording
    code: str = Field(min_length=CODE_LENGTH, max_length=CODE_LENGTH)


class Classification(Frozen):
    """分类分级: the class path and the highest grade inside."""

    category: Wording
    grade: Grade


class LegalBasis(Frozen):
    """Why an entry is withheld or not open, and by which act (art. 15)."""

    reason: Wording
    act: Wording


class CatalogueEntry(Frozen):
    """One entry of the catalogue. ``source`` says plainly where the data come from."""

    code: str = Field(min_length=1, max_length=CODE_CHARACTERS_MAX)
    name: Wording
    data_items: tuple[DataItem, ...] = Field(min_length=1, max_length=500)
    provider: Provider
    format: Text
    update_frequency: UpdateFrequency
    share_attribute: ShareAttribute
    share_mode: ShareMode
    use_conditions: Wording
    classification: Classification
    open_attribute: OpenAttribute
    return_attribute: ReturnAttribute
    share_scope: Wording | None = None
    permitted_use: Wording | None = None
    legal_basis: LegalBasis | None = None
    open_basis: LegalBasis | None = None
    abstract: Wording | None = None
    related_codes: tuple[Text, ...] = Field(default=(), max_length=50)
    base_libraries: tuple[Tag, ...] = Field(default=(), max_length=20)
    themes: tuple[Tag, ...] = Field(default=(), max_length=20)
    zone: str = Field(default="public", pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    systems: tuple[SystemName, ...] = Field(default=(), max_length=50)
    source: Wording | None = None


def check_entry(raw: Mapping[str, Any], rules: CatalogRules) -> CatalogueEntry:
    """Return the entry, or raise InvalidInput with every missing field's name."""
    missing = missing_fields(raw, rules)
    if [item.field for item in missing] == ["legal_basis"]:
        raise _withheld_without_basis()
    if missing:
        raise _missing(missing, rules.document)
    try:
        entry = CatalogueEntry.model_validate(raw)
    except ValidationError as error:
        raise invalid_form("entry_field_invalid", error) from error
    check_code(entry.code, rules.code, "$.code")
    for number, code in enumerate(entry.related_codes):
        check_code(code, rules.code, f"$.related_codes[{number}]")
    _check_tags("base_libraries", entry.base_libraries, rules.base_library_names)
    _check_tags("themes", entry.themes, rules.theme_names)
    if not is_social_credit_code(entry.provider.code):
        raise InvalidInput(
            "provider_code_invalid",
            Message(
                zh="提供单位的统一社会信用代码（provider.code）校验不通过，请核对 18 位代码。",
                en="The provider's unified social credit code (provider.code) fails its check "
                "digit; compare its 18 characters.",
            ),
            field="$.provider.code",
            rule="GB 32100-2015",
        )
    return entry


def missing_fields(raw: Mapping[str, Any], rules: CatalogRules) -> list[RequiredField]:
    """Return every field that this document must have and lacks, those of its attributes too."""
    always = [item for item in rules.required_fields if _is_empty(raw.get(item.field))]
    by_attribute = [
        item
        for item in rules.conditional_fields
        if raw.get(item.when) in item.values and _is_empty(raw.get(item.field))
    ]
    return [*always, *by_attribute]


def _withheld_without_basis() -> InvalidInput:
    return InvalidInput(
        "entry_legal_basis_missing",
        Message(
            zh="“不予共享”的目录条目必须写明理由和法律、行政法规或国务院决定依据（legal_basis）。",
            en="A withheld entry must name its reason and its legal basis (legal_basis).",
        ),
        field="$.legal_basis",
        rule="政务数据共享条例 第十五条",
    )


def _check_tags(field: str, given: Sequence[str], known: frozenset[str]) -> None:
    unknown = [number for number, tag in enumerate(given) if tag not in known]
    if unknown:
        raise InvalidInput(
            "entry_tag_unknown",
            Message(
                zh=f"字段 {field} 第 {unknown[0] + 1} 项不在代码表中，"
                f"可用：{'、'.join(sorted(known))}。",
                en=f"Item {unknown[0] + 1} of {field} is not in its code list; there are: "
                f"{', '.join(sorted(known))}.",
            ),
            field=f"$.{field}[{unknown[0]}]",
            rule="policies/catalog",
        )


def is_social_credit_code(code: str) -> bool:
    """Tell whether a unified social credit code has its check character (GB 32100, ISO 7064)."""
    if len(code) != CODE_LENGTH or any(character not in CODE_ALPHABET for character in code):
        return False
    total = sum(
        CODE_ALPHABET.index(character) * pow(3, place, 31)
        for place, character in enumerate(code[:-1])
    )
    return CODE_ALPHABET[(31 - total % 31) % 31] == code[-1]


def invalid_form(code: str, error: ValidationError) -> InvalidInput:
    """Say which field of a document breaks its form, without repeating its value."""
    first = error.errors(include_input=False, include_url=False)[0]
    path = "$" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
    )
    return InvalidInput(
        code,
        Message(
            zh=f"字段 {path} 的内容不符合要求（{first['type']}）。请按接口说明改正后重新提交。",
            en=f"The field {path} breaks its form ({first['type']}). Correct it as the API "
            "reference says and submit again.",
        ),
        field=path,
        rule=str(first["type"]),
    )


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _missing(fields: Sequence[RequiredField], document: str) -> InvalidInput:
    names_zh = "、".join(f"{item.name_zh}（{item.field}）" for item in fields)
    names_en = ", ".join(f"{item.name_en} ({item.field})" for item in fields)
    return InvalidInput(
        "entry_field_missing",
        Message(
            zh=f"目录条目缺少必填项：{names_zh}。请一次补齐后重新提交。",
            en=f"The catalogue entry lacks: {names_en}. Complete them all and submit again.",
        ),
        field=f"$.{fields[0].field}",
        rule=document,
    )
