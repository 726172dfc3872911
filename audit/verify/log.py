"""The log itself: signature, bodies, tiles, root and each entry's own account of its place.

Roots that agree are not enough (immudb #2063): every body and tile is rehashed, and the first
entry that is not what was signed is named. With a state of an earlier verification only what is
new is read, and it is proved to extend what was verified then.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.verify.faults import name_disorder, name_fault
from audit.verify.findings import Report, Unusable, Verdict
from audit.verify.merkle import TILE_WIDTH, Edge, numbered_path, root_of_stream
from audit.verify.notes import Head, Key, NotSigned, read_head
from audit.verify.rotations import ROTATED, check_current
from audit.verify.scan import (
    Disorder,
    Stretch,
    first_difference,
    joined_kinds,
    scan_all,
)
from audit.verify.sources import text_of
from audit.verify.state import State, refuse_departure
from audit.verify.tiles import (
    Entry,
    Files,
    HashedLeaves,
    StoredBodies,
    StoredEntries,
    StoredLeaves,
)


@dataclass(frozen=True)
class VerifiedLog:
    """What is known of a log after its verification.

    ``leaves`` are the hashes to compare with earlier states; ``entries`` the parsed bodies, empty
    unless every body is what was signed. ``state`` is what a later run may start from.
    """

    head: Head
    leaves: Sequence[bytes]
    bodies: Sequence[bytes]
    entries: Sequence[Entry]
    state: State | None = None


@dataclass
class Assembly:
    """The tree as the stretches put it together, and what they found on the way."""

    files: Files
    edge: Edge
    last_time_us: int = 0
    count: int = 0
    body_missing: int | None = None
    faults: list[Stretch] = field(default_factory=list)
    disorder: Disorder | None = None
    departure: tuple[int, str] | None = None
    tiles_changed: list[tuple[str, int]] = field(default_factory=list)
    kinds: dict[str, "array[int]"] = field(default_factory=dict)

    def take(self, stretch: Stretch) -> None:
        """Put the next stretch behind those before it."""
        self.count += stretch.count
        self.tiles_changed += stretch.tiles_changed
        if stretch.difference is not None or stretch.tile_missing is not None:
            self.faults.append(stretch)
        self._order(stretch)
        self.departure = self.departure or stretch.departure
        joined_kinds(self.kinds, stretch.kinds)
        for root in stretch.roots:
            for level, number, row in self.edge.add(root, 1):
                self.compare(level, number, row)
        self.edge.levels[0] = list(stretch.rest)
        self.body_missing = stretch.body_missing

    def compare(self, level: int, number: int, row: list[bytes]) -> None:
        """Compare an upper tile with its file."""
        path = numbered_path(f"tile/{level}", number, len(row))
        data = self.files.get(path, b"")
        if data != b"".join(row):
            place = number * TILE_WIDTH + min(first_difference(data, row), len(row) - 1)
            self.tiles_changed.append((path, place << (8 * level)))

    def _order(self, stretch: Stretch) -> None:
        if self.disorder is not None:
            return
        early = stretch.first_time_us
        if early is not None and early < self.last_time_us:
            self.disorder = Disorder("time_runs_backwards", stretch.first_tile * TILE_WIDTH)
            return
        self.disorder = stretch.disorder
        self.last_time_us = max(stretch.last_time_us, self.last_time_us)


def verify_log(
    files: Files, key: Key, report: Report, *, start: State | None = None, processes: int = 1
) -> VerifiedLog | None:
    """Verify a log in tlog-tiles layout; None where not even its checkpoint is to be trusted.

    ``start`` is the state of an earlier verification: only tiles and bodies behind it are read.
    """
    if "checkpoint" not in files:
        raise Unusable("其中没有检查点（checkpoint）。", "It holds no checkpoint.")
    note = text_of(files["checkpoint"], "checkpoint")
    try:
        head = read_head(note, key)
    except NotSigned:
        report.tampered(
            "checkpoint_not_signed",
            zh="检查点没有所给公钥的有效签名：检查点被改动，或出自另一份日志。",
            en="The checkpoint carries no valid signature by the key that was given: it was "
            "changed, or it belongs to another log.",
        )
        return None
    if start is not None and head.size < start.head.size:
        refuse_departure(files, head, start, report)
        return None
    found = _assembled(files, head, start, processes)
    complete = found.body_missing is None
    keeps = start is None or not complete or _keeps(files, head, start)
    if complete and keeps and found.edge.root() == head.root:
        return _signed(files, head, note, key, found, start, report)
    if start is not None and not found.faults and complete:
        refuse_departure(files, head, start, report)
        return None
    trusted = root_of_stream(StoredLeaves(files, head.size)) == (head.size, head.root)
    name_fault(files, head, found.faults, found.body_missing, trusted, report)
    leaves = StoredLeaves(files, head.size) if trusted else HashedLeaves(files, head.size)
    return VerifiedLog(head, leaves, StoredBodies(files, head.size), ())


def _keeps(files: Files, head: Head, start: State) -> bool:
    """Tell whether the tile that was unfinished then still begins with what stood in it."""
    kept = start.edge.levels[0]
    if head.size == start.head.size:
        return True
    first = start.head.size - len(kept)
    return HashedLeaves(files, head.size)[first : start.head.size] == kept


def _assembled(files: Files, head: Head, start: State | None, processes: int) -> Assembly:
    edge = Edge(start.edge.levels) if start else Edge()
    found = Assembly(files, edge, last_time_us=start.time_us if start else 0)
    kept, edge.levels[0] = edge.levels[0], []
    first = start.head.size // TILE_WIDTH if start else 0
    if start is not None and head.size == start.head.size:
        edge.levels[0] = kept
        return found
    if kept:
        found.last_time_us = 0  # the unfinished tile is read again from its beginning
    for stretch in scan_all(files, head.size, first, processes):
        found.take(stretch)
        if stretch.body_missing is not None:
            return found
    for level, number, row in found.edge.partial():
        if level:
            found.compare(level, number, row)
    return found


def _signed(
    files: Files,
    head: Head,
    note: str,
    key: Key,
    found: Assembly,
    start: State | None,
    report: Report,
) -> VerifiedLog:
    """Say what holds of a log whose bodies give the signed root."""
    for path, place in found.tiles_changed:
        report.tampered(
            "tile_changed",
            zh=f"哈希文件 {path} 与条目不符（从第 {place} 号条目起）；条目本身与签名一致。",
            en=f"The hash file {path} does not belong to the entries (from entry {place} "
            "on); the entries themselves are as signed.",
            index=place,
        )
    bodies, leaves = StoredBodies(files, head.size), HashedLeaves(files, head.size)
    if found.disorder is not None:
        name_disorder(found.disorder, report)
        return VerifiedLog(head, leaves, bodies, ())
    _say_intact(head, start, report)
    if not key.later and ROTATED in found.kinds:
        stated = StoredEntries(files, head.size, found.kinds).of_kind(ROTATED)
        check_current(note, key, stated, report)
    if found.departure is not None:
        _note_departure(*found.departure, report)
    whole = StoredLeaves(files, head.size) if not found.tiles_changed else leaves
    entries: Sequence[Entry] = () if start else StoredEntries(files, head.size, found.kinds)
    state = None if found.tiles_changed else State(head, note, found.edge, found.last_time_us)
    return VerifiedLog(head, whole, bodies, entries, state)


def _say_intact(head: Head, start: State | None, report: Report) -> None:
    if start is None:
        report.good(
            "log_intact",
            zh=f"全部 {head.size} 条日志与已签名的检查点一致。",
            en=f"All {head.size} entries are what the signed checkpoint commits to.",
        )
        return
    report.good(
        "log_grown",
        zh=f"自上次核验的 {start.head.size} 条以来新增 {head.size - start.head.size} 条，"
        "均与已签名的检查点一致，且此前内容未变。",
        en=f"The {head.size - start.head.size} entries since the {start.head.size} verified "
        "earlier are what the signed checkpoint commits to, and it extends what was verified.",
    )


def _note_departure(index: int, why: str, report: Report) -> None:
    report.add(
        Verdict.NOTE,
        "entry_outside_grammar",
        zh=f"第 {index} 号条目的字段与条目种类的文法不符（{why}）："
        "由其他版本写入，或绕过了写入器。",
        en=f"The fields of entry {index} are not those of its kind ({why}): another version "
        "wrote it, or it went past the writer.",
        index=index,
    )
