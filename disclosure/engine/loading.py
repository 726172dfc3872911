"""Decides what a worker must hold for a question: the columns it needs, and whether they fit.

A worker keeps what it has while there is room. Where there is none, it keeps only what the
question needs; where even that does not fit, the question is refused before a row is read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

Opener = Callable[[], pa.RecordBatchReader]


class TooLarge(Exception):
    """What the question needs is larger than a worker may hold."""


@dataclass(frozen=True)
class TableSource:
    """A table that the service can stream column by column.

    ``open`` gives the named columns in the table's own order; ``column_bytes`` says of every
    column, in that order, how much memory it takes; ``needed`` are those that the question reads;
    by ``cluster`` the worker may lay rows out, where it is loaded and sorting fits. ``synthetic``
    tells a twin's table: it goes to workers of twins, and nothing else does.
    """

    open: Callable[[tuple[str, ...]], pa.RecordBatchReader]
    column_bytes: Mapping[str, int]
    needed: frozenset[str]
    cluster: str | None = None
    synthetic: bool = False

    def least(self) -> frozenset[str]:
        """Return what must be held: for a bare count, the smallest column."""
        known = self.needed & self.column_bytes.keys()
        return known or frozenset(
            {min(self.column_bytes, key=lambda name: self.column_bytes[name])}
        )

    def ordered(self, columns: frozenset[str]) -> tuple[str, ...]:
        """Return columns in the table's order."""
        return tuple(name for name in self.column_bytes if name in columns)


@dataclass(frozen=True)
class Loaded:
    """What a worker holds of one table: its columns with their sizes; none where it is whole."""

    column_bytes: Mapping[str, int]

    @property
    def size_bytes(self) -> int:
        """Return the memory that the table takes."""
        return sum(self.column_bytes.values())


@dataclass(frozen=True)
class Step:
    """One change to a table: drop it, load it anew with some columns, or both in this order."""

    table: str
    load: Loaded | None
    drop_first: bool = False


Tables = Mapping[str, Opener | TableSource]


def steps_for(tables: Tables, loaded: Mapping[str, Loaded], room_bytes: int) -> list[Step]:
    """Return what to drop and load, in order. Raises TooLarge where the question cannot fit."""
    missing = [name for name, source in tables.items() if not _is_held(source, loaded.get(name))]
    if not missing:
        return []
    wanted = {name: _wanted(tables[name], loaded.get(name)) for name in missing}
    kept = sum(held.size_bytes for name, held in loaded.items() if name not in missing)
    if kept + _size(wanted) <= room_bytes:
        return [_load(name, wanted[name], drop_first=name in loaded) for name in missing]
    least = {name: _wanted(source, None) for name, source in tables.items()}
    if _size(least) > room_bytes:
        raise TooLarge
    drops = [Step(name, None, drop_first=True) for name in loaded]
    return [*drops, *(_load(name, held) for name, held in least.items())]


def _is_held(source: Opener | TableSource, held: Loaded | None) -> bool:
    if held is None:
        return False
    return not isinstance(source, TableSource) or source.least() <= held.column_bytes.keys()


def _wanted(source: Opener | TableSource, held: Loaded | None) -> Loaded:
    if not isinstance(source, TableSource):
        return Loaded({})
    names = source.least() | (held.column_bytes.keys() if held is not None else frozenset())
    return Loaded({name: source.column_bytes[name] for name in source.ordered(frozenset(names))})


def _size(wanted: Mapping[str, Loaded]) -> int:
    return sum(held.size_bytes for held in wanted.values())


def _load(name: str, wanted: Loaded, *, drop_first: bool = False) -> Step:
    return Step(name, wanted, drop_first=drop_first)
