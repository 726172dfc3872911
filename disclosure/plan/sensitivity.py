"""How far one unit can move the integers of a plan, as exact integers, and that none overflows.

Let n and m be what one unit adds before and after, as rows in each group of the answer. The proofs
rest on what the road keeps: at most L0 road groups of a unit, and C rows in each.

**Rows.** Let at most M road groups fall together into one group of the answer. Then a group of the
answer gets at most C·min(M, L0) rows of the unit, and all groups C·L0. The sum of squares is convex
in the rows, so it is greatest where whole road groups lie in one group of the answer each, and as
many together as may: B = ⌊L0/M⌋·(C·M)² + (C·(L0 mod M))². For the declared set itself, and for any
refinement of it, M is 1 and B is L0·C²: a finer cut spreads the rows of a road group, which only
lowers the squares, though it touches up to L0·C groups. For a coarsening B grows up to (L0·C)²;
to keep L0·C² there is the fault of OpenDP issue 2949. Where the number of groups is public, no
more of them than there are can be touched.

**Values.** A row adds between -a and b to a sum (its clamped value less the centre), so a unit
adds at most max(a, b) times its rows.

**A unit that leaves** (DP_ONLY) takes what it added: |n|. **A unit whose values all change**
(MIXED) moves a group by at most n·b + m·a, or n·a + m·b: squared, by Cauchy-Schwarz, at most
(a² + b²)·(n² + m²), so that the sum over groups is at most 2·(a² + b²)·B. For counts a is 0: twice
B, not four times, since old and new rows both add and partly cancel. Rows that leave and rows
that come push the score of a quantile the same way, so a histogram counts both: (n + m)², four
times B.
"""

from catalog.store import NeighbourRelation
from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind, Road

INTEGER_MAX = 2**62


def squared_l2(plan: AggregatePlan, measured: Measured) -> int:
    """Return the square of the greatest L2 change that one unit can cause, over all groups.

    For a QUANTILE the vector is the number of rows that change in each group's histogram.
    """
    below, above = magnitudes(measured)
    if not _is_mixed(plan):
        squared = _squared_rows(plan, measured) * max(below, above) ** 2
    elif measured.kind is MeasuredKind.QUANTILE:
        squared = 4 * _squared_rows(plan, measured)
    else:
        squared = 2 * _squared_rows(plan, measured) * (below**2 + above**2)
    groups = _groups_max(plan)
    return squared if groups is None else min(squared, groups * linf(plan, measured) ** 2)


def l1(plan: AggregatePlan, measured: Measured) -> int:
    """Return the greatest L1 change that one unit can cause, over all groups."""
    below, above = magnitudes(measured)
    if measured.kind is MeasuredKind.UNITS:
        rows = _groups_of_unit(plan)
    else:
        rows = plan.bounding.groups_per_unit_max * plan.bounding.rows_per_group_max
    change = rows * max(below, above) * (2 if _is_mixed(plan) else 1)
    groups = _groups_max(plan)
    return change if groups is None else min(change, groups * linf(plan, measured))


def linf(plan: AggregatePlan, measured: Measured) -> int:
    """Return the greatest change that one unit can cause in one group."""
    below, above = magnitudes(measured)
    rows = 1 if measured.kind is MeasuredKind.UNITS else _rows_in_group(plan)
    if not _is_mixed(plan):
        return rows * max(below, above)
    if measured.kind is MeasuredKind.QUANTILE:
        return rows * 2
    return rows * (below + above)


def groups_touched(plan: AggregatePlan) -> int:
    """Return the most groups of the answer in which one unit can change anything (L0)."""
    touched = _groups_of_unit(plan) * (2 if _is_mixed(plan) else 1)
    groups = _groups_max(plan)
    return touched if groups is None else min(touched, groups)


def magnitudes(measured: Measured) -> tuple[int, int]:
    """Return a and b: one row adds a value between -a and b, neither below 0."""
    measure, centre = measured.measure, measured.centre
    if measured.kind not in {MeasuredKind.TOTAL, MeasuredKind.SQUARES}:
        return 0, 1
    if measure is None:
        raise ValueError("a sum has a clamped measure")
    below, above = max(0, centre - measure.lower), max(0, measure.upper - centre)
    if measured.kind is MeasuredKind.SQUARES:
        return 0, max(abs(measure.lower - centre), abs(measure.upper - centre)) ** 2
    return below, above


def value_max(measured: Measured) -> int:
    """Return the greatest absolute value that one row adds."""
    return max(magnitudes(measured))


def sum_cannot_overflow(measured: Measured, dataset_rows_max: int) -> bool:
    """Tell whether the declared caps alone prove that the integer stays below 2^62."""
    return dataset_rows_max * max(1, value_max(measured)) < INTEGER_MAX


def counts_each_unit_once(plan: AggregatePlan) -> bool:
    """Tell whether the road counts a unit once in each group of the answer.

    Only bounded rows may not: their ``first`` flags are those of the declared groups. They do
    where the answer keeps these, or where a unit has only one of them.
    """
    bounding = plan.bounding
    if bounding.road is not Road.DECLARED:
        return True
    return bounding.merged_max == 1 or bounding.groups_per_unit_max == 1


def _squared_rows(plan: AggregatePlan, measured: Measured) -> int:
    if measured.kind is MeasuredKind.UNITS:
        return _groups_of_unit(plan)
    bounding = plan.bounding
    groups, rows = bounding.groups_per_unit_max, bounding.rows_per_group_max
    merged = max(1, bounding.merged_max)
    whole, rest = divmod(groups, merged)
    return whole * (rows * merged) ** 2 + (rows * rest) ** 2


def _rows_in_group(plan: AggregatePlan) -> int:
    bounding = plan.bounding
    merged = min(max(1, bounding.merged_max), bounding.groups_per_unit_max)
    return bounding.rows_per_group_max * merged


def _groups_of_unit(plan: AggregatePlan) -> int:
    bounding = plan.bounding
    spread = bounding.rows_per_group_max if bounding.refines else 1
    return bounding.groups_per_unit_max * spread


def _groups_max(plan: AggregatePlan) -> int | None:
    return None if plan.has_unknown_keys else plan.group_count


def _is_mixed(plan: AggregatePlan) -> bool:
    return plan.neighbours is NeighbourRelation.MIXED
