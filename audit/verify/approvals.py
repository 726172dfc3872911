"""Two persons for what decides money: whoever approves a document did not propose it.

Tariffs, schemes, maxima of permitted revenue and free use that is billed after all are proposed and
approved by different persons of the log, the proposal first. What a licence embeds was signed with
it. What is billed anew is what was proposed, no outcome more.
"""

from audit.verify.evidence import SCHEME_APPROVED, TARIFF_APPROVED, Evidence, Record
from audit.verify.findings import Report

PERMITTED_DECIDED = "revenue:permitted:decided"
REPRICED = "revenue:usage:repriced"
APPROVALS = {
    TARIFF_APPROVED: ("revenue:tariff:proposed", "tariff_digest", "licence"),
    SCHEME_APPROVED: ("revenue:scheme:proposed", "scheme_digest", "licence"),
    PERMITTED_DECIDED: ("revenue:permitted:proposed", "permitted_digest", "operator"),
    REPRICED: ("revenue:move:proposed", "move", "subject"),
}


def verify_approvals(evidence: Evidence, report: Report) -> None:
    """Require of each approval an earlier proposal of the same by somebody else."""
    for kind, (proposed, name, about) in APPROVALS.items():
        for entry in evidence.of_kind(kind):
            if not any(
                _proposes(proposal, entry, name, about) for proposal in evidence.of_kind(proposed)
            ):
                report.tampered(
                    "approval_not_by_two",
                    zh=f"第 {entry['index']} 号条目批准的文件没有由另一人事先提出。",
                    en=f"What entry {entry['index']} approves was not proposed before by somebody "
                    "else.",
                    index=entry["index"],
                )
    for entry in evidence.of_kind(REPRICED):
        if not _bills_its_subject(entry["public"]):
            report.tampered(
                "repricing_differs",
                zh=f"第 {entry['index']} 号条目补计价的内容与提出的不符。",
                en=f"Entry {entry['index']} bills anew what was not proposed.",
                index=entry["index"],
            )


def _bills_its_subject(public: Record) -> bool:
    subject = {name: public[name] for name in ("licence", "source_licence", "outcomes")}
    billed = {line.get("source_index") for line in public["usage"]}
    return bool(public["subject"] == subject and billed == set(public["outcomes"]))


def _proposes(proposal: Record, entry: Record, name: str, about: str) -> bool:
    return bool(
        proposal["index"] < entry["index"]
        and proposal["public"][name] == entry["public"][name]
        and proposal["public"][about] == entry["public"][about]
        and proposal["actor"]["person"] != entry["actor"]["person"]
    )
