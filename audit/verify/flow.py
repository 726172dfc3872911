"""Money that moved, entry by entry: only what came in is paid on, to whom the bill names, once.

Receipts match their legs; a distribution is the largest remainder of what was newly collected, for
payees that had confirmed the very claim that stood; a correction follows its dispute and its rule.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from audit.verify.bills import Bill, Money, Place, PoolMoney, lines_named
from audit.verify.evidence import CLOSED, Evidence, Record
from audit.verify.findings import Report
from audit.verify.permitted import Permitted
from audit.verify.shares import digest_of

OPENED = "revenue:dispute:opened"
HELD = "revenue:dispute:held"
MATCHED = "revenue:receipt:matched"
CONFIRMED = "revenue:statement:confirmed"
DISTRIBUTED = "revenue:pool:distributed"
DECIDED = "revenue:dispute:decided"
REVERSED = "revenue:journal:reversed"
NOBODYS_WORD = ("tax", "reserve")

Problem = tuple[str, str, str]


def verify_flow(evidence: Evidence, report: Report) -> None:
    """Replay what was billed, received, confirmed, distributed, corrected and reversed."""
    replay = _Replay(evidence)
    for entry in evidence.entries:
        check = _CHECKS.get(entry["kind"])
        for code, zh, en in check(replay, entry) if check else ():
            index = entry["index"]
            report.tampered(
                code,
                zh=f"第 {index} 号条目：{zh}。",
                en=f"Entry {index}: {en}.",
                index=index,
            )


@dataclass
class _Replay:
    evidence: Evidence
    money: Money = field(default_factory=Money)
    confirmed: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    disputes: dict[str, Record] = field(default_factory=dict)
    holds: dict[str, dict[str, int]] = field(default_factory=dict)
    permitted: Permitted = field(init=False)
    resting: dict[int, list[Record]] = field(init=False)
    stated: dict[int, Record] = field(init=False)

    def __post_init__(self) -> None:
        found: defaultdict[int, list[Record]] = defaultdict(list)
        for journal in self.evidence.journals:
            found[journal["audit_index"]].append(journal)
        self.resting = dict(found)
        statements = self.evidence.statements.values()
        self.stated = {statement["close_index"]: statement for statement in statements}
        self.permitted = Permitted(self.evidence)

    def of_kind(self, entry: Record, *kinds: str) -> Iterator[Record]:
        """Yield the journals that rest on an entry and are of one of these kinds."""
        for journal in self.resting.get(entry["index"], []):
            if journal["kind"] in kinds:
                yield journal


def _closed(replay: _Replay, entry: Record) -> Iterator[Problem]:
    statement = replay.stated.get(entry["index"])
    if statement is None:
        return  # named already
    settled = {
        journal["rule_digest"]: journal["id"] for journal in replay.of_kind(entry, "settlement")
    }
    if not replay.permitted.holds(entry, statement["pools"], replay.money):
        yield (
            "permitted_differs",
            "“permitted_left_fen” 与日志中核定的准许收入和已开账单不符",
            "its permitted_left_fen is not what the decided maximum and earlier bills leave",
        )
    for pool in statement["pools"]:
        bill = Bill(
            settled.get(pool["rule_digest"]),
            pool["billed_fen"],
            pool["prepaid_fen"],
            lines_named(pool["lines"]),
            entry["index"],
        )
        bills = [bill] if bill.journal else []
        replay.money.pools[statement["period"], pool["licence"]] = PoolMoney(pool, bills)


def _matched(replay: _Replay, entry: Record) -> Iterator[Problem]:
    subject = entry["public"]["subject"]
    matches = subject["matches"]
    whole = sum(match["fen"] for match in matches)
    biller, payer, fen = subject["biller"], subject["payer"], subject["fen"]
    for journal in replay.of_kind(entry, "receipt", "matching"):
        owed, spare = f"receivable:{biller}:{payer}", f"unmatched:{biller}:{payer}"
        legs = {owed: -whole, spare: whole}
        if journal["kind"] == "receipt":
            legs = {f"bank:{biller}": fen, owed: -whole, spare: whole - fen}
        if _legs(journal) != {account: part for account, part in legs.items() if part}:
            yield (
                "receipt_differs",
                "收款凭证与其匹配的账单不符",
                "its receipt is not what it was matched to",
            )
        for match in matches:
            place = (match["period"], match["licence"])
            held = replay.money.pools.get(place)
            if held is None or match["fen"] < 1 or (held.pool["payer"]) != payer:
                yield _overmatched()
                continue
            held.matched.append((journal["id"], match["fen"]))
            if replay.money.collected_fen(place) > replay.money.bill(place).fen:
                yield _overmatched()


def _overmatched() -> Problem:
    return (
        "receipt_differs",
        "匹配的金额超出账单，或账单不存在",
        "it matches more than was billed, or a bill that is not there",
    )


def _confirmed(replay: _Replay, entry: Record) -> Iterator[Problem]:
    public = entry["public"]
    period, payee = public["period"], public["payee"]
    statement = next(
        (one for one in replay.stated.values() if one["period"] == period), {"digest": None}
    )
    lines = [
        {
            "licence": held.pool["licence"],
            "line": line,
            "fen": bill.lines.get(line, 0),
            "pool_digest": digest_of(held.pool),
            "journal": bill.journal,
        }
        for held, bill, line in replay.money.lines_of(period, payee)
    ]
    claim = {
        "format": "sandgate/claim@1",
        "period": period,
        "payee": payee,
        "statement_digest": statement["digest"],
        "lines": lines,
    }
    if digest_of(claim) != public["claim_digest"] or entry["actor"]["organisation"] != payee:
        yield (
            "confirmation_differs",
            "收款方确认的内容不是当时结算单的内容",
            "what its payee confirmed is not what stood then",
        )
        return
    replay.confirmed[period, payee] = entry["index"]


def _distributed(replay: _Replay, entry: Record) -> Iterator[Problem]:
    subject = entry["public"]["subject"]
    place = (subject["period"], subject["licence"])
    if place not in replay.money.pools:
        yield _paid_otherwise()
        return
    bill, given = replay.money.bill(place), replay.money.given(place)
    lines = {line["line"]: (line["allotted_fen"], line["paid_fen"]) for line in subject["lines"]}
    allotted = {name: fen for name, (fen, _paid) in lines.items() if fen}
    paid = {name: fen for name, (_allotted, fen) in lines.items() if fen}
    whole = {name: given.get(name, (0, 0))[0] + allotted.get(name, 0) for name in paid}
    right = allotted == replay.money.allotments(place) and all(
        fen == min(whole[name], bill.lines.get(name, 0)) - given.get(name, (0, 0))[1] and fen > 0
        for name, fen in paid.items()
    )
    legs = {f"accrued:{name}": fen for name, fen in paid.items()}
    legs |= {name: -fen for name, fen in paid.items()}
    journals = list(replay.of_kind(entry, "distribution"))
    if not right or [_legs(journal) for journal in journals] != [legs]:
        yield _paid_otherwise()
    unheard = [
        name
        for name in paid
        if not _word_given(replay, place, bill, name) or _disputed(replay, place, name)
    ]
    if unheard:
        yield (
            "paid_unconfirmed",
            f"{unheard[0]} 未经其收款方确认，或在异议未决时即分账",
            f"{unheard[0]} is paid though its payee had not confirmed, or it is disputed",
        )
    for journal in journals:
        replay.money.pools[place].distributed.append((journal["id"], lines))


def _paid_otherwise() -> Problem:
    return (
        "distribution_differs",
        "分账不是已收款项按账单各行所得的分配",
        "its distribution is not what was collected, split over the bill's lines",
    )


def _word_given(replay: _Replay, place: Place, bill: Bill, line: str) -> bool:
    channel, _, payee = line.partition(":")
    return channel in NOBODYS_WORD or replay.confirmed[place[0], payee] > bill.index


def _disputed(replay: _Replay, place: Place, line: str) -> bool:
    return any(
        (one["public"]["period"], one["public"]["licence"]) == place and _covers(one, line)
        for one in replay.disputes.values()
    )


def _covers(opened: Record, line: str) -> bool:
    """Tell whether a dispute keeps a line: a payee its own, a payer every one."""
    own = line.partition(":")[2] == opened["actor"]["organisation"]
    return bool(opened["public"]["party"] == "payer" or own)


def _opened(replay: _Replay, entry: Record) -> Iterator[Problem]:
    replay.disputes[entry["public"]["dispute"]] = entry
    return iter(())


def _held(replay: _Replay, entry: Record) -> Iterator[Problem]:
    """Let a hold move what is left of the lines that its dispute covers, and nothing else."""
    opened = replay.disputes.get(entry["public"]["dispute"])
    for journal in replay.of_kind(entry, "hold"):
        legs = _legs(journal)
        replay.holds[entry["public"]["dispute"]] = legs
        lines = {name.partition(":")[2]: fen for name, fen in legs.items() if fen > 0}
        expected = {f"accrued:{line}": fen for line, fen in lines.items()}
        expected |= {f"disputed:{line}": -fen for line, fen in lines.items()}
        if opened is None or legs != expected or not all(_covers(opened, one) for one in lines):
            yield _held_otherwise()


def _released(replay: _Replay, entry: Record) -> Iterator[Problem]:
    """Require that what a decided dispute held goes back whole."""
    name = entry["public"]["subject"]["dispute"]
    held = replay.holds.pop(name, None)
    released = [_legs(journal) for journal in replay.of_kind(entry, "release")]
    mirror = [] if held is None else [{account: -fen for account, fen in held.items()}]
    if replay.disputes.pop(name, None) is None or released != mirror:
        yield _held_otherwise()
    yield from _decided(replay, entry)


def _held_otherwise() -> Problem:
    return (
        "hold_differs",
        "冻结或解冻的款项不是该异议所涉的款项",
        "what it holds or releases is not what its dispute covers",
    )


def _decided(replay: _Replay, entry: Record) -> Iterator[Problem]:
    subject = entry["public"]["subject"]
    place = (subject["period"], subject["licence"])
    if subject["outcome"] != "upheld":
        return
    held = replay.money.pools.get(place)
    undone = list(replay.of_kind(entry, "reversal"))
    corrected = list(replay.of_kind(entry, "correction"))
    if held is None or len(undone) != 1 or len(corrected) > 1:
        yield _corrected_otherwise()
        return
    before = replay.money.bill(place)
    lines = lines_named(subject["lines"])
    billed = sum(lines.values())
    bill = Bill(None, billed, min(before.prepaid_fen, billed), lines, entry["index"])
    original = {one["id"]: one for one in replay.evidence.journals}.get(before.journal)
    mirrored = original is not None and _legs(undone[0]) == _mirror(original)
    right = mirrored and bool(corrected) == (billed > 0)
    if before.journal is not None:
        replay.money.reversed.add(before.journal)
    for journal in corrected:
        right &= _correction_holds(replay, subject, held, before, bill, journal)
        held.bills.append(Bill(journal["id"], *_rest(bill)))
    if not right or not _excess_given(replay, entry, place):
        yield _corrected_otherwise()


def _rest(bill: Bill) -> tuple[int, int, Mapping[str, int], int]:
    return bill.fen, bill.prepaid_fen, bill.lines, bill.index


def _correction_holds(
    replay: _Replay,
    subject: Record,
    held: PoolMoney,
    before: Bill,
    bill: Bill,
    journal: Record,
) -> bool:
    """Tell whether a correction follows its dispute, its pool and its own rule document."""
    rule, pool = replay.evidence.rules.get(journal["rule_digest"], {}), held.pool
    expected = {
        "format": "sandgate/correction-rule@1",
        **{name: subject[name] for name in ("dispute", "period", "licence", "lines")},
        "pool_digest": digest_of(pool),
        "pool_rule_digest": pool["rule_digest"],
        "replaces": before.journal,
        **{name: pool[name] for name in ("payer", "biller")},
        "billed_fen": bill.fen,
        "prepaid_fen": bill.prepaid_fen,
    }
    legs = {
        f"receivable:{pool['biller']}:{pool['payer']}": bill.fen - bill.prepaid_fen,
        f"wallet:{pool['payer']}": bill.prepaid_fen,
        **{f"accrued:{line}": -fen for line, fen in bill.lines.items()},
    }
    same = {name: rule.get(name) for name in expected} == expected
    return same and _legs(journal) == {account: fen for account, fen in legs.items() if fen}


def _excess_given(replay: _Replay, entry: Record, place: Place) -> bool:
    """Turn what was paid above a lowered bill back into the payer's unmatched money."""
    money, pool = replay.money, replay.money.pools[place].pool
    over = money.collected_fen(place) - money.bill(place).fen
    excess = min(money.matched_fen(place), over)
    journals = list(replay.of_kind(entry, "matching"))
    if excess <= 0:
        return not journals
    holder = f"{pool['biller']}:{pool['payer']}"
    legs = {f"receivable:{holder}": excess, f"unmatched:{holder}": -excess}
    if [_legs(journal) for journal in journals] != [legs]:
        return False
    money.pools[place].matched.append((journals[0]["id"], -excess))
    return True


def _corrected_otherwise() -> Problem:
    return (
        "correction_differs",
        "更正后的账单与裁定、原账单或其规则不符",
        "its correction does not follow from the decision, the bill before and its rule",
    )


def _undone(replay: _Replay, entry: Record) -> Iterator[Problem]:
    replay.money.reversed.add(entry["public"]["subject"]["journal"])
    return iter(())


def _legs(journal: Record) -> dict[str, int]:
    legs = {leg["account"]: leg["fen"] for leg in journal["postings"]}
    if len(legs) != len(journal["postings"]):
        raise ValueError("a journal names an account twice")
    return legs


def _mirror(journal: Record) -> dict[str, int]:
    return {account: -fen for account, fen in _legs(journal).items()}


_CHECKS: Mapping[str, Callable[[_Replay, Record], Iterator[Problem]]] = {
    CLOSED: _closed,
    MATCHED: _matched,
    CONFIRMED: _confirmed,
    DISTRIBUTED: _distributed,
    OPENED: _opened,
    HELD: _held,
    DECIDED: _released,
    REVERSED: _undone,
}
