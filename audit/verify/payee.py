"""A payee's bundle, verified from its own files: every line of what a payee is paid, and no more.

It shows that what is listed was logged, is priced and split by the logged documents, and that all
payees together are paid what was billed. That no use was kept out of the log itself only the whole
log, or receipts that its users kept, can show.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit.verify.evidence import (
    CLOSED,
    FREE_CLASSES,
    Evidence,
    Record,
    documents,
    parsed,
    records,
)
from audit.verify.findings import Report
from audit.verify.merkle import hash_leaf, inclusion_holds
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.pools import Carries, pool_problem
from audit.verify.shares import MICRO_FEN, digest_of
from audit.verify.sources import text_of
from audit.verify.strict import read_strictly
from audit.verify.sums import branch_root
from audit.verify.usage import verify_lines

FORMAT = "sandgate/payee-bundle@1"
POOL_LEAF = b"sandgate/pool-leaf@1\n"
TOLD = ("licence", "rule_digest", "product", "price_class", "tariff", "scheme", "billed_fen")
STATED = frozenset(
    {
        *("format", "period", "close_index", "period_digest", "payee", "fictional", "notice"),
        *("micro_fen", "fen", "lines", "digest"),
    }
)
NOTICE = {
    "zh": "虚构示例：资费、税率与分配比例均为演示而设，不代表任何真实安排。",
    "en": "Fictional: tariffs, tax rate and shares are made up for demonstration.",
}
FILES = ("payee.json", "statement.json", "pools.json", "entries.jsonl", "checkpoint")


class Sparse(Sequence[Record]):
    """Some entries of a log, found by their index; the others are not here."""

    def __init__(self, entries: Mapping[int, Record]) -> None:
        """Hold verified entries by index."""
        self._entries = entries

    def __getitem__(self, index: Any) -> Any:
        """Return the entry at an index of the log."""
        return self._entries[index]

    def __iter__(self) -> Iterator[Record]:
        """Yield the entries in the order of the log."""
        return (self._entries[index] for index in sorted(self._entries))

    def __len__(self) -> int:
        """Count the entries that are here."""
        return len(self._entries)


def is_payee_bundle(files: Mapping[str, bytes]) -> bool:
    """Tell whether these files are a payee's bundle."""
    return "payee.json" in files


def verify_payee(files: Mapping[str, bytes], key: Key) -> Report:
    """Verify a payee's bundle with the log's key alone. Raises Unusable where a part is no JSON."""
    report = Report()
    missing = [name for name in FILES if name not in files]
    if missing:
        _bad(report, "file_missing", f"缺少 {missing[0]}", f"{missing[0]} is missing")
        return report
    try:
        head = read_head(text_of(files["checkpoint"], "checkpoint"), key)
    except NotSigned:
        _bad(
            report,
            "checkpoint_not_signed",
            "检查点没有所给公钥的有效签名",
            "its checkpoint carries no valid signature by the key that was given",
        )
        return report
    try:
        _verify(files, head, report)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, RecursionError):
        _bad(
            report,
            "record_broken",
            "有记录缺少字段或内容不对",
            "a record lacks a field or holds what it may not",
        )
    return report


def _verify(files: Mapping[str, bytes], head: Head, report: Report) -> None:
    unknown = sorted(name for name in files if not _expected(name))
    if unknown:
        _bad(report, "file_unlisted", f"含有多余的文件 {unknown[0]}", f"{unknown[0]} is none of it")
    entries = _entries(files, head, report)
    statement, pools = parsed("statement.json", files["statement.json"]), _json(files, "pools.json")
    closing = entries.get(statement["close_index"])
    if (
        closing is None
        or closing["kind"] != CLOSED
        or (closing["public"]["period"] != statement["period"])
    ):
        _bad(
            report,
            "closing_entry_absent",
            "没有关闭该账期的日志条目",
            "the entry that closed its period is not in it",
        )
        return
    _check_branch(files, statement, closing["public"], report)
    _check_statement(statement, pools, closing["public"], report)
    evidence = _evidence(files, entries)
    _check_pools(pools, closing, evidence, report)
    verify_lines(evidence, report)
    if not report.findings:
        lines, used = len(statement["lines"]), len(evidence.usage)
        report.good(
            "payee_statement_holds",
            zh=f"结算单的 {lines} 行、{used} 条计量记录均由日志（{head.size} 条）与所载规则得出；"
            "全体收款方所得之和等于账单总额。",
            en=f"The statement's {lines} lines and {used} usage lines follow from the log of "
            f"{head.size} entries and the rules in it, and all payees together are paid what was "
            "billed.",
        )


def _expected(name: str) -> bool:
    folder = name.partition("/")[0]
    return name in {*FILES, "usage.jsonl", "contributions.jsonl"} or (
        folder in {"rules", "tariffs", "schemes"} and name.endswith(".json")
    )


def _entries(files: Mapping[str, bytes], head: Head, report: Report) -> dict[int, Record]:
    found: dict[int, Record] = {}
    for line in files["entries.jsonl"].splitlines():
        record = parsed("entries.jsonl", line)
        body, index = record["body"].encode(), record["index"]
        proof = [bytes.fromhex(sibling) for sibling in record["proof"]]
        content = read_strictly(body)
        holds = inclusion_holds(hash_leaf(body), index, head.size, proof, head.root)
        if not holds or content["index"] != index or index in found:
            _bad(
                report,
                "entry_not_in_log",
                f"第 {index} 号条目不在日志中",
                f"entry {index} is not what stands in the log",
                index if type(index) is int else None,
            )
            continue
        found[index] = content
    return found


def _check_branch(
    files: Mapping[str, bytes], statement: Record, public: Record, report: Report
) -> None:
    branch = _json(files, "payee.json")
    root = branch_root(statement, bytes.fromhex(branch["salt"]), branch["steps"])
    committed = (bytes.fromhex(public["payees_root"]), public["payees_fen"])
    if (
        branch["format"] != FORMAT
        or set(branch) != {"format", "salt", "steps"}
        or root[:2] != committed
        or root[2] != public["payees_micro_fen"]
        or public["payees_fen"] != public["pool_fen"]
        or public["payees_micro_fen"] != public["pool_fen"] * MICRO_FEN
    ):
        _bad(
            report,
            "branch_differs",
            "所载金额不能导出日志登记的全体收款方之和",
            "its amounts do not lead to the sum of all payees that the log committed to",
        )


def _check_statement(
    statement: Record, pools: Sequence[Record], public: Record, report: Report
) -> None:
    payee = statement["payee"]
    unsealed = {name: value for name, value in statement.items() if name != "digest"}
    lines = [
        {**line, **{name: item["pool"][name] for name in TOLD}}
        for item in pools
        for line in item["pool"]["lines"]
        if line["payee"] == payee
    ]
    sums = tuple(sum(line[name] for line in lines) for name in ("fen", "micro_fen"))
    fictional = any(item["pool"]["fictional"] for item in pools)
    if (
        digest_of(unsealed) != statement["digest"]
        or statement["period_digest"] != public["statement_digest"]
        or statement["lines"] != lines
        or sums != (statement["fen"], statement["micro_fen"])
        or statement["fictional"] != fictional
        or statement["notice"] != (NOTICE if fictional else None)
        or statement["format"] != "sandgate/payee-statement@2"
        or set(statement) != STATED
    ):
        _bad(
            report,
            "statement_differs",
            "结算单与所载资金池不符",
            "the statement is not that of the pools in it",
        )


def _check_pools(
    pools: Sequence[Record], closing: Record, evidence: Evidence, report: Report
) -> None:
    public = closing["public"]
    root, count = bytes.fromhex(public["pools_root"]), public["pool_count"]
    for item in pools:
        pool = item["pool"]
        salt = bytes.fromhex(item["salt"])
        leaf = hash_leaf(POOL_LEAF + salt + digest_of(pool).encode())
        proof = [bytes.fromhex(sibling) for sibling in item["proof"]]
        held = len(salt) == 16 and inclusion_holds(leaf, item["place"], count, proof, root)  # noqa: PLR2004
        problem = pool_problem(pool, evidence, _stated(pool))
        if (
            not held
            or pool["close_index"] != closing["index"]
            or set(item)
            != {
                *("pool", "place", "salt", "proof"),
            }
        ):
            _bad(
                report,
                "pool_not_logged",
                f"授权 {pool['licence']} 的资金池不是关闭账期时登记的",
                f"the pool of {pool['licence']} is not one that the closing entry committed to",
            )
        elif problem is not None:
            zh, en = problem
            _bad(
                report, "pool_differs", f"授权 {pool['licence']}：{zh}", f"{pool['licence']}: {en}"
            )


def _stated(pool: Record) -> Carries:
    """Return what the pool itself says it carried in: the closing entry commits to it.

    Earlier closes are not here: where it says that it charged no fee, none was due so soon.
    """
    payees = {
        line["payee"]: (line["channel"], line["carry_in_micro_fen"]) for line in pool["lines"]
    }
    licence, close_index = pool["licence"], int(pool["close_index"])
    charged = {} if pool.get("subscription_fen") else {licence: close_index}
    carried = {licence: pool["carry_in_micro_fen"]}
    return Carries(carried, {licence: payees}, charged=charged)


def _evidence(files: Mapping[str, bytes], entries: Mapping[int, Record]) -> Evidence:
    return Evidence(
        entries=Sparse(entries),
        leaves=(),
        journals=(),
        usage=records(files, "usage.jsonl"),
        contributions=records(files, "contributions.jsonl"),
        rules=_named(files, "rules/"),
        tariffs=_named(files, "tariffs/"),
        schemes=_named(files, "schemes/"),
        licences={},
        statements={},
        free_classes=FREE_CLASSES,
    )


def _named(files: Mapping[str, bytes], folder: str) -> dict[str, Record]:
    """Read documents, each of which must be called by its digest here."""
    for name in files:
        if name.startswith(folder):
            digest = hashlib.sha256(files[name]).hexdigest()
            if name != f"{folder}{digest}.json":
                raise ValueError(name)
    return documents(files, folder)


def _json(files: Mapping[str, bytes], name: str) -> Any:
    return parsed(name, files[name])


def _bad(report: Report, code: str, zh: str, en: str, index: int | None = None) -> None:
    report.tampered(code, zh=f"收款方证据包：{zh}。", en=f"The payee's bundle: {en}.", index=index)
