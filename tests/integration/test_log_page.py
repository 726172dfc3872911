"""The log page speaks in names and says whose they are; a name tells nobody what was not theirs."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from tests.city import City, Plan, built_city
from tests.city_documents import OPERATOR, RIVAL
from tests.page_visits import signed_in

NAMES = {
    OPERATOR: "珠江数据运营有限公司",
    RIVAL: "清河数据运营有限公司",
    "analyst": "周志强",
    "rival": "郑海燕",
}
KIND = EntryKind.SUBSCRIPTION_ENDED
SUBSCRIPTION = {"subscription": "sub_x", "review": "rev_x"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("log") / "home"
    with built_city(home, Plan(names=NAMES)) as opened:
        for account in ("analyst", "rival"):
            public = {"licence": opened.licence, "dataset": "households"} | SUBSCRIPTION
            event = AuditEvent(KIND, opened.actor(account), public)
            opened.platform.writer.submit(event, no_effect)
        yield opened


def seen(city: City, account: str, language: str) -> str:
    answer = signed_in(city, account, language).get("/pages/log", params={"kind": str(KIND)})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


@pytest.mark.parametrize("account", ["analyst", "auditor"])
def test_an_entry_is_told_in_names_with_the_identifiers_beneath(city: City, account: str) -> None:
    zh, en = seen(city, account, "zh"), seen(city, account, "en")
    said = "珠江数据运营有限公司的周志强：无人值守运行的订阅已终止（授权 住户画像；数据集 住户）。"
    assert said in zh
    assert "licence Household brief; data set Households" in en
    for page, word in ((zh, "住户"), (en, "Households")):
        small = page.partition('<div class="small">')[2].partition("</div>")[0]
        for pair in ("周志强 analyst", f"{word} households", city.licence):
            assert pair in page, pair
        assert small
    assert "标识：" in zh
    assert "Identifiers: " in en
    assert "标识：" not in en


def test_a_licence_is_not_named_to_who_may_not_read_it(city: City) -> None:
    zh, en = seen(city, "rival", "zh"), seen(city, "rival", "en")
    assert f"授权 {city.licence}；数据集 住户" in zh
    assert "住户画像" not in zh
    assert "Household brief" not in en
    assert "周志强" not in zh


def test_the_api_and_the_pack_name_data_sets_as_the_log_does(city: City) -> None:
    told = city.client("analyst").get("/api/v1/log/own", params={"kind": str(KIND)})
    assert "data set households" in told.text
    assert "Household brief" not in told.text
