"""Pools recomputed: from the usage of a period to every payee's fen, with what was carried.

Everything of a pool document is worked out again from the log, the usage and the documents, but
what it says of affiliates and of the wallet, which is stated; what permitted revenue was left is
checked where the whole log is there (``audit.verify.permitted``).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.verify.evidence import Evidence, Record
from audit.verify.shares import MICRO_FEN, digest_of, lines_of, measured, waterfall
from audit.verify.usage import billable, rule_holds, tariff_at

DAY_US = 86_400_000_000
STATED = ("affiliates", "permitted_left_fen", "prepaid_fen")
REVERSED = "revenue:journal:reversed"

Problem = tuple[str, str]


@dataclass
class Carries:
    """What every licence carries: of its bill, and by payee; and what each pool moved.

    ``charged`` names by licence the close that last charged a fee, whatever was reversed since.
    """

    bill: dict[str, int] = field(default_factory=dict)
    payees: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    moved: dict[tuple[str, str], Record] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)

    def before(self, licence: str) -> tuple[int, Mapping[str, tuple[str, int]]]:
        """Return what a licence carries, zeros left out."""
        held = self.payees.get(licence, {})
        return self.bill.get(licence, 0), {name: one for name, one in held.items() if one[1]}

    def keep(self, pool: Record, sign: int = 1) -> None:
        """Move what a pool moved, or give it back."""
        licence = pool["licence"]
        moved = pool["carry_out_micro_fen"] - pool["carry_in_micro_fen"]
        self.bill[licence] = self.bill.get(licence, 0) + sign * moved
        held = self.payees.setdefault(licence, {})
        for line in pool["lines"]:
            step = line["carry_out_micro_fen"] - line["carry_in_micro_fen"]
            if step:
                before = held.get(line["payee"], ("", 0))[1]
                held[line["payee"]] = (line["channel"], before + sign * step)
        self.moved[pool["period"], licence] = pool
        if sign > 0 and pool.get("subscription_fen"):
            self.charged[licence] = pool["close_index"]

    def owes_fee(self, licence: str, close_index: int, evidence: Evidence) -> bool:
        """Tell whether enough whole days of the log have passed since the last fee."""
        last = self.charged.get(licence)
        if last is None:
            return True
        passed = evidence.entries[close_index]["time_us"] - evidence.entries[last]["time_us"]
        return bool(passed >= evidence.fee_days_min * DAY_US)

    def give_back(self, period: str, licence: str) -> None:
        """Undo what a pool moved, once."""
        pool = self.moved.pop((period, licence), None)
        if pool is not None:
            self.keep(pool, -1)
            del self.moved[period, licence]


def pool_problem(pool: Record, evidence: Evidence, carries: Carries) -> Problem | None:
    """Return in which figure a pool is not what the log and its documents give, if any."""
    documents = _documents(pool, evidence)
    if documents is None:
        return "缺少计算所需的规则、资费或分配方案", "its rule, tariff or scheme is missing"
    if not _rule_supported(pool, evidence):
        return (
            "其规则与日志中生效的授权、资费或分配方案不符",
            "its rule does not follow from the documents that the log brought into force",
        )
    expected = _expected(pool, evidence, carries, *documents)
    for name in sorted(expected):
        if pool.get(name) != expected[name]:
            return (
                f"“{name}”与按日志和规则重算的结果不符",
                f"its {name!r} is not what the log and the rules give",
            )
    unknown = sorted(set(pool) - set(expected) - set(STATED))
    if unknown:
        return f"含有未知内容“{unknown[0]}”", f"it holds {unknown[0]!r}, which nothing accounts for"
    if not 0 <= pool["prepaid_fen"] <= pool["billed_fen"]:
        return "预付金额超出账单", "its prepaid part is more than the bill"
    return None


def _documents(pool: Record, evidence: Evidence) -> tuple[Record, Record, Record] | None:
    rule = evidence.rules.get(pool["rule_digest"])
    if rule is None:
        return None
    tariff = evidence.tariffs.get(rule["tariff_digest"])
    scheme = evidence.schemes.get(rule["scheme_digest"])
    return None if tariff is None or scheme is None else (rule, tariff, scheme)


def _rule_supported(pool: Record, evidence: Evidence) -> bool:
    rule = evidence.rules[pool["rule_digest"]]
    licence = evidence.licences.get(rule["licence_digest"])
    # An absent licence was reported with its usage; a pool without usage has none to report.
    return licence is None or (
        rule_holds(rule, licence, pool["close_index"], evidence)
        and rule["tariff_digest"] == tariff_at(licence, pool["close_index"], evidence)
    )


def _expected(
    pool: Record,
    evidence: Evidence,
    carries: Carries,
    rule: Record,
    tariff: Record,
    scheme: Record,
) -> dict[str, Any]:
    close_index, licence = int(pool["close_index"]), rule["licence"]
    closings = evidence.closings()
    before = bisect_left(closings, close_index)
    after = closings[before - 1] if before else -1
    usage = evidence.usage_within(licence, after, close_index)
    given = evidence.contributions_within(licence, after, close_index)
    sources = measured(scheme, given)
    bill_in, carried = carries.before(licence)
    gross = sum(line["gross_micro_fen"] for line in usage)
    closed_us = evidence.entries[close_index]["time_us"]
    asked = [(tariff, closed_us), *_used_under(usage, evidence)]
    owes = carries.owes_fee(licence, close_index, evidence)
    fee = _fee_fen(asked, rule, evidence) if owes else 0
    due = gross + fee * MICRO_FEN + bill_in
    billed = max(0, due) // MICRO_FEN
    left = pool["permitted_left_fen"]
    excess = 0 if left is None else max(0, billed - max(0, left))
    steps = waterfall(billed, rule["tax"]["ppm"], excess, scheme, sources, licence)
    return {
        **_heads(pool, rule, tariff, scheme),
        "after_index": after,
        "close_index": close_index,
        "rule_digests": sorted({line["rule_digest"] for line in usage}),
        "usage_count": len({(line["audit_index"], line["source_index"]) for line in usage}),
        "usage_totals": _totals(usage),
        "usage_digest": digest_of(usage),
        "contribution_count": len(given),
        "contributions_digest": digest_of(given),
        "gross_micro_fen": gross,
        "subscription_fen": fee,
        "carry_in_micro_fen": bill_in,
        "billed_fen": billed,
        "carry_out_micro_fen": due - billed * MICRO_FEN,
        "excess_fen": excess,
        "contributions": sources,
        "steps": steps,
        "lines": lines_of(billed, steps, carried),
    }


def _heads(pool: Record, rule: Record, tariff: Record, scheme: Record) -> dict[str, Any]:
    copied = ("licence", "licence_digest", "tariff_digest", "scheme_digest")
    product = ("product", "price_class", "payer", "biller")
    return {
        "format": "sandgate/pool@1",
        "period": pool["period"],
        "rule_digest": pool["rule_digest"],
        **{name: rule[name] for name in (*copied, *product)},
        "tariff": {name: tariff[name] for name in ("version", "approval")},
        "scheme": {name: scheme[name] for name in ("version", "approval")},
        "fictional": rule["fictional"] or scheme["fictional"],
    }


def _totals(usage: list[Record]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for line in usage:
        totals[line["meter"]] += line["quantity"]
    return dict(totals)


def _used_under(usage: list[Record], evidence: Evidence) -> list[tuple[Record, int]]:
    """Return each tariff that priced something, with the time of its first use."""
    first: dict[str, int] = {}
    for line in usage:
        first.setdefault(line["tariff_digest"], line["audit_index"])
    return [
        (evidence.tariffs[name], evidence.entries[index]["time_us"])
        for name, index in first.items()
        if name in evidence.tariffs
    ]


def _fee_fen(asked: list[tuple[Record, int]], rule: Record, evidence: Evidence) -> int:
    """Return the highest fee of the tariffs that may be billed at their times."""
    if rule["price_class"] in evidence.free_classes:
        return 0
    fees = (
        int(tariff["subscription"]["fen_per_period"])
        for tariff, time_us in asked
        if tariff["subscription"] is not None and billable(tariff, time_us)
    )
    return max(fees, default=0)
