"""What one clerk, or two careless ones, might try with the ledger: nothing of it moves money."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

import revenue.flow.store  # noqa: F401 - the ledger's tables
from audit.writer import GroupCommitWriter
from foundation.db import metadata, reading
from foundation.errors import Conflict, InvalidInput
from foundation.keys import FileKeyStore
from revenue.disputes.deciding import CorrectedLine
from revenue.disputes.states import DisputeState
from revenue.flow.moving import Incoming
from revenue.settlement_files.payable import payables
from tests.fakes import SteppedClock, TickingClock
from tests.unit.revenue.flow_scene import CLERK, Scene

TAX = CorrectedLine("tax", "tax", 339)


@pytest.fixture
def scene(
    engine: Engine,
    keys: FileKeyStore,
    clock: SteppedClock,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    """A pool of 5,997 fen: 339 tax, 1,886 each for three payees."""
    metadata.create_all(engine)
    head = tmp_path_factory.mktemp("log") / "head"
    with GroupCommitWriter(engine, keys, clock, "test.example/log", head) as writer:
        made = Scene.over(engine, writer, TickingClock())
        made.licence()
        made.use(times=3)
        made.settle()
        yield made


def correct(scene: Scene, dispute: str, lines: list[CorrectedLine]) -> tuple[str, ...]:
    upheld = scene.moves.propose_decision(CLERK, dispute, DisputeState.UPHELD, lines, "算错")
    return tuple(posted.id for posted in scene.approve(upheld).value.journals)


@pytest.mark.parametrize(
    "again", ["R-1 ", " r-1", "Ｒ-1", "R\u200b-1", "R-1\n", "R -1", "\u202eR-1"]
)
def test_one_transfer_typed_otherwise_is_the_same_transfer(scene: Scene, again: str) -> None:
    scene.receive(5, reference="R-1")
    with pytest.raises(Conflict, match="receipt_known"):
        scene.receive(5, reference=again)
    with pytest.raises(Conflict, match="receipt_known"):
        scene.moves.propose_deposit(CLERK, scene.incoming(5, again), "预付")


def test_a_reference_of_nothing_that_prints_is_none(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="bank_reference_invalid"):
        scene.receive(5, reference="\u200b\u2060")


def test_no_biller_gives_back_what_another_received(scene: Scene) -> None:
    scene.deposit(900)
    with pytest.raises(Conflict, match="refund_not_covered"):
        scene.moves.propose_refund(CLERK, "other_operator", "enterprise", 900, "wallet", "退款")
    assert scene.balances()["bank:operator"] == 900


@pytest.mark.parametrize(
    ("biller", "payer"),
    [("a:b", "c"), ("operator", "b:c"), ("operator", "*bill"), ("operator", "c\n"), ("", "tax")],
)
def test_no_name_runs_into_another_account(scene: Scene, biller: str, payer: str) -> None:
    money = Incoming(biller, payer, 5, "r")
    with pytest.raises(InvalidInput, match="party_invalid"):
        scene.moves.propose_deposit(CLERK, money, "预付")
    with pytest.raises(InvalidInput, match="party_invalid"):
        scene.moves.propose_receipt(CLERK, money, None, "收款")
    with pytest.raises(InvalidInput, match="party_invalid"):
        scene.moves.propose_refund(CLERK, biller, payer, 5, "unmatched", "退款")


def test_what_a_decided_dispute_took_out_of_a_bill_is_not_put_back(scene: Scene) -> None:
    scene.receive(5_997)
    lowered = [
        CorrectedLine("civil_affairs", "treasury", 1_000),
        CorrectedLine("education", "treasury", 1_000),
        CorrectedLine("platform", "account", 1_000),
        TAX,
    ]
    journals = correct(scene, scene.dispute(), lowered)
    before = scene.balances()
    for journal in journals:
        with pytest.raises(Conflict):
            scene.approve(scene.moves.propose_reversal(CLERK, journal, "记错"))
    assert scene.balances() == before
    assert scene.state().due_fen == 0


def test_a_line_that_a_dispute_lowered_is_not_paid_out(scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm()
    distributed = scene.distribute().value.journals[0].id
    moved = [
        CorrectedLine("education", "treasury", 3_772),
        CorrectedLine("platform", "account", 1_886),
        TAX,
    ]
    correct(scene, scene.dispute("platform"), moved)
    with reading(scene.engine) as connection:
        payable = {one.line: one.fen for one in payables(connection, "operator")}
    assert payable == {"account:platform": 1_886, "tax:tax": 339, "treasury:education": 1_886}
    scene.approve(scene.moves.propose_reversal(CLERK, distributed, "更正后重新分账"))
    scene.confirm("education", "platform")
    scene.distribute()
    assert scene.state().paid == dict(scene.state().lines)
