"""Checks the live store against itself: bodies, leaf hashes, tiles, index, private fields, heads.

Everything that can be computed from the bodies is computed again, and every checkpoint that was
ever signed must be the root of the entries before it. Columns copied out of a body, and the index
that searches use, are compared with the body: an edited index row hides an entry from a search.
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from audit.bodies import PrivateField, subjects_of
from audit.notes import BadNote, VerifierKey, open_checkpoint
from audit.store import checkpoint, entry, entry_private, entry_subject, erasure, tile
from audit.tree import TILE_WIDTH, CompactRange, complete_root, leaf_hash, split_hashes
from foundation.canonical import salted_commitment
from foundation.errors import Message

FAULT_SENTENCES: Mapping[str, Message] = {
    "store_damaged": Message(
        "数据库文件自身损坏，或索引与表不符", "the database file is damaged, or an index differs"
    ),
    "entry_missing": Message("该条目缺失：被删除", "the entry is missing: it was removed"),
    "entry_changed": Message(
        "条目原文与其哈希不符：内容或哈希被改动",
        "the body is not what its hash says",
    ),
    "entry_beyond_checkpoint": Message(
        "该条目不在任何已签名的检查点之内", "no signed checkpoint covers the entry"
    ),
    "column_differs": Message(
        "表中的列与原文或签名内容不符：列被改动", "a column is not what the signed bytes say"
    ),
    "time_runs_backwards": Message(
        "条目时间早于前一条：顺序被改动", "the entry is dated before the one ahead of it"
    ),
    "private_changed": Message(
        "非公开字段与条目中的承诺不符", "a private field does not open its commitment"
    ),
    "private_unreadable": Message(
        "非公开字段无法打开：被改动或密钥不可用", "a private field cannot be opened"
    ),
    "private_unknown": Message(
        "条目没有承诺过该非公开字段：被添加或移动", "the entry commits to no such private field"
    ),
    "private_missing": Message(
        "非公开字段缺失，且没有删除记录", "a private field is gone, and no entry erased it"
    ),
    "tile_missing": Message("哈希块缺失", "a full tile is missing"),
    "tile_changed": Message("哈希块与条目不符", "a tile does not belong to the entries"),
    "tile_root_changed": Message("哈希块的根与其内容不符", "the root is not that of the tile"),
    "tile_extra": Message("存在不属于本日志的哈希块", "a tile stands where the log has none"),
    "checkpoint_not_signed": Message(
        "检查点没有所给公钥的有效签名", "the checkpoint has no valid signature by the key given"
    ),
    "root_not_signed": Message(
        "检查点签署的是另一份内容：日志被改写",
        "the checkpoint signs other content",
    ),
    "index_changed": Message(
        "检索索引与条目不符：该条目可能被检索遗漏", "a search may miss the entry"
    ),
    "index_unknown": Message("检索索引指向不存在的条目", "the index names no entry"),
}
Opener = Callable[[int], Mapping[str, PrivateField]]
ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Fault:
    """One thing that does not agree: a fixed code, the table, and the log index it is about."""

    code: str
    table: str
    index: int


def fsck(
    connection: Connection, key: VerifierKey, open_private: Opener | None = None
) -> Iterator[Fault]:
    """Check the whole store; nothing is yielded where all of it agrees.

    ``open_private`` opens an entry's private fields, so that their commitments are checked too.
    """
    yield from check_file(connection)
    size = connection.execute(select(func.max(checkpoint.c.size))).scalar_one() or 0
    beyond = select(entry.c.idx).where(entry.c.idx >= size).order_by(entry.c.idx)
    yield from (
        Fault("entry_beyond_checkpoint", "entry", index)
        for index in connection.execute(beyond).scalars()
    )
    yield from check_entries(connection, 0, size, open_private)
    yield from check_tiles(connection, size)
    yield from check_checkpoints(connection, key)
    yield from check_index(connection, 0, size)


def check_file(connection: Connection) -> Iterator[Fault]:
    """Have SQLite compare its indexes with its tables; PostgreSQL has ``amcheck`` for that."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        if list(found) != ["ok"]:
            yield Fault("store_damaged", "sqlite", 0)


def check_entries(
    connection: Connection, first: int, end: int, open_private: Opener | None = None
) -> Iterator[Fault]:
    """Check that entries ``first <= index < end`` are there, and are what their bodies say."""
    expected, last_time_us = first, 0
    for row in _rows(connection, first, end):
        yield from (Fault("entry_missing", "entry", index) for index in range(expected, row.idx))
        expected = row.idx + 1
        content = _content(row.body)
        if leaf_hash(row.body) != row.leaf_hash:
            yield Fault("entry_changed", "entry", row.idx)
        elif not _agrees(row, content):
            yield Fault("column_differs", "entry", row.idx)
        if row.time_us < last_time_us:
            yield Fault("time_runs_backwards", "entry", row.idx)
        last_time_us = row.time_us
        if open_private is not None:
            yield from _check_private(content.get("private", {}), open_private, row.idx)
    yield from (Fault("entry_missing", "entry", index) for index in range(expected, end))
    yield from _check_private_names(connection, first, end)


def _rows(connection: Connection, first: int, end: int) -> Iterator[Row[Any]]:
    for start in range(first, end, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, end)
        span = select(entry).where(entry.c.idx >= start, entry.c.idx < stop)
        yield from connection.execute(span.order_by(entry.c.idx)).all()


def _content(body: bytes | None) -> dict[str, Any]:
    try:
        content = json.loads(body or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _named(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    actor, public = content.get("actor"), content.get("public")
    if not isinstance(actor, dict) or not isinstance(public, dict):
        return set()
    return set(subjects_of(actor, public))


def _agrees(row: Row[Any], content: Mapping[str, Any]) -> bool:
    said = (content.get("index"), content.get("time_us"), content.get("kind"))
    return said == (row.idx, row.time_us, row.kind)


def _check_private(
    commitments: Mapping[str, str], open_private: Opener, index: int
) -> Iterator[Fault]:
    try:
        held = open_private(index)
    except Exception:  # noqa: BLE001 - whatever the ciphers say, the field cannot be opened
        yield Fault("private_unreadable", "entry_private", index)
        return
    for name, hidden in held.items():
        made = salted_commitment(hidden.salt, hidden.text.encode())
        if not hmac.compare_digest(made, commitments.get(name, "")):
            yield Fault("private_changed", "entry_private", index)


def _check_private_names(connection: Connection, first: int, end: int) -> Iterator[Fault]:
    """Compare which private fields there are, or were erased by an entry, with the bodies."""
    for start in range(first, end, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, end)
        held = _names_in(connection, entry_private, start, stop)
        gone = _names_in(connection, erasure, start, stop)
        committed = {
            (row.idx, name)
            for row in _rows(connection, start, stop)
            for name in _content(row.body).get("private", {})
        }
        for index, _ in sorted(held - committed):
            yield Fault("private_unknown", "entry_private", index)
        for index, _ in sorted(committed - held - gone):
            yield Fault("private_missing", "entry_private", index)


def _names_in(connection: Connection, table: Table, first: int, end: int) -> set[tuple[int, str]]:
    span = select(table.c.idx, table.c.field).where(table.c.idx >= first, table.c.idx < end)
    return {(index, name) for index, name in connection.execute(span)}


def check_tiles(connection: Connection, size: int, first: int = 0) -> Iterator[Fault]:
    """Check every full tile from tile number ``first`` of level 0 on, and that none is extra."""
    level, count = 0, size
    while count >= TILE_WIDTH:
        full = count // TILE_WIDTH
        for number in range(first, full):
            yield from _check_tile(connection, level, number)
        level, count, first = level + 1, full, first // TILE_WIDTH
    names = select(tile.c.level, tile.c.number).order_by(tile.c.level, tile.c.number)
    for found_level, number in connection.execute(names):
        if found_level < 0 or not 0 <= number < size >> (8 * (found_level + 1)):
            yield Fault("tile_extra", "tile", number << (8 * max(found_level + 1, 0)))


def _check_tile(connection: Connection, level: int, number: int) -> Iterator[Fault]:
    place = number << (8 * (level + 1))
    row = connection.execute(
        select(tile.c.data, tile.c.root).where(tile.c.level == level, tile.c.number == number)
    ).one_or_none()
    if row is None:
        yield Fault("tile_missing", "tile", place)
        return
    hashes, stored = _hashes_beneath(connection, level, number), split_hashes(row.data)
    for offset, (made, held) in enumerate(zip(hashes, stored, strict=False)):
        if made != held:
            yield Fault("tile_changed", "tile", place + (offset << (8 * level)))
            return
    if len(hashes) == TILE_WIDTH and complete_root(hashes) != row.root:
        yield Fault("tile_root_changed", "tile", place)


def _hashes_beneath(connection: Connection, level: int, number: int) -> Sequence[bytes]:
    first, end = number * TILE_WIDTH, (number + 1) * TILE_WIDTH
    if level == 0:
        bodies = select(entry.c.body).where(entry.c.idx >= first, entry.c.idx < end)
        found = connection.execute(bodies.order_by(entry.c.idx)).scalars()
        return [leaf_hash(body) for body in found]
    below = select(tile.c.data).where(
        tile.c.level == level - 1, tile.c.number >= first, tile.c.number < end
    )
    found = connection.execute(below.order_by(tile.c.number)).scalars()
    return [complete_root(split_hashes(data)) for data in found]


def check_checkpoints(connection: Connection, key: VerifierKey) -> Iterator[Fault]:
    """Check every signed checkpoint against the root of the entries before it."""
    leaves = (leaf_hash(row.body) for row in _all_rows(connection))
    tree = CompactRange()
    signed = connection.execute(select(checkpoint).order_by(checkpoint.c.size)).all()
    for row in signed:
        while tree.size < row.size and (leaf := next(leaves, None)) is not None:
            tree.append(leaf)
        yield from _check_checkpoint(row, key, tree)


def _all_rows(connection: Connection) -> Iterator[Row[Any]]:
    end = connection.execute(select(func.max(entry.c.idx))).scalar_one()
    return _rows(connection, 0, 0 if end is None else end + 1)


def _check_checkpoint(row: Row[Any], key: VerifierKey, tree: CompactRange) -> Iterator[Fault]:
    try:
        head = open_checkpoint(row.note, key)
    except (BadNote, ValueError):
        yield Fault("checkpoint_not_signed", "checkpoint", row.size)
        return
    if (head.size, head.root) != (row.size, row.root):
        yield Fault("column_differs", "checkpoint", row.size)
    elif tree.size != head.size or tree.root() != head.root:
        yield Fault("root_not_signed", "checkpoint", row.size)


def check_index(connection: Connection, first: int, end: int) -> Iterator[Fault]:
    """Check that the index names exactly what the bodies of these entries name."""
    found = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
        select(entry_subject)
        .where(entry_subject.c.idx >= first, entry_subject.c.idx < end)
        .order_by(entry_subject.c.idx)
    )
    grouped = groupby(found, key=lambda row: row.idx)
    held = next(grouped, None)
    for row in _rows(connection, first, end):
        while held is not None and held[0] < row.idx:
            yield Fault("index_unknown", "entry_subject", held[0])
            held = next(grouped, None)
        named: set[tuple[str, str]] = set()
        if held is not None and held[0] == row.idx:
            named = {(item.field, item.value) for item in held[1]}
            held = next(grouped, None)
        if _named(_content(row.body)) != named:
            yield Fault("index_changed", "entry_subject", row.idx)
    if held is not None:
        yield Fault("index_unknown", "entry_subject", held[0])
