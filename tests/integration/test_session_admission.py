"""A full host over the API: a refusal with a place, logged, and nothing requested or owed.

And the other way round: with room, a person is given the slot that was warm already.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from audit.tags import EntryKind
from foundation.settings import Settings
from sandbox.admission import Admission
from sandbox.slots import Slots
from tests.calling import API, problem_of
from tests.city import City, built_city
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment

pytestmark = need_namespaces
SHARE = 256 << 20
SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"),
        session_environment=SESSION_ENVIRONMENT,
        session_memory_budget_bytes=SHARE,
        session_slots_ceiling=1,
        session_preload="",
    )
    with built_city(settings.home, settings=settings) as city:
        yield city


@pytest.fixture
def full(city: City) -> Iterator[City]:
    """The same city, with no memory for sessions."""
    slots = city.platform.slots
    whole = slots.admission
    none = Admission(
        replace(whole._rules, budget_bytes=0), whole._stats, whole._clock, whole._on_refused
    )
    city.platform.sessions._slots = Slots(slots.backend, slots.pool, none)
    yield city
    city.platform.sessions._slots = slots


def test_on_a_full_host_a_person_gets_a_place_and_owes_nothing(full: City) -> None:
    before = full.log_size()
    client = full.client("analyst")
    for _ in range(2):
        refused = client.post(f"{API}/sessions", json={"licence": full.licence})
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (503, "sessions_full")
        assert problem["place"] == 1
        assert set(problem["messages"]) == {"zh", "en"}
        assert refused.headers["retry-after"] == str(problem["retry_seconds"])
        assert "place is kept" in str(problem["way_out"])
    queued = full.entries(EntryKind.SESSION_QUEUED, first=before)
    assert [(entry.public["place"], entry.public["waiting"]) for entry in queued] == [(1, 1)] * 2
    assert full.entries(EntryKind.SESSION_REQUESTED, first=before) == []
    assert full.platform.sessions.sessions() == ()


def test_who_may_not_open_a_session_takes_no_place(full: City) -> None:
    refused = full.client("rival").post(f"{API}/sessions", json={"licence": full.licence})
    problem_of(refused, 403)
    assert full.platform.sessions._slots.admission.waiting() == 0


@need_session_environment
def test_with_room_a_person_gets_the_warm_slot_and_the_next_a_place(city: City) -> None:
    pool = city.platform.slots.pool
    pool.start()
    assert pool.wait(1, SECONDS_MAX)
    (warm,) = pool._idle
    analyst = city.client("analyst")
    session = analyst.post(f"{API}/sessions", json={"licence": city.licence}).json()
    assert session["slot"] == warm
    second = analyst.post(f"{API}/sessions", json={"licence": city.licence})
    assert (second.status_code, second.json()["place"]) == (503, 1)
    assert pool.report().wanted == 0  # what people need is not kept for nobody
    assert city.client().get(f"{API}/health").json()["warm_sessions_trouble"] is None
    analyst.post(f"{API}/sessions/{session['id']}/close").raise_for_status()
    assert city.platform.slots.admission.rooms() == 1
