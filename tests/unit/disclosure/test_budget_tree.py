"""Every level refuses past its cap and says so; all levels or none; nothing shrinks (I5)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import IntegrityError

from audit.events import PendingEntry
from disclosure.budgets.charging import PopulationCharge, charge_question
from disclosure.budgets.odometer import (
    check_odometer,
    odometer,
    readings,
    spent_table_digest,
    tree_now,
)
from disclosure.budgets.refusals import BudgetSpent
from disclosure.budgets.store import budget_node
from disclosure.budgets.tree import Amount, LevelKind
from disclosure.outcome import Refused
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Unavailable
from policies.schema.privacy import PrivacyRules
from tests.budgeting import (
    CENSUS,
    OTHERS,
    PEOPLE,
    Ground,
    Holder,
    add_dataset,
    budget_ground,
    holder,
    rules,
)
from tests.fakes import TickingClock

LICENCE = holder("lic_a", 1_000)
ROOT = f"population/{PEOPLE}"
LINE = f"{ROOT}/lineage/{CENSUS}"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[PrivacyRules], Ground]]:
    grounds = []

    def open_with(found: PrivacyRules) -> Ground:
        grounds.append(budget_ground(tmp_path, found))
        return grounds[-1].__enter__()

    yield open_with
    for ground in grounds:
        ground.__exit__(None, None, None)


def spent(ground: Ground) -> dict[str, tuple[int, int]]:
    with reading(ground.engine) as connection:
        check_odometer(connection)
        assert all(found.agrees for found in readings(connection))
        return {
            node: (totals.spent.nano_rho, totals.spent.delta_steps)
            for node, totals in tree_now(connection).items()
        }


SMALL = {
    LevelKind.POPULATION: (rules(100), LICENCE, None),
    LevelKind.LINEAGE: (rules(lineage=100), LICENCE, None),
    LevelKind.PERIOD: (rules(period=100), LICENCE, None),
    LevelKind.LICENCE: (rules(), holder("lic_a", 100), None),
    LevelKind.PROJECT: (rules(), holder("lic_a", 1_000, atlas=100), "atlas"),
}
REOPENED_BY = {
    LevelKind.POPULATION: "nobody can",
    LevelKind.LINEAGE: "two persons of the data authority",
    LevelKind.PERIOD: "wait for the next period",
    LevelKind.LICENCE: "sign another licence",
    LevelKind.PROJECT: "sign another licence",
}


@pytest.mark.parametrize("kind", SMALL)
def test_each_level_is_taken_to_its_last_step_and_then_says_that_it_is_the_one(
    opened: Callable[[PrivacyRules], Ground], kind: LevelKind
) -> None:
    found, licence, project = SMALL[kind]
    ground = opened(found)
    ground.charge(licence, 60, project=project)
    before = spent(ground)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(licence, 41, project=project)
    assert refused.value.code == "budget_exhausted"
    assert refused.value.level.place.kind is kind
    assert refused.value.fits.nano_rho == 40
    assert REOPENED_BY[kind] in refused.value.message.en
    assert "40" in refused.value.message.zh
    assert refused.value.way_out is not None
    assert refused.value.way_out.en.startswith("Set question_nano_rho to at most 40,")
    assert refused.value.rule == f"policies/privacy: budgets.{kind}"
    assert spent(ground) == before  # all levels or none
    ground.charge(licence, 40, project=project)
    with pytest.raises(BudgetSpent):
        ground.charge(licence, 1, project=project)
    assert {taken for taken, _ in spent(ground).values()} == {100}


def test_delta_has_caps_of_its_own_at_every_level(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules(delta_steps=10))
    generous, none = holder("lic_a", 1_000, delta_steps=50), holder("lic_b", 1_000)
    ground.charge(generous, 1, delta_steps=6)
    with pytest.raises(BudgetSpent, match="4 delta steps of 10\\^-15 left") as refused:
        ground.charge(generous, 1, delta_steps=5)
    assert refused.value.level.place.kind is LevelKind.POPULATION
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(none, 1, delta_steps=1)
    assert refused.value.level.place.kind is LevelKind.LICENCE
    assert "declared" in str(refused.value.way_out)
    ground.charge(none, 1)
    assert spent(ground)[ROOT] == (2, 6)


def test_a_new_period_refills_its_own_level_and_nothing_above_it(tmp_path: Path) -> None:
    clock = TickingClock()
    with budget_ground(tmp_path, rules(lineage=150, period=100), clock) as ground:
        ground.charge(LICENCE, 100)
        with pytest.raises(BudgetSpent) as refused:
            ground.charge(LICENCE, 1)
        assert refused.value.level.place.name == "2026-Q4"
        assert "2026-12-31T16:00:00" in refused.value.message.en  # midnight in China
        clock.advance(92 * MICROSECONDS_PER_DAY)
        ground.charge(LICENCE, 50)
        with pytest.raises(BudgetSpent) as refused:
            ground.charge(LICENCE, 1)
        assert refused.value.level.place.kind is LevelKind.LINEAGE
        found = spent(ground)
    assert found[f"{LINE}/period/2026-Q4"] == (100, 0)
    assert found[f"{LINE}/period/2027-Q1"] == (50, 0)
    assert found[LINE] == found[ROOT] == (150, 0)


def test_a_join_charges_each_population_once_and_every_line_in_full(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules())
    with ground.engine.begin() as connection:
        add_dataset(connection, "tax", columns=("person", "income"), created_us=2)
        add_dataset(connection, "register", OTHERS, columns=("firm", "branch"), created_us=3)
    charges = [
        PopulationCharge(PEOPLE, (CENSUS, "tax"), Amount(70)),
        PopulationCharge(OTHERS, ("register",), Amount(30)),
    ]
    ground.charge_all(LICENCE, charges)
    found = {node: rho for node, (rho, _) in spent(ground).items()}
    assert found[ROOT] == found[LINE] == found[f"{ROOT}/lineage/tax"] == 70
    assert found[f"{ROOT}/licence/lic_a"] == 70
    assert found[f"population/{OTHERS}"] == found[f"population/{OTHERS}/licence/lic_a"] == 30
    before = spent(ground)
    too_much = [charges[1], PopulationCharge(PEOPLE, (CENSUS,), Amount(931))]
    with pytest.raises(BudgetSpent):
        ground.charge_all(LICENCE, too_much)
    assert spent(ground) == before
    with pytest.raises(ValueError, match="once"):
        ground.charge_all(LICENCE, [charges[1], charges[1]])


def test_one_entry_charges_once_however_often_it_is_asked_to(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules())

    def twice(connection: Connection, entry: PendingEntry, second: int) -> str:
        digest = ""
        for nano_rho in (10, second):
            digest = charge_question(
                connection,
                entry,
                licence=LICENCE,
                charges=[PopulationCharge(PEOPLE, (CENSUS,), Amount(nano_rho))],
                plan_digest="sha256:plan",
                rules=ground.rules,
            )
        return digest

    ground.submit(lambda connection, entry: twice(connection, entry, 10))
    assert {rho for rho, _ in spent(ground).values()} == {10}
    with pytest.raises(ValueError, match="differently"):
        ground.submit(lambda connection, entry: twice(connection, entry, 9))
    assert {rho for rho, _ in spent(ground).values()} == {10}


@pytest.mark.parametrize(
    ("licence", "project", "code"),
    [
        (Holder("lic_none"), None, "budget_missing"),
        (holder("lic_a", 100, atlas=50), None, "project_unknown"),
        (holder("lic_a", 100, atlas=50), "other", "project_unknown"),
    ],
)
def test_who_has_no_part_of_the_budget_is_refused(
    opened: Callable[[PrivacyRules], Ground], licence: Holder, project: str | None, code: str
) -> None:
    ground = opened(rules())
    with pytest.raises(Refused, match=code):
        ground.charge(licence, 1, project=project)
    assert spent(ground) == {}


def test_a_negative_charge_is_no_refund() -> None:
    for amounts in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="never negative"):
            Amount(*amounts)


def test_opening_again_neither_refills_nor_raises(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules(1_500))
    ground.charge(LICENCE, 400)
    ground.rules = rules(100_000)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(holder("lic_a", 100_000), 601)
    assert refused.value.level.place.kind is LevelKind.LICENCE
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(holder("lic_b", 100_000), 1_101)
    assert refused.value.level.place.kind is LevelKind.POPULATION


def test_a_lower_ceiling_binds_at_once_whatever_cap_the_table_holds(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules(1_000))
    ground.charge(LICENCE, 400)
    ground.rules = rules(450)
    with pytest.raises(BudgetSpent) as refused:
        ground.charge(LICENCE, 51)
    assert refused.value.fits.nano_rho == 50
    ground.charge(LICENCE, 50)


@pytest.mark.parametrize(
    "change",
    [
        {"spent_nano_rho": 0},
        {"spent_delta_steps": -1},
        {"cap_nano_rho": 1},
        {"population": "others"},
        {"name": "lic_z"},
        {"level": "licence"},
        {"parent": None},
        {"opened_us": 0},
    ],
)
def test_the_database_itself_refuses_other_changes(
    opened: Callable[[PrivacyRules], Ground], change: dict[str, object]
) -> None:
    ground = opened(rules())
    ground.charge(LICENCE, 5)
    with ground.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(update(budget_node).values(**change))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM budget_node WHERE level = 'licence'",
        "UPDATE budget_node SET cap_nano_rho = cap_nano_rho + 1 WHERE level = 'licence'",
        "DELETE FROM charge_level",
        "UPDATE charge_level SET nano_rho = 0",
        "DELETE FROM charge",
        "UPDATE charge SET nano_rho = 0",
        "UPDATE budget_lineage SET lineage = 'another'",
        "REPLACE INTO charge SELECT id, population, licence, 0, 0, 'x', entry_index, 0 FROM charge",
    ],
)
def test_nothing_spent_can_be_taken_away(
    opened: Callable[[PrivacyRules], Ground], statement: str
) -> None:
    ground = opened(rules())
    ground.charge(LICENCE, 5)
    with ground.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(statement))


def test_the_odometer_finds_a_spending_without_its_charge(
    opened: Callable[[PrivacyRules], Ground],
) -> None:
    ground = opened(rules())
    ground.charge(LICENCE, 5)
    with ground.engine.connect() as connection:
        check_odometer(connection)
        assert set(odometer(connection)) == set(tree_now(connection))
        before = spent_table_digest(connection)
        connection.execute(update(budget_node).values(spent_nano_rho=6))
        assert spent_table_digest(connection) != before
        with pytest.raises(Unavailable, match="budget_mismatch"):
            check_odometer(connection)
        assert not any(found.agrees for found in readings(connection))
