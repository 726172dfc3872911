"""How many units stand behind each row of a noisy answer, judged from noisy figures only.

The lower end of an interval is taken, so that noise alone does not carry a small group over the
threshold. Where only rows were counted, they are divided by the most that one unit can bring.
"""

from dataclasses import dataclass

import pyarrow as pa

from disclosure.plan.model import Measured, MeasuredKind
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.question import AggregateOutput, Function
from disclosure.plan.sensitivity import linf


@dataclass(frozen=True)
class Evidence:
    """Which column of the answer tells of contributors, and how many rows one unit can bring."""

    column: str
    rows_per_unit: int


def evidence_of(priced: PricedPlan) -> Evidence | None:
    """Choose the evidence in an answer: counted units first, else counted rows, else none."""
    shown = [item for item in priced.plan.question.outputs if isinstance(item, AggregateOutput)]
    by_function = {item.function: item for item in reversed(shown)}
    units, rows = by_function.get(Function.UNITS), by_function.get(Function.COUNT)
    if units is not None:
        return Evidence(f"{units.name}_low", 1)
    if rows is None:
        return None
    return Evidence(f"{rows.name}_low", linf(priced.plan, Measured(MeasuredKind.ROWS)))


def too_few(table: pa.Table, evidence: Evidence, contributors_min: int) -> tuple[int, ...]:
    """Return the numbers (from 1) of the rows with too few contributors, or with none known."""
    if evidence.column not in table.column_names:
        return tuple(range(1, table.num_rows + 1))
    least = contributors_min * evidence.rows_per_unit
    values = table.column(evidence.column).to_pylist()
    return tuple(i for i, value in enumerate(values, 1) if value is None or value < least)
