"""Statements recomputed: fetches from the log, micro-fen from the rules, fen by our own rounding.

Shares of a period sum to the pool to the fen; a line of less than a fen may not be dropped.
"""

from collections.abc import Mapping
from typing import Any

from audit.verify.evidence import CLOSED, Evidence, Record
from audit.verify.findings import Report
from audit.verify.shares import MICRO_FEN, digest_of, split_exactly


def verify_statements(evidence: Evidence, report: Report) -> None:
    """Check every statement, and that every period that was closed has one."""
    before = report.exit_code if report.findings else 0
    stated = {statement["period"] for statement in evidence.statements.values()}
    for entry in evidence.of_kind(CLOSED):
        if entry["public"]["period"] not in stated:
            report.tampered(
                "statement_missing",
                zh=f"账期 {entry['public']['period']} 已关闭，但缺少结算单。",
                en=f"The period {entry['public']['period']} was closed, but its statement is "
                "missing.",
                index=entry["index"],
            )
    for statement in evidence.statements.values():
        verify_statement(statement, evidence, report)
    if report.exit_code == before == 0:
        report.good(
            "ledger_intact",
            zh=f"{len(evidence.journals)} 笔凭证、{len(evidence.statements)} 份结算单与日志和"
            "规则一致，分配精确到分。",
            en="Ledger journals and period statements follow from the log and the rules, to the "
            f"fen (journals: {len(evidence.journals)}, statements: {len(evidence.statements)}).",
        )


def verify_statement(statement: Record, evidence: Evidence, report: Report) -> None:
    """Recompute one period statement."""
    index = statement["close_index"]
    problem = _problem(statement, evidence)
    if problem is not None:
        code, zh, en = problem
        report.tampered(
            code,
            zh=f"账期 {statement['period']} 的结算单：{zh}。",
            en=f"The statement of {statement['period']}: {en}.",
            index=index,
        )


def _problem(statement: Record, evidence: Evidence) -> tuple[str, str, str] | None:
    unsealed = {key: value for key, value in statement.items() if key != "digest"}
    if digest_of(unsealed) != statement["digest"]:
        return "statement_changed", "内容与其摘要不符", "its content is not what its digest says"
    if not _is_logged(statement, evidence):
        return (
            "statement_not_logged",
            "不是关闭账期时登记的那一份",
            "it is not the one that the closing entry committed to",
        )
    if _expected_lines(statement["period"], evidence) != statement["lines"]:
        return (
            "statement_differs",
            "金额与按日志和规则重算的结果不符",
            "its amounts are not what the log and the rules give",
        )
    if not _adjusted(statement, evidence):
        return (
            "adjustment_differs",
            "所列调整与凭证不一致",
            "the adjustments it lists are not those that were posted",
        )
    paid = sum(line["fen"] for line in statement["lines"])
    if paid != statement["pool_fen"] or not _posted(statement, evidence):
        return (
            "statement_unbalanced",
            "各方金额之和、资金池与凭证不一致",
            "its lines, its pool and the journals do not agree to the fen",
        )
    return None


def _is_logged(statement: Record, evidence: Evidence) -> bool:
    index = statement["close_index"]
    if not 0 <= index < len(evidence.entries):
        return False
    entry = evidence.entries[index]
    public = entry["public"]
    committed = (public.get("period"), public.get("statement_digest"), public.get("pool_fen"))
    stated = (statement["period"], statement["digest"], statement["pool_fen"])
    return bool(entry["kind"] == CLOSED and committed == stated)


def _expected_lines(period: str, evidence: Evidence) -> list[dict[str, Any]]:
    digests = sorted({entry["public"]["rule_digest"] for entry in evidence.fetches(period)})
    return [line for digest in digests for line in _pool_lines(period, digest, evidence)]


def _pool_lines(period: str, rule_digest: str, evidence: Evidence) -> list[dict[str, Any]]:
    fetches = len(evidence.fetches(period, rule_digest))
    lines = evidence.rules.get(rule_digest, {"lines": []})["lines"]
    micro = {line["payee"]: line["micro_fen"] * fetches for line in lines}
    fen = split_exactly(sum(micro.values()) // MICRO_FEN, micro)
    return [
        {
            "payee": line["payee"],
            "channel": line["channel"],
            "rule_digest": rule_digest,
            "micro_fen": micro[line["payee"]],
            "fen": fen[line["payee"]],
        }
        for line in lines
    ]


def _posted(statement: Record, evidence: Evidence) -> bool:
    """Tell whether the settlement journals credit exactly what the lines pay."""
    owed = _credits_of_lines(statement)
    posted: dict[tuple[str, str], int] = {}
    for journal in evidence.journals:
        if journal["kind"] != "settlement" or journal["period"] != statement["period"]:
            continue
        for leg in journal["postings"]:
            if leg["fen"] < 0:
                key = (journal["rule_digest"], leg["account"])
                posted[key] = posted.get(key, 0) - leg["fen"]
    return owed == posted


def _adjusted(statement: Record, evidence: Evidence) -> bool:
    """Tell whether the statement lists exactly the period's other journals, leg by leg."""
    listed = {item["journal"]: item["postings"] for item in statement.get("adjustments", [])}
    posted = {
        journal["id"]: journal["postings"]
        for journal in evidence.journals
        if journal["period"] == statement["period"]
        and journal["kind"] != "settlement"
        and journal["audit_index"] < statement["close_index"]
    }
    return listed == posted


def _credits_of_lines(statement: Record) -> Mapping[tuple[str, str], int]:
    return {
        (line["rule_digest"], f"{line['channel']}:{line['payee']}"): line["fen"]
        for line in statement["lines"]
        if line["fen"]
    }
