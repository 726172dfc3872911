"""Which page decides a matter of each kind; ``{subject}`` is what the matter is about."""

from catalog.matters.matter import Matter
from foundation.errors import Message

WHAT_TO_DO: dict[str, Message] = {
    "catalogue_sign_off": Message("目录审签", "Sign off an entry"),
    "catalogue_review": Message("目录发布审核", "Review an entry"),
    "catalogue_change": Message("目录变更审核", "Review a change"),
    "correction": Message("数据校核", "Verify a correction"),
    "correction_referral": Message("转办校核", "Refer a correction"),
    "objection": Message("异议核实", "Verify an objection"),
    "share_sign_off": Message("共享申请审签", "Sign off a request"),
    "share_request": Message("共享申请审核", "Decide a request"),
    "share_supply": Message("数据供给", "Supply the data"),
    "rectification": Message("整改", "Put it right"),
    "promotion": Message("应用推广审核", "Decide a promotion"),
    "demand": Message("数据需求答复", "Answer a demand"),
    "source_claim": Message("权威来源裁定", "Decide the source"),
}
PAGE_OF_KIND: dict[str, str] = {
    "catalogue_sign_off": "/pages/catalogue-subjects/{subject}",
    "catalogue_review": "/pages/catalogue-subjects/{subject}",
    "catalogue_change": "/pages/catalogue-subjects/{subject}",
    "correction": "/pages/corrections/{subject}",
    "correction_referral": "/pages/corrections/{subject}",
    "objection": "/pages/corrections/{subject}",
    "share_sign_off": "/pages/sharing/{subject}",
    "share_request": "/pages/sharing/{subject}",
    "share_supply": "/pages/sharing/{subject}",
    "rectification": "/pages/sharing/{subject}",
    "promotion": "/pages/sharing/{subject}",
    "demand": "/pages/demands/{subject}",
    "source_claim": "/pages/quality/sources/{subject}",
}


def page_of(kind: str, subject: str, case: str) -> str:
    """Return the page where a matter is decided; its case where no page is known."""
    pattern = PAGE_OF_KIND.get(kind)
    return pattern.format(subject=subject) if pattern else f"/pages/cases/{case}"


def what_to_do(matter: Matter) -> Message:
    """Return what the handler of a matter is to do, before what it is about."""
    todo = WHAT_TO_DO.get(str(matter.kind))
    zh, en = matter.title.zh, matter.title.en
    if todo is None or zh.startswith(todo.zh[:4]) or "：" in zh:
        return Message(zh, en)
    return Message(f"{todo.zh}：{zh}", f"{todo.en}: {en}")
