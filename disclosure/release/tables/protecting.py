"""Protects a counted table: the rules of its grade, secondary suppression, and nearness to others.

A cell is held back in every figure at once, so that no figure can be computed from the others of
its row. Cells that tell too much together with earlier tables are held back too, until no search
finds one; a table of which nothing is left, or that is not protected in time, is refused. A reader
is never told for which reason a cell is held back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.datasets import Grade
from disclosure.checks.desk import CheckResult
from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import (
    ALL,
    HIDDEN,
    Category,
    Cell,
    CellTable,
    Dimension,
    ReleasedTable,
    Shown,
    complete,
)
from disclosure.checks.tables.cells import Key as CheckedKey
from disclosure.checks.tables.cells import Statistic as CheckedStatistic
from disclosure.checks.tables.findings import Status
from disclosure.checks.tables.primary import Judged, judge
from disclosure.checks.tables.rounding import round_counts
from disclosure.checks.tables.safety import Rule
from disclosure.checks.tables.secondary import protect
from disclosure.release.tables.counting import TOTAL, Counted, Counts, Key, text_of
from disclosure.release.tables.nearness import Earlier, too_telling
from disclosure.release.tables.plan import Kind, Part
from disclosure.release.tables.refusals import not_protectable, too_near
from foundation.errors import Message
from policies.schema.checks import CheckRules, GradeChecks
from policies.schema.tables import TableRules

_WHOLE = Dimension("table", ("all",))
"""The one dimension of a table without keys."""

_STATISTICS: dict[Kind, CheckedStatistic] = {
    Kind.ROWS: "count",
    Kind.PEOPLE: "people",
    Kind.VALUES: "count",
    Kind.TOTAL: "sum",
    Kind.SQUARES: "std",
}
_RULES = {
    Rule.CONTRIBUTORS: Message("最少贡献主体数", "least contributors"),
    Rule.DOMINANCE: Message("集中度", "dominance"),
    Rule.P_PERCENT: Message("p% 规则", "p per cent"),
    Rule.ZERO: Message("空组或全零组", "empty or all-zero groups"),
    Rule.WHOLE: Message("整组人相同", "everybody alike"),
    Rule.FREEDOM: Message("自由度", "degrees of freedom"),
}


@dataclass(frozen=True)
class Protection:
    """What of a table may be shown: not the hidden cells; totals only where they are asked for.

    ``summed`` are the parts whose totals are sums of rounded cells, by their places.
    """

    hidden: frozenset[Key]
    totals: bool
    findings: tuple[CheckResult, ...]
    summed: frozenset[int] = frozenset()


def protect_table(
    counted: Counted,
    earlier: Earlier,
    rules: TableRules,
    checks: CheckRules,
    grade: Grade,
    base: int = 1,
) -> Protection:
    """Decide which cells are held back, and how totals are rounded to a base.

    What is left is attacked as a reader would, by linear programming. Raises Refused where nothing
    helps, or not in time.
    """
    of_grade = checks.of(grade.value)
    if not all(counted.categories):
        raise not_protectable()  # no row at all
    tables = [cells_of(counted, place) for place in range(len(counted.plan.parts))]
    totals = counted.plan.margins and all(table.additive for table in tables)
    shown = [table if totals else table.without_margins() for table in tables]
    judged = [judge(table, of_grade, checks.size) for table in shown]
    hidden = _hidden(counted, list(zip(shown, judged, strict=True)), checks, of_grade)
    least = max(rules.difference_people_min, of_grade.contributors_min)
    for _ in range(rules.suppression_rounds_max):
        telling = too_telling(counted, hidden, earlier, rules, totals=totals, people_min=least)
        if not telling:
            break
        hidden |= telling
    else:
        raise too_near()
    rounding = _Rounding(counted, shown, base, checks)
    hidden, summed = rounding.hidden_too(hidden)
    if hidden >= set(counted.keys(totals=totals)):
        raise not_protectable()
    attacked = rounding.attacked(hidden, of_grade)
    findings = (*_findings(judged, hidden, counted, totals=totals), attacked)
    return Protection(hidden, totals, findings, summed)


@dataclass(frozen=True)
class _Rounding:
    """Rounds the counts that are shown, and attacks all that is shown at last."""

    counted: Counted
    tables: Sequence[CellTable]
    base: int
    checks: CheckRules

    def hidden_too(self, hidden: frozenset[Key]) -> tuple[frozenset[Key], frozenset[int]]:
        """Return the cells that are held back after rounding, and the parts with summed totals.

        Where totals rounded by themselves let a cell be worked back, totals are sums of rounded
        cells, and held back where one of those is.
        """
        names = _names(self.counted)
        summed: set[int] = set()
        for place in self._counts():
            released = self._released(place, hidden)
            found, finding = round_counts(released, self.base, seconds=self._seconds)
            if finding.status is not Status.PASS:
                raise not_protectable()
            if found.totals_summed:
                summed.add(place)
                unseen = (key for key, value in found.printed.items() if value is None)
                hidden |= {names[key] for key in unseen}
        return hidden, frozenset(summed)

    def attacked(self, hidden: frozenset[Key], rules: GradeChecks) -> CheckResult:
        """Attack every part, before rounding. Raises Refused for what does not withstand it."""
        finding = None
        for place in range(len(self.tables)):
            released = self._released(place, hidden)
            found = audit([released], rules, seconds=self._seconds)
            if not found.safe:
                raise not_protectable()
            finding = found.finding()
        if finding is None:
            raise not_protectable()
        return CheckResult("audit", True, finding.reason)

    def _counts(self) -> Iterator[int]:
        kinds = {Kind.ROWS, Kind.PEOPLE, Kind.VALUES}
        for place, part in enumerate(self.counted.plan.parts):
            if part.kind in kinds and not part.is_behind:
                yield place

    def _released(self, place: int, hidden: frozenset[Key]) -> ReleasedTable:
        names, table = _names(self.counted), self.tables[place]
        shown = {
            key: HIDDEN if names[key] in hidden else Shown(cell.value, cell.value)
            for key, cell in table.by_key.items()
        }
        return ReleasedTable("new", table, shown)

    @property
    def _seconds(self) -> float:
        return self.checks.size.search_ms_max / 1_000


def cells_of(counted: Counted, place: int) -> CellTable:
    """Return one part of a table, with every total, as the checks read it."""
    part = counted.plan.parts[place]
    dimensions = _dimensions(counted)
    cells = (_cell(counted, key, part, counted.at(key)[place]) for key in counted.keys(totals=True))
    return complete(
        dimensions,
        _STATISTICS[part.kind],
        cells,
        margins=bool(counted.plan.keys),
        population=counted.plan.dataset,
        unit_scale=10**part.measure.scale if part.measure is not None else 1,
    )


def _hidden(
    counted: Counted,
    judged: list[tuple[CellTable, Judged]],
    checks: CheckRules,
    rules: GradeChecks,
) -> frozenset[Key]:
    """Hide what any part of the table needs hidden: each is safe by itself, and so together."""
    names = _names(counted)
    hidden: set[Key] = set()
    for table, found in judged:
        if any(f.status is Status.FAIL and not f.keys for f in found.findings):
            raise not_protectable()
        protected = protect(table, found, rules, checks.size)
        if protected.released is None:
            raise not_protectable()
        hidden |= {names[key] for key in (*protected.primary, *protected.secondary)}
    return frozenset(hidden)


def _findings(
    judged: list[Judged], hidden: frozenset[Key], counted: Counted, *, totals: bool
) -> Iterator[CheckResult]:
    failed = {rule for found in judged for rules in found.unsafe.values() for rule in rules}
    for rule, name in _RULES.items():
        yield CheckResult(rule.value, True, _told(name, failed=rule in failed))
    if any(f.status is Status.REVIEW for found in judged for f in found.findings):
        text = Message(
            "含负值，集中度规则不适用，请人工复核。",
            "It holds negative values, for which concentration rules do not speak: a person looks.",
        )
        yield CheckResult("negative_values", True, text)
    if counted.plan.margins and not totals:
        text = Message(
            "各单元格有重复的人，合计不等于各项之和，故不显示合计。",
            "People stand in several cells, so that totals are no sums; they are not shown.",
        )
        yield CheckResult("totals", True, text)
    every = sum(1 for _ in counted.keys(totals=totals))
    text = Message(
        f"{every} 个单元格中隐去 {len(hidden)} 个；已对照该人群此前受理的全部发布。",
        f"{len(hidden)} of {every} cells are held back; compared with all that was released "
        "of these people before.",
    )
    yield CheckResult("suppression", True, text)


def _told(name: Message, *, failed: bool) -> Message:
    if failed:
        return Message(
            f"{name.zh}：未达到的单元格已与保护它们的单元格一并隐去。",
            f"{name.en}: cells that fail it are held back, with those that protect them.",
        )
    return Message(f"{name.zh}：全部达到。", f"{name.en}: every cell holds it.")


def _dimensions(counted: Counted) -> tuple[Dimension, ...]:
    if not counted.plan.keys:
        return (_WHOLE,)
    return tuple(
        Dimension(item.name, tuple(map(text_of, values)))
        for item, values in zip(counted.plan.keys, counted.categories, strict=True)
    )


def _names(counted: Counted) -> Mapping[CheckedKey, Key]:
    return {_checked(counted, key): key for key in counted.keys(totals=True)}


def _checked(counted: Counted, key: Key) -> CheckedKey:
    if not counted.plan.keys:
        return ("all",)
    names: list[Category] = [
        ALL if place == TOTAL else text_of(counted.categories[number][int(place)])
        for number, place in enumerate(key)
    ]
    return tuple(names)


def _cell(counted: Counted, key: Key, part: Part, counts: Counts) -> Cell:
    rows = counted.rows.get(key, 0)
    sums = part.kind in {Kind.TOTAL, Kind.SQUARES}
    value = counts.people if part.kind is Kind.PEOPLE else counts.total
    return Cell(
        key=_checked(counted, key),
        contributors=counts.people,
        rows=rows if part.kind is Kind.PEOPLE else counts.rows,
        missing=0 if part.kind is Kind.PEOPLE else rows - counts.rows,
        value=value,
        largest=counts.largest if sums else (),
        negative=counts.negative,
    )
