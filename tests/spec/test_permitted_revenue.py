"""Every cell of the hand-calculated sheet, against the arithmetic of the price law."""

from pathlib import Path

import pytest

from foundation.errors import InvalidInput
from policies.load import load_policies
from policies.schema.revenue import RevenueRules
from revenue.permitted.law import (
    Maximum,
    adjustment_for,
    deductions_of,
    excess_of,
    maximum_of,
    merged,
    spread,
)

SHEET = Path(__file__).parent / "permitted_revenue.md"
RULES = load_policies().rules(RevenueRules).permitted
Row = dict[str, str]


def table(title: str) -> list[Row]:
    """Return the rows of the table under a heading of the sheet, by column."""
    text = SHEET.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head, _, *rows = cells
    return [dict(zip(head, row, strict=True)) for row in rows]


def fen(yuan: str) -> int:
    whole, part = yuan.replace(",", "").split(".")
    assert len(part) == 2
    return int(whole) * 100 + int(part)


def sums(text: str) -> list[int]:
    return [fen(part) for part in text.split(" + ")]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def worked(row: Row) -> Maximum:
    return maximum_of(
        costs_fen=sums(row["costs"]),
        subsidy_fen=fen(row["subsidy"]),
        treasury_yield_ppm=number(row["yield ppm"]),
        margin_ppm=number(row["margin ppm"]),
        tax_ppm=number(row.get("tax ppm", "0")),
        rules=RULES,
    )


def named(title: str) -> pytest.MarkDecorator:
    rows = table(title)
    assert rows
    return pytest.mark.parametrize("row", rows, ids=[row["case"] for row in rows])


@named("Refused")
def test_a_figure_the_law_does_not_allow_is_refused(row: Row) -> None:
    with pytest.raises(InvalidInput) as refusal:
        worked(row)
    assert refusal.value.code == row["code"]
    assert "65号" in str(refusal.value.rule)


@named("Maximum")
def test_a_maximum_is_the_sheets(row: Row) -> None:
    found = worked(row)
    assert found.cost_fen == fen(row["cost"])
    assert found.rate_ppm == number(row["rate ppm"])
    assert found.profit_fen == fen(row["profit"])
    assert found.tax_fen == fen(row["tax"])
    assert found.total_fen == fen(row["maximum"])


@named("Deviation of a year")
def test_a_deviation_adjusts_prices_up_to_ten_per_cent_and_ceilings_beyond(row: Row) -> None:
    found = adjustment_for(fen(row["actual"]), fen(row["maximum"]), RULES)
    assert found == row["adjust"]


@named("Excess of a period and its deduction")
def test_an_excess_is_deducted_at_once_or_smoothed_where_it_is_large(row: Row) -> None:
    maxima, periods = sums(row["maxima"]), number(row["periods"])
    excess = excess_of(sums(row["actuals"]), maxima)
    assert excess == fen(row["excess"])
    if "." in row["deductions"]:
        found = deductions_of(excess, sum(maxima), periods, RULES)
        assert list(found) == sums(row["deductions"])
        assert sum(found) == excess
    else:
        with pytest.raises(InvalidInput, match=row["deductions"]):
            deductions_of(excess, sum(maxima), periods, RULES)


@named("Maxima of the next period")
def test_a_deduction_lowers_the_years_evenly(row: Row) -> None:
    off = spread(fen(row["deduction"]), number(row["years"]))
    assert [fen(row["yearly"]) - part for part in off] == sums(row["maxima"])


@named("Deductions that meet")
def test_deductions_of_several_periods_add_up_where_they_meet(row: Row) -> None:
    found = merged(sums(row["new"]), sums(row["older"]))
    assert list(found) == sums(row["due"])
    assert sum(found) == sum(sums(row["new"])) + sum(sums(row["older"]))
