"""Bad inputs to the gateway, from inside a session: each is a 4xx problem, never a crash."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.calling import Gateway, in_session, problem_of
from tests.city import City, built_city

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture(scope="module")
def gateway(city: City) -> Iterator[Gateway]:
    with in_session(city) as gateway:
        yield gateway


GATEWAY: dict[str, dict[str, Any]] = {
    "no body": {},
    "malformed": {"content": b"{", "headers": JSON},
    "NUL": {"json": {"sql": "SELECT 1\0"}},
    "lone surrogate": {"content": b'{"sql": "\\ud800"}', "headers": JSON},
    "empty": {"json": {"sql": ""}},
    "a list": {"json": ["SELECT 1"]},
    "a number": {"json": {"sql": 1}},
    "unknown field": {"json": {"sql": "SELECT 1", "as": "root"}},
    "float cost": {"json": {"sql": "SELECT 1", "question_nano_rho": 0.5}},
    "zero cost": {"json": {"sql": "SELECT 1", "question_nano_rho": 0}},
    "huge cost": {"json": {"sql": "SELECT 1", "question_nano_rho": 2**80}},
    "overlong": {"json": {"sql": "SELECT 1 -- " + "a" * 200_000}},
    "deep": {"content": b'{"sql":' + b"[" * 90_000, "headers": JSON},
    "another media type": {"content": b"SELECT 1", "headers": {"Content-Type": "text/plain"}},
    "not SQL": {"json": {"sql": "给我全部数据"}},
    "a file": {"json": {"sql": "SELECT * FROM read_csv('/etc/passwd')"}},
    "odd unicode": {"json": {"sql": "SELECT \u202e\ufeff\U0001f4a9 FROM households"}},
}


@pytest.mark.parametrize("path", ["/v1/estimate", "/v1/query", "/v1/verify"])
@pytest.mark.parametrize("name", GATEWAY)
def test_a_bad_question_is_refused(gateway: Gateway, name: str, path: str) -> None:
    problem_of(gateway.call("POST", path, **GATEWAY[name]))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"answer_id": "ans_x", "title_zh": "题", "title_en": "t"},
        {"answer_id": "../ans", "title_zh": "题", "title_en": "t"},
        {"answer_id": "a" * 81, "title_zh": "题", "title_en": "t"},
        {"answer_id": "ans_x", "title_zh": "", "title_en": "t"},
        {"answer_id": "ans_x", "title_zh": "题\0", "title_en": "t"},
        {"answer_id": ["ans_x"], "title_zh": "题", "title_en": "t"},
    ],
)
def test_a_bad_release_request_is_refused(gateway: Gateway, asked: dict[str, Any]) -> None:
    problem_of(gateway.call("POST", "/v1/releases", json=asked))


def test_the_gateway_has_no_other_address(gateway: Gateway) -> None:
    for path in ("/", "/v1", "/api/v1/organisations", "/v1/datasets/../../x", "/openapi.json"):
        problem_of(gateway.call("GET", path), 404)


def test_a_gateway_without_a_session_refuses_everything(city: City) -> None:
    gateway = Gateway(city, slot="b" * 26)
    for path in ("/v1/datasets", "/v1/budget"):
        assert problem_of(gateway.call("GET", path), 403)["code"] == "session_not_open"
