"""The catalogue over HTTP: who sees what, the road with its refusals, feed and subscriptions."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audit.tags import EntryKind
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from catalog.notices.outbox import notices_for
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Role
from tests.calling import API, People, entries, problem_of
from tests.catalogue import ASSESSMENT, SYSTEM, entry_code, publish_over_http
from tests.city import City, built_city
from tests.city_documents import HOUSEHOLDS, catalogue_entry
from tests.page_visits import sent, signed_in

PATH = f"{API}/catalog/entries"
Document = dict[str, Any]
Clients = dict[str, httpx.Client]
ASSESSED = ASSESSMENT.model_dump(mode="json")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        writer = city.platform.writer
        other = Organisation(
            id="other_bureau", kind=OrganisationKind.PROVIDER, name_zh="局", name_en="Bureau"
        )
        create_organisation(writer, SYSTEM_ACTOR, other)
        for name, role in (("other_steward", Role.PROVIDER), ("other_head", Role.DEPARTMENT_HEAD)):
            person = Person(
                id=name,
                name=name,
                organisations=("other_bureau",),
                roles=(role,),
                accounts=(Account(name=name, organisation="other_bureau"),),
            )
            create_person(writer, SYSTEM_ACTOR, person)
        yield city


@pytest.fixture(scope="module")
def clients(city: City) -> Clients:
    names = ("steward", "head", "founder", "approver", "buyer", "auditor", "other_steward")
    return {name: city.client(name) for name in (*names, "other_head")}


@pytest.fixture(scope="module")
def people(city: City) -> People:
    return People(city)


def document(key: str, **changes: Any) -> Document:
    code = entry_code(key)
    return {**catalogue_entry({**HOUSEHOLDS, "entry": code}, SYSTEM), **changes}


def drafted(clients: Clients, key: str, **changes: Any) -> Document:
    answer = clients["steward"].post(PATH, json=document(key, **changes))
    assert answer.status_code == 201, answer.text
    told: Document = answer.json()
    return told


def published(clients: Clients, key: str, **changes: Any) -> Document:
    whole = document(key, **changes)
    return publish_over_http(whole, clients["steward"], clients["head"], clients["founder"])


def test_every_missing_field_is_named_at_once_in_the_callers_language(
    city: City, clients: Clients
) -> None:
    chinese = city.client("steward", "zh")
    bare = {"code": entry_code("bare"), "share_attribute": "conditional"}
    for client, name in ((clients["steward"], "scope of sharing"), (chinese, "共享范围")):
        problem = problem_of(client.post(PATH, json=bare), 422)
        assert problem["code"] == "entry_field_missing"
        assert name in problem["detail"]
    missing = problem_of(chinese.post(PATH, json={}), 422)["detail"]
    for name in ("目录名称", "数据项", "提供单位", "数据格式", "更新频率", "共享属性", "共享方式"):
        assert name in missing
    for name in ("使用条件", "分类分级", "开放属性", "回流属性"):
        assert name in missing


def test_withholding_without_a_legal_basis_is_refused(clients: Clients) -> None:
    withheld = document("withheld", share_attribute="withheld")
    problem = problem_of(clients["steward"].post(PATH, json=withheld), 422)
    assert (problem["code"], problem["field"]) == ("entry_legal_basis_missing", "$.legal_basis")


def test_a_draft_is_seen_by_its_department_and_the_authority_only(clients: Clients) -> None:
    path = f"{PATH}/{drafted(clients, 'hidden')['id']}"
    for name in ("buyer", "auditor", "other_steward", "other_head"):
        for part in ("", "/versions", "/history", "/difference?before=1"):
            problem = problem_of(clients[name].get(f"{path}{part}"), 404)
            assert problem["code"] == "entry_unknown"
        listed = clients[name].get(PATH, params={"state": "draft"}).json()["entries"]
        assert listed == []
    for name in ("steward", "head", "founder"):
        assert clients[name].get(path).json()["draft"]["document"]["format"] == "Parquet"
        listed = clients[name].get(PATH, params={"state": "draft"}).json()["entries"]
        assert entry_code("hidden") in {item["code"] for item in listed}


def test_the_road_over_http_refuses_before_it_publishes(clients: Clients) -> None:
    told = drafted(clients, "walked")
    path = f"{PATH}/{told['id']}"
    steward, head, founder = clients["steward"], clients["head"], clients["founder"]
    submission = steward.post(f"{path}/submission")
    assert problem_of(submission, 409)["code"] == "assessments_missing"
    publication = {"digest": told["digest"]}
    early = founder.post(f"{path}/publication", json=publication)
    assert problem_of(early, 409)["code"] == "entry_wrong_state"
    foreign = clients["other_steward"].post(f"{path}/revision", json=document("walked"))
    assert problem_of(foreign, 403)["code"] == "provider_required"
    problem_of(steward.post(f"{path}/assessments/unknown", json=ASSESSED), 422)
    for name in ("secrecy", "personal"):
        told = steward.post(f"{path}/assessments/{name}", json=ASSESSED).json()
    papers = {"papers": told["papers"]}
    other = clients["other_head"].post(f"{path}/sign-off", json=papers)
    assert problem_of(other, 403)["code"] == "department_head_required"
    assert head.post(f"{path}/sign-off", json=papers).status_code == 201
    submitted = steward.post(f"{path}/submission").json()
    assert submitted["case"]
    assert problem_of(founder.post(f"{path}/refusal", json={}), 422)
    assert founder.post(f"{path}/publication", json=publication).json()["version"] == 1
    taken = founder.post(f"{path}/withdrawal", json={"reason": "系统停用"})
    assert taken.json()["state"] == "withdrawn"
    dataset = {**HOUSEHOLDS, "name": "late", "entry": told["id"]}
    refused = steward.post(f"{API}/catalog/datasets", json=dataset)
    assert problem_of(refused, 409)["code"] == "entry_withdrawn"


LACKS = {"missing": [{"name": "样例数据", "reason": "看不清"}]}
NO = {"reason": "与已有目录重复"}


def walked(people: People, path: str) -> Document:
    """Enter both papers of a draft, sign it off and submit it."""
    for name in ("secrecy", "personal"):
        told = people.post("steward", f"{path}/assessments/{name}", ASSESSED)
    people.post("head", f"{path}/sign-off", {"papers": told["papers"]})
    return people.post("steward", f"{path}/submission")


def test_a_text_is_returned_only_while_it_is_under_review(people: People, clients: Clients) -> None:
    told = drafted(clients, "returned")
    path, text = f"/catalog/entries/{told['id']}", document("returned", format="CSV")
    for step, body in (("return", LACKS), ("refusal", NO), ("withdrawal", NO)):
        people.refused("founder", f"{path}/{step}", body, 409, "entry_wrong_state")
    people.refused("steward", f"{path}/change", {"ground": "调整"}, 409, "entry_wrong_state")
    signed = {"papers": told["digest"]}
    people.refused("head", f"{path}/sign-off", signed, 409, "assessments_missing")
    walked(people, path)
    for step, body in (
        ("revision", text),
        ("discard", {}),
        ("assessments/secrecy", ASSESSED),
        ("submission", {}),
    ):
        people.refused("steward", f"{path}/{step}", body, 409, "entry_wrong_state")
    people.refused("head", f"{path}/sign-off", signed, 409, "entry_wrong_state")
    people.refused("steward", f"{path}/return", LACKS, 403, "role_missing")
    back = people.post("founder", f"{path}/return", LACKS)
    assert (back["state"], back["digest"]) == ("draft", told["digest"])
    people.refused("founder", f"{path}/return", LACKS, 409, "entry_wrong_state")
    assert people.post("steward", f"{path}/revision", text)["digest"] != told["digest"]
    assert people.read("head", path)["draft"]["document"]["format"] == "CSV"
    people.refused("steward", f"{path}/submission", {}, 409, "sign_off_missing")
    people.refused("other_steward", f"{path}/discard", {}, 403, "provider_required")
    assert people.post("steward", f"{path}/discard")["state"] == "discarded"
    for step, body in (("discard", {}), ("revision", text), ("submission", {})):
        people.refused("steward", f"{path}/{step}", body, 409, "entry_wrong_state")
    assert drafted(clients, "returned")["id"] == told["id"]  # its code is free again


def test_a_refused_text_is_over_until_it_is_rewritten(people: People, clients: Clients) -> None:
    path = f"/catalog/entries/{drafted(clients, 'refused')['id']}"
    digest = walked(people, path)["digest"]
    people.refused("founder", f"{path}/refusal", {"reason": " "}, 422, "reason_missing")
    told = people.post("founder", f"{path}/refusal", NO)
    assert told["state"] == "refused"
    for step, body in (("refusal", NO), ("return", LACKS), ("publication", {"digest": digest})):
        people.refused("founder", f"{path}/{step}", body, 409, "entry_wrong_state")
    assert problem_of(clients["buyer"].get(f"{API}{path}"), 404)["code"] == "entry_unknown"
    people.refused("steward", "/catalog/entries", document("refused"), 409, "entry_exists")
    again = people.post("steward", f"{path}/revision", document("refused", format="CSV"))
    assert (again["state"], again["digest"] != digest) == ("draft", True)
    assert walked(people, path)["state"] == "submitted"


def test_a_system_is_registered_and_retired_once(people: People, clients: Clients) -> None:
    words = {"zh": "旧系统", "en": "Old system"}
    body, path = {"name": "old.care", "label": words, "purpose": words}, "/catalog/systems"
    assert people.post("steward", path, body)["name"] == "old.care"
    people.refused("steward", path, body, 409, "system_exists")
    assert "old.care" in people.read("buyer", "/catalog/linkage")["systems"]
    entry = f"/catalog/entries/{drafted(clients, 'fed', systems=['old.care'])['id']}"
    people.refused("other_steward", f"{path}/old.care/retirement", {}, 403, "provider_required")
    assert people.post("steward", f"{path}/old.care/retirement")["retired_us"]
    people.refused("steward", f"{path}/old.care/retirement", {}, 409, "system_retired")
    assert "old.care" not in people.read("buyer", "/catalog/linkage")["systems"]
    for name in ("secrecy", "personal"):
        told = people.post("steward", f"{entry}/assessments/{name}", ASSESSED)
    people.post("head", f"{entry}/sign-off", {"papers": told["papers"]})
    people.refused("steward", f"{entry}/submission", {}, 422, "entry_system_unknown")


def test_no_data_set_stands_beneath_a_draft(clients: Clients) -> None:
    told = drafted(clients, "beneath")
    for entry in (told["id"], told["code"]):
        dataset = {**HOUSEHOLDS, "name": "early", "entry": entry}
        refused = clients["steward"].post(f"{API}/catalog/datasets", json=dataset)
        assert problem_of(refused, 404)["code"] == "entry_unknown"


def test_a_change_shows_its_difference_and_the_feed_goes_on_from_its_cursor(
    clients: Clients,
) -> None:
    start = clients["buyer"].get(f"{API}/catalogue/changes").json()["next"]
    first = published(clients, "changing", abstract={"zh": "旧摘要"})
    path = f"{PATH}/{first['id']}"
    steward, buyer = clients["steward"], clients["buyer"]
    changed = document("changing", abstract={"zh": "新摘要"}, update_frequency="weekly")
    begun = {"ground": "职责调整", "document": changed}
    told = steward.post(f"{path}/change", json=begun).json()
    at_work = steward.get(f"{path}/difference", params={"before": 1}).json()["changes"]
    assert [item["field"] for item in at_work] == ["update_frequency", "abstract"]
    problem_of(buyer.get(f"{path}/difference", params={"before": 1}), 404)
    for name in ("secrecy", "personal"):
        told = steward.post(f"{path}/assessments/{name}", json=ASSESSED).json()
    clients["head"].post(f"{path}/sign-off", json={"papers": told["papers"]})
    steward.post(f"{path}/submission")
    publication = clients["founder"].post(f"{path}/publication", json={"digest": told["digest"]})
    assert publication.json()["version"] == 2
    both = buyer.get(f"{path}/difference", params={"before": 1, "after": 2}).json()["changes"]
    assert both[1]["label"] == {"zh": "摘要", "en": "abstract"}
    assert (both[0]["before"], both[0]["after"]) == ("yearly", "weekly")
    seen = buyer.get(f"{path}/history").json()["moves"]
    assert [item["version"] for item in seen] == [1, 2]
    assert "person" not in seen[0]
    assert len(steward.get(f"{path}/history").json()["moves"]) == 12
    page = buyer.get(f"{API}/catalogue/changes", params={"after": start, "limit": 1}).json()
    assert (page["changes"][0]["entry"], page["more"]) == (first["id"], True)
    rest = buyer.get(f"{API}/catalogue/changes", params={"after": page["next"]}).json()
    assert [item["version"] for item in rest["changes"]] == [2]
    assert rest["changes"][0]["previous_digest"] == page["changes"][0]["digest"]
    assert not rest["more"]


def test_search_finds_one_and_two_characters_of_chinese_and_pages_stay(clients: Clients) -> None:
    for number, name in enumerate(("税务登记簿", "水税征收表", "道路名录", "道路养护表")):
        published(clients, f"found {number}", name={"zh": name}, themes=["transport"])
    buyer = clients["buyer"]

    def found(**asked: object) -> list[str]:
        answer = buyer.get(PATH, params=asked)  # type: ignore[arg-type]
        return [item["name"]["zh"] for item in answer.json()["entries"]]

    assert set(found(text="税")) == {"税务登记簿", "水税征收表"}
    assert found(text="税务") == ["税务登记簿"]
    assert set(found(text="道路 表")) == {"道路养护表"}
    assert found(text="%") == found(text="_路") == []
    assert len(found(tag="transport")) == 4
    assert found(tag="transport", grade="L1") == []
    page = buyer.get(PATH, params={"tag": "transport", "limit": 3}).json()
    further = {"tag": "transport", "after": page["next"], "limit": 3}
    rest = buyer.get(PATH, params=further).json()
    codes = [item["code"] for item in (*page["entries"], *rest["entries"])]
    assert (len(set(codes)), rest["next"]) == (4, None)


def test_subscribers_are_told_of_what_is_published_and_withdrawn(
    city: City, clients: Clients
) -> None:
    buyer, path = clients["buyer"], f"{API}/catalog/subscriptions"
    hidden = drafted(clients, "unheard")["id"]
    problem_of(buyer.post(path, json={"topic": "entry", "subject": hidden}), 422)
    problem_of(buyer.post(path, json={"topic": "tag", "subject": "nonsense"}), 422)
    body = {"topic": "tag", "subject": "housing"}
    made = buyer.post(path, json=body).json()
    assert problem_of(buyer.post(path, json=body), 409)["code"] == "subscription_exists"
    end = f"{path}/{made['id']}/end"
    assert problem_of(clients["auditor"].post(end), 404)["code"] == "subscription_unknown"
    told = published(clients, "housed", base_libraries=["housing"])
    with reading(city.platform.engine) as connection:
        notices = notices_for(connection, city.actor("buyer"))
    assert [(item.kind, item.subject) for item in notices] == [("catalogue.published", told["id"])]
    assert buyer.post(end).status_code == 201
    withdrawal = clients["founder"].post(f"{PATH}/{told['id']}/withdrawal", json={"reason": "停"})
    assert withdrawal.status_code == 201
    with reading(city.platform.engine) as connection:
        assert len(notices_for(connection, city.actor("buyer"))) == 1
    assert len(entries(city, EntryKind.ENTRY_WATCHED)) == 1


ENTERED: Document = {
    "code": entry_code("by hand"),
    "name": "<script>alert(1)</script>养老机构名录",
    "provider_name": "市民政局",
    "provider": "11999999MB2F00016L",
    "data_items": "机构名称\n床位数",
    "format": "XLSX",
    "update_frequency": "weekly",
    "category": "部门/民政",
    "classification": "L2",
    "share_attribute": "withheld",
    "share_mode": "file",
    "use_conditions": "履行职责",
    "open_attribute": "unconditional",
    "return_attribute": "none",
    "systems": ["care.homes"],
    "zone": "public",
}
PAPER = {"conclusion": "passed", "document_number": "评〔2026〕2号", "on": "2026-02-03"}


def test_the_road_is_walked_in_the_pages(city: City) -> None:
    steward, head, founder, buyer = (
        signed_in(city, name) for name in ("steward", "head", "founder", "buyer")
    )
    home = "/pages/catalogue"
    system = {"name": "care.homes", "label": "养老机构系统", "purpose": "机构备案"}
    made = sent(steward, f"{home}-systems/new", **system)
    assert made.status_code == 303, made.text
    assert "未关联目录" in steward.get(f"{home}-systems").text
    refused = sent(steward, f"{home}-new", **ENTERED)
    assert (refused.status_code, "不予共享" in refused.text) == (422, True)
    whole = {**ENTERED, "withhold_reason": "涉及国家安全", "legal_basis": "某法第十条"}
    page = sent(steward, f"{home}-new", **whole).headers["location"].partition("?")[0]
    assert "尚未评估" in steward.get(page).text
    assert "<script>alert" not in steward.get(page).text
    assert buyer.get(page).status_code == 404
    for name in ("secrecy", "personal"):
        assert sent(steward, f"{page}/{name}", assessor="保密办", **PAPER).status_code == 303
    subject = f"/pages/catalogue-subjects/{page.rpartition('/')[2]}"
    assert subject in head.get("/pages").text
    assert head.get(subject).headers["location"] == page
    assert steward.get(f"{page}/sign-off").status_code == 403
    assert sent(head, f"{page}/sign-off").status_code == 303
    assert sent(steward, f"{page}/submission").status_code == 303
    assert subject in founder.get("/pages").text
    returned = sent(founder, f"{page}/return", missing="样例数据：看不清")
    assert returned.status_code == 303
    assert "看不清" in steward.get(page).text
    revised = {name: text for name, text in whole.items() if name != "code"}
    assert sent(steward, f"{page}/revision", **{**revised, "format": "CSV"}).status_code == 303
    assert sent(steward, f"{page}/submission").status_code == 409
    assert sent(head, f"{page}/sign-off").status_code == 303
    assert sent(steward, f"{page}/submission").status_code == 303
    assert sent(founder, f"{page}/publication").status_code == 303
    seen = buyer.get(page).text
    assert "某法第十条" in seen
    assert "保密办" not in seen
    found = buyer.get(home, params={"text": "养老", "share": "withheld"}).text
    assert page in found
    assert sent(buyer, f"{page}/subscription").status_code == 303
    assert sent(steward, f"{page}/change", ground="职责调整").headers["location"] == (
        f"{page}/revision"
    )
    changed = {**revised, "name": "养老机构名录", "data_items": "机构名称"}
    assert sent(steward, f"{page}/revision", **changed).status_code == 303
    assert "拟变更为" in steward.get(page).text
    assert sent(founder, f"{page}/withdrawal", reason="重复").status_code == 303
    assert "已下线" in buyer.get(page).text
