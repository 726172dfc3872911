"""The command ``verify``: a bundle, log, receipt, statement, certificate; from files and a key.

Exit codes: 0 good, 1 tampered (the first bad entry is named), 2 unusable input, 3 policy unmet.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from audit.verify.approvals import verify_approvals
from audit.verify.catalogue import verify_catalogue
from audit.verify.certificates import verify_certificate
from audit.verify.decisions import add_decision_command
from audit.verify.evidence import holds_money, is_statement, read_evidence
from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.flow import verify_flow
from audit.verify.key_checks import add_key_options, check_keys
from audit.verify.ledger import verify_ledger
from audit.verify.log import VerifiedLog, verify_log
from audit.verify.manifest import of_the_log, verify_manifest
from audit.verify.merkle import HASH_BYTES, hash_leaf, inclusion_holds
from audit.verify.notes import Key, NotSigned, read_head, read_receipt
from audit.verify.packs import is_pack, verify_pack
from audit.verify.payee import is_payee_bundle, verify_payee
from audit.verify.permitted import verify_permitted
from audit.verify.releases import verify_releases
from audit.verify.rotations import key_of_file, with_successors
from audit.verify.sessions import verify_sessions
from audit.verify.shares import canonical
from audit.verify.since import Kept, read_kept, verify_since
from audit.verify.sources import read_checkpoint_source, read_source, text_of
from audit.verify.state import read_state, write_state
from audit.verify.statements import verify_statements
from audit.verify.strict import UNREADABLE, check_unambiguous, read_strictly
from audit.verify.texts import DISCLOSED_FILE, add_states, field_states
from audit.verify.tiles import parse_body
from audit.verify.usage import verify_usage
from audit.verify.witnesses import add_witness_options, check_witnesses

_BROKEN_RECORD = (KeyError, TypeError, AttributeError, ValueError, IndexError)


def verify_files(
    files: Mapping[str, bytes],
    key: Key,
    kept: Sequence[Kept] = (),
    processes: int = 1,
    *,
    each_text: bool = False,
) -> Report:
    """Verify a bundle or a log from its files, with so many processes.

    ``each_text`` names the state of every private field.
    """
    report = Report()
    log = verify_log(files, key, report, processes=processes)
    if log is None:
        return report
    verify_since(log, kept, report)
    if log.entries or not log.head.size:
        verify_beside(files, log, report, each_text=each_text)
    if not kept:
        report.add(
            Verdict.NOTE,
            "no_earlier_checkpoint",
            zh="未提供早先的检查点：用平台自己的密钥重建的日志无法被发现。",
            en="No earlier checkpoint was given: a log rebuilt with the platform's own key "
            "cannot be noticed.",
        )
    return report


def verify_grown(
    files: Mapping[str, bytes],
    key: Key,
    state_path: Path,
    kept: Sequence[Kept] = (),
    processes: int = 1,
) -> Report:
    """Verify what a log gained since the state in a file, and leave the new state there.

    Without a state yet the whole log is verified. Files beside the log are not looked at. What
    was found bad leaves the state as it was.
    """
    report = Report()
    start = read_state(state_path, key)
    log = verify_log(files, key, report, start=start, processes=processes)
    if log is None:
        return report
    verify_since(log, kept, report)
    if log.state is not None and report.exit_code == 0:
        write_state(state_path, log.state)
    if any(not of_the_log(name) for name in files):
        report.add(
            Verdict.NOTE,
            "files_not_verified",
            zh="本次只核验日志本身；日志以外的文件请用 verify bundle 核验。",
            en="Only the log itself was verified; verify the files beside it with `verify bundle`.",
        )
    return report


def verify_beside(
    files: Mapping[str, bytes], log: VerifiedLog, report: Report, *, each_text: bool = False
) -> None:
    """Verify the files beside a log that holds: manifest, private fields, ledger, statements."""
    if not verify_manifest(files, log.entries, report):
        return
    try:
        check_unambiguous({name: files[name] for name in files if not of_the_log(name)}, report)
        if each_text or DISCLOSED_FILE in files:
            add_states(field_states(files, log.entries, report), report, each=each_text)
        verify_sessions(log.entries, report)
        verify_releases(log.entries, report)
        if holds_money(files):
            evidence = read_evidence(files, log.entries, log.leaves)
            verify_usage(evidence, report)
            verify_ledger(evidence, report)
            verify_approvals(evidence, report)
            verify_permitted(evidence, report)
            verify_flow(evidence, report)
            verify_statements(evidence, report)
    except Unusable as unusable:
        report.add(Verdict.UNUSABLE, "unusable_record", zh=unusable.zh, en=unusable.en)
    except _BROKEN_RECORD:
        report.add(
            Verdict.UNUSABLE,
            "unusable_record",
            zh="证据包中有记录缺少字段或类型不对。",
            en="A record of the bundle lacks a field or holds one of the wrong type.",
        )


def _verify_receipt(options: argparse.Namespace, key: Key) -> Report:
    report = Report()
    receipt = read_receipt(text_of(_bytes(options.file), options.file.name))
    leaf = _leaf(options, receipt.index)
    try:
        head = read_head(receipt.note, key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="回执中的检查点没有所给公钥的有效签名。",
            en="The checkpoint in the receipt carries no valid signature by the key given.",
            index=receipt.index,
        )
        return report
    stated = None if options.entry is None else parse_body(_bytes(options.entry)).get("index")
    if options.entry is not None and (type(stated) is not int or stated != receipt.index):
        report.tampered(
            "entry_misplaced",
            zh=f"回执说的是第 {receipt.index} 号条目，而条目自称第 {stated} 号。",
            en=f"The receipt is of entry {receipt.index}, but the entry says it is {stated}.",
            index=receipt.index,
        )
    elif inclusion_holds(leaf, receipt.index, head.size, receipt.proof, head.root):
        report.good(
            "receipt_holds",
            zh=f"该条目是日志（{head.size} 条）的第 {receipt.index} 号条目。",
            en=f"The entry stands at place {receipt.index} in the log of {head.size} entries.",
        )
    else:
        report.tampered(
            "receipt_fails",
            zh=f"回执不能证明该条目位于第 {receipt.index} 号。",
            en=f"The receipt does not prove that this entry stands at place {receipt.index}.",
            index=receipt.index,
        )
    return report


def _verify_certificate(options: argparse.Namespace, key: Key) -> Report:
    return verify_certificate(_bytes(options.file), key)


def _verify_catalogue(options: argparse.Namespace, key: Key) -> Report:
    return verify_catalogue(read_source(options.file), key)


def _leaf(options: argparse.Namespace, index: int) -> bytes:
    if options.entry is not None:
        return hash_leaf(_bytes(options.entry))
    if options.leaf is not None:
        leaf = _hexadecimal(options.leaf)
        if len(leaf) == HASH_BYTES:
            return leaf
        raise Unusable("叶哈希应为 64 位十六进制数。", "A leaf hash has 64 hexadecimal digits.")
    raise Unusable(
        f"请用 --entry 给出第 {index} 号条目的原文，或用 --leaf 给出其叶哈希。",
        f"Give the body of entry {index} with --entry, or its leaf hash with --leaf.",
    )


def _verify_statement(options: argparse.Namespace, key: Key) -> Report:
    """Verify a payee's bundle, or find a statement in a bundle and verify what vouches for it."""
    if options.bundle is None:
        files = read_source(options.file)
        if not is_payee_bundle(files):
            raise Unusable(
                "这不是收款方证据包；核验单份结算单请用 --bundle 给出所属证据包。",
                "This is no payee's bundle; give the bundle that a statement belongs to with "
                "--bundle.",
            )
        return verify_payee(files, key)
    files = read_source(options.bundle)
    wanted = _bytes(options.file)
    report = verify_files(files, key, _kept(options, key))
    held = {data for name, data in files.items() if is_statement(name)}
    try:
        same = canonical(read_strictly(wanted)) in held or wanted in held
    except UNREADABLE as error:
        raise Unusable("结算单不是有效的 JSON。", "The statement is not valid JSON.") from error
    if same:
        report.good(
            "statement_in_bundle",
            zh="该结算单就是证据包中核验过的那一份。",
            en="The statement is the one that was verified in the bundle.",
        )
    else:
        report.tampered(
            "statement_not_in_bundle",
            zh="该结算单不在证据包中：内容被改动，或属于另一账期。",
            en="The statement is not in the bundle: it was changed, or is of another period.",
        )
    return report


def _kept(options: argparse.Namespace, key: Key) -> list[Kept]:
    return [read_kept(read_checkpoint_source(path), key) for path in options.since]


def _verify_whole(options: argparse.Namespace, key: Key) -> Report:
    files, kept, processes = read_source(options.file), _kept(options, key), options.processes
    if is_pack(files):
        return verify_pack(
            files, key, compared=bool(kept or options.state), each_text=options.texts
        )
    if options.state is not None:
        return verify_grown(files, key, options.state, kept, processes)
    return verify_files(files, key, kept, processes, each_text=options.texts)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"无法读取 {path.name}。", f"{path.name} cannot be read.") from error


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="verify", description="核验审计日志 / verify an audit log"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, check, words in (
        ("bundle", _verify_whole, "证据包 / an evidence bundle (zip)"),
        ("log", _verify_whole, "日志目录 / a log directory in tlog-tiles layout"),
        ("receipt", _verify_receipt, "回执 / a receipt (tlog-proof)"),
        ("catalogue", _verify_catalogue, "目录导出包 / a package of the catalogue (zip)"),
        ("certificate", _verify_certificate, "销毁证书 / a certificate of destruction"),
        ("statement", _verify_statement, "收款方证据包或结算单 / a payee's bundle, or a statement"),
    ):
        command = commands.add_parser(name, help=words)
        command.set_defaults(check=check)
        command.add_argument("file", type=Path, help=f"要核验的内容 / what to verify: {words}")
        command.add_argument(
            *("--key", "--log-key"),
            required=True,
            help="日志公钥或其文件 / NAME+HASH+KEY or its file",
        )
        command.add_argument("--json", action="store_true", help="输出 JSON / print JSON")
        command.add_argument(
            "--lang", choices=("zh", "en", "both"), default="both", help="语言 / language"
        )
        if name == "receipt":
            command.add_argument("--entry", type=Path, help="条目原文 / the entry's body")
            command.add_argument("--leaf", help="叶哈希 / the entry's leaf hash")
        elif name not in {"catalogue", "certificate"}:
            since = (
                "早先留存的检查点，可重复给出 / "
                "an earlier checkpoint, kept file or bundle; may be repeated"
            )
            required = "没有早先检查点即不通过 / fail where no earlier checkpoint is given"
            command.add_argument("--since", type=Path, action="append", default=[], help=since)
            command.add_argument("--require-since", action="store_true", help=required)
        add_witness_options(command)
        if name in {"bundle", "catalogue", "log"}:
            add_key_options(command)
        if name in {"bundle", "log"}:
            _add_scale(command)
        if name == "statement":
            command.add_argument(
                "--bundle", type=Path, help="结算单所属证据包 / the bundle a statement belongs to"
            )
    add_decision_command(commands)
    return parser


def _add_scale(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--texts",
        action="store_true",
        help="逐项列出非公开字段的状态 / name the state of every private field",
    )
    command.add_argument(
        "--state",
        type=Path,
        help="增量核验的状态文件：读取并更新 / read and update FILE, and verify only what is new",
    )
    command.add_argument(
        "--processes", type=int, default=1, help="并行进程数 / verify with so many processes"
    )


def _key(text: str) -> Key:
    is_key = text.count("+") > 1
    return key_of_file(text if is_key else text_of(_bytes(Path(text)), text))


def verify(options: argparse.Namespace) -> Report:
    """Run the chosen check; an unusable input becomes a report that says so."""
    try:
        key = _key(options.key)
        if options.command in {"bundle", "log"}:
            key = with_successors(key, read_source(options.file))
        report: Report = options.check(options, key)
        if options.command != "decision":
            check_keys(options, key, report)
            check_witnesses(options, report)
    except Unusable as unusable:
        report = Report()
        report.add(Verdict.UNUSABLE, "unusable_input", zh=unusable.zh, en=unusable.en)
    except (*_BROKEN_RECORD, RecursionError, OverflowError, MemoryError, OSError) as error:
        report = Report()  # what this run found so far may be half of it, and half is not good
        report.add(
            Verdict.UNUSABLE,
            "unusable_input",
            zh=f"材料无法读取（{type(error).__name__}），未得出结论。",
            en=f"The input cannot be read ({type(error).__name__}); nothing was concluded.",
        )
    if getattr(options, "require_since", False) and not options.since:
        report.add(
            Verdict.UNMET,
            "earlier_checkpoint_required",
            zh="要求提供早先的检查点，但没有提供。",
            en="An earlier checkpoint was required, but none was given.",
        )
    return report


def run(argv: Sequence[str]) -> int:
    """Run the command; the exit code says what was found."""
    options = _parser().parse_args(argv)
    report = verify(options)
    if options.json:
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
    else:
        text = report.text(options.lang)
    sys.stdout.write(text)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
