"""What the pipeline refuses: typed, reasoned, logged without the question's text, and at no cost.

Unknown and not granted read the same to the byte. A permitted question that fails keeps its
charge, and says nothing of how it failed.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.reading import private_of
from audit.tags import EntryKind
from authorization.licences import activate_licence
from catalog.store import current_version, dataset_by_name
from catalog.versions import bounded_file, version_directory
from disclosure.scope import QuestionScope
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import SandgateError
from tests.city import (
    COUNT_BY_STATE,
    POPULATION,
    ROWS_QUESTION,
    City,
    built_city,
    licence_json,
    told,
)
from tests.fakes import TickingClock
from tests.parts import need_namespaces

pytestmark = need_namespaces

SECRET = "zanzibar"
REFUSED = {
    "SELEC 1": "syntax_error",
    "SELECT 1; SELECT 2": "one_select_only",
    "DROP TABLE colleges": "one_select_only",
    f"SELECT '{SECRET}' FROM nothing_here": "table_not_granted",
    "SELECT nothing FROM colleges": "column_not_granted",
    "SELECT name FROM households": "column_not_granted",
    "SELECT * FROM read_parquet('/etc/passwd')": "sql_not_allowed",
    "SELECT * FROM duckdb_settings()": "sql_not_allowed",
    "SELECT random() FROM colleges": "function_not_allowed",
    f"SELECT {'(' * 200}1{')' * 200}": "question_too_deep",
    "SELECT wages FROM households": "column_protected",
    "SELECT * FROM households": "column_protected",
    "SELECT MAX(wages) FROM households": "aggregate_form",
    "SELECT COUNT(*) FROM households WHERE household = 7": "not_granted",
    f"SELECT COUNT(*) FROM households WHERE state = '{SECRET}'": "key_value_unknown",
    "SELECT COUNT(*) FROM households JOIN colleges USING (state)": "not_granted",
}


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city") / "home", clock=clock) as found:
        yield found


@pytest.fixture(autouse=True)
def _next_minute(city: City, clock: TickingClock) -> Iterator[None]:
    """Give each test a minute of its own in the log of refusals."""
    yield
    clock.advance(61 * MICROSECONDS_PER_SECOND)
    city.platform.pipeline.write_counted_refusals()


def signed_only(city: City) -> str:
    """Sign a licence as a worker does that stops before it builds the extracts."""
    licence, platform = city.draft(licence_json()), city.platform
    approver, rules = city.actor("approver"), platform.licence_rules
    activate_licence(platform.writer, platform.keys, approver, licence, rules)
    return licence


def refused(city: City, sql: str, **options: object) -> SandgateError:
    with pytest.raises(SandgateError) as found:
        city.ask(sql, **options)  # type: ignore[arg-type]
    return found.value


def words(error: SandgateError) -> tuple[object, ...]:
    """Everything of an error that a caller can see."""
    return (
        type(error),
        error.code,
        error.status,
        error.message,
        error.field,
        error.rule,
        error.way_out,
        error.allowed_sql,
    )


@pytest.mark.parametrize(("sql", "code"), REFUSED.items())
def test_a_refusal_is_logged_with_its_code_and_without_the_text(
    city: City, sql: str, code: str
) -> None:
    before, left = city.log_size(), city.platform.pipeline.budget(city.scope())
    scope = city.scope()
    error = refused(city, sql, scope=scope)
    assert error.code == code
    (entry,) = city.entries(first=before)
    assert entry.kind == EntryKind.QUESTION_REFUSED
    assert entry.public["code"] == code
    assert entry.public["session"] == scope.session
    assert sql.encode() not in entry.body
    assert SECRET.encode() not in entry.body
    with reading(city.platform.engine) as connection:
        hidden = private_of(connection, entry.index, city.platform.keys)
    assert hidden["sql"].text == sql
    assert city.platform.pipeline.budget(city.scope()) == left


@pytest.mark.parametrize("column", ["wages", "state", "household", "*"])
def test_protected_rows_are_refused_with_what_would_be_allowed(city: City, column: str) -> None:
    error = refused(city, f"SELECT {column} FROM households")
    assert error.code == "column_protected"
    assert error.field
    assert error.allowed_sql is not None
    found = city.platform.pipeline.estimate(city.scope(), error.allowed_sql, None)
    assert found["mode"] == "aggregate"


def test_not_granted_reads_as_unknown_to_the_byte(city: City) -> None:
    grants = licence_json()["grants"]
    only_rows = city.grant(licence_json(grants=[grants[1]], budgets=[]))
    scope = city.scope(licence=only_rows)

    def seen(name: str, sql: str) -> tuple[object, ...]:
        return words(refused(city, sql.replace("?", name), scope=scope))

    # Both names have ten letters, so that nothing but the name itself can differ.
    table = [
        repr(seen(name, "SELECT COUNT(*) FROM ?")).replace(name, "?")
        for name in ("households", "housebirds")
    ]
    assert table[0] == table[1]
    column = [
        repr(words(refused(city, f"SELECT {name} FROM households"))).replace(name, "?")
        for name in ("name", "nama")
    ]
    assert column[0] == column[1]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (ROWS_QUESTION, "column_not_granted"),
        ("SELECT * FROM colleges", "not_granted"),
        ("SELECT COUNT(*) FROM colleges", "not_granted"),
    ],
)
def test_a_licence_whose_extract_is_not_there_yet_gives_no_rows(
    city: City, sql: str, code: str
) -> None:
    scope = city.scope(licence=signed_only(city))
    before = city.log_size()
    assert refused(city, sql, scope=scope).code == code
    assert [entry.kind for entry in city.entries(first=before)] == [EntryKind.QUESTION_REFUSED]
    told(city.ask(COUNT_BY_STATE, scope=scope))  # the licence itself is known already
    assert scope.licence in city.platform.activation.refresh_extracts()
    told(city.ask(sql, scope=scope))


def test_a_refused_estimate_is_logged_too(city: City) -> None:
    before = city.log_size()
    with pytest.raises(SandgateError) as error:
        city.platform.pipeline.estimate(city.scope(), "SELECT wages FROM households", None)
    assert error.value.code == "column_protected"
    assert [entry.kind for entry in city.entries(first=before)] == [EntryKind.QUESTION_REFUSED]


def budgeted(city: City, nano_rho: int) -> QuestionScope:
    budget = {
        "population": POPULATION,
        "budget_nano_rho": nano_rho,
        "question_nano_rho_max": nano_rho,
    }
    return city.scope(licence=city.grant(licence_json(budgets=[budget])))


def test_a_budget_is_spent_to_the_last_nano_rho_and_no_further(city: City) -> None:
    cost = city.platform.pipeline.estimate(city.scope(), COUNT_BY_STATE, None)["cost_nano_rho"]
    assert isinstance(cost, int)
    one_short = budgeted(city, cost - 1)
    error = refused(city, COUNT_BY_STATE, scope=one_short, nano_rho=cost - 1 + 1)
    assert error.code == "question_budget_out_of_range"
    exact = budgeted(city, cost)
    told(city.ask(COUNT_BY_STATE, scope=exact, nano_rho=cost))
    before = city.log_size()
    error = refused(city, "SELECT COUNT(*) FROM households", scope=exact, nano_rho=1_000)
    assert error.code == "budget_exhausted"
    assert error.way_out is not None
    assert [entry.kind for entry in city.entries(first=before)] == [EntryKind.QUESTION_REFUSED]
    assert told(city.ask(COUNT_BY_STATE, scope=exact, nano_rho=cost))["repeated"]


def test_one_past_the_budget_is_refused_and_what_is_left_may_be_asked(city: City) -> None:
    first = "SELECT COUNT(*) FROM households"
    priced = city.platform.pipeline.estimate(city.scope(), first, 2_000_000)
    cost = priced["cost_nano_rho"]
    assert isinstance(cost, int)
    scope = budgeted(city, 2 * cost - 1)
    city.ask(first, scope=scope, nano_rho=2_000_000)
    second = "SELECT COUNT(*) FROM households WHERE state = 'east'"
    assert refused(city, second, scope=scope, nano_rho=2_000_000).code == "budget_exhausted"
    city.ask(second, scope=scope, nano_rho=cost - 1)
    (line,) = city.platform.pipeline.budget(scope)
    left = line["budget_nano_rho_remaining"]
    assert isinstance(left, int)
    assert 0 <= left < 10


def test_an_engine_failure_says_nothing_of_the_data(city: City) -> None:
    before = city.log_size()
    error = refused(city, "SELECT CAST(code AS INTEGER) FROM colleges")
    assert error.code == "engine_error"
    assert "US" not in repr(words(error))
    assert error.__cause__ is None
    decided, failed = city.entries(first=before)
    assert (decided.kind, failed.kind) == (EntryKind.QUESTION_DECIDED, EntryKind.ANSWER_FAILED)
    assert failed.public["code"] == "engine_error"
    assert failed.public["question"] == decided.public["question"]
    assert b"US-" not in failed.body


def _bounded_path(city: City, group_set: str) -> Path:
    with reading(city.platform.engine) as connection:
        dataset = dataset_by_name(connection, "households")
        assert dataset is not None
        version = current_version(connection, dataset.id)
    assert version is not None
    return version_directory(city.home, version.id) / bounded_file(group_set)


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_failed_private_question_keeps_its_charge(city: City, damage: str) -> None:
    licence = city.grant(licence_json())
    scope = city.scope(licence=licence)
    path = _bounded_path(city, "by_age")
    whole = path.read_bytes()
    path.chmod(0o600)
    path.unlink()
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    sql = "SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band"
    before = city.log_size()
    try:
        error = refused(city, sql, scope=scope)
    finally:
        path.unlink(missing_ok=True)
        path.write_bytes(whole)
    assert error.code == "engine_error"
    assert str(path) not in repr(words(error))
    decided, failed = city.entries(first=before)
    assert failed.kind == EntryKind.ANSWER_FAILED
    assert decided.public["cost_nano_rho"] > 0
    (line,) = city.platform.pipeline.budget(scope)
    assert line["budget_nano_rho_spent"] == decided.public["cost_nano_rho"]
    assert not told(city.ask(sql, scope=scope))["repeated"]


def test_a_flood_of_refusals_is_counted_and_the_count_is_logged(
    city: City, clock: TickingClock
) -> None:
    before, scope = city.log_size(), city.scope()
    for _ in range(65):
        refused(city, "SELEC 1", scope=scope)
    refused(city, "SELEC 1", scope=city.scope("colleague"))
    kinds = [entry.kind for entry in city.entries(first=before)]
    assert kinds == [EntryKind.QUESTION_REFUSED] * 61  # 60 of one person, and one of another
    city.platform.pipeline.write_counted_refusals()
    assert city.log_size() == before + 61  # the minute is not over
    clock.advance(60 * MICROSECONDS_PER_SECOND)
    city.platform.pipeline.write_counted_refusals()
    (count,) = city.entries(EntryKind.REFUSALS_COALESCED, first=before)
    assert count.public["count"] == 5
    assert count.content["actor"]["person"] == "analyst"
    city.platform.pipeline.write_counted_refusals()
    assert city.log_size() == before + 62
    refused(city, "SELEC 1", scope=scope)
    assert city.log_size() == before + 63  # a new minute


def test_counted_refusals_are_written_before_the_service_stops(tmp_path: Path) -> None:
    with built_city(tmp_path / "home") as city:
        for _ in range(62):
            refused(city, "SELEC 1", scope=city.scope())
        city.platform.pipeline.write_counted_refusals(everything=True)
        (count,) = city.entries(EntryKind.REFUSALS_COALESCED)
    assert count.public["count"] == 2


def test_an_attempt_that_a_session_reports_is_logged_as_its_own_word(city: City) -> None:
    scope = city.scope()
    receipt = city.platform.pipeline.report_attempt(scope, SECRET, "absent", stopped=True)
    entry = city.entries(EntryKind.ATTEMPT_REPORTED)[-1]
    assert receipt is not None
    assert entry.public["told_by"] == "session"
    assert (entry.public["code"], entry.public["stopped"]) == ("absent", True)
    assert SECRET not in entry.body.decode()
