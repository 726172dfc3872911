"""Re-identification risk over declared quasi identifiers: uniqueness, k-anonymity, l-diversity.

Runs in the confined child. A class is all units (rows, where there is no privacy unit) that share
their quasi identifiers, a missing value counting as one of its own; l is how many different values
of a sensitive column a class holds. What it finds is for the source and the authority (I5, I14).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.quality.scanning import SCAN, Scan, quoted

UNIT = "_unit"


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
    units = UNIT in scan.names
    keys = ", ".join(quoted(name) for name in quasi)
    kinds = "".join(
        f", count(DISTINCT {quoted(name)}) "
        f"+ CAST(bool_or({quoted(name)} IS NULL) AS BIGINT) AS l{place}"
        for place, name in enumerate(sensitive)
    )
    members = f"count(DISTINCT {UNIT})" if units else "count(*)"
    wanted = ["count(*)", "sum(k)", "count(*) FILTER (k = 1)", "min(k)"]
    wanted += [f"coalesce(sum(k) FILTER (k < {int(k)}), 0)" for k in order["small_classes"]]
    for place in range(len(sensitive)):
        below = f"coalesce(sum(k) FILTER (l{place} < {int(order['l_min'])}), 0)"
        wanted += [f"min(l{place})", below]
    sql = (
        f"SELECT {', '.join(wanted)} FROM (SELECT {members} AS k{kinds} FROM {SCAN} "  # noqa: S608
        f"WHERE {condition} GROUP BY {keys})"
    )
    columns = list(dict.fromkeys([*quasi, *sensitive, *([UNIT] if units else [])]))
    return scan.query(sql, columns)[0]


def _least(so_far: int, found: int) -> int:
    return found if so_far == 0 else min(so_far, found)
