"""I7: a licence that is suspended, ended or over stops at once, whatever the log is doing.

The effect comes first (board, marker, workers, doors), the entry after it; one that was never
written is written at the next start. What an ended licence held is destroyed with its keys.
"""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.tags import EntryKind
from authorization.licences import LicenceState, require_licence
from disclosure.extract_records import active_extracts, standing_extracts
from disclosure.extracts import pseudonym_key_name
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Conflict, SandgateError, Unavailable
from foundation.settings import Settings
from sandbox.lifecycle import SessionState
from service.upkeep import Upkeep
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, City, built_city, licence_json, opened_city
from tests.fakes import TickingClock
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment

pytestmark = need_namespaces
EFFECT_SECONDS_MAX = 20.0
SLOW_ROWS = "SELECT COUNT(*) AS n FROM colleges a, colleges b, colleges c, colleges d"


class Faults:
    def __init__(self) -> None:
        self.at: dict[str, Callable[[], None]] = {}

    def __call__(self, point: str) -> None:
        self.at.get(point, lambda: None)()


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, faults: Faults, clock: TickingClock
) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city") / "home"
    with built_city(home, fault=faults, clock=clock) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_faults(faults: Faults) -> Iterator[None]:
    yield
    faults.at.clear()


def suspend(city: City, licence: str) -> None:
    city.platform.revocation.suspend(city.actor("approver"), licence, "test")


def refusal(city: City, licence: str, sql: str = ROWS_QUESTION) -> SandgateError:
    with pytest.raises(SandgateError) as found:
        city.ask(sql, scope=city.scope(licence=licence))
    return found.value


def workers(city: City, licence: str) -> set[str]:
    return {key.kind for key in city.platform.pool.warm_keys() if key.licence == licence}


def state(city: City, licence: str) -> LicenceState:
    with reading(city.platform.engine) as connection:
        return require_licence(connection, licence).state


def test_a_suspension_ends_workers_doors_and_questions_within_a_second(city: City) -> None:
    licence = city.grant(licence_json())
    city.ask(ROWS_QUESTION, scope=city.scope(licence=licence))
    city.ask(COUNT_BY_STATE, scope=city.scope(licence=licence))
    assert workers(city, licence) == {"rows", "aggregate"}
    darkened: list[str] = []
    city.platform.board.listen(darkened.append)
    started = time.monotonic()
    suspend(city, licence)
    assert workers(city, licence) == set()
    assert darkened == [licence]
    for sql in (ROWS_QUESTION, COUNT_BY_STATE):
        assert refusal(city, licence, sql).code == "licence_not_in_force"
    assert time.monotonic() - started < EFFECT_SECONDS_MAX
    with pytest.raises(SandgateError):
        city.platform.pipeline.datasets(city.scope(licence=licence))
    city.ask(ROWS_QUESTION)  # another licence goes on


def test_a_running_question_is_cut_off(city: City) -> None:
    licence = city.grant(licence_json())
    scope = city.scope(licence=licence)
    city.ask("SELECT COUNT(*) AS n FROM colleges", scope=scope)
    found: list[str] = []

    def ask() -> None:
        try:
            city.ask(SLOW_ROWS, scope=scope)
            found.append("answered")
        except SandgateError as error:
            found.append(error.code)

    thread = threading.Thread(target=ask)
    thread.start()
    while city.entries(EntryKind.QUESTION_DECIDED)[-1].public["licence"] != licence:
        time.sleep(0.01)
    time.sleep(0.2)
    before = city.log_size()
    started = time.monotonic()
    suspend(city, licence)
    thread.join(EFFECT_SECONDS_MAX)
    assert time.monotonic() - started < EFFECT_SECONDS_MAX
    assert len(found) == 1
    assert found[0] in {"engine_error", "licence_not_in_force"}
    kinds = {entry.kind for entry in city.entries(first=before)}
    assert kinds == {EntryKind.LICENCE_SUSPENDED, EntryKind.ANSWER_FAILED}


def test_a_suspension_waits_for_no_log(city: City, faults: Faults) -> None:
    licence = city.grant(licence_json())
    city.ask(ROWS_QUESTION, scope=city.scope(licence=licence))
    approver = city.actor("approver")
    writing, go_on = threading.Event(), threading.Event()

    def block() -> None:
        writing.set()
        assert go_on.wait(30)

    faults.at["before_batch"] = block
    thread = threading.Thread(
        target=city.platform.revocation.suspend, args=(approver, licence, "test")
    )
    started = time.monotonic()
    thread.start()
    assert writing.wait(EFFECT_SECONDS_MAX)
    assert not city.platform.board.is_open(licence)
    assert (city.home / "closures" / f"{licence}.json").exists()
    assert workers(city, licence) == set()
    assert time.monotonic() - started < EFFECT_SECONDS_MAX
    assert state(city, licence) is LicenceState.ACTIVE  # the entry is not written yet
    faults.at.clear()
    go_on.set()
    thread.join(30)
    assert state(city, licence) is LicenceState.SUSPENDED


def disk_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_suspension_the_log_could_not_take_holds_and_is_written_at_the_next_start(
    tmp_path: Path,
) -> None:
    faults = Faults()
    with built_city(tmp_path / "home", fault=faults) as city:
        licence = city.licence
        approver = city.actor("approver")
        faults.at["before_commit"] = disk_full
        shut = city.platform.revocation.suspend(approver, licence, "test")
        faults.at.clear()
        assert shut.recorded is None
        assert refusal(city, licence).code == "licence_not_in_force"
        assert city.entries(EntryKind.LICENCE_SUSPENDED) == []
    for _ in range(2):
        with opened_city(tmp_path / "home", licence=licence) as city:
            (entry,) = city.entries(EntryKind.LICENCE_SUSPENDED)
            assert entry.public["ordered_by"] == "approver"
            assert refusal(city, licence).code == "licence_not_in_force"


def test_upkeep_writes_an_owed_suspension_without_a_restart(
    city: City, faults: Faults, clock: TickingClock
) -> None:
    licence = city.grant(licence_json())
    approver = city.actor("approver")
    faults.at["before_commit"] = disk_full
    assert city.platform.revocation.suspend(approver, licence, "test").recorded is None
    faults.at.clear()
    upkeep = Upkeep(city.platform)
    upkeep.run_once()
    assert state(city, licence) is LicenceState.ACTIVE  # it may be on its way still
    clock.advance(31_000_000)
    upkeep.run_once()
    assert state(city, licence) is LicenceState.SUSPENDED


def test_a_term_that_is_over_stops_questions_at_once_and_the_rest_with_upkeep(
    tmp_path: Path,
) -> None:
    clock = TickingClock()
    with built_city(tmp_path / "home", clock=clock) as city:
        short = city.grant(licence_json(valid_until="2027-01-01"))
        city.ask(ROWS_QUESTION, scope=city.scope(licence=short))
        with reading(city.platform.engine) as connection:
            (extract,) = active_extracts(connection, short)
        clock.advance(60 * MICROSECONDS_PER_DAY)
        assert refusal(city, short).code == "licence_not_in_force"
        assert state(city, short) is LicenceState.ACTIVE
        assert (city.home / extract.path).exists()
        Upkeep(city.platform).run_once()
        assert state(city, short) is LicenceState.EXPIRED
        assert workers(city, short) == set()
        assert not (city.home / extract.path).exists()
        with pytest.raises(Unavailable):
            city.platform.keys.data_key(extract.key_name)
        (destroyed,) = city.entries(EntryKind.EXTRACT_DESTROYED)
        assert destroyed.public["extract_digest"] == extract.digest
        city.ask(ROWS_QUESTION)  # the other licence goes on


def test_a_suspension_is_lifted_and_the_next_question_answered(city: City) -> None:
    licence = city.grant(licence_json())
    suspend(city, licence)
    city.platform.revocation.resume(city.actor("founder"), licence, "settled")
    city.platform.activation.reload()
    city.ask(ROWS_QUESTION, scope=city.scope(licence=licence))


def test_what_an_ended_licence_held_is_destroyed_even_if_nobody_stayed_to_do_it(
    city: City,
) -> None:
    licence = city.grant(licence_json())
    city.ask(ROWS_QUESTION, scope=city.scope(licence=licence))
    with reading(city.platform.engine) as connection:
        (extract,) = active_extracts(connection, licence)
    city.platform.revocation.end(city.actor("approver"), licence, "over")
    assert (city.home / extract.path).exists()  # killed before the keys were destroyed, say
    assert city.platform.activation.remove_leftovers() == []
    assert not (city.home / extract.path).exists()
    for name in (extract.key_name, pseudonym_key_name(licence)):
        with pytest.raises(Unavailable):
            city.platform.keys.data_key(name)
    with reading(city.platform.engine) as connection:
        assert standing_extracts(connection, licence) == []
    with pytest.raises(Conflict):
        suspend(city, licence)
    assert refusal(city, licence).code == "licence_not_in_force"


def test_an_extract_that_a_crash_left_unrecorded_is_destroyed_at_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with built_city(home) as city:
        licence = city.licence
        stray = home / "extracts" / "stray.parquet"
        stray.write_bytes(b"half an extract")
        city.platform.keys.create_data_key("extract-stray")
    with opened_city(home, licence=licence) as city:
        assert not stray.exists()
        with pytest.raises(Unavailable):
            city.platform.keys.data_key("extract-stray")
        city.ask(ROWS_QUESTION)


def test_upkeep_runs_by_itself_writes_counted_refusals_and_stops(tmp_path: Path) -> None:
    clock = TickingClock()
    with built_city(tmp_path / "home", clock=clock) as city:
        scope = city.scope()
        for _ in range(62):
            with pytest.raises(SandgateError):
                city.ask("SELEC 1", scope=scope)
        clock.advance(61_000_000)
        upkeep = Upkeep(city.platform, every_seconds=0.05)
        upkeep.start()
        deadline = time.monotonic() + 10
        while not city.entries(EntryKind.REFUSALS_COALESCED):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        upkeep.stop()
        assert "upkeep" not in {thread.name for thread in threading.enumerate()}
        (count,) = city.entries(EntryKind.REFUSALS_COALESCED)
        assert count.public["count"] == 2


@need_session_environment
def test_a_live_session_goes_dark_at_once_and_is_frozen_then_closed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", session_environment=SESSION_ENVIRONMENT)
    with built_city(settings.home, settings=settings) as city:
        client = city.client()  # the gateway has its application now
        platform, analyst = city.platform, city.actor("analyst")
        session = platform.sessions.open(analyst, city.licence, "industry")
        assert session.slot is not None
        host = {"Host": f"{session.slot}.{settings.platform_host}"}
        lit = client.get("/lab", headers=host)
        started = time.monotonic()
        suspend(city, city.licence)
        dark = client.get("/lab", headers=host)
        assert lit.json()["code"] == "session_unknown"  # there is one, but not for this caller
        assert (dark.status_code, dark.json()["code"]) == (403, "session_frozen")
        assert time.monotonic() - started < EFFECT_SECONDS_MAX
        upkeep = Upkeep(platform)
        upkeep.run_once()
        assert platform.sessions.session(session.id).state is SessionState.FROZEN
        platform.revocation.end(city.actor("approver"), city.licence, "over")
        upkeep.run_once()
        assert platform.sessions.session(session.id).state is SessionState.DESTROYED
        kinds = [entry.kind for entry in city.entries(EntryKind.SESSION_FROZEN)]
        assert len(kinds) == 1
