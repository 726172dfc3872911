"""Administrative divisions (GB/T 2260): their tree, and rows chosen by region for delivery below.

A code of six digits holds its province, prefecture and county; trailing pairs of zeros mean the
whole of what stands before them. Towns and villages go on with three digits each (GB/T 10114).
What has not the form of a code is never chosen.
"""

import re
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from catalog.datasets import DatasetDeclaration
from catalog.standards.dictionary import Dictionary
from foundation.errors import InvalidInput, Message
from policies.schema.standards import StandardRules

PAIR = 2
CODE_DIGITS = 6
SHAPE = "^[1-9][0-9]{5}([0-9]{3}){0,2}$"
Level = Literal["province", "prefecture", "county"]


@dataclass(frozen=True)
class Region:
    """One division: its code, Chinese name, English name where there is one, and its level."""

    code: str
    zh: str
    en: str
    level: Level
    above: str | None


@dataclass(frozen=True)
class RegionFilter:
    """Rows of one region: those whose ``column`` holds a code that begins with ``prefix``."""

    column: str
    region: str
    prefix: str

    def chosen(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of the region; a missing or misshapen code is of no region."""
        codes = pc.cast(batch.column(self.column), pa.string())
        shaped = pc.match_substring_regex(codes, SHAPE)
        kept = pc.and_(shaped, pc.starts_with(codes, self.prefix))
        return batch.filter(pc.fill_null(kept, fill_value=False))

    def holds(self, code: str) -> bool:
        """Tell whether a division lies in the region."""
        return re.search(SHAPE, code) is not None and code.startswith(self.prefix)


def rows_within(column: str, region: str) -> RegionFilter:
    """Return the filter of a region's rows by a column of division codes."""
    return RegionFilter(column, region, prefix_of(region))


def prefix_of(code: str) -> str:
    """Return the digits of a division code that all divisions within it share."""
    below = code[CODE_DIGITS:]
    while below.endswith("000"):
        below = below[:-3]
    if below:
        return code[:CODE_DIGITS] + below
    county = code[:CODE_DIGITS]
    pairs = [county[place : place + PAIR] for place in range(0, len(county), PAIR)]
    while len(pairs) > 1 and pairs[-1] == "00":
        pairs.pop()
    return "".join(pairs)


def regions(rules: StandardRules) -> dict[str, Region]:
    """Return every known division, by code."""
    names = dict(rules.divisions)
    return {code: _region(code, zh, names, rules) for code, zh in rules.divisions}


def require_region(rules: StandardRules, code: str) -> Region:
    """Return a division. Raises InvalidInput where the edition in force has none of the code."""
    names = dict(rules.divisions)
    if code not in names:
        raise InvalidInput(
            "region_unknown",
            Message(
                f"行政区划代码不在现行版本（{rules.divisions_version}）中。",
                f"No division of that code is in the edition in force ({rules.divisions_version}).",
            ),
            field="$.region",
            rule=rules.divisions_standard,
        )
    return _region(code, names[code], names, rules)


def is_within(code: str, region: str) -> bool:
    """Tell whether a division is another one, or lies within it."""
    return code.startswith(prefix_of(region))


def region_filter(
    declaration: DatasetDeclaration, region: str, rules: StandardRules, known: Dictionary
) -> RegionFilter:
    """Turn a region into a filter of a data set's rows, by the column that it declares for it.

    Raises InvalidInput where it declares none, the column is bound to no element of division
    codes, or the region is unknown: then no row may be delivered by region.
    """
    require_region(rules, region)
    column = declaration.column(declaration.region_column or "")
    element = None if column is None else known.elements.get(column.element or "")
    if column is None or element is None or not element.divisions:
        raise InvalidInput(
            "region_column_missing",
            Message(
                "该数据集没有绑定行政区划数据元的区划列，不能按地区下沉。",
                "The data set has no column bound to a data element of division codes, so its "
                "rows cannot be chosen by region.",
            ),
            field="$.region_column",
            rule=rules.divisions_standard,
            way_out=Message(
                "请在登记数据集时声明区划列（region_column）并绑定数据元。",
                "Declare region_column when the data set is registered, and bind it.",
            ),
        )
    return rows_within(column.name, region)


def _region(code: str, zh: str, names: dict[str, str], rules: StandardRules) -> Region:
    prefix = prefix_of(code)
    level: Level = {2: "province", 4: "prefecture", 6: "county"}[len(prefix)]  # type: ignore[assignment]
    above = next(
        (
            found
            for length in range(len(prefix) - PAIR, 0, -PAIR)
            if (found := prefix[:length].ljust(CODE_DIGITS, "0")) in names
        ),
        None,
    )
    return Region(code, zh, rules.province_names.get(code, ""), level, above)
