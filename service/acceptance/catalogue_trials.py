"""Rows 1, 2, 3 and 5: what an entry must hold, what it needs before review, one notice a matter."""

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.errors import Message
from service.acceptance.stage import Stage, expect

CLERK, HEAD, REVIEWER = "civil_clerk", "civil_head", "reviewer"
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
_SYSTEM = "civil_register"
_CREDIT_CODE = "11999999MB2F00016L"
_ASSESSMENT = {
    "assessor": "演示评估人",
    "conclusion": "passed",
    "document_number": "演示〔2026〕1号",
    "on": "2026-01-05",
}


def entry_document(number: int, **changes: Any) -> dict[str, Any]:
    """Return a whole entry of the civil affairs office; ``changes`` replace fields."""
    label = {"zh": f"低保对象信息 {number}", "en": f"Recipients of assistance {number}"}
    return {
        "code": f"306009/{number}",
        "name": label,
        "data_items": [{"zh": "家庭编号", "en": "Household number"}],
        "provider": {"name": {"zh": "民政局", "en": "Civil affairs"}, "code": _CREDIT_CODE},
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
        "systems": [_SYSTEM],
        "source": {"zh": "演示数据", "en": "Fictional data"},
        **changes,
    }


def fields(stage: Stage) -> Sequence[Message]:
    """Row 1: leave out each field in turn; each refusal names what lacks."""
    clerk = stage.by(CLERK)
    whole = entry_document(stage.number())
    for field, name in LEGAL_FIELDS.items():
        lacking = {key: value for key, value in whole.items() if key != field}
        told = clerk.refused("POST", "/catalog/entries", "entry_field_missing", lacking)
        named = name in told["detail"] and told["field"].endswith(field)
        expect(named, f"缺“{name}”时没有指出它。", f"what lacked was not named: {field}")
    bare = {key: value for key, value in whole.items() if key not in LEGAL_FIELDS}
    told = clerk.refused("POST", "/catalog/entries", "entry_field_missing", bare)
    together = all(name in told["detail"] for name in LEGAL_FIELDS.values())
    expect(together, "缺多项时没有一次说全。", "several lacking fields were not named at once")
    ensure_system(stage)
    clerk.post("/catalog/entries", whole)
    return (
        Message(
            f"{len(LEGAL_FIELDS)} 个字段逐一缺失，均按名称拒绝；全部缺失时一次列全",
            f"each of {len(LEGAL_FIELDS)} fields left out is refused by name; all are told at once",
        ),
        Message("字段齐全后登记为草稿", "the whole entry is taken as a draft"),
    )


def withheld(stage: Stage) -> Sequence[Message]:
    """Row 2: an entry that is not to be shared names its act."""
    clerk = stage.by(CLERK)
    ensure_system(stage)
    closed = entry_document(stage.number(), share_attribute="withheld")
    told = clerk.refused("POST", "/catalog/entries", "entry_legal_basis_missing", closed)
    expect("第十五条" in str(told["rule"]), "未引用条例第十五条。", "art. 15 is not cited")
    basis = {
        "reason": {"zh": "涉及未成年人保护", "en": "Protection of minors"},
        "act": {"zh": "未成年人保护法 第四条", "en": "Law on the Protection of Minors art. 4"},
    }
    clerk.post("/catalog/entries", {**closed, "legal_basis": basis})
    return (
        Message(
            "无依据的“不予共享”被拒绝，引用条例第十五条", "refused without a basis, by art. 15"
        ),
        Message("写明理由和法律条款后可登记", "taken with its reason and act"),
    )


def signed_off(stage: Stage) -> Sequence[Message]:
    """Row 3: neither a lacking assessment nor a lacking sign-off reaches review."""
    ensure_system(stage)
    clerk, head = stage.by(CLERK), stage.by(HEAD)
    path = _drafted(stage, stage.number())
    _kept_out(stage, path, "没有评估和签发", "without assessments and sign-off")
    _assess(stage, path, "secrecy")
    _kept_out(stage, path, "只有保密评估", "with one assessment only")
    told = _assess(stage, path, "personal")
    _kept_out(stage, path, "没有负责人签发", "without the head's sign-off")
    reply = clerk.call("POST", f"{path}/sign-off", {"papers": told["papers"]})
    expect(reply.status == 403, "起草人签发未被拒绝。", "the drafter could sign off")  # noqa: PLR2004
    head.post(f"{path}/sign-off", {"papers": told["papers"]})
    submitted = clerk.post(f"{path}/submission")
    expect(submitted["matter"], "提交后没有形成办件。", "no matter was opened")
    return (
        Message(
            "缺保密评估、缺个人信息评估、缺负责人签发，三次提交均被拒绝",
            "three submissions are refused: no secrecy, no personal-information, no sign-off",
        ),
        Message(
            f"起草人不能自己签发；负责人签发后进入审核，办件编号 {submitted['case']}",
            f"the drafter cannot sign off; after the head it is in review, {submitted['case']}",
        ),
    )


def one_notice(stage: Stage) -> Sequence[Message]:
    """Row 5: an incomplete entry is returned once; a second notice on the matter is blocked."""
    ensure_system(stage)
    clerk, reviewer = stage.by(CLERK), stage.by(REVIEWER)
    number = stage.number()
    path = _drafted(stage, number)
    _signed_and_submitted(stage, path)
    lacking = {"missing": [{"name": "数据项说明", "reason": "第二项没有说明"}]}
    reviewer.post(f"{path}/return", lacking)
    clerk.post(f"{path}/revision", entry_document(number, format="CSV"))
    _signed_and_submitted(stage, path)
    again = reviewer.call("POST", f"{path}/return", lacking)
    told = again.json
    blocked = again.status == 409 and told["code"] == "notice_given_before"  # noqa: PLR2004
    expect(blocked, "第二次补正告知没有被拦下。", "a second notice was let through")
    return (
        Message("第一次一次性告知送达，期限重新计算", "the one complete notice is given"),
        Message(f"第二次告知被拦下：{told['detail']}", "a second notice on the matter is blocked"),
    )


def ensure_system(stage: Stage) -> None:
    """Register the information system that the entries name, once."""
    label = {"zh": "民政业务系统", "en": "Civil affairs system"}
    body = {"name": _SYSTEM, "label": label, "purpose": label}
    reply = stage.by(CLERK).call("POST", "/catalog/systems", body)
    registered = reply.status in {201, 409}
    expect(registered, "信息系统登记失败。", "the system was not registered")


def submitted_entry(stage: Stage) -> tuple[str, dict[str, Any]]:
    """Bring an entry to review; return its path and what the submission answered."""
    path = _drafted(stage, stage.number())
    return path, _signed_and_submitted(stage, path)


def published_entry(stage: Stage, **changes: Any) -> str:
    """Bring an entry into the catalogue; return its identifier."""
    ensure_system(stage)
    told = stage.by(CLERK).post("/catalog/entries", entry_document(stage.number(), **changes))
    path = f"/catalog/entries/{told['id']}"
    submitted = _signed_and_submitted(stage, path)
    stage.by(REVIEWER).post(f"{path}/publication", {"digest": submitted["digest"]})
    return str(told["id"])


def _drafted(stage: Stage, number: int) -> str:
    told = stage.by(CLERK).post("/catalog/entries", entry_document(number))
    return f"/catalog/entries/{told['id']}"


def _assess(stage: Stage, path: str, paper: str) -> dict[str, Any]:
    told: dict[str, Any] = stage.by(CLERK).post(f"{path}/assessments/{paper}", _ASSESSMENT)
    return told


def _signed_and_submitted(stage: Stage, path: str) -> dict[str, Any]:
    _assess(stage, path, "secrecy")
    told = _assess(stage, path, "personal")
    stage.by(HEAD).post(f"{path}/sign-off", {"papers": told["papers"]})
    submitted: dict[str, Any] = stage.by(CLERK).post(f"{path}/submission")
    return submitted


def _kept_out(stage: Stage, path: str, zh: str, en: str) -> None:
    reply = stage.by(CLERK).call("POST", f"{path}/submission")
    refused = reply.status in {409, 422}
    expect(refused, f"{zh}，仍进入了审核。", f"{en}, it reached review")
