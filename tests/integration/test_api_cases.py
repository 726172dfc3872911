"""Cases and retention over HTTP, on a whole city: hold, read, export, and erase years later."""

import threading
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from audit.reading import read_entries
from audit.store import entry_private
from audit.tags import EntryKind
from audit.verify.__main__ import run
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.settings import Settings
from foundation.terms import local_day, months_later, start_of_day_us
from tests.calling import API, entries, opened, problem_of
from tests.city import COUNT_BY_STATE, City, built_city
from tests.fakes import TickingClock

GROUNDS = {"grounds": "群众举报：疑似超范围查询"}
REASON = {"reason": "核查完毕"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=TickingClock()) as city:
        yield city


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def changing(tmp_path: Path, clock: TickingClock) -> Iterator[City]:
    """Give a city of one test's own, whose keys a key holder keeps."""
    settings = Settings(home=tmp_path / "city", key_holder="process")
    with built_city(tmp_path / "city", clock=clock, settings=settings) as city:
        yield city


def asked(city: City) -> int:
    city.ask(COUNT_BY_STATE)
    return entries(city, EntryKind.QUESTION_DECIDED)[-1].index


def opened_case(city: City, **hold: object) -> str:
    auditor = city.client("auditor")
    case: str = auditor.post(f"{API}/cases", json=GROUNDS).json()["id"]
    placed = auditor.post(f"{API}/cases/{case}/holds", json=hold)
    assert placed.status_code == 201, placed.text
    return case


def pass_months(clock: TickingClock, months: int) -> None:
    later = start_of_day_us(months_later(local_day(clock.now_us()), months))
    clock.advance(later - clock.now_us() + 2 * MICROSECONDS_PER_DAY)


def test_an_auditor_reads_a_question_for_a_case_and_takes_the_case_away(
    city: City, tmp_path: Path
) -> None:
    index = asked(city)
    auditor = city.client("auditor")
    case = auditor.post(f"{API}/cases", json=GROUNDS).json()["id"]
    body = {"entries": [index]}
    refused = auditor.post(f"{API}/cases/{case}/readings", json=body)
    assert problem_of(refused, 403)["code"] == "entry_not_covered"
    assert entries(city, EntryKind.TEXTS_REFUSED)[-1].public["entries"] == [index]
    assert COUNT_BY_STATE not in refused.text
    ambiguous = auditor.post(f"{API}/cases/{case}/holds", json={})
    assert problem_of(ambiguous, 422)["code"] == "scope_ambiguous"
    scope = {"licences": [city.licence], "since": "2026-01-01"}
    assert auditor.post(f"{API}/cases/{case}/holds", json=scope).status_code == 201
    read = auditor.post(f"{API}/cases/{case}/readings", json=body).json()
    assert COUNT_BY_STATE in [item.get("text") for item in read["fields"]]
    told = entries(city, EntryKind.TEXTS_READ)[-1]
    assert (told.index, told.content["actor"]["person"]) == (read["entry"], "auditor")
    assert COUNT_BY_STATE.encode() not in told.body
    pack = auditor.post(f"{API}/cases/{case}/export")
    path = tmp_path / "case.zip"
    path.write_bytes(pack.content)
    assert (
        run(["bundle", str(path), "--key", city.platform.log.verifier_key.text(), "--texts"]) == 0
    )
    with zipfile.ZipFile(BytesIO(pack.content)) as held:
        assert held.read("report.pdf").startswith(b"%PDF")
        assert COUNT_BY_STATE in held.read("private.jsonl").decode()
        assert f"entries/{index}.json" in held.namelist()
    assert opened(city, entries(city, EntryKind.CASE_OPENED)[-1]) == GROUNDS
    while list((city.platform.settings.home / "exports").iterdir()):
        threading.Event().wait(0.01)  # it is removed once its last byte was sent


def test_the_authority_sees_that_a_case_is_open_and_nothing_of_what_it_is_about(
    city: City,
) -> None:
    case = opened_case(city, persons=["analyst"])
    seen = city.client("founder").get(f"{API}/cases").json()["cases"][-1]
    assert (seen["id"], seen["state"], seen["holds_standing"]) == (case, "open", 1)
    assert "analyst" not in str(seen)
    assert problem_of(city.client("founder").get(f"{API}/cases/{case}"), 403)
    own = city.client("auditor").get(f"{API}/cases").json()["cases"][-1]
    assert own["holds"][0]["scope"]["persons"] == ["analyst"]


def test_a_case_closes_once_its_holds_are_lifted_and_changes_no_more(city: City) -> None:
    index = asked(city)
    case = opened_case(city, persons=["analyst"])
    auditor, path = city.client("auditor"), f"{API}/cases/{case}"
    early = problem_of(auditor.post(f"{path}/close", json=REASON), 409)
    assert early["code"] == "case_holds_standing"
    lift = f"{path}/holds/{auditor.get(path).json()['holds'][0]['id']}/lift"
    assert auditor.post(lift, json=REASON).status_code == 200
    assert problem_of(auditor.post(lift, json=REASON), 404)["code"] == "hold_unknown"
    assert problem_of(auditor.post(f"{path}/export"), 409)["code"] == "case_covers_nothing"
    assert auditor.post(f"{path}/close", json=REASON).json()["state"] == "closed"
    scope = {"persons": ["analyst"]}
    for step, body in (("close", REASON), ("holds", scope)):
        late = auditor.post(f"{path}/{step}", json=body)
        assert problem_of(late, 409)["code"] == "case_closed"
    late = auditor.post(f"{path}/readings", json={"entries": [index]})
    assert problem_of(late, 403)["code"] == "entry_not_covered"
    assert problem_of(auditor.post(lift, json=REASON), 409)["code"] == "case_closed"


def confirmed(city: City, purge: str, by: str = "approver") -> httpx.Response:
    return city.client(by).post(f"{API}/retention/purges/{purge}/confirmation")


def test_three_years_later_two_persons_erase_what_no_case_holds(
    changing: City, clock: TickingClock
) -> None:
    city = changing
    index = asked(city)
    day = local_day(clock.now_us())
    body = {"record_class": "question_text", "before": (day + timedelta(days=1)).isoformat()}
    early = problem_of(city.client("founder").post(f"{API}/retention/purges", json=body), 409)
    allowed = (months_later(day, 36) + timedelta(days=1)).isoformat()
    assert early["code"] == "purge_early"
    assert allowed in early["detail"]
    case = opened_case(city, licences=[city.licence])
    pass_months(clock, 36)
    held = problem_of(city.client("founder").post(f"{API}/retention/purges", json=body), 409)
    assert held["code"] == "purge_held"
    assert entries(city, EntryKind.PURGE_REFUSED)[-1].public["cases"] == [case]
    hold = city.client("auditor").get(f"{API}/cases/{case}").json()["holds"][0]["id"]
    lifted = city.client("auditor").post(f"{API}/cases/{case}/holds/{hold}/lift", json=REASON)
    assert lifted.json()["holds_standing"] == 0
    purge = city.client("founder").post(f"{API}/retention/purges", json=body).json()["id"]
    assert problem_of(confirmed(city, purge, "founder"), 403)["code"] == "applicant_cannot_approve"
    done = confirmed(city, purge).json()
    assert problem_of(confirmed(city, purge), 409)["code"] == "purge_confirmed"
    assert done["fields_erased"] >= 2  # the question, and its plan
    assert done["files_clean"]
    assert done["keys_destroyed"]
    with reading(city.platform.engine) as connection:
        left = connection.execute(select(entry_private.c.field).where(entry_private.c.idx == index))
        assert list(left) == []
        (erased,) = read_entries(connection, kinds=(EntryKind.FIELDS_ERASED,))
    assert index in erased.public["erased"]["sql"]


def test_the_list_of_what_is_due_says_what_each_term_rests_on(city: City) -> None:
    asked(city)
    listed = city.client("auditor").get(f"{API}/retention/due").json()["classes"]
    found = {item["record_class"]: item for item in listed}
    assert found["network_records"]["minimum_months"] == 6
    assert found["question_text"]["fields_kept"] >= 1
    assert (found["ledger"]["minimum_months"], found["ledger"]["by_law"]) == (360, False)


def test_a_hold_stops_no_licence_from_ending_and_no_extract_key_from_being_destroyed(
    changing: City,
) -> None:
    city = changing
    opened_case(city, whole_log=True)
    city.platform.activation.refresh_extracts()
    before = len(entries(city, EntryKind.EXTRACT_DESTROYED))
    ended = city.client("founder").post(f"{API}/licences/{city.licence}/end", json=REASON)
    assert ended.status_code == 200
    city.platform.activation.destroy_ended()
    assert len(entries(city, EntryKind.EXTRACT_DESTROYED)) > before
    assert entries(city, EntryKind.LICENCE_ENDED)[-1].public["licence"] == city.licence
    assert city.client("auditor").get(f"{API}/cases").json()["cases"][0]["holds_standing"] == 1
