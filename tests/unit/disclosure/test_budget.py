"""The budget refuses past its cap at every level, takes all levels or none, and never shrinks."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text, update
from sqlalchemy.exc import IntegrityError

from authorization.documents import PrivacyBudget
from disclosure.budget import (
    Charge,
    charge_budget,
    check_odometer,
    odometer,
    open_licence,
    open_population,
    remaining,
    spent_table_digest,
)
from disclosure.outcome import Refused
from disclosure.store import budget_node
from foundation.db import metadata
from foundation.errors import Unavailable
from tests.planning import RULES

CAP = 1_000
LIFETIME = 1_500


def budget(population: str = "residents", cap: int = CAP) -> PrivacyBudget:
    return PrivacyBudget(population=population, budget_nano_rho=cap, question_nano_rho_max=cap)


def take(connection: Connection, nano_rho: int, licence: str = "lic_a") -> None:
    asked = Charge("residents", licence, nano_rho, "sha256:plan")
    charge_budget(connection, asked, entry_index=1, now_us=1)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    rules = RULES.model_copy(update={"population_lifetime_nano_rho_max": LIFETIME})
    metadata.create_all(engine)
    with engine.begin() as opened:
        open_population(opened, "residents", rules, 0)
        for licence in ("lic_a", "lic_b"):
            open_licence(opened, licence, budget(), 0)
        yield opened


def test_a_licence_without_budget_is_refused(connection: Connection) -> None:
    with pytest.raises(Refused, match="budget_missing"):
        take(connection, 1, licence="lic_c")


def test_one_past_the_boundary_is_refused_and_says_what_fits(connection: Connection) -> None:
    take(connection, CAP - 10)
    with pytest.raises(Refused, match="budget_exhausted") as caught:
        take(connection, 11)
    assert "10" in caught.value.message.en
    assert caught.value.way_out is not None
    assert caught.value.way_out.en.startswith("Set question_nano_rho to at most 10,")


def test_the_boundary_itself_is_taken(connection: Connection) -> None:
    take(connection, CAP)
    assert remaining(connection, "residents", "lic_a").nano_rho == 0
    with pytest.raises(Refused, match="budget_exhausted"):
        take(connection, 1)


def test_licences_share_what_belongs_to_the_people(connection: Connection) -> None:
    take(connection, CAP)
    assert remaining(connection, "residents", "lic_b").nano_rho == LIFETIME - CAP
    before = spent_table_digest(connection)
    savepoint = connection.begin_nested()
    with pytest.raises(Refused, match="budget_exhausted"):
        take(connection, LIFETIME - CAP + 1, licence="lic_b")
    savepoint.rollback()
    assert spent_table_digest(connection) == before


def test_all_levels_or_none(connection: Connection) -> None:
    savepoint = connection.begin_nested()
    with pytest.raises(Refused, match="budget_exhausted"):
        take(connection, CAP + 1)  # the population would have it, the licence has not
    savepoint.rollback()
    assert odometer(connection) == {}
    check_odometer(connection)


def test_a_negative_charge_is_no_refund(connection: Connection) -> None:
    with pytest.raises(ValueError, match="never negative"):
        take(connection, -1)


def test_opening_again_neither_refills_nor_raises(connection: Connection) -> None:
    take(connection, 400)
    open_licence(connection, "lic_a", budget(cap=10_000), 9)
    open_population(connection, "residents", RULES, 9)
    assert remaining(connection, "residents", "lic_a").nano_rho == CAP - 400
    assert remaining(connection, "residents", "lic_a").population.cap_nano_rho == LIFETIME


@pytest.mark.parametrize(
    "change",
    [
        {"spent_nano_rho": 0},
        {"cap_nano_rho": 10**9},
        {"population": "others"},
        {"licence": "lic_z"},
        {"parent": None},
    ],
)
def test_the_database_itself_refuses_other_changes(
    connection: Connection, change: dict[str, object]
) -> None:
    take(connection, 5)
    with pytest.raises(IntegrityError):
        connection.execute(update(budget_node).values(**change))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM budget_node WHERE licence = 'lic_a'",
        "DELETE FROM charge",
        "UPDATE charge SET nano_rho = 0",
        "REPLACE INTO charge SELECT id, population, licence, 0, 0, 'x', 0, 0 FROM charge",
    ],
)
def test_nothing_spent_can_be_taken_away(connection: Connection, statement: str) -> None:
    take(connection, 5)
    with pytest.raises(IntegrityError):
        connection.execute(text(statement))


def test_the_odometer_finds_a_charge_without_its_spending(connection: Connection) -> None:
    take(connection, 5)
    check_odometer(connection)
    connection.execute(update(budget_node).values(spent_nano_rho=6))
    with pytest.raises(Unavailable, match="budget_mismatch"):
        check_odometer(connection)


def test_each_spending_changes_the_digest(connection: Connection) -> None:
    first = spent_table_digest(connection)
    take(connection, 1)
    assert spent_table_digest(connection) != first
