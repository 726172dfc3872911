"""Disputes: who may open, what is held, who decides, and how an upheld one corrects the bill."""

import pytest
from sqlalchemy import Engine, insert, select

from authorization.store import organisation_affiliate
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound
from foundation.identity import Actor, Role
from revenue.disputes.deciding import CorrectedLine
from revenue.disputes.opening import hold_dispute, open_dispute
from revenue.disputes.states import NEXT, DisputeState, disputes
from revenue.settlement_rules import read_rule
from revenue.store import journal
from tests.unit.revenue.flow_scene import (
    BUYER,
    CHIEF,
    CLERK,
    REGULATOR,
    SERVICE,
    TELLER,
    Scene,
    payee_person,
)

UPHELD, DISMISSED = DisputeState.UPHELD, DisputeState.DISMISSED
RIGHT = (
    CorrectedLine("platform", "account", 1_000),
    CorrectedLine("tax", "tax", 300),
    CorrectedLine("civil_affairs", "treasury", 1_886),
    CorrectedLine("education", "treasury", 2_000),
)


def decide(
    scene: Scene,
    name: str,
    outcome: DisputeState,
    lines: tuple[CorrectedLine, ...] = (),
    approver: Actor = CHIEF,
) -> None:
    proposed = scene.moves.propose_decision(CLERK, name, outcome, lines, "依据")
    scene.approve(proposed, approver)


def state_of(scene: Scene, name: str) -> DisputeState:
    with reading(scene.engine) as connection:
        return next(one.state for one in disputes(connection) if one.id == name)


def test_a_stranger_disputes_nothing(scene: Scene) -> None:
    for actor in (CLERK, TELLER, payee_person("nobody")):
        with pytest.raises(NotFound, match="pool_unknown"):
            open_dispute(scene.writer, actor, "p1", "licence_a", "错")
    for actor in (REGULATOR, SERVICE):
        with pytest.raises(Denied):
            open_dispute(scene.writer, actor, "p1", "licence_a", "错")
    with pytest.raises(InvalidInput, match="reason_missing"):
        open_dispute(scene.writer, payee_person("education"), "p1", "licence_a", " ")
    with pytest.raises(NotFound, match="pool_unknown"):
        open_dispute(scene.writer, payee_person("education"), "p2", "licence_a", "错")


def test_one_dispute_at_a_time_and_each_move_once(scene: Scene) -> None:
    name = scene.dispute(hold=False)
    with pytest.raises(Conflict, match="dispute_open"):
        scene.dispute(hold=False)
    with pytest.raises(Conflict, match="dispute_state_forbids"):
        decide(scene, name, DISMISSED)
    for actor in (BUYER, payee_person("education"), TELLER, SERVICE, REGULATOR):
        with pytest.raises(Denied):
            hold_dispute(scene.writer, actor, name)
    hold_dispute(scene.writer, CLERK, name)
    with pytest.raises(Conflict, match="dispute_state_forbids"):
        hold_dispute(scene.writer, CLERK, name)
    decide(scene, name, DISMISSED)
    for outcome in (DISMISSED, UPHELD):
        with pytest.raises(Conflict, match="dispute_state_forbids"):
            decide(scene, name, outcome, RIGHT if outcome is UPHELD else ())


def test_the_table_of_states_has_no_way_back() -> None:
    assert NEXT[DisputeState.OPEN] == (DisputeState.HELD,)
    assert set(NEXT[DisputeState.HELD]) == {UPHELD, DISMISSED}
    assert NEXT[UPHELD] == NEXT[DISMISSED] == ()


@pytest.mark.parametrize("hold", [False, True])
def test_a_disputed_line_is_not_distributed_and_loses_nothing(scene: Scene, hold: bool) -> None:
    name = scene.dispute(hold=hold)
    scene.receive(5_997)
    scene.confirm("civil_affairs", "platform")
    scene.distribute()
    assert scene.state().paid["treasury:education"] == 0
    assert scene.state().allotted["treasury:education"] == 1_886
    if not hold:
        hold_dispute(scene.writer, CLERK, name)
    assert scene.balances()["disputed:treasury:education"] == -1_886
    decide(scene, name, DISMISSED)
    with pytest.raises(Conflict, match="nothing_distributable"):
        scene.distribute()
    scene.confirm("education")
    scene.distribute()
    assert scene.balances()["treasury:education"] == -1_886
    assert not any(code.startswith(("accrued", "disputed")) for code in scene.balances())


def test_a_payer_holds_the_whole_bill(scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm()
    name = open_dispute(scene.writer, BUYER, "p1", "licence_a", "多收").value.id
    with pytest.raises(Conflict, match="nothing_distributable"):
        scene.distribute()
    hold_dispute(scene.writer, CLERK, name)
    held = {code: fen for code, fen in scene.balances().items() if code.startswith("disputed")}
    assert sum(held.values()) == -5_997
    decide(scene, name, DISMISSED)
    scene.distribute()
    assert sum(scene.state().paid.values()) == 5_997


def test_who_decides_serves_no_party(scene: Scene) -> None:
    name = scene.dispute()
    party = Actor("inside", "education", frozenset({Role.AUTHORITY}))
    with pytest.raises(Denied, match="checker_of_same_organisation"):
        scene.moves.propose_decision(party, name, DISMISSED, (), "依据")
    with pytest.raises(Denied, match="checker_of_same_organisation"):
        decide(scene, name, DISMISSED, approver=party)

    def relate(connection: object, _entry: object) -> None:
        connection.exec_driver_sql(  # type: ignore[attr-defined]
            "INSERT INTO organisation (id, kind, name_zh, name_en, created_us) VALUES "
            "('education','authority','e','e',1), ('sister','authority','s','s',1)"
        )
        row = {"organisation": "education", "affiliate": "sister"}
        connection.execute(insert(organisation_affiliate).values(**row))  # type: ignore[attr-defined]

    scene.act(relate)
    sister = Actor("near", "sister", frozenset({Role.AUTHORITY}))
    with pytest.raises(Denied, match="checker_of_same_organisation"):
        decide(scene, name, DISMISSED, approver=sister)
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        decide(scene, name, DISMISSED, approver=CLERK)
    assert state_of(scene, name) is DisputeState.HELD


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (CorrectedLine("stranger", "account", 5),),
        (CorrectedLine("education", "bank", 5),),
        (CorrectedLine("education", "treasury", -1),),
        (CorrectedLine("education", "treasury", 10**15 + 1),),
        (RIGHT[0], RIGHT[0]),
    ],
)
def test_a_correction_names_the_pools_own_lines(
    scene: Scene, lines: tuple[CorrectedLine, ...]
) -> None:
    name = scene.dispute()
    with pytest.raises(InvalidInput, match="correction_lines_invalid"):
        decide(scene, name, UPHELD, lines)


def test_a_correction_that_changes_nothing_is_none(scene: Scene) -> None:
    name = scene.dispute()
    same = tuple(
        CorrectedLine(line.split(":")[1], line.split(":")[0], fen)
        for line, fen in scene.state().lines.items()
    )
    with pytest.raises(Conflict, match="correction_changes_nothing"):
        decide(scene, name, UPHELD, same)
    with pytest.raises(InvalidInput, match="lines_without_correction"):
        decide(scene, name, DISMISSED, RIGHT)


def test_a_correction_waits_for_every_other_dispute(scene: Scene) -> None:
    first, second = scene.dispute(), scene.dispute("platform")
    with pytest.raises(Conflict, match="other_dispute_undecided"):
        decide(scene, first, UPHELD, RIGHT)
    decide(scene, second, DISMISSED)
    decide(scene, first, UPHELD, RIGHT)
    assert scene.state().billed_fen == 5_186


def test_an_upheld_dispute_corrects_by_new_journals_only(engine: Engine, scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm("civil_affairs", "platform")
    name = scene.dispute()
    before = scene.state()
    decide(scene, name, UPHELD, RIGHT)
    after = scene.state()
    assert after.billed_fen == after.collected_fen == 5_186
    assert dict(after.lines) == {f"{one.channel}:{one.payee}": one.fen for one in RIGHT}
    assert scene.balances()["unmatched:operator:enterprise"] == 5_186 - before.billed_fen
    with reading(engine) as connection:
        kinds = connection.execute(select(journal).order_by(journal.c.audit_index)).all()
        last = [row for row in kinds if row.audit_index == kinds[-1].audit_index]
        corrected = next(row for row in last if row.kind == "correction")
        rule = read_rule(connection, corrected.rule_digest)
    assert {row.kind for row in last} == {"release", "reversal", "correction", "matching"}
    assert {row.period_id for row in last} == {"p2"}
    assert (rule["format"], rule["dispute"]) == ("sandgate/correction-rule@1", name)
    assert rule["replaces"] == before.journal_id


def test_a_corrected_bill_needs_every_payees_word_again(scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm("civil_affairs", "platform")
    decide(scene, scene.dispute(), UPHELD, RIGHT)
    with pytest.raises(Conflict, match="statement_unconfirmed"):
        scene.distribute()
    scene.confirm()
    scene.distribute()
    assert dict(scene.state().paid) == dict(scene.state().lines)
    assert sum(scene.balances().values()) == 0
    assert not any(code.startswith(("accrued", "receivable")) for code in scene.balances())


def test_a_bill_corrected_to_nothing_gives_everything_back(scene: Scene) -> None:
    scene.receive(5_997)
    nothing = tuple(CorrectedLine(one.payee, one.channel, 0) for one in RIGHT)
    decide(scene, scene.dispute(), UPHELD, nothing)
    assert scene.state().billed_fen == 0
    assert scene.balances() == {
        "bank:operator": 5_997,
        "unmatched:operator:enterprise": -5_997,
    }


def test_a_correction_can_itself_be_disputed(scene: Scene) -> None:
    decide(scene, scene.dispute(), UPHELD, RIGHT)
    again = scene.dispute("platform")
    better = (CorrectedLine("platform", "account", 1_500), *RIGHT[1:])
    decide(scene, again, UPHELD, better)
    assert scene.state().lines["account:platform"] == 1_500
    assert scene.balances()["receivable:operator:enterprise"] == 5_686
