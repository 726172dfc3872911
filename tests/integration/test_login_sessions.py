"""Login sessions of the pages: one cookie, one secret, and every way in which they end."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from audit.tags import EntryKind
from authorization.store import person_account
from foundation.db import reading
from foundation.settings import Settings
from service.login.cookies import COOKIE, COOKIE_OF_DEVELOPMENT
from service.login.sessions import LoginSessions
from service.login.store import login_session
from tests.city import City, opened_city
from tests.fakes import SteppedClock

SECOND_US = 1_000_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: SteppedClock) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("login") / "home"
    with opened_city(home, clock=clock) as city:
        yield city


def signed_in(
    city: City, account: str = "founder", client: httpx.Client | None = None
) -> tuple[httpx.Client, httpx.Response]:
    client = client or city.client()
    form = {"token": city.token(account), "return": "/pages/tasks"}
    return client, client.post("/login/development", data=form)


def secret_of(client: httpx.Client) -> str:
    return str(client.cookies[COOKIE_OF_DEVELOPMENT])


def is_in(city: City, client: httpx.Client) -> bool:
    return city.platform.login.sessions.standing(secret_of(client)) is not None


def test_a_token_of_development_becomes_a_session(city: City) -> None:
    client, answer = signed_in(city)
    assert (answer.status_code, answer.headers["location"]) == (303, "/pages/tasks")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE_OF_DEVELOPMENT}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    (opened,) = city.entries(EntryKind.LOGIN_OPENED)[-1:]
    assert opened.public["issuer"] == "development"
    with reading(city.platform.engine) as connection:
        stored = str(connection.execute(select(login_session)).all())
    assert secret_of(client) not in stored + str(opened)


def test_over_https_the_cookie_is_of_this_host_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "h", public_url="https://sandgate.test")
    with opened_city(tmp_path / "h", settings=settings) as city:
        cookie = signed_in(city)[1].headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        parts = {part.strip() for part in cookie.split(";")}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= parts
        assert not any(part.lower().startswith("domain") for part in parts)
        secret = cookie.partition("=")[2].partition(";")[0]
        tossed = {"Cookie": f"{COOKIE_OF_DEVELOPMENT}={secret}"}
        assert city.client().get("/pages", headers=tossed).status_code == 303


@pytest.mark.parametrize(
    "token", ["", "x", "sgdev1.e30.e30", "a.b.c", "\u4e2d", "sgdev1." + "A" * 5_000 + ".A"]
)
def test_a_bad_token_opens_nothing(city: City, token: str) -> None:
    before = len(city.entries(EntryKind.LOGIN_OPENED))
    answer = city.client().post("/login/development", data={"token": token})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert len(city.entries(EntryKind.LOGIN_OPENED)) == before


def test_a_session_ends_when_it_idles_and_when_it_is_old(city: City, clock: SteppedClock) -> None:
    rules = city.platform.login.rules
    client, _ = signed_in(city)
    clock.advance((rules.idle_seconds_max - 1) * SECOND_US)
    assert is_in(city, client)  # and is in use again
    clock.advance((rules.idle_seconds_max - 1) * SECOND_US)
    assert is_in(city, client)
    clock.advance(rules.idle_seconds_max * SECOND_US)
    assert not is_in(city, client)
    client, _ = signed_in(city)
    for _ in range(rules.absolute_seconds_max // (rules.idle_seconds_max - 1)):
        assert is_in(city, client)
        clock.advance((rules.idle_seconds_max - 1) * SECOND_US)
    assert is_in(city, client)
    clock.advance((rules.idle_seconds_max - 1) * SECOND_US)
    assert not is_in(city, client)


def test_after_a_restart_nothing_stands_longer(city: City, clock: SteppedClock) -> None:
    client, _ = signed_in(city)
    platform = city.platform
    clock.advance(platform.login.rules.idle_seconds_max // 2 * SECOND_US)
    assert is_in(city, client)
    anew = LoginSessions(platform.engine, platform.writer, clock, platform.login.rules)
    clock.advance(platform.login.rules.idle_seconds_max // 2 * SECOND_US)
    assert is_in(city, client)
    assert anew.standing(secret_of(client)) is None


def test_a_new_login_in_the_same_browser_ends_the_one_before(city: City) -> None:
    client, _ = signed_in(city)
    before = secret_of(client)
    signed_in(city, client=client)
    assert secret_of(client) != before
    assert city.platform.login.sessions.standing(before) is None


def test_a_secret_that_was_planted_is_never_taken_over(city: City) -> None:
    planted = "A" * 43
    client = city.client()
    client.cookies.set(COOKIE_OF_DEVELOPMENT, planted)
    answer = client.post("/login/development", data={"token": city.token("founder")})
    given = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert given != planted
    assert city.platform.login.sessions.standing(planted) is None


def test_a_cookie_that_comes_twice_is_nobodys(city: City) -> None:
    client, _ = signed_in(city)
    mine, theirs = secret_of(client), secret_of(signed_in(city, "security_admin")[0])
    for pair in ((mine, theirs), (theirs, mine), (mine, mine)):
        tossed = "; ".join(f"{COOKIE_OF_DEVELOPMENT}={value}" for value in pair)
        answer = city.client().get("/pages", headers={"Cookie": tossed})
        assert answer.headers["location"].startswith("/login")


def test_an_account_has_so_many_sessions(city: City, clock: SteppedClock) -> None:
    most = city.platform.login.rules.sessions_per_account_max
    clients = []
    for _ in range(most + 1):
        clock.advance(SECOND_US)
        clients.append(signed_in(city, "audit_admin")[0])
    assert [is_in(city, client) for client in clients] == [False] + [True] * most


def test_signing_out_wants_the_forms_own_token_and_ends_the_session(city: City) -> None:
    client, _ = signed_in(city)
    session = city.platform.login.sessions.standing(secret_of(client))
    other = city.platform.login.sessions.standing(secret_of(signed_in(city)[0]))
    assert session is not None
    assert other is not None
    secret = secret_of(client)
    for token in ("", "x", other.csrf, session.csrf[:-1], "\u4e2d"):
        assert client.post("/logout", data={"csrf_token": token}).status_code == 403
    assert is_in(city, client)
    answer = client.post("/logout", data={"csrf_token": session.csrf})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert city.platform.login.sessions.standing(secret) is None
    assert city.entries(EntryKind.LOGIN_ENDED)[-1].public["reason"] == "logout"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://aaaaaaaaaaaaaaaaaaaaaaaaaa.sandgate.localhost"},  # a session's own host
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://sandgate.localhost", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_signs_nobody_in_or_out(city: City, headers: dict[str, str]) -> None:
    client, _ = signed_in(city)
    session = city.platform.login.sessions.standing(secret_of(client))
    assert session is not None
    before = secret_of(client)
    for path, form in (
        ("/login/development", {"token": city.token("security_admin")}),
        ("/logout", {"csrf_token": session.csrf}),
    ):
        answer = client.post(path, data=form, headers=headers)
        assert answer.status_code == 403
        assert secret_of(client) == before
    assert is_in(city, client)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"token=a&token=b", FORM),
        (b"token=%ff", FORM),
        (b"token=%00", FORM),
        (b"token=" + b"a" * 70_000, FORM),
        (b"&".join(b"a%d=1" % number for number in range(60)), FORM),
        (b'{"token": "a"}', {"Content-Type": "application/json"}),
        (b"token=a", {"Content-Type": "text/plain"}),
    ],
)
def test_forms_that_are_none(city: City, body: bytes, headers: dict[str, str]) -> None:
    answer = city.client().post("/login/development", content=body, headers=headers)
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_the_sign_in_page_cannot_be_framed_or_run_a_script_of_others(city: City) -> None:
    answer = city.client().get("/login", params={"return": "/pages/<script>alert(1)</script>"})
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "alert(1)" not in answer.text


def test_who_lost_the_account_is_out_at_once(city: City, clock: SteppedClock) -> None:
    client, _ = signed_in(city, "system_admin")
    assert client.get("/pages").status_code == 200
    with city.platform.engine.begin() as connection:
        connection.execute(
            update(person_account)
            .where(person_account.c.name == "system_admin")
            .values(ended_us=clock.now_us())
        )
    clock.advance(SECOND_US)
    answer = client.get("/pages")
    assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")


def test_no_issuer_no_way_in(city: City) -> None:
    client = city.client()
    assert client.get("/login/start/city").status_code == 404
    assert client.get("/login/callback/city?code=c&state=s").status_code == 403
    answer = client.post("/login/back-channel/city", data={"logout_token": "x"})
    assert answer.status_code == 404
