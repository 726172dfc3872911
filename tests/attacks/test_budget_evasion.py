"""I5: the budget belongs to the people, whatever an operator or an insider tries.

Sessions, users, licences, versions, the same bytes under another name, a set that overlaps or is
derived, restarts, backups and edited tables: nothing gives back what was spent, and where tables
and log disagree protected data stays closed until two persons charge the difference.
"""

import copy
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

import policies
from audit.tags import EntryKind
from catalog.registration import register_dataset
from disclosure.budgets.odometer import readings, tree_now
from disclosure.budgets.settling import confirm_settlement, propose_settlement
from disclosure.scope import QuestionScope
from foundation.db import reading
from foundation.errors import SandgateError, Unavailable
from foundation.settings import Settings
from policies.load import SECTIONS
from policies.schema.privacy import PrivacyRules
from tests.catalogue import SYSTEM, entry_code, publish_entry
from tests.city import (
    COUNT_BY_STATE,
    HOUSEHOLDS,
    POPULATION,
    PROVIDER,
    RIVAL,
    ROWS_QUESTION,
    City,
    Plan,
    Row,
    built_city,
    catalogue_entry,
    household_rows,
    licence_json,
    opened_city,
    told,
)
from tests.parts import need_namespaces

pytestmark = need_namespaces

POPULATION_CAP = 150_000_000
LINEAGE_CAP = 42_000_000
ROOT = f"population/{POPULATION}"
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
    for shipped, small in (
        ("population_lifetime_nano_rho_max = 2_000_000_000", POPULATION_CAP),
        ("[budgets.lineage]\nopening_nano_rho = 1_000_000_000", LINEAGE_CAP),
    ):
        assert shipped in text
        text = text.replace(shipped, f"{shipped.rpartition('=')[0]}= {small}")
    rules.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city") / "home"


@pytest.fixture(scope="module")
def city(home: Path, small_cap: Path) -> Iterator[City]:
    plan = Plan(licence=licence_json(budgets=[budget(1_000_000)]))
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


def tree(city: City) -> dict[str, int]:
    with reading(city.platform.engine) as connection:
        assert all(found.agrees for found in readings(connection))
        return {node: totals.spent.nano_rho for node, totals in tree_now(connection).items()}


def test_another_licence_and_operator_meet_the_cap_that_they_share(city: City) -> None:
    """Two that collude get no more of the data together than one alone."""
    mine, theirs = with_budget(city, 40_000_000), with_budget(city, 40_000_000, RIVAL)
    city.ask(QUESTIONS[6], scope=city.scope("analyst", licence=mine), nano_rho=COST)
    scope = city.scope("rival", licence=theirs)
    assert spent(city, scope) == 0
    before = tree(city)
    code = ""
    for sql in QUESTIONS:
        try:
            city.ask(sql, scope=scope, nano_rho=COST)
        except SandgateError as error:
            code = error.code
            break
    assert code == "budget_exhausted"
    after = tree(city)
    line = f"{ROOT}/lineage/households"
    assert LINEAGE_CAP - COST < after[line] <= LINEAGE_CAP
    assert after[line] - before[line] == after[ROOT] - before[ROOT] == spent(city, scope)
    for account, licence in (("rival", theirs), ("analyst", mine)):
        scope = city.scope(account, licence=licence)
        assert refusal(city, QUESTIONS[7], scope) == "budget_exhausted"
        assert spent(city, scope) < 40_000_000


def test_licences_that_together_hold_more_than_the_people_have_are_not_signed(city: City) -> None:
    document = licence_json(budgets=[budget(POPULATION_CAP)])
    drafted = city.draft(document)
    with pytest.raises(SandgateError) as refused:
        city.activate(drafted)
    assert refused.value.code == "budgets_over_allocated"
    assert city.licence in refused.value.message.en
    assert "pearl_operator" in refused.value.message.zh
    assert drafted not in {
        entry.public["licence"] for entry in city.entries(EntryKind.LICENCE_ACTIVATED)
    }


def most_rows(rows: list[Row]) -> list[Row]:
    """Leave out one household in a hundred."""
    return [row for row in rows if row["household"] % 100]


def derived_declaration(name: str) -> dict[str, object]:
    """Declare the households with fewer columns, as a derived table has."""
    declared = copy.deepcopy(HOUSEHOLDS)
    declared["columns"] = [column for column in declared["columns"] if column["name"] != "name"]
    return {**declared, "name": name}


def registered(city: City, declaration: dict[str, object], rows: list[Row]) -> str:
    """Register a data set anew, publish it, and license it alone; return the licence."""
    name = str(declaration["name"])
    declaration = {**declaration, "entry": entry_code(name)}
    steward, platform = city.actor("steward"), city.platform
    publish_entry(platform, catalogue_entry(declaration, SYSTEM), PROVIDER, city.actor)
    register_dataset(platform.writer, steward, declaration)
    city.publish(name, rows)
    grant = {"dataset": name, "modes": ["aggregate"], "columns": ["state", "age_band", "wages"]}
    return city.grant(licence_json(grants=[grant], budgets=[budget(10_000_000)]))


def without_name(rows: list[Row]) -> list[Row]:
    return [{key: value for key, value in row.items() if key != "name"} for row in rows]


EVASIONS = {
    "the same bytes": ("again", HOUSEHOLDS, household_rows(), "households"),
    "99 % of them": ("most", HOUSEHOLDS, most_rows(household_rows()), "households"),
    "a derived set": (
        "derived",
        derived_declaration("derived"),
        without_name(household_rows()),
        "derived",
    ),
}


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("roomy") / "home") as found:
        found.ask(COUNT_BY_STATE)
        yield found


@pytest.mark.parametrize("evasion", EVASIONS)
def test_the_same_people_under_another_name_are_charged_at_the_same_root(
    roomy: City, evasion: str
) -> None:
    name, declaration, rows, line = EVASIONS[evasion]
    licence = registered(roomy, {**declaration, "name": name}, rows)
    before = tree(roomy)
    sql = f"SELECT COUNT(*) AS n FROM {name} WHERE state = 'east'"
    cost = told(roomy.ask(sql, scope=roomy.scope(licence=licence), nano_rho=COST))["cost_nano_rho"]
    after = tree(roomy)
    assert after[ROOT] - before[ROOT] == cost
    lineage = f"{ROOT}/lineage/{line}"
    assert after[lineage] - before.get(lineage, 0) == cost


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
    "charge lowered": (
        "UPDATE charge SET nano_rho = 1; UPDATE charge_level SET nano_rho = 1; "
        "UPDATE budget_node SET spent_nano_rho = 1"
    ),
    "all gone": "DELETE FROM charge_level; DELETE FROM charge; DELETE FROM budget_node",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_insider_who_edits_the_budgets_closes_protected_data(tmp_path: Path, edit: str) -> None:
    """Triggers and all are gone from the tables; the log still knows what was spent."""
    home = tmp_path / "home"
    with built_city(home) as city:
        licence = city.licence
        cost = told(city.ask(COUNT_BY_STATE))["cost_nano_rho"]
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
        settle(city)
    with opened_city(home, licence=licence) as city:
        assert tree(city)[ROOT] >= cost
        city.ask(QUESTIONS[0])
        assert len(city.entries(EntryKind.BUDGETS_CLOSED)) == 1


def settle(city: City) -> None:
    """Have two persons of the authority charge the difference."""
    writer = city.platform.writer
    proposed = propose_settlement(writer, city.actor("founder"), [], "Tables were edited.")
    rules = city.platform.pack.rules(PrivacyRules)
    confirm_settlement(writer, city.actor("approver"), proposed.value.id, rules)
