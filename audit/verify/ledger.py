"""The ledger against the log: every journal balances, is sealed, and is named by its own entry.

Which kinds of entry may post which kinds of journal is closed. Money that moves by command was
proposed by one person and approved by another; nothing is distributed before it came in.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from audit.verify.evidence import CLOSED, Evidence, Record
from audit.verify.findings import Report
from audit.verify.shares import digest_of

PROPOSED = "revenue:move:proposed"
SETTLEMENT = "settlement"
_UNSEALED = ("audit_leaf", "digest")
_DECIDED = "revenue:dispute:decided"
_MATCHED = "revenue:receipt:matched"
_REVERSED = "revenue:journal:reversed"
ENTRIES_OF: Mapping[str, frozenset[str]] = {
    SETTLEMENT: frozenset({CLOSED}),
    "receipt": frozenset({_MATCHED}),
    "matching": frozenset({_MATCHED, _DECIDED}),
    "deposit": frozenset({"revenue:wallet:deposited"}),
    "refund": frozenset({"revenue:money:refunded"}),
    "distribution": frozenset({"revenue:pool:distributed"}),
    "payout": frozenset({"revenue:file:returned"}),
    "hold": frozenset({"revenue:dispute:held"}),
    "release": frozenset({_DECIDED}),
    "reversal": frozenset({_REVERSED, _DECIDED}),
    "correction": frozenset({_DECIDED}),
}

_OF_A_LICENCE = ("sandgate/settlement-rule@2", "sandgate/correction-rule@1")
_FLOW_RULE = "sandgate/ledger-rule@1"
_FLOW_KINDS = frozenset({"receipt", "matching", "deposit", "refund", "payout"})

# On which side of zero an account shows money that is not there: a bank's below, a debt's above.
_WRONG_SIDE = {"bank": -1} | dict.fromkeys(
    ("accrued", "disputed", "treasury", "account", "tax", "wallet", "unmatched", "reserve"), 1
)


def verify_ledger(evidence: Evidence, report: Report) -> None:
    """Check journals, what names them, who moved them, and that only money held is paid on."""
    billed: Counter[tuple[Any, ...]] = Counter()
    for journal in evidence.journals:
        _check_journal(journal, evidence, report)
        if journal["kind"] == SETTLEMENT:
            billed[journal["period"], journal["rule_digest"]] += 1
    for (period, _), times in billed.items():
        if times > 1:
            report.tampered(
                "billed_twice",
                zh=f"账期 {period} 内同一规则重复结算。",
                en=f"One rule is settled twice in the period {period}.",
            )
    _check_named(evidence, report)
    _check_reversals(evidence, report)
    _check_two_persons(evidence, report)
    _check_held(evidence, report)


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
    legs = [leg["fen"] for leg in journal["postings"]]
    if len(legs) < 2 or sum(legs) or not all(type(fen) is int and fen for fen in legs):  # noqa: PLR2004
        report.tampered(
            "journal_unbalanced",
            zh=f"凭证 {name} 的分录合计不为零。",
            en=f"The postings of the journal {name} do not sum to zero.",
            index=index,
        )
    if not _rests_on_its_rule(journal, evidence):
        report.tampered(
            "journal_rule_absent",
            zh=f"凭证 {name} 所依据的规则文件缺失，或不是这类凭证的规则。",
            en=f"The rule that the journal {name} rests on is missing, or is none for its kind.",
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
    elif evidence.entries[index]["kind"] not in ENTRIES_OF.get(journal["kind"], frozenset()):
        report.tampered(
            "journal_of_another_kind",
            zh=f"凭证 {name}（{journal['kind']}）不是第 {index} 号条目这类操作可以记的账。",
            en=f"The journal {name} ({journal['kind']}) is none that an entry such as {index} "
            "posts.",
            index=index,
        )


def _rests_on_its_rule(journal: Record, evidence: Evidence) -> bool:
    """Tell whether the rule a journal names is in the bundle, and is one for its kind."""
    rule = evidence.rules.get(journal["rule_digest"])
    if rule is None:
        return False
    if journal["kind"] in _FLOW_KINDS:
        return bool(rule["format"] == _FLOW_RULE and rule["kind"] == journal["kind"])
    return journal["kind"] == "reversal" or rule["format"] in _OF_A_LICENCE


def _check_named(evidence: Evidence, report: Report) -> None:
    """Each entry commits to the seals of exactly the journals that rest on it."""
    resting: defaultdict[int, dict[str, Record]] = defaultdict(dict)
    for journal in evidence.journals:
        resting[journal["audit_index"]][journal["id"]] = journal
    for entry in evidence.entries:
        own = resting.pop(entry["index"], {})
        if not _names(entry, own, evidence):
            report.tampered(
                "journals_incomplete",
                zh=f"第 {entry['index']} 号条目登记的凭证与证据包中的不符。",
                en=f"The journals in the bundle are not those that entry {entry['index']} "
                "committed to.",
                index=entry["index"],
            )


def _names(entry: Record, own: Mapping[str, Record], evidence: Evidence) -> bool:
    public = entry["public"]
    if entry["kind"] == CLOSED:
        ordered = sorted(own.values(), key=lambda journal: _licence(journal, evidence))
        seals = digest_of([journal["digest"] for journal in ordered])
        return (len(own), seals) == (public.get("journal_count"), public.get("journals_digest"))
    listed = public.get("journals", [])
    named = {item["id"]: item["digest"] for item in listed}
    found = {name: journal["digest"] for name, journal in own.items()}
    return len(named) == len(listed) and named == found


def _licence(journal: Record, evidence: Evidence) -> str:
    """Settlements are posted in the order of the licences that their rules name."""
    return str(evidence.rules.get(journal["rule_digest"], {}).get("licence", ""))


def _check_reversals(evidence: Evidence, report: Report) -> None:
    """Each reversal mirrors the journal that its entry names, and no journal is undone twice."""
    by_id = {journal["id"]: journal for journal in evidence.journals}
    undone: Counter[str] = Counter()
    for entry in evidence.of_kind(_REVERSED):
        public: Mapping[str, Any] = entry["public"]
        name = public["subject"]["journal"]
        undone[name] += 1
        reversal = by_id.get(public["reversal"], {"digest": None, "postings": []})
        original = by_id.get(name, {"postings": []})
        mirror = [{**leg, "fen": -leg["fen"]} for leg in original["postings"]]
        same = reversal["digest"] == public["reversal_digest"]
        if not same or reversal["postings"] != mirror or undone[name] > 1:
            report.tampered(
                "reversal_differs",
                zh=f"第 {entry['index']} 号条目登记的冲销凭证与证据包中的不符。",
                en=f"The reversal in the bundle is not the one that entry {entry['index']} "
                "committed to, or does not mirror its journal.",
                index=entry["index"],
            )


def _check_two_persons(evidence: Evidence, report: Report) -> None:
    """Require of what moves money a proposal of the same, made before by somebody else."""
    proposals: dict[str, Record] = {}
    for entry in evidence.entries:
        public = entry["public"]
        move = public.get("move")
        if entry["kind"] == PROPOSED:
            proposals[move] = entry
        elif move is not None and "journals" in public:
            proposal = proposals.get(move)
            if proposal is None or not _approves(entry, proposal):
                report.tampered(
                    "move_not_by_two",
                    zh=f"第 {entry['index']} 号条目移动资金，但没有由另一人事先提出的同一申请。",
                    en=f"Entry {entry['index']} moves money that nobody else had proposed before.",
                    index=entry["index"],
                )


def _approves(entry: Record, proposal: Record) -> bool:
    other = entry["actor"]["person"] != proposal["actor"]["person"]
    return bool(other and entry["public"].get("subject") == proposal["public"].get("subject"))


def _check_held(evidence: Evidence, report: Report) -> None:
    """No account ever shows money that did not come in before: looked at after each entry."""
    posted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for journal in evidence.journals:
        for leg in journal["postings"]:
            posted[journal["audit_index"]][leg["account"]] += leg["fen"]
    balance: Counter[str] = Counter()
    for index in sorted(posted):
        balance.update(posted[index])
        for account in sorted(posted[index]):
            sign = _WRONG_SIDE.get(account.partition(":")[0], 0)
            if balance[account] * sign > 0:
                report.tampered(
                    "account_overdrawn",
                    zh=f"第 {index} 号条目之后，账户 {account} 出现了并未到账的资金。",
                    en=f"After entry {index} the account {account} shows money that is not there.",
                    index=index,
                )
