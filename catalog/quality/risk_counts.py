"""Re-identification risk over declared quasi identifiers: uniqueness, k-anonymity, l-diversity.

Runs in the confined child. A class is all units (rows, where there is no privacy unit) that share
their quasi identifiers, a missing value counting as one of its own; l is how many different values
of a sensitive column a class holds. What it finds is for the source and the authority (I5, I14).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.columnar import quoted
from catalog.quality.scanning import SCAN, Scan

UNIT, RANK = "_unit", "_rank"


def risk(scan: Scan, order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the classes of all quasi identifiers together, and of all but each one."""
    quasi, sensitive = order["quasi"], order["sensitive"]
    if not quasi:
        return {"quasi": [], "sensitive": [], "together": None, "without": {}}
    without = (
        {name: _classes(scan, [q for q in quasi if q != name], [], order) for name in quasi}
        if len(quasi) > 1
        else {}
    )
    return {
        "quasi": list(quasi),
        "sensitive": list(sensitive),
        "together": _classes(scan, quasi, sensitive, order),
        "without": without,
    }


def _classes(
    scan: Scan, quasi: Sequence[str], sensitive: Sequence[str], order: Mapping[str, Any]
) -> dict[str, Any]:
    small = order["small_classes"]
    totals = {"classes": 0, "members": 0, "unique": 0}
    below = dict.fromkeys(small, 0)
    diverse = {name: {"l_min": 0, "members_below": 0} for name in sensitive}
    least = 0
    for condition in scan.partitions(quasi):
        row = iter(_partition(scan, condition, quasi, sensitive, order))
        found = int(next(row))
        if not found:
            continue
        totals["classes"] += found
        totals["members"] += int(next(row))
        totals["unique"] += int(next(row))
        least = _least(least, int(next(row)))
        for k in small:
            below[k] += int(next(row))
        for name in sensitive:
            diverse[name]["l_min"] = _least(diverse[name]["l_min"], int(next(row)))
            diverse[name]["members_below"] += int(next(row))
    return {
        **totals,
        "k_min": least,
        "members_below": {str(k): count for k, count in below.items()},
        "diversity": diverse,
    }


def _partition(
    scan: Scan,
    condition: str,
    quasi: Sequence[str],
    sensitive: Sequence[str],
    order: Mapping[str, Any],
) -> tuple[Any, ...]:
    """Count the classes of one partition; their members in partitions of units, added up."""
    keys = ", ".join(quoted(name) for name in quasi)
    zeros = "".join(f", 0 AS l{place}" for place in range(len(sensitive)))
    scan.run("DROP TABLE IF EXISTS _parts")
    counted, columns, parts = _members(scan, quasi)
    for place, part in enumerate(parts):
        put = "INSERT INTO _parts" if place else "CREATE TEMP TABLE _parts AS"
        scan.query(
            f"{put} SELECT {keys}, CAST({counted} AS BIGINT) AS k{zeros} FROM {SCAN} "  # noqa: S608
            f"WHERE {condition} AND {part} GROUP BY {keys}",
            columns,
        )
    for place, name in enumerate(sensitive):
        kinds = f"count(DISTINCT {quoted(name)}) + CAST(bool_or({quoted(name)} IS NULL) AS BIGINT)"
        others = "".join(f", {kinds if other == place else 0}" for other in range(len(sensitive)))
        scan.query(
            f"INSERT INTO _parts SELECT {keys}, 0{others} FROM {SCAN} "  # noqa: S608
            f"WHERE {condition} GROUP BY {keys}",
            list(dict.fromkeys([*quasi, name])),
        )
    wanted = ["count(*)", "sum(k)", "count(*) FILTER (k = 1)", "min(k)"]
    wanted += [f"coalesce(sum(k) FILTER (k < {int(k)}), 0)" for k in order["small_classes"]]
    for place in range(len(sensitive)):
        below = f"coalesce(sum(k) FILTER (l{place} < {int(order['l_min'])}), 0)"
        wanted += [f"min(l{place})", below]
    summed = "".join(f", max(l{place}) AS l{place}" for place in range(len(sensitive)))
    rows = scan.run(
        f"SELECT {', '.join(wanted)} FROM (SELECT sum(k) AS k{summed} FROM _parts GROUP BY {keys})"  # noqa: S608
    )
    return rows[0]


def _members(scan: Scan, quasi: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """Return how a class's members are counted, over which columns, and in which partitions.

    Where every unit has one row, rows are units; else units are counted by their hash, a part of
    them at a time: no unit stands in two parts.
    """
    if UNIT not in scan.names:
        return "count(*)", list(quasi), ["true"]
    if RANK in scan.names and scan.query(f"SELECT max({RANK}) FROM {SCAN}", [RANK])[0][0] == 1:  # noqa: S608
        return "count(*)", list(quasi), ["true"]
    return f"count(DISTINCT {UNIT})", [*quasi, UNIT], scan.partitions([UNIT])


def _least(so_far: int, found: int) -> int:
    return found if so_far == 0 else min(so_far, found)
