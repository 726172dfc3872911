"""Decides whether a request to share is complete: five fields, and the head's sign-off.

The fields are those of 政务数据共享条例 art. 20: 使用依据, 使用场景, 使用范围, 共享方式, 使用时限.
All that is missing is named at once (一次性告知, art. 21).
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import Field, ValidationError

from catalog.datasets import Frozen, Name
from catalog.entries import ShareMode, invalid_form
from foundation.civil_day import CivilDay
from foundation.errors import InvalidInput, Message
from policies.schema.catalog import RequiredField
from policies.schema.sharing import SharingRules

TEXT_CHARACTERS_MAX = 2_000
COLUMNS_MAX = 500
Text = Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)]
REGION_PATTERN = r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$"
DELIVERED = frozenset({ShareMode.SERVICE, ShareMode.BATCH, ShareMode.FILE})


class ShareForm(Frozen):
    """What a department asks for. ``until`` is the last day of use in the civil calendar.

    ``dataset`` and ``columns`` name what of the entry is wanted, where it is onboarded already;
    ``region`` is the division code (GB/T 2260) of a lower level that gets its own rows back.
    """

    basis: Text
    scenario: Text
    scope: Text
    mode: ShareMode
    until: CivilDay
    dataset: Name | None = None
    columns: tuple[Name, ...] = Field(default=(), max_length=COLUMNS_MAX)
    region: str = Field(default="", pattern=REGION_PATTERN)


class ShareDraft(Frozen):
    """A request under preparation: any field may still be missing."""

    basis: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)
    scenario: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)
    scope: str = Field(default="", max_length=TEXT_CHARACTERS_MAX)
    mode: ShareMode | None = None
    until: CivilDay | None = None
    dataset: Name | None = None
    columns: tuple[Name, ...] = Field(default=(), max_length=COLUMNS_MAX)
    region: str = Field(default="", pattern=REGION_PATTERN)


def check_form(
    raw: Mapping[str, Any], rules: SharingRules, *, signed: bool, today: date
) -> ShareForm:
    """Return the complete form, or raise InvalidInput naming everything that is missing.

    ``signed`` says whether the unit's head signed it off; ``today`` is the jurisdiction's day.
    """
    missing = [item for item in rules.required_fields if not _given(raw.get(item.field))]
    if not signed:
        missing.append(rules.sign_off)
    if missing:
        raise _missing(missing, rules.document)
    try:
        form = ShareForm.model_validate(dict(raw))
    except ValidationError as error:
        raise invalid_form("share_field_invalid", error) from error
    _check_term(form, rules, today)
    _check_mode(form)
    return form


def _given(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _check_term(form: ShareForm, rules: SharingRules, today: date) -> None:
    days = (form.until - today).days
    if not 0 <= days <= rules.use_term_days_max:
        raise InvalidInput(
            "share_term_invalid",
            Message(
                f"使用时限须自今日起不超过 {rules.use_term_days_max} 天，且不早于今日。",
                f"The term of use ends today or later, and within {rules.use_term_days_max} days.",
            ),
            field="$.until",
            rule="policies/sharing",
            way_out=Message("请改写使用时限。", "Choose another last day of use."),
        )


def _check_mode(form: ShareForm) -> None:
    if form.mode not in DELIVERED:
        raise InvalidInput(
            "share_mode_invalid",
            Message(
                "共享方式须为服务接口、批量交换或文件下载之一；沙箱内使用请走授权运营。",
                "The mode is service, batch or file; use inside the sandbox needs a licence.",
            ),
            field="$.mode",
            rule="政务数据共享条例 第二十二条",
        )


def _missing(fields: list[RequiredField], document: str) -> InvalidInput:
    names_zh = "、".join(f"{item.name_zh}（{item.field}）" for item in fields)
    names_en = ", ".join(f"{item.name_en} ({item.field})" for item in fields)
    return InvalidInput(
        "share_field_missing",
        Message(
            f"共享申请缺少：{names_zh}。请一次补齐后重新提交。",
            f"The sharing request lacks: {names_en}. Complete them all and submit again.",
        ),
        field=f"$.{fields[0].field}",
        rule=document,
        way_out=Message(
            "补齐字段，并由申请单位负责人审签。",
            "Complete the fields, and have the requesting unit's head sign.",
        ),
    )
