"""Each endpoint lets nobody in without a token, and no role but those that this table names."""

from collections.abc import Iterator

import httpx
import pytest

from audit.tags import EntryKind
from authorization.organisations import Person, create_person
from foundation.identity import SYSTEM_ACTOR
from tests.calling import API, TickingClock, entries, problem_of
from tests.city import City, built_city
from tests.endpoint_roles import ROLES
from tests.endpoint_roles.callers import EVERYONE
from tests.endpoint_roles.exceptions import NAMED, QUERIES, TAKES_NOTHING

MINUTE_US = 60_000_000
PUBLIC = ("/health", "/log/key", "/log/checkpoint", "/log/witnesses")


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    return {name: city.client(name) for name in EVERYONE}


def send(client: httpx.Client, method: str, path: str) -> httpx.Response:
    if method == "GET":
        return client.get(f"{API}{path}")
    return client.post(f"{API}{path}", json={})


def test_the_table_names_every_endpoint(city: City) -> None:
    paths = city.client().get(f"{API}/openapi.json").json()["paths"]
    listed = {
        (method.upper(), "/".join("{}" if "{" in part else part for part in path.split("/")))
        for path, item in paths.items()
        for method in item
    }
    tabled = {
        (
            method,
            "/".join("{}" if part in {"x", "0"} else part for part in f"{API}{path}".split("/")),
        )
        for method, path in ROLES
    }
    pages = {("GET", "/sessions/{}"), ("GET", "/sessions/{}/status")}  # by ticket or cookie
    public = {("GET", f"{API}{path}") for path in PUBLIC} | pages
    assert listed == tabled | public


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_nobody_is_let_in_without_a_token(city: City, method: str, path: str) -> None:
    before = city.platform.log.head()
    assert problem_of(send(city.client(), method, path), 401)["code"] == "token_invalid"
    assert city.platform.log.head() == before


@pytest.mark.parametrize(("method", "path"), ROLES)
def test_the_wrong_role_is_refused_and_logged(
    city: City, clock: TickingClock, clients: dict[str, httpx.Client], method: str, path: str
) -> None:
    clock.advance(MINUTE_US)  # refusals of one minute are counted together past a number
    city.platform.denials.write_counted(everything=True)  # a new minute for everybody
    for name in EVERYONE:
        if name in ROLES[method, path]:
            continue
        before = city.log_size()
        problem = problem_of(send(clients[name], method, path), 403)
        assert problem["code"] == "role_missing"
        (logged,) = city.entries(EntryKind.REQUEST_REFUSED, first=before)
        assert logged.content["actor"]["person"] == name
        assert logged.public["route"] == f"{method} {API}{path}"


def played(method: str, path: str) -> str | None:
    """Return somebody of the city who may ask this; None where it takes a rarer role."""
    named = ROLES[method, path]
    return next((name for name in (*EVERYONE, "head") if name in named), None)


def test_who_may_ask_is_still_refused_what_is_not_there_or_not_said(city: City) -> None:
    clients = {name: city.client(name) for name in (*EVERYONE, "head")}
    wrong = {}
    for method, path in ROLES:
        name = played(method, path)
        listing = method == "GET" and not {"x", "0"} & set(path.split("/"))
        if name is None or listing:
            continue
        answer = send(clients[name], method, path)
        if (method, path) in TAKES_NOTHING:
            expected = answer.is_success
        else:
            expected = answer.status_code in {404, 409, 422}
        if not expected:
            wrong[method, path] = answer.status_code, name
    assert not wrong


def test_who_may_ask_is_answered_every_list(city: City) -> None:
    clients = {name: city.client(name) for name in (*EVERYONE, "head")}
    wrong = {}
    for method, path in ROLES:
        name = played(method, path)
        if method != "GET" or name is None or {"x", "0"} & set(path.split("/")):
            continue
        answer = clients[name].get(f"{API}{path}", params=QUERIES.get(path, {}))
        if answer.status_code != 200:
            wrong[path] = answer.status_code, name, answer.text[-200:]
    assert not wrong


@pytest.mark.parametrize("operation", NAMED)
def test_who_may_ask_is_answered_of_what_is_there(city: City, operation: str) -> None:
    name, path = NAMED[operation]
    entry = city.client("steward").get(f"{API}/catalog/entries").json()["entries"][0]["id"]
    found = city.client(name).get(f"{API}{path.format(licence=city.licence, entry=entry)}")
    assert found.status_code == 200, found.text


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_needs_no_token(city: City, path: str) -> None:
    assert city.client().get(f"{API}{path}").status_code == 200


def test_roles_of_the_authority_and_of_finance_count_in_their_own_house_only(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    for role in ("authority", "finance"):
        person = {
            "id": f"pretender_{role}",
            "name": "Pretender",
            "organisations": ["river_operator"],
            "roles": [role],
            "accounts": [{"name": f"pretender_{role}", "organisation": "river_operator"}],
        }
        create_person(city.platform.writer, SYSTEM_ACTOR, Person.model_validate(person))
    pretender = city.client("pretender_authority")
    for method, path in (("POST", "/role-grants"), ("GET", "/log/entries"), ("POST", "/periods")):
        assert problem_of(send(pretender, method, path), 403)["code"] == "role_missing"
    assert clients["founder"].post(f"{API}/periods", json={"id": "2026-01"}).status_code == 201
    assert clients["founder"].post(f"{API}/periods/2026-01/close").status_code == 201
    path = f"{API}/periods/2026-01/statements"
    assert clients["treasurer"].get(path).json()["period"] is not None
    for name in ("pretender_authority", "pretender_finance"):
        assert problem_of(city.client(name).get(path), 403)["code"] == "statement_not_yours"


def test_a_token_names_an_account_and_is_logged(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    given = clients["founder"].post(f"{API}/tokens", json={"account": "analyst"}).json()
    issued = entries(city, EntryKind.TOKEN_ISSUED)[-1]
    assert issued.public["subject"] == "analyst"
    assert given["token"] not in issued.body.decode()
    header = {"Authorization": f"Bearer {given['token']}"}
    assert city.client().get(f"{API}/organisations", headers=header).status_code == 200


def test_problems_speak_the_callers_language(city: City) -> None:
    for language, wanted in (("zh-CN,zh;q=0.9", "zh"), ("en-GB", "en"), ("fr", "zh")):
        client = city.client("analyst", language=language)
        problem = problem_of(client.get(f"{API}/releases/rel_x"), 404)
        assert problem["detail"] == problem["messages"][wanted]
