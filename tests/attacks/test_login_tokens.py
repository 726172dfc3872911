"""Tokens and answers that an attacker made: none signs anybody in, and none costs us much."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.login.bindings import BY_FOUNDING, bind_at_once
from service.login.cookies import COOKIE_OF_DEVELOPMENT, FLOW_COOKIE_OF_DEVELOPMENT
from service.login.provider import REFETCH_SECONDS_MIN
from service.login.visiting import own_path
from tests.city import City, opened_city
from tests.crafted_issuer import (
    AUDIENCE,
    CLIENT,
    KEY,
    OTHER_KEY,
    CraftedIssuer,
    crafted_issuer,
    signed,
)
from tests.fakes import SteppedClock
from tests.forged_tokens import BOMBS, CLAIMS, FORGED, METADATA, ROGUE, base64_text
from tests.refusing import code_on
from tests.signing_in import settings_for, toml_of

SECOND_US = 1_000_000
HOUR = 3_600
BELIEVED = "login_unknown"  # the token was believed; nobody here goes by that name
REFUSED = "login_refused"
_BROWSERS: dict[int, httpx.Client] = {}


@pytest.fixture(scope="module")
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="module")
def issuers() -> Iterator[tuple[CraftedIssuer, CraftedIssuer]]:
    with crafted_issuer() as one, crafted_issuer() as two:
        yield one, two


@pytest.fixture(scope="module")
def city(
    issuers: tuple[CraftedIssuer, CraftedIssuer],
    clock: SteppedClock,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "secret").write_text("a-secret-of-the-tests")
    place = home / "issuers.toml"
    place.write_text(
        "".join(
            toml_of(
                {
                    "alias": alias,
                    "name_zh": alias,
                    "name_en": alias,
                    "issuer": issuer.url,
                    "client_id": CLIENT,
                    "client_secret_file": "secret",
                    "audience": AUDIENCE,
                }
            )
            for alias, issuer in zip(("one", "two"), issuers, strict=True)
        )
    )
    with opened_city(home / "h", settings=settings_for(home / "h", place), clock=clock) as city:
        yield city


@pytest.fixture
def one(
    issuers: tuple[CraftedIssuer, CraftedIssuer], clock: SteppedClock
) -> Iterator[CraftedIssuer]:
    """The first issuer as it was at the beginning; what was fetched of it is out of date."""
    clock.advance(25 * HOUR * SECOND_US)
    issuer = issuers[0]
    yield issuer
    issuer.keys = [dict(KEY.as_dict(private=False))]
    issuer.further, issuer.instead = {}, {}
    issuer.asked.clear()


def fresh(city: City) -> httpx.Client:
    """Return the one browser of this module without cookies: making one costs more than a test."""
    client = _BROWSERS.get(id(city)) or _BROWSERS.setdefault(id(city), city.client())
    client.cookies.clear()
    client.headers.pop("Cookie", None)
    return client


def begin(city: City, alias: str = "one") -> tuple[httpx.Client, dict[str, str]]:
    """Begin a login; return the browser and what the issuer was sent."""
    client = fresh(city)
    location = client.get(f"/login/start/{alias}").headers["location"]
    return client, {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def answered(city: City, issuer: CraftedIssuer, token: Any, **query: str) -> str:
    """Come back from the issuer with a code that is worth this token; return the refusal's code."""
    client, asked = begin(city)
    now = city.platform.clock.now_us() // SECOND_US
    issuer.token = lambda _form: token(issuer.claims(now, nonce=asked["nonce"]))
    sent = {"code": "c", "state": asked["state"], **query}
    return code_on(client.get("/login/callback/one", params=sent))


def with_(**changed: object) -> Any:
    """Return a token of good claims but for these."""

    def token(claims: dict[str, Any]) -> str:
        found = {**claims, **changed}
        return signed({name: value for name, value in found.items() if value is not None})

    return token


def test_a_good_token_is_believed(city: City, one: CraftedIssuer) -> None:
    assert answered(city, one, signed) == BELIEVED


@pytest.mark.parametrize("name", FORGED)
def test_forged(name: str, city: City, one: CraftedIssuer) -> None:
    assert answered(city, one, FORGED[name]) == REFUSED


@pytest.mark.parametrize("name", CLAIMS)
def test_claims(name: str, city: City, one: CraftedIssuer) -> None:
    changed = {
        key: f"{one.url}/" if value == "SLASH" else value for key, value in CLAIMS[name].items()
    }
    assert answered(city, one, with_(**changed)) == REFUSED


def test_room_for_clocks_that_differ(city: City, one: CraftedIssuer) -> None:
    now = city.platform.clock.now_us() // SECOND_US
    assert answered(city, one, with_(iat=now + 59, auth_time=now + 59)) == BELIEVED
    assert answered(city, one, with_(exp=now - 59)) == BELIEVED
    assert answered(city, one, with_(iat=now + 61)) == REFUSED
    assert answered(city, one, with_(exp=now - 61)) == REFUSED


def test_the_answer_must_fit_the_browser_that_asked(city: City, one: CraftedIssuer) -> None:
    one.token = lambda _form: ""
    client, asked = begin(city)
    for query in (
        {"code": "c"},
        {"code": "c", "state": "x"},
        {"code": "c", "state": asked["nonce"]},
        {"code": "c", "state": asked["state"][:-1]},
    ):
        answer = client.get("/login/callback/one", params=query)
        assert code_on(answer) == "login_flow_unknown"
    sealed = client.cookies[FLOW_COOKIE_OF_DEVELOPMENT]
    body, _, seal = sealed.partition(".")
    other = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64_text(json.dumps({**other, "back": "https://evil.test/"}).encode())
    client.cookies.clear()
    client.headers["Cookie"] = f"{FLOW_COOKIE_OF_DEVELOPMENT}={changed}.{seal}"
    answer = client.get("/login/callback/one", params={"code": "c", "state": asked["state"]})
    assert code_on(answer) == "login_flow_unknown"
    tossed = f"{FLOW_COOKIE_OF_DEVELOPMENT}={sealed}"
    client.headers["Cookie"] = f"{tossed}; {tossed}"  # a neighbouring host set one as well
    answer = client.get("/login/callback/one", params={"code": "c", "state": asked["state"]})
    assert code_on(answer) == "login_flow_unknown"


@pytest.mark.usefixtures("one")
def test_a_login_that_took_too_long(city: City, clock: SteppedClock) -> None:
    client, asked = begin(city)
    clock.advance(city.platform.login.rules.flow_seconds_max * SECOND_US)
    sent = {"code": "c", "state": asked["state"]}
    assert code_on(client.get("/login/callback/one", params=sent)) == "login_flow_unknown"


def test_one_issuers_answer_is_not_taken_for_anothers(
    city: City, one: CraftedIssuer, issuers: tuple[CraftedIssuer, CraftedIssuer]
) -> None:
    client, asked = begin(city, "one")
    sent = {"code": "c", "state": asked["state"]}
    assert code_on(client.get("/login/callback/two", params=sent)) == "login_flow_unknown"
    assert "/token" not in issuers[1].asked  # the code was not handed on
    assert answered(city, one, signed, iss=issuers[1].url) == REFUSED
    assert answered(city, one, signed, iss=one.url) == BELIEVED
    one.asked.clear()
    one.further = {"authorization_response_iss_parameter_supported": True}
    city.platform.clock.advance(2 * HOUR * SECOND_US)  # type: ignore[attr-defined]
    assert answered(city, one, signed) == REFUSED  # it says that it names itself, and did not
    now = city.platform.clock.now_us() // SECOND_US
    foreign = issuers[1].claims(now, nonce="n")
    assert answered(city, one, lambda c: signed({**foreign, "nonce": c["nonce"]})) == REFUSED


def test_a_key_that_was_turned_over_is_fetched_once(
    city: City, one: CraftedIssuer, clock: SteppedClock
) -> None:
    assert answered(city, one, signed) == BELIEVED
    one.keys = [dict(OTHER_KEY.as_dict(private=False))]
    one.asked.clear()
    assert answered(city, one, lambda claims: signed(claims, OTHER_KEY)) == REFUSED  # too soon
    clock.advance(REFETCH_SECONDS_MIN * SECOND_US)
    assert answered(city, one, lambda claims: signed(claims, OTHER_KEY)) == BELIEVED
    for _ in range(5):
        assert answered(city, one, lambda claims: signed(claims, ROGUE, kid="no")) == REFUSED
    assert one.asked.count("/jwks") == 1


@pytest.mark.parametrize("name", METADATA)
def test_metadata(name: str, city: City, one: CraftedIssuer) -> None:
    changed = METADATA[name]
    one.further = {
        key: f"{one.url}/a/../jwks" if value == "CLIMB" else value for key, value in changed.items()
    }
    answer = fresh(city).get("/login/start/one")
    assert (answer.status_code, code_on(answer)) == (503, "issuer_unreachable")


@pytest.mark.parametrize("name", BOMBS)
def test_key_sets_that_are_none(name: str, city: City, one: CraftedIssuer) -> None:
    one.instead["/jwks"] = BOMBS[name]
    assert answered(city, one, signed) in {REFUSED, "issuer_unreachable"}


@pytest.mark.parametrize(
    "key",
    [
        {**KEY.as_dict(private=False), "use": "enc"},
        {**KEY.as_dict(private=False), "alg": "RS512"},
        {**KEY.as_dict(private=False), "kty": "oct"},
        dict(KEY.as_dict(private=True)),
        {**KEY.as_dict(private=False), "e": "A" * 4_000},
        {**KEY.as_dict(private=False), "n": "A" * 20_000},
        {**KEY.as_dict(private=False), "key_ops": ["encrypt"]},
        {"kty": ["RSA"]},
        {"kty": "RSA", "kid": "first"},
    ],
)
def test_keys_that_are_none(key: dict[str, Any], city: City, one: CraftedIssuer) -> None:
    one.keys = [key]
    assert answered(city, one, signed) == REFUSED


def test_two_keys_of_one_name_are_none(city: City, one: CraftedIssuer) -> None:
    one.keys = [dict(ROGUE.as_dict(private=False)), dict(KEY.as_dict(private=False))]
    assert answered(city, one, signed) == REFUSED


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.test/",
        "//evil.test/pages/",
        "/\\evil.test",
        "/pages/../../evil",
        "/pages\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/pages/\u202e",
        "/login",
        "/pages" * 100,
        "pages",
        "/pagesevil.test",
        "/pages@evil.test/",
    ],
)
def test_nobody_is_sent_elsewhere_after_a_login(place: str, city: City) -> None:
    found = own_path(place)
    assert found == "/pages" or found.startswith("/pages/../")
    shown = fresh(city).get("/login", params={"return": place}).text
    assert "evil" not in shown or "/pages/../../evil" in place


def bearer(city: City, claims: dict[str, Any], **header: object) -> httpx.Response:
    token = signed(claims, **{"typ": "at+jwt", **header})  # type: ignore[arg-type]
    return fresh(city).get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def access(city: City, issuer: CraftedIssuer, **changed: object) -> dict[str, Any]:
    now = city.platform.clock.now_us() // SECOND_US
    return issuer.claims(
        now,
        **{"aud": AUDIENCE, "client_id": "app", "jti": "j", "scope": "sandgate", **changed},
    )


def test_bearer_tokens(city: City, one: CraftedIssuer, clock: SteppedClock) -> None:
    oidc = city.platform.login.oidc
    assert oidc is not None
    known_as = oidc.subject_of(oidc.providers["one"], "officer")
    bind_at_once(city.platform.writer, known_as, "founder", BY_FOUNDING)
    good = access(city, one, sub="officer")
    answer = bearer(city, good)
    assert (answer.status_code, answer.json()["person"]) == (200, "founder")
    wrong: list[tuple[dict[str, object], dict[str, object]]] = [
        ({"aud": CLIENT}, {}),  # an ID token's audience
        ({"client_id": None}, {}),
        ({"jti": None}, {}),
        ({"scope": "openid"}, {}),  # a token for something else
        ({"exp": 1}, {}),
        ({"iss": "http://127.0.0.1:1"}, {}),
        ({"sub": "nobody"}, {}),
        ({}, {"typ": "JWT"}),  # an ID token
    ]
    for changed, header in wrong:
        claims = access(city, one, **{"sub": "officer", **changed})
        assert bearer(city, claims, **header).status_code == 401
    clock.advance(400 * SECOND_US)
    assert bearer(city, good).status_code == 401  # what was remembered ends with the token


@pytest.mark.parametrize(
    "path",
    [
        "licences/x/activate",
        "catalog/entries/x/publication",
        "catalog/batches/x/publication",
        "regradings/x/confirmation",
        "matters/x/extension/decision",
        "sharing/requests/x/resumption",
    ],
)
def test_an_old_login_votes_on_nothing(city: City, one: CraftedIssuer, path: str) -> None:
    now = city.platform.clock.now_us() // SECOND_US
    for authenticated in (now - 901, None):
        claims = access(city, one, sub="officer", auth_time=authenticated)
        token = signed(claims, typ="at+jwt")
        answer = fresh(city).post(
            f"/api/v1/{path}", json={}, headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "step_up_required")
        challenge = answer.headers["www-authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="900"' in challenge


def test_an_issuers_logout_ends_what_it_names_and_nothing_else(
    city: City, one: CraftedIssuer
) -> None:
    oidc, sessions = city.platform.login.oidc, city.platform.login.sessions
    assert oidc is not None
    known_as = oidc.subject_of(oidc.providers["one"], "leaver")
    bind_at_once(city.platform.writer, known_as, "audit_admin", BY_FOUNDING)
    now = city.platform.clock.now_us() // SECOND_US
    client, asked = begin(city)
    claims = one.claims(now, nonce=asked["nonce"], sub="leaver", sid="there")
    one.token = lambda _form: signed(claims)
    sent = {"code": "c", "state": asked["state"]}
    assert client.get("/login/callback/one", params=sent).status_code == 303
    secret = str(client.cookies[COOKIE_OF_DEVELOPMENT])
    event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    good = {"iss": one.url, "aud": CLIENT, "iat": now, "exp": now + 60, "jti": "j", "events": event}

    def told(**changed: object) -> int:
        found = {**good, "sid": "there", **changed}
        token = signed({name: value for name, value in found.items() if value is not None})
        answer = client.post("/login/back-channel/one", data={"logout_token": token})
        return answer.status_code

    wrong: list[dict[str, object]] = [
        {"aud": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"events": {}},
        {"nonce": "n"},  # an ID token is no logout
        {"sid": None},
        {"exp": 1},
        {"iat": now - 400},
    ]
    for changed in wrong:
        assert told(**changed) == 422
    assert told(sid="elsewhere") == 200
    assert sessions.standing(secret) is not None
    assert told() == 200
    assert sessions.standing(secret) is None
