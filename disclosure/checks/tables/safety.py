"""Which group of people is safe to show, and how far from known one must be that is not.

A group is a cell, or several cells that a reader can only compute together. All comparisons are
between exact integers. Sources: the ESSnet handbook on statistical disclosure control (threshold,
(n,k) dominance, p %, upper protection levels), ACRO 1.0.2 (values of the rules).
"""

from dataclasses import dataclass
from enum import StrEnum

from disclosure.checks.tables.cells import FREQUENCIES, Cell, CellTable, Statistic
from policies.schema.checks import GradeChecks


class Rule(StrEnum):
    """The rules by which one cell can fail."""

    CONTRIBUTORS = "contributors_min"
    DOMINANCE = "dominance"
    P_PERCENT = "p_percent"
    ZERO = "class_disclosure"
    WHOLE = "class_whole"
    FREEDOM = "residual_freedom"


@dataclass(frozen=True)
class Group:
    """The figures of one cell, or of several taken together."""

    contributors: int
    value: int
    largest: tuple[int, ...]
    negative: bool


@dataclass(frozen=True)
class Distance:
    """How far above and below its true value a reader must hold a hidden value possible."""

    up: int
    down: int


def group_of(cell: Cell) -> Group:
    """Return one cell's figures."""
    return Group(cell.contributors, cell.value, cell.largest, cell.negative)


def failed_rules(group: Group, statistic: Statistic, rules: GradeChecks) -> tuple[Rule, ...]:
    """Return the rules that a group fails; lines of a table are judged elsewhere."""
    found = []
    if group.contributors < rules.contributors_min:
        found.append(Rule.CONTRIBUTORS)
    if statistic not in FREQUENCIES:
        found += _concentration(group, rules)
        if statistic == "std" and group.contributors - 1 < rules.residual_freedom_min:
            found.append(Rule.FREEDOM)
    if rules.zeros_disclosive and all_zero(group):
        found.append(Rule.ZERO)
    return tuple(found)


def all_zero(group: Group) -> bool:
    """Tell whether nobody is in the group, or everybody's value in it is zero."""
    return not group.value and not group.negative and not any(group.largest)


def _concentration(group: Group, rules: GradeChecks) -> list[Rule]:
    if not group.contributors or group.negative or not any(group.largest):
        return []
    found = []
    top = sum(group.largest[: rules.dominance_units])
    if top * 1000 >= rules.dominance_per_mille * group.value:
        found.append(Rule.DOMINANCE)
    rest = group.value - sum(group.largest[:2])
    if rest * 1000 < rules.p_per_mille * group.largest[0]:
        found.append(Rule.P_PERCENT)
    return found


def distance_asked(table: CellTable, group: Group, rules: GradeChecks) -> Distance | None:
    """Return how far from known a group of a table must be; None where it is safe to show."""
    if not failed_rules(group, table.statistic, rules):
        return None
    return distance(group, table.statistic, rules, table.unit_scale)


def distance(group: Group, statistic: Statistic, rules: GradeChecks, unit_scale: int) -> Distance:
    """Return how far from known an unsafe group must be.

    People below the minimum: a reader must hold the minimum itself possible, and half an interval
    below the truth. Other figures: a part of the figure on both sides, at least what p % and (n,k)
    ask for (their upper protection levels).
    """
    if statistic == "people" and group.value < rules.contributors_min:
        down = min(group.value, -(-rules.interval_people_min // 2))
        up = max(rules.contributors_min - group.value, rules.interval_people_min - down)
        return Distance(up, down)
    size = max(abs(group.value), *group.largest, 0) if group.largest else abs(group.value)
    part = -(-size * max(rules.interval_per_mille, rules.p_per_mille) // 1000)
    top = sum(group.largest[: rules.dominance_units])
    dominated = -(-top * 1000 // rules.dominance_per_mille) - group.value
    least = -(-rules.interval_people_min // 2) if statistic in FREQUENCIES else unit_scale
    up = max(part, dominated, least)
    down = up if group.negative else min(up, max(group.value, 0))
    return Distance(up, down)
