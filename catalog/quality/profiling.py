"""The profile of each column: nulls, different values, extremes, patterns, top values, histogram.

Runs in the confined child. What it finds is data: it is sealed for the source department and the
authority and leaves by no other door (I5, I14).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from catalog.columnar import quoted
from catalog.quality.scanning import SCAN, Scan

VALUE_CHARACTERS_MAX = 200
DATE_ZERO = "DATE '1970-01-01'"
_NUMERIC = frozenset({"integer", "decimal", "date"})
_PATTERN = (
    "regexp_replace(regexp_replace(regexp_replace(left({0}, 60), '[0-9]', '9', 'g'), "
    "'[A-Za-z]', 'A', 'g'), '[\\x{{4e00}}-\\x{{9fff}}]', '汉', 'g')"
)


def profile(
    scan: Scan, columns: Sequence[Mapping[str, Any]], limits: Mapping[str, int]
) -> dict[str, Any]:
    """Return the number of rows and, by column, what its values are like."""
    found = {
        column["name"]: _column(scan, column["name"], column["type"], limits) for column in columns
    }
    return {"rows": scan.rows, "columns": found}


def _column(scan: Scan, name: str, kind: str, limits: Mapping[str, int]) -> dict[str, Any]:
    value = quoted(name)
    stored = f"({value} - {DATE_ZERO})" if kind == "date" else value
    present, least, most = scan.query(
        f"SELECT count({value}), min({stored}), max({stored}) FROM {SCAN}",  # noqa: S608
        [name],
    )[0]
    counted = _Counted(scan, name, kind, limits)
    if kind in _NUMERIC and present:
        counted.bins = _bins(int(least), int(most), limits["bins_max"])
    counted.count()
    return {
        "nulls": scan.rows - int(present),
        "distinct": counted.distinct,
        "singles": counted.singles,
        "least": _written(least),
        "most": _written(most),
        "top": counted.top(),
        "patterns": counted.common_patterns(),
        "histogram": [
            [counted.bins[0] + place * counted.bins[1], count]
            for place, count in sorted(counted.histogram.items())
        ],
    }


class _Counted:
    """One column counted partition by partition; each adds to what is kept."""

    def __init__(self, scan: Scan, name: str, kind: str, limits: Mapping[str, int]) -> None:
        self._scan, self._name, self._kind, self._limits = scan, name, kind, limits
        self.bins = (0, 1)
        self.distinct = self.singles = 0
        self.histogram: Counter[int] = Counter()
        self._top: list[tuple[int, Any]] = []
        self._patterns: Counter[str] = Counter()

    def count(self) -> None:
        """Count every partition in a pass of its own."""
        for condition in self._scan.partitions([self._name]):
            self._add(condition)

    def top(self) -> list[list[Any]]:
        """Return the most frequent values; none where every value stands once."""
        most = sorted(self._top, key=lambda item: (-item[0], str(item[1])))
        kept = [item for item in most if item[0] > 1][: self._limits["top_values_max"]]
        return [[_written(value), count] for count, value in kept]

    def common_patterns(self) -> list[list[Any]]:
        """Return the most frequent patterns: digits as 9, letters as A, Han characters as 汉."""
        most = sorted(self._patterns.items(), key=lambda item: (-item[1], item[0]))
        return [[pattern, count] for pattern, count in most[: self._limits["patterns_max"]]]

    def _add(self, condition: str) -> None:
        value = quoted(self._name)
        grouped = (
            f"WITH g AS MATERIALIZED (SELECT {value} AS v, count(*) AS c FROM {SCAN} "  # noqa: S608
            f"WHERE {value} IS NOT NULL AND {condition} GROUP BY v)"
        )
        most = f"ORDER BY c DESC, v LIMIT {int(self._limits['top_values_max'])}"
        parts = [
            "SELECT 'count', count(*), count(*) FILTER (c = 1), NULL FROM g",
            f"(SELECT 'top', c, NULL, CAST(v AS VARCHAR) FROM g {most})",  # noqa: S608
        ]
        if self._kind == "text":
            shape = _PATTERN.format("v")
            parts.append(
                f"(SELECT 'pattern', sum(c), NULL, {shape} AS s FROM g GROUP BY s "  # noqa: S608
                f"ORDER BY 2 DESC, s LIMIT {10 * int(self._limits['patterns_max'])})"
            )
        if self._kind in _NUMERIC:
            stored = f"(v - {DATE_ZERO})" if self._kind == "date" else "v"
            first, width = self.bins
            parts.append(
                f"SELECT 'bin', sum(c), ({stored} - {first}) // {width} AS b, NULL "  # noqa: S608
                "FROM g GROUP BY b"
            )
        sql = f"{grouped} {' UNION ALL '.join(parts)}"
        for what, first, second, text in self._scan.query(sql, [self._name]):
            if what == "count":
                self.distinct += int(first)
                self.singles += int(second)
            elif what == "top":
                self._top.append((int(first), text))
            elif what == "pattern":
                self._patterns[text] += int(first)
            else:
                self.histogram[int(second)] += int(first)


def _bins(least: int, most: int, bins_max: int) -> tuple[int, int]:
    """Return the first edge and the width of bins that hold everything between."""
    return least, -(-(most - least + 1) // bins_max)


def _written(value: object) -> object:
    if value is None or isinstance(value, (bool, int)):
        return value
    return (value.isoformat() if isinstance(value, date) else str(value))[:VALUE_CHARACTERS_MAX]
