"""Rows 1, 2, 3 and 5: what an entry must hold, what it needs before review, one notice a matter."""

from collections.abc import Sequence

from foundation.errors import Message
from service.acceptance.entries import (
    CIVIL,
    LEGAL_FIELDS,
    REVIEWER,
    assessed,
    drafted,
    ensure_system,
    entry_document,
    submitted,
)
from service.acceptance.stage import Stage, expect

_CONFLICT, _DENIED, _INVALID = 409, 403, 422


def fields(stage: Stage) -> Sequence[Message]:
    """Row 1: leave out each field in turn; each refusal names what lacks."""
    clerk = stage.by(CIVIL.clerk)
    ensure_system(stage)
    whole = entry_document(stage)
    for field, name in LEGAL_FIELDS.items():
        lacking = {key: value for key, value in whole.items() if key != field}
        told = clerk.refused("POST", "/catalog/entries", "entry_field_missing", lacking)
        named = name in told["detail"] and told["field"].endswith(field)
        expect(named, f"缺“{name}”时没有指出它。", f"what lacked was not named: {field}")
    bare = {key: value for key, value in whole.items() if key not in LEGAL_FIELDS}
    told = clerk.refused("POST", "/catalog/entries", "entry_field_missing", bare)
    together = all(name in told["detail"] for name in LEGAL_FIELDS.values())
    expect(together, "缺多项时没有一次说全。", "several lacking fields were not named at once")
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
    clerk = stage.by(CIVIL.clerk)
    ensure_system(stage)
    closed = entry_document(stage, share_attribute="withheld")
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
    clerk, head = stage.by(CIVIL.clerk), stage.by(CIVIL.head)
    path = drafted(stage)
    _kept_out(stage, path, "没有评估和签发", "without assessments and sign-off")
    assessed(stage, path, "secrecy")
    _kept_out(stage, path, "只有保密评估", "with one assessment only")
    told = assessed(stage, path, "personal")
    _kept_out(stage, path, "没有负责人签发", "without the head's sign-off")
    reply = clerk.call("POST", f"{path}/sign-off", {"papers": told["papers"]})
    expect(reply.status == _DENIED, "起草人签发未被拒绝。", "the drafter could sign off")
    head.post(f"{path}/sign-off", {"papers": told["papers"]})
    in_review = clerk.post(f"{path}/submission")
    expect(in_review["matter"], "提交后没有形成办件。", "no matter was opened")
    return (
        Message(
            "缺保密评估、缺个人信息评估、缺负责人签发，三次提交均被拒绝",
            "three submissions are refused: no secrecy, no personal-information, no sign-off",
        ),
        Message(
            f"起草人不能自己签发；负责人签发后进入审核，办件编号 {in_review['case']}",
            f"the drafter cannot sign off; after the head it is in review, {in_review['case']}",
        ),
    )


def one_notice(stage: Stage) -> Sequence[Message]:
    """Row 5: an incomplete entry is returned once; a second notice on the matter is blocked."""
    clerk, reviewer = stage.by(CIVIL.clerk), stage.by(REVIEWER)
    ensure_system(stage)
    document = entry_document(stage)
    path = f"/catalog/entries/{clerk.post('/catalog/entries', document)['id']}"
    submitted(stage, path)
    lacking = {"missing": [{"name": "数据项说明", "reason": "第二项没有说明"}]}
    reviewer.post(f"{path}/return", lacking)
    clerk.post(f"{path}/revision", {**document, "format": "CSV"})
    submitted(stage, path)
    again = reviewer.call("POST", f"{path}/return", lacking)
    told = again.json
    blocked = again.status == _CONFLICT and told["code"] == "notice_given_before"
    expect(blocked, "第二次补正告知没有被拦下。", "a second notice was let through")
    return (
        Message("第一次一次性告知送达，期限重新计算", "the one complete notice is given"),
        Message(f"第二次告知被拦下：{told['detail']}", "a second notice on the matter is blocked"),
    )


def _kept_out(stage: Stage, path: str, zh: str, en: str) -> None:
    reply = stage.by(CIVIL.clerk).call("POST", f"{path}/submission")
    refused = reply.status in {_CONFLICT, _INVALID}
    expect(refused, f"{zh}，仍进入了审核。", f"{en}, it reached review")
