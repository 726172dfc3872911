"""Private fields beside the entries: for each, disclosed and matching, erased by entry N, withheld.

A field is erased only by an entry of the log that names it; a disclosed field must open the
commitment in its entry. What is withheld may still exist: nothing in a file can tell.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.verify.findings import Report, Verdict
from audit.verify.shares import digest_of_bytes

DISCLOSED_FILE = "private.jsonl"
ERASED_FILE = "erased.jsonl"
ERASED = "retention:fields:erased"
DISCLOSED_STATE, ERASED_STATE, WITHHELD_STATE = "disclosed", "erased", "withheld"


@dataclass(frozen=True)
class FieldState:
    """What became of one private field."""

    index: int
    field: str
    state: str
    erased_by: int | None = None


def field_states(
    files: Mapping[str, bytes], entries: Iterable[Mapping[str, Any]], report: Report
) -> list[FieldState]:
    """Tell the state of every private field of these verified entries, and report what is false."""
    commitments, erased = _read_entries(entries)
    disclosed = _check_disclosed(files, commitments, report)
    _check_erased(files, commitments, erased, report)
    return [
        _state(index, field, (index, field) in disclosed, erased.get((index, field)))
        for index, fields in sorted(commitments.items())
        for field in sorted(fields)
    ]


def add_states(states: Iterable[FieldState], report: Report, *, each: bool = False) -> None:
    """Say how many private fields are in which state, and with ``each`` name every one."""
    listed = list(states)
    counts = dict.fromkeys((DISCLOSED_STATE, ERASED_STATE, WITHHELD_STATE), 0)
    for item in listed:
        counts[item.state] += 1
    if listed:
        shown, gone, rest = counts.values()
        report.add(
            Verdict.NOTE,
            "private_fields",
            zh=f"非公开字段：{shown} 项已披露且与承诺相符，{gone} 项已由日志条目抹除，"
            f"{rest} 项未披露。",
            en=f"Private fields: {shown} disclosed and matching, {gone} erased by entries of the "
            f"log, {rest} withheld.",
        )
    for item in listed if each else ():
        by = "" if item.erased_by is None else f" #{item.erased_by}"
        report.add(
            Verdict.NOTE,
            "private_field",
            zh=f"第 {item.index} 号条目“{item.field}”：{_WORDS[item.state]}{by}",
            en=f"Entry {item.index}, {item.field!r}: {item.state}{by}",
            index=item.index,
        )


_WORDS = {
    DISCLOSED_STATE: "已披露且相符",
    ERASED_STATE: "已抹除，依据条目",
    WITHHELD_STATE: "未披露",
}


def _state(index: int, field: str, shown: bool, erased_by: int | None) -> FieldState:
    if shown:
        return FieldState(index, field, DISCLOSED_STATE, erased_by)
    if erased_by is not None:
        return FieldState(index, field, ERASED_STATE, erased_by)
    return FieldState(index, field, WITHHELD_STATE)


def _read_entries(
    entries: Iterable[Mapping[str, Any]],
) -> tuple[dict[int, Mapping[str, str]], dict[tuple[int, str], int]]:
    commitments: dict[int, Mapping[str, str]] = {}
    erased: dict[tuple[int, str], int] = {}
    for entry in entries:
        if entry["private"]:
            commitments[entry["index"]] = entry["private"]
        if entry["kind"] == ERASED:
            for field, indexes in entry["public"]["erased"].items():
                erased.update(dict.fromkeys(((index, field) for index in indexes), entry["index"]))
    return commitments, erased


def _check_disclosed(
    files: Mapping[str, bytes], commitments: Mapping[int, Mapping[str, str]], report: Report
) -> set[tuple[int, str]]:
    matching = set()
    for line in files.get(DISCLOSED_FILE, b"").splitlines():
        shown = json.loads(line)
        index, name = shown["index"], shown["field"]
        salted = bytes.fromhex(shown["salt"]) + shown["text"].encode()
        if commitments.get(index, {}).get(name) == digest_of_bytes(salted):
            matching.add((index, name))
            continue
        report.tampered(
            "private_field_changed",
            zh=f"第 {index} 号条目的非公开字段“{name}”与日志中的承诺不符。",
            en=f"The private field {name!r} of entry {index} does not open the commitment "
            "in the log.",
            index=index,
        )
    return matching


def _check_erased(
    files: Mapping[str, bytes],
    commitments: Mapping[int, Mapping[str, str]],
    erased: Mapping[tuple[int, str], int],
    report: Report,
) -> None:
    for line in files.get(ERASED_FILE, b"").splitlines():
        said = json.loads(line)
        index, name = said["index"], said["field"]
        logged = erased.get((index, name))
        if logged is None or logged != said["erased_by"] or name not in commitments.get(index, {}):
            report.tampered(
                "erasure_not_logged",
                zh=f"声称第 {index} 号条目的“{name}”已抹除，但日志条目并未记载。",
                en=f"The field {name!r} of entry {index} is said to be erased, but no entry of "
                "the log here says so.",
                index=index,
            )
