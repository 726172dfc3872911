"""ACRO 1.0.2's own examples, judged as ACRO does, but for the deviations that are listed for us."""

from collections.abc import Sequence

import pytest

from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import ALL, CellTable, Key, Statistic
from disclosure.checks.tables.findings import Status
from disclosure.checks.tables.primary import Judged, judge
from disclosure.checks.tables.regression import Model, judge_figure
from disclosure.checks.tables.safety import Rule
from disclosure.checks.tables.secondary import protect
from tests.cell_tables import RULES, SIZE, people_table, printed, table_of
from tests.table_rows import YEARS, Row, charities, four_ways, nursery

CHARITIES = charities()
NURSERY = nursery()


def judged(table: CellTable) -> Judged:
    return judge(table, RULES, SIZE)


def counts(rows: Sequence[Row], *columns: str, margins: bool = False) -> CellTable:
    return table_of(rows, columns, "count", margins=margins)


def test_grants_by_year_have_six_low_cells_all_of_one_kind() -> None:
    found = judged(counts(CHARITIES, "year", "grant_type"))
    assert found.status is Status.FAIL
    low = found.cells_failing(Rule.CONTRIBUTORS)
    assert len(low) == 6
    assert {key[1] for key in low} == {"R/G"}
    assert found.cells_failing(Rule.ZERO) == ()


def test_sums_fail_by_people_with_a_value_dominance_and_zeros() -> None:
    table = table_of(CHARITIES, ("year", "grant_type"), "sum", value="inc_grants", margins=False)
    found = judged(table)
    zeros: Key = ("2010", "N")
    assert found.cells_failing(Rule.DOMINANCE) == (("2010", "R/G"),)
    assert found.cells_failing(Rule.P_PERCENT) == (("2010", "R/G"),)
    # deviation: ACRO reports 2010 N by p %; all zeros is class disclosure
    assert found.cells_failing(Rule.ZERO) == (zeros,)
    # deviation: 59 rows of which 5 have a value pass ACRO's count of rows
    assert (table.by_key[zeros].rows, table.by_key[zeros].missing) == (5, 54)
    assert zeros in found.cells_failing(Rule.CONTRIBUTORS)
    low = {("2010", "N")} | {(str(year), "R/G") for year in YEARS}
    assert set(found.cells_failing(Rule.CONTRIBUTORS)) == low


def test_survivors_have_twelve_zeros_and_twenty_four_low_cells() -> None:
    found = judged(counts(CHARITIES, "year", "survivor", "grant_type"))
    assert len(found.cells_failing(Rule.ZERO)) == 12
    assert len(found.cells_failing(Rule.CONTRIBUTORS)) == 24


def test_negative_values_are_for_a_person_to_look_at() -> None:
    rows = [dict(row) for row in CHARITIES]
    places = [(year, kind) for year in YEARS[1:] for kind in ("G", "R")] + [(2010, "R")]
    for year, kind in places:
        row = next(r for r in rows if (r["year"], r["grant_type"]) == (year, kind))
        row["inc_grants"] = -10
    rows = [row for row in rows if row["grant_type"] in {"G", "R"}]
    table = table_of(rows, ("year", "grant_type"), "mean", value="inc_grants", margins=False)
    found = judged(table)
    assert found.status is Status.REVIEW
    negative = next(f for f in found.findings if f.rule == "negative_values")
    assert len(negative.keys) == 11
    assert "-10" not in negative.reason.en


@pytest.mark.parametrize("statistic", ["mean", "std"])
def test_means_and_deviations_by_kind_pass_without_a_failure(statistic: Statistic) -> None:
    table = table_of(
        CHARITIES, ("grant_type",), statistic, value="inc_grants", margins=False, unit="filing"
    )
    assert judged(table).status is Status.PASS
    by_charity = table_of(
        CHARITIES, ("grant_type",), statistic, value="inc_grants", margins=False
    )  # deviation: eight charities filed 44 rows; where charities are the units, they are eight
    assert judged(by_charity).cells_failing(Rule.CONTRIBUTORS) == (("R/G",),)


def test_a_regression_of_811_rows_passes() -> None:
    findings = judge_figure(Model(observations=811, contributors=811, parameters=4), RULES)
    assert {finding.status for finding in findings} == {Status.PASS}


@pytest.mark.parametrize(
    ("columns", "zeros", "low"),
    [(("recommend", "parents"), 3, 4), (("finance", "parents", "recommend"), 7, 8)],
)
def test_nursery_has_the_known_zeros_and_low_cells(
    columns: tuple[str, ...], zeros: int, low: int
) -> None:
    assert len(NURSERY) == 12_960
    found = judged(counts(NURSERY, *columns))
    assert len(found.cells_failing(Rule.ZERO)) == zeros
    assert len(found.cells_failing(Rule.CONTRIBUTORS)) == low


@pytest.mark.parametrize("margins", [False, True])
def test_eleven_records_a_cell_fail_where_five_stand_and_where_one_dominates(
    margins: bool,
) -> None:
    table = table_of(four_ways(), ("v1", "v2", "v3", "v4"), "sum", value="value", margins=margins)
    found = judged(table)
    inner = [key for key in found.cells_failing(Rule.CONTRIBUTORS) if ALL not in key]
    assert {key[0] + key[2] + key[3] for key in inner if None not in key} == {"CCC"}  # type: ignore[operator]
    assert len(inner) == 3
    assert ("A", "A", "A", "A") in found.cells_failing(Rule.DOMINANCE)


@pytest.mark.parametrize("labels", ["int", "text", "mixed", "missing"])
@pytest.mark.parametrize("reverse", [False, True])
def test_suppressed_with_margins_never_shows_a_cell_below_ten_whatever_its_labels(
    labels: str, reverse: bool
) -> None:
    rows = [dict(row) for row in CHARITIES]
    for row in rows:
        if labels == "text":
            row["year"] = f"y{row['year']}"
        if labels == "mixed" and row["year"] == 2012:
            row["year"] = "Total"
        if labels == "missing" and row["year"] == 2015:
            row["year"] = None
    table = counts(rows[::-1] if reverse else rows, "year", "grant_type", margins=True)
    shielded = protect(table, judged(table), RULES, SIZE)
    assert shielded.released is not None
    shown = shielded.released.shown
    low = [key for key, cell in table.by_key.items() if cell.contributors < 10]
    assert len(low) == 7  # the six, and their total: the same eight charities
    assert not any(shown[key].bounded for key in low)
    assert audit([shielded.released], RULES).safe


def test_the_three_by_three_needs_three_more_cells() -> None:
    table = people_table((3, 3), (3, 40, 30, 25, 30, 50, 60, 22, 35))
    shielded = protect(table, judged(table), RULES, SIZE)
    assert shielded.primary == {("c0", "c0")}
    assert len(shielded.secondary) == 3
    assert shielded.exact
    hidden = {table.by_key[key].value for key in shielded.secondary}
    assert hidden == {40, 25, 30}
    assert shielded.released is not None
    assert audit([shielded.released], RULES).safe
    assert not audit([printed(table, shielded.primary)], RULES).safe


def test_findings_name_cells_and_never_their_figures() -> None:
    for finding in judged(counts(CHARITIES, "year", "grant_type")).findings:
        for text in (finding.reason.en, finding.reason.zh):
            assert " 8" not in text
            assert "=8" not in text
    low = judged(counts(CHARITIES, "year", "grant_type")).findings[1]
    assert "year=2010, grant_type=R/G" in low.reason.en
    assert low.way_out is not None
