"""Catalogue entries on the stage: a whole document, and the road to review and publication."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.acceptance.stage import Stage, expect

REVIEWER = "reviewer"
LEGAL_FIELDS: Mapping[str, str] = {
    "name": "目录名称",
    "data_items": "数据项",
    "provider": "提供单位",
    "format": "数据格式",
    "update_frequency": "更新频率",
    "share_attribute": "共享属性",
    "share_mode": "共享方式",
    "use_conditions": "使用条件",
    "classification": "分类分级",
    "return_attribute": "回流属性",
}
"""The nine of 政务数据共享条例 art. 13 and the return attribute, by their official names."""
_ASSESSMENT = {
    "assessor": "演示评估人",
    "conclusion": "passed",
    "document_number": "演示〔2026〕1号",
    "on": "2026-01-05",
}


@dataclass(frozen=True)
class House:
    """A department of the stage: who drafts, who signs, whose seat it is, what feeds its data."""

    clerk: str
    head: str
    seat: str
    system: str
    name: str
    credit_code: str


CIVIL = House(
    "civil_clerk", "civil_head", "civil_seat", "civil_register", "民政局", "11999999MB2F00016L"
)
TAX = House("tax_clerk", "tax_head", "tax_seat", "tax_register", "税务局", "11999999MB2F00024F")


def entry_document(stage: Stage, house: House = CIVIL, **changes: Any) -> dict[str, Any]:
    """Return a whole entry of a department under a code of its own; ``changes`` replace fields."""
    number = stage.number()
    return {
        "code": f"306009/{number}",
        "name": {"zh": f"演示目录 {number}", "en": f"Entry {number}"},
        "data_items": [{"zh": "家庭编号", "en": "Household number"}],
        "provider": {"name": {"zh": house.name, "en": house.name}, "code": house.credit_code},
        "format": "Parquet",
        "update_frequency": "monthly",
        "share_attribute": "conditional",
        "share_scope": {"zh": "承担救助职责的部门", "en": "Departments that give assistance"},
        "permitted_use": {"zh": "社会救助审核", "en": "Deciding about assistance"},
        "share_mode": "batch",
        "use_conditions": {"zh": "仅用于申请事项", "en": "For the stated matter only"},
        "classification": {"category": {"zh": "主题/社会救助", "en": "Theme/aid"}, "grade": "L3"},
        "open_attribute": "withheld",
        "open_basis": {
            "reason": {"zh": "涉及个人信息", "en": "It holds personal information"},
            "act": {"zh": "个人信息保护法", "en": "Personal Information Protection Law"},
        },
        "return_attribute": "conditional",
        "systems": [house.system],
        "source": {"zh": "演示数据", "en": "Fictional data"},
        **changes,
    }


def ensure_system(stage: Stage, house: House = CIVIL) -> None:
    """Register the information system that a department's entries name, once."""
    label = {"zh": f"{house.name}业务系统", "en": f"System of {house.system}"}
    body = {"name": house.system, "label": label, "purpose": label}
    reply = stage.by(house.clerk).call("POST", "/catalog/systems", body)
    registered = reply.status in {201, 409}
    expect(registered, "信息系统登记失败。", "the system was not registered")


def drafted(stage: Stage, house: House = CIVIL, **changes: Any) -> str:
    """Draft an entry; return its path."""
    ensure_system(stage, house)
    document = entry_document(stage, house, **changes)
    told = stage.by(house.clerk).post("/catalog/entries", document)
    return f"/catalog/entries/{told['id']}"


def assessed(stage: Stage, path: str, paper: str, house: House = CIVIL) -> dict[str, Any]:
    """Enter one assessment (``secrecy`` or ``personal``); return where the draft stands."""
    told: dict[str, Any] = stage.by(house.clerk).post(f"{path}/assessments/{paper}", _ASSESSMENT)
    return told


def submitted(stage: Stage, path: str, house: House = CIVIL) -> dict[str, Any]:
    """Bring a draft to review by both assessments and the head's sign-off."""
    assessed(stage, path, "secrecy", house)
    papers = assessed(stage, path, "personal", house)["papers"]
    stage.by(house.head).post(f"{path}/sign-off", {"papers": papers})
    told: dict[str, Any] = stage.by(house.clerk).post(f"{path}/submission")
    return told


def published(stage: Stage, house: House = CIVIL, **changes: Any) -> dict[str, Any]:
    """Bring an entry into the catalogue; return what its publication answered."""
    path = drafted(stage, house, **changes)
    digest = submitted(stage, path, house)["digest"]
    told: dict[str, Any] = stage.by(REVIEWER).post(f"{path}/publication", {"digest": digest})
    return told
