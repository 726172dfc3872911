"""The key holder's journal against the log: each opening has its entry, each build its key.

Named are an opening without an entry, an entry that is not the one the journal saw, a build whose
key was never made by the holder, and checkpoints that were signed and came to nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from audit.keyholder import journal as lines
from audit.keyholder.journal import JOURNAL, BrokenJournal, read_journal
from audit.keyholder.rules import TEXTS_KEY
from audit.reading import entry_at, read_entries
from audit.tags import EntryKind
from foundation.errors import NotFound

_CITING = frozenset({lines.OPENED, lines.CREATED, lines.SIGNED})
PAGE = 1_000


@dataclass(frozen=True)
class Difference:
    """One thing that does not agree: a code, the key, and the places in log and journal."""

    code: str
    key: str
    entry: int | None
    line: int | None
    zh: str
    en: str


@dataclass(frozen=True)
class Reconciliation:
    """What the comparison found; ``differences`` is empty where all agrees."""

    openings: int
    builds: int
    abandoned_checkpoints: int
    refusals: int
    differences: tuple[Difference, ...]

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        return asdict(self)


def reconcile(directory: Path, connection: Connection) -> Reconciliation:
    """Compare the journal in a holder's directory with the log, line by line and entry by entry."""
    try:
        journal = list(read_journal(directory / JOURNAL))
    except BrokenJournal as broken:
        return Reconciliation(0, 0, 0, 0, (_broken(broken),))
    builds = list(_builds(connection))
    made = {line["key"] for line in journal if line["what"] == lines.CREATED}
    found = [
        *(difference for line in journal for difference in _against_log(line, connection)),
        *(_without_key(index, key) for index, key in builds if key not in made),
    ]
    return Reconciliation(
        openings=sum(line["what"] == lines.OPENED for line in journal),
        builds=len(builds),
        abandoned_checkpoints=sum(line["what"] == lines.ABANDONED for line in journal),
        refusals=sum(line["what"] == lines.REFUSED for line in journal),
        differences=tuple(found),
    )


def _against_log(line: Mapping[str, Any], connection: Connection) -> Iterator[Difference]:
    if line["what"] not in _CITING or (line["key"].startswith(TEXTS_KEY) and "index" not in line):
        return
    index, number, key = line.get("index"), line["n"], line["key"]
    try:
        entry = None if index is None else entry_at(connection, index)
    except NotFound:
        entry = None
    if entry is None or entry.leaf_hash.hex() != line.get("leaf"):
        yield Difference(
            "opened_without_entry",
            key,
            index,
            number,
            zh=f"密钥“{key}”曾被使用（保管记录第 {number} 行），而日志中没有相应条目。",
            en=f"The key {key!r} was used (line {number} of the journal) without an entry.",
        )


def _builds(connection: Connection) -> Iterator[tuple[int, str]]:
    first = 0
    while True:
        page = read_entries(connection, first=first, kinds=(EntryKind.EXTRACT_BUILT,), limit=PAGE)
        yield from ((entry.index, str(entry.public["key_name"])) for entry in page)
        if len(page) < PAGE:
            return
        first = page[-1].index + 1


def _without_key(index: int, key: str) -> Difference:
    return Difference(
        "built_without_key",
        key,
        index,
        None,
        zh=f"第 {index} 号条目登记了用密钥“{key}”生成的副本，而保管进程从未制作该密钥。",
        en=f"Entry {index} says an extract was built under {key!r}, which the holder never made.",
    )


def _broken(broken: BrokenJournal) -> Difference:
    return Difference(
        "journal_changed",
        "",
        None,
        broken.number,
        zh=f"保管记录第 {broken.number} 行被删改。",
        en=f"Line {broken.number} of the journal was changed or removed.",
    )
