"""Alert counting against a plain recount, and what each check counts."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.bodies import entry_body
from audit.events import AuditEvent
from audit.reading import LogEntry
from audit.tags import EntryKind
from audit.tree import leaf_hash
from foundation.calendar import WorkingDayCalendar
from foundation.identity import Actor, Role
from policies.load import load_policies
from policies.schema.alerts import AlertRules, CheckName
from service.regulator.alert_checks import Checks
from service.regulator.alert_windows import ActiveRule, Windows
from tests.fakes import START_US

RULES = load_policies().rules(AlertRules)
CALENDAR = WorkingDayCalendar(
    years=frozenset({2026}),
    holidays=frozenset({date(2026, 10, 1)}),
    make_up_days=frozenset({date(2026, 10, 10)}),
    digest="sha256:test",
)
CAPS = {"population/p": 1_000_000}
SECOND_US = 1_000_000


def checks() -> Checks:
    return Checks(RULES, CALENDAR, CAPS.get)


def entry(
    kind: EntryKind, index: int, time_us: int, /, person: str = "ann", **public: Any
) -> LogEntry:
    actor = Actor(person, "operator", frozenset({Role.OPERATOR}))
    body = entry_body(AuditEvent(kind, actor, public), index, time_us, public, [])
    return LogEntry(index, time_us, str(kind), body, leaf_hash(body))


def rule(check: CheckName, minimum: int, seconds: int = 60, **more: Any) -> ActiveRule:
    return ActiveRule("r", check, minimum, seconds, **more)


def fired(windows: Windows, entries: list[LogEntry]) -> list[int]:
    return [signal.trigger.index for item in entries for signal in windows.feed(item)]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(("ann", "bo")), st.integers(1, 4)),
        max_size=60,
    ),
    minimum=st.integers(1, 8),
    seconds=st.sampled_from((60, 100)),
)
def test_windows_fire_where_a_plain_recount_does(
    steps: list[tuple[int, str, int]], minimum: int, seconds: int
) -> None:
    entries, now = [], START_US
    for index, (later, person, number) in enumerate(steps):
        now += later * SECOND_US
        entries.append(entry(EntryKind.REFUSALS_COALESCED, index, now, person=person, count=number))
    expected = []
    since: dict[str, int] = {}
    for item in entries:
        person = item.content["actor"]["person"]
        counted = sum(
            other.public["count"]
            for other in entries[: item.index + 1]
            if other.content["actor"]["person"] == person
            and other.index > since.get(person, -1)
            and item.time_us - other.time_us < seconds * SECOND_US
        )
        if counted >= minimum:
            expected.append(item.index)
            since[person] = item.index
    assert fired(Windows(checks(), [rule("refused_bursts", minimum, seconds)], {}), entries) == (
        expected
    )


@given(cut=st.integers(0, 30), minimum=st.integers(1, 6))
def test_a_restart_anywhere_raises_the_same_alerts_once(cut: int, minimum: int) -> None:
    entries = [
        entry(EntryKind.QUESTION_REFUSED, index, START_US + index * 7 * SECOND_US, code="x")
        for index in range(30)
    ]
    one = rule("refused_bursts", minimum)
    whole = fired(Windows(checks(), [one], {}), entries)
    before = fired(Windows(checks(), [one], {}), entries[:cut])
    raised = {("r", "ann"): before[-1]} if before else {}
    again = Windows(checks(), [one], raised)
    first = max(0, cut - 9)  # nine steps of seven seconds are longer than the window
    fired(again, entries[first:cut])
    assert before + fired(again, entries[cut:]) == whole


def test_many_small_charges_drain_a_budget_as_one_large_one_does() -> None:
    def charged(index: int, nano_rho: int) -> LogEntry:
        charge = {"population": "p", "nano_rho": nano_rho, "levels": ["population/p", "unknown"]}
        return entry(EntryKind.QUESTION_DECIDED, index, START_US + index, charges=[charge])

    one = rule("budget_drained", 250_000)
    small = [charged(index, 1) for index in range(250_000 // 1_000)]
    assert fired(Windows(checks(), [one], {}), [charged(0, 249_999)]) == []
    assert fired(Windows(checks(), [one], {}), [charged(0, 250_000)]) == [0]
    tiny = rule("budget_drained", 250)
    assert fired(Windows(checks(), [tiny], {}), small) == [249]


@pytest.mark.parametrize(
    ("moment", "at_work"),
    [
        ("2026-11-18T23:00:00", True),  # 07:00 in Shanghai, a Thursday
        ("2026-11-18T22:59:59", False),
        ("2026-11-19T13:59:59", True),
        ("2026-11-19T14:00:00", False),
        ("2026-11-21T04:00:00", False),  # a Saturday
        ("2026-10-01T04:00:00", False),  # a holiday
        ("2026-10-10T04:00:00", True),  # a Saturday that is worked
        ("2030-01-05T04:00:00", True),  # no calendar: by hours alone, and told
    ],
)
def test_odd_hours_follow_shanghai_and_the_working_day_calendar(
    moment: str, *, at_work: bool
) -> None:
    looked = checks()
    time_us = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * SECOND_US
    assert looked.at_work(time_us) is at_work
    assert looked.uncovered_years == ({2030} if moment.startswith("2030") else set())
    asked = entry(EntryKind.QUESTION_DECIDED, 0, time_us)
    assert fired(Windows(looked, [rule("odd_hours", 1)], {}), [asked]) == ([] if at_work else [0])


def test_circling_counts_different_private_questions_over_the_same_columns_only() -> None:
    def asked(index: int, plan: str | None, column: str) -> LogEntry:
        columns = {"homes": [column]}
        return entry(
            EntryKind.QUESTION_DECIDED,
            index,
            START_US + index,
            mode="rows" if plan is None else "aggregate",
            question=plan,
            columns=columns,
        )

    one = rule("circling_columns", 3)
    repeated = [asked(index, "same", "wage") for index in range(9)]
    elsewhere = [asked(index, f"plan {index}", f"column {index}") for index in range(9)]
    rows = [asked(index, None, "wage") for index in range(9)]
    circling = [asked(index, f"plan {index // 2}", "wage") for index in range(8)]
    for harmless in (repeated, elsewhere, rows):
        assert fired(Windows(checks(), [one], {}), harmless) == []
    assert fired(Windows(checks(), [one], {}), circling) == [4]


def test_refusals_that_protect_small_groups_count_and_others_do_not() -> None:
    codes = ["table_unknown", *RULES.small_group_codes, "table_unknown"]
    entries = [
        entry(EntryKind.QUESTION_REFUSED, index, START_US + index, code=code)
        for index, code in enumerate(codes)
    ]
    assert fired(Windows(checks(), [rule("circling_refusals", 3)], {}), entries) == [3]


def test_an_own_rule_counts_only_whom_it_is_about_and_since_it_was_saved() -> None:
    entries = [
        entry(
            EntryKind.QUESTION_REFUSED,
            index,
            START_US + index,
            person=("ann", "bo")[index % 2],
            licence="lic_a",
        )
        for index in range(8)
    ]
    about_ann = rule("refused_bursts", 2, about={"person": "ann", "licence": "lic_a"})
    since = rule("refused_bursts", 2, since_index=5)
    elsewhere = rule("refused_bursts", 1, about={"licence": "lic_b"})
    assert fired(Windows(checks(), [about_ann], {}), entries) == [2, 6]
    assert fired(Windows(checks(), [since], {}), entries) == [7]
    assert fired(Windows(checks(), [elsewhere], {}), entries) == []
