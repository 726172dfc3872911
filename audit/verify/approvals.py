"""Two persons for what decides money: whoever approves a document did not propose it.

Tariffs, schemes and maxima of permitted revenue are proposed and approved by different persons of
the log, the proposal first. What a licence embeds was signed with it.
"""

from audit.verify.evidence import SCHEME_APPROVED, TARIFF_APPROVED, Evidence, Record
from audit.verify.findings import Report

PERMITTED_DECIDED = "revenue:permitted:decided"
APPROVALS = {
    TARIFF_APPROVED: ("revenue:tariff:proposed", "tariff_digest", "licence"),
    SCHEME_APPROVED: ("revenue:scheme:proposed", "scheme_digest", "licence"),
    PERMITTED_DECIDED: ("revenue:permitted:proposed", "permitted_digest", "operator"),
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


def _proposes(proposal: Record, entry: Record, name: str, about: str) -> bool:
    return bool(
        proposal["index"] < entry["index"]
        and proposal["public"][name] == entry["public"][name]
        and proposal["public"][about] == entry["public"][about]
        and proposal["actor"]["person"] != entry["actor"]["person"]
    )
