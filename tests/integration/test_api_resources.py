"""Data sets, their quality and their standards over HTTP: each move out of turn, then made.

Two departments hold a data set each under the same keys, so that one is compared with the other.
"""

from collections.abc import Iterator
from typing import Any

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
from tests.calling import API, People, TickingClock, problem_of
from tests.catalogue import publish_entry
from tests.city import PROVIDER, City, _register_people, opened_city
from tests.city_documents import catalogue_entry
from tests.parts import need_namespaces
from tests.quality import declaration

pytestmark = need_namespaces
TAX = "tax_bureau"
OURS = ("steward", "head", "founder")
THEIRS = ("tax_clerk", "tax_head", "founder")
MOBILES = [f"1380013{number:04d},{20 + number % 3},a" for number in range(40)]
RULES = {"rules": [{"name": "a", "dimension": "completeness", "columns": ["age"]}]}
WHY = {"reason": "依职责分工"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with opened_city(tmp_path_factory.mktemp("city"), clock=TickingClock()) as city:
        writer = city.platform.writer
        _register_people(city.platform, {})
        tax = Organisation(id=TAX, kind=OrganisationKind.PROVIDER, name_zh="税务局", name_en="Tax")
        create_organisation(writer, SYSTEM_ACTOR, tax)
        for name, house, role in (
            ("keeper", PROVIDER, Role.STEWARD),
            ("tax_clerk", TAX, Role.PROVIDER),
            ("tax_head", TAX, Role.DEPARTMENT_HEAD),
        ):
            account = Account(name=name, organisation=house)
            person = Person(
                id=name, name=name, organisations=(house,), roles=(role,), accounts=(account,)
            )
            create_person(writer, SYSTEM_ACTOR, person)
        yield city


@pytest.fixture(scope="module")
def people(city: City) -> People:
    return People(city)


def declared(city: City, name: str, code: str, who: tuple[str, str, str] = OURS) -> dict[str, Any]:
    """Publish an entry and register a data set of (code, age, kind) beneath it, without rows."""
    document = declaration(name, code)
    house = TAX if who is THEIRS else PROVIDER
    entry = catalogue_entry(document, f"{house}.register")
    publish_entry(city.platform, entry, house, city.actor, people=who)
    answer = city.client(who[0]).post(f"{API}/catalog/datasets", json=document)
    assert answer.status_code == 201, answer.text
    return document


def publish(people: People, who: str, dataset: str, lines: list[str]) -> dict[str, Any]:
    path = f"{API}/catalog/datasets/{dataset}/versions?file_name=rows.csv"
    content = "\n".join(["code,age,kind", *lines, ""]).encode()
    answer = people(who).post(path, content=content)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_is_measured_is_decided_once(city: City, people: People) -> None:
    document = declared(city, "offices", "306009/31")
    path = "/catalog/datasets/offices"
    people.refused("steward", "/catalog/datasets", document, 409, "dataset_exists")
    people.refused("steward", f"{path}/measurements", {}, 409, "no_version")
    people.refused("steward", "/resources/offices/readings", {}, 409, "source_table_undeclared")
    publish(people, "steward", "offices", MOBILES)
    measured = people.post("steward", f"{path}/measurements")
    assert measured["profile"]["rows"] == len(MOBILES)
    one = f"{path}/measurements/{measured['id']}"
    people.refused("steward", f"{one}/score", {"band": "poor"}, 409, "no_quality_rules")
    accepted = {"outcome": "accepted", "reason": "确为手机号"}
    people.refused("steward", f"{one}/suggestions/99", accepted, 404, "suggestion_unknown")
    people.refused("tax_clerk", f"{one}/suggestions/0", accepted, 404, "dataset_unknown")
    decided = people.post("steward", f"{one}/suggestions/0", accepted)
    assert decided["change"]["to"]["identifier"] == "direct"
    people.refused("steward", f"{one}/suggestions/0", accepted, 409, "suggestion_decided")
    shown = people.read("steward", f"{path}/profile")["suggestions"]
    assert shown[0]["decision"] == "accepted"
    assert people.post("steward", f"{path}/quality-rules", RULES)["rules"] == 1
    again = people.post("steward", f"{path}/measurements")["id"]
    score = f"{path}/measurements/{again}/score"
    assert people.post("steward", score, {"band": "good"})["band"] == "good"
    people.refused("steward", score, {"band": "fair"}, 409, "score_released")


def test_a_steward_keeps_a_data_set_until_relieved(city: City, people: People) -> None:
    declared(city, "kept", "306009/32")
    path, body = "/quality/datasets/kept/stewards", {"person": "keeper"}
    rules = "/catalog/datasets/kept/quality-rules"
    people.refused("tax_head", path, body, 403, "head_required")
    people.refused("head", path, {"person": "analyst"}, 422, "steward_unknown")
    people.refused("head", f"{path}/keeper/relief", {}, 404, "steward_unknown")
    people.refused("keeper", rules, RULES, 403, "keeper_required")
    assert people.post("head", path, body)["organisation"] == PROVIDER
    people.refused("head", path, body, 409, "steward_assigned")
    assert people.post("keeper", rules, RULES)["rules"] == 1
    assert people.post("head", f"{path}/keeper/relief")["person"] == "keeper"
    people.refused("head", f"{path}/keeper/relief", {}, 404, "steward_unknown")
    (former,) = people.read("auditor", path)["stewards"]
    assert (former["person"], former["until_us"] is None) == ("keeper", False)
    people.refused("keeper", rules, RULES, 403, "keeper_required")


def test_two_sources_are_compared_and_the_other_one_is_asked_to_correct(
    city: City, people: People
) -> None:
    declared(city, "residents", "306009/33")
    declared(city, "taxpayers", "306009/34", THEIRS)
    declared(city, "births", "306009/36")
    claim = {"item": "年龄", "dataset": "residents", "column": "age"}
    theirs = {**claim, "dataset": "taxpayers"}
    assert people.post("steward", "/quality/sources", claim)["state"] == "authoritative"
    people.refused("steward", "/quality/sources", claim, 409, "claim_exists")
    contested = people.post("tax_clerk", "/quality/sources", theirs)
    assert contested["state"] == "contested"
    third = {**claim, "dataset": "births"}
    people.refused("steward", "/quality/sources", third, 409, "item_contested")
    decision, keep = f"/quality/sources/{contested['id']}/decision", {**WHY, "decision": "keep"}
    people.refused("steward", decision, keep, 403, "role_missing")
    assert people.post("founder", decision, keep)["state"] == "refused"
    people.refused("founder", decision, keep, 409, "claim_not_contested")

    sides = {
        side: {"dataset": name, "keys": ["code"], "column": "age"}
        for side, name in (("left", "residents"), ("right", "taxpayers"))
    }
    asked = {"item": "年龄", **sides}
    people.refused("founder", "/quality/comparisons", asked, 409, "no_version")
    publish(people, "steward", "residents", ["a,1,x", "b,2,x"])
    publish(people, "tax_clerk", "taxpayers", ["a,1,x", "b,3,x"])
    compared = people.post("founder", "/quality/comparisons", asked)["comparison"]
    path = f"/quality/comparisons/{compared}"
    seen = people.read("tax_clerk", path)
    assert (seen["counts"]["differ"], seen["right_keys"]["differ"]) == (1, [["b"]])
    assert "left_keys" not in seen
    assert not {"left_keys", "right_keys"} & set(people.read("founder", path))
    assert problem_of(people("analyst").get(f"{API}{path}"), 403)
    people.refused("steward", f"{path}/corrections", {}, 403, "role_missing")
    (raised,) = people.post("founder", f"{path}/corrections")["corrections"]
    assert people.read("tax_clerk", f"/corrections/{raised}")["provider"] == TAX
    kinds = {side: {**told, "column": "kind"} for side, told in sides.items()}
    alike = {"item": "类别", **kinds}
    agreeing = people.post("founder", "/quality/comparisons", alike)["comparison"]
    nothing = f"/quality/comparisons/{agreeing}/corrections"
    people.refused("founder", nothing, {}, 409, "sources_agree")
    completed(people, f"/corrections/{raised}")


def completed(people: People, path: str) -> None:
    """Have a correction's papers asked for, completed once, and the correction taken back."""
    more = {"evidence": "比对记录"}
    people.refused("founder", f"{path}/supplement", more, 409, "matter_not_open")
    matter = people.read("founder", path)["matter"]
    missing = {"missing": [{"name": "比对记录", "reason": "未附"}]}
    people.post("tax_clerk", f"/matters/{matter}/papers", missing)
    people.refused("steward", f"{path}/supplement", more, 404, "correction_unknown")
    done = people.post("founder", f"{path}/supplement", more)
    assert [one["move"] for one in done["moves"]] == ["raise", "supplement"]
    people.refused("founder", f"{path}/supplement", more, 409, "matter_not_open")
    people.refused("steward", f"{path}/withdrawal", {}, 404, "correction_unknown")
    assert people.post("founder", f"{path}/withdrawal")["state"] == "withdrawn"
    people.refused("founder", f"{path}/withdrawal", {}, 409, "correction_state")
    judged = {"upheld": True, "answer": "属实"}
    people.refused("tax_clerk", f"{path}/judgement", judged, 409, "correction_state")
    people.refused("founder", f"{path}/supplement", more, 409, "matter_not_open")


def test_evidence_of_a_resource_is_its_departments_own(city: City, people: People) -> None:
    declared(city, "registered", "306009/35")
    told = {"registration_code": "登记2026-001", "evidence_digest": "sm3:" + "a" * 64}
    path = "/resources/registered/evidence"
    assert problem_of(people("steward").post(f"{API}{path}", json={}), 422)
    people.refused("tax_clerk", path, told, 403, "provider_required")
    assert people.read("buyer", "/resources/registered")["evidence"] is None
    assert people.post("steward", path, told)["dataset"] == "registered"
    assert people.read("buyer", "/resources/registered")["evidence"] == told


def test_a_lower_grade_takes_a_second_person_and_is_confirmed_once(people: People) -> None:
    body = {"dataset": "derived", "columns": ["age"], "grade": "L1", "basis": "已汇总"}
    people.refused("analyst", "/regradings", body, 403, "role_missing")
    made = people.post("founder", "/regradings", body)
    assert made["confirmed"] is False
    path = f"/regradings/{made['regrading']}/confirmation"
    people.refused("founder", path, {}, 403, "applicant_cannot_approve")
    assert people.post("approver", path)["confirmed"]
    people.refused("approver", path, {}, 409, "regrading_confirmed")
    (one,) = people.read("steward", "/regradings?dataset=derived")["regradings"]
    assert (one["grade"], one["confirmed_by"]) == ("L1", "approver")


def test_each_edition_of_a_standard_is_added_once(people: People) -> None:
    listed = {
        "code": "CL-COLOUR",
        "zh": "颜色代码",
        "en": "Colours",
        "standard": "DB 1",
        "version": "1",
        "values": [{"value": "1", "zh": "红", "en": "red"}],
    }
    element = {
        "code": "DE-COLOUR",
        "zh": "颜色",
        "en": "Colour",
        "type": "text",
        "standard": "DB 2",
        "version": "1",
        "code_list": "CL-COLOUR",
    }
    people.refused("founder", "/standards/elements", element, 422, "code_list_unknown")
    for path, item in (("code-lists", listed), ("elements", element)):
        people.refused("steward", f"/standards/{path}", item, 403, "role_missing")
        for version in ("1", "2"):
            edition = {**item, "version": version}
            assert people.post("founder", f"/standards/{path}", edition)["version"] == version
        for version in ("1", "2"):
            edition = {**item, "version": version}
            people.refused("founder", f"/standards/{path}", edition, 409, "standard_exists")
        shown = people.read("buyer", f"/standards/{path}")[path.replace("-", "_")]
        assert [one["version"] for one in shown if one["code"] == item["code"]] == ["2"]
    packaged = people.read("buyer", "/standards/elements")["elements"]
    sex = next(one for one in packaged if one["code"] == "DE-SEX")
    people.post("founder", "/standards/elements", {**sex, "version": "house edition"})
    people.refused("founder", "/standards/elements", sex, 409, "standard_exists")
