"""Lays a twin's rows out as aggregates read them: codes, ranks, and the bounded rows of each set.

The tables have the schemas that the builder gives those of a version (``catalog.builder``), and
their ranks mean the same: what a unit keeps follows from a keyed hash, here of the twin's seed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.builder import bounded_schema, ranked_columns, ranked_schema, units_schema
from catalog.datasets import DAY_ZERO, Column, ColumnType, DatasetDeclaration, GroupSet
from catalog.versions import RANKED_FILE, UNITS_FILE, bounded_file
from foundation.canonical import canonical_bytes

UNIT_HASH_BYTES = 16
RANK_MAX = 255  # as in a version (``catalog.columnar``): beyond every cap


def protected_tables(
    declaration: DatasetDeclaration, rows: pa.Table, ordinals: Sequence[int], seed: str
) -> Mapping[str, pa.Table]:
    """Return the tables of a twin by the names of a version's files: ranked, units, bounded.

    ``ordinals`` are the units' numbers in the population, in the order of ``_unit``: joined by
    unit, the twins of one population meet.
    """
    codes = {
        column.name: _codes(column, rows.column(column.name))
        for column in ranked_columns(declaration)
        if column.public_values
    }
    units = rows.column("_unit").to_pylist()
    ranks = {item.name: _group_ranks(item, codes, units, seed) for item in declaration.group_sets}
    found = {
        RANKED_FILE: _ranked(declaration, rows, codes, ranks),
        UNITS_FILE: _units(declaration, ordinals),
    }
    for item in declaration.group_sets:
        found[bounded_file(item.name)] = _bounded(declaration, item, rows, codes, ranks[item.name])
    return found


def _ranked(
    declaration: DatasetDeclaration,
    rows: pa.Table,
    codes: Mapping[str, list[int | None]],
    ranks: Mapping[str, tuple[list[int], list[int]]],
) -> pa.Table:
    schema = ranked_schema(declaration)
    held: dict[str, Any] = {
        **{f"k_{name}": values for name, values in codes.items()},
        "_unit": rows.column("_unit"),
        "_rank": rows.column("_rank"),
    }
    for name, (groups, places) in ranks.items():
        held |= {f"gr_{name}": groups, f"rg_{name}": places}
    arrays = [_array(held.get(field.name, None), rows, field.name, field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Any, rows: pa.Table, name: str, kind: pa.DataType) -> pa.Array:
    if values is None:
        values = rows.column(name.removeprefix("c_"))
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks().cast(kind)
    return pa.array(values, kind)


def _units(declaration: DatasetDeclaration, ordinals: Sequence[int]) -> pa.Table:
    """Give each unit the hash by which the twins of its population know it."""
    hashes = [
        hashlib.sha256(
            canonical_bytes(["sandgate/twin-unit@1", declaration.population or "", ordinal])
        ).digest()[:UNIT_HASH_BYTES]
        for ordinal in ordinals
    ]
    return pa.Table.from_arrays(
        [pa.array(range(len(hashes)), pa.int32()), pa.array(hashes, pa.binary())],
        schema=units_schema(),
    )


def _bounded(
    declaration: DatasetDeclaration,
    item: GroupSet,
    rows: pa.Table,
    codes: Mapping[str, list[int | None]],
    ranks: tuple[list[int], list[int]],
) -> pa.Table:
    schema = bounded_schema(declaration, item)
    groups, places = ranks
    columns: list[pa.Array] = [
        pa.array(codes[name], schema.field(f"k_{name}").type) for name in item.keys
    ]
    for name in item.measures:
        column = declaration.column(name)
        if column is None:
            raise ValueError("a checked declaration names only its own columns")
        clamped = [_clamped(column, value) for value in rows.column(name).to_pylist()]
        columns.append(pa.array(clamped, schema.field(f"m_{name}").type))
    columns.append(pa.array([place == 1 for place in places], pa.bool_()))
    kept = [
        group <= item.groups_per_unit_max and place <= item.rows_per_group_max
        for group, place in zip(groups, places, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=schema).filter(pa.array(kept, pa.bool_()))
    keys = [(f"k_{name}", "ascending") for name in item.keys]
    return table.take(pc.sort_indices(table, sort_keys=keys))


def _clamped(column: Column, value: Any) -> int | None:
    if value is None or column.lower is None or column.upper is None:
        return None
    number = (value - DAY_ZERO).days if isinstance(value, date) else int(value)
    return min(max(number, column.lower), column.upper)


def _codes(column: Column, values: pa.ChunkedArray) -> list[int | None]:
    """Return each value's place among the public values; None where it is none of them."""
    known = {text: place for place, text in enumerate(column.public_values)}
    return [None if v is None else known.get(_written(column, v)) for v in values.to_pylist()]


def _written(column: Column, value: Any) -> str:
    if column.type is ColumnType.BOOLEAN:
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _group_ranks(
    item: GroupSet, codes: Mapping[str, list[int | None]], units: Sequence[int], seed: str
) -> tuple[list[int], list[int]]:
    """Rank the groups of each unit, and its rows in each group; 255 where a key is missing."""
    groups = list(zip(*(codes[name] for name in item.keys), strict=True))
    seen: defaultdict[int, set[tuple[int | None, ...]]] = defaultdict(set)
    for unit, group in zip(units, groups, strict=True):
        if None not in group:
            seen[unit].add(group)
    order = {
        unit: {group: place for place, group in enumerate(_keyed(found, unit, seed), start=1)}
        for unit, found in seen.items()
    }
    counts: defaultdict[tuple[int, tuple[int | None, ...]], int] = defaultdict(int)
    ranks: list[int] = []
    places: list[int] = []
    for unit, group in zip(units, groups, strict=True):
        if None in group:
            ranks.append(RANK_MAX)
            places.append(RANK_MAX)
            continue
        counts[unit, group] += 1
        ranks.append(min(order[unit][group], RANK_MAX))
        places.append(min(counts[unit, group], RANK_MAX))
    return ranks, places


def _keyed(
    groups: set[tuple[int | None, ...]], unit: int, seed: str
) -> list[tuple[int | None, ...]]:
    """Order a unit's groups by a hash of the seed, the unit and the group."""

    def key(group: tuple[int | None, ...]) -> bytes:
        return hashlib.sha256(canonical_bytes([seed, unit, list(group)])).digest()

    return sorted(groups, key=key)
