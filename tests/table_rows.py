"""Rows with the counts of ACRO's own examples, made anew: no foreign data is kept here.

153 charities over six years; nursery places; eleven records for each of 81 combinations. Standard
library only: ACRO's own environment reads this too.
"""

from collections.abc import Mapping
from itertools import product
from random import Random  # noqa: TID251 - seeded
from typing import Any

Row = Mapping[str, Any]
YEARS = tuple(range(2010, 2016))
CHARITIES = (("G", 15, 3), ("N", 59, 0), ("R", 71, 47), ("R/G", 8, 0))  # kind, all, died
GRANTS_GIVEN = {  # how many of a kind told their income from grants in that year
    (2010, "G"): 14,
    (2010, "N"): 5,
    (2010, "R"): 60,
    (2010, "R/G"): 4,
    (2011, "N"): 58,
    (2011, "R"): 69,
    (2012, "R"): 69,
    (2014, "R"): 67,
    (2015, "G"): 12,
    (2015, "N"): 58,
    (2015, "R"): 51,
}


def charities() -> list[Row]:
    """153 charities over six years, with the counts of ACRO's example and incomes of our own."""
    random, unit = Random(7), 0
    rows: list[Row] = []
    for kind, number, died in CHARITIES:
        for place in range(number):
            unit += 1
            survivor = "Dead in 2015" if place < died else "Alive in 2015"
            for year in YEARS:
                told = GRANTS_GIVEN.get((year, kind), number)
                rows.append(
                    {
                        "unit": unit,
                        "filing": len(rows),
                        "year": year,
                        "grant_type": kind,
                        "survivor": survivor,
                        "inc_grants": _grants(random, year, kind, place) if place < told else None,
                        "inc_activity": random.randint(10_000, 900_000),
                        "inc_donations": random.randint(10_000, 900_000),
                        "total_costs": random.randint(10_000, 900_000),
                    }
                )
    return rows


def _grants(random: Random, year: int, kind: str, place: int) -> int:
    if (year, kind) == (2010, "N"):
        return 0
    if (year, kind) == (2010, "R/G"):
        return (800_000, 161_000, 30_000, 9_000)[place]  # two hold 96.1 %, p % is 4.9 %
    return random.randint(100_000, 900_000)


def nursery() -> list[Row]:
    """12,960 applications with the counts of parents, recommendation and finance that are known."""
    counts = {
        ("not_recom", "usual"): (720, 720),
        ("not_recom", "pretentious"): (720, 720),
        ("not_recom", "great_pret"): (720, 720),
        ("recommend", "usual"): (2, 0),
        ("very_recom", "usual"): (130, 66),
        ("very_recom", "pretentious"): (66, 66),
        ("priority", "usual"): (962, 962),
        ("priority", "pretentious"): (742, 742),
        ("priority", "great_pret"): (429, 429),
        ("spec_prior", "usual"): (379, 379),
        ("spec_prior", "pretentious"): (632, 632),
        ("spec_prior", "great_pret"): (1011, 1011),
    }
    rows: list[Row] = []
    for (recommend, parents), halves in counts.items():
        for finance, number in zip(("convenient", "inconv"), halves, strict=True):
            rows += [
                {
                    "unit": len(rows) + place,
                    "recommend": recommend,
                    "parents": parents,
                    "finance": finance,
                }
                for place in range(number)
            ]
    return rows


def four_ways() -> list[Row]:
    """ACRO's own 3×3×3×3 set: 11 records a cell, 5 where variables 1, 3 and 4 are all C."""
    rows: list[Row] = []
    for one, two, three, four in product("ABC", repeat=4):
        for _ in range(5 if one == three == four == "C" else 11):
            row = {"unit": len(rows), "v1": one, "v2": two, "v3": three, "v4": four}
            rows.append(row | {"value": 10_000 if not rows else 10})
    return rows
