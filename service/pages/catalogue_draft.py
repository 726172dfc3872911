"""The form of an entry's text, and how what was entered becomes a document to be checked.

Fields have the names of the document, so that a refusal comes back to the field it is about. The
English words of a text that was not touched are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from authorization.organisations import organisation_by_id
from catalog.book.systems import systems
from catalog.entries import CatalogueEntry
from catalog.zones.store import zones
from foundation.db import reading
from foundation.errors import Message
from service.pages.blocks import Text
from service.pages.catalogue_words import FREQUENCY, GRADE, MODE, OPEN, RETURN, SHARE
from service.pages.forms import Entered, Field, Form
from service.pages.frame import Visit

_PLAIN = ("format", "update_frequency", "share_attribute", "share_mode", "open_attribute")
_WORDED = ("use_conditions", "share_scope", "permitted_use", "abstract", "source")
_LISTED = ("base_libraries", "themes", "systems")
_BASES = {
    "legal_basis": ("withhold_reason", "legal_basis"),
    "open_basis": ("open_reason", "open_basis"),
}


def draft_form(visit: Visit, provider: str, old: CatalogueEntry | None) -> Form:
    """Return the form of an entry; with an old text, filled in with it and its code fixed."""
    values = _values(visit, provider, old)
    fields = _fields(visit, provider)
    if old is not None:
        fields = [item for item in fields if item.name != "code"]
    return Form(
        fields=tuple(
            Field(
                item.name,
                item.label,
                item.kind,
                required=item.required,
                help=item.help,
                choices=item.choices,
                value=values.get(item.name, item.value),
            )
            for item in fields
        ),
        title=Message("编制目录条目", "An entry of the catalogue"),
        intro=Message(
            "保存为草稿；还须两项评估、部门负责人审签和数据主管部门审核后才发布。",
            "It is kept as a draft: two assessments, the head's sign-off and the review follow.",
        ),
        button=Message("保存草稿", "Keep the draft"),
    )


def document_of(entered: Entered, old: CatalogueEntry | None) -> dict[str, Any]:
    """Return the document that a form's texts say, for ``check_entry``."""
    was: Mapping[str, Any] = old.model_dump(mode="json") if old else {}
    items = {item["zh"]: item for item in was.get("data_items", ())}
    document: dict[str, Any] = {
        "code": was.get("code") or entered["code"],
        "name": _both(entered["name"], entered["name_en"]),
        "data_items": [items.get(line, {"zh": line}) for line in entered.lines("data_items")],
        "provider": {
            "name": _worded(entered["provider_name"], was.get("provider", {}).get("name")),
            "code": entered["provider"],
        },
        "classification": {
            "category": _worded(entered["category"], was.get("classification", {}).get("category")),
            "grade": entered["classification"],
        },
        "return_attribute": entered["return_attribute"],
        "related_codes": entered.lines("related_codes"),
        "zone": entered["zone"],
    }
    document |= {name: entered[name] for name in _PLAIN}
    document |= {name: _worded(entered[name], was.get(name)) for name in _WORDED}
    document |= {name: list(entered.several.get(name, ())) for name in _LISTED}
    for name, (reason, act) in _BASES.items():
        before = was.get(name) or {}
        if entered[reason] and entered[act]:
            document[name] = {
                "reason": _worded(entered[reason], before.get("reason")),
                "act": _worded(entered[act], before.get("act")),
            }
    return {name: value for name, value in document.items() if value is not None}


def _both(zh: str, en: str) -> dict[str, str] | None:
    return ({"zh": zh, "en": en} if en else {"zh": zh}) if zh else None


def _worded(text: str, before: Mapping[str, str] | None) -> dict[str, str] | None:
    if not text:
        return None
    return dict(before) if before and before["zh"] == text else {"zh": text}


def _values(visit: Visit, provider: str, old: CatalogueEntry | None) -> dict[str, str]:
    if old is None:
        with reading(visit.platform.engine) as connection:
            house = organisation_by_id(connection, provider)
        if house is None:
            return {}
        return {"provider_name": house.name_zh, "provider": house.credit_code or ""}
    told = old.model_dump(mode="json")
    values = {name: told[name] for name in (*_PLAIN, "return_attribute", "zone")}
    values |= {name: (told[name] or {}).get("zh", "") for name in _WORDED}
    values |= {name: ",".join(told[name]) for name in _LISTED}
    for name, (reason, act) in _BASES.items():
        basis = told[name] or {"reason": {"zh": ""}, "act": {"zh": ""}}
        values |= {reason: basis["reason"]["zh"], act: basis["act"]["zh"]}
    return values | {
        "name": old.name.zh,
        "name_en": old.name.en,
        "data_items": "\n".join(item.zh for item in old.data_items),
        "provider_name": old.provider.name.zh,
        "provider": old.provider.code,
        "category": old.classification.category.zh,
        "classification": str(old.classification.grade),
        "related_codes": "\n".join(old.related_codes),
    }


def _fields(visit: Visit, provider: str) -> list[Field]:
    rules = visit.platform.catalog_rules
    with reading(visit.platform.engine) as connection:
        known = [
            (item.name, Message(item.label.zh, item.label.en))
            for item in systems(connection, provider)
            if item.retired_us is None
        ]
        places = [(item.id, Message(item.name.zh, item.name.en)) for item in zones(connection)]
    libraries = [(item.code, Message(item.zh, item.en)) for item in rules.base_libraries]
    themes = [(item.code, Message(item.zh, item.en)) for item in rules.themes]
    code_help = Message(
        f"类 1 位、项 2 位、目 3 位、细目不定长，“{rules.code.separator}”后为顺序号。",
        f"Class, item, subject, detail, then {rules.code.separator} and a running number.",
    )
    lines = Message("每行一项。", "One a line.")
    when = Message("有条件共享时必填。", "Needed where sharing is conditional.")
    held = Message("不予共享时必填。", "Needed where the entry is not shared.")
    shut = Message("非无条件开放时必填。", "Needed unless it is open to everybody.")
    return [
        Field("code", Message("目录代码", "Catalogue code"), help=code_help),
        Field("name", Message("目录名称", "Name")),
        Field("name_en", Message("英文名称", "Name in English"), required=False),
        Field("provider_name", Message("提供单位", "Provider")),
        Field("provider", Message("统一社会信用代码", "Unified social credit code")),
        Field("abstract", Message("摘要", "Abstract"), kind="area", required=False),
        Field("data_items", Message("数据项", "Data items"), kind="area", help=lines),
        Field("format", Message("数据格式", "Format")),
        _choice("update_frequency", Message("更新频率", "Update frequency"), FREQUENCY),
        Field("category", Message("分类", "Class")),
        _choice("classification", Message("分级", "Grade"), GRADE),
        _choice("share_attribute", Message("共享属性", "Sharing"), SHARE),
        _choice("share_mode", Message("共享方式", "Mode of sharing"), MODE),
        Field("use_conditions", Message("使用条件", "Use conditions"), kind="area"),
        _optional("share_scope", Message("共享范围", "Scope of sharing"), when),
        _optional("permitted_use", Message("允许用途", "Permitted use"), when),
        _optional("withhold_reason", Message("不予共享理由", "Reason for withholding"), held),
        _optional("legal_basis", Message("不予共享依据", "Legal basis for withholding"), held),
        _choice("open_attribute", Message("开放属性", "Openness"), OPEN),
        _optional("open_reason", Message("不开放理由", "Reason for not being open"), shut),
        _optional("open_basis", Message("不开放依据", "Basis for not being open"), shut),
        _choice("return_attribute", Message("回流属性", "Return flow"), RETURN),
        _several("systems", Message("关联系统", "Linked systems"), known),
        _several("base_libraries", Message("基础库", "Base libraries"), libraries),
        _several("themes", Message("主题", "Themes"), themes),
        _choice("zone", Message("数据区", "Zone"), places, value="public"),
        _optional("related_codes", Message("关联目录代码", "Related codes"), lines, kind="area"),
        _optional("source", Message("数据来源", "Source"), ""),
    ]


def _choice(
    name: str, label: Message, choices: Sequence[tuple[str, Text]], value: str = ""
) -> Field:
    return Field(name, label, kind="choice", choices=choices, value=value)


def _several(name: str, label: Message, choices: Sequence[tuple[str, Text]]) -> Field:
    return Field(name, label, kind="several", required=False, choices=choices)


def _optional(name: str, label: Message, hint: Text, kind: str = "text") -> Field:
    return Field(name, label, kind=kind, required=False, help=hint)
