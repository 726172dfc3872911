"""The ledger against the log: every journal balances, cites its entry, and is billed only once.

Each rule is recomputed from the licence document that the log names, each accrual from its rule.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from audit.verify.evidence import ACTIVATED, CLOSED, FETCHED, REVERSED, Evidence, Record
from audit.verify.findings import Report, Verdict
from audit.verify.shares import digest_of, expected_rule_lines

_UNSEALED = ("audit_leaf", "digest")


def verify_ledger(evidence: Evidence, report: Report) -> None:
    """Check journals, accruals and rules."""
    billed: Counter[tuple[Any, ...]] = Counter()
    for journal in evidence.journals:
        _check_journal(journal, evidence, report)
        billed[journal["audit_index"], journal["kind"], journal["rule_digest"]] += 1
    for (index, kind, _), times in billed.items():
        if times > 1:
            report.tampered(
                "billed_twice",
                zh=f"第 {index} 号日志条目按同一规则重复记账（{kind}）。",
                en=f"Entry {index} is billed twice under one rule ({kind}).",
                index=index,
            )
    _check_journals_complete(evidence, report)
    _check_reversals(evidence, report)
    _check_accruals(evidence, report)
    for digest, rule in evidence.rules.items():
        if "lines" in rule:
            _check_rule(digest, rule, evidence, report)


def _check_journal(journal: Record, evidence: Evidence, report: Report) -> None:
    name, index = journal["id"], journal["audit_index"]
    content = {key: value for key, value in journal.items() if key not in _UNSEALED}
    if digest_of(content) != journal["digest"]:
        report.tampered(
            "journal_changed",
            zh=f"凭证 {name} 的内容与其封存摘要不符。",
            en=f"The journal {name} is not what its seal covers.",
            index=index,
        )
    if len(journal["postings"]) < 2 or sum(leg["fen"] for leg in journal["postings"]):  # noqa: PLR2004
        report.tampered(
            "journal_unbalanced",
            zh=f"凭证 {name} 的分录合计不为零。",
            en=f"The postings of the journal {name} do not sum to zero.",
            index=index,
        )
    known = 0 <= index < len(evidence.leaves)
    if not known or evidence.leaves[index].hex() != journal["audit_leaf"]:
        report.tampered(
            "journal_without_entry",
            zh=f"凭证 {name} 所引的第 {index} 号日志条目不存在或哈希不符。",
            en=f"The journal {name} cites entry {index}, which is not in the log or has "
            "another hash.",
            index=index,
        )


def _check_journals_complete(evidence: Evidence, report: Report) -> None:
    """Each closing entry commits to the seals of its settlement journals, in order of rule."""
    seals: defaultdict[int, list[Record]] = defaultdict(list)
    for journal in evidence.journals:
        if journal["kind"] == "settlement":
            seals[journal["audit_index"]].append(journal)
    for entry in evidence.of_kind(CLOSED):
        settled = sorted(seals[entry["index"]], key=lambda journal: str(journal["rule_digest"]))
        if digest_of([journal["digest"] for journal in settled]) != entry["public"].get(
            "journals_digest"
        ):
            report.tampered(
                "journals_incomplete",
                zh=f"第 {entry['index']} 号条目关闭账期时登记的凭证与证据包中的不符。",
                en=f"The journals in the bundle are not those that entry {entry['index']} "
                "committed to when it closed the period.",
                index=entry["index"],
            )


def _check_reversals(evidence: Evidence, report: Report) -> None:
    """Each reversal's entry commits to its seal, and its legs mirror the journal it reverses."""
    by_id = {journal["id"]: journal for journal in evidence.journals}
    for entry in evidence.of_kind(REVERSED):
        public: Mapping[str, Any] = entry["public"]
        if "reversal_digest" not in public:
            continue
        reversal = by_id.get(public["reversal"], {"digest": None, "postings": []})
        original = by_id.get(public["journal"], {"postings": []})
        mirror = [{**leg, "fen": -leg["fen"]} for leg in original["postings"]]
        if reversal["digest"] != public["reversal_digest"] or reversal["postings"] != mirror:
            report.tampered(
                "reversal_differs",
                zh=f"第 {entry['index']} 号条目登记的冲销凭证与证据包中的不符。",
                en=f"The reversal in the bundle is not the one that entry {entry['index']} "
                "committed to, or does not mirror its journal.",
                index=entry["index"],
            )


def _check_accruals(evidence: Evidence, report: Report) -> None:
    accrued: defaultdict[int, list[Record]] = defaultdict(list)
    for line in evidence.accruals:
        accrued[line["audit_index"]].append(line)
    fetches = evidence.of_kind(FETCHED)
    for entry in fetches:
        _check_fetch(entry, accrued.pop(entry["index"], []), evidence, report)
    for index in accrued:
        report.tampered(
            "accrual_without_fetch",
            zh=f"第 {index} 号日志条目不是产品调用，却有应计金额。",
            en=f"Money accrues on entry {index}, which is not a fetch of a product.",
            index=index,
        )


def _check_fetch(entry: Record, accrued: list[Record], evidence: Evidence, report: Report) -> None:
    public: Mapping[str, Any] = entry["public"]
    rule = evidence.rules.get(public["rule_digest"], {"lines": []})
    owed = [{"payee": line["payee"], "micro_fen": line["micro_fen"]} for line in rule["lines"]]
    found = sorted(
        ({"payee": line["payee"], "micro_fen": line["micro_fen"]} for line in accrued),
        key=lambda line: str(line["payee"]),
    )
    same_rule = all(line["rule_digest"] == public["rule_digest"] for line in accrued)
    gross = rule.get("gross_micro_fen") == public["gross_micro_fen"]
    if found != owed or not same_rule or not gross or digest_of(owed) != public["accruals_digest"]:
        report.tampered(
            "accrual_differs",
            zh=f"第 {entry['index']} 号产品调用的应计金额与日志登记的规则不符。",
            en=f"What accrues on the fetch of entry {entry['index']} is not what its logged rule "
            "says.",
            index=entry["index"],
        )


def _check_rule(digest: str, rule: Record, evidence: Evidence, report: Report) -> None:
    licence = evidence.licences.get(rule["licence_digest"])
    if licence is None:
        report.add(
            Verdict.UNMET,
            "licence_absent",
            zh=f"证据包缺少授权文件 {rule['licence_digest']}，无法从授权重算分配。",
            en=f"The bundle lacks the licence document {rule['licence_digest']}, so its shares "
            "cannot be recomputed from it.",
        )
        return
    first_use = min(
        (e["index"] for e in evidence.of_kind(FETCHED) if e["public"]["rule_digest"] == digest),
        default=len(evidence.entries),
    )
    activated = any(
        entry["public"].get("document_digest") == rule["licence_digest"]
        and entry["index"] < first_use
        for entry in evidence.of_kind(ACTIVATED)
    )
    if not activated or expected_rule_lines(rule, licence) != rule["lines"]:
        report.tampered(
            "rule_differs",
            zh=f"计费规则 {digest} 与日志中生效的授权文件不符。",
            en=f"The settlement rule {digest} is not what the licence document that the log "
            "brought into force says.",
            index=first_use if first_use < len(evidence.entries) else None,
        )
