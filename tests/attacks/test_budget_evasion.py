"""I5: the budget belongs to the people, whatever an operator or an insider tries.

Sessions, users, licences, versions, restarts, backups and edited tables: nothing gives back what
was spent, and where tables and log disagree protected data stays closed.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import policies
from audit.tags import EntryKind
from disclosure.budget import remaining
from disclosure.scope import QuestionScope
from foundation.db import reading
from foundation.errors import SandgateError, Unavailable
from foundation.settings import Settings
from policies.load import SECTIONS
from tests.city import (
    COUNT_BY_STATE,
    POPULATION,
    RIVAL,
    ROWS_QUESTION,
    City,
    Plan,
    built_city,
    household_rows,
    licence_json,
    opened_city,
    told,
)
from tests.parts import need_namespaces

pytestmark = need_namespaces

POPULATION_CAP = 42_000_000
COST = 5_000_000
QUESTIONS = [
    f"SELECT COUNT(*) AS n FROM households WHERE state = '{state}' AND age_band = '{age}'"
    for state in ("east", "north", "south", "west")
    for age in ("older", "younger")
]


@pytest.fixture(scope="module")
def small_cap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped rules, with less for a population's whole life."""
    path = tmp_path_factory.mktemp("rules") / "policies"
    for section in SECTIONS:
        shutil.copytree(Path(policies.__file__).parent / section, path / section)
    rules = path / "privacy" / "national.toml"
    text = rules.read_text(encoding="utf-8")
    shipped = "population_lifetime_nano_rho_max = 2_000_000_000"
    assert shipped in text
    changed = text.replace(shipped, f"population_lifetime_nano_rho_max = {POPULATION_CAP}")
    rules.write_text(changed, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city") / "home"


@pytest.fixture(scope="module")
def city(home: Path, small_cap: Path) -> Iterator[City]:
    plan = Plan(licence=licence_json(budgets=[budget(40_000_000)]))
    settings = Settings(home=home, policies=small_cap)
    with built_city(home, plan, settings=settings) as found:
        yield found


def budget(nano_rho: int) -> dict[str, object]:
    return {
        "population": POPULATION,
        "budget_nano_rho": nano_rho,
        "question_nano_rho_max": nano_rho,
    }


def spent(city: City, scope: QuestionScope | None = None) -> int:
    (line,) = city.platform.pipeline.budget(scope or city.scope())
    found = line["budget_nano_rho_spent"]
    assert isinstance(found, int)
    return found


def refusal(city: City, sql: str, scope: QuestionScope, nano_rho: int = COST) -> str:
    with pytest.raises(SandgateError) as found:
        city.ask(sql, scope=scope, nano_rho=nano_rho)
    return found.value.code


def with_budget(city: City, nano_rho: int, operator: str = "pearl_operator") -> str:
    return city.grant(licence_json(operator, budgets=[budget(nano_rho)]))


def test_sessions_and_users_of_a_licence_share_one_budget(city: City) -> None:
    licence = with_budget(city, 2 * COST)
    costs = [
        told(city.ask(QUESTIONS[0], scope=city.scope("analyst", licence=licence)))["cost_nano_rho"],
        told(city.ask(QUESTIONS[1], scope=city.scope("colleague", licence=licence)))[
            "cost_nano_rho"
        ],
    ]
    for account in ("analyst", "colleague"):
        assert spent(city, city.scope(account, licence=licence)) == sum(costs)
        scope = city.scope(account, licence=licence)
        assert refusal(city, QUESTIONS[2], scope) == "budget_exhausted"


def test_questions_at_once_cannot_all_take_what_is_left_for_two(city: City) -> None:
    licence = with_budget(city, 2 * COST + COST // 2)
    scopes = [city.scope("analyst", licence=licence) for _ in range(4)]

    def ask(number: int) -> str:
        try:
            city.ask(QUESTIONS[number], scope=scopes[number], nano_rho=COST)
        except SandgateError as error:
            return error.code
        return "answered"

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(ask, range(4)))
    assert found == ["answered", "answered", "budget_exhausted", "budget_exhausted"]


def test_a_new_version_of_the_data_resets_nothing(city: City) -> None:
    licence = with_budget(city, COST + 1_000_000)
    scope = city.scope(licence=licence)
    city.ask(QUESTIONS[0], scope=scope, nano_rho=COST)
    before = spent(city, scope)
    city.publish("households", household_rows(800))
    assert spent(city, scope) == before
    assert refusal(city, QUESTIONS[0], scope) == "budget_exhausted"


def test_another_licence_and_operator_meet_the_cap_of_the_population(city: City) -> None:
    mine, theirs = with_budget(city, 40_000_000), with_budget(city, 40_000_000, RIVAL)
    city.ask(QUESTIONS[6], scope=city.scope("analyst", licence=mine), nano_rho=COST)
    scope = city.scope("rival", licence=theirs)
    assert spent(city, scope) == 0
    code = ""
    for sql in QUESTIONS:
        try:
            city.ask(sql, scope=scope, nano_rho=COST)
        except SandgateError as error:
            code = error.code
            break
    assert code == "budget_exhausted"
    with reading(city.platform.engine) as connection:
        level = remaining(connection, POPULATION, theirs).population
    assert level.cap_nano_rho == POPULATION_CAP
    assert 0 <= level.remaining_nano_rho < COST
    for account, licence in (("rival", theirs), ("analyst", mine)):
        scope = city.scope(account, licence=licence)
        assert refusal(city, QUESTIONS[7], scope) == "budget_exhausted"
        assert spent(city, scope) < POPULATION_CAP


def test_a_restart_resets_nothing(tmp_path: Path) -> None:
    with built_city(tmp_path / "home") as city:
        licence = with_budget(city, COST)
        city.ask(QUESTIONS[0], scope=city.scope(licence=licence), nano_rho=COST)
        before = spent(city, city.scope(licence=licence))
    with opened_city(tmp_path / "home", licence=licence) as city:
        assert spent(city) == before
        assert refusal(city, QUESTIONS[1], city.scope()) == "budget_exhausted"
        assert told(city.ask(QUESTIONS[0], nano_rho=COST))["repeated"]


def test_a_backup_from_before_a_charge_is_refused_at_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with built_city(home) as city:
        licence = city.licence
    shutil.copy(home / "control.db", tmp_path / "backup.db")
    with opened_city(home, licence=licence) as city:
        city.ask(COUNT_BY_STATE)
    for path in home.glob("control.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", home / "control.db")
    with pytest.raises(Unavailable) as found, opened_city(home):
        pass
    assert found.value.code.startswith("log_")


EDITS = {
    "given back": "UPDATE budget_node SET spent_nano_rho = 0",
    "cap raised": "UPDATE budget_node SET cap_nano_rho = cap_nano_rho * 2",
    "charge lowered": "UPDATE charge SET nano_rho = 1; UPDATE budget_node SET spent_nano_rho = 1",
    "all gone": "DELETE FROM charge; DELETE FROM budget_node",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_insider_who_edits_the_budgets_closes_protected_data(tmp_path: Path, edit: str) -> None:
    """Triggers and all are gone from the tables; the log still knows what was spent."""
    home = tmp_path / "home"
    with built_city(home) as city:
        licence = city.licence
        city.ask(COUNT_BY_STATE)
    with closing(sqlite3.connect(home / "control.db")) as raw:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in raw.execute(triggers).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.executescript(f"PRAGMA foreign_keys = OFF; {EDITS[edit]};")
        raw.commit()
    with opened_city(home, licence=licence) as city:
        assert len(city.entries(EntryKind.BUDGETS_CLOSED)) == 1
        before = city.log_size()
        for sql in (QUESTIONS[0], COUNT_BY_STATE):  # a new one, and one whose answer is stored
            with pytest.raises(Unavailable) as found:
                city.ask(sql)
            assert found.value.code == "budget_mismatch"
        kinds = [entry.kind for entry in city.entries(first=before)]
        assert kinds == [EntryKind.QUESTION_REFUSED] * 2
        city.ask(ROWS_QUESTION)  # rows hold no protected value
