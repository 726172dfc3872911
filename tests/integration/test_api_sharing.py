"""Sharing over HTTP by people and programs of departments: each refused, then the whole road."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.verify.__main__ import run
from authorization import store
from authorization.service_accounts import issue_credential
from authorization.sharing.ending import KIND
from authorization.sharing.states import ShareState
from catalog.notices.outbox import notice_outbox
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR
from policies.schema.roles import RoleRules
from service.upkeep import Upkeep
from tests.calling import API, People, TickingClock, entries, problem_of
from tests.city import City, opened_city
from tests.page_visits import sent, signed_in
from tests.sharing_world import DAY_US, FORM, ROWS, World, founded

WHY = {"reason": "转供第三方"}
GROUNDS = {"outcome": "refused", "reason": "与履职无关", "legal_basis": "条例第二十条"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with opened_city(tmp_path_factory.mktemp("sharing"), clock=TickingClock()) as city:
        yield city


@pytest.fixture(scope="module")
def world(city: City) -> World:
    platform = city.platform
    clock: Any = platform.clock
    keys: Any = platform.keys
    return founded(platform.engine, keys, clock, platform.log, city.home)


@pytest.fixture(scope="module")
def program(city: City, world: World) -> httpx.Client:
    """A client with the credential of the transport bureau's service account."""

    def scoped(connection: Connection, _entry: PendingEntry) -> None:
        table = store.service_scope
        connection.execute(insert(table).values(account="program", scope="sharing.fetch"))

    about = {"dataset": "x", "version": "x", "manifest_digest": "x", "population": None}
    event = AuditEvent(EntryKind.VERSION_PUBLISHED, SYSTEM_ACTOR, {**about, "number": 1})
    city.platform.writer.submit(event, scoped)
    rules = city.platform.pack.rules(RoleRules)
    issued = issue_credential(city.platform.writer, world["clerk"], "program", 30, rules)
    client = city.client()
    client.headers["Authorization"] = f"Bearer {issued.value.token}"
    return client


@pytest.fixture(scope="module")
def people(city: City, world: World) -> People:
    assert world.entry
    return People(city)


def submitted(people: People, world: World, **changes: Any) -> str:
    body = {"entry": world.entry, "form": {**FORM, **changes}}
    drafted = people.post("clerk", "/sharing/requests", body)
    share, read = drafted["id"], {"document_digest": drafted["document_digest"]}
    path = f"/sharing/requests/{share}"
    people.refused("clerk", f"{path}/submission", {}, 422, "share_field_missing")
    people.refused("clerk", f"{path}/sign-off", read, 403, "role_missing")
    people.refused("chief", f"{path}/sign-off", read, 404, "share_unknown")
    people.post("director", f"{path}/sign-off", read)
    assert people.post("clerk", f"{path}/submission")["state"] == "submitted"
    return path


def test_the_whole_road_over_http(
    city: City, world: World, people: People, program: httpx.Client, tmp_path: Path
) -> None:
    path = submitted(people, world)
    for name in ("clerk", "nurse"):
        people.refused(name, f"{path}/decision", GROUNDS, 404, "share_unknown")
    own = {"outcome": "approved", "conditions": ["每次收费"]}
    people.refused("constable", f"{path}/decision", own, 403, "share_condition_obstructs")
    people.refused("constable", f"{path}/supply", supply(), 409, "share_state")
    decided = people.post("constable", f"{path}/decision", {"outcome": "approved"})
    assert decided["state_name"]["zh"] == "同意"
    early = program.post(f"{API}{path}/calls", json={})
    assert problem_of(early, 403)["code"] == "share_not_delivering"
    people.post("constable", f"{path}/supply", supply())
    body = {"where": {"plate": "闽A2"}, "columns": ["plate", "age"]}
    rows = program.post(f"{API}{path}/calls", json=body)
    assert rows.json()["rows"] == [{"plate": "闽A2", "age": ROWS[1][2]}]
    people.refused("nurse", f"{path}/calls", body, 404, "share_unknown")
    people.refused("clerk", f"{path}/copies", {}, 403, "share_mode_differs")
    barred = program.post(f"{API}/sharing/requests", json={"entry": world.entry})
    assert problem_of(barred, 403)["code"] == "scope_missing"
    sealed(city, people, path, tmp_path)
    people.post("constable", f"{path}/suspension", WHY)
    stopped = program.post(f"{API}{path}/calls", json={})
    assert problem_of(stopped, 403)["code"] == "share_not_delivering"
    people.post("clerk", f"{path}/rectification", {"reason": "已收回"})
    people.post("constable", f"{path}/resumption", {"reason": "复核通过"})
    use = {"scenario": "年检", "process": "核查", "effect": "少跑", "storage": "专网"}
    people.post("clerk", f"{path}/uses", use)
    people.post("director", f"{path}/disposal", {"method": "逻辑删除"})
    seen = people("clerk").get(f"{API}{path}").json()
    assert seen["state_name"]["zh"] == "已处置（销毁）"
    case = people("constable").get(f"{API}/case-files/{seen['case_number']}").json()
    assert case["over"]
    figures = people("founder").get(f"{API}/sharing/figures/calls").json()
    assert figures["by_department"][0]["requester"] == "transport"


def supply() -> dict[str, Any]:
    return {"dataset": "vehicles", "columns": ["plate", "age", "region", "owner"]}


def sealed(city: City, people: People, path: str, folder: Path) -> None:
    people.refused("clerk", f"{path}/seal", {}, 404, "share_unknown")
    people.post("constable", f"{path}/seal")
    keys = people("clerk").get(f"{API}/sharing/figures/seal-keys").json()["keys"]
    for form in ("pdf", "json"):
        found = people("clerk").get(f"{API}{path}/seal/{form}")
        assert found.status_code == 200
        (folder / f"decision.{form}").write_bytes(found.content)
        problem_of(people("nurse").get(f"{API}{path}/seal/{form}"), 404)
    files = [str(folder / "decision.pdf"), str(folder / "decision.json")]
    log_key = people("clerk").get(f"{API}/log/key").text
    assert run(["decision", *files, "--key", keys[0], "--log-key", log_key]) == 0
    (folder / "decision.pdf").write_bytes(b"%PDF-1.4 something else")
    assert run(["decision", *files, "--key", keys[0]]) == 1
    assert len(entries(city, EntryKind.SEAL_ORDERED)) == 1


def test_a_file_is_marked_for_whoever_fetches_it(people: People, world: World) -> None:
    path = submitted(people, world, mode="file")
    people.post("constable", f"{path}/decision", {"outcome": "approved"})
    columns = {"dataset": "vehicles", "columns": ["plate", "age"]}
    people.post("constable", f"{path}/supply", columns)
    copy = people("clerk").post(f"{API}{path}/copies", json={})
    assert copy.headers["content-type"].startswith("text/csv")
    assert copy.headers["x-copy"].startswith("cpy_")
    told = {"sha256": copy.headers["x-content-digest"]}
    origin = people.post("constable", f"{path}/traces", told)["origin"]
    assert (origin["person"], origin["delivery"]) == ("clerk", copy.headers["x-copy"])


class Pages:
    """The pages as logged-in people use them: each form is read, then sent with its token."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._clients: dict[str, httpx.Client] = {}

    def __call__(self, name: str) -> httpx.Client:
        if name not in self._clients:
            self._clients[name] = signed_in(self._city, name)
        return self._clients[name]

    def send(self, name: str, address: str, status: int = 303, /, **entered: str) -> httpx.Response:
        answer = sent(self(name), address, **entered)
        assert answer.status_code == status, answer.text
        return answer


def test_the_road_is_walked_in_the_pages_too(city: City, world: World) -> None:
    pages = Pages(city)
    entered = {name: str(value) for name, value in FORM.items()}
    drafted = pages.send("clerk", "/pages/sharing/new", entry=world.entry, region="", **entered)
    path = drafted.headers["location"].partition("?")[0]
    assert "负责人审签" in pages("director").get(path).text
    assert "负责人审签" not in pages("clerk").get(path).text
    lured = pages("director").get(f"{path}/sign-off?document_digest=sha256:another").text
    assert "sha256:another" not in lured
    pages.send("director", f"{path}/sign-off")
    pages.send("clerk", f"{path}/submission")
    assert "机动车登记" in pages("constable").get("/pages").text
    blocked = pages.send("constable", f"{path}/approval", 403, conditions="每次收费")
    assert "不得在目录载明的使用条件之外另设条件" in blocked.text
    pages.send("constable", f"{path}/approval", conditions="")
    pages.send("constable", f"{path}/seal")
    assert pages("clerk").get(f"{path}/decision/pdf").content.startswith(b"%PDF-")
    pages.send("constable", f"{path}/supply", dataset="vehicles", columns="plate\nage")
    shown = pages("clerk").get(path).text
    assert "登记使用情况" in shown
    assert "服务账号" in shown
    case = re.search(r"/pages/cases/[A-Z0-9-]+", shown)
    assert case is not None
    whole = pages("constable").get(case[0]).text
    assert all(word in whole for word in ("统一管理", "统一受理", "统一对接", "统一推广"))
    assert pages("nurse").get(path).status_code == 404
    assert pages("nurse").get(case[0]).status_code == 404
    assert "机动车登记" in pages("clerk").get("/pages/demands/responsibilities").text
    hostile = "<script>alert(1)</script>"
    items = {"data_items": "号牌", "wanted": "service", "copy_reason": ""}
    stated = pages.send("clerk", "/pages/demands/new", title=hostile, need="x", **items)
    demand = stated.headers["location"].partition("?")[0]
    assert hostile not in pages("clerk").get(demand).text
    assert "数据服务" in pages("founder").get(demand).text
    assert pages("envoy").get("/pages/hall").status_code == 200


def test_a_draft_is_rewritten_until_it_is_signed_and_taken_back_until_it_is_decided(
    people: People, world: World
) -> None:
    drafted = people.post("clerk", "/sharing/requests", {"entry": world.entry})
    path = f"/sharing/requests/{drafted['id']}"
    people.refused("director", f"{path}/form", FORM, 403, "share_draft_of_another")
    people.refused("constable", f"{path}/form", FORM, 404, "share_unknown")
    written = people.post("clerk", f"{path}/form", FORM)
    assert written["document_digest"] != drafted["document_digest"]
    assert people.read("clerk", path)["form"]["basis"] == FORM["basis"]
    stale = {"document_digest": drafted["document_digest"]}
    people.refused("director", f"{path}/sign-off", stale, 409, "share_changed_meanwhile")
    people.post("director", f"{path}/sign-off", {"document_digest": written["document_digest"]})
    people.refused("clerk", f"{path}/form", FORM, 409, "share_signed")
    people.refused("director", f"{path}/papers", FORM, 409, "share_state")
    assert people.post("clerk", f"{path}/withdrawal")["state"] == "withdrawn"
    people.refused("clerk", f"{path}/withdrawal", {}, 409, "share_state")
    people.refused("clerk", f"{path}/submission", {}, 409, "share_state")
    people.refused("constable", f"{path}/termination", WHY, 404, "share_unknown")


def test_completed_papers_are_the_heads_and_are_handed_in_once(
    people: People, world: World
) -> None:
    path = submitted(people, world)
    people.refused("director", f"{path}/papers", FORM, 409, "matter_not_open")
    matter = people.read("clerk", path)["matter"]
    missing = {"missing": [{"name": "使用依据", "reason": "未附文件"}]}
    assert people.post("constable", f"/matters/{matter}/papers", missing)["state"] == "waiting"
    people.refused("clerk", f"{path}/papers", FORM, 403, "role_missing")
    completed = people.post("director", f"{path}/papers", {**FORM, "basis": "国令第809号第八条"})
    assert (completed["state"], completed["signed_by"]) == ("submitted", "director")
    assert people.read("constable", path)["form"]["basis"] == "国令第809号第八条"
    assert people.read("constable", f"/matters/{matter}")["state"] == "open"
    people.refused("director", f"{path}/papers", FORM, 409, "matter_not_open")


def test_a_grant_that_is_ended_is_used_no_more_and_what_was_used_stays_told(
    people: People, world: World, program: httpx.Client
) -> None:
    use = {"scenario": "年检", "process": "核查", "effect": "少跑", "storage": "专网"}
    path = submitted(people, world)
    people.refused("clerk", f"{path}/uses", use, 409, "share_state")
    people.refused("constable", f"{path}/termination", WHY, 409, "share_state")
    people.refused("constable", f"{path}/seal", {}, 409, "decision_missing")
    people.refused("director", f"{path}/disposal", {"method": "删除"}, 409, "share_state")
    people.post("constable", f"{path}/decision", {"outcome": "approved"})
    people.refused("constable", f"{path}/decision", GROUNDS, 409, "share_state")
    people.refused("constable", f"{path}/suspension", WHY, 409, "share_state")
    people.post("constable", f"{path}/supply", supply())
    assert people.read("clerk", f"{path}/deliveries") == {"deliveries": []}
    assert program.post(f"{API}{path}/calls", json={"limit": 2}).status_code == 200
    people.post("clerk", f"{path}/uses", use)
    people.refused("clerk", f"{path}/rectification", WHY, 409, "share_state")
    people.refused("constable", f"{path}/resumption", WHY, 409, "share_state")
    ended = people.post("constable", f"{path}/termination", WHY)
    assert (ended["state"], ended["note"]) == ("terminated", WHY["reason"])
    late = program.post(f"{API}{path}/calls", json={})
    assert problem_of(late, 403)["code"] == "share_not_delivering"
    people.refused("clerk", f"{path}/uses", use, 409, "share_state")
    for name in ("clerk", "constable"):
        (used,) = people.read(name, f"{path}/uses")["uses"]
        assert (used["person"], used["effect"]) == ("clerk", "少跑")
        (given,) = people.read(name, f"{path}/deliveries")["deliveries"]
        assert (given["mode"], given["row_count"]) == ("service", 2)
        assert "110100" not in str(given)
    for part in ("uses", "deliveries"):
        assert problem_of(people("nurse").get(f"{API}{path}/{part}"), 404)


def test_upkeep_calls_a_term_to_mind(city: City, world: World) -> None:
    """Last of this file: it moves the city's clock to a month before a term ends."""
    share = world.asked(ShareState.SUPPLIED)
    assert share.until_us is not None
    world.clock.advance(share.until_us - 29 * DAY_US - world.clock.now_us())
    Upkeep(city.platform).tell_once()
    query = select(notice_outbox.c.organisation).where(
        notice_outbox.c.subject == share.id, notice_outbox.c.kind == KIND
    )
    with reading(city.platform.engine) as connection:
        assert list(connection.scalars(query)) == ["transport"]
