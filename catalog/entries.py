"""Decides whether a catalogue entry is complete: the nine legal fields and the return attribute.

The fields are those of 政务数据共享条例 art. 13; all that is missing is named at once
(一次性告知). Withholding needs its reason and legal basis (art. 15); the provider's code must be
a valid unified social credit code (GB 32100-2015).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError

from catalog.datasets import Frozen, Grade
from foundation.errors import InvalidInput, Message
from policies.schema.catalog import CatalogRules, RequiredField

CODE_LENGTH = 18
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
Text = Annotated[str, Field(min_length=1, max_length=400)]


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


class ReturnAttribute(StrEnum):
    """回流属性: whether the data flow back to the grass roots."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


class Bilingual(Frozen):
    """One text in both languages."""

    zh: Text
    en: Text


class Provider(Frozen):
    """提供单位: its name and its unified social credit code."""

    name: Bilingual
    code: str = Field(min_length=CODE_LENGTH, max_length=CODE_LENGTH)


class Classification(Frozen):
    """分类分级: the class path and the highest grade inside."""

    category: Bilingual
    grade: Grade


class LegalBasis(Frozen):
    """Why an entry is withheld, and by which act (art. 15)."""

    reason: Bilingual
    act: Bilingual


class CatalogueEntry(Frozen):
    """One entry of the catalogue. ``source`` says plainly where the data come from."""

    code: str = Field(pattern=r"^[a-z0-9][a-z0-9_/.-]{0,99}$")
    name: Bilingual
    data_items: tuple[Bilingual, ...] = Field(min_length=1, max_length=500)
    provider: Provider
    format: Text
    update_frequency: UpdateFrequency
    share_attribute: ShareAttribute
    share_mode: ShareMode
    use_conditions: Bilingual
    classification: Classification
    return_attribute: ReturnAttribute
    legal_basis: LegalBasis | None = None
    source: Bilingual


def check_entry(raw: Mapping[str, Any], rules: CatalogRules) -> CatalogueEntry:
    """Return the entry, or raise InvalidInput with every missing field's name."""
    missing = [item for item in rules.required_fields if _is_empty(raw.get(item.field))]
    if missing:
        raise _missing(missing, rules.document)
    try:
        entry = CatalogueEntry.model_validate(raw)
    except ValidationError as error:
        raise invalid_form("entry_field_invalid", error) from error
    if entry.share_attribute is ShareAttribute.WITHHELD and entry.legal_basis is None:
        raise InvalidInput(
            "entry_legal_basis_missing",
            Message(
                zh="“不予共享”的目录条目必须写明理由和法律、行政法规或国务院决定依据（legal_basis）。",
                en="A withheld entry must name its reason and its legal basis (legal_basis).",
            ),
            field="$.legal_basis",
            rule="政务数据共享条例 第十五条",
        )
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
