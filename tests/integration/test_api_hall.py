"""The hall, demands, duties, promotions and referrals over HTTP: each in a wrong state, then right.

The city follows the clocks of Qingdao, where the authority refers a correction to its provider.
"""

from collections.abc import Iterator

import pytest

from authorization.sharing.states import ShareState
from foundation.settings import Settings
from tests.calling import API, People, TickingClock, problem_of
from tests.city import City, opened_city
from tests.page_visits import is_done, sent, signed_in
from tests.sharing_world import World, founded

GROUNDS = {"outcome": "refused", "reason": "与履职无关", "legal_basis": "条例第二十条"}
NEED = {"title": "年检", "need": "车龄", "data_items": ["号牌"], "wanted": "service"}
USE = {"scenario": "年检", "process": "核查", "effect": "少跑", "storage": "专网"}
DAY = "2026-11-18"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = tmp_path_factory.mktemp("hall")
    settings = Settings(home=home, jurisdiction="qingdao")
    with opened_city(home, clock=TickingClock(), settings=settings) as city:
        yield city


@pytest.fixture(scope="module")
def world(city: City) -> World:
    platform, clock = city.platform, city.platform.clock
    assert isinstance(clock, TickingClock)
    return founded(platform.engine, platform.keys, clock, platform.log, city.home)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def people(city: City, world: World) -> People:
    assert world.entry
    return People(city)


@pytest.fixture(scope="module")
def seat(people: People) -> str:
    """The seat of the police with two confirmed representatives; its path."""
    people.refused("chief", "/hall/seats", {"organisation": "police"}, 403, "role_missing")
    opened = people.post("founder", "/hall/seats", {"organisation": "police"})
    people.refused("founder", "/hall/seats", {"organisation": "police"}, 409, "seat_exists")
    path = f"/hall/seats/{opened['id']}"
    people.refused("matron", f"{path}/appointments", {"person": "envoy"}, 404, "seat_unknown")
    for name in ("envoy", "second_envoy"):
        named = people.post("chief", f"{path}/appointments", {"person": name})["id"]
        again = {"person": name}
        people.refused("chief", f"{path}/appointments", again, 409, "representative_named")
        people.refused(name, f"{path}/duty", {}, 403, "representative_not_confirmed")
        confirmation = f"/hall/appointments/{named}/confirmation"
        assert people.post("founder", confirmation)["id"] == named
        people.refused("founder", confirmation, {}, 409, "representative_confirmed")
    return path


def test_a_matter_is_taken_handed_over_and_decided_once(
    people: People, world: World, seat: str
) -> None:
    share = world.asked(ShareState.SUBMITTED)
    matter, to = f"/hall/queue/{share.matter}", {"to": "second_envoy", "reason": "换班"}
    people.refused("envoy", f"{matter}/taking", {}, 403, "representative_off_duty")
    for name in ("envoy", "second_envoy"):
        assert people.post(name, f"{seat}/duty")["person"] == name
        people.refused(name, f"{seat}/duty", {}, 409, "on_duty_already")
    people.refused("envoy", f"{matter}/decision", GROUNDS, 403, "matter_not_taken")
    people.refused("envoy", f"{matter}/hand-over", to, 403, "matter_not_taken")
    people.post("envoy", f"{matter}/taking")
    people.refused("second_envoy", f"{matter}/taking", {}, 409, "matter_taken")
    nobody = {"to": "constable", "reason": "换班"}
    people.refused("envoy", f"{matter}/hand-over", nobody, 422, "representative_unknown")
    assert people.post("envoy", f"{matter}/hand-over", to)["matter"]["id"] == share.matter
    (waiting,) = people.read("second_envoy", "/hall/queue")["queue"]
    assert (waiting["matter"]["id"], waiting["holder"]) == (share.matter, "second_envoy")
    people.refused("envoy", f"{matter}/decision", GROUNDS, 403, "matter_not_taken")
    decided = people.post("second_envoy", f"{matter}/decision", GROUNDS)
    assert (decided["state"], decided["decided_by"]) == ("refused", "second_envoy")
    people.refused("second_envoy", f"{matter}/decision", GROUNDS, 409, "share_state")
    people.refused("second_envoy", f"{matter}/taking", {}, 409, "matter_not_open")
    people.refused("second_envoy", f"{matter}/hand-over", to, 409, "matter_not_open")
    assert people.post("second_envoy", "/hall/duty/end", {"note": "无遗留"})["note"] == "无遗留"
    people.refused("second_envoy", "/hall/duty/end", {}, 403, "representative_off_duty")
    record = people("chief").post(f"{API}{seat}/duty-records/json", params={"day": DAY}).json()
    assert [one["move"] for one in record["handled"]] == ["taken", "handed_over", "decided"]
    paper = people("envoy").post(f"{API}{seat}/duty-records/pdf", params={"day": DAY})
    assert paper.content.startswith(b"%PDF-")
    refused = people("clerk").post(f"{API}{seat}/duty-records/pdf", params={"day": DAY})
    assert problem_of(refused, 403)["code"] == "role_missing"


def test_at_a_seat_only_the_form_that_was_read_is_agreed_to(
    city: City, people: People, world: World, seat: str
) -> None:
    share = world.asked(ShareState.SUBMITTED)
    people.post("second_envoy", f"{seat}/duty")
    people.post("second_envoy", f"/hall/queue/{share.matter}/taking")
    other = {"outcome": "approved", "document_digest": "sha256:other"}
    decision = f"/hall/queue/{share.matter}/decision"
    people.refused("second_envoy", decision, other, 409, "share_changed_meanwhile")
    envoy, page = signed_in(city, "second_envoy"), f"/pages/hall/queue/{share.matter}"
    assert f'name="document_digest" value="{share.document_digest}"' in envoy.get(page).text
    changed = sent(envoy, f"{page}/approval", document_digest="sha256:other")
    assert changed.status_code == 409
    assert "申请内容在您阅读后已变更" in changed.text
    assert people.read("second_envoy", "/hall/queue")["queue"][0]["holder"] == "second_envoy"
    assert is_done(sent(envoy, f"{page}/approval"))
    people.post("second_envoy", "/hall/duty/end", {"note": ""})


def test_duty_ends_with_the_appointment_which_ends_once(people: People, seat: str) -> None:
    left, _staying = people.read("constable", f"{seat}/appointments")["appointments"]
    told = {name: left[name] for name in ("person", "named_by", "confirmed_by", "ended_by")}
    assert told == {
        "person": "envoy",
        "named_by": "chief",
        "confirmed_by": people.read("founder", "/me")["person"],
        "ended_by": None,
    }
    if "envoy" not in people.read("founder", "/hall/seats")["seats"][0]["on_duty"]:
        people.post("envoy", f"{seat}/duty")
    end, reason = f"/hall/appointments/{left['id']}/end", {"reason": "调离"}
    people.refused("matron", end, reason, 404, "seat_unknown")
    assert "envoy" in people.read("founder", "/hall/seats")["seats"][0]["on_duty"]
    assert people.post("chief", end, reason)["id"] == left["id"]
    (standing,) = people.read("founder", "/hall/seats")["seats"]
    assert "envoy" not in standing["on_duty"]
    assert standing["representatives"] == ["second_envoy"]
    people.refused("chief", end, reason, 404, "appointment_unknown")
    people.refused("envoy", f"{seat}/duty", {}, 403, "representative_not_confirmed")


def test_a_demand_gets_one_team_and_ends_once(people: People) -> None:
    copy = {**NEED, "wanted": "copy"}
    people.refused("clerk", "/demands", copy, 422, "demand_copy_unreasoned")
    stated = people.post("clerk", "/demands", NEED)
    path, match = f"/demands/{stated['id']}", {"outcome": "refused", "reason": "无此数据"}
    lead = {"person": "constable", "organisation": "police", "duty": "供数", "lead": True}
    user = {"person": "clerk", "organisation": "transport", "duty": "用数"}
    two = {"members": [lead, {**user, "lead": True}]}
    people.refused("founder", f"{path}/team", two, 422, "team_needs_one_lead")
    people.refused("constable", f"{path}/team", {"members": [lead]}, 403, "role_missing")
    people.post("founder", f"{path}/team", {"members": [user, lead]})
    people.refused("founder", f"{path}/team", {"members": [lead]}, 409, "team_assigned")
    shown = people.read("nurse", path)
    assert [(one["person"], one["lead"]) for one in shown["team"]] == [
        ("constable", True),
        ("clerk", False),
    ]
    assert (shown["state"], shown["candidates"][0]["kind"]) == ("open", "service")
    assert problem_of(people("analyst").get(f"{API}{path}"), 404)["code"] == "demand_unknown"
    people.refused("constable", f"{path}/withdrawal", {}, 404, "demand_unknown")
    assert people.post("clerk", f"{path}/withdrawal")["state"] == "withdrawn"
    people.refused("clerk", f"{path}/withdrawal", {}, 409, "demand_over")
    people.refused("founder", f"{path}/team", {"members": [lead]}, 409, "demand_over")
    people.refused("founder", f"{path}/match", match, 409, "demand_over")


def test_a_demand_is_matched_with_what_was_found_for_it_once(people: People) -> None:
    stated = people.post("clerk", "/demands", NEED)
    path = f"/demands/{stated['id']}"
    match = {"outcome": "service", "found": stated["candidates"][0]["id"]}
    people.refused("clerk", f"{path}/match", match, 403, "role_missing")
    other = {**match, "found": "cat_other"}
    people.refused("founder", f"{path}/match", other, 422, "demand_match_unknown")
    matched = people.post("founder", f"{path}/match", match)
    assert (matched["state"], matched["found"]) == ("matched", match["found"])
    people.refused("founder", f"{path}/match", match, 409, "demand_over")
    people.refused("clerk", f"{path}/withdrawal", {}, 409, "demand_over")
    over = people.read("clerk", "/demands?state=matched")["demands"]
    assert stated["id"] in [one["id"] for one in over]


def test_an_application_is_promoted_in_use_once_at_a_time(people: People, world: World) -> None:
    share = world.asked()
    told = {"request": share.id, "achieved": "年检少跑一趟"}
    people.refused("nurse", "/promotions", told, 404, "share_unknown")
    people.refused("clerk", "/promotions", told, 409, "promotion_not_now")
    people.post("clerk", f"/sharing/requests/{share.id}/uses", USE)
    matter = people.post("clerk", "/promotions", told)["matter"]
    assert (matter["applicant"], matter["subject"]) == ("transport", share.id)
    people.refused("clerk", "/promotions", told, 409, "promotion_not_now")
    path, publish = f"/promotions/{matter['id']}/decision", {"outcome": "published"}
    people.refused("constable", path, publish, 403, "role_missing")
    assert people.read("analyst", "/promotions") == {"promotions": []}
    assert people.post("founder", path, publish)["matter"]["outcome"] == "published"
    people.refused("founder", path, publish, 409, "matter_not_open")
    (one,) = people.read("analyst", "/promotions")["promotions"]
    assert (one["id"], one["applicant"]) == (matter["id"], "transport")
    second = people.post("clerk", "/promotions", told)["matter"]["id"]
    no = {"outcome": "declined", "reason": "已有"}
    assert people.post("founder", f"/promotions/{second}/decision", no)["matter"]["outcome"] == (
        "declined"
    )
    assert len(people.read("analyst", "/promotions")["promotions"]) == 1


def test_duties_are_listed_between_two_departments(people: People, world: World) -> None:
    body = {"entry": world.entry, "user": "health", "duties": ["每日更新"]}
    people.refused("chief", "/responsibilities", body, 403, "role_missing")
    own = {**body, "user": "police"}
    people.refused("founder", "/responsibilities", own, 422, "responsibility_one_department")
    gone = {**body, "entry": "ent_gone"}
    people.refused("founder", "/responsibilities", gone, 404, "entry_unknown")
    made = people.post("founder", "/responsibilities", body)["id"]
    (line,) = people.read("nurse", "/responsibilities?organisation=health")["lines"]
    assert (line["provider"], line["manager"]) == ("police", "data_authority")
    assert [(one["id"], one["duties"]) for one in line["duties"]] == [(made, ["每日更新"])]
    assert "health" in line["users"]


def test_a_correction_is_referred_before_it_is_judged_and_ends_once(
    people: People, world: World
) -> None:
    claim = {"claim": "号牌格式有误", "evidence": "行驶证"}
    body = {"target": "entry", "subject": world.entry, **claim}
    raised = people.post("clerk", "/corrections", body)
    path = f"/corrections/{raised['id']}"
    refuse, uphold = ({"upheld": is_true, "answer": "经核实"} for is_true in (False, True))
    more = {"evidence": "行驶证正页"}
    assert raised["state"] == "raised"
    people.refused("constable", f"{path}/judgement", refuse, 409, "correction_state")
    people.refused("constable", f"{path}/referral", {}, 403, "role_missing")
    people.refused("clerk", f"{path}/supplement", more, 409, "matter_not_open")
    referred = people.post("founder", f"{path}/referral")
    assert (referred["state"], referred["state_name"]["zh"]) == ("referred", "核实中")
    assert [one["move"] for one in referred["moves"]] == ["raise", "refer"]
    people.refused("founder", f"{path}/referral", {}, 409, "correction_state")
    people.refused("constable", f"{path}/answer", {"answer": "已更正"}, 409, "correction_state")
    people.refused("constable", f"{path}/correction", {}, 409, "correction_state")
    assert people.post("constable", f"{path}/judgement", uphold)["state"] == "upheld"
    people.refused("constable", f"{path}/judgement", refuse, 409, "correction_state")
    people.refused("constable", f"{path}/correction", {}, 409, "correction_without_version")
    people.refused("clerk", f"{path}/withdrawal", {}, 409, "correction_state")
    assert people.post("founder", f"{path}/recalls", {"reason": "有误"})["recalled"] == []
