"""Figures in a browser's terms and over the API: who sees what, and a report made and filed."""

from collections.abc import Iterator

import pytest

from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from foundation.identity import SYSTEM_ACTOR, Role
from service.figures.capabilities import CAPABILITIES
from tests.calling import API, problem_of
from tests.city import City, opened_city
from tests.page_visits import is_done, sent, signed_in

HOME = "/pages/figures"
OF_ALL = ("", "/coverage", "/timeliness", "/assessment")
OF_OVERSEERS = ("/calls", "/benefits", "/security")
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with opened_city(tmp_path_factory.mktemp("figures") / "home") as city:
        writer = city.platform.writer
        for name, kind, role in (
            ("bureau", OrganisationKind.PROVIDER, Role.PROVIDER),
            ("regulator", OrganisationKind.REGULATOR, Role.REGULATOR),
            ("datawise", OrganisationKind.OPERATOR, Role.OPERATOR),
        ):
            house = Organisation(id=name, kind=kind, name_zh=HOSTILE, name_en=HOSTILE)
            create_organisation(writer, SYSTEM_ACTOR, house)
            person = Person(
                id=f"{name}_clerk",
                name=HOSTILE,
                organisations=(name,),
                roles=(role,),
                accounts=(Account(name=f"{name}_clerk", organisation=name),),
            )
            create_person(writer, SYSTEM_ACTOR, person)
        yield city


def test_overseers_see_every_page_and_departments_their_own(city: City) -> None:
    for account, seen in (("founder", True), ("regulator_clerk", True), ("bureau_clerk", False)):
        client = signed_in(city, account)
        for page in OF_ALL:
            answer = client.get(HOME + page)
            assert answer.status_code == 200, answer.text
            assert HOSTILE not in answer.text
            assert (f'href="{HOME}/calls"' in answer.text) is seen
        for page in OF_OVERSEERS:
            assert client.get(HOME + page).status_code == (200 if seen else 403), page


def test_an_operator_sees_no_figures_but_what_the_platform_can_do(city: City) -> None:
    client = signed_in(city, "datawise_clerk", language="en")
    assert client.get(HOME).status_code == 403
    told = client.get("/pages/capabilities")
    assert told.status_code == 200
    assert all(item.name.en in told.text for item in CAPABILITIES)


def test_a_report_is_made_in_the_browser_and_filed_as_a_paper(city: City) -> None:
    client = signed_in(city, "regulator_clerk")
    refused = sent(client, f"{HOME}/security/new", month="2099-01")
    assert refused.status_code == 422
    assert "尚未开始" in refused.text
    month = client.get(f"{HOME}/security").text.partition('name="month" value="')[2][:7]
    done = sent(client, f"{HOME}/security/new", month=month)
    assert is_done(done), done.text
    page = client.get(done.headers["location"])
    assert f"{month} 月度安全报告" in page.text
    assert "制度规范" in page.text
    address = done.headers["location"].partition("?")[0]
    paper = client.get(f"{address}/paper")
    assert paper.headers["content-type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF-")
    for nowhere in ("0", "x", "9" * 30):
        assert client.get(f"{HOME}/security/{nowhere}").status_code in {404, 422}


def test_the_api_tells_the_same_and_knows_no_report_that_was_not_made(city: City) -> None:
    auditor = city.client("regulator_clerk")
    month = city.client("founder").get(f"{API}/figures/headline").json()["until"]
    made = auditor.post(f"{API}/figures/security-reports", json={"month": month})
    assert made.status_code == 201, made.text
    index = made.json()["index"]
    found = auditor.get(f"{API}/figures/security-reports/{index}").json()
    assert found["report"] == made.json()["report"]
    listed = auditor.get(f"{API}/figures/security-reports").json()["reports"]
    assert listed[0]["index"] == index
    paper = auditor.get(f"{API}/figures/security-reports/{index}/paper")
    assert paper.content.startswith(b"%PDF-")
    problem_of(auditor.get(f"{API}/figures/security-reports/0"), 404)
    problem_of(auditor.get(f"{API}/figures/headline?from=2026-11&until=2026-01"), 422)
    own = city.client("bureau_clerk").get(f"{API}/figures/assessment").json()
    assert own["cards"] == own["late_matters"] == []
