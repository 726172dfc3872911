"""Statements recomputed, period by period: what was used, what is owed, who is paid, to the fen.

A licence that was used has a pool in the first period that closed after; a line of less than a fen
may not be dropped, and all payees together are paid what was billed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from audit.verify.evidence import CLOSED, Evidence, Record
from audit.verify.findings import Report, Verdict
from audit.verify.pools import REVERSED, Carries, Problem, pool_problem
from audit.verify.shares import digest_of
from audit.verify.sums import tree_root


def verify_statements(evidence: Evidence, report: Report) -> None:
    """Check every statement in the order of the log, and that each closed period has one."""
    stated = {statement["close_index"]: statement for statement in evidence.statements.values()}
    carries = Carries()
    settled = {journal["id"]: journal for journal in evidence.journals}
    for entry in evidence.entries:
        if entry["kind"] == CLOSED:
            _verify_close(entry, stated.pop(entry["index"], None), evidence, carries, report)
        elif entry["kind"] == REVERSED:
            _give_back(entry, settled, evidence, carries)
    for index in sorted(stated):
        report.tampered(
            "statement_not_logged",
            zh=f"结算单引用的第 {index} 号条目没有关闭账期。",
            en=f"A statement cites entry {index}, which closed no period.",
            index=index,
        )
    doubted = {Verdict.TAMPERED, Verdict.UNMET, Verdict.UNUSABLE}
    if not doubted & {finding.verdict for finding in report.findings}:
        report.good(
            "ledger_intact",
            zh=f"{len(evidence.journals)} 笔凭证、{len(evidence.statements)} 份结算单与日志和"
            "规则一致，分配精确到分。",
            en="Ledger journals and period statements follow from the log and the rules, to the "
            f"fen (journals: {len(evidence.journals)}, statements: {len(evidence.statements)}).",
        )


def _verify_close(
    entry: Record,
    statement: Record | None,
    evidence: Evidence,
    carries: Carries,
    report: Report,
) -> None:
    period = entry["public"]["period"]
    if statement is None:
        report.tampered(
            "statement_missing",
            zh=f"账期 {period} 已关闭，但缺少结算单。",
            en=f"The period {period} was closed, but its statement is missing.",
            index=entry["index"],
        )
        return
    for code, (zh, en) in _problems(statement, entry, evidence, carries):
        report.tampered(
            code,
            zh=f"账期 {period} 的结算单：{zh}。",
            en=f"The statement of {period}: {en}.",
            index=entry["index"],
        )
        return


def _problems(
    statement: Record, entry: Record, evidence: Evidence, carries: Carries
) -> Iterator[tuple[str, Problem]]:
    unsealed = {key: value for key, value in statement.items() if key != "digest"}
    if digest_of(unsealed) != statement["digest"]:
        yield "statement_changed", ("内容与其摘要不符", "its content is not what its digest says")
    public = entry["public"]
    committed = (public.get("period"), public.get("statement_digest"), public.get("pool_fen"))
    if committed != (statement["period"], statement["digest"], statement["pool_fen"]):
        yield (
            "statement_not_logged",
            (
                "不是关闭账期时登记的那一份",
                "it is not the one that the closing entry committed to",
            ),
        )
    for pool in statement["pools"]:
        problem = pool_problem(pool, evidence, carries)
        carries.keep(pool)
        if problem is not None:
            zh, en = problem
            yield (
                "statement_differs",
                (f"授权 {pool['licence']}：{zh}", f"licence {pool['licence']}: {en}"),
            )
    yield from _whole_problems(statement, evidence)
    yield from _payees_problems(statement, public)


def _whole_problems(statement: Record, evidence: Evidence) -> Iterator[tuple[str, Problem]]:
    pools = statement["pools"]
    used = evidence.used_before_close(statement["close_index"])
    named = [pool["licence"] for pool in pools]
    if named != sorted(set(named)) or not used <= set(named):
        yield (
            "pool_missing",
            ("有被使用的授权没有列入", "a licence that was used has no pool in it"),
        )
    lines = [
        {"licence": pool["licence"], "rule_digest": pool["rule_digest"], **line}
        for pool in pools
        for line in pool["lines"]
    ]
    tax = sum(line["fen"] for line in lines if line["payee"] == "tax")
    billed = sum(pool["billed_fen"] for pool in pools)
    paid = sum(line["fen"] for line in lines)
    if statement["lines"] != lines or (statement["pool_fen"], statement["tax_fen"]) != (
        billed,
        tax,
    ):
        yield "statement_differs", ("各行与各资金池不符", "its lines are not those of its pools")
    if paid != billed or not _posted(statement, evidence):
        yield (
            "statement_unbalanced",
            (
                "各方金额之和、资金池与凭证不一致",
                "its lines, its pools and the journals do not agree to the fen",
            ),
        )
    if not _adjusted(statement, evidence):
        yield (
            "adjustment_differs",
            (
                "所列调整与凭证不一致",
                "the adjustments it lists are not those that were posted",
            ),
        )


def _payees_problems(statement: Record, public: Record) -> Iterator[tuple[str, Problem]]:
    """Check the sum tree's totals against the lines; its leaves are salted and stay closed."""
    root = tree_root(public)
    if root is None:
        return
    fen, micro_fen = root
    due = sum(max(0, line["micro_fen"]) for line in statement["lines"])
    if (fen, micro_fen) != (statement["pool_fen"], due):
        yield (
            "payees_root_differs",
            (
                "日志登记的收款方求和树与各行不符",
                "the payees' sum tree that the log committed to is not that of its lines",
            ),
        )


def _posted(statement: Record, evidence: Evidence) -> bool:
    """Tell whether the settlement journals are exactly those of the pools."""
    expected = {
        pool["rule_digest"]: _legs(pool) for pool in statement["pools"] if pool["billed_fen"]
    }
    posted = {
        journal["rule_digest"]: {leg["account"]: leg["fen"] for leg in journal["postings"]}
        for journal in evidence.journals_of(statement["period"])
        if journal["kind"] == "settlement"
    }
    return expected == posted


def _legs(pool: Record) -> Mapping[str, int]:
    legs = {
        f"receivable:{pool['biller']}:{pool['payer']}": pool["billed_fen"] - pool["prepaid_fen"],
        f"wallet:{pool['payer']}": pool["prepaid_fen"],
    }
    for line in pool["lines"]:
        legs[f"accrued:{line['channel']}:{line['payee']}"] = -line["fen"]
    return {account: fen for account, fen in legs.items() if fen}


def _adjusted(statement: Record, evidence: Evidence) -> bool:
    """Tell whether the statement lists exactly the period's other journals, leg by leg."""
    listed = {item["journal"]: item["postings"] for item in statement.get("adjustments", [])}
    posted = {
        journal["id"]: journal["postings"]
        for journal in evidence.journals_of(statement["period"])
        if journal["kind"] != "settlement" and journal["audit_index"] < statement["close_index"]
    }
    return listed == posted


def _give_back(
    entry: Record, journals: Mapping[str, Any], evidence: Evidence, carries: Carries
) -> None:
    """Give back what a reversed settlement moved in carries, as the ledger did."""
    original = journals.get(entry["public"].get("subject", {}).get("journal"))
    if original is None or original["kind"] != "settlement":
        return
    for statement in evidence.statements.values():
        for pool in statement["pools"]:
            same = (pool["period"], pool["rule_digest"])
            if same == (original["period"], original["rule_digest"]):
                carries.give_back(pool["period"], pool["licence"])
