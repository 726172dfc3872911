"""What the desk keeps of a table to attack later ones with it: its true cells, and what is shown.

It is plain only in the desk's memory; the register holds it sealed (``boxes``). Of the people
behind a cell it holds the keyed lanes of ``sketches`` alone, of hidden cells too.
"""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from disclosure.checks.tables.cells import (
    ALL,
    HIDDEN,
    Cell,
    CellTable,
    Dimension,
    Key,
    ReleasedTable,
    Shown,
)
from disclosure.checks.tables.rounding import as_printed
from disclosure.release.tables.checked import cells_of, names_of
from disclosure.release.tables.counting import Counted
from disclosure.release.tables.counting import Key as CountedKey
from disclosure.release.tables.plan import Part
from disclosure.release.tables.sketches import lanes_from, lanes_packed
from foundation.canonical import canonical_bytes

FORMAT = "sandgate/kept-table@1"


@dataclass(frozen=True)
class KeptPart:
    """One additive integer of a table: its cells in the form shown, and lanes of the inner ones.

    ``base`` is what its counts were rounded to, and ``summed`` whether totals are sums of rounded
    cells.
    """

    comparable: str
    kind: str
    table: CellTable
    hidden: frozenset[Key]
    base: int
    summed: bool
    lanes: Mapping[Key, tuple[int, ...]]

    def released(self, name: str) -> ReleasedTable:
        """Return what left, as if no figure had been rounded: the most that a reader can know."""
        shown = {
            key: HIDDEN if key in self.hidden else Shown(cell.value, cell.value)
            for key, cell in self.table.by_key.items()
        }
        return ReleasedTable(name, self.table, shown)

    def printed(self, name: str) -> ReleasedTable:
        """Return what left, as it was printed."""
        exact = self.released(name)
        if self.base == 1:
            return exact
        return as_printed(exact, self.base, summed=self.summed).released


@dataclass(frozen=True)
class KeptTable:
    """One table: which rows of which version it is about, and all of its parts.

    ``conditions`` are what its rows pass, all of them; ``keys`` its keys, each as canonical text.
    """

    id: str
    rows_of: str
    conditions: frozenset[str]
    keys: tuple[str, ...]
    parts: tuple[KeptPart, ...]

    def with_hidden(
        self, counted: Counted, hidden: frozenset[CountedKey], summed: frozenset[int]
    ) -> "KeptTable":
        """Return the table as it leaves."""
        names = names_of(counted)
        parts = []
        for place, part in enumerate(self.parts):
            kept = frozenset(key for key in part.table.by_key if names[key] in hidden)
            parts.append(replace(part, hidden=kept, summed=place in summed))
        return replace(self, parts=tuple(parts))


def kept_table(
    counted: Counted, table_id: str, rows_of: str, *, base: int, totals: bool
) -> KeptTable:
    """Return a table of which nothing is hidden yet.

    ``rows_of`` names the rows that it counts: data set, version and extract.
    """
    plan = counted.plan
    names = names_of(counted)
    parts = []
    for place, part in enumerate(plan.parts):
        table = cells_of(counted, place)
        found = {
            key: counted.sketches[names[key], place].lanes
            for key, cell in table.by_key.items()
            if not (cell.is_margin or (names[key], place) not in counted.sketches)
        }
        shown = table if totals else table.without_margins()
        rounded = base if _is_rounded(part) else 1
        lanes = {key: of_cell for key, of_cell in found.items() if any(of_cell)}
        parts.append(
            KeptPart(part.comparable, part.kind.value, shown, frozenset(), rounded, False, lanes)
        )
    document = _plan_of(plan.as_canonical())
    keys = tuple(canonical_bytes(item["key"]).decode() for item in document["keys"])
    return KeptTable(table_id, rows_of, _conditions(document["where"]), keys, tuple(parts))


def written(kept: KeptTable) -> bytes:
    """Write a table for its box."""
    document = {
        "format": FORMAT,
        "id": kept.id,
        "rows_of": kept.rows_of,
        "conditions": sorted(kept.conditions),
        "keys": list(kept.keys),
        "parts": [_part_written(part) for part in kept.parts],
    }
    return zlib.compress(json.dumps(document, ensure_ascii=False).encode(), 1)


def read(data: bytes) -> KeptTable:
    """Read what ``written`` wrote. Raises ValueError, KeyError or a refusal for anything else."""
    document = json.loads(zlib.decompress(data))
    if document["format"] != FORMAT:
        raise ValueError("a table kept in an unknown form")
    return KeptTable(
        document["id"],
        document["rows_of"],
        frozenset(document["conditions"]),
        tuple(document["keys"]),
        tuple(_part_read(part) for part in document["parts"]),
    )


def _part_written(part: KeptPart) -> dict[str, Any]:
    table = part.table
    return {
        "comparable": part.comparable,
        "kind": part.kind,
        "base": part.base,
        "summed": part.summed,
        "statistic": table.statistic,
        "margins": table.margins,
        "population": table.population,
        "unit_scale": table.unit_scale,
        "dimensions": [[item.name, list(item.categories)] for item in table.dimensions],
        "cells": [
            [
                _key_written(cell.key), cell.contributors, cell.rows, cell.missing, cell.value,
                list(cell.largest), cell.negative, cell.key in part.hidden,
            ]
            for cell in table.cells
        ],
        "lanes": [
            [_key_written(key), base64.b64encode(lanes_packed(lanes)).decode()]
            for key, lanes in part.lanes.items()
        ],
    }  # fmt: skip


def _part_read(document: Mapping[str, Any]) -> KeptPart:
    cells = [
        Cell(_key_read(key), people, rows, missing, value, tuple(largest), negative)
        for key, people, rows, missing, value, largest, negative, _ in document["cells"]
    ]
    table = CellTable(
        tuple(Dimension(name, tuple(found)) for name, found in document["dimensions"]),
        document["statistic"],
        tuple(cells),
        document["margins"],
        document["population"],
        document["unit_scale"],
    )
    hidden = frozenset(_key_read(item[0]) for item in document["cells"] if item[-1])
    lanes = {_key_read(key): lanes_from(base64.b64decode(data)) for key, data in document["lanes"]}
    return KeptPart(
        document["comparable"], document["kind"], table, hidden,
        document["base"], document["summed"], lanes,
    )  # fmt: skip


def _key_written(key: Key) -> list[object]:
    """Write a total as an empty list: no category is one."""
    return [[] if category is ALL else category for category in key]


def _key_read(found: list[Any]) -> Key:
    return tuple(ALL if item == [] else item for item in found)


def _is_rounded(part: Part) -> bool:
    return part.comparable == "count"


def _plan_of(canonical: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = canonical["plan"]
    return found


def _conditions(where: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the conditions that all hold of a row, each as canonical text."""
    if where is None:
        return frozenset()
    parts = where["parts"] if where["is"] == "Both" else [where]
    return frozenset(canonical_bytes(part).decode() for part in parts)
