"""I14: a private plan that fails on data looks like any other answer, and closes its own kind.

The faults are planted by test doubles after the data was touched: an exception where the answer is
shaped, and a worker that dies between two statements. What is seen of the answer is compared with
an ordinary one's; then the class stays closed until a person of the authority gives a reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from audit.reading import LogEntry, private_of
from audit.tags import EntryKind
from authorization.organisations import Account, Person, create_person
from disclosure.engine.supervisor import EnginePool
from disclosure.given import arrow_bytes, table_of
from disclosure.pipeline.private import WARM
from disclosure.plan_classes import DONE, FAILED
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, ActorKind, Role
from foundation.settings import Settings
from tests.calling import API, problem_of
from tests.city import (
    AUTHORITY,
    City,
    Plan,
    built_city,
    household_rows,
    licence_json,
    rows_of,
    told,
)
from tests.parts import need_namespaces
from tests.rule_files import changed_rules, one_slot

pytestmark = need_namespaces
CLOSINGS = f"{API}/closed-plan-classes"
REASON = "The worker's host lost power; the data were looked at and nothing is wrong."
SUM = "SELECT state, SUM(wages) AS total, COUNT(*) AS n FROM households GROUP BY state"
SAME_CLASS = "SELECT state, SUM(wages) AS s, COUNT(*) AS m FROM households GROUP BY state LIMIT 1"
OTHERS = (
    "SELECT age_band, SUM(wages) AS total, COUNT(*) AS n FROM households GROUP BY age_band",
    "SELECT state, COUNT(*) AS n FROM households GROUP BY state",
    "SELECT state, degree, COUNT(*) AS n FROM colleges GROUP BY ALL",
)


def small_licence() -> dict[str, Any]:
    """Return a licence of a small budget, so that many fit into the population's."""
    budget = {**licence_json()["budgets"][0], "budget_nano_rho": 20_000_000}
    return licence_json(budgets=[budget | {"question_nano_rho_max": 20_000_000}])


class Faults:
    """What goes wrong at a named point of a question's life."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], object]] = {}

    def __call__(self, point: str) -> None:
        self.at.get(point, lambda: None)()


class DyingPool:
    """The real pool, whose worker is killed once it is warm and before it is asked anything."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    def keeping(self, key: Any) -> Any:
        return self._pool.keeping(key)

    def query(self, key: Any, tables: Any, sql: str, *rest: Any, **named: Any) -> Any:
        if sql != WARM:
            slot = self._pool._slots[key]
            assert slot.link is not None
            slot.link.close()
        return self._pool.query(key, tables, sql, *rest, **named)


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, faults: Faults) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    rules = changed_rules(
        tmp_path_factory.mktemp("rules"), {"privacy/national.toml": one_slot(500)}
    )
    plan = Plan(households=household_rows(200), licence=small_licence())
    settings = Settings(home=home, policies=rules)
    with built_city(home, plan, fault=faults, settings=settings) as found:
        robot = Person(
            id="robot",
            name="robot",
            organisations=(AUTHORITY,),
            roles=(Role.AUTHORITY,),
            kind=ActorKind.SERVICE,
            accounts=(Account(name="robot", organisation=AUTHORITY),),
        )
        create_person(found.platform.writer, SYSTEM_ACTOR, robot)
        while found.log_size() < 100:  # so that all indexes compared have three digits
            found.draft(licence_json())
        yield found


@pytest.fixture(autouse=True)
def _no_faults(faults: Faults) -> Iterator[None]:
    yield
    faults.at.clear()


def break_down() -> None:
    raise ValueError("zanzibar 4711")


def ask_broken(city: City, faults: Faults, how: str, sql: str, licence: str) -> Any:
    """Ask a question whose plan fails after the data was touched."""
    scope = city.scope(licence=licence)
    pipeline = city.platform.pipeline
    if how == "shaping":
        faults.at["after_run"] = break_down
        given = city.ask(sql, scope=scope)
        faults.at.clear()
        return given
    kept = pipeline._private
    pipeline._private = replace(kept, pool=DyingPool(kept.pool))  # type: ignore[arg-type]
    try:
        return city.ask(sql, scope=scope)
    finally:
        pipeline._private = kept


def reopen(city: City, account: str = "approver", reason: str = REASON) -> Any:
    closing = listed(city)[0]["id"]
    body = {"reason": reason}
    return city.client(account).post(f"{CLOSINGS}/{closing}/reopening", json=body)


def listed(city: City, account: str = "founder") -> list[dict[str, Any]]:
    response = city.client(account).get(CLOSINGS)
    assert response.status_code == 200
    found: list[dict[str, Any]] = response.json()["closings"]
    return found


def seen(city: City, given: Any, first: int) -> object:
    """All that a caller, and a reader of the log's public part, sees of an answer; no figure."""
    table, facts = table_of(given.arrow_stream), told(given)
    random = {"answer_id", "receipt", "index"}
    entries = city.entries(first=first)
    return (
        table.schema.remove_metadata(),
        table.column("state").to_pylist(),
        len(arrow_bytes(table.replace_schema_metadata(None))),
        {name: value for name, value in facts.items() if name not in random},
        [(entry.kind, public_form(entry), len(entry.body)) for entry in entries],
    )


def public_form(entry: LogEntry) -> list[tuple[str, object]]:
    """A public part's fields in order; of what is random in any run only its length."""
    fixed = {
        "mode",
        "dataset",
        "purpose",
        "plan_digest",
        "cost_nano_rho",
        "versions",
        "populations",
    }
    return [
        (name, value if name in fixed else len(str(value))) for name, value in entry.public.items()
    ]


def engine_said(city: City, index: int) -> str:
    with reading(city.platform.engine) as connection:
        return private_of(connection, index, city.platform.keys)["engine"].text


@pytest.mark.parametrize("how", ["shaping", "dying worker"])
def test_a_plan_that_fails_looks_like_any_other_answer(
    city: City, faults: Faults, how: str
) -> None:
    licences = [city.grant(small_licence()) for _ in range(2)]
    city.ask(SUM, scope=city.scope(licence=licences[0]), nano_rho=1_000_000)  # both are warm
    city.ask(SUM, scope=city.scope(licence=licences[1]), nano_rho=1_000_000)
    start = city.log_size()
    ordinary = city.ask(SUM, scope=city.scope(licence=licences[0]))
    middle = city.log_size()
    failed = ask_broken(city, faults, how, SUM, licences[1])
    first = seen(city, ordinary, start)
    assert isinstance(first, tuple)
    kept = [entry for entry in city.entries(first=start) if entry.index < middle]
    alike = (*first[:-1], [(e.kind, public_form(e), len(e.body)) for e in kept])
    assert seen(city, failed, middle) == alike
    assert [entry.kind for entry in kept] == [
        EntryKind.QUESTION_DECIDED,
        EntryKind.ANSWER_RELEASED,
    ]
    assert [engine_said(city, given.index) for given in (ordinary, failed)] == [DONE, FAILED]
    assert len(DONE) == len(FAILED)
    assert b"zanzibar" not in failed.arrow_stream + city.entries(first=failed.index)[0].body
    assert_closed(city, SUM, scope=city.scope(licence=licences[1]))  # not even as a repeat
    assert reopen(city).status_code == 201


def assert_closed(city: City, sql: str, **asked: Any) -> None:
    before, left = city.log_size(), city.platform.pipeline.budget(city.scope())
    with pytest.raises(SandgateError) as refused:
        city.ask(sql, **asked)
    error = refused.value
    assert (error.code, error.field, error.rule) == ("plan_class_closed", "sql", "I14")
    assert error.way_out is not None
    assert city.platform.pipeline.budget(city.scope()) == left
    (entry,) = city.entries(first=before)
    assert (entry.kind, entry.public["code"]) == (EntryKind.QUESTION_REFUSED, error.code)


@pytest.fixture
def failing(city: City) -> str:
    """The licence whose question failed."""
    return city.grant(small_licence())


@pytest.fixture
def closed(city: City, faults: Faults, failing: str) -> Iterator[City]:
    """A city in which the class of ``SUM`` is closed to one licence; opened again afterwards."""
    ask_broken(city, faults, "shaping", SUM, failing)
    yield city
    while any(item["reopened_at"] is None for item in listed(city)):
        (still, *_) = [item for item in listed(city) if item["reopened_at"] is None]
        body = {"reason": REASON}
        path = f"{CLOSINGS}/{still['id']}/reopening"
        assert city.client("approver").post(path, json=body).status_code == 201


def test_the_class_is_closed_to_its_licence_and_no_other_class_is(
    closed: City, failing: str
) -> None:
    scope = closed.scope(licence=failing)
    assert_closed(closed, SAME_CLASS, scope=scope)
    with pytest.raises(SandgateError) as refused:
        closed.platform.pipeline.estimate(scope, SAME_CLASS, None)
    assert refused.value.code == "plan_class_closed"
    for sql in OTHERS:
        assert rows_of(closed.ask(sql, scope=scope, nano_rho=1_000_000))
    assert rows_of(closed.ask(SAME_CLASS, nano_rho=1_000_000))  # another licence is not touched


def test_a_second_licences_failure_closes_the_class_to_all(closed: City, faults: Faults) -> None:
    ask_broken(closed, faults, "shaping", SUM, closed.grant(small_licence()))
    for scope in (closed.scope(), closed.scope(licence=closed.grant(small_licence()))):
        assert_closed(closed, SAME_CLASS, scope=scope)


def test_a_closing_is_listed_for_overseers_and_says_nothing_of_literals(closed: City) -> None:
    for account in ("founder", "approver", "auditor"):
        newest = listed(closed, account)[0]
        assert newest["class"]["datasets"] == ["households"]
        assert newest["class"]["road"] == "declared"
        assert newest["reopened_at"] is None
        outcome = closed.entries(first=newest["closed_index"])[0]
        assert outcome.kind == EntryKind.ANSWER_RELEASED
        assert outcome.public["licence"] == newest["licence"]
    for account in ("analyst", "steward", "buyer", "treasurer"):
        assert problem_of(closed.client(account).get(CLOSINGS), 403)["code"] == "role_missing"


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("analyst", "role_missing"),
        ("steward", "role_missing"),
        ("auditor", "role_missing"),
        ("robot", "authority_required"),
    ],
)
def test_only_a_person_of_the_authority_reopens(
    closed: City, failing: str, account: str, code: str
) -> None:
    assert problem_of(reopen(closed, account), 403)["code"] == code
    assert listed(closed)[0]["reopened_at"] is None
    assert_closed(closed, SAME_CLASS, scope=closed.scope(licence=failing))


def test_reopening_needs_a_reason_is_logged_and_happens_once(closed: City) -> None:
    assert problem_of(reopen(closed, reason="ok"), 422)["code"]
    response = reopen(closed)
    assert response.status_code == 201
    assert response.json()["receipt"]
    entry = closed.entries(first=response.json()["index"])[0]
    assert entry.kind == EntryKind.PLAN_CLASS_REOPENED
    assert entry.content["actor"]["person"] == "approver"
    with reading(closed.platform.engine) as connection:
        hidden = private_of(connection, entry.index, closed.platform.keys)
    assert hidden["reason"].text == REASON
    newest = listed(closed, "auditor")[0]
    assert (newest["reopened_by"], newest["reason"]) == ("approver", REASON)
    assert problem_of(reopen(closed), 409)["code"] == "closing_over"
    path = f"{CLOSINGS}/cpc_none/reopening"
    unknown = closed.client("approver").post(path, json={"reason": REASON})
    assert problem_of(unknown, 404)["code"] == "closing_unknown"
    assert rows_of(closed.ask(SAME_CLASS))


def test_the_answer_of_a_failed_plan_is_noise_around_zero(city: City, faults: Faults) -> None:
    """As for a filter that nobody passes; once reopened, the question is really asked again."""
    scope = city.scope(licence=city.grant(small_licence()))
    failed = ask_broken(city, faults, "shaping", SUM, scope.licence)
    for row in rows_of(failed):
        for name in ("total", "n"):
            assert abs(row[name]) <= 3 * (row[f"{name}_high"] - row[f"{name}_low"]) / 2
    assert reopen(city).status_code == 201
    again = city.ask(SUM, scope=scope)
    assert not told(again)["repeated"]
    assert engine_said(city, again.index) == DONE
    assert rows_of(again) != rows_of(failed)
    assert told(city.ask(SUM, scope=scope))["repeated"]
