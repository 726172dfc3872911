"""Counts, for each quality rule of a data set, the rows it applies to and those that keep it.

Runs in the confined child: one pass for all rules that judge a row by itself, and passes of their
own for uniqueness and for numbers with check digits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.columnar import quoted
from catalog.detectors.numbers import kinds_in
from catalog.quality.scanning import SCAN, Scan

DATE_ZERO = "DATE '1970-01-01'"
Counts = dict[str, list[int]]


def judge(scan: Scan, rules: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> Counts:
    """Return, by the name of each rule, how many rows it applies to and how many keep it."""
    found: Counts = {}
    rowwise = []
    for rule in rules:
        if rule["dimension"] == "uniqueness":
            found[rule["name"]] = _unique(scan, rule["columns"])
        elif rule.get("format"):
            found[rule["name"]] = _formed(scan, rule["columns"][0], rule["format"])
        else:
            rowwise.append(rule)
    return found | _rowwise(scan, rowwise, types)


def _rowwise(scan: Scan, rules: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> Counts:
    if not rules:
        return {}
    wanted: list[str] = []
    parameters: list[object] = []
    for rule in rules:
        applies, keeps, given = _conditions(rule, types)
        wanted += [f"count(*) FILTER ({applies})", f"count(*) FILTER (({applies}) AND ({keeps}))"]
        parameters += given
    columns = list(dict.fromkeys(name for rule in rules for name in rule["columns"]))
    row = scan.query(f"SELECT {', '.join(wanted)} FROM {SCAN}", columns, parameters)[0]  # noqa: S608
    return {
        rule["name"]: [int(row[2 * place]), int(row[2 * place + 1])]
        for place, rule in enumerate(rules)
    }


def _conditions(rule: Mapping[str, Any], types: Mapping[str, str]) -> tuple[str, str, list[object]]:
    """Return when a rule applies, when it is kept, and the parameters of the latter, in order."""
    first = rule["columns"][0]
    value = quoted(first)
    if rule["dimension"] == "completeness":
        blank = f" AND trim({value}) <> ''" if types[first] == "text" else ""
        return "true", f"{value} IS NOT NULL{blank}", []
    if rule["dimension"] == "consistency":
        return _consistent(rule)
    there = f"{value} IS NOT NULL"
    if rule.get("pattern"):
        return there, f"regexp_full_match(CAST({value} AS VARCHAR), ?)", [rule["pattern"]]
    if rule.get("values"):
        contained = f"list_contains(CAST(? AS VARCHAR[]), CAST({value} AS VARCHAR))"
        return there, contained, [list(rule["values"])]
    stored = f"({value} - {DATE_ZERO})" if types[first] == "date" else value
    bounds = [
        f"{stored} {sign} {int(rule[name])}"
        for name, sign in (("lower", ">="), ("upper", "<="))
        if rule.get(name) is not None
    ]
    return there, " AND ".join(bounds) or "true", []


def _consistent(rule: Mapping[str, Any]) -> tuple[str, str, list[object]]:
    left, right = (quoted(name) for name in rule["columns"])
    if rule["relation"] == "present_with":
        return f"{left} IS NOT NULL", f"{right} IS NOT NULL", []
    signs = {"before": "<", "not_after": "<=", "equal": "="}
    return (
        f"{left} IS NOT NULL AND {right} IS NOT NULL",
        (f"{left} {signs[rule['relation']]} {right}"),
        [],
    )


def _unique(scan: Scan, columns: Sequence[str]) -> list[int]:
    listed = ", ".join(quoted(name) for name in columns)
    there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns)
    applies = keeps = 0
    for condition in scan.partitions(columns):
        row = scan.query(
            f"SELECT coalesce(sum(c), 0), count(*) FROM (SELECT count(*) AS c FROM {SCAN} "  # noqa: S608
            f"WHERE {there} AND {condition} GROUP BY {listed})",
            columns,
        )[0]
        applies += int(row[0])
        keeps += int(row[1])
    return [applies, keeps]


def _formed(scan: Scan, column: str, form: str) -> list[int]:
    """Count the values that are there, and those with the form and check digits named."""
    applies = keeps = 0
    for batch in scan.values(column):
        for item in pc.value_counts(pc.cast(batch, pa.string())).to_pylist():
            if item["values"] is not None:
                applies += item["counts"]
                keeps += item["counts"] * (form in kinds_in(item["values"]))
    return [applies, keeps]
