"""Compares one item of two data sets by key (多源校核): who agrees, who differs, who is missing.

Runs in the confined child. A key that stands in one source with several values is ambiguous and
counts for neither. Lists of keys are bounded, and in an order that says nothing of the keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog import columnar
from catalog.columnar import quoted
from catalog.quality.scanning import SCAN, Scan

DIFFER, LEFT_ONLY, RIGHT_ONLY = "differ", "left_only", "right_only"
OUTCOMES = ("agree", DIFFER, LEFT_ONLY, RIGHT_ONLY, "ambiguous")


def compare(
    store: columnar.Store, left: Scan, right: Scan, order: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the counts of each outcome, and at most so many keys of those to be corrected."""
    keys_max = int(order["listed_keys_max"])
    counts = dict.fromkeys(OUTCOMES, 0)
    listed: dict[str, list[list[str]]] = {DIFFER: [], LEFT_ONLY: [], RIGHT_ONLY: []}
    width = len(order["left"]["keys"])
    parts = max(_partitions(left, order["left"]), _partitions(right, order["right"]))
    for place in range(parts):
        _load(store, left, order["left"], "_left", (parts, place))
        _load(store, right, order["right"], "_right", (parts, place))
        _join(store, width)
        for outcome, count in store.execute(
            "SELECT outcome, count(*) FROM _compared GROUP BY outcome"
        ).fetchall():
            counts[outcome] += int(count)
        for outcome, kept in listed.items():
            kept.extend(_keys(store, outcome, width, keys_max - len(kept)))
        for table in ("_left", "_right", "_compared"):
            store.execute(f"DROP TABLE {table}")
    return {"counts": counts, "keys": listed}


def _partitions(scan: Scan, side: Mapping[str, Any]) -> int:
    return len(scan.partitions(side["keys"]))


def _load(
    store: columnar.Store, scan: Scan, side: Mapping[str, Any], table: str, part: tuple[int, int]
) -> None:
    """Load one partition: each key once, with its value and how many values it has."""
    keys = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in side["keys"])
    named = ", ".join(
        f"CAST({quoted(name)} AS VARCHAR) AS k{place}" for place, name in enumerate(side["keys"])
    )
    there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in side["keys"])
    value = f"CAST({quoted(side['column'])} AS VARCHAR)"
    parts, place = part
    store.execute(f"CREATE TEMP TABLE {table} ({_typed(len(side['keys']))}, v VARCHAR, d BIGINT)")
    columns: Sequence[str] = list(dict.fromkeys([*side["keys"], side["column"]]))
    scan.query(
        f"INSERT INTO {table} SELECT {named}, min({value}), count(DISTINCT {value}) "  # noqa: S608
        f"+ CAST(bool_or({value} IS NULL) AS BIGINT) FROM {SCAN} WHERE {there} "
        f"AND hash({keys}) % {parts} = {place} GROUP BY {', '.join(map(str, _places(side)))}",
        columns,
    )


def _places(side: Mapping[str, Any]) -> range:
    return range(1, len(side["keys"]) + 1)


def _typed(width: int) -> str:
    return ", ".join(f"k{place} VARCHAR" for place in range(width))


def _join(store: columnar.Store, width: int) -> None:
    using = ", ".join(f"k{place}" for place in range(width))
    store.execute(
        f"CREATE TEMP TABLE _compared AS SELECT {using}, CASE "  # noqa: S608
        "WHEN coalesce(_left.d, 0) > 1 OR coalesce(_right.d, 0) > 1 THEN 'ambiguous' "
        "WHEN _right.d IS NULL THEN 'left_only' WHEN _left.d IS NULL THEN 'right_only' "
        "WHEN _left.v IS NOT DISTINCT FROM _right.v THEN 'agree' ELSE 'differ' END AS outcome "
        f"FROM _left FULL OUTER JOIN _right USING ({using})"
    )


def _keys(store: columnar.Store, outcome: str, width: int, rows_max: int) -> list[list[str]]:
    if rows_max <= 0:
        return []
    listed = ", ".join(f"k{place}" for place in range(width))
    rows = store.execute(
        f"SELECT {listed} FROM _compared WHERE outcome = ? ORDER BY hash({listed}) "  # noqa: S608
        f"LIMIT {rows_max}",
        [outcome],
    ).fetchall()
    return [list(row) for row in rows]
