"""Zones, resources and standards in a browser's terms: forms posted, refusals at their field."""

import json
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
from tests.catalogue import SYSTEM, publish_entry
from tests.city import AUTHORITY, PROVIDER, City, opened_city
from tests.city_documents import catalogue_entry, column
from tests.page_visits import is_done, sent, signed_in

HOSTILE = "<script>alert(1)</script>"
NAMES = {PROVIDER: "市民政局", "tax_bureau": "市税务局"}
DECLARED = {
    "name": "offices",
    "entry": "306009/21",
    "label_zh": "服务网点",
    "label_en": "Offices",
    "subject": "open",
    "columns": [
        column("place", "text", "L1", "rows", element="DE-DIVISION"),
        column("remark", "text", "L1", "rows", element="DE-MOBILE"),
    ],
    "origin": {"kind": "shared", "source": "tax_bureau"},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with opened_city(tmp_path_factory.mktemp("pages") / "home") as city:
        for name, name_zh in NAMES.items():
            found = Organisation(
                id=name, kind=OrganisationKind.PROVIDER, name_zh=name_zh, name_en=name
            )
            create_organisation(city.platform.writer, SYSTEM_ACTOR, found)
        for name, house, role in (
            ("approver", AUTHORITY, Role.AUTHORITY),
            ("steward", PROVIDER, Role.PROVIDER),
            ("head", PROVIDER, Role.DEPARTMENT_HEAD),
            ("tax_clerk", "tax_bureau", Role.PROVIDER),
        ):
            person = Person(
                id=name,
                name=name,
                organisations=(house,),
                roles=(role,),
                accounts=(Account(name=name, organisation=house),),
            )
            create_person(city.platform.writer, SYSTEM_ACTOR, person)
        yield city


def test_a_zone_is_opened_closed_and_destroyed_by_two_people(city: City) -> None:
    founder, approver = signed_in(city, "founder"), signed_in(city, "approver")
    steward = signed_in(city, "steward")
    zone = {"id": "qianzhong", "kind": "regional", "name_zh": HOSTILE, "keeper": PROVIDER}
    refused = sent(founder, "/pages/zones/new", **zone, region="", grade_max="L3")
    assert (refused.status_code, "地区专区须写明" in refused.text) == (422, True)
    assert is_done(sent(founder, "/pages/zones/new", **zone, region="520100", grade_max="L3"))
    path = "/pages/zones/qianzhong"
    page = steward.get(path).text
    assert HOSTILE not in page
    assert "销毁" not in page
    assert "关闭" not in page
    assert steward.get(f"{path}/closure").status_code == 403
    assert is_done(sent(founder, f"{path}/closure", reason="机构调整"))
    own = sent(founder, f"{path}/destruction")
    assert own.status_code == 403
    assert is_done(sent(approver, f"{path}/destruction"))
    assert "已销毁" in steward.get("/pages/zones").text


def test_a_resource_waits_for_its_source_and_takes_its_data(city: City) -> None:
    entry = catalogue_entry(DECLARED, SYSTEM)
    publish_entry(city.platform, entry, PROVIDER, city.actor)
    steward, tax = signed_in(city, "steward"), signed_in(city, "tax_clerk")
    broken = sent(steward, "/pages/resources/new", declaration="{")
    assert (broken.status_code, "JSON" in broken.text) == (422, True)
    secret = json.dumps({**DECLARED, "secrecy": "state_secret"})
    stopped = sent(steward, "/pages/resources/new", declaration=secret)
    assert (stopped.status_code, "国家秘密不得进入" in stopped.text) == (422, True)
    assert is_done(sent(steward, "/pages/resources/new", declaration=json.dumps(DECLARED)))
    path = "/pages/resources/offices"
    assert "待数源部门同意" in steward.get(path).text
    assert "附上数源部门同意意见" not in steward.get(path).text
    denied = steward.post(f"{path}/consent", data={"reference": "x"})
    assert denied.status_code == 403
    assert is_done(sent(tax, f"{path}/consent", reference="同意函1号", scope=""))
    assert "可授权" in steward.get(path).text
    wrong = ("网点.csv", b"place,remark\n520102,13800000000\nX,1\n")
    refused = sent(steward, f"{path}/version", wrong)
    assert refused.status_code == 422
    assert "place" in refused.text
    good = ("网点.csv", b"place,remark\n520102,13800000000\n520103,1\n")
    assert is_done(sent(steward, f"{path}/version", good))
    page = steward.get(path).text
    assert "格式不符" in page
    assert "格式不符" not in tax.get(path).text  # counts are for the department and the authority
    assert is_done(sent(tax, f"{path}/withdrawal", reason="用途终止"))
    assert "撤回同意" in steward.get(path).text
    assert is_done(sent(steward, f"{path}/evidence", registration_code="GD-1"))
    assert "GD-1" in steward.get(path).text
    for page in ("/pages/resources", path):
        told = steward.get(page).text
        assert "市民政局" in told, page
        assert "公共数据区" in told, page
        assert PROVIDER not in told.partition("<main>")[2], page
    assert "市税务局" in told
    assert "tax_bureau" not in told


def test_the_dictionary_is_read_by_all_and_kept_by_the_authority(city: City) -> None:
    founder, steward = signed_in(city, "founder"), signed_in(city, "steward")
    element = {
        "code": "DE-ROAD",
        "zh": "道路名称",
        "en": "road",
        "type": "text",
        "standard": "地方标准",
        "version": "1",
        "length_max": "20",
        "on_violation": "flag",
    }
    assert steward.get("/pages/standards/new").status_code == 403
    bad = sent(founder, "/pages/standards/new", **{**element, "pattern": "(["})
    assert (bad.status_code, "格式表达式无效" in bad.text) == (422, True)
    assert is_done(sent(founder, "/pages/standards/new", **element))
    assert "道路名称" in steward.get("/pages/standards").text
    assert "女性" in steward.get("/pages/standards/lists/CL-SEX").text
    assert "贵州省" in steward.get("/pages/standards/regions").text
    assert "贵阳市" in steward.get("/pages/standards/regions?above=520000").text
    assert steward.get("/pages/standards/regions?above=1").status_code == 422
    assert steward.get("/pages/standards/lists/CL-NONE").status_code == 404
