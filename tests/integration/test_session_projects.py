"""Sessions of a project: none opens outside the licence's projects, and each spends its own part.

A licence that divides its budget can be asked through a session of one of its projects only.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from audit.tags import EntryKind
from disclosure.scope import QuestionScope
from foundation.errors import SandgateError
from foundation.settings import Settings
from tests.calling import API, Gateway, problem_of
from tests.city import COUNT_BY_STATE, POPULATION, City, built_city, licence_json, told
from tests.parts import SESSION_ENVIRONMENT, need_namespaces, need_session_environment

pytestmark = need_namespaces
WHOLE = 50_000_000
BEACON = 40_000_000
ANOTHER = "SELECT COUNT(*) FROM households"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    settings = Settings(
        home=tmp_path_factory.mktemp("city"), session_environment=SESSION_ENVIRONMENT
    )
    with built_city(settings.home, settings=settings) as city:
        yield city


@pytest.fixture(scope="module")
def cost(city: City) -> int:
    found = city.platform.pipeline.estimate(city.scope(), COUNT_BY_STATE, None)["cost_nano_rho"]
    assert isinstance(found, int)
    return found


@pytest.fixture
def divided(city: City, cost: int) -> str:
    """A licence with one project that may ask once, and one that may ask more."""
    caps = [
        {"project": "atlas", "budget_nano_rho": cost},
        {"project": "beacon", "budget_nano_rho": BEACON},
    ]
    budget = {
        "population": POPULATION,
        "budget_nano_rho": WHOLE,
        "question_nano_rho_max": WHOLE,
        "project_caps": caps,
    }
    return city.grant(licence_json(budgets=[budget]))


def in_project(city: City, licence: str, project: str | None) -> QuestionScope:
    return replace(city.scope(licence=licence), project=project)


@pytest.mark.parametrize(
    ("project", "code"), [({}, "project_missing"), ({"project": "elsewhere"}, "project_unknown")]
)
def test_no_session_opens_outside_the_projects_of_its_licence(
    city: City, divided: str, project: dict[str, str], code: str
) -> None:
    before = city.log_size()
    asked = city.client("analyst").post(f"{API}/sessions", json={"licence": divided, **project})
    problem = problem_of(asked, 422)
    assert (problem["code"], problem["field"]) == (code, "$.project")
    assert all("atlas, beacon" in text for text in problem["messages"].values())
    assert "atlas, beacon" in str(problem["way_out"])
    opened = city.entries(EntryKind.SESSION_REQUESTED, first=before)
    assert opened == []


def test_a_licence_without_projects_opens_no_session_of_one(city: City) -> None:
    asked = {"licence": city.licence, "project": "atlas"}
    problem = problem_of(city.client("analyst").post(f"{API}/sessions", json=asked), 422)
    assert (problem["code"], problem["field"]) == ("project_unknown", "$.project")


@pytest.mark.parametrize("project", ["", "Atlas", "atlas\n", "a" * 64, 7, ["atlas"]])
def test_what_is_no_name_is_no_project(city: City, divided: str, project: object) -> None:
    asked = {"licence": divided, "project": project}
    problem_of(city.client("analyst").post(f"{API}/sessions", json=asked), 422)


def test_another_operator_learns_no_project(city: City, divided: str) -> None:
    for project in ({}, {"project": "atlas"}, {"project": "elsewhere"}):
        asked = city.client("rival").post(f"{API}/sessions", json={"licence": divided, **project})
        problem_of(asked, 403)
        assert "beacon" not in asked.text


@pytest.mark.parametrize("project", [None, "elsewhere", ""])
def test_a_question_outside_the_projects_is_refused_logged_and_not_even_repeated(
    city: City, divided: str, project: str | None
) -> None:
    city.ask(COUNT_BY_STATE, scope=in_project(city, divided, "beacon"))
    scope, before = in_project(city, divided, project), city.log_size()
    for asked in (city.platform.pipeline.estimate, city.platform.pipeline.ask):
        with pytest.raises(SandgateError) as refusal:
            asked(scope, COUNT_BY_STATE, None)
        assert refusal.value.code == "project_unknown"
    kinds = [entry.kind for entry in city.entries(first=before)]
    assert kinds == [EntryKind.QUESTION_REFUSED] * 2


def test_an_undivided_budget_is_spent_as_before(city: City) -> None:
    assert told(city.ask(ANOTHER))["cost_nano_rho"] > 0


def test_a_project_is_spent_to_the_last_nano_rho_and_the_other_goes_on(
    city: City, divided: str, cost: int
) -> None:
    atlas, beacon = (in_project(city, divided, name) for name in ("atlas", "beacon"))
    remaining = told(city.ask(COUNT_BY_STATE, scope=atlas))["budget_nano_rho_remaining"]
    assert remaining == 0
    with pytest.raises(SandgateError) as refusal:
        city.ask(ANOTHER, scope=atlas, nano_rho=1_000)
    assert refusal.value.code == "budget_exhausted"
    assert "project 'atlas'" in refusal.value.message.en
    assert "项目“atlas”" in refusal.value.message.zh
    (line,) = city.platform.pipeline.budget(atlas)
    assert (line["budget_nano_rho_spent"], line["budget_nano_rho_remaining"]) == (cost, 0)
    (line,) = city.platform.pipeline.budget(beacon)
    assert line["budget_nano_rho_remaining"] == BEACON
    answer = told(city.ask(ANOTHER, scope=beacon, nano_rho=1_000_000))
    assert answer["budget_nano_rho_remaining"] == BEACON - answer["cost_nano_rho"]


@need_session_environment
def test_a_session_of_a_project_asks_through_its_part(city: City, divided: str, cost: int) -> None:
    client = city.client("analyst")
    response = client.post(f"{API}/sessions", json={"licence": divided, "project": "atlas"})
    assert response.status_code == 201, response.text
    session = response.json()
    assert session["project"] == "atlas"
    assert client.get(f"{API}/sessions/{session['id']}").json()["project"] == "atlas"
    for kind in (EntryKind.SESSION_REQUESTED, EntryKind.SESSION_OPENED):
        assert city.entries(kind)[-1].public["project"] == "atlas"
    gateway = Gateway(city, slot=session["slot"])
    asked = {"sql": COUNT_BY_STATE}
    estimate: dict[str, Any] = gateway.call("POST", "/v1/estimate", json=asked).json()
    assert estimate["budget_nano_rho_remaining"] == cost
    (further,) = estimate["further_questions"]
    assert (further["questions"], further["stops_at"]) == (1, "licence/project/atlas")
    assert gateway.call("POST", "/v1/query", json=asked).status_code == 200
    (charge,) = city.entries(EntryKind.QUESTION_DECIDED)[-1].public["charges"]
    assert charge["nano_rho"] == cost
    own = f"population/{POPULATION}/licence/{divided}"
    assert charge["levels"][-2:] == [own, f"{own}/project/atlas"]
    spent = gateway.call("POST", "/v1/query", json={"sql": ANOTHER, "question_nano_rho": 1_000})
    problem = problem_of(spent, 403)
    assert problem["code"] == "budget_exhausted"
    assert "project 'atlas'" in problem["messages"]["en"]
    (line,) = gateway.call("GET", "/v1/budget").json()["populations"]
    assert line["budget_nano_rho_remaining"] == 0
    assert client.post(f"{API}/sessions/{session['id']}/close").status_code == 200
