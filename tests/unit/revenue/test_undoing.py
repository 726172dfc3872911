"""A journal is undone by its mirror, by two persons, and only while nothing rests on it."""

import pytest
from sqlalchemy import Engine, func, select

from foundation.db import reading
from foundation.errors import Conflict, Denied, NotFound
from foundation.identity import Actor
from revenue.pool_store import carry
from tests.unit.revenue.flow_scene import BUYER, CLERK, SERVICE, TELLER, Scene


def undo(scene: Scene, journal: str | None) -> str:
    proposed = scene.moves.propose_reversal(CLERK, str(journal), "记错")
    return scene.approve(proposed).value.journals[0].id


@pytest.mark.parametrize("actor", [BUYER, TELLER, SERVICE])
def test_only_those_who_keep_the_books_undo(scene: Scene, actor: Actor) -> None:
    with pytest.raises(Denied):
        scene.moves.propose_reversal(actor, str(scene.state().journal_id), "记错")


def test_one_person_undoes_nothing(scene: Scene) -> None:
    proposed = scene.moves.propose_reversal(CLERK, str(scene.state().journal_id), "记错")
    with pytest.raises(Denied, match="applicant_cannot_approve"):
        scene.approve(proposed, CLERK)
    assert scene.state().billed_fen == 5_997


def test_an_unknown_an_undone_and_an_undoing_journal_are_refused(scene: Scene) -> None:
    with pytest.raises(NotFound, match="journal_unknown"):
        undo(scene, "journal_none")
    settled = scene.state().journal_id
    reversal = undo(scene, settled)
    with pytest.raises(Conflict, match="journal_reversed"):
        undo(scene, settled)
    with pytest.raises(Conflict, match="reversal_final"):
        undo(scene, reversal)


def test_two_proposals_undo_once(scene: Scene) -> None:
    settled = str(scene.state().journal_id)
    first = scene.moves.propose_reversal(CLERK, settled, "记错")
    second = scene.moves.propose_reversal(CLERK, settled, "记错")
    scene.approve(first)
    with pytest.raises(Conflict, match="journal_reversed"):
        scene.approve(second)
    assert scene.balances() == {}


def test_what_came_after_is_undone_first(scene: Scene) -> None:
    settled = scene.state().journal_id
    received = scene.receive(6_000).value.journals[0].id
    scene.confirm()
    distributed = scene.distribute().value.journals[0].id
    with pytest.raises(Conflict, match="settlement_in_use"):
        undo(scene, settled)
    with pytest.raises(Conflict, match="receipt_distributed"):
        undo(scene, received)
    for journal in (distributed, received, settled):
        undo(scene, journal)
    assert scene.balances() == {}
    assert scene.state().lines == {}


def test_a_receipt_whose_rest_was_used_stays(scene: Scene) -> None:
    received = scene.receive(6_000).value.journals[0].id
    refund = scene.moves.propose_refund(CLERK, "operator", "enterprise", 3, "unmatched", "退款")
    back = scene.approve(refund).value.journals[0].id
    with pytest.raises(Conflict, match="unmatched_in_use"):
        undo(scene, received)
    undo(scene, back)
    undo(scene, received)
    assert scene.state().collected_fen == 0


def test_a_used_deposit_stays(scene: Scene) -> None:
    deposited = scene.deposit(900).value.journals[0].id
    back = scene.moves.propose_refund(CLERK, "operator", "enterprise", 1, "wallet", "退款")
    scene.approve(back)
    with pytest.raises(Conflict, match="deposit_in_use"):
        undo(scene, deposited)


def test_what_a_dispute_posted_is_not_undone(scene: Scene) -> None:
    settled = scene.state().journal_id
    scene.dispute(hold=False)
    with pytest.raises(Conflict, match="settlement_in_use"):
        undo(scene, settled)
    scene.dispute("platform")
    with pytest.raises(Conflict, match="journal_of_a_dispute"):
        undo(scene, _newest(scene))


def _newest(scene: Scene) -> str:
    from revenue.store import journal  # noqa: PLC0415 - only this test names the table

    with reading(scene.engine) as connection:
        query = select(journal.c.id).where(journal.c.kind == "hold")
        return str(connection.execute(query).scalar_one())


def test_undoing_a_settlement_gives_its_carries_back(engine: Engine, scene: Scene) -> None:
    undo(scene, scene.state().journal_id)
    with reading(engine) as connection:
        query = select(carry.c.payee, func.sum(carry.c.micro_fen)).group_by(carry.c.payee)
        moved = dict(connection.execute(query).all())
    assert moved
    assert set(moved.values()) == {0}
