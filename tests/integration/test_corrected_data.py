"""Data found wrong, over the real API: acceptance item 19, and who sees what on the way.

A correction upheld lists and flags the release that rests on the data; the authority recalls it; a
new version corrects; the objector is answered.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from tests.calling import API, TickingClock, problem_of
from tests.city import City, built_city, told
from tests.city_documents import household_rows
from tests.page_visits import sent, signed_in

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
CLAIM = {
    "target": "dataset",
    "subject": "households",
    "claim": "年龄段登记有误",
    "evidence": "户籍登记表第三页",
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=TickingClock()) as city:
        yield city


@pytest.fixture(scope="module")
def release(city: City) -> str:
    answer = str(told(city.ask(BY_AGE))["answer_id"])
    file = FileDraft(name="by-age.csv", source="answer", reference=answer)
    asked = ReleaseDraft(title_zh="住户", title_en="Households", context="book", files=(file,))
    desk, analyst = city.platform.desk, city.actor("analyst")
    request = desk.submit_draft(analyst, desk.draft(analyst, city.licence, asked).id)
    for account in ("checker_one", "checker_two"):
        body = {"decision": "approve", "sha256": request.sha256, "comment": "read"}
        sent = city.client(account).post(f"{API}/releases/{request.id}/votes", json=body)
    assert sent.json()["state"] == "delivered"
    return request.id


def posted(client: httpx.Client, path: str, body: object = None) -> dict[str, Any]:
    sent = client.post(f"{API}{path}", json={} if body is None else body)
    assert sent.status_code == 201, sent.text
    found: dict[str, Any] = sent.json()
    return found


def test_item_19_an_upheld_correction_lists_and_recalls_what_rests_on_the_data(
    city: City, release: str
) -> None:
    buyer, steward, founder = (city.client(name) for name in ("buyer", "steward", "founder"))
    raised = posted(buyer, "/corrections", CLAIM)
    path = f"/corrections/{raised['id']}"
    problem_of(founder.post(f"{API}{path}/judgement", json={"upheld": True, "answer": "x"}), 403)
    early = posted(founder, f"{path}/recalls", {"reason": "数据有误"})
    assert early["recalled"] == []  # nothing is flagged before it is upheld

    upheld = posted(steward, f"{path}/judgement", {"upheld": True, "answer": "属实"})
    assert upheld["state"] == "upheld"
    assert [(item["output"], item["state"]) for item in upheld["affected"]] == [
        (release, "delivered")
    ]
    assert buyer.get(f"{API}{path}").json()["affected"] == []  # not the raiser's to know
    flags = city.client("analyst").get(f"{API}/corrections/flags").json()["flags"]
    assert [(flag["output"], flag["dataset"]) for flag in flags] == [(release, "households")]

    problem_of(steward.post(f"{API}{path}/recalls", json={"reason": "x"}), 403)
    recalled = posted(founder, f"{path}/recalls", {"reason": "数据有误"})
    assert [item["id"] for item in recalled["recalled"]] == [release]
    gone = city.client("analyst").get(f"{API}/releases/{release}/certificate")
    assert problem_of(gone, 409)["code"] == "release_recalled"

    stale = problem_of(steward.post(f"{API}{path}/correction", json={}), 409)
    assert stale["code"] == "correction_without_version"
    _publish(steward)
    posted(steward, f"{path}/correction")
    answered = posted(steward, f"{path}/answer", {"answer": "已更正并发布新版本"})
    assert answered["state"] == "answered"
    assert buyer.get(f"{API}{path}").json()["answer"] == "已更正并发布新版本"


def test_an_objection_takes_the_registered_name(city: City) -> None:
    analyst = city.client("analyst")
    asked = {**CLAIM, "kind": "objection", "real_name": "someone else"}
    refused = problem_of(analyst.post(f"{API}/corrections", json=asked), 403)
    assert refused["code"] == "identity_not_verified"
    assert "security administrator" in refused["way_out"]["text"]
    change = {"kind": "identity", "person": city.actor("analyst").person}
    document = {"kind": "passport_fra", "number": "12AB34567"}
    asked_for = {"change": change, "identity": document}
    grant = posted(city.client("founder"), "/role-grants", asked_for)
    posted(city.client("security_admin"), f"/role-grants/{grant['id']}/confirm")
    other = problem_of(analyst.post(f"{API}/corrections", json=asked), 403)
    assert other["code"] == "real_name_not_verified"
    assert posted(analyst, "/corrections", {**asked, "real_name": "analyst"})["kind"] == "objection"


def test_figures_are_for_the_source_and_the_authority(city: City) -> None:
    steward, founder = city.client("steward"), city.client("founder")
    rules = {"rules": [{"name": "a", "dimension": "completeness", "columns": ["state"]}]}
    posted(steward, "/catalog/datasets/households/quality-rules", rules)
    loaded = _publish(steward)["quality"]["measurement"]
    profile = steward.get(f"{API}/catalog/datasets/households/profile").json()
    assert profile["id"] == loaded
    measured = posted(steward, "/catalog/datasets/households/measurements")
    assert measured["profile"]["rows"] >= len(household_rows()) - 1
    assert founder.get(f"{API}/catalog/datasets/households/profile").json() == measured
    for account in ("analyst", "buyer", "auditor"):
        problem_of(city.client(account).get(f"{API}/catalog/datasets/households/profile"), 403)
    assert city.client("analyst").get(f"{API}/catalog/datasets/households/scores").json() == {
        "scores": []
    }
    path = f"/catalog/datasets/households/measurements/{measured['id']}/score"
    posted(steward, path, {"band": "excellent"})
    seen = city.client("analyst").get(f"{API}/catalog/datasets/households/scores").json()
    assert [item["band"] for item in seen["scores"]] == ["excellent"]
    assert "score" not in json.dumps(seen["scores"][0])


def test_a_correction_is_raised_and_refused_in_the_browser(city: City) -> None:
    analyst, steward = signed_in(city, "analyst"), signed_in(city, "steward")
    hostile = "<script>alert(1)</script>"
    asked = {"subject": "households", "claim": hostile, "evidence": "户籍登记表"}
    missing = sent(analyst, "/pages/corrections/new", **{**asked, "evidence": ""})
    assert (missing.status_code, "请一次补齐" in missing.text) == (422, True)
    address = sent(analyst, "/pages/corrections/new", **asked).headers["location"]
    path = address.partition("?")[0]
    page = steward.get(path).text
    assert hostile not in page
    assert "核实属实" in page
    assert steward.get("/pages/corrections").text.count(path) == 1
    assert "核实属实" not in analyst.get(path).text  # not theirs to judge
    assert analyst.get(f"{path}/upholding").status_code == 403
    answered = sent(steward, f"{path}/refusal", answer="经核实，登记无误")
    assert answered.headers["location"].endswith("?done=1")
    assert "经核实，登记无误" in analyst.get(path).text
    assert signed_in(city, "buyer").get(path).status_code == 404


def test_a_keeper_measures_and_reads_in_the_browser(city: City) -> None:
    steward, analyst = signed_in(city, "steward"), signed_in(city, "analyst")
    path = "/pages/quality/datasets/colleges"
    assert "尚未测量" in steward.get(path).text
    assert sent(steward, f"{path}/measure").status_code == 303
    page = steward.get(path).text
    assert "重识别风险" in page
    assert "各列概况" in page
    assert analyst.get(path).status_code == 403
    assert steward.get("/pages/quality").status_code == 200


def _publish(steward: httpx.Client) -> dict[str, Any]:
    names = list(household_rows()[0])
    lines = [",".join(names)]
    lines += [",".join(_cell(row[name]) for name in names) for row in household_rows()]
    sent = steward.post(
        f"{API}/catalog/datasets/households/versions?file_name=households.csv",
        content="\n".join(lines).encode() + b"\n",
    )
    assert sent.status_code == 201, sent.text
    told: dict[str, Any] = sent.json()
    return told


def _cell(value: object) -> str:
    return "" if value is None else str(value)
