"""The road of a catalogue entry, as the demonstration walks it: draft, papers, sign-off, review."""

from typing import Any

from examples.demo.stage import Caller, Stage

SYSTEMS = {
    "income_survey": ("住户收入调查系统", "Household income survey system"),
    "college_register": ("高校信息登记系统", "College register"),
    "flight_register": ("航班运行登记系统", "Flight register"),
}
ASSESSED = {
    "secrecy": ("保密委员会办公室（示例）", "示例保评〔2026〕3号"),
    "personal": ("个人信息保护负责人（示例）", "示例个评〔2026〕3号"),
}


def publish_entry(stage: Stage, account: str, document: dict[str, Any]) -> None:
    """Draft an entry, enter both assessments, have it signed off, submitted and published."""
    steward = stage.callers[account]
    for name in document["systems"]:
        _register_system(steward, name)
    told = steward.post("/catalog/entries", document)
    path = f"/catalog/entries/{told['id']}"
    for paper, (assessor, number) in ASSESSED.items():
        assessment = {
            "assessor": assessor,
            "conclusion": "passed",
            "document_number": number,
            "on": "2026-01-05",
        }
        told = steward.post(f"{path}/assessments/{paper}", assessment)
    head = stage.callers[account.replace("steward", "head")]
    head.post(f"{path}/sign-off", {"papers": told["papers"]})
    steward.post(f"{path}/submission")
    stage.callers["founder"].post(f"{path}/publication", {"digest": told["digest"]})


def _register_system(steward: Caller, name: str) -> None:
    known = {item["name"] for item in steward.get("/catalog/systems")["systems"]}
    if name not in known:
        zh, en = SYSTEMS[name]
        label = {"zh": zh, "en": en}
        steward.post("/catalog/systems", {"name": name, "label": label, "purpose": label})
