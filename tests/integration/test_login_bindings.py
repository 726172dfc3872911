"""A subject of an issuer gets an account by two persons, once, and loses it at once, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.login.bindings import BY_FOUNDING, bind_at_once
from tests.calling import API, problem_of
from tests.city import City, opened_city
from tests.crafted_issuer import AUDIENCE, CLIENT, CraftedIssuer, crafted_issuer, signed
from tests.fakes import TickingClock
from tests.signing_in import settings_for, toml_of

ALIAS = "one"


@pytest.fixture(scope="module")
def issuer() -> Iterator[CraftedIssuer]:
    with crafted_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def city(issuer: CraftedIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("home")
    (home / "secret").write_text("a-secret-of-the-tests")
    place = home / "issuers.toml"
    about = {"alias": ALIAS, "name_zh": ALIAS, "name_en": ALIAS, "issuer": issuer.url}
    client = {"client_id": CLIENT, "client_secret_file": "secret", "audience": AUDIENCE}
    place.write_text(toml_of({**about, **client}))
    settings, clock = settings_for(home / "h", place), TickingClock()
    with opened_city(home / "h", settings=settings, clock=clock) as city:
        oidc = city.platform.login.oidc
        assert oidc is not None
        for account in ("founder", "security_admin"):
            known_as = oidc.subject_of(oidc.providers[ALIAS], f"of {account}")
            bind_at_once(city.platform.writer, known_as, account, BY_FOUNDING)
        yield city


def test_a_binding_is_proposed_confirmed_and_ended_once(city: City, issuer: CraftedIssuer) -> None:
    def post(account: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        now = city.platform.clock.now_us() // 1_000_000
        claims = {"aud": AUDIENCE, "client_id": "app", "jti": "j", "scope": "sandgate"}
        claims |= {"sub": f"of {account}"}
        token = signed(issuer.claims(now, **claims, auth_time=now), typ="at+jwt")
        headers = {"Authorization": f"Bearer {token}"}
        return city.client().post(f"{API}/login/bindings{path}", json=body, headers=headers)

    wanted = {"issuer": ALIAS, "account": "system_admin", "subject": "newcomer"}
    proposed = post("security_admin", "", wanted)
    assert proposed.status_code == 201, proposed.text
    assert problem_of(post("security_admin", "", wanted), 409)["code"] == "subject_bound_already"
    binding = f"/{proposed.json()['id']}"
    confirmed = post("founder", f"{binding}/confirmation")
    assert confirmed.json().get("account") == "system_admin", confirmed.text
    again = problem_of(post("founder", f"{binding}/confirmation"), 409)
    assert again["code"] == "binding_not_open"
    assert post("security_admin", f"{binding}/end").json()["account"] == "system_admin"
    assert problem_of(post("security_admin", f"{binding}/end"), 409)["code"] == "binding_not_open"
