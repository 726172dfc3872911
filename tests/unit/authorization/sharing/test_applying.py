"""Asking for data: five fields and the head's sign-off, all that is missing named at once."""

from dataclasses import replace
from typing import Any

import pytest

from authorization.sharing.states import ShareState
from catalog.matters.matter import MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers
from catalog.matters.reads import matter, matters
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from tests.sharing_world import FORM, World, published

FIELDS = ("basis", "scenario", "scope", "mode", "until")
NAMES = ("使用依据", "使用场景", "使用范围", "共享方式", "使用时限")


def test_everything_missing_is_named_at_once(world: World) -> None:
    share = world.applying.draft(world["clerk"], world.entry, {}).value
    with pytest.raises(InvalidInput, match="share_field_missing") as refusal:
        world.applying.submit(world["clerk"], share.id)
    for word in (*NAMES, "申请单位负责人审签"):
        assert word in refusal.value.message.zh


@pytest.mark.parametrize("missing", FIELDS)
def test_each_missing_field_is_named_alone(world: World, missing: str) -> None:
    raw = {name: value for name, value in FORM.items() if name != missing}
    share = world.applying.draft(world["clerk"], world.entry, raw).value
    with pytest.raises(InvalidInput, match="share_field_missing") as refusal:
        world.applying.sign_off(world["director"], share.id, share.document_digest)
    assert NAMES[FIELDS.index(missing)] in refusal.value.message.zh
    assert sum(name in refusal.value.message.zh for name in NAMES) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"until": "2026-11-01"}, "share_term_invalid"),
        ({"until": "2031-01-01"}, "share_term_invalid"),
        ({"mode": "sandbox"}, "share_mode_invalid"),
    ],
)
def test_a_bad_field_is_refused_by_name(world: World, changes: dict[str, Any], code: str) -> None:
    share = world.applying.draft(world["clerk"], world.entry, {**FORM, **changes}).value
    with pytest.raises(InvalidInput, match=code):
        world.applying.sign_off(world["director"], share.id, share.document_digest)


def test_only_the_head_signs_and_never_what_they_drafted(world: World) -> None:
    share = world.asked(ShareState.DRAFT)
    for name in ("clerk", "constable", "officer"):
        with pytest.raises(Denied):
            world.applying.sign_off(world[name], share.id, share.document_digest)
    with pytest.raises(NotFound, match="share_unknown"):
        world.applying.sign_off(world["chief"], share.id, share.document_digest)
    own = world.applying.draft(world["director"], world.entry, FORM).value
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        world.applying.sign_off(world["director"], own.id, own.document_digest)


def test_a_signed_draft_is_not_changed_any_more(world: World) -> None:
    share = world.asked(ShareState.DRAFT)
    revised = world.applying.revise(world["clerk"], share.id, {**FORM, "scope": "另一范围"}).value
    with pytest.raises(Conflict, match="share_changed_meanwhile"):
        world.applying.sign_off(world["director"], share.id, share.document_digest)
    world.applying.sign_off(world["director"], share.id, revised.document_digest)
    with pytest.raises(Conflict, match="share_signed"):
        world.applying.revise(world["clerk"], share.id, FORM)
    assert world.applying.submit(world["clerk"], share.id).value.form.scope == "另一范围"


def test_no_operator_and_nobody_of_one_asks(world: World) -> None:
    with pytest.raises(Denied, match="sharing_for_departments"):
        world.applying.draft(world["analyst"], world.entry, FORM)
    with pytest.raises(InvalidInput, match="share_own_data"):
        world.applying.draft(world["constable"], world.entry, FORM)


def test_what_is_withheld_or_never_returns_is_refused_with_the_way_out(world: World) -> None:
    basis = {"reason": {"zh": "涉密", "en": "x"}, "act": {"zh": "某法", "en": "Act"}}
    kept = published(
        world,
        code="306009/7",
        share_attribute="withheld",
        legal_basis=basis,
        share_scope=None,
        permitted_use=None,
        return_attribute="none",
    )
    refused(world, kept, {}, "share_withheld")
    closed = published(world, code="306009/8", return_attribute="none")
    refused(world, closed, {"region": "350102"}, "share_not_returned")


def refused(world: World, entry: str, changes: dict[str, Any], code: str) -> None:
    share = world.applying.draft(world["clerk"], entry, {**FORM, **changes}).value
    world.applying.sign_off(world["director"], share.id, share.document_digest)
    with pytest.raises(SandgateError, match=code):
        world.applying.submit(world["clerk"], share.id)


@pytest.mark.parametrize(
    ("jurisdiction", "attribute", "days"),
    [
        ("national", "unconditional", 1),
        ("national", "conditional", 10),
        ("huangshan-2020", "unconditional", 3),
        ("huangshan-2020", "conditional", 10),
    ],
)
def test_the_clock_is_the_jurisdictions(
    world: World, jurisdiction: str, attribute: str, days: int
) -> None:
    world = replace(world, jurisdiction=jurisdiction)
    if attribute == "unconditional":
        code = f"306009/9{days}"
        world.entry = published(
            world, code=code, share_attribute=attribute, share_scope=None, permitted_use=None
        )
    share = world.asked(ShareState.SUBMITTED)
    with reading(world.engine) as connection:
        found = matter(connection, share.matter)
    assert found is not None
    assert found.due is not None
    assert (found.due.working_days, share.conditional) == (days, attribute == "conditional")
    assert found.case == share.case_number


def test_papers_are_asked_for_once_and_the_clock_starts_afresh(fresh: World) -> None:
    share = fresh.asked(ShareState.SUBMITTED)
    paper = [MissingPaper(name="使用依据原文")]
    ask_for_papers(fresh.writer, fresh.applying.clocks, fresh["constable"], share.matter, paper)
    with pytest.raises(Conflict, match="matter_not_open"):
        fresh.deciding.approve(fresh["constable"], share.id)
    fresh.clock.advance(3 * 86_400_000_000)
    done = fresh.applying.complete(fresh["director"], share.id, {**FORM, "basis": "依据全文"}).value
    assert (done.form.basis, done.state) == ("依据全文", ShareState.SUBMITTED)
    with pytest.raises(Conflict, match="notice_given_before"):
        ask_for_papers(fresh.writer, fresh.applying.clocks, fresh["constable"], share.matter, paper)
    with reading(fresh.engine) as connection:
        found = matter(connection, share.matter)
    assert found is not None
    assert found.started_us > done.submitted_us  # type: ignore[operator]


def test_a_request_taken_back_ends_its_matter(world: World) -> None:
    for state in (ShareState.DRAFT, ShareState.SUBMITTED):
        share = world.asked(state)
        world.applying.withdraw(world["clerk"], share.id)
        with reading(world.engine) as connection:
            found = matters(connection, subject=share.id)
        assert {one.state for one in found} <= {MatterState.CONCLUDED, MatterState.WITHDRAWN}
        with pytest.raises(Conflict, match="share_state"):
            world.applying.submit(world["clerk"], share.id)
