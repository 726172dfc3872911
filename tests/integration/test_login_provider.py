"""Signing in at a real issuer: the code flow, a recent login, and whose account it is."""

from collections.abc import Iterator
from pathlib import Path
from time import time_ns

import httpx
import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from authorization.store import person
from foundation.db import reading
from foundation.errors import Conflict, Denied
from service.login.bindings import (
    Subject,
    bindings,
    confirm_binding,
    end_binding,
    propose_binding,
)
from service.login.cookies import COOKIE_OF_DEVELOPMENT
from tests.calling import TickingClock
from tests.city import City, opened_city
from tests.parts import need_provider
from tests.refusing import code_on
from tests.signing_in import ALIAS, Browser, Provider, running_provider, settings_for

pytestmark = need_provider
NUMBER = "11010519491231002X"  # the example of GB 11643-1999
PEOPLE = {"wang": NUMBER, "zhang": "", "li": "", "wang2": NUMBER}
SECOND_US = 1_000_000


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with running_provider(tmp_path_factory.mktemp("issuer") / "p", PEOPLE) as provider:
        yield provider


@pytest.fixture(scope="module")
def city(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("home")
    place = provider.configured(
        home, founders={"founder": "wang"}, identity_claim="preferred_username"
    )
    with opened_city(home / "h", settings=settings_for(home / "h", place)) as city:
        yield city


def sign_in(
    city: City,
    browser: Browser,
    name: str,
    *,
    client: httpx.Client | None = None,
    query: str = "",
) -> tuple[httpx.Client, httpx.Response]:
    """Sign in at the issuer, and come back."""
    client = client or city.client()
    begun = client.get(f"/login/start/{ALIAS}?return=/pages/tasks{query}")
    assert begun.status_code == 303, begun.text
    back = browser.through(begun.headers["location"], name)
    return client, client.get(back)


def subject(city: City, name: str) -> Subject:
    oidc = city.platform.login.oidc
    assert oidc is not None
    return oidc.subject_of(oidc.providers[ALIAS], name)


def test_who_is_bound_signs_in_and_comes_back_to_their_page(city: City, provider: Provider) -> None:
    client, answer = sign_in(city, provider.browser(), "wang")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/pages/tasks"
    opened = city.entries(EntryKind.LOGIN_OPENED)[-1]
    assert opened.public["issuer"] == provider.issuer
    assert opened.public["subject_digest"] == subject(city, "wang").digest
    assert client.cookies[COOKIE_OF_DEVELOPMENT] not in str(opened)
    assert "wang" not in str(opened.public)
    (known,) = city.entries(EntryKind.IDENTITY_KNOWN)  # the issuer told who they really are
    assert NUMBER not in str(known)
    with reading(city.platform.engine) as connection:
        digest = connection.execute(
            select(person.c.identity_digest).where(person.c.id == "founder")
        ).scalar()
    assert digest == known.public["identity_digest"]


def test_another_login_of_the_same_natural_person_is_the_same_person(
    city: City, provider: Provider
) -> None:
    sign_in(city, provider.browser(), "wang")
    _, answer = sign_in(city, provider.browser(), "wang2")  # never bound: known by the number
    assert answer.status_code == 303, answer.text
    bound = city.entries(EntryKind.LOGIN_BOUND)[-1]
    assert (bound.public["account"], bound.public["way"]) == ("founder", "identity")


def test_a_second_account_of_one_person_never_becomes_a_second_person(
    city: City, provider: Provider
) -> None:
    sign_in(city, provider.browser(), "wang2")
    taken = subject(city, "wang2")
    with reading(city.platform.engine) as connection:
        (old,) = [
            item["id"]
            for item in bindings(connection, 50)
            if item["subject_digest"] == taken.digest and item["ended_us"] is None
        ]
    writer, security = city.platform.writer, city.actor("security_admin")
    end_binding(writer, security, str(old))
    proposed = propose_binding(writer, security, taken, "audit_admin")
    confirm_binding(writer, city.actor("founder"), proposed.value)
    _, answer = sign_in(city, provider.browser(), "wang2")
    assert answer.status_code == 403
    assert code_on(answer) == "identity_of_another_person"
    end_binding(writer, security, proposed.value)


def test_who_is_not_known_is_told_how_to_be(city: City, provider: Provider) -> None:
    client, answer = sign_in(city, provider.browser(), "zhang")
    assert answer.status_code == 403
    assert code_on(answer) == "login_unknown"
    known_as = subject(city, "zhang")
    assert known_as.digest in answer.text
    assert COOKIE_OF_DEVELOPMENT not in client.cookies
    refused = city.entries(EntryKind.LOGIN_REFUSED)[-1]
    assert refused.public["subject_digest"] == known_as.digest
    writer = city.platform.writer
    proposed = propose_binding(writer, city.actor("security_admin"), known_as, "system_admin")
    _, answer = sign_in(city, provider.browser(), "zhang")
    assert code_on(answer) == "login_unknown"  # one administrator is not enough
    confirm_binding(writer, city.actor("founder"), proposed.value)
    client, answer = sign_in(city, provider.browser(), "zhang")
    assert answer.status_code == 303
    assert client.get("/pages").status_code != 403
    end_binding(writer, city.actor("security_admin"), proposed.value)
    gone = client.get("/pages")  # at once, in the same session
    assert gone.status_code == 303
    assert gone.headers["location"].startswith("/login")


def test_nobody_binds_alone_nor_for_themselves_nor_twice(city: City) -> None:
    writer, security = city.platform.writer, city.actor("security_admin")
    known_as = subject(city, "li")
    with pytest.raises(Denied) as own:
        propose_binding(writer, security, known_as, "security_admin")
    assert own.value.code == "applicant_cannot_approve"
    proposed = propose_binding(writer, security, known_as, "audit_admin").value
    for actor in (security, city.actor("audit_admin")):
        with pytest.raises(Denied):
            confirm_binding(writer, actor, proposed)
    with pytest.raises(Conflict) as twice:
        propose_binding(writer, security, known_as, "system_admin")
    assert twice.value.code == "subject_bound_already"
    confirm_binding(writer, city.actor("founder"), proposed)
    with pytest.raises(Conflict):
        confirm_binding(writer, city.actor("founder"), proposed)
    end_binding(writer, security, proposed)


def test_a_login_again_asks_for_the_password_again_and_turns_the_secret_over(
    city: City, provider: Provider
) -> None:
    browser = provider.browser()
    client, _ = sign_in(city, browser, "wang")
    first, given = client.cookies[COOKIE_OF_DEVELOPMENT], browser.passwords_given
    sign_in(city, browser, "wang", client=client)  # the issuer remembers: no password
    assert browser.passwords_given == given
    before = client.cookies[COOKIE_OF_DEVELOPMENT]
    _, answer = sign_in(city, browser, "wang", client=client, query="&step_up=1")
    assert answer.status_code == 303, answer.text
    assert browser.passwords_given == given + 1
    after = client.cookies[COOKIE_OF_DEVELOPMENT]
    assert len({first, before, after}) == 3
    sessions = city.platform.login.sessions
    assert sessions.standing(first) is None
    assert sessions.standing(before) is None
    assert sessions.standing(after) is not None


def test_a_code_serves_once_and_only_in_the_browser_that_asked(
    city: City, provider: Provider
) -> None:
    client = city.client()
    begun = client.get(f"/login/start/{ALIAS}")
    back = provider.browser().through(begun.headers["location"], "wang")
    elsewhere = city.client()
    assert code_on(elsewhere.get(back)) == "login_flow_unknown"  # login CSRF: no flow cookie
    elsewhere.get(f"/login/start/{ALIAS}")
    assert code_on(elsewhere.get(back)) == "login_flow_unknown"  # another browser's flow
    assert client.get(f"{back}&state=x").status_code == 403
    again = dict(client.cookies)
    assert client.get(back).status_code == 303
    for name, value in again.items():
        client.cookies.set(name, value)
    assert code_on(client.get(back)) == "login_flow_unknown"


def test_signing_out_ends_the_session_and_shows_the_way_out_of_the_issuer(
    city: City, provider: Provider
) -> None:
    client, _ = sign_in(city, provider.browser(), "wang")
    secret = client.cookies[COOKIE_OF_DEVELOPMENT]
    session = city.platform.login.sessions.standing(secret)
    assert session is not None
    assert client.post("/logout", data={"csrf_token": "x"}).status_code == 403
    answer = client.post("/logout", data={"csrf_token": session.csrf})
    assert answer.headers["location"] == f"/login?left={ALIAS}"
    assert city.platform.login.sessions.standing(secret) is None
    assert f"{provider.issuer}/oauth/end_session" in client.get("/login?left=city").text


def test_an_issuers_clock_and_ours_may_differ_a_little(provider: Provider, tmp_path: Path) -> None:
    place = provider.configured(tmp_path, founders={"founder": "wang"})
    settings = settings_for(tmp_path / "h", place)
    clock = TickingClock(time_ns() // 1_000)
    with opened_city(tmp_path / "h", settings=settings, clock=clock) as city:
        clock.advance(-30 * SECOND_US)
        assert sign_in(city, provider.browser(), "wang")[1].status_code == 303
        clock.advance(-60 * SECOND_US)
        assert code_on(sign_in(city, provider.browser(), "wang")[1]) == "login_refused"
