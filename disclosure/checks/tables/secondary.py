"""What else must be hidden so that no unsafe cell can be computed: cheaply, never too little.

Small tables: the cheapest set of cells as one mixed-integer programme (Fischetti and Salazar 2001).
Larger ones: cell by cell, then every hidden cell that is not needed is shown again. Either way the
result counts only with a witness for every unsafe cell and reader, checked in exact integers
(``witnesses``), and with no unsafe group of cells left that adds up. If that does not come about
in time, all totals are hidden and it is tried once more; if that fails too, nothing is released.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from disclosure.checks.tables.cells import (
    HIDDEN,
    CellName,
    CellTable,
    Key,
    Link,
    ReleasedTable,
    Shown,
)
from disclosure.checks.tables.cheapest import cheapest
from disclosure.checks.tables.findings import Finding, Status, cells_named
from disclosure.checks.tables.primary import Judged
from disclosure.checks.tables.safety import Group, distance, failed_rules
from disclosure.checks.tables.system import State, System, Target, build
from disclosure.checks.tables.unions import determined_sets
from disclosure.checks.tables.witnesses import Case, Witness, WitnessSearch, cases_of
from foundation.errors import Message
from policies.schema.checks import GradeChecks, SizeChecks

_FIRST_SHARE = 0.6
_ROUNDS_MAX = 50


@dataclass(frozen=True)
class Protected:
    """What may be shown of a table: ``released`` is None where nothing may.

    ``primary`` are the cells hidden for themselves, ``secondary`` those hidden to protect them (a
    reader is never told which is which). ``exact`` says that no cheaper set exists.
    """

    released: ReleasedTable | None
    primary: frozenset[Key]
    secondary: frozenset[Key]
    totals_hidden: bool
    exact: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Found:
    hidden: frozenset[int]
    exact: bool


class _NotFound(Exception):
    """No safe set was found in the time given."""


def protect(
    table: CellTable,
    judged: Judged,
    rules: GradeChecks,
    size: SizeChecks,
    *,
    name: str = "new",
    known: Sequence[ReleasedTable] = (),
    links: Sequence[Link] = (),
) -> Protected:
    """Hide what must be hidden of a table, given all that was released before it.

    ``known`` are earlier tables that share people with this one, with their true cells; ``links``
    say how cells of all these tables hang together. Raises InvalidInput for links that are untrue.
    """
    primary = frozenset(judged.unsafe)
    started = time.monotonic()
    seconds = size.search_ms_max / 1000
    cells = len(table.cells) + sum(len(earlier.table.cells) for earlier in known)
    if cells > size.linked_cells_max + size.cells_max:
        return _refused(table, primary, "size")
    totals = frozenset(cell.key for cell in table.cells if cell.is_margin)
    tries: tuple[tuple[frozenset[Key], float], ...] = ((primary, seconds * _FIRST_SHARE),)
    if totals:
        tries = (*tries, (primary | totals, seconds))
    for hidden, share in tries:
        system = _system(table, name, hidden, known, links, rules)
        try:
            found = _Search(system, rules, size, table, started + share).run()
        except _NotFound:
            continue
        keys = frozenset(system.unknowns[n].name.key for n in _own(system, found.hidden, name))
        dropped = bool(totals) and totals <= keys and not totals <= primary
        return _protected(table, name, primary, keys, dropped=dropped, exact=found.exact)
    return _refused(table, primary, "time")


def _system(
    table: CellTable,
    name: str,
    hidden: frozenset[Key],
    known: Sequence[ReleasedTable],
    links: Sequence[Link],
    rules: GradeChecks,
) -> System:
    new = ReleasedTable(name, table, _shown(table, hidden))
    choices = frozenset(CellName(name, key) for key in table.by_key if key not in hidden)
    others = [(earlier, frozenset[CellName]()) for earlier in known]
    return build([(new, choices), *others], links, rules)


def _shown(table: CellTable, hidden: frozenset[Key]) -> Mapping[Key, Shown]:
    return {
        key: HIDDEN if key in hidden else Shown(cell.value, cell.value)
        for key, cell in table.by_key.items()
    }


def _own(system: System, hidden: frozenset[int], name: str) -> Iterator[int]:
    return (n for n in hidden if system.unknowns[n].name.table == name)


class _Search:
    """One search for a safe set of hidden cells, until a deadline."""

    def __init__(
        self,
        system: System,
        rules: GradeChecks,
        size: SizeChecks,
        table: CellTable,
        deadline: float,
    ) -> None:
        self._system = system
        self._rules = rules
        self._size = size
        self._table = table
        self._deadline = deadline
        states = [(n, unknown.state) for n, unknown in enumerate(system.unknowns)]
        self._start = frozenset(n for n, state in states if state is State.HIDDEN)
        self._choices = frozenset(n for n, state in states if state is State.CHOICE)

    def run(self) -> _Found:
        """Return a safe set. Raises _NotFound."""
        for _ in range(_ROUNDS_MAX):
            found = self._round()
            extra = list(self._unsafe_sets(found.hidden))
            if not extra:
                return found
            self._system = replace(self._system, targets=(*self._system.targets, *extra))
        raise _NotFound

    def _round(self) -> _Found:
        cases = cases_of(self._system, self._system.targets)
        if not cases:
            return _Found(self._start, exact=True)
        search = WitnessSearch(self._system)
        exact = self._cheapest(cases, search)
        hidden = self._start if exact is None else exact
        hidden = self._widen(cases, search, hidden)
        slimmer = self._slim(cases, search, hidden)
        proven = exact is not None and slimmer == exact and not any(c.insider for c in cases)
        return _Found(slimmer, exact=proven)

    def _cheapest(self, cases: Sequence[Case], search: WitnessSearch) -> frozenset[int] | None:
        outsiders = [case for case in cases if case.insider is None]
        if len(self._choices) * len(outsiders) > self._size.exact_choices_max:
            return None
        seconds = min(self._left(), self._size.exact_search_ms_max / 1000)
        more, witnesses = cheapest(self._system, outsiders, self._start, self._choices, seconds)
        for witness in witnesses:
            search.keep(witness)
        return None if more is None else self._start | more

    def _widen(
        self, cases: Sequence[Case], search: WitnessSearch, hidden: frozenset[int]
    ) -> frozenset[int]:
        """Hide what each case needs. Raises _NotFound."""
        for case in cases:
            if search.known(case, hidden) is not None:
                continue
            witness = search.seek(case, hidden, self._choices - hidden, self._left())
            if witness is None:
                raise _NotFound
            hidden |= witness.keys()
        return hidden

    def _slim(
        self, cases: Sequence[Case], search: WitnessSearch, hidden: frozenset[int]
    ) -> frozenset[int]:
        """Show again what no case needs, the dearest first; stop where half the time is over."""
        dearest = sorted(hidden & self._choices, key=lambda n: (-self._system.unknowns[n].cost, n))
        half = self._left() / 2
        proof = [search.known(case, hidden) for case in cases]
        for number in dearest:
            if self._left() < half:
                break
            fewer = hidden - {number}
            again = self._proved_again(cases, proof, search, fewer)
            if again is not None:
                hidden, proof = fewer, again
        return hidden

    def _proved_again(
        self,
        cases: Sequence[Case],
        proof: Sequence[Witness | None],
        search: WitnessSearch,
        hidden: frozenset[int],
    ) -> list[Witness | None] | None:
        """Return a proof of every case within fewer hidden cells, or None."""
        again: list[Witness | None] = []
        for case, old in zip(cases, proof, strict=True):
            new = old if old is not None and old.keys() <= hidden else None
            new = new or search.known(case, hidden)
            new = new or search.seek(case, hidden, frozenset(), self._left())
            if new is None:
                return None
            again.append(new)
        return again

    def _unsafe_sets(self, hidden: frozenset[int]) -> Iterator[Target]:
        """Return the groups of hidden cells that add up and are unsafe together."""
        unknowns, least = self._system.unknowns, self._rules.contributors_min
        hidden = frozenset(n for n in hidden if not unknowns[n].empty)
        small = frozenset(n for n in hidden if unknowns[n].group.contributors < least)
        statistic, scale = self._table.statistic, self._table.unit_scale
        for numbers in determined_sets(self._system, hidden, small, self._size.joined_cells_max):
            group = _together(self._system, numbers)
            if group.contributors and failed_rules(group, statistic, self._rules):
                far = distance(group, statistic, self._rules, scale)
                yield Target(dict.fromkeys(numbers, 1), far, self._system.within(numbers))

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _NotFound
        return left


def _together(system: System, numbers: frozenset[int]) -> Group:
    """Return the figures of several cells as one group; people in several of them count once.

    Cells of several tables may be about the same people: the fullest table counts.
    """
    groups = [system.unknowns[number].group for number in numbers]
    counts: dict[str, list[int]] = {}
    for number in numbers:
        unknown = system.unknowns[number]
        counts.setdefault(unknown.name.table, []).append(unknown.group.contributors)
    of_tables = [sum(found) if system.disjoint else max(found) for found in counts.values()]
    largest = sorted((one for group in groups for one in group.largest), reverse=True)
    return Group(
        contributors=max(of_tables),
        value=sum(group.value for group in groups),
        largest=tuple(largest),
        negative=any(group.negative for group in groups),
    )


def _protected(
    table: CellTable,
    name: str,
    primary: frozenset[Key],
    hidden: frozenset[Key],
    *,
    dropped: bool,
    exact: bool,
) -> Protected:
    ordered = [key for key in table.by_key if key in hidden]
    named = cells_named(table.dimensions, ordered)
    if not hidden:
        reason = Message("无需隐去任何单元格。", "No cell needs hiding.")
    else:
        reason = Message(
            f"隐去 {len(hidden)} 个单元格后，无人能算出不得公开的数值：{named.zh}。",
            f"With {len(hidden)} cells hidden nobody can compute what must not be shown: "
            f"{named.en}.",
        )
    status = Status.REVIEW if hidden else Status.PASS
    finding = Finding("suppression", status, reason, keys=tuple(ordered))
    released = ReleasedTable(name, table, _shown(table, hidden))
    return Protected(released, primary, hidden - primary, dropped, exact, (finding,))


def _refused(table: CellTable, primary: frozenset[Key], why: str) -> Protected:
    reasons = {
        "size": Message(
            "与此前发布的表合计过大，无法一并核验。",
            "Together with what was released before, the table is too large to be examined.",
        ),
        "time": Message(
            "在限定时间内未能找到安全的隐去方案，本表不予发布。",
            "No safe way of hiding cells was found in the time allowed; the table is not released.",
        ),
    }
    way_out = Message(
        "请合并类别、减少维度或去掉合计后重新提交。",
        "Merge categories, use fewer dimensions or leave out the totals, and submit again.",
    )
    ordered = tuple(key for key in table.by_key if key in primary)
    finding = Finding("suppression", Status.FAIL, reasons[why], way_out, ordered)
    return Protected(None, primary, frozenset(), False, False, (finding,))
