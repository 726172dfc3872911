"""Supply meets demand: product before copy, teams, matches, the matrix, and one case number."""

from typing import Any

import pytest

from authorization.sharing.case_files import case_file, cases_of
from authorization.sharing.demand_list import (
    DemandForm,
    Member,
    Outcome,
    demands,
    team_of,
)
from authorization.sharing.demands import Demands
from authorization.sharing.promoting import Promoting, promoted
from authorization.sharing.responsibilities import Responsibilities
from authorization.sharing.states import ShareState
from authorization.sharing.using import UseRecord
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from tests.sharing_world import FORM, World, published


def form(**changes: Any) -> DemandForm:
    facts = {"title": "年检核查", "need": "核查车龄", "data_items": ["号牌"], "wanted": "service"}
    return DemandForm.model_validate({**facts, **changes})


def desk(world: World) -> Demands:
    return Demands(**vars(world.applying))


def test_a_demand_finds_what_exists_before_anything_is_copied(world: World) -> None:
    published(world, code="306009/21", share_mode="file")
    with pytest.raises(InvalidInput, match="demand_copy_unreasoned") as refusal:
        desk(world).state(world["clerk"], form(wanted="copy", copy_reason=" "))
    assert "机动车登记" in refusal.value.message.zh
    stated = desk(world).state(world["clerk"], form(wanted="copy", copy_reason="离线核验")).value
    assert stated.candidates[0].kind == "service"
    assert "entry" in {one.kind for one in stated.candidates}
    assert stated.case_number


def test_a_full_width_word_finds_the_same_and_a_percent_sign_nothing(world: World) -> None:
    assert desk(world).state(world["clerk"], form(data_items=["ＰＬＡＴＥ"])).value.candidates
    assert not desk(world).state(world["clerk"], form(data_items=["%"])).value.candidates


def test_a_match_names_what_was_found_and_a_refusal_its_reason(world: World) -> None:
    stated = desk(world).state(world["clerk"], form()).value
    service = stated.candidates[0].id
    decide = desk(world).decide
    for outcome, found, reason, code in (
        (Outcome.REFUSED, "", " ", "demand_reason_missing"),
        (Outcome.SERVICE, "", "", "demand_match_missing"),
        (Outcome.SERVICE, "cat_other", "", "demand_match_unknown"),
        (Outcome.SHARING, service, "", "demand_reason_missing"),
        (Outcome.SHARING, "cat_other", "须离线", "entry_unknown"),
    ):
        with pytest.raises(SandgateError, match=code):
            decide(world["officer"], stated.id, outcome, found, reason)
    for name in ("clerk", "constable", "analyst"):
        with pytest.raises(Denied):
            decide(world[name], stated.id, Outcome.SERVICE, service, "")
    done = decide(world["officer"], stated.id, Outcome.SERVICE, service, "").value
    assert (done.state, done.found) == ("matched", service)
    with pytest.raises(Conflict, match="demand_over"):
        desk(world).withdraw(world["clerk"], stated.id)


def test_an_operator_sees_its_own_demands_only(world: World) -> None:
    mine = desk(world).state(world["analyst"], form(title="企业需求")).value
    desk(world).state(world["clerk"], form())
    with reading(world.engine) as connection:
        assert [one.id for one in demands(connection, world["analyst"])] == [mine.id]
        assert len(demands(connection, world["constable"])) > 1
    with pytest.raises(NotFound):
        desk(world).withdraw(world["clerk"], mine.id)


def test_a_team_has_one_lead_and_people_of_their_organisations(world: World) -> None:
    stated = desk(world).state(world["clerk"], form()).value
    lead = Member(person="officer", organisation="bureau", duty="牵头", lead=True)
    other = Member(person="constable", organisation="police", duty="供数")
    stray = Member(person="nurse", organisation="police", duty="供数")
    for members in ([other], [lead, lead], [lead, stray]):
        with pytest.raises(InvalidInput):
            desk(world).assign_team(world["officer"], stated.id, members)
    desk(world).assign_team(world["officer"], stated.id, [other, lead])
    with reading(world.engine) as connection:
        assert [one["person"] for one in team_of(connection, stated.id)] == ["officer", "constable"]
    with pytest.raises(Conflict, match="team_assigned"):
        desk(world).assign_team(world["officer"], stated.id, [lead])


def test_the_matrix_names_provider_user_and_manager_of_each_entry(fresh: World) -> None:
    duties = Responsibilities(**vars(fresh.applying))
    fresh.asked()
    with pytest.raises(InvalidInput, match="responsibility_one_department"):
        duties.assign(fresh["officer"], fresh.entry, "police", ["每日更新"])
    duties.assign(fresh["officer"], fresh.entry, "health", ["每日更新"])
    with reading(fresh.engine) as connection:
        (line,) = duties.matrix(connection)
        assert duties.matrix(connection, organisation="transport") == [line]
        assert duties.matrix(connection, organisation="datawise") == []
    assert (line["provider"], line["users"], line["manager"]) == (
        "police",
        ["health", "transport"],
        "bureau",
    )


def test_one_case_number_goes_over_the_counters(world: World) -> None:
    stated = desk(world).state(world["clerk"], form()).value
    share = world.applying.draft(
        world["clerk"], world.entry, FORM, case=stated.case_number, demand=stated.id
    ).value
    world.applying.sign_off(world["director"], share.id, share.document_digest)
    world.applying.submit(world["clerk"], share.id)
    with reading(world.engine) as connection:
        found = case_file(connection, world["clerk"], stated.case_number)
        assert stated.case_number in cases_of(connection, world["constable"])
        with pytest.raises(NotFound):
            case_file(connection, world["nurse"], stated.case_number)
    assert {one["counter"]: one["state"] for one in found["counters"]} == {
        "manage": "none",
        "publish": "none",
        "accept": "open",
        "match": "open",
        "promote": "none",
    }
    assert {(one["handler"], one["counter"]) for one in found["where"]} == {
        ("bureau", "match"),
        ("police", "accept"),
    }
    assert [one["id"] for one in found["requests"]] == [share.id]


def test_an_application_is_put_forward_and_published_at_the_last_counter(world: World) -> None:
    promoting = Promoting(**vars(world.applying))
    share = world.asked()
    with pytest.raises(Conflict, match="promotion_not_now"):
        promoting.propose(world["clerk"], share.id, "少跑一次")
    record = UseRecord(scenario="年检", process="核查", effect="少跑一次", storage="专网")
    world.using.record_use(world["clerk"], share.id, record)
    matter = promoting.propose(world["clerk"], share.id, "少跑一次").value
    with pytest.raises(Conflict, match="promotion_not_now"):
        promoting.propose(world["clerk"], share.id, "少跑一次")
    with pytest.raises(Denied):
        promoting.decide(world["clerk"], matter.id, "published", "")
    promoting.decide(world["officer"], matter.id, "published", "")
    with reading(world.engine) as connection:
        assert matter.id in {one.id for one in promoted(connection)}
        assert case_file(connection, world["clerk"], share.case_number)["over"]
    assert share.state is ShareState.SUPPLIED
