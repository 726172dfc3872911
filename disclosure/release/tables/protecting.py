"""Protects a counted table: the rules of its grade, secondary suppression, and nearness to others.

A cell is held back in every figure at once, so that no figure can be computed from the others of
its row. Cells that tell too much together with earlier tables are held back too, until no search
finds one; a table of which nothing is left, or that is not protected in time, is refused. A reader
is never told for which reason a cell is held back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from catalog.datasets import Grade
from disclosure.checks.desk import CheckResult
from disclosure.checks.tables.audit import audit
from disclosure.checks.tables.cells import HIDDEN, CellTable, ReleasedTable, Shown
from disclosure.checks.tables.findings import Status
from disclosure.checks.tables.primary import Judged, judge
from disclosure.checks.tables.rounding import round_counts
from disclosure.checks.tables.safety import Rule
from disclosure.checks.tables.secondary import protect
from disclosure.outcome import Refused
from disclosure.release.tables.checked import cells_of, names_of
from disclosure.release.tables.counting import Counted, Key
from disclosure.release.tables.joint import NEW, Joint, ways
from disclosure.release.tables.kept import KeptTable, kept_table
from disclosure.release.tables.nearness import Earlier, too_telling
from disclosure.release.tables.plan import Kind
from disclosure.release.tables.refusals import not_protectable, too_near
from foundation.errors import Message
from policies.schema.checks import CheckRules, GradeChecks
from policies.schema.tables import TableRules

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
    kept: Sequence[KeptTable] = (),
) -> Protection:
    """Decide which cells are held back, and how totals are rounded to a base.

    What is left is attacked as a reader would, by linear programming, together with the earlier
    tables ``kept``, nearest first. Raises Refused where nothing helps, or not in time.
    """
    if not all(counted.categories):
        raise not_protectable()  # no row at all
    of_grade = checks.of(grade.value)
    tables = [cells_of(counted, place) for place in range(len(counted.plan.parts))]
    totals = counted.plan.margins and all(table.additive for table in tables)
    shown = [table if totals else table.without_margins() for table in tables]
    new = kept_table(counted, NEW, "", base=base, totals=totals)
    refusal = not_protectable()
    for joint in ways(new, kept, rules, of_grade, checks.size.search_ms_max):
        work = _Work(counted, shown, totals, joint, rules, checks, of_grade)
        try:
            return work.protection(earlier, base)
        except Refused as found:
            refusal = found
    raise refusal


@dataclass(frozen=True)
class _Work:
    """One way to protect a table: what it is attacked together with."""

    counted: Counted
    shown: Sequence[CellTable]
    totals: bool
    joint: Joint
    rules: TableRules
    checks: CheckRules
    of_grade: GradeChecks

    def protection(self, earlier: Earlier, base: int) -> Protection:
        """Return what may be shown. Raises Refused."""
        counted, totals = self.counted, self.totals
        judged = [judge(table, self.of_grade, self.checks.size) for table in self.shown]
        hidden = self._hidden(judged)
        least = max(self.rules.difference_people_min, self.of_grade.contributors_min)
        for _ in range(self.rules.suppression_rounds_max):
            telling = too_telling(
                counted, hidden, earlier, self.rules, totals=totals, people_min=least
            )
            if not telling:
                break
            hidden |= telling
        else:
            raise too_near()
        rounding = _Rounding(counted, self.shown, base, self.checks, self.joint)
        hidden, summed = rounding.hidden_too(hidden)
        if hidden >= set(counted.keys(totals=totals)):
            raise not_protectable()
        attacked = rounding.attacked(hidden, self.of_grade)
        findings = (*_findings(judged, hidden, counted, totals=totals), attacked)
        return Protection(hidden, totals, findings, summed)

    def _hidden(self, judged: Sequence[Judged]) -> frozenset[Key]:
        """Hide what any part of the table needs hidden: each is safe by itself, and so together."""
        names = names_of(self.counted)
        hidden: set[Key] = set()
        for place, (table, found) in enumerate(zip(self.shown, judged, strict=True)):
            if any(f.status is Status.FAIL and not f.keys for f in found.findings):
                raise not_protectable()
            together = self.joint.of(self.counted.plan.parts[place].comparable)
            name = f"{NEW}/{place}"
            held = {key: found.unsafe.get(key, ()) for key in self.joint.held & set(table.by_key)}
            protected = protect(
                table,
                replace(found, unsafe={**found.unsafe, **held}),
                self.of_grade,
                self.checks.size,
                name=name,
                known=together.exact(),
                links=together.links_of(name),
            )
            if protected.released is None:
                raise not_protectable()
            hidden |= {names[key] for key in (*protected.primary, *protected.secondary)}
        return frozenset(hidden)


@dataclass(frozen=True)
class _Rounding:
    """Rounds the counts that are shown, and attacks all that is shown at last."""

    counted: Counted
    tables: Sequence[CellTable]
    base: int
    checks: CheckRules
    joint: Joint

    def hidden_too(self, hidden: frozenset[Key]) -> tuple[frozenset[Key], frozenset[int]]:
        """Return the cells that are held back after rounding, and the parts with summed totals.

        Where totals rounded by themselves let a cell be worked back, totals are sums of rounded
        cells, and held back where one of those is.
        """
        names = names_of(self.counted)
        summed: set[int] = set()
        for place in self._counts():
            released = self._released(place, hidden)
            together = self.joint.of(self.counted.plan.parts[place].comparable)
            found, finding = round_counts(
                released,
                self.base,
                known=together.printed(),
                links=together.links_of(released.name),
                seconds=self._seconds,
            )
            if finding.status is not Status.PASS:
                raise not_protectable()
            if found.totals_summed:
                summed.add(place)
                unseen = (key for key, value in found.printed.items() if value is None)
                hidden |= {names[key] for key in unseen}
        return hidden, frozenset(summed)

    def attacked(self, hidden: frozenset[Key], rules: GradeChecks) -> CheckResult:
        """Attack every part, before rounding, with all that hangs together with it.

        Raises Refused for what does not withstand it.
        """
        parts = self.counted.plan.parts
        finding = None
        for comparable in dict.fromkeys(part.comparable for part in parts):
            mine = [
                self._released(place, hidden)
                for place, part in enumerate(parts)
                if part.comparable == comparable
            ]
            together = self.joint.of(comparable)
            links = together.links_of(*(one.name for one in mine))
            found = audit([*mine, *together.exact()], rules, links=links, seconds=self._seconds)
            leaks = tuple(one for one in found.leaks if not together.public.issuperset(one.cells))
            found = replace(found, leaks=leaks)
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
        names, table = names_of(self.counted), self.tables[place]
        shown = {
            key: HIDDEN if names[key] in hidden else Shown(cell.value, cell.value)
            for key, cell in table.by_key.items()
        }
        return ReleasedTable(f"{NEW}/{place}", table, shown)

    @property
    def _seconds(self) -> float:
        return self.checks.size.search_ms_max / 1_000


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
