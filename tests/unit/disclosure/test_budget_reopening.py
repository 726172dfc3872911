"""Raising and settling: two persons, a reason, never past the ceiling, never a credit (I5, I8)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.reading import read_entries
from audit.tags import EntryKind
from disclosure.budgets.forecasts import forecast
from disclosure.budgets.listing import Outlook, budget_lines, simulate, what_is_left
from disclosure.budgets.odometer import (
    check_spent,
    committed_digest,
    readings,
    tree_now,
)
from disclosure.budgets.raising import confirm_raise, propose_raise
from disclosure.budgets.refusals import BudgetSpent
from disclosure.budgets.settling import confirm_settlement, propose_settlement
from disclosure.budgets.tree import Amount, LevelKind, level_at, population_place
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, Unavailable
from foundation.identity import Actor, ActorKind, Role
from tests.budgeting import CENSUS, PEOPLE, Ground, budget_ground, holder, person, rules
from tests.fakes import TickingClock

ROOT = f"population/{PEOPLE}"
LINE = f"{ROOT}/lineage/{CENSUS}"
LICENCE = holder("lic_a", 900)
ONE, TWO = person("one"), person("two")
SERVICE = Actor("robot", "data_bureau", frozenset({Role.AUTHORITY}), ActorKind.SERVICE)
DAY_US = 86_400_000_000


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with budget_ground(tmp_path, rules(1_000, opening=500, lineage=400, period=400)) as found:
        yield found


def agreed(ground: Ground) -> dict[str, tuple[int, int]]:
    """Insist that tree, charges and log tell one story; return caps and spendings."""
    with reading(ground.engine) as connection:
        check_spent(connection, committed_digest(connection))
        assert all(found.agrees for found in readings(connection))
        return {
            node: (totals.cap.nano_rho, totals.spent.nano_rho)
            for node, totals in tree_now(connection).items()
        }


def raise_to(ground: Ground, node: str, nano_rho: int, first: Actor, second: Actor) -> None:
    proposed = propose_raise(
        ground.writer, first, node, Amount(nano_rho), "More is asked.", ground.rules
    )
    confirm_raise(ground.writer, second, proposed.value.id, ground.rules)


def test_a_raised_cap_holds_at_once_and_only_at_its_level(ground: Ground) -> None:
    ground.charge(LICENCE, 400)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(LICENCE, 100)
    assert refused.value.level.place.kind is LevelKind.LINEAGE
    raise_to(ground, LINE, 700, ONE, TWO)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(LICENCE, 100)
    assert refused.value.level.place.kind is LevelKind.PERIOD
    raise_to(ground, f"{LINE}/period/2026-Q4", 700, TWO, ONE)
    ground.charge(LICENCE, 100)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(LICENCE, 1)
    assert refused.value.level.place.kind is LevelKind.POPULATION
    raise_to(ground, ROOT, 1_000, ONE, TWO)
    ground.charge(LICENCE, 200)
    found = agreed(ground)
    assert found[ROOT] == (1_000, 700)
    assert found[LINE] == (700, 700)


def test_a_population_may_be_raised_before_its_first_charge(ground: Ground) -> None:
    raise_to(ground, ROOT, 800, ONE, TWO)
    assert agreed(ground) == {ROOT: (800, 0)}


@pytest.mark.parametrize(
    ("proposer", "confirmer", "code"),
    [
        (ONE, ONE, "applicant_cannot_approve"),
        (ONE, SERVICE, "service_account_cannot_approve"),
        (SERVICE, ONE, "service_account_cannot_approve"),
        (ONE, person("clerk", Role.OPERATOR), "role_missing"),
        (person("clerk", Role.OPERATOR), ONE, "role_missing"),
        (ONE, person("eye", Role.AUTHORITY, Role.REGULATOR), "regulator_never_writes"),
        (ONE, person("late", since_us=2**60), "account_younger_than_request"),
    ],
)
def test_nobody_else_raises_a_cap(
    ground: Ground, proposer: Actor, confirmer: Actor, code: str
) -> None:
    with pytest.raises(Denied, match=code):
        raise_to(ground, ROOT, 800, proposer, confirmer)
    assert agreed(ground) == {}


@pytest.mark.parametrize(
    ("node", "nano_rho", "error"),
    [
        (ROOT, 1_001, InvalidInput),  # beyond the ceiling
        (ROOT, 500, InvalidInput),  # no raise
        (ROOT, 1, InvalidInput),
        (f"{ROOT}/licence/lic_a", 1_000, NotFound),  # stands in a signed document
        (f"{ROOT}/lineage/unknown", 900, NotFound),
        ("population/unknown", 900, NotFound),
        ("anything", 900, NotFound),
    ],
)
def test_no_two_persons_raise_what_cannot_be_raised(
    ground: Ground, node: str, nano_rho: int, error: type[Exception]
) -> None:
    ground.charge(LICENCE, 1)
    before = agreed(ground)
    with pytest.raises(error):
        raise_to(ground, node, nano_rho, ONE, TWO)
    assert agreed(ground) == before


def test_a_proposal_is_void_once_the_cap_has_changed(ground: Ground) -> None:
    first = propose_raise(ground.writer, ONE, ROOT, Amount(900), "First.", ground.rules)
    raise_to(ground, ROOT, 700, ONE, TWO)
    with pytest.raises(Conflict, match="cap_changed_since"):
        confirm_raise(ground.writer, TWO, first.value.id, ground.rules)
    assert agreed(ground)[ROOT] == (700, 0)


EDITS = {
    "spendings given back": ("UPDATE budget_node SET spent_nano_rho = 0", 100),
    "a cap raised": ("UPDATE budget_node SET cap_nano_rho = 10000", 100),
    "a charge lowered": (
        "UPDATE charge_level SET nano_rho = 1; UPDATE budget_node SET spent_nano_rho = 1",
        100,
    ),
    "a charge invented": (
        "UPDATE charge_level SET nano_rho = 300; UPDATE budget_node SET spent_nano_rho = 300",
        300,
    ),
    "all gone": ("DELETE FROM charge_level; DELETE FROM charge; DELETE FROM budget_node", 100),
}


def edit(ground: Ground, script: str) -> None:
    raw = ground.engine.raw_connection()
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (name,) in raw.cursor().execute(triggers).fetchall():
        raw.cursor().execute(f"DROP TRIGGER {name}")
    raw.cursor().executescript(f"PRAGMA foreign_keys = OFF; {script};")
    raw.commit()
    raw.close()


@pytest.mark.parametrize("change", EDITS)
def test_settling_charges_the_most_that_anything_says_and_opens_again(
    ground: Ground, change: str
) -> None:
    ground.charge(LICENCE, 100)
    before = agreed(ground)
    script, known = EDITS[change]
    edit(ground, script)
    with pytest.raises(Unavailable, match="budget_mismatch"):
        agreed(ground)
    proposed = propose_settlement(ground.writer, ONE, [], "Tables were edited.")
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        confirm_settlement(ground.writer, ONE, proposed.value.id, ground.rules)
    confirm_settlement(ground.writer, TWO, proposed.value.id, ground.rules)
    after = agreed(ground)
    assert set(after) == set(before)
    for node, (cap, spent) in before.items():
        place = population_place(PEOPLE, ground.rules)
        ceiling = 900 if "licence" in node else place.ceiling.nano_rho
        settled_cap, settled = after[node]
        assert settled >= known >= spent
        assert min(settled_cap, ceiling) - settled <= cap - spent  # nothing was won by it
    with reading(ground.engine) as connection:
        left = what_is_left(
            connection, LICENCE, PEOPLE, ground.rules, Outlook(ground.clock.now_us(), (CENSUS,))
        )
    assert left.nano_rho == 400 - known
    ground.charge(LICENCE, left.nano_rho)
    with pytest.raises(BudgetSpent):
        ground.charge(LICENCE, 1)
    agreed(ground)


def test_the_worst_case_leaves_a_population_nothing(ground: Ground) -> None:
    ground.charge(LICENCE, 100)
    edit(ground, EDITS["all gone"][0])
    proposed = propose_settlement(ground.writer, ONE, [PEOPLE], "Unknown loss.")
    confirm_settlement(ground.writer, TWO, proposed.value.id, ground.rules)
    assert all(cap == spent for cap, spent in agreed(ground).values())
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(LICENCE, 1)
    assert refused.value.level.place.kind is LevelKind.POPULATION
    with pytest.raises(Conflict, match="budgets_agree"):
        propose_settlement(ground.writer, ONE, [], "Again.")
    with pytest.raises(NotFound, match="population_unknown"):
        propose_settlement(ground.writer, ONE, ["nobody"], "Again.")


def test_at_the_warning_share_the_end_is_forecast_at_the_present_pace(tmp_path: Path) -> None:
    clock = TickingClock()
    generous = holder("lic_a", 1_000, atlas=500)
    with budget_ground(tmp_path, rules(100_000), clock) as ground:
        for _ in range(9):
            clock.advance(DAY_US)
            ground.charge(generous, 50, project="atlas")
        with reading(ground.engine) as connection:
            root = level_at(connection, population_place(PEOPLE, ground.rules))
            assert forecast(connection, root, ground.rules) is None
            outlook = Outlook(clock.now_us(), (CENSUS,), "atlas")
            (line,) = [
                line
                for line in budget_lines(
                    connection, generous, ground.rules, outlook, {PEOPLE: (CENSUS,)}
                )
                if line["population"] == PEOPLE
            ]
            told = [
                entry.public["budgets_warned"]
                for entry in read_entries(connection, kinds=(EntryKind.QUESTION_DECIDED,))
            ]
            further = simulate(
                connection, generous, PEOPLE, Amount(30), ground.rules, outlook
            ).first_to_stop
        warnings = line["warnings"]
    assert isinstance(warnings, list)
    (warning,) = warnings
    assert warning["kind"] == "project"
    assert warning["spent_ppm"] == 900_000
    assert warning["questions_left_like_last"] == 1
    # 450 in eight days, so the last 50 take eight ninths of a day, to the microsecond.
    last_us = clock.now_us()
    assert 0 <= last_us + 8 * DAY_US // 9 - warning["spent_by_us"] < DAY_US // 1_000
    assert further is not None
    assert (further.level.place.kind, further.questions) == (LevelKind.PROJECT, 1)
    project = f"{ROOT}/licence/lic_a/project/atlas"
    assert told == [[]] * 7 + [[project]] + [[]]  # once, by the charge that crosses the share
