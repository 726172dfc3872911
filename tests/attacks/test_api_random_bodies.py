"""Random JSON, and good documents with one part replaced, at every POST route: never a 5xx."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.calling import API, PROBLEM, Gateway, in_session
from tests.city import AUTHORITY, OPERATOR, City, built_city
from tests.city_documents import COLLEGES, HOUSEHOLDS, catalogue_entry, licence_json
from tests.registering import identity

SETTINGS = settings(
    deadline=None,
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAME = {"zh": "新", "en": "New"}
GOOD: dict[str, dict[str, Any]] = {
    "/organisations": {
        "id": "new_bureau",
        "kind": "provider",
        "name_zh": "新",
        "name_en": "New",
        "credit_code": "11999999MB2F00016L",
        "affiliates": [OPERATOR],
    },
    "/role-grants": {
        "change": {
            "kind": "person",
            "person": {
                "id": "newcomer",
                "name": "Newcomer",
                "kind": "person",
                "organisations": [OPERATOR],
                "roles": ["operator"],
                "accounts": [{"name": "newcomer", "organisation": OPERATOR}],
            },
            "until": "",
        },
        "identity": identity("newcomer"),
    },
    "/control-relations": {
        "relation": {
            "organisation": OPERATOR,
            "kind": "share",
            "controller_credit_code": "11999999MB2F00016L",
            "share_ppm": 600_000,
            "evidence": "register of companies",
        },
    },
    "/tokens": {"account": "analyst"},
    "/agreements": {
        "number": "agreement-9",
        "authority": AUTHORITY,
        "operator": OPERATOR,
        "valid_from": "2025-01-01",
        "valid_until": "2029-06-01",
        "collective_decision": "decision-1",
        "filing_number": "filing-1",
    },
    "/licences": licence_json(),
    "/periods": {"id": "2026-11"},
    "/catalog/entries": catalogue_entry({**HOUSEHOLDS, "entry": "306001/3"}),
    "/catalog/datasets": {**COLLEGES, "name": "more_colleges"},
    "/catalog/populations": {"name": "p", "label": NAME, "unit": NAME, "statement": "None."},
}
ODD_TEXT = st.sampled_from(
    ["", " ", "\n", "../..", "a" * 5_000, "１２", "\u202e", "é", "null", "2026-13-01", "9" * 40]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | ODD_TEXT
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture(scope="module")
def callers(city: City) -> list[httpx.Client]:
    names = ("founder", "steward", "analyst", "buyer", "checker_one", "auditor", None)
    return [city.client(name) for name in names]


@pytest.fixture(scope="module")
def posts(callers: list[httpx.Client]) -> list[str]:
    paths = callers[0].get(f"{API}/openapi.json").json()["paths"]
    found = sorted(path for path, item in paths.items() if "post" in item)
    assert len(found) >= 20
    return found


@pytest.fixture(scope="module")
def gateway(city: City) -> Iterator[Gateway]:
    with in_session(city) as gateway:
        yield gateway


def expected(response: httpx.Response) -> None:
    assert response.status_code < 500, f"{response.request.url}: {response.text}"
    if response.status_code >= 400:
        assert response.headers["content-type"] == PROBLEM
        problem = response.json()
        assert problem["code"] != "internal"
        assert problem["messages"]["zh"]
        assert problem["messages"]["en"]


def sent(document: object) -> dict[str, Any]:
    """Encode as a careless program would: NaN and lone surrogates go out as they are."""
    return {"content": json.dumps(document), "headers": {"Content-Type": "application/json"}}


@SETTINGS
@given(data=st.data())
def test_random_json_at_every_post_route_never_fails(
    callers: list[httpx.Client], posts: list[str], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(posts))
    while "{" in path:
        start, _, rest = path.partition("{")
        identifier = data.draw(st.text("abc_-.0~", min_size=1, max_size=30))
        path = start + identifier + rest.partition("}")[2]
    caller = data.draw(st.sampled_from(callers))
    body = sent(data.draw(DOCUMENTS))
    if "/versions" in path:
        path += "?file_name=" + data.draw(st.sampled_from(["a.csv", "a.parquet", "a"]))
    expected(caller.post(path, **body))


@SETTINGS
@given(data=st.data())
def test_a_good_document_with_one_part_replaced_never_fails(
    callers: list[httpx.Client], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(GOOD)))
    document = copy.deepcopy(GOOD[path])
    place: Any = document
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        below = place[key]
        if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
            break
        place = below
    place[key] = data.draw(DOCUMENTS)
    expected(callers[0].post(f"{API}{path}", **sent(document)))


@SETTINGS
@given(
    path=st.sampled_from(["/v1/query", "/v1/estimate", "/v1/releases"]),
    body=DOCUMENTS
    | st.fixed_dictionaries({"sql": st.text(max_size=60)}, optional={"question_nano_rho": SCALARS})
    | st.fixed_dictionaries({"answer_id": SCALARS, "title_zh": SCALARS, "title_en": SCALARS}),
)
def test_random_json_at_the_gateway_never_fails(gateway: Gateway, path: str, body: object) -> None:
    expected(gateway.call("POST", path, **sent(body)))
