"""How far one unit can move the integers of a plan, as an exact square, and that none overflows.

The bound rests on what onboarding stored: a unit keeps at most L0 declared groups and C rows in
each. The square of the L2 bound is an integer, so no rounding stands between claim and proof.
"""

from catalog.store import NeighbourRelation
from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind

INTEGER_MAX = 2**62
CHANGE_FACTOR_MIXED = 2


def squared_l2(plan: AggregatePlan, measured: Measured) -> int:
    """Return the square of the greatest L2 change that one unit can cause.

    Let M declared groups fall together into each group of the answer. A unit puts at most C·M
    rows into one group and C·L0 in all; the sum of squares is greatest when whole groups are
    filled first, which gives ⌊L0/M⌋·(C·M)² + (C·(L0 mod M))². For the declared set itself M is 1
    and this is L0·C²; for a coarsening it is at most (L0·C)², never less than the truth (the
    fault of OpenDP issue 2949 is to keep L0·C² there).

    Where one unit's values change instead of the unit leaving (MIXED), old and new contribution
    each lie within the bound, so by the triangle inequality the change is within twice it.
    """
    rows = 1 if measured.kind is MeasuredKind.UNITS else plan.group_set.rows_per_group_max
    merged = plan.merged_count
    whole, rest = divmod(plan.groups_per_unit, merged)
    squared = whole * (rows * merged) ** 2 + (rows * rest) ** 2
    squared *= value_max(measured) ** 2
    if plan.neighbours is NeighbourRelation.MIXED:
        squared *= CHANGE_FACTOR_MIXED**2
    return squared


def value_max(measured: Measured) -> int:
    """Return the greatest absolute value that one row adds: 1, or the declared clamp of a sum."""
    column = measured.column
    if measured.kind is not MeasuredKind.TOTAL or column is None:
        return 1
    if column.lower is None or column.upper is None:
        raise ValueError("a summed measure has declared bounds")
    return max(abs(column.lower), abs(column.upper))


def sum_cannot_overflow(measured: Measured, dataset_rows_max: int) -> bool:
    """Tell whether the declared caps alone prove that the integer stays below 2^62."""
    column = measured.column
    if column is not None and (column.lower is None or column.upper is None):
        return False
    return dataset_rows_max * value_max(measured) < INTEGER_MAX


def counts_each_unit_once(plan: AggregatePlan) -> bool:
    """Tell whether the stored ``first`` flags count a unit once per group of this plan.

    They do where the answer keeps the declared groups, or where a unit has only one of them.
    """
    return plan.merged_count == 1 or plan.groups_per_unit == 1
