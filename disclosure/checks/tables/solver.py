"""The one door to the linear programming solver (HiGHS): a programme in, a point out, or nothing.

Nothing rests on the solver's own accuracy: whoever asks checks what it gets with exact integers, or
takes the reader's side where the last digit is in doubt. One thread, no output, a bounded time;
a solver that finds no answer in time is the same as no answer (fail closed).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import highspy
import numpy as np

from foundation.errors import Message, Unavailable

UNBOUNDED: Final = float("inf")
_STATUS = highspy.HighsModelStatus


@dataclass
class Columns:
    """The unknowns of a programme, under construction."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)

    def add(self, low: float, high: float, cost: float = 0.0, *, whole: bool = False) -> int:
        """Add one unknown; return its number."""
        self.low.append(low)
        self.high.append(high)
        self.cost.append(cost)
        self.whole.append(whole)
        return len(self.low) - 1


@dataclass(frozen=True)
class Row:
    """One linear condition: ``low`` ≤ Σ coefficient · unknown ≤ ``high``."""

    terms: Mapping[int, float]
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """What the solver said: a value of each unknown, and whether it is proven the best."""

    values: Sequence[float] | None
    best: bool
    unbounded: bool = False
    impossible: bool = False


class Programme:
    """A linear (or mixed-integer) programme that is solved again and again with new bounds."""

    def __init__(self, columns: Columns, rows: Sequence[Row]) -> None:
        """Hand the programme to the solver. Raises Unavailable where it is not accepted."""
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("parallel", "off"),
            ("random_seed", 1),
            ("mip_rel_gap", 0.0),
        ):
            self._solver.setOptionValue(name, value)
        self._solver.HandleKeyboardInterrupt = False
        self._columns = len(columns.low)
        if self._solver.passModel(_model(columns, rows)) == highspy.HighsStatus.kError:
            raise Unavailable(
                "solver_refused",
                Message("求解器未能读取表格。", "The solver could not read the table."),
                rule="disclosure/checks/tables/solver",
            )

    def bound(self, column: int, low: float, high: float) -> None:
        """Give one unknown new bounds."""
        self._solver.changeColBounds(column, low, high)

    def bound_row(self, row: int, low: float, high: float) -> None:
        """Give one condition new bounds."""
        self._solver.changeRowBounds(row, low, high)

    def cost(self, column: int, cost: float) -> None:
        """Give one unknown a new cost."""
        self._solver.changeColCost(column, cost)

    def minimise(self, seconds: float) -> Answer:
        """Return the cheapest point, or none where there is none or the time is over."""
        if seconds <= 0:
            return Answer(None, best=False)
        self._solver.setOptionValue("time_limit", self._solver.getRunTime() + seconds)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status in {_STATUS.kUnbounded, _STATUS.kUnboundedOrInfeasible}:
            return Answer(None, best=False, unbounded=status == _STATUS.kUnbounded)
        if status == _STATUS.kInfeasible:
            return Answer(None, best=False, impossible=True)
        solution = self._solver.getSolution()
        usable = status == _STATUS.kOptimal or (
            status == _STATUS.kTimeLimit and self._solver.getInfo().primal_solution_status == 2  # noqa: PLR2004 - feasible
        )
        values = list(solution.col_value) if usable else None
        return Answer(values, best=status == _STATUS.kOptimal)


def _model(columns: Columns, rows: Sequence[Row]) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = len(columns.low)
    model.num_row_ = len(rows)
    model.col_cost_ = np.array(columns.cost, dtype=np.double)
    model.col_lower_ = np.array(columns.low, dtype=np.double)
    model.col_upper_ = np.array(columns.high, dtype=np.double)
    model.row_lower_ = np.array([row.low for row in rows], dtype=np.double)
    model.row_upper_ = np.array([row.high for row in rows], dtype=np.double)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    starts = np.cumsum([0, *(len(row.terms) for row in rows)])
    model.a_matrix_.start_ = starts.astype(np.int32)
    places = [column for row in rows for column in row.terms]
    model.a_matrix_.index_ = np.array(places, dtype=np.int32)
    figures = [figure for row in rows for figure in row.terms.values()]
    model.a_matrix_.value_ = np.array(figures, dtype=np.double)
    if any(columns.whole):
        kinds = highspy.HighsVarType
        model.integrality_ = [kinds.kInteger if w else kinds.kContinuous for w in columns.whole]
    return model
