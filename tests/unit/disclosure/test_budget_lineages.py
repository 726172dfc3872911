"""Which line a data set is charged under: its own, an older one's of equal columns, or declared."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from disclosure.budgets.lineages import Origin, declare_derived, lineage_of
from disclosure.budgets.odometer import tree_now
from disclosure.budgets.refusals import BudgetSpent
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, ActorKind, Role
from tests.budgeting import (
    CENSUS,
    OTHERS,
    PEOPLE,
    Ground,
    add_dataset,
    budget_ground,
    holder,
    person,
    rules,
)

LICENCE = holder("lic_a", 10_000)
ONE = person("one")
SERVICE = Actor("robot", "data_bureau", frozenset({Role.AUTHORITY}), ActorKind.SERVICE)
SAME = ("person", "state")
OTHER = ("person", "region")


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with budget_ground(tmp_path, rules(lineage=100)) as found:
        yield found


def register(
    ground: Ground, name: str, columns: Sequence[str], population: str = PEOPLE, at: int = 2
) -> None:
    with ground.engine.begin() as connection:
        add_dataset(connection, name, population, columns, created_us=at)


def line(ground: Ground, dataset: str) -> tuple[str, Origin]:
    with reading(ground.engine) as connection:
        found = lineage_of(connection, dataset)
    return found.name, found.origin


def test_the_same_columns_again_join_the_oldest_line(ground: Ground) -> None:
    register(ground, "again", SAME, at=2)
    register(ground, "and_again", tuple(reversed(SAME)), at=3)
    register(ground, "regions", OTHER, at=4)
    register(ground, "firms_census", SAME, OTHERS, at=5)
    assert line(ground, CENSUS) == (CENSUS, Origin.OWN)
    assert line(ground, "again") == line(ground, "and_again") == (CENSUS, Origin.SAME_COLUMNS)
    assert line(ground, "regions") == ("regions", Origin.OWN)
    assert line(ground, "firms_census") == ("firms_census", Origin.OWN)
    ground.charge(LICENCE, 60)
    with pytest.raises(BudgetSpent):
        ground.charge(LICENCE, 41, datasets=["again"])
    ground.charge(LICENCE, 40, datasets=["and_again"])
    ground.charge(LICENCE, 100, datasets=["regions"])
    with reading(ground.engine) as connection:
        assert tree_now(connection)[f"population/{PEOPLE}"].spent.nano_rho == 200


def test_a_join_within_one_line_is_charged_to_it_once(ground: Ground) -> None:
    register(ground, "again", SAME)
    ground.charge(LICENCE, 100, datasets=[CENSUS, "again"])
    with pytest.raises(BudgetSpent):
        ground.charge(LICENCE, 1, datasets=["again"])


def test_what_is_derived_is_declared_before_its_first_charge(ground: Ground) -> None:
    register(ground, "regions", OTHER)
    recorded = declare_derived(ground.writer, ONE, "regions", CENSUS)
    assert recorded.value.name == CENSUS
    assert line(ground, "regions") == (CENSUS, Origin.DECLARED)
    ground.charge(LICENCE, 60)
    with pytest.raises(BudgetSpent):
        ground.charge(LICENCE, 41, datasets=["regions"])


def test_no_declaration_leads_out_of_a_line(ground: Ground) -> None:
    """Not for an older one's columns, nor once it was charged, nor where others joined it."""
    register(ground, "again", SAME, at=2)
    register(ground, "regions", OTHER, at=3)
    register(ground, "regions_again", OTHER, at=4)
    register(ground, "fresh", ("person", "fresh"), at=5)
    with pytest.raises(Conflict, match="lineage_stands"):
        declare_derived(ground.writer, ONE, "again", "fresh")
    ground.charge(LICENCE, 1, datasets=["regions_again"])
    for moved in ("regions_again", "regions"):
        with pytest.raises(Conflict, match="lineage_stands"):
            declare_derived(ground.writer, ONE, moved, "fresh")
    with pytest.raises(Conflict, match="lineage_stands"):
        declare_derived(ground.writer, ONE, "fresh", "fresh")
    assert line(ground, "regions") == ("regions", Origin.OWN)


def test_only_a_person_of_the_authority_declares_and_only_within_a_population(
    ground: Ground,
) -> None:
    register(ground, "regions", OTHER)
    register(ground, "branches", ("firm", "branch"), OTHERS)
    for actor in (SERVICE, person("clerk", Role.OPERATOR), person("eye", Role.REGULATOR)):
        with pytest.raises(Denied):
            declare_derived(ground.writer, actor, "regions", CENSUS)
    with pytest.raises(InvalidInput, match="lineage_of_another_population"):
        declare_derived(ground.writer, ONE, "regions", "branches")
    with pytest.raises(NotFound, match="dataset_without_population"):
        declare_derived(ground.writer, ONE, "nothing", CENSUS)
