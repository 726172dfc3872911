"""The cheapest set of cells to hide, as one mixed-integer programme, for small tables.

One yes-or-no unknown a cell, and for each case one set of changes that may touch hidden cells only
(the extended formulation of Fischetti and Salazar, Management Science 47, 2001).
"""

from collections.abc import Sequence

from disclosure.checks.tables.solver import UNBOUNDED, Columns, Programme, Row
from disclosure.checks.tables.system import System
from disclosure.checks.tables.witnesses import Case, Witness, change_bounds

_REACH = 8
_CLEARLY_CHOSEN = 0.5


def cheapest(
    system: System,
    cases: Sequence[Case],
    hidden: frozenset[int],
    choices: frozenset[int],
    seconds: float,
) -> tuple[frozenset[int] | None, list[Witness]]:
    """Return which choices to hide at the least cost, and the changes that go with them.

    None where the time was too short for a proof, or there is no such set.
    """
    columns = Columns()
    chosen = {n: columns.add(0, 1, system.unknowns[n].cost, whole=True) for n in sorted(choices)}
    rows: list[Row] = []
    places = []
    for case in cases:
        place: dict[int, int] = {}
        reach = _REACH * abs(case.far)
        for number in sorted(hidden | choices):
            low, high = change_bounds(system, case, number)
            low, high = max(low, -reach), min(high, reach)
            place[number] = columns.add(low, high)
            if number in chosen:
                column, choice = place[number], chosen[number]
                rows.append(Row({column: 1, choice: -high}, -UNBOUNDED, 0))
                rows.append(Row({column: 1, choice: -low}, 0, UNBOUNDED))
        rows += _conditions(system, place)
        aim = (case.far, UNBOUNDED) if case.far > 0 else (-UNBOUNDED, case.far)
        terms = {place[n]: float(f) for n, f in case.target.terms.items() if n in place}
        rows.append(Row(terms, *aim))
        places.append(place)
    answer = Programme(columns, rows).minimise(seconds)
    if answer.values is None or not answer.best:
        return None, []
    values = answer.values
    taken = frozenset(n for n, column in chosen.items() if values[column] > _CLEARLY_CHOSEN)
    rounded = [{n: round(values[column]) for n, column in place.items()} for place in places]
    return taken, [{n: change for n, change in one.items() if change} for one in rounded]


def _conditions(system: System, place: dict[int, int]) -> list[Row]:
    rows = []
    for condition in system.conditions:
        terms = {place[n]: float(f) for n, f in condition.terms.items() if n in place}
        if not terms:
            continue
        truth = sum(f * system.unknowns[n].value for n, f in condition.terms.items())
        low = -UNBOUNDED if condition.low is None else condition.low - truth
        high = UNBOUNDED if condition.high is None else condition.high - truth
        rows.append(Row(terms, low, high))
    return rows
