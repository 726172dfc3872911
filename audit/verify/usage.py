"""Usage against the log: every line is what its entry committed to, and costs what its tariff says.

A line without its entry, an outcome that is billed twice, a price that is not that of the tariff
at the unit's own number in the period, or a rule that no logged document supports, is named.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.verify.evidence import (
    ACTIVATED,
    SCHEME_APPROVED,
    TARIFF_APPROVED,
    Evidence,
    Record,
)
from audit.verify.findings import Report, Verdict
from audit.verify.shares import canonical, digest_of, price_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGAN_BEFORE = ("session_hour",)  # what outlives a tariff may be priced by that of its beginning
_NAMED = ("licence", "tariff_digest", "payer", "biller", "price_class")


def verify_usage(evidence: Evidence, report: Report) -> None:
    """Check every usage line, and the rule behind each."""
    verify_lines(evidence, report)
    _check_rules(evidence, report)


def verify_lines(evidence: Evidence, report: Report) -> None:
    """Check usage lines against their entries and tariffs, whatever their rules rest on."""
    _check_entries(evidence, report)
    _check_once(evidence, report)
    _check_prices(evidence, report)


def _check_entries(evidence: Evidence, report: Report) -> None:
    lines: defaultdict[int, dict[str, list[Record]]] = defaultdict(
        lambda: {"usage": [], "contributions": []}
    )
    for line in evidence.usage:
        lines[line["audit_index"]]["usage"].append(line)
    for line in evidence.contributions:
        lines[line["audit_index"]]["contributions"].append(line)
    for entry in evidence.entries:
        written = lines.pop(entry["index"], None)
        committed = entry["public"].get("usage_digest")
        if committed is None and written is None:
            continue
        found = written or {"usage": [], "contributions": []}
        ordered = {name: sorted(rows, key=canonical) for name, rows in found.items()}
        if digest_of(ordered) != committed:
            report.tampered(
                "usage_differs",
                zh=f"第 {entry['index']} 号条目的计量记录不是日志登记的内容。",
                en=f"The usage of entry {entry['index']} is not what the log committed to.",
                index=entry["index"],
            )
    for index in sorted(lines):
        report.tampered(
            "usage_without_entry",
            zh=f"计量记录引用的第 {index} 号日志条目不存在。",
            en=f"Usage cites entry {index}, which is not in the log.",
            index=index,
        )


def _check_once(evidence: Evidence, report: Report) -> None:
    billed = Counter(
        (line["source_index"], line["meter"], line["licence"]) for line in evidence.usage
    )
    for (index, meter, _), times in billed.items():
        if times > 1:
            report.tampered(
                "billed_twice",
                zh=f"第 {index} 号条目的“{meter}”被重复计费。",
                en=f"Entry {index} is billed twice for {meter!r}.",
                index=index,
            )


def _check_prices(evidence: Evidence, report: Report) -> None:
    for line, before in _numbered(evidence):
        problem = _price_problem(line, before, evidence)
        if problem:
            report.tampered(
                "price_differs",
                zh=f"第 {line['audit_index']} 号条目的“{line['meter']}”计价与资费不符"
                f"（{problem}）。",
                en=f"What entry {line['audit_index']} charges for {line['meter']!r} is not what "
                f"its tariff says ({problem}).",
                index=line["audit_index"],
            )


def _numbered(evidence: Evidence) -> Iterator[tuple[Record, int]]:
    """Yield each line with the units of its licence and meter since the last close."""
    closings = evidence.closings()
    place = 0
    units: Counter[tuple[str, str]] = Counter()
    ordered = sorted(evidence.usage, key=lambda one: (one["audit_index"], one["source_index"]))
    for line in ordered:
        while place < len(closings) and closings[place] < line["audit_index"]:
            units.clear()
            place += 1
        key = (line["licence"], line["meter"])
        yield line, units[key]
        units[key] += line["quantity"]


def _price_problem(line: Record, before: int, evidence: Evidence) -> str:
    rule = evidence.rules.get(line["rule_digest"])
    tariff = evidence.tariffs.get(line["tariff_digest"])
    if rule is None or tariff is None:
        return "rule_absent"
    if any(line[name] != rule[name] for name in _NAMED):
        return "rule"
    if line["units_before"] != before or line["quantity"] < 1:
        return "units_before"
    if line["prepaid"] != int(tariff["prepaid"]):
        return "prepaid"
    owed = price_of(tariff, line["meter"], line["quantity"], before)
    if line["price_class"] in evidence.free_classes:
        owed = 0
    if line["gross_micro_fen"] == owed:
        return ""
    unbilled = line["gross_micro_fen"] == 0 and not billable(
        tariff, evidence.entries[line["audit_index"]]["time_us"]
    )
    return "" if unbilled else "gross_micro_fen"


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def billable(tariff: Record, time_us: int) -> bool:
    """Tell whether a tariff may be billed: approved, in its term, at or below its ceilings."""
    now = _EPOCH + timedelta(microseconds=time_us)
    begins, ends = _day(tariff["valid_from"]), _day(tariff["valid_until"])
    beneath = all(one["micro_fen"] <= one["ceiling_micro_fen"] for one in tariff["prices"])
    return bool(tariff["approval"].strip()) and begins <= now < ends and beneath


def _check_rules(evidence: Evidence, report: Report) -> None:
    first_use: dict[str, int] = {}
    priced: dict[str, tuple[int, int]] = {}
    for line in evidence.usage:
        digest, index = line["rule_digest"], line["audit_index"]
        first_use[digest] = min(index, first_use.get(digest, index))
        if line["meter"] not in _BEGAN_BEFORE and line["price_class"] not in evidence.free_classes:
            first, last = priced.get(digest, (index, index))
            priced[digest] = min(index, first), max(index, last)
    for digest, index in sorted(first_use.items()):
        rule = evidence.rules.get(digest)
        if rule is None:
            continue  # its lines were named already
        licence = evidence.licences.get(rule["licence_digest"])
        if licence is None:
            report.add(
                Verdict.UNMET,
                "licence_absent",
                zh=f"证据包缺少授权文件 {rule['licence_digest']}，无法核对其资费与分配方案。",
                en=f"The bundle lacks the licence document {rule['licence_digest']}, so its tariff "
                "and scheme cannot be checked against it.",
            )
        elif not rule_holds(rule, licence, index, evidence) or not all(
            rule["tariff_digest"] == tariff_at(licence, used, evidence)
            for used in priced.get(digest, ())
        ):
            report.tampered(
                "rule_differs",
                zh=f"计费规则 {digest} 与日志中生效的授权、资费或分配方案不符。",
                en=f"The settlement rule {digest} does not follow from the licence, tariff and "
                "scheme that the log brought into force.",
                index=index,
            )


def rule_holds(rule: Record, licence: Record, until: int, evidence: Evidence) -> bool:
    """Tell whether a rule rests on documents that were in force in the log before an index."""
    product = licence["product"]
    same = all(rule[name] == product[name] for name in ("payer", "biller", "price_class"))
    return (
        same
        and rule["licence"] == licence["id"]
        and _logged(evidence, ACTIVATED, "document_digest", rule["licence_digest"], until)
        and _in_force(evidence, rule, TARIFF_APPROVED, "tariff_digest", product["tariff"], until)
        and _in_force(evidence, rule, SCHEME_APPROVED, "scheme_digest", licence["scheme"], until)
    )


def _in_force(
    evidence: Evidence, rule: Record, kind: str, name: str, embedded: Any, until: int
) -> bool:
    return rule[name] == digest_of(embedded) or any(
        entry["index"] < until
        and entry["public"][name] == rule[name]
        and entry["public"]["licence"] == rule["licence"]
        for entry in evidence.of_kind(kind)
    )


def tariff_at(licence: Record, index: int, evidence: Evidence) -> str:
    """Return the digest of the tariff in force at an entry: the newest whose first day had come.

    What was approved for another licence, or holds no longer, prices nothing.
    """
    now = _EPOCH + timedelta(microseconds=evidence.entries[index]["time_us"])
    newest = digest_of(licence["product"]["tariff"])
    for entry in evidence.of_kind(TARIFF_APPROVED):
        public = entry["public"]
        if entry["index"] < index and public["licence"] == licence["id"]:
            tariff = evidence.tariffs.get(public["tariff_digest"])
            if tariff is not None and _day(tariff["valid_from"]) <= now:
                newest = public["tariff_digest"]
    return newest


def _logged(evidence: Evidence, kind: str, name: str, digest: str, until: int) -> bool:
    first = evidence.first_logged(kind, name, digest)
    return first is not None and first["index"] < until
