"""Proof that a value stays unknown: another table of whole numbers that a reader cannot rule out.

For each thing to protect and each reader, a witness is a set of changes to hidden cells that leaves
every public figure, total and link as it is, and moves the protected value far enough. The solver
only proposes; every witness is checked with exact integers before it counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme, Row
from disclosure.checks.tables.system import Condition, State, System, Target

Witness = Mapping[int, int]
_FINEST: Final = 1_000_000
_HIDDEN_COST: Final = 1e-3


@dataclass(frozen=True)
class Case:
    """One thing to prove: a target moves by ``far`` (signed) for a reader.

    ``insider`` is the one unit that knows its own cell whole, or None for all other readers.
    """

    target: Target
    far: int
    insider: int | None = None


def cases_of(system: System, targets: Iterable[Target]) -> list[Case]:
    """Return every case of these targets, the farthest first."""
    alone = [number for number, unknown in enumerate(system.unknowns) if unknown.alone]
    found = []
    for target in targets:
        readers = (None, *(number for number in alone if number not in target.within))
        for far in (target.far.up, -target.far.down):
            found += [Case(target, far, reader) for reader in readers if far]
    return sorted(found, key=lambda case: (case.insider is not None, -abs(case.far)))


def proves(system: System, case: Case, witness: Witness) -> bool:
    """Tell whether a witness (already checked against all conditions) proves one case."""
    moved = sum(figure * witness.get(number, 0) for number, figure in case.target.terms.items())
    if (moved < case.far) if case.far > 0 else (moved > case.far):
        return False
    return all(
        _low(system, case, number) <= change <= _high(system, case, number)
        for number, change in witness.items()
    )


def conditions_hold(system: System, witness: Witness) -> bool:
    """Tell whether the changed table still fits every total and link, exactly."""
    for condition in system.conditions:
        if witness.keys().isdisjoint(condition.terms):
            continue
        change = sum(figure * witness.get(n, 0) for n, figure in condition.terms.items())
        if not change:
            continue
        total = change + sum(f * system.unknowns[n].value for n, f in condition.terms.items())
        if condition.low is not None and total < condition.low:
            return False
        if condition.high is not None and total > condition.high:
            return False
    return True


def change_bounds(system: System, case: Case, number: int) -> tuple[float, float]:
    """Return the least and the greatest change of one cell that this case's reader allows."""
    return _low(system, case, number), _high(system, case, number)


def _low(system: System, case: Case, number: int) -> float:
    """Return the lowest change of one cell that this reader holds possible."""
    unknown = system.unknowns[number]
    if _still(system, case, number):
        return 0
    floor = unknown.floor if number in case.target.within else unknown.insider_floor
    return min(0, floor - unknown.value)


def _high(system: System, case: Case, number: int) -> float:
    """Return the highest change of one cell that this reader holds possible."""
    unknown = system.unknowns[number]
    if _still(system, case, number):
        return 0
    return UNBOUNDED if unknown.ceiling is None else max(0, unknown.ceiling - unknown.value)


def _still(system: System, case: Case, number: int) -> bool:
    """Tell whether this case's reader knows one cell exactly.

    A reader may know which combinations cannot occur; that an empty cell is empty is to be kept
    from those who do not.
    """
    unknown = system.unknowns[number]
    if unknown.state is State.PUBLIC or case.insider == number:
        return True
    return unknown.empty and not any(system.unknowns[n].empty for n in case.target.terms)


class WitnessSearch:
    """Finds witnesses by linear programming, hiding as little more as it can."""

    def __init__(self, system: System) -> None:
        """Set up for the targets of this system; cases only change bounds and costs."""
        self._system = system
        self._models: dict[bool, _Model] = {}
        self.found: list[Witness] = []

    def known(self, case: Case, hidden: frozenset[int]) -> Witness | None:
        """Return a witness found before that proves a case within the hidden cells."""
        for witness in reversed(self.found):
            if witness.keys() <= hidden and proves(self._system, case, witness):
                return witness
        return None

    def keep(self, witness: Witness) -> None:
        """Keep a witness that came from elsewhere, if it fits every condition."""
        if conditions_hold(self._system, witness):
            self.found.append(witness)

    def seek(
        self, case: Case, hidden: frozenset[int], choices: frozenset[int], seconds: float
    ) -> Witness | None:
        """Return a checked witness within ``hidden`` and ``choices``, the cheapest in cells.

        None where there is none, or none was found in time. Fractions are tried again as whole
        numbers: three-way tables have corners that are not whole.
        """
        for whole in (False, True):
            if whole not in self._models:
                self._models[whole] = _Model(self._system, whole=whole)
            witness = self._models[whole].ask(case, hidden, choices, seconds)
            if witness is None:
                return None
            if conditions_hold(self._system, witness) and proves(self._system, case, witness):
                self.found.append(witness)
                return witness
        return None


class _Model:
    """The linear programme over changes: two columns a cell (up, down), one row a condition."""

    def __init__(self, system: System, *, whole: bool) -> None:
        self._system = system
        self._count = len(system.unknowns)
        largest = max((abs(unknown.value) for unknown in system.unknowns), default=1)
        self._step = max(1, largest // _FINEST)
        columns = Columns()
        for _ in range(2 * self._count):
            columns.add(0.0, 0.0, whole=whole)
        rows = [self._row(condition) for condition in system.conditions]
        self._row_of = {id(target): len(rows) + i for i, target in enumerate(system.targets)}
        rows += [self._free_row(target) for target in system.targets]
        self._programme = Programme(columns, rows)
        self._bounds = [(0.0, 0.0)] * (2 * self._count)
        self._costs = [0.0] * (2 * self._count)

    def ask(
        self, case: Case, hidden: frozenset[int], choices: frozenset[int], seconds: float
    ) -> Witness | None:
        for number in range(self._count):
            down, up = 0.0, 0.0
            if number in hidden or number in choices:
                down = self._steps(-_low(self._system, case, number))
                up = self._steps(_high(self._system, case, number))
            cost = _HIDDEN_COST if number in hidden else self._system.unknowns[number].cost
            self._set(number, up, cost)
            self._set(number + self._count, down, cost)
        row, far = self._row_of[id(case.target)], -(-abs(case.far) // self._step)
        aim = (far, UNBOUNDED) if case.far > 0 else (-UNBOUNDED, -far)
        self._programme.bound_row(row, *aim)
        answer = self._programme.minimise(seconds)
        self._programme.bound_row(row, -UNBOUNDED, UNBOUNDED)
        return None if answer.values is None else self._read(answer.values)

    def _set(self, column: int, high: float, cost: float) -> None:
        if self._bounds[column] != (0.0, high):
            self._bounds[column] = (0.0, high)
            self._programme.bound(column, 0.0, high)
        if self._costs[column] != cost:
            self._costs[column] = cost
            self._programme.cost(column, cost)

    def _read(self, values: Sequence[float]) -> Witness:
        changes = (
            (number, round(values[number] - values[number + self._count]) * self._step)
            for number in range(self._count)
        )
        return {number: change for number, change in changes if change}

    def _steps(self, room: float) -> float:
        return room if room == UNBOUNDED else room // self._step

    def _row(self, condition: Condition) -> Row:
        truth = sum(f * self._system.unknowns[n].value for n, f in condition.terms.items())
        low, high = condition.low, condition.high
        return Row(
            self._both(condition.terms),
            -UNBOUNDED if low is None else -((truth - low) // self._step),
            UNBOUNDED if high is None else (high - truth) // self._step,
        )

    def _free_row(self, target: Target) -> Row:
        return Row(self._both(target.terms), -UNBOUNDED, UNBOUNDED)

    def _both(self, terms: Mapping[int, int]) -> dict[int, float]:
        up = {number: float(figure) for number, figure in terms.items()}
        return up | {number + self._count: -figure for number, figure in up.items()}
