"""Bad inputs to the API over real HTTP: each is a 4xx problem in both languages, never a crash."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from foundation.clock import MICROSECONDS_PER_SECOND
from service.api.bodies import INTEGER_MAX
from service.serving import HEADER_BYTES_MAX
from service.tokens import TOKEN_SECONDS_MAX, DevelopmentIssuer
from tests.calling import API, TickingClock, problem_of
from tests.city import ENTERPRISE, OPERATOR, City, built_city, licence_json
from tests.registering import proposed

JSON = {"Content-Type": "application/json"}
ORGANISATION = {"id": "new_bureau", "kind": "provider", "name_zh": "新", "name_en": "New"}
Call = Callable[[httpx.Client], httpx.Response]


@pytest.fixture(scope="module")
def moved() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, moved: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=moved) as city:
        yield city


@pytest.fixture(scope="module")
def founder(city: City) -> httpx.Client:
    return city.client("founder")


def body(text: str | bytes) -> Call:
    """Send bytes as JSON to the registration of organisations."""
    content = text.encode() if isinstance(text, str) else text
    return lambda client: client.post(f"{API}/organisations", content=content, headers=JSON)


def field(path: str = "/organisations", /, **changes: object) -> Call:
    return lambda client: client.post(f"{API}{path}", json={**ORGANISATION, **changes})


def text_of(**changes: object) -> str:
    return json.dumps({**ORGANISATION, **changes})


BODIES: dict[str, tuple[Call, str]] = {
    "empty body": (body(""), "body_not_json"),
    "half an object": (body('{"id": "a"'), "body_not_json"),
    "two documents": (body("{}{}"), "body_not_json"),
    "trailing comma": (body('{"id": "a",}'), "body_not_json"),
    "single quotes": (body("{'id': 'a'}"), "body_not_json"),
    "invalid UTF-8": (body(b'{"id": "\xff\xfe"}'), "body_not_json"),
    "UTF-16": (body(text_of().encode("utf-16")), "body_not_json"),
    "byte order mark": (body(b"\xef\xbb\xbf{}"), "body_not_json"),
    "raw NUL": (body(b'{"id": "a\x00b"}'), "body_not_json"),
    "escaped NUL": (body(text_of(name_zh="a\0b")), "text_invalid"),
    "lone surrogate": (body('{"id": "\\ud800"}'), "text_invalid"),
    "lone surrogate as a name": (body('{"\\udfff": 1}'), "text_invalid"),
    "NaN": (body('{"id": NaN}'), "number_out_of_range"),
    "infinity": (body('{"id": -Infinity}'), "number_out_of_range"),
    "float that overflows": (body('{"id": 1e999}'), "number_out_of_range"),
    "integer of 65 bits": (body(f'{{"id": {2**64}}}'), "number_out_of_range"),
    "integer of 100,000 digits": (body('{"id": ' + "9" * 100_000 + "}"), "number_out_of_range"),
    "name given twice": (body('{"id": "a", "id": "b"}'), "field_twice"),
    "name given twice, deep": (body('{"x": [{"id": 1, "id": 1}]}'), "field_twice"),
    "nested 100 deep": (body("[" * 100 + "]" * 100), "body_too_deep"),
    "nested 200,000 deep": (body("[" * 200_000 + "]" * 200_000), "body_too_deep"),
    "objects nested deep": (body('{"a":' * 50_000 + "1" + "}" * 50_000), "body_too_deep"),
    "five megabytes": (body('{"id": "' + "a" * (5 << 20) + '"}'), "body_too_large"),
    "five megabytes of space": (body(" " * (5 << 20)), "body_too_large"),
    "a list": (body("[]"), "invalid_field"),
    "null": (body("null"), "invalid_field"),
    "a bare text": (body('"organisation"'), "invalid_field"),
    "a bare number": (body("7"), "invalid_field"),
    "true": (body("true"), "invalid_field"),
    "no fields": (body("{}"), "invalid_field"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_broken_body_is_refused_and_changes_nothing(
    city: City, founder: httpx.Client, name: str
) -> None:
    call, code = BODIES[name]
    before = city.platform.log.head()
    assert problem_of(call(founder))["code"] == code
    assert city.platform.log.head() == before


FIELDS: dict[str, tuple[Call, str]] = {
    "unknown field": (field(colour="red"), "colour"),
    "field of a megabyte's name": (field(**{"x" * (1 << 20): 1}), "xxx"),
    "control characters in a name": (field(**{"a\n\x1b[31m": 1}), "a"),
    "empty text": (field(name_zh=""), "name_zh"),
    "overlong text": (field(name_en="a" * 201), "name_en"),
    "number for a text": (field(name_en=5), "name_en"),
    "list for a text": (field(name_en=["a"]), "name_en"),
    "null for a text": (field(name_en=None), "name_en"),
    "object for a list": (field(affiliates={"a": 1}), "affiliates"),
    "unknown kind": (field(kind="emperor"), "kind"),
    "kind in capitals": (field(kind="PROVIDER"), "kind"),
    "traversal as an id": (field(id="../../etc/passwd"), "id"),
    "quotes as an id": (field(id="a'; DROP TABLE entry;--"), "id"),
    "full-width letters as an id": (field(id="ａｂｃ"), "id"),
    "right-to-left override as an id": (field(id="abc\u202e"), "id"),
    "trailing newline in an id": (field(id="abc\n"), "id"),
    "unknown affiliate": (field(affiliates=["nobody"]), "affiliates"),
    "wrong credit code": (field(credit_code="123"), "credit_code"),
    "no such account": (
        lambda client: client.post(f"{API}/tokens", json={"account": "nobody"}),
        "",
    ),
    "float for an integer": (
        lambda client: client.post(
            f"{API}/licences", json=_licence("budgets", 0, budget_nano_rho=1.5)
        ),
        "budget_nano_rho",
    ),
    "text for an integer": (
        lambda client: client.post(
            f"{API}/licences", json=_licence("scheme", "shares", 0, ppm="half")
        ),
        "ppm",
    ),
    "digits in quotes for an integer": (
        lambda client: client.post(
            f"{API}/matters/mat_x/extension", json={"days": "5", "reason": "-"}
        ),
        "days",
    ),
    "a truth for an integer": (
        lambda client: client.post(f"{API}/cases/cas_x/readings", json={"entries": [True]}),
        "entries.0",
    ),
    "zero for a truth": (
        lambda client: client.post(f"{API}/cases/cas_x/holds", json={"whole_log": 0}),
        "whole_log",
    ),
    "negative budget": (
        lambda client: client.post(
            f"{API}/licences", json=_licence("budgets", 0, budget_nano_rho=-1)
        ),
        "budget_nano_rho",
    ),
    "a licence that is a list of grants": (
        lambda client: client.post(f"{API}/licences", json={**licence_json(), "grants": "all"}),
        "grants",
    ),
    "a licence with a date that is none": (
        lambda client: client.post(
            f"{API}/licences", json={**licence_json(), "valid_until": "2027-02-30"}
        ),
        "valid_until",
    ),
    "a licence with another's id": (
        lambda client: client.post(f"{API}/licences", json={**licence_json(), "id": "../x"}),
        "id",
    ),
    "a period named as a path": (
        lambda client: client.post(f"{API}/periods", json={"id": "../2026"}),
        "id",
    ),
    "an entry that is empty": (
        lambda client: client.post(f"{API}/catalog/entries", json={}),
        "",
    ),
    "a data set that is empty": (
        lambda client: client.post(f"{API}/catalog/datasets", json={}),
        "",
    ),
    "an empty reason": (
        lambda client: client.post(f"{API}/licences/lic_x/suspend", json={"reason": ""}),
        "reason",
    ),
}


def _licence(*path: str | int, **changes: object) -> dict[str, Any]:
    document = licence_json()
    place: Any = document
    for part in path:
        place = place[part]
    place.update(changes)
    return document


@pytest.mark.parametrize("name", FIELDS)
def test_a_wrong_field_is_refused_and_named(founder: httpx.Client, name: str) -> None:
    call, named = FIELDS[name]
    problem = problem_of(call(founder))
    assert named in (problem["field"] or "")


ADDRESSES = {
    "NUL in an id": "/releases/rel%00x",
    "newline in an id": "/releases/rel%0ax",
    "overlong id": "/releases/" + "a" * 2_000,
    "traversal in an id": "/licences/..%2f..%2fetc%2fpasswd",
    "traversal of data sets": "/catalog/datasets/..%2f..%2f/rows",
    "invalid UTF-8 in an id": "/sessions/%ff%fe",
    "an injection as an id": "/licences/'%20OR%201=1--",
    "no such address": "/nothing",
    "negative index": "/log/entries/-1/receipt",
    "index beyond 64 bits": f"/log/entries/{2**70}/receipt",
    "index beyond the log": f"/log/entries/{2**40}/receipt",
    "index that is a word": "/log/entries/last/receipt",
    "start beyond 64 bits": f"/log/entries?start={2**64}",
    "negative start": "/log/entries?start=-1",
    "limit of zero": "/log/entries?limit=0",
    "limit too large": "/log/entries?limit=501",
    "limit as a float": "/log/entries?limit=1.5",
    "unknown kind": "/log/entries?kind=query:everything",
    "NUL in a query": "/log/entries?licence=%00",
    "a place beyond 64 bits": f"/matters?after={2**87}",
    "overlong query": "/log/entries?person=" + "a" * 300,
    "statements of no period": "/periods/1999-01/statements",
    "a period that is a path": "/periods/..%2f..%2f/statements",
}


def test_each_number_in_an_address_has_bounds_that_a_store_holds(city: City) -> None:
    paths = city.client().get(f"{API}/openapi.json").json()["paths"]
    described = [
        (place, one["name"], schema)
        for place, methods in paths.items()
        for operation in methods.values()
        for one in operation.get("parameters", ())
        for schema in (one["schema"], *one["schema"].get("anyOf", ()))
        if schema.get("type") == "integer"
    ]
    assert described
    bounded = {"minimum", "maximum"}
    assert [found[:2] for found in described if not bounded <= found[2].keys()] == []
    assert max(schema["maximum"] for *_where, schema in described) <= INTEGER_MAX


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_wrong_address_is_refused(founder: httpx.Client, name: str) -> None:
    problem_of(founder.get(f"{API}{ADDRESSES[name]}"))


def test_a_method_the_address_does_not_take_is_refused(founder: httpx.Client) -> None:
    response = founder.delete(f"{API}/organisations")
    assert problem_of(response, 405)["code"] == "http_405"
    assert response.headers["allow"] == "GET, POST"
    response = founder.delete(f"{API}/runs/subscriptions")  # no run of that name is meant
    assert problem_of(response, 405)["code"] == "http_405"
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/mixed"],
)
def test_a_body_of_another_media_type_is_refused(founder: httpx.Client, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = founder.post(f"{API}/organisations", content=text_of(), headers=headers)
    problem = problem_of(response, 415)
    assert (problem["code"], problem["field"]) == ("content_type_not_json", "Content-Type")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "bearer lower-case",
        "Basic Zm91bmRlcjpmb3VuZGVy",
        "Bearer sgdev1",
        "Bearer sgdev1..",
        "Bearer sgdev1.e30.e30",
        "Bearer sgdev1.!!!.???",
        "Bearer " + "a." * 20_000,
        "Bearer eyJhbGciOiJub25lIn0.eyJhY2NvdW50IjoiZm91bmRlciJ9.",
    ],
)
def test_a_garbled_token_is_no_token(city: City, header: str) -> None:
    response = city.client().get(f"{API}/organisations", headers={"Authorization": header})
    assert problem_of(response, 401)["code"] == "token_invalid"
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_with_one_character_changed_is_forged(city: City) -> None:
    prefix, payload, signature = city.token("founder").split(".")
    other = "A" if payload[10] != "A" else "B"
    for forged in (
        f"{prefix}.{payload[:10]}{other}{payload[11:]}.{signature}",
        f"{prefix}.{payload}.{signature[:-4]}AAAA",
        f"sgdev2.{payload}.{signature}",
        f"{prefix}.{payload}.{city.token('analyst').split('.')[2]}",
    ):
        header = {"Authorization": f"Bearer {forged}"}
        problem_of(city.client().get(f"{API}/organisations", headers=header), 401)


def test_an_expired_token_is_refused(city: City, moved: TickingClock) -> None:
    client = city.client("founder")
    assert client.get(f"{API}/organisations").status_code == 200
    moved.advance(TOKEN_SECONDS_MAX * MICROSECONDS_PER_SECOND)
    try:
        assert problem_of(client.get(f"{API}/organisations"), 401)["code"] == "token_invalid"
    finally:
        moved.advance(-TOKEN_SECONDS_MAX * MICROSECONDS_PER_SECOND)


def test_a_genuine_token_of_an_unregistered_account_is_refused(city: City) -> None:
    issuer = city.platform.issuer
    assert isinstance(issuer, DevelopmentIssuer)
    header = {"Authorization": f"Bearer {issuer.issue('nobody').text}"}
    response = city.client().get(f"{API}/organisations", headers=header)
    assert problem_of(response, 401)["code"] == "account_unknown"


def test_headers_beyond_the_limit_are_refused_before_the_service_reads_them(city: City) -> None:
    client = city.client("founder")
    huge = {"Accept-Language": "zh" * HEADER_BYTES_MAX}
    with suppress(httpx.ReadError):  # where the server hangs up before the header is whole
        assert client.get(f"{API}/organisations", headers=huge).status_code == 400
    assert client.get(f"{API}/organisations").status_code == 200


@pytest.mark.parametrize("language", ["", "xx", "en;q=99999999", "zh" * 5_000, "é"])
def test_an_odd_language_header_still_gets_an_answer(founder: httpx.Client, language: str) -> None:
    headers = {"Accept-Language": language.encode("latin-1")}
    response = founder.get(f"{API}/releases/rel_x", headers=headers)  # type: ignore[arg-type]
    problem_of(response, 404)


@pytest.mark.parametrize("key", [b"", b"a" * 201, b"a\tb", b"\xe9\x80\x80\x01"])
def test_a_bad_idempotency_key_is_refused(founder: httpx.Client, key: bytes) -> None:
    headers = [(b"Idempotency-Key", key)]
    response = founder.post(f"{API}/organisations", json=ORGANISATION, headers=headers)
    problem = problem_of(response, 422)
    assert (problem["code"], problem["field"]) == ("idempotency_key_invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    ("file_name", "content", "status"),
    [
        ("", b"a", 422),
        ("a" * 201, b"a", 422),
        ("../../etc/passwd", b"a", 422),
        ("rows.exe", b"MZ", 422),
        ("rows\0.csv", b"a", 422),
        ("../../../rows.csv", b"not,the\ncolumns,at all\n", 422),
        ("rows.csv", b"", 422),
        ("rows.csv", b"\x00" * 1000, 422),
        ("rows.csv", "行，列".encode("gb18030"), 422),
        ("rows.parquet", b"PAR1" + b"\xff" * 200 + b"PAR1", 422),
        ("rows.parquet", b"", 422),
    ],
)
def test_a_bad_upload_is_refused_and_leaves_nothing(
    city: City, file_name: str, content: bytes, status: int
) -> None:
    response = city.client("steward").post(
        f"{API}/catalog/datasets/colleges/versions",
        params={"file_name": file_name},
        content=content,
    )
    problem_of(response, status)
    assert not list((city.home / "uploads").glob("*"))


def test_an_upload_to_no_data_set_is_refused(city: City) -> None:
    for name in ("nothing", "..%2f..%2fx", "a" * 300, "%00"):
        response = city.client("steward").post(
            f"{API}/catalog/datasets/{name}/versions?file_name=rows.csv", content=b"a\n"
        )
        problem_of(response)


def test_organisations_named_in_a_body_must_exist(founder: httpx.Client) -> None:
    agreement = {
        "number": "n" * 200,
        "authority": "nobody",
        "operator": OPERATOR,
        "valid_from": "2026-01-01",
        "valid_until": "2027-01-01",
        "collective_decision": "d",
        "filing_number": "f",
    }
    assert "authority" in problem_of(founder.post(f"{API}/agreements", json=agreement))["field"]
    person = {
        "id": "someone",
        "name": "Someone",
        "organisations": [ENTERPRISE],
        "roles": ["developer"],
        "accounts": [{"name": "someone", "organisation": OPERATOR}],
    }
    refused = proposed(founder, {"kind": "person", "person": person}, "someone")
    assert "accounts" in problem_of(refused)["field"]
