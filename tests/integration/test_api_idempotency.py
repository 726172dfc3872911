"""A POST repeated with its key takes effect once: at once, concurrently, and after a restart."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from tests.calling import API, entries, problem_of
from tests.city import City, built_city, opened_city

ORGANISATIONS = f"{API}/organisations"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


COLUMNS = "college_id,code,record,state,degree,year,earnings"


def colleges_csv(rows: int) -> bytes:
    """Return college rows as an official would save them."""
    lines = [f"{100 + n},US-{100 + n},record {n},east,two_year,2015,30000" for n in range(rows)]
    return "\n".join([COLUMNS, *lines, ""]).encode()


def bureau(identifier: str) -> dict[str, Any]:
    return {"id": identifier, "kind": "provider", "name_zh": "局", "name_en": "Bureau"}


def post(client: httpx.Client, key: str, body: dict[str, Any]) -> httpx.Response:
    return client.post(ORGANISATIONS, json=body, headers={"Idempotency-Key": key})


def created(city: City, organisation: str) -> int:
    found = entries(city, EntryKind.ORGANISATION_CREATED)
    return sum(item.public["organisation"] == organisation for item in found)


def test_the_same_key_with_another_body_is_a_conflict(city: City) -> None:
    founder = city.client("founder")
    assert post(founder, "k1", bureau("first")).status_code == 201
    for body in (bureau("second"), {**bureau("first"), "name_en": "Other"}):
        problem = problem_of(post(founder, "k1", body), 409)
        assert (problem["code"], problem["field"]) == ("idempotency_key_reused", "Idempotency-Key")
    assert created(city, "second") == 0


def test_the_same_key_with_another_query_is_another_request(city: City) -> None:
    founder = city.client("founder")
    headers = {"Idempotency-Key": "query"}
    path = f"{API}/catalog/entries"
    first = founder.post(path, params={"provider": "city_bureau"}, json={}, headers=headers)
    problem_of(first, 422)
    assert post(founder, "query", bureau("query")).status_code == 201


def test_a_repeat_gets_the_same_answer_and_one_effect(city: City) -> None:
    founder = city.client("founder")
    first, again = (post(founder, "k2", bureau("repeated")) for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["content-type"] == again.headers["content-type"]
    assert created(city, "repeated") == 1


def test_a_repeat_with_a_renewed_token_is_still_the_same_caller(city: City) -> None:
    first = post(city.client("founder"), "k3", bureau("renewed"))
    again = post(city.client("founder"), "k3", bureau("renewed"))
    assert (again.status_code, again.content) == (201, first.content)


def test_the_same_key_of_another_person_is_another_request(city: City) -> None:
    assert post(city.client("founder"), "k4", bureau("of_founder")).status_code == 201
    assert post(city.client("approver"), "k4", bureau("of_approver")).status_code == 201


def test_an_invalid_token_gets_no_remembered_answer(city: City) -> None:
    founder = city.client("founder")
    post(founder, "k5", bureau("guarded"))
    anonymous = city.client()
    problem_of(post(anonymous, "k5", bureau("guarded")), 401)


def test_a_refused_request_does_not_use_its_key_up(city: City) -> None:
    founder = city.client("founder")
    broken = {**bureau("later"), "affiliates": ["arrives_later"]}
    problem_of(post(founder, "k6", broken), 422)
    assert post(founder, "k7", bureau("arrives_later")).status_code == 201
    assert post(founder, "k6", broken).status_code == 201


def test_a_denied_fetch_does_not_use_its_key_up(city: City) -> None:
    path = f"{API}/products/{city.licence}/fetches"
    headers = {"Idempotency-Key": "fetch"}
    codes = [problem_of(city.client("buyer").post(path, headers=headers))["code"] for _ in range(2)]
    assert codes == ["product_not_released"] * 2


def test_concurrent_repeats_have_one_effect(city: City) -> None:
    founder = city.client("founder")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(founder, "k8", bureau("raced")), range(16)))
    assert created(city, "raced") == 1
    assert {item.status_code for item in answers} <= {201, 409}
    assert len({item.content for item in answers if item.status_code == 201}) == 1
    for item in answers:
        if item.status_code == 409:
            assert problem_of(item)["code"] == "already_done"


def test_an_upload_repeated_with_its_key_publishes_once(city: City) -> None:
    steward = city.client("steward")

    def upload(content: bytes) -> httpx.Response:
        return steward.post(
            f"{API}/catalog/datasets/colleges/versions",
            params={"file_name": "rows.csv"},
            content=content,
            headers={"Idempotency-Key": "upload"},
        )

    first, again = (upload(colleges_csv(20)) for _ in range(2))
    assert (first.status_code, first.content) == (201, again.content)
    problem = problem_of(upload(colleges_csv(21)), 409)
    assert problem["code"] == "idempotency_key_reused"


def test_after_a_restart_a_repeat_names_the_entry_it_took_effect_as(tmp_path: Path) -> None:
    with opened_city(tmp_path) as city:
        first = post(city.client("founder"), "k9", bureau("durable"))
        assert first.status_code == 201
    with opened_city(tmp_path) as city:
        problem = problem_of(post(city.client("founder"), "k9", bureau("durable")), 409)
        assert problem["code"] == "already_done"
        assert str(first.json()["entry"]) in problem["messages"]["zh"]
        assert str(first.json()["entry"]) in problem["messages"]["en"]
        other = problem_of(post(city.client("founder"), "k9", bureau("other")), 409)
        assert other["code"] == "idempotency_key_reused"
        assert created(city, "durable") == 1
