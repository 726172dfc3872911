"""The provider's decision: a no is grounded, a yes adds nothing of its own, by other people."""

import pytest

from audit.reading import private_of, read_entries
from audit.tags import EntryKind
from authorization.sharing.deciding import check_conditions, obstructions
from authorization.sharing.states import ShareState
from catalog.entries import Bilingual
from catalog.matters.reads import matter
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from tests.sharing_world import RULES, World, published

TERMS = Bilingual(zh="仅限履职使用；不得转供", en="For duties only; no passing on")


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("每次调用收费1元", "fee"),
        ("须对等提供贵局数据", "exchange"),
        ("须 另 行 签 订 协 议", "further_approval"),
        ("请持纸质材料到场", "in_person"),
        ("限指定厂商系统接入", "designated_system"),
        ("A fee is charged", "fee"),
    ],
)
def test_a_providers_own_condition_is_blocked_and_named(condition: str, kind: str) -> None:
    with pytest.raises(Denied, match="share_condition_obstructs") as refusal:
        check_conditions([condition], TERMS, RULES)
    assert refusal.value.rule == "政务数据共享条例 第十五条"
    assert kind in {found.name for found in obstructions(condition, RULES)}


def test_any_other_condition_outside_the_catalogue_is_blocked_too() -> None:
    with pytest.raises(Denied, match="share_condition_obstructs"):
        check_conditions(["仅限周二使用"], TERMS, RULES)
    with pytest.raises(Denied, match="share_condition_obstructs"):
        check_conditions([" "], TERMS, RULES)


def test_the_catalogues_own_conditions_stand_and_obstructing_ones_are_flagged() -> None:
    assert check_conditions(["不得转供"], TERMS, RULES) == ()
    priced = Bilingual(zh="按次收费", en="priced")
    assert check_conditions(["按次收费"], priced, RULES) == ("fee",)


@pytest.mark.parametrize(
    ("reason", "basis", "words"),
    [("", "", ("理由", "依据")), ("不行", " ", ("依据",)), (" ", "某法", ("理由",))],
)
def test_a_refusal_needs_reason_and_legal_basis(
    world: World, reason: str, basis: str, words: tuple[str, ...]
) -> None:
    share = world.asked(ShareState.SUBMITTED)
    with pytest.raises(InvalidInput, match="share_refusal_ungrounded") as refusal:
        world.deciding.refuse(world["constable"], share.id, reason, basis)
    assert all(word in refusal.value.message.zh for word in words)


def test_a_grounded_refusal_ends_the_request_and_its_words_stay_private(fresh: World) -> None:
    share = fresh.asked(ShareState.SUBMITTED)
    recorded = fresh.deciding.refuse(fresh["constable"], share.id, "与履职无关", "条例第二十条")
    assert recorded.value.state is ShareState.REFUSED
    with reading(fresh.engine) as connection:
        (entry,) = read_entries(connection, kinds=(EntryKind.SHARE_DECIDED,))
        private = private_of(connection, entry.index, fresh.keys)
    assert "与履职无关" not in str(entry.public)
    assert private["reason"].text == "与履职无关"
    assert entry.public["policy_digest"].startswith("sha256:")
    with pytest.raises(Conflict, match="share_state"):
        fresh.deciding.approve(fresh["constable"], share.id)


def test_nobody_but_an_older_person_of_the_provider_decides(world: World) -> None:
    share = world.asked(ShareState.SUBMITTED)
    for name, error in (
        ("clerk", NotFound),
        ("officer", SandgateError),
        ("nurse", NotFound),
        ("program", SandgateError),
        ("analyst", NotFound),
    ):
        with pytest.raises(error):
            world.deciding.approve(world[name], share.id)
    young = world.people["constable"].__class__(
        **{**world["constable"].__dict__, "since_us": world.clock.now_us()}
    )
    with pytest.raises(Denied, match="account_younger_than_request"):
        world.deciding.approve(young, share.id)


def test_approval_starts_the_supply_clock_in_the_same_case(world: World) -> None:
    share = world.asked(ShareState.APPROVED)
    with reading(world.engine) as connection:
        supply = matter(connection, share.matter)
    assert supply is not None
    assert supply.due is not None
    assert (supply.due.working_days, supply.case) == (20, share.case_number)


def test_silence_grants_nothing(fresh: World) -> None:
    share = fresh.asked(ShareState.SUBMITTED)
    fresh.clock.advance(200 * 86_400_000_000)
    with reading(fresh.engine) as connection:
        found = matter(connection, share.matter)
    assert found is not None
    assert found.is_overdue(fresh.clock.now_us())
    with pytest.raises(Denied, match="share_not_delivering"):
        fresh.delivery.call(fresh["clerk"], share.id, limit=1)


def test_an_entry_off_the_catalogue_is_not_shared(world: World) -> None:
    with pytest.raises(NotFound, match="entry_unknown"):
        world.applying.draft(world["clerk"], "cat_nothing", {})
    assert published(world, code="306009/11")
