"""Login sessions of the pages: one cookie, one secret, and every way in which they end."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from audit.tags import EntryKind
from service.login.cookies import COOKIE_OF_DEVELOPMENT
from tests.city import City, opened_city
from tests.fakes import SteppedClock

MINUTE_US = 60_000_000


@pytest.fixture(scope="module")
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: SteppedClock) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("login") / "home"
    with opened_city(home, clock=clock) as city:
        yield city


def signed_in(city: City, back: str = "/pages/tasks") -> tuple[httpx.Client, httpx.Response]:
    client = city.client()
    form = {"token": city.token("founder"), "return": back}
    return client, client.post("/login/development", data=form)


def test_a_token_of_development_becomes_a_session(city: City) -> None:
    client, answer = signed_in(city)
    assert (answer.status_code, answer.headers["location"]) == (303, "/pages/tasks")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE_OF_DEVELOPMENT}=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    (opened,) = city.entries(EntryKind.LOGIN_OPENED)[-1:]
    assert opened.public["issuer"] == "development"
    assert client.cookies[COOKIE_OF_DEVELOPMENT] not in str(opened)
