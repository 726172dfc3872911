"""Corrections and objections: raised by anyone, judged by another, in time, never by silence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog.matters.matter import MatterState, MissingPaper
from catalog.matters.moves import ask_for_papers
from catalog.matters.reads import inbox, matter, overdue
from catalog.notices.outbox import notices_for
from catalog.quality.correction_reads import (
    Correction,
    affected,
    corrections,
    flags_for,
    moves,
    readable_correction,
    required_correction,
)
from catalog.quality.correction_states import MOVES, CorrectionMove, CorrectionState, next_state
from catalog.quality.correction_targets import RaisedCorrection
from catalog.quality.keepers import assign_steward
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, Role
from tests.catalogue import person
from tests.quality import (
    AUTHORITY,
    HEAD,
    MOONLIGHTER,
    OPERATOR,
    OTHER,
    PROGRAM,
    PROVIDER,
    REGULATOR,
    SECOND,
    SECOND_AUTHORITY,
    STEWARD,
    QualityWorld,
    quality_world,
    serves,
)
from tests.refusing import code_of

DAY_US = 86_400_000_000
ROWS = [("a", 1, "x")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QualityWorld]:
    with quality_world(tmp_path_factory.mktemp("corrections")) as world:
        yield world


def raised(world: QualityWorld, actor: Actor = OPERATOR, **more: Any) -> Correction:
    asked = RaisedCorrection.model_validate(
        {
            "target": "dataset",
            "subject": "taxpayers",
            "claim": "编号a的年龄有误",
            "evidence": "见附件登记表",
            **more,
        }
    )
    return world.corrections.raise_correction(actor, asked).value


def read(world: QualityWorld, identifier: str) -> Correction:
    with reading(world.engine) as connection:
        return required_correction(connection, identifier)


def judged(
    world: QualityWorld, actor: Actor, found: Correction, *, upheld: bool = True
) -> Correction:
    return world.corrections.judge(actor, found.id, upheld=upheld, answer="经核实").value


def test_a_regulator_raises_nothing_and_nothing_is_raised_about_nothing(
    world: QualityWorld,
) -> None:
    assert code_of(lambda: raised(world, REGULATOR), Denied) == "regulator_never_writes"
    assert code_of(lambda: raised(world, subject="none"), NotFound) == "target_unknown"
    assert code_of(lambda: raised(world, evidence=" "), InvalidInput) == "text_missing"
    unknown = code_of(lambda: raised(world, target="entry", subject="cat_none"), NotFound)
    assert unknown == "target_unknown"


@pytest.mark.parametrize("name", ["", "王小", "王小明明"])
def test_an_objection_takes_the_verified_name(world: QualityWorld, name: str) -> None:
    def object_as(actor: Actor, stated: str) -> Correction:
        return raised(world, actor, kind="objection", real_name=stated)

    assert code_of(lambda: object_as(OPERATOR, name), Denied) == "real_name_not_verified"
    assert code_of(lambda: object_as(PROVIDER, "王小明"), Denied) == "identity_not_verified"
    assert code_of(lambda: object_as(PROGRAM, "王小明"), Denied)
    assert object_as(OPERATOR, " 王小明 ").kind == "objection"


def test_ten_working_days_start_when_it_is_raised(world: QualityWorld) -> None:
    found = raised(world)
    assert found.state is CorrectionState.REFERRED
    with reading(world.engine) as connection:
        opened = matter(connection, found.matter or "")
        assert opened is not None
        assert opened.due is not None
        assert (opened.due.working_days, opened.due.deadline) == (10, "correction")
        assert opened.due.on == "2026-12-02"  # from Wednesday 2026-11-18, no holiday between
        assert found.matter in {item.id for item in inbox(connection, PROVIDER)}
        told = [item.subject for item in notices_for(connection, PROVIDER)]
    assert found.id in told


def test_whoever_raised_it_never_judges_it(world: QualityWorld) -> None:
    own = raised(world, PROVIDER)
    refused = {
        PROVIDER: "applicant_cannot_approve",
        PROGRAM: "service_account_cannot_approve",
        OTHER: "matter_not_yours",
        AUTHORITY: "matter_not_yours",
        STEWARD: "steward_not_assigned",
    }
    for actor, code in refused.items():
        assert code_of(lambda actor=actor: judged(world, actor, own), Denied) == code  # type: ignore[misc]
    young = Actor("fin_new", PROVIDER.organisation, PROVIDER.roles, since_us=2**61)
    assert code_of(lambda: judged(world, young, own), Denied) == "account_younger_than_request"
    assert judged(world, SECOND, own).state is CorrectionState.UPHELD
    other = code_of(lambda: world.corrections.correct(HEAD, own.id), Denied)
    assert other == "correction_of_another"


def test_who_also_serves_the_house_that_raised_it_never_judges_it(world: QualityWorld) -> None:
    found = raised(world)
    for upheld in (True, False):
        with pytest.raises(Denied, match="checker_of_same_organisation"):
            world.corrections.judge(MOONLIGHTER, found.id, upheld=upheld, answer="属实")
    assert read(world, found.id).state is CorrectionState.REFERRED


def test_the_whole_road_to_an_answer(world: QualityWorld) -> None:
    world.publish(PROVIDER, "taxpayers", ROWS)
    found = raised(world)
    upheld = judged(world, PROVIDER, found)
    assert upheld.handler_person == PROVIDER.person
    with reading(world.engine) as connection:
        assert [item.output for item in affected(connection, found.id)] == ["rel_1"]
        flags = flags_for(connection, OPERATOR.organisation)
        assert found.id in {flag["correction"] for flag in flags}
        assert "correction.flagged" in {item.kind for item in notices_for(connection, OPERATOR)}
    without = code_of(lambda: world.corrections.correct(PROVIDER, found.id), Conflict)
    assert without == "correction_without_version"
    version = world.publish(PROVIDER, "taxpayers", [("a", 2, "x")])
    assert world.corrections.correct(PROVIDER, found.id).value.fixed_by == version.id
    closed = world.corrections.answer(PROVIDER, found.id, "已更正").value
    assert closed.state is CorrectionState.ANSWERED
    with reading(world.engine) as connection:
        ended = matter(connection, found.matter or "")
        assert ended is not None
        assert (ended.state, ended.outcome, ended.in_time) == (
            MatterState.CONCLUDED,
            "corrected",
            True,
        )
        history = [move["move"] for move in moves(connection, found.id)]
    assert history == ["raise", "uphold", "correct", "answer"]


def test_a_refusal_gives_its_grounds_and_flags_nothing(world: QualityWorld) -> None:
    found = raised(world)
    empty = code_of(
        lambda: world.corrections.judge(PROVIDER, found.id, upheld=False, answer=" "), InvalidInput
    )
    assert empty == "text_missing"
    refused = judged(world, PROVIDER, found, upheld=False)
    assert (refused.state, refused.answer) == (CorrectionState.REFUSED, "经核实")
    with reading(world.engine) as connection:
        assert affected(connection, found.id) == []
    assert code_of(lambda: judged(world, PROVIDER, found), Conflict) == "correction_state"


def test_a_correction_is_read_by_its_parties_only(world: QualityWorld) -> None:
    found = raised(world)
    stranger = person("dev_one", "org_developer", Role.DEVELOPER)
    buyer = person("fin_buyer", PROVIDER.organisation, Role.DEVELOPER)
    with reading(world.engine) as connection:
        for actor in (OPERATOR, PROVIDER, AUTHORITY, REGULATOR):
            assert readable_correction(connection, actor, found.id).id == found.id
        for actor in (stranger, buyer, OTHER):
            with pytest.raises(NotFound, match="correction_unknown"):
                readable_correction(connection, actor, found.id)
            assert corrections(connection, actor) == []
    assert code_of(lambda: world.corrections.withdraw(PROVIDER, found.id), NotFound)
    assert world.corrections.withdraw(OPERATOR, found.id).value.state is CorrectionState.WITHDRAWN


def test_completed_papers_start_the_clock_afresh(world: QualityWorld) -> None:
    found = raised(world)
    clocks = world.corrections.clocks
    missing = [MissingPaper(name="登记表", reason="附件未上传")]
    ask_for_papers(world.writer, clocks, PROVIDER, found.matter or "", missing)
    assert code_of(lambda: judged(world, PROVIDER, found, upheld=False), Conflict)
    assert code_of(lambda: world.corrections.supplement(OTHER, found.id, "x"), NotFound)
    world.corrections.supplement(OPERATOR, found.id, "补交登记表")
    again = code_of(
        lambda: ask_for_papers(world.writer, clocks, PROVIDER, found.matter or "", missing),
        Conflict,
    )
    assert again == "notice_given_before"
    assert judged(world, PROVIDER, found, upheld=False).state is CorrectionState.REFUSED


def test_an_assigned_steward_judges(world: QualityWorld) -> None:
    assign_steward(world.writer, HEAD, serves, "taxpayers", STEWARD.person)
    assert judged(world, STEWARD, raised(world)).handler_person == STEWARD.person


def test_where_the_jurisdiction_refers_the_authority_has_two_days(tmp_path: Path) -> None:
    with quality_world(tmp_path, "qingdao") as world:
        found = raised(world)
        assert found.state is CorrectionState.RAISED
        assert code_of(lambda: judged(world, PROVIDER, found), Conflict) == "correction_state"
        with reading(world.engine) as connection:
            referral = matter(connection, found.referral or "")
            assert referral is not None
            assert referral.due is not None
            assert referral.due.working_days == 2
        assert code_of(lambda: world.corrections.refer(PROVIDER, found.id), Denied)
        referred = world.corrections.refer(SECOND_AUTHORITY, found.id).value
        assert referred.case_number == found.case_number
        with reading(world.engine) as connection:
            opened = matter(connection, referred.matter or "")
            assert opened is not None
            assert opened.due is not None
            assert (opened.case, opened.due.working_days) == (found.case_number, 5)
            assert opened.applicant_person == OPERATOR.person
        assert judged(world, PROVIDER, found, upheld=False).state is CorrectionState.REFUSED


@pytest.mark.parametrize("state", CorrectionState)
@pytest.mark.parametrize("move", CorrectionMove)
def test_every_pair_of_state_and_move_is_a_road_or_a_conflict(
    state: CorrectionState, move: CorrectionMove
) -> None:
    if (state, move) in MOVES:
        assert not state.is_closed
        assert next_state(state, move) is MOVES[state, move]
    else:
        with pytest.raises(Conflict, match="correction_state"):
            next_state(state, move)


@pytest.mark.parametrize(
    "change",
    [
        "state='answered', answer='x', closed_us=1, fixed_by='v', handler_person='p'",
        "state='upheld'",
        "state='upheld', handler_person=person",
        "claim='else'",
        "provider='org_civil'",
    ],
)
def test_the_database_itself_forbids_what_is_no_road(world: QualityWorld, change: str) -> None:
    found = raised(world)
    for statement in (
        f"UPDATE data_correction SET {change} WHERE id='{found.id}'",
        f"DELETE FROM data_correction WHERE id='{found.id}'",
    ):
        with pytest.raises(DBAPIError), world.engine.begin() as connection:
            connection.execute(text(statement))
    assert read(world, found.id) == found


class CorrectionRoads(RuleBasedStateMachine):
    """Any order of moves by any people: states follow the roads, and no raiser judges."""

    world: QualityWorld

    @initialize(raiser=st.sampled_from([OPERATOR, PROVIDER, SECOND, AUTHORITY]))
    def start(self, raiser: Actor) -> None:
        self.raiser = raiser
        self.found = raised(self.world, raiser)
        self.versions = False

    @rule(
        actor=st.sampled_from([OPERATOR, PROVIDER, SECOND, OTHER, AUTHORITY, PROGRAM]),
        move=st.sampled_from(list(CorrectionMove)),
    )
    def try_move(self, actor: Actor, move: CorrectionMove) -> None:
        before = read(self.world, self.found.id)
        desk = self.world.corrections
        moves_of: dict[CorrectionMove, Callable[[], object]] = {
            CorrectionMove.REFER: lambda: desk.refer(actor, before.id),
            CorrectionMove.UPHOLD: lambda: desk.judge(actor, before.id, upheld=True, answer="是"),
            CorrectionMove.REFUSE: lambda: desk.judge(actor, before.id, upheld=False, answer="否"),
            CorrectionMove.CORRECT: lambda: desk.correct(actor, before.id),
            CorrectionMove.ANSWER: lambda: desk.answer(actor, before.id, "已更正"),
            CorrectionMove.WITHDRAW: lambda: desk.withdraw(actor, before.id),
        }
        try:
            moves_of[move]()
        except (Conflict, Denied, NotFound):
            assert read(self.world, before.id) == before
            return
        after = read(self.world, before.id)
        assert after.state is MOVES[before.state, move]
        if move is CorrectionMove.WITHDRAW:
            assert actor.person == self.raiser.person
        else:
            assert actor in {PROVIDER, SECOND}
            assert actor.person != self.raiser.person

    @precondition(lambda self: not self.versions)
    @rule()
    def publish(self) -> None:
        self.world.publish(PROVIDER, "taxpayers", ROWS)
        self.versions = True

    @rule(days=st.integers(1, 400))
    def wait(self, days: int) -> None:
        before = read(self.world, self.found.id)
        self.world.clock.advance(days * DAY_US)
        assert read(self.world, self.found.id) == before
        if before.state in {CorrectionState.REFERRED, CorrectionState.UPHELD}:
            with reading(self.world.engine) as connection:
                opened = matter(connection, before.matter or "")
                late = overdue(connection, self.world.clock.now_us(), limit=500)
            assert opened is not None
            assert opened.state is MatterState.OPEN
            assert opened.due is not None
            if self.world.clock.now_us() >= opened.due.us:
                assert opened.id in {item.id for item in late}

    @invariant()
    def a_closed_one_has_its_answer(self) -> None:
        found = read(self.world, self.found.id)
        if found.state in {CorrectionState.ANSWERED, CorrectionState.REFUSED}:
            assert found.answer
            assert found.handler_person not in {None, self.raiser.person}


@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.full)])
def test_no_order_of_moves_leaves_the_roads(tmp_path: Path, examples: int) -> None:
    with quality_world(tmp_path) as world:
        CorrectionRoads.world = world
        steps = settings(max_examples=examples, stateful_step_count=12)
        run_state_machine_as_test(CorrectionRoads, settings=steps)
