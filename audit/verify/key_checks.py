"""What more the keys given from outside let a verification check: licences, and the SM2 line.

``--authority-key`` is the data authority's own key; ``--sm-key`` the log's key of the Chinese
profile. Without them nothing is claimed about either.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.licences import verify_licences
from audit.verify.notes import Key, claimed_size
from audit.verify.rotations import check_current, key_of_file
from audit.verify.sm import NoSM3
from audit.verify.sm_log import holds_sm_log, verify_sm_log
from audit.verify.sm_notes import read_sm_key, sm_line_holds
from audit.verify.sources import read_source, text_of
from audit.verify.tiles import Entry, StoredBodies, parse_body


def add_key_options(command: argparse.ArgumentParser) -> None:
    """Offer the options to a command that verifies a log or a bundle."""
    command.add_argument(
        "--authority-key",
        help="主管部门公钥，用于核验授权签名 / the authority's NAME+HASH+KEY, for licences",
    )
    command.add_argument(
        "--sm-key", help="日志的 SM2 公钥 / the log's SM2 key, for the second signature line"
    )


def check_keys(options: argparse.Namespace, key: Key, report: Report) -> None:
    """Check what the options ask for. Raises Unusable for keys that cannot be read."""
    if not hasattr(options, "sm_key") or options.file is None:
        return
    files = read_source(options.file)
    if "checkpoint" not in files:
        return
    note = text_of(files["checkpoint"], "checkpoint")
    if options.sm_key is not None:
        name, public_key = read_sm_key(_text(options.sm_key))
        _check_sm_line(note, name, public_key, report)
        if holds_sm_log(files):
            verify_sm_log(files, public_key, report)
    authority = None if options.authority_key is None else key_of_file(_text(options.authority_key))
    if authority is None and not key.later:
        return
    try:
        entries = [parse_body(body) for body in StoredBodies(files, claimed_size(note))]
    except (IndexError, KeyError):
        return  # named by the verification of the log
    check_current(note, key, entries, report)
    if authority is not None:
        _check_licences(files, note, entries, authority, (key, *key.later), report)


def _check_licences(
    files: Mapping[str, bytes],
    note: str,
    entries: Sequence[Entry],
    authority: Key,
    log_keys: Sequence[Key],
    report: Report,
) -> None:
    if len(entries) < claimed_size(note):
        report.add(
            Verdict.UNMET,
            "licences_not_checked",
            zh="材料中没有全部日志条目，无法核验有哪些授权生效；请用完整证据包。",
            en="Not every entry of the log is here, so which licences came into force cannot be "
            "told: use a whole bundle.",
        )
        return
    verify_licences(files, entries, authority, log_keys, report)


def _check_sm_line(note: str, name: str, public_key: bytes, report: Report) -> None:
    try:
        holds = sm_line_holds(note, name, public_key)
    except NoSM3 as error:
        raise Unusable(
            "本机 Python 的 hashlib 不支持 SM3，无法核验国密签名。",
            "This Python's hashlib has no SM3, so the SM2 signature cannot be checked.",
        ) from error
    if holds:
        report.good(
            "sm2_line_holds",
            zh="检查点另有所给 SM2 公钥的有效签名（SM2 与 SM3，GB/T 32918）。",
            en="The checkpoint also carries a valid signature by the SM2 key (SM3, GB/T 32918).",
        )
    else:
        report.tampered(
            "sm2_line_fails",
            zh="检查点没有所给 SM2 公钥的有效签名。",
            en="The checkpoint carries no valid signature by the SM2 key that was given.",
        )


def _text(given: str) -> str:
    if given.count("+") > 1:
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Unusable(f"无法读取公钥 {given}。", f"The key {given} cannot be read.") from error
