"""A day's screen budget: shared, durable, never undercounted, and closed where the log is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Denied, SandgateError
from sandbox.egress import EgressAccount, EgressBudget
from sandbox.screen_values import values_of_bytes, values_of_text
from tests.fakes import SteppedClock
from tests.screens import screen_log, screen_rules

ONE, OTHER = EgressAccount("p1", "l1"), EgressAccount("p1", "l2")
RULES = screen_rules(
    egress={"bytes_per_day_max": 1_000, "values_per_day_max": 100, "steps_per_day": 4}
).egress
DAY_US = 86_400_000_000


def show(budget: EgressBudget, account: EgressAccount, byte_count: int, values: int = 0) -> bool:
    """Count as the proxy does: set more aside where it must."""
    shown = budget.count("slot", account, byte_count, values)
    return budget.cover(account) if shown is None else shown


def test_bytes_and_values_are_counted_per_person_licence_and_day(tmp_path: Path) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        budget = EgressBudget(clock, RULES, engine, writer)
        assert show(budget, ONE, 600)
        assert not show(budget, ONE, 600)
        assert show(budget, OTHER, 600, 90)
        assert not show(budget, OTHER, 1, 11)
        with pytest.raises(Denied) as found:
            budget.check_open(OTHER)
        assert (found.value.code, found.value.rule) == ("egress_budget_spent", "policies/screen")
        assert budget.slot_bytes("slot") == 1_801
        clock.advance(DAY_US)
        assert show(budget, ONE, 600)
        budget.check_open(OTHER)


def test_nothing_is_shown_before_it_is_set_aside_in_the_log(tmp_path: Path) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        budget = EgressBudget(clock, RULES, engine, writer)
        assert budget.count("slot", ONE, 10, 1) is None
        assert budget.cover(ONE)
        assert budget.count("slot", ONE, 200, 1) is True
        assert budget.count("slot", ONE, 51, 1) is None
        with reading(engine) as connection:
            (entry,) = read_entries(connection, kinds=(EntryKind.EGRESS_RESERVED,))
        assert (entry.public["bytes"], entry.public["values"]) == (260, 26)


@pytest.mark.parametrize("shown", [1, 260, 600])
def test_a_killed_service_counts_at_most_one_part_too_much_and_nothing_too_little(
    tmp_path: Path, shown: int
) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        first = EgressBudget(clock, RULES, engine, writer)
        assert show(first, ONE, shown)
        again = EgressBudget(clock, RULES, engine, writer)  # as after a kill: nothing was settled
        left, _values = again.remaining(ONE)
        assert 1_000 - shown - 250 <= left <= 1_000 - shown
        assert not show(again, ONE, left + 1)


def test_two_slots_share_one_account_and_it_is_told_once(tmp_path: Path) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        budget = EgressBudget(clock, RULES, engine, writer)
        first, second = budget.meter("a", ONE), budget.meter("b", ONE)
        assert first.count(700, 1) is None
        assert first.cover()
        assert second.count(301, 1) is False
        for session in ("ses_1", "ses_2"):
            budget.tell_spent(ONE, session)
        with reading(engine) as connection:
            (told,) = read_entries(connection, kinds=(EntryKind.EGRESS_SPENT,))
        assert told.public["person"] == "p1"
        assert told.public["session"] == "ses_1"


def test_where_the_log_is_closed_nothing_is_shown(tmp_path: Path) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        budget = EgressBudget(clock, RULES, engine, writer)
        writer.close()
        meter = budget.meter("slot", ONE)
        assert meter.count(1, 1) is None
        assert not meter.cover()


def test_a_spent_day_that_could_not_be_told_is_told_again(tmp_path: Path) -> None:
    clock = SteppedClock()
    with screen_log(tmp_path, clock) as (engine, writer):
        budget = EgressBudget(clock, RULES, engine, writer)
        writer.close()
        for _ in range(2):
            with pytest.raises(SandgateError):
                budget.tell_spent(ONE, "ses_1")


@given(st.text(max_size=300))
def test_a_text_holds_at_least_its_words_and_its_width(text: str) -> None:
    encoded = text.encode()
    values = values_of_text(encoded, RULES)
    assert values * RULES.value_bytes >= len(encoded)
    assert values >= len([word for word in text.split() if word.isalnum()])


@given(st.lists(st.text(max_size=40), max_size=8))
def test_no_packing_of_texts_counts_less_than_its_width(parts: list[str]) -> None:
    encoded = "".join(parts).encode()
    assert values_of_text(encoded, RULES) >= len(encoded) // RULES.value_bytes


@given(st.integers(min_value=0, max_value=10**9))
def test_bytes_count_by_width(count: int) -> None:
    assert values_of_bytes(count, RULES) * RULES.opaque_value_bytes >= count
