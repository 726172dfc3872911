"""Matters over HTTP: seen by their parties, returned once, extended by two, listed when overdue."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from audit.events import AuditEvent
from audit.tags import EntryKind
from catalog.entries import Bilingual
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import open_matter
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.settings import Settings
from service.upkeep import Upkeep
from tests.calling import API, entries, problem_of
from tests.city import City, built_city
from tests.fakes import TickingClock
from tests.receivers import http_receiver, reply

PAPERS = {"missing": [{"name": "使用依据", "reason": "未附文件"}]}
ASKED = {"days": 5, "reason": "材料较多"}
CONSENT = {"consent": True, "reason": "同意"}


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    settings = Settings(home=home, webhook_inner_hosts="127.0.0.1")
    with built_city(home, clock=clock, settings=settings) as city:
        yield city


@pytest.fixture
def clients(city: City) -> dict[str, httpx.Client]:
    return signed_in(city)


def signed_in(city: City) -> dict[str, httpx.Client]:
    """Sign everybody in with a token that is fresh by the clock's present time."""
    names = ("founder", "steward", "analyst", "buyer", "auditor")
    return {name: city.client(name) for name in names}


def opened(city: City, deadline: str | None = "share_conditional") -> str:
    """Open a matter that the operator's analyst asks and the department decides."""
    analyst, steward = city.actor("analyst"), city.actor("steward")
    asked = NewMatter(
        kind=MatterKind.SHARE_REQUEST,
        counter=Counter.ACCEPT,
        deadline=deadline,
        subject="req_1",
        title=Bilingual(zh="共享申请", en="Sharing request"),
        applicant=analyst.organisation,
        applicant_person=analyst.person,
        handler=steward.organisation,
        handler_roles=(Role.PROVIDER,),
    )
    event = AuditEvent(EntryKind.REQUEST_REFUSED, SYSTEM_ACTOR, {"route": "t", "code": "t"})
    made = city.platform.writer.submit(
        event, lambda connection, entry: open_matter(connection, entry, city.platform.clocks, asked)
    )
    return made.value.id


def listed(client: httpx.Client, **query: Any) -> list[str]:
    answer = client.get(f"{API}/matters", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["matters"]]


def test_a_matter_is_seen_by_its_parties_and_overseers_only(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    matter = opened(city)
    assert matter in listed(clients["steward"])
    assert matter not in listed(clients["analyst"])  # the applicant decides nothing
    assert matter in listed(clients["analyst"], view="applied")
    assert matter in listed(clients["auditor"], view="all")
    assert matter not in listed(clients["buyer"], view="all")
    for name in ("founder", "steward", "analyst", "auditor"):
        found = clients[name].get(f"{API}/matters/{matter}").json()
        assert found["due"]["on"]
        assert found["moves"][0]["due"] == found["due"]
    stranger = problem_of(clients["buyer"].get(f"{API}/matters/{matter}"), 404)
    assert stranger["code"] == "matter_unknown"


def test_papers_are_asked_once_by_the_handler_and_the_applicant_is_told(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    matter = opened(city)
    path = f"{API}/matters/{matter}/papers"
    assert problem_of(clients["founder"].post(path, json=PAPERS), 403)["code"] == "matter_not_yours"
    assert problem_of(clients["steward"].post(path, json={"missing": []}), 422)
    done = clients["steward"].post(path, json=PAPERS)
    assert (done.status_code, done.json()["state"]) == (201, "waiting")
    again = problem_of(clients["steward"].post(path, json=PAPERS), 409)
    assert again["code"] == "notice_given_before"
    unknown = clients["steward"].post(f"{API}/matters/mat_x/papers", json=PAPERS)
    assert problem_of(unknown, 404)["code"] == "matter_unknown"
    told = clients["analyst"].get(f"{API}/notices/own").json()["notices"]
    assert (told[0]["kind"], told[0]["data"]["matter"]) == ("matter.papers", matter)
    assert "使用依据" not in str(entries(city, EntryKind.MATTER_PAPERS_ASKED)[-1].public)


def test_an_extension_is_asked_by_the_handler_and_consented_to_by_the_authority(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    matter = opened(city)
    path = f"{API}/matters/{matter}/extension"
    assert problem_of(clients["founder"].post(f"{path}/decision", json=CONSENT), 409)
    too_long = clients["steward"].post(path, json={**ASKED, "days": 11})
    assert problem_of(too_long, 422)["code"] == "extension_too_long"
    before = clients["steward"].post(path, json=ASKED).json()
    twice = problem_of(clients["steward"].post(path, json=ASKED), 409)
    assert twice["code"] == "extension_asked_before"
    after = clients["founder"].post(f"{path}/decision", json=CONSENT)
    assert after.status_code == 201, after.text
    assert after.json()["due"]["on"] > before["due"]["on"]
    told = clients["analyst"].get(f"{API}/notices/own").json()["notices"]
    assert told[0]["kind"] == "matter.extended"


def test_what_nobody_decides_is_reminded_listed_announced_and_pushed(
    city: City, clients: dict[str, httpx.Client], clock: TickingClock
) -> None:
    with http_receiver() as receiver:
        hook = clients["steward"].post(
            f"{API}/webhooks", json={"url": receiver.url, "kinds": ["matter.*"]}
        )
        assert hook.status_code == 201, hook.text
        listed_hooks = clients["steward"].get(f"{API}/webhooks").json()["webhooks"]
        assert "secret" not in listed_hooks[0]
        matter = opened(city, "share_unconditional")
        upkeep = Upkeep(city.platform)
        upkeep.tell_once()
        clock.advance(9 * MICROSECONDS_PER_DAY)
        for _ in range(8):
            upkeep.tell_once()
    clients = signed_in(city)
    kinds = {heard.header("sandgate-delivery"): heard.body for heard in receiver.heard}
    assert any(b'"matter.reminded"' in body for body in kinds.values())
    assert any(b'"matter.escalated"' in body for body in kinds.values())
    assert any(b'"matter.announced"' in body for body in kinds.values())
    owed = clients["founder"].get(f"{API}/matters/overdue").json()["matters"]
    assert matter in [item["id"] for item in owed]
    assert all(item["state"] == "open" and item["outcome"] is None for item in owed)
    (given,) = (
        clients["steward"].get(f"{API}/matters/overdue/announcements").json()["announcements"]
    )
    assert given["departments"]
    made = clients["founder"].post(f"{API}/matters/overdue/announcements")
    assert made.status_code == 201
    cards = clients["auditor"].get(
        f"{API}/matters/scorecards", params={"from": "2026-01-01", "until": "2027-06-01"}
    )
    assert cards.json()["scorecards"][0]["overdue"] >= 1
    assert problem_of(clients["founder"].get(f"{API}/matters/scorecards?from=x&until=y"), 422)


def test_a_delivery_is_revived_once_it_was_given_up(city: City, clock: TickingClock) -> None:
    with http_receiver() as receiver:
        body = {"url": receiver.url, "kinds": ["matter.*"]}
        hook = city.client("steward").post(f"{API}/webhooks", json=body).json()["id"]
        opened(city, "share_unconditional")
        clock.advance(9 * MICROSECONDS_PER_DAY)
        receiver.answer = lambda connection: connection.sendall(reply("503 Busy"))
        upkeep = Upkeep(city.platform)
        for _ in range(8):
            upkeep.tell_once()
        steward = city.client("steward")
        failed = steward.get(f"{API}/webhooks/undelivered").json()["undelivered"]
        (mine, *_) = [one["delivery"] for one in failed if one["target"] == hook]
        revival = f"{API}/webhooks/undelivered/{mine}/revival"
        assert problem_of(steward.post(revival), 409)["code"] == "delivery_under_way"
        clock.advance(MICROSECONDS_PER_DAY)
        receiver.answer = lambda connection: connection.sendall(reply("410 Gone"))
        while city.platform.notices.delivery.attempt():
            pass  # each round tries a few of each receiver
        steward = city.client("steward")
        assert steward.post(revival).json()["delivery"] == mine
        assert problem_of(steward.post(revival), 409)["code"] == "delivery_under_way"
        receiver.answer = None
        while city.platform.notices.delivery.attempt():
            pass
    assert problem_of(steward.post(revival), 404)["code"] == "delivery_unknown"  # it was brought
    end = f"{API}/webhooks/{hook}/end"
    assert steward.post(end).json()["ended"]
    assert problem_of(steward.post(end), 409)["code"] == "webhook_ended"


def test_an_organisation_has_so_many_webhooks(city: City) -> None:
    analyst = city.client("analyst")
    most = city.platform.notices.webhooks.rules.subscriptions_per_organisation_max
    with http_receiver() as receiver:
        body = {"url": receiver.url, "kinds": ["matter.extended"]}
        hooks = [analyst.post(f"{API}/webhooks", json=body) for _ in range(most + 1)]
    assert {hook.status_code for hook in hooks[:most]} == {201}
    assert problem_of(hooks[most], 409)["code"] == "webhooks_too_many"
    for hook in hooks[:most]:
        analyst.post(f"{API}/webhooks/{hook.json()['id']}/end")


def test_an_address_is_ones_own_and_plain(clients: dict[str, httpx.Client]) -> None:
    body = {"address": "w@civil.example", "language": "en"}
    assert clients["steward"].post(f"{API}/notices/address", json=body).status_code == 201
    assert clients["steward"].get(f"{API}/notices/address").json() == body
    assert clients["analyst"].get(f"{API}/notices/address").json()["address"] is None
    bad = {"address": "w@civil.example\nBcc: x@y.example"}
    assert problem_of(clients["steward"].post(f"{API}/notices/address", json=bad), 422)
    assert clients["steward"].post(f"{API}/notices/address/removal").status_code == 201
    assert clients["steward"].get(f"{API}/notices/address").json()["address"] is None


def test_a_webhook_that_leads_elsewhere_is_refused(clients: dict[str, httpx.Client]) -> None:
    for url in ("https://evil.example/x", "http://169.254.169.254/latest", "http://localhost/x"):
        body = {"url": url, "kinds": ["*"]}
        refused = clients["steward"].post(f"{API}/webhooks", json=body)
        assert problem_of(refused, 422)["code"] == "outbound_host_refused"


def test_the_packs_of_jurisdictions_are_listed_and_compared(
    clients: dict[str, httpx.Client],
) -> None:
    packs = clients["buyer"].get(f"{API}/rules/packs").json()
    assert packs["in_force"] == "national"
    names = {"fujian", "guizhou", "huangshan-2020", "national", "qingdao", "quanzhou", "shenzhen"}
    assert {item["name"] for item in packs["packs"]} == names
    qingdao = clients["buyer"].get(f"{API}/rules/packs/qingdao").json()
    assert qingdao["clocks"]["correction"]["working_days"] == 5
    assert qingdao["clocks"]["share_supply"]["set_by"] == "national"
    found = clients["buyer"].get(f"{API}/rules/packs/national/diff/huangshan-2020").json()
    assert {"share_unconditional", "share_conditional"} == {
        item["name"] for item in found["differences"]
    }
    unknown = clients["buyer"].get(f"{API}/rules/packs/atlantis")
    assert problem_of(unknown, 404)["code"] == "jurisdiction_unknown"


def test_the_start_names_the_jurisdiction_and_its_digest(city: City) -> None:
    (started,) = entries(city, EntryKind.SERVICE_STARTED)
    assert started.public["jurisdiction"] == "national"
    assert started.public["rules_digest"] == city.platform.clocks.rules.digest


def paged(city: City, account: str) -> httpx.Client:
    """Sign in as a browser does."""
    client = city.client()
    form = {"token": city.token(account), "return": "/pages"}
    assert client.post("/login/development", data=form).status_code == 303
    client.headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    client.headers["Accept-Language"] = "zh"
    return client


def posted(client: httpx.Client, page: str, path: str, **fields: str) -> httpx.Response:
    """Send a form of a page with the token that the page holds."""
    shown = client.get(page)
    assert shown.status_code == 200, shown.text
    found = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)
    assert found, shown.text
    return client.post(path, data={**fields, "csrf_token": found.group(1)})


def test_the_pages_carry_a_matter_from_papers_to_extension(city: City) -> None:
    first, second = opened(city), opened(city)
    steward, founder = paged(city, "steward"), paged(city, "founder")
    page = f"/pages/matters/{first}"
    done = posted(steward, page, f"{page}/papers", missing="使用依据\n<b>使用范围</b>")
    assert done.status_code == 303, done.text
    shown = paged(city, "analyst").get(page).text
    assert "使用依据" in shown
    assert "<b>使用范围" not in shown
    assert "待补正" in shown
    assert paged(city, "buyer").get(page).status_code == 404
    page = f"/pages/matters/{second}"
    assert posted(steward, page, f"{page}/extension", days="x", reason="r").status_code != 303
    assert posted(steward, page, f"{page}/extension", days="5", reason="材料多").status_code == 303
    done = posted(founder, page, f"{page}/extension-decision", consent="yes", reason="同意")
    assert done.status_code == 303, done.text
    assert "同意延期" in steward.get(page).text
    told = paged(city, "analyst").get("/pages/notices").text
    assert "经同意延期5个工作日" in told
    for account in ("founder", "steward", "auditor"):
        overview = paged(city, account).get("/pages/matters")
        assert overview.status_code == 200
        assert "考核评估" in overview.text
    done = posted(
        steward, "/pages/notices", "/pages/notices/address", address="a@b.example", language="zh"
    )
    assert done.status_code == 303, done.text
    assert "a@b.example" in steward.get("/pages/notices").text
    done = posted(steward, "/pages/notices", "/pages/notices/address-removal")
    assert done.status_code == 303, done.text
