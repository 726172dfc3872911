"""A debug session reaches no row by any road, and nothing of a twin passes for the data.

Promise: what a debug session is told follows from public metadata, the licence and what was charged
before; its workers hold twins only; its answers are never given, released or billed as real ones.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, insert, select

from audit.keyholder.rules import CitedEntry, check_opens
from audit.tags import EntryKind
from audit.verify.grammar import departure_of
from disclosure.answers import answer_by_id
from disclosure.engine.loading import TableSource
from disclosure.engine.supervisor import EnginePool, WorkerKey
from disclosure.granted import granted_datasets
from disclosure.outcome import QuestionFailed
from disclosure.pipeline.rehearsing import Rehearsal, RehearsalParts
from disclosure.twins.answers import refuse_synthetic
from disclosure.twins.shelf import TwinShelf
from disclosure.twins.wanted import twins_wanted
from foundation.db import metadata, reading
from foundation.errors import Denied, SandgateError
from policies.load import load_policies
from policies.schema.masks import MaskRules
from policies.schema.twins import TwinRules
from sandbox.store import sessions
from service.app import IN_SESSION
from tests.calling import Gateway, entries, problem_of
from tests.city import (
    COUNT_BY_STATE,
    ROWS_QUESTION,
    City,
    Plan,
    built_city,
    household_rows,
    rows_of,
    told,
)
from tests.claims import claim_json, verifying
from tests.engines import CAPS, open_pool
from tests.notebooks import ipynb
from tests.parts import SESSION_ENVIRONMENT, need_namespaces

pytestmark = need_namespaces
QUESTION = {"sql": COUNT_BY_STATE}
OPEN_TO_DEBUG: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/v1/datasets"): {},
    ("GET", "/v1/budget"): {},
    ("GET", "/v1/session"): {},
    ("POST", "/v1/reviews"): {"json": {"notebook": ipynb("1")}},
    ("GET", "/v1/environment"): {},
    ("POST", "/v1/packages"): {
        "json": {"package": "chartlib", "version": "1.0", "reason": "to draw"}
    },
    ("POST", "/v1/estimate"): {"json": QUESTION},
    ("POST", "/v1/query"): {"json": QUESTION},
    ("POST", "/v1/attempts"): {"json": {"label": "x", "code": "blocked", "stopped": True}},
    ("POST", "/v1/verify"): {"json": claim_json(4, state="east")},
}
"""What a debug session may call, each answered from twins or told nothing of data. A route that is
not here must refuse it."""
FOLLOWED = {("GET", "/v1/queries/{ask}"), ("DELETE", "/v1/queries/{ask}")}
"""Of the session's own question on its way, which a debug session's worker answers from twins."""
REAL = re.compile(r"US-?1\d{5}|record \d|Household \d")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    plan = replace(Plan(), households=household_rows(300), licence=verifying())
    with built_city(tmp_path_factory.mktemp("debugged"), plan) as found:
        yield found


@pytest.fixture(scope="module")
def gateway(city: City) -> Gateway:
    return gateway_of(city, "debug", "a")


def routes() -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for router in IN_SESSION
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


def test_every_route_is_open_to_debug_sessions_by_name_or_refuses_them(
    city: City, gateway: Gateway
) -> None:
    assert set(OPEN_TO_DEBUG) <= set(routes())
    assert set(routes()) >= FOLLOWED
    for method, path in FOLLOWED:
        answered = gateway.call(method, path.replace("{ask}", "a" * 32))
        assert problem_of(answered, 404)["code"] == "ask_unknown"
    closed = [route for route in routes() if route not in OPEN_TO_DEBUG.keys() | FOLLOWED]
    for method, path in closed:
        options: dict[str, Any] = {} if method == "GET" else {"json": {}}
        address = re.sub(r"{\w+}", "rel_" + "a" * 26, path)
        answered = gateway.call(method, f"{address}?format=csv", **options)
        assert problem_of(answered, 403)["code"] == "answer_synthetic", (method, path)
    if closed:
        logged = entries(city, EntryKind.REQUEST_REFUSED)
        assert logged[-1].public["code"] == "answer_synthetic"


def test_no_route_loads_a_worker_with_data_or_asks_for_a_key(city: City, gateway: Gateway) -> None:
    before = city.log_size()
    for (method, path), options in OPEN_TO_DEBUG.items():
        answered = gateway.call(method, path, **options)
        bare = path == "/v1/environment" and not SESSION_ENVIRONMENT.exists()
        assert answered.status_code in {200, 201} or bare, answered.text
        assert not REAL.search(answered.content.decode("utf-8", "replace"))
    rows = gateway.call("POST", "/v1/query", json={"sql": ROWS_QUESTION})
    assert rows.status_code == 200
    assert not REAL.search(rows.content.decode("utf-8", "replace"))
    keys = city.platform.pool.warm_keys()
    assert keys
    assert all(key.synthetic for key in keys)
    kinds = {entry.kind for entry in city.entries(first=before)}
    assert kinds
    assert kinds <= {
        EntryKind.DEBUG_QUESTION_DECIDED,
        EntryKind.DEBUG_ANSWER_RELEASED,
        EntryKind.DEBUG_CLAIM_DECIDED,
        EntryKind.DEBUG_CLAIM_ANSWERED,
        EntryKind.ATTEMPT_REPORTED,
        EntryKind.REVIEW_SUBMITTED,
        EntryKind.PACKAGE_REQUESTED,
    }
    city.platform.pool.drop(city.licence)


def test_entries_of_debug_say_so_and_keep_their_grammar(city: City) -> None:
    scope = replace(city.scope(), twin=True)
    before = city.log_size()
    city.ask(ROWS_QUESTION, scope=scope)
    with pytest.raises(SandgateError):
        city.ask("SELECT wages FROM households", scope=scope)
    found = city.entries(first=before)
    assert len(found) == 3
    for entry in found:
        assert entry.public["twin"] is True
        content = {"kind": entry.kind, "public": dict(entry.public), "private": {}}
        assert departure_of(content) is None


def test_the_key_holder_opens_no_extract_on_a_debug_entry() -> None:
    for kind in EntryKind:
        if kind.value.startswith("debug:"):
            cited = CitedEntry(1, b"", kind, {"licence": "lic_a", "twin": True}, 2, b"")
            with pytest.raises(Denied):
                check_opens(cited, "extract-abc", "lic_a")


@pytest.mark.parametrize("kind", ["rows", "aggregate"])
@pytest.mark.parametrize("twin", [True, False])
def test_a_table_and_a_worker_of_different_worlds_never_meet(kind: Any, *, twin: bool) -> None:
    opened = []

    def never(columns: tuple[str, ...]) -> pa.RecordBatchReader:
        opened.append(columns)
        return pa.table({"a": [1]}).to_reader()

    source = TableSource(never, {"a": 8}, frozenset({"a"}), synthetic=not twin)
    pool: EnginePool = open_pool()
    try:
        key = WorkerKey("lic_a", "v1", kind, synthetic=twin)
        with pytest.raises(QuestionFailed):
            pool.query(key, {"t": source}, "SELECT * FROM t", CAPS, person="per_a")
        assert not pool.warm_keys()
    finally:
        pool.close()
    assert not opened


def test_the_debug_road_is_handed_neither_keys_nor_home(city: City) -> None:
    assert not {"keys", "home", "enforcer"} & set(RehearsalParts.__dataclass_fields__)
    rehearsal: Rehearsal = city.platform.pipeline._rehearsal
    assert not [
        value
        for value in vars(rehearsal._parts).values()
        if value is city.platform.keys or value == city.home
    ]


def test_neither_world_answers_from_the_others_store(city: City) -> None:
    sql = "SELECT state, SUM(wages) AS total FROM households GROUP BY state"
    twin = replace(city.scope(), twin=True)
    made_up = told(city.ask(sql, scope=twin))
    real = city.ask(sql)
    assert told(real)["repeated"] is False
    assert "synthetic" not in told(real)
    assert told(real)["answer_id"] != made_up["answer_id"]
    again = city.ask(sql, scope=twin)
    assert told(again)["answer_id"] == made_up["answer_id"]
    assert rows_of(again) != rows_of(real)
    assert told(city.ask(sql))["answer_id"] == told(real)["answer_id"]


def test_an_answer_from_a_twin_is_never_released_in_any_session(city: City) -> None:
    answer = told(city.ask(COUNT_BY_STATE, scope=replace(city.scope(), twin=True)))["answer_id"]
    asked = {"answer_id": answer, "title_zh": "表", "title_en": "Table"}
    for mode in ("debug", "production"):
        gateway = gateway_of(city, mode, {"debug": "b", "production": "c"}[mode])
        refused = gateway.call("POST", "/v1/releases", json=asked)
        assert problem_of(refused, 403)["code"] == "answer_synthetic"
    with reading(city.platform.engine) as connection:
        assert answer_by_id(connection, answer, city.licence) is None
        with pytest.raises(Denied, match="answer_synthetic"):
            refuse_synthetic(connection, answer, city.licence)
        refuse_synthetic(connection, answer, "lic_of_another")


def test_the_list_of_what_was_received_and_the_history_name_no_twin(city: City) -> None:
    def remembered() -> list[int]:
        tables = [t for name, t in metadata.tables.items() if name == "question_history"]
        assert tables
        with reading(city.platform.engine) as connection:
            return [
                connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables
            ]

    before = city.platform.received.list(city.licence, city.actor("founder")), remembered()
    sql = "SELECT degree, AVG(earnings) AS mean FROM colleges GROUP BY degree"
    city.ask(sql, scope=replace(city.scope(), twin=True))
    after = city.platform.received.list(city.licence, city.actor("founder")), remembered()
    assert before == after


def test_two_neighbours_have_the_same_twins_to_the_byte(city: City) -> None:
    """The same metadata over other rows: another version, one household less, other values."""

    def made() -> dict[str, list[pa.Table]]:
        pack = load_policies()
        shelf = TwinShelf(pack.rules(TwinRules), pack.rules(MaskRules))
        licence = city.platform.pipeline._preparing.licence(city.scope())
        with reading(city.platform.engine) as connection:
            twins = shelf.of(
                twins_wanted(
                    connection, licence.id, granted_datasets(connection, licence), shelf.rules
                )
            )
        return {
            name: [twin.rows, *twin.protected.values(), *([twin.extract] if twin.plan else [])]
            for name, twin in twins.items()
        }

    scope = replace(city.scope(), twin=True)
    asked = ROWS_QUESTION.replace("earnings", "state")
    first, rows, subjects = made(), rows_of(city.ask(asked, scope=scope)), described(city)
    changed = [{**row, "wages": 99_999} for row in household_rows(300)[:-3]]
    city.publish("households", changed)
    second = made()
    assert first.keys() == second.keys()
    for name, tables in first.items():
        for one, two in zip(tables, second[name], strict=True):
            assert stream(one) == stream(two), name
    assert rows_of(city.ask(asked, scope=scope)) == rows
    assert described(city) == subjects


def described(city: City) -> list[dict[str, object]]:
    return city.platform.pipeline.datasets(replace(city.scope(), twin=True))


def stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def gateway_of(city: City, mode: str, letter: str) -> Gateway:
    """Give the analyst a session in some mode; it stands in the store as the registry writes it."""
    actor, slot = city.actor("analyst"), letter * 26
    with city.platform.engine.begin() as connection:
        connection.execute(
            insert(sessions).values(
                id="ses_" + slot,
                slot=slot,
                person=actor.person,
                organisation=actor.organisation,
                licence=city.licence,
                purpose="industry",
                mode=mode,
                state=mode,
                requested_us=1,
                changed_us=1,
            )
        )
    return Gateway(city, slot)
