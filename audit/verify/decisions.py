"""Verifies a sealed decision: the signed data, the paper it names, and the order to use the seal.

The seal's key comes from outside, as the city publishes it; with the log's key the order's place in
the log is checked too. The seal drawn on the paper proves nothing, and is not looked at.
"""

import argparse
import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.merkle import hash_leaf, inclusion_holds
from audit.verify.notes import Key, NotSigned, read_head, read_key, read_receipt
from audit.verify.shares import canonical, digest_of, digest_of_bytes
from audit.verify.sm import NoSM3, sm2_holds
from audit.verify.sm_notes import read_sm_key
from audit.verify.strict import UNREADABLE, read_strictly
from audit.verify.tiles import parse_body

FORMAT = "sandgate/sealed-decision@1"
CONTEXT = b"sandgate/sealed-decision@1\n"
ORDERED = "sharing:seal:ordered"
PDF_START = b"%PDF-"
FILES_MAX = 2


def add_decision_command(commands: Any) -> None:
    """Offer ``decision`` among the commands, with the keys that it is checked against."""
    words = "用印的共享决定 / a sealed decision on sharing"
    command: argparse.ArgumentParser = commands.add_parser("decision", help=words)
    command.set_defaults(check=_run)
    what = "签名文件（JSON）与决定书（PDF）/ the signed file, and its paper"
    command.add_argument("files", type=Path, nargs="+", help=what)
    command.add_argument("--key", required=True, help="专用章公钥 / the seal's NAME+HASH+KEY")
    command.add_argument("--seal-sm-key", help="专用章的 SM2 公钥 / the seal's SM2 key")
    command.add_argument("--log-key", help="日志公钥 / the log's key, for the order's place in it")
    command.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
    command.add_argument(
        "--lang", choices=("zh", "en", "both"), default="both", help="语言 / language"
    )


def verify_decision(
    files: list[bytes], key: Key, sm_key: str | None = None, log_key: str | None = None
) -> Report:
    """Verify the signed data and, where it is given, its paper. Raises Unusable for neither."""
    papers = [data for data in files if data.startswith(PDF_START)]
    machines = [data for data in files if not data.startswith(PDF_START)]
    if len(machines) != 1 or len(files) > FILES_MAX:
        raise Unusable(
            "请给出一份签名文件（JSON），可连同其决定书（PDF）。",
            "Give one signed file (JSON), and its paper (PDF) if there is one.",
        )
    report = Report()
    whole = _read(machines[0])
    document = whole["document"]
    if not _check_signatures(whole, key, report):
        return report
    if sm_key is not None:
        _check_second(whole, sm_key, report)
    _check_paper(document, papers, report)
    if log_key is not None:
        _check_order(whole, read_key(_text(log_key)), report)
    return report


def _run(options: argparse.Namespace, key: Key) -> Report:
    files = [_bytes(path) for path in options.files]
    sm_key = None if options.seal_sm_key is None else _text(options.seal_sm_key)
    return verify_decision(files, key, sm_key, options.log_key)


def _check_signatures(whole: Mapping[str, Any], key: Key, report: Report) -> bool:
    data = CONTEXT + canonical(whole["document"])
    for one in whole["signatures"]:
        if one.get("algorithm") == "Ed25519" and _ed25519_holds(key, one, data):
            report.good(
                "decision_signed",
                zh=f"决定“{_outcome(whole)}”由所给专用章公钥签名，内容未被改动。",
                en="The decision is as the seal's key signed it.",
            )
            return True
    report.tampered(
        "decision_signature_fails",
        zh="签名文件没有所给专用章公钥的有效签名：内容被改动，或由他人签名。",
        en="No valid signature by the seal's key: it was changed, or somebody else signed it.",
    )
    return False


def _ed25519_holds(key: Key, one: Mapping[str, Any], data: bytes) -> bool:
    try:
        public = Ed25519PublicKey.from_public_bytes(key.public_key)
        public.verify(bytes.fromhex(str(one["signature"])), data)
    except (InvalidSignature, ValueError, KeyError):
        return False
    return True


def _check_second(whole: Mapping[str, Any], sm_key: str, report: Report) -> None:
    _name, public = read_sm_key(sm_key)
    data = CONTEXT + canonical(whole["document"])
    found = [one for one in whole["signatures"] if one.get("algorithm") == "SM2-SM3"]
    if not found:
        report.add(
            Verdict.UNMET,
            "decision_sm2_missing",
            zh="该决定没有 SM2 签名。",
            en="The decision carries no SM2 signature.",
        )
        return
    try:
        holds = any(sm2_holds(public, bytes.fromhex(str(one["signature"])), data) for one in found)
    except (ValueError, KeyError):
        holds = False
    except NoSM3 as error:
        raise Unusable(
            "本机 Python 的 hashlib 不支持 SM3。", "This Python's hashlib has no SM3."
        ) from error
    if holds:
        report.good(
            "decision_sm2_holds",
            zh="另有所给 SM2 公钥的有效签名（GB/T 32918）。",
            en="It also carries a valid signature by the SM2 key (GB/T 32918).",
        )
    else:
        report.tampered(
            "decision_sm2_fails",
            zh="SM2 签名与所给公钥不符。",
            en="The SM2 signature is not one by the key given.",
        )


def _check_paper(document: Mapping[str, Any], papers: list[bytes], report: Report) -> None:
    if not papers:
        report.add(
            Verdict.NOTE,
            "decision_paper_not_given",
            zh="未提供决定书（PDF），只核验了签名文件。",
            en="The paper (PDF) was not given; only the signed file was verified.",
        )
        return
    wanted = digest_of_bytes(papers[0])
    if document.get("paper_digest") == wanted:
        report.good(
            "decision_paper_holds",
            zh="决定书（PDF）就是签名文件所记的那一份。",
            en="The paper is the very one that the signed file names.",
        )
    else:
        report.tampered(
            "decision_paper_differs",
            zh="决定书（PDF）不是签名文件所记的那一份：被改动或替换。",
            en="The paper is not the one that the signed file names: it was changed or exchanged.",
        )


def _check_order(whole: Mapping[str, Any], key: Key, report: Report) -> None:
    body = whole["body"]
    entry = parse_body(body)
    receipt = read_receipt(str(whole["entry"]["receipt"]))
    public = entry.get("public")
    wanted = digest_of(whole["document"])
    try:
        head = read_head(receipt.note, key)
    except NotSigned:
        head = None
    stands = head is not None and inclusion_holds(
        hash_leaf(body), receipt.index, head.size, receipt.proof, head.root
    )
    named = isinstance(public, dict) and public.get("document_digest") == wanted
    if stands and named and entry.get("kind") == ORDERED and entry.get("index") == receipt.index:
        report.good(
            "decision_ordered",
            zh=f"用印由日志第 {receipt.index} 号条目下令，与本决定一致。",
            en=f"Entry {receipt.index} of the log ordered the seal for this very decision.",
        )
    else:
        report.tampered(
            "decision_order_fails",
            zh="所附条目不能证明日志中有这一用印决定。",
            en="The entry attached does not prove that the log ordered this seal.",
        )


def _read(data: bytes) -> dict[str, Any]:
    try:
        raw = read_strictly(data)
        document, signatures, entry = raw["document"], raw["signatures"], raw["entry"]
        body = base64.b64decode(entry["body"], validate=True)
        usable = isinstance(document, dict) and document.get("format") == FORMAT
    except (*UNREADABLE, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise _no_decision() from error
    listed = isinstance(signatures, list) and all(isinstance(one, dict) for one in signatures)
    if not usable or not listed:
        raise _no_decision()
    return {"document": document, "signatures": signatures, "entry": entry, "body": body}


def _outcome(whole: Mapping[str, Any]) -> str:
    return {"approved": "同意共享", "refused": "不同意共享"}.get(
        str(whole["document"].get("outcome")), "?"
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"无法读取 {path}。", f"{path} cannot be read.") from error


def _text(given: str) -> str:
    if given.count("+") > 1:
        return given
    return _bytes(Path(given)).decode(errors="replace")


def _no_decision() -> Unusable:
    return Unusable("这不是已用印决定的签名文件。", "This is no signed file of a sealed decision.")
