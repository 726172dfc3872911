"""Opening a log: rebuild its right edge and refuse a database that is not the log we signed.

Refused are a database behind the head file (a restored backup, which would fork the log), one
whose entries, tiles and signed checkpoint disagree, and one under another origin or key.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from audit.notes import BadNote, Checkpoint, VerifierKey, open_checkpoint
from audit.store import checkpoint, entry, tile
from audit.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    NodeReader,
    TreeEdge,
    complete_root,
    nodes_of_tiles,
    range_root,
)
from foundation.errors import Message, Unavailable

HEADS_KEPT_MAX = 4
UPPER_NODES_MAX = 65_536
_UPPER: dict[tuple[str, int, bytes], "_Upper"] = {}


@dataclass
class LogState:
    """What the writer keeps in memory between batches."""

    edge: TreeEdge
    head: Checkpoint
    note: str
    last_time_us: int


def load_log(connection: Connection, key: VerifierKey) -> LogState | None:
    """Read the log's state; None for an empty one. Raises Unavailable where parts disagree."""
    last = connection.execute(
        select(checkpoint.c.size, checkpoint.c.note).order_by(checkpoint.c.size.desc()).limit(1)
    ).one_or_none()
    count, highest, last_time_us = connection.execute(
        select(func.count(), func.max(entry.c.idx), func.max(entry.c.time_us))
    ).one()
    if last is None and count == 0:
        return None
    head = _opened(last.note if last else "", key)
    edge = load_edge(connection, head.size)
    whole = count == head.size == (-1 if highest is None else highest) + 1
    if not whole or edge_root(edge) != head.root:
        raise _refused(
            "log_inconsistent",
            zh="日志的条目、哈希树与已签名的检查点不一致。",
            en="The log's entries, tree and signed checkpoint disagree.",
        )
    return LogState(edge, head, last.note if last else "", last_time_us or 0)


def check_against_head(
    connection: Connection, state: LogState, note: str, key: VerifierKey
) -> None:
    """Refuse a database that is behind the head file or does not extend it."""
    kept = _opened(note, key)
    if kept.size > state.head.size:
        raise _refused(
            "log_behind_head",
            zh=f"数据库中的日志只有 {state.head.size} 条，而日志头文件记着 {kept.size} 条："
            "数据库是从旧备份恢复的。",
            en=f"The database holds {state.head.size} entries but the head file knows of "
            f"{kept.size}: the database was restored from an older backup.",
        )
    if range_root(0, kept.size, stored_nodes(connection)) != kept.root:
        raise _refused(
            "log_forked",
            zh="数据库中的日志与日志头文件记录的内容不同：日志被改写过。",
            en="The database's log differs from what the head file recorded: it was rewritten.",
        )


def missing_head() -> Unavailable:
    """Refuse a log whose head file is gone."""
    return _refused(
        "log_head_missing",
        zh="日志头文件不见了，无法判断数据库是否为旧备份。",
        en="The head file is missing, so nobody can tell whether the database is an old backup.",
    )


def load_edge(connection: Connection, size: int) -> TreeEdge:
    """Rebuild the unfinished tile of every level from stored leaves and full tiles."""
    start = size - size % TILE_WIDTH
    leaves = connection.execute(
        select(entry.c.leaf_hash)
        .where(entry.c.idx >= start, entry.c.idx < size)
        .order_by(entry.c.idx)
    ).scalars()
    levels = [list(leaves)]
    full = size >> TILE_HEIGHT
    while full:
        level = len(levels)
        first = full - full % TILE_WIDTH
        rows = connection.execute(
            select(tile.c.root)
            .where(tile.c.level == level - 1, tile.c.number >= first, tile.c.number < full)
            .order_by(tile.c.number)
        ).scalars()
        levels.append([bytes(root) for root in rows])
        full >>= TILE_HEIGHT
    return TreeEdge(size, levels)


def edge_root(edge: TreeEdge) -> bytes:
    """Return the root of the tree that an edge stands for; no root where hashes are missing."""
    if edge.size == 0:
        return EMPTY_ROOT
    try:
        return range_root(0, edge.size, _edge_nodes(edge))
    except (ValueError, IndexError):
        return b""


def _edge_nodes(edge: TreeEdge) -> NodeReader:
    def node(height: int, number: int) -> bytes:
        level, inside = divmod(height, TILE_HEIGHT)
        offset = (number << inside) % TILE_WIDTH
        return complete_root(edge.levels[level][offset : offset + (1 << inside)])

    return node


def stored_nodes(connection: Connection) -> NodeReader:
    """Read interior hashes from the database: full tiles, else leaves and tiles below.

    Each tile is read once; the log only grows, so that a reader stays right for the sizes it
    began with. Make a new one for each proof.
    """
    return _held_nodes(connection, {})


def nodes_for(connection: Connection, index: int, head: Checkpoint) -> NodeReader:
    """Read interior hashes as an inclusion proof of one entry needs them.

    The right edge and the upper tiles are the same for every proof under one head, so that those
    of the last few heads are kept; the tile of the entry itself is read each time.
    """
    kept = _kept_upper(connection, head)
    wanted = [
        (level, number)
        for level, count in _levels(head.size)
        if (number := index >> (TILE_HEIGHT * (level + 1))) < count >> TILE_HEIGHT
        if (level, number) not in kept.tiles
    ]
    own: dict[tuple[int, int], bytes] = {}
    if wanted:
        statement, bound = _full_tiles(wanted)
        for level, number, data in connection.execute(statement, bound).all():
            (kept.tiles if level else own)[level, number] = bytes(data)
    inside = nodes_of_tiles(lambda level, number: own[level, number])

    def node(height: int, number: int) -> bytes:
        if height < TILE_HEIGHT and (0, number >> (TILE_HEIGHT - height)) in own:
            return inside(height, number)
        return kept.node(height, number)

    return node


class _Upper:
    """The right edge of one tree, and the full tiles above level 0 that were asked for."""

    def __init__(self, tiles: dict[tuple[int, int], bytes]) -> None:
        self.tiles = tiles
        read = nodes_of_tiles(lambda level, number: self.tiles.get((level, number), b""))
        self.node: NodeReader = lru_cache(maxsize=UPPER_NODES_MAX)(read)


def _kept_upper(connection: Connection, head: Checkpoint) -> _Upper:
    key = (head.origin, head.size, head.root)
    kept = _UPPER.get(key)
    if kept is None:
        kept = _UPPER[key] = _Upper(_unfinished_tiles(connection, head.size))
        while len(_UPPER) > HEADS_KEPT_MAX:
            _UPPER.pop(next(iter(_UPPER)), None)
    return kept


def _full_tiles(
    places: list[tuple[int, int]],
) -> tuple[Select[int, int, bytes], dict[str, int]]:
    names = [(f"level{i}", f"number{i}") for i in range(len(places))]
    bound = dict(zip(chain.from_iterable(names), chain.from_iterable(places), strict=True))
    return _select_tiles(len(places)), bound


@lru_cache
def _select_tiles(count: int) -> Select[int, int, bytes]:
    """Select so many tiles by their keys; each term of the OR is a look-up in the primary key."""
    terms = (
        and_(tile.c.level == bindparam(f"level{i}"), tile.c.number == bindparam(f"number{i}"))
        for i in range(count)
    )
    return select(tile.c.level, tile.c.number, tile.c.data).where(or_(*terms))


def _held_nodes(connection: Connection, held: dict[tuple[int, int], bytes]) -> NodeReader:
    def read(level: int, number: int) -> bytes:
        if (level, number) not in held:
            held[level, number] = stored_tile(connection, level, number)
        return held[level, number]

    return nodes_of_tiles(read)


def _levels(size: int) -> list[tuple[int, int]]:
    """Name each tile level with how many hashes stand there."""
    levels = [(0, size)]
    while levels[-1][1] >> TILE_HEIGHT:
        levels.append((len(levels), levels[-1][1] >> TILE_HEIGHT))
    return levels


def _unfinished_tiles(connection: Connection, size: int) -> dict[tuple[int, int], bytes]:
    """Read the right edge: leaves of the last tile, and roots of the tiles below an upper one."""
    first = size - size % TILE_WIDTH
    leaves = select(entry.c.leaf_hash).where(entry.c.idx >= first, entry.c.idx < size)
    edge = {
        (0, size >> TILE_HEIGHT): b"".join(
            connection.execute(leaves.order_by(entry.c.idx)).scalars()
        )
    }
    for level, count in _levels(size)[1:]:
        below = and_(
            tile.c.level == level - 1,
            tile.c.number >= count - count % TILE_WIDTH,
            tile.c.number < count,
        )
        roots = connection.execute(select(tile.c.root).where(below).order_by(tile.c.number))
        edge[level, count >> TILE_HEIGHT] = b"".join(roots.scalars().all())
    return edge


def stored_tile(connection: Connection, level: int, number: int, width: int = TILE_WIDTH) -> bytes:
    """Return the first ``width`` hashes of a tile, computed from below where it is not full yet."""
    data: bytes | None = connection.execute(
        select(tile.c.data).where(tile.c.level == level, tile.c.number == number)
    ).scalar_one_or_none()
    if data is not None:
        return data[: width * HASH_BYTES]
    first = number * TILE_WIDTH
    last = first + width
    if level == 0:
        leaves = select(entry.c.leaf_hash).where(entry.c.idx >= first, entry.c.idx < last)
        return b"".join(connection.execute(leaves.order_by(entry.c.idx)).scalars())
    roots = select(tile.c.root).where(
        tile.c.level == level - 1, tile.c.number >= first, tile.c.number < last
    )
    return b"".join(connection.execute(roots.order_by(tile.c.number)).scalars())


def _opened(note: str, key: VerifierKey) -> Checkpoint:
    try:
        kept = open_checkpoint(note, key)
    except BadNote as error:
        raise _refused(
            "log_checkpoint_invalid",
            zh="日志检查点的签名无效，或由另一把密钥签署。",
            en="The log's checkpoint has no valid signature by this log's key.",
        ) from error
    if kept.origin != key.name:
        raise _refused(
            "log_origin_differs",
            zh="检查点属于另一份日志。",
            en="The checkpoint belongs to another log.",
        )
    return kept


def _refused(code: str, *, zh: str, en: str) -> Unavailable:
    return Unavailable(
        code,
        Message(zh=f"{zh}日志保持关闭。", en=f"{en} The log stays closed."),
        rule="RFC 6962",
        way_out=Message(
            zh="请恢复与日志头文件一致的数据库，并用 sandgate verify log 核对；"
            "不要删除日志头文件。",
            en="Restore the database that matches the head file and check it with "
            "`sandgate verify log`; do not delete the head file.",
        ),
    )
