"""The SQL of a plan over the bounded rows: generated whole, integers only, no text of the user.

The question's own words never reach the engine. Sums saturate at a constant, which keeps the
bound (saturation moves no two values further apart) and lets no cast fail on data.
"""

from disclosure.plan.model import AggregatePlan, Measured, MeasuredKind, Selection
from disclosure.plan.sensitivity import INTEGER_MAX


def bounded_sql(plan: AggregatePlan, relation: str) -> str:
    """Render the plan over a relation that holds the bounded rows of its group set.

    The result has ``k_<key>`` ordinals for the keys shown and one BIGINT column ``v<i>`` for each
    measured vector, in the plan's order.
    """
    keys = [_name(f"k_{item.column.name}") for item in plan.grouped]
    values = [f"{_measured(item)} AS v{i}" for i, item in enumerate(plan.measured)]
    conditions = [_condition(item) for item in plan.selections if not item.is_whole]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    group_by = f" GROUP BY {', '.join(keys)}" if keys else ""
    columns = ", ".join([*keys, *values])
    return f"SELECT {columns} FROM {_name(relation)}{where}{group_by}"  # noqa: S608


def _measured(measured: Measured) -> str:
    if measured.kind is MeasuredKind.ROWS:
        return "COUNT(*)"
    if measured.kind is MeasuredKind.UNITS:
        return f"COUNT(*) FILTER (WHERE {_name('first')})"
    if measured.column is None:
        raise ValueError("a measured value names its column")
    column = _name(f"m_{measured.column.name}")
    if measured.kind is MeasuredKind.VALUES:
        return f"COUNT({column})"
    total = f"COALESCE(SUM({column}), 0)"
    return f"CAST(GREATEST(LEAST({total}, {INTEGER_MAX}), -{INTEGER_MAX}) AS BIGINT)"


def _condition(selection: Selection) -> str:
    ordinals = ", ".join(str(ordinal) for ordinal in selection.ordinals)
    return f"{_name(f'k_{selection.column.name}')} IN ({ordinals})"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
