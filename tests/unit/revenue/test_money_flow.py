"""Receivable → receipt → confirmation → distribution, and everything that must not pass."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from audit.store import entry
from foundation.canonical import digest
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from foundation.identity import Actor, Role
from revenue.flow.confirmations import confirm_statement
from revenue.flow.moves import moves, withdraw
from revenue.flow.pool_state import PoolState
from revenue.flow.receipts import Match
from revenue.store import journal, posting, seal
from tests.unit.revenue.flow_scene import (
    BUYER,
    CHIEF,
    CLERK,
    LATECOMER,
    PAYEES,
    REGULATOR,
    SERVICE,
    TELLER,
    Scene,
    payee_person,
)


def propose_receipt(scene: Scene, actor: Actor = CLERK, fen: int = 100, **terms: Any) -> Any:
    return scene.moves.propose_receipt(actor, scene.incoming(fen), terms.get("matches"), "收款")


@pytest.mark.parametrize("actor", [BUYER, payee_person("education"), REGULATOR, SERVICE])
def test_only_those_who_keep_the_books_propose(scene: Scene, actor: Actor) -> None:
    with pytest.raises(Denied):
        propose_receipt(scene, actor)
    assert scene.state().collected_fen == 0


def test_a_biller_proposes_what_its_own_bank_shows_and_nothing_else(scene: Scene) -> None:
    propose_receipt(scene, TELLER)
    scene.receive(5_997)
    scene.confirm()
    with pytest.raises(Denied, match="role_missing"):
        scene.moves.propose_distribution(TELLER, "p1", "licence_a", "分账")
    foreign = scene.incoming(5)
    other = Actor("x", "another", TELLER.roles)
    with pytest.raises(Denied, match="role_missing"):
        scene.moves.propose_receipt(other, foreign, None, "收款")


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (CLERK, "applicant_cannot_approve"),
        (LATECOMER, "account_younger_than_request"),
        (SERVICE, "service_account_cannot_approve"),
        (REGULATOR, "regulator_never_writes"),
        (TELLER, "role_missing"),
        (BUYER, "role_missing"),
        (Actor("clerk", "operator", frozenset({Role.FINANCE})), "not_of_finance"),
    ],
)
def test_a_second_person_approves(scene: Scene, actor: Actor, code: str) -> None:
    proposed = propose_receipt(scene)
    before = scene.balances()
    with pytest.raises(Denied, match=code):
        scene.approve(proposed, actor)
    assert scene.balances() == before


def test_a_move_is_decided_once(scene: Scene) -> None:
    proposed = propose_receipt(scene)
    scene.approve(proposed)
    for decide in (lambda: scene.approve(proposed), lambda: _withdraw(scene, proposed)):
        with pytest.raises(Conflict, match="move_decided"):
            decide()
    gone = propose_receipt(scene)
    _withdraw(scene, gone)
    with pytest.raises(Conflict, match="move_decided"):
        scene.approve(gone)
    assert scene.state().collected_fen == 100


def _withdraw(scene: Scene, proposed: Any) -> None:
    withdraw(scene.writer, CLERK, proposed.value.id)


@pytest.mark.parametrize("fen", [0, -1, 10**15 + 1, True, 1.5])
def test_an_amount_is_whole_positive_fen(scene: Scene, fen: Any) -> None:
    with pytest.raises(InvalidInput, match="amount_invalid"):
        propose_receipt(scene, fen=fen)


def test_no_reason_no_reference_no_move(scene: Scene) -> None:
    with pytest.raises(InvalidInput, match="reason_missing"):
        scene.moves.propose_receipt(CLERK, scene.incoming(5), None, "  ")
    with pytest.raises(InvalidInput, match="bank_reference_invalid"):
        scene.moves.propose_receipt(CLERK, scene.incoming(5, " "), None, "收款")


def test_one_transfer_is_taken_in_once(scene: Scene) -> None:
    first = scene.moves.propose_receipt(CLERK, scene.incoming(5, "same"), None, "收款")
    second = scene.moves.propose_deposit(CLERK, scene.incoming(5, "same"), "预付")
    scene.approve(first)
    with pytest.raises(Conflict, match="receipt_known"):
        scene.approve(second)
    with pytest.raises(Conflict, match="receipt_known"):
        scene.moves.propose_receipt(CLERK, scene.incoming(5, "same"), None, "收款")


@pytest.mark.parametrize(
    ("matches", "error", "code"),
    [
        ([Match("p1", "licence_a", 5_998)], Conflict, "bill_overpaid"),
        ([Match("p1", "licence_a", 7_000)], InvalidInput, "matches_exceed_receipt"),
        ([Match("p1", "licence_a", 1)] * 2, InvalidInput, "match_named_twice"),
        ([Match("p1", "licence_a", 0)], InvalidInput, "amount_invalid"),
        ([Match("p1", "other", 1)], NotFound, "pool_unknown"),
        ([Match("p2", "licence_a", 1)], NotFound, "pool_unknown"),
    ],
)
def test_a_match_fits_its_bill(
    scene: Scene, matches: list[Match], error: type[SandgateError], code: str
) -> None:
    with pytest.raises(error, match=code):
        propose_receipt(scene, fen=6_500, matches=matches)


def test_nobodys_money_pays_anothers_bill(scene: Scene) -> None:
    money = scene.incoming(100, payer="somebody_else")
    with pytest.raises(Conflict, match="bill_of_another"):
        scene.moves.propose_receipt(CLERK, money, [Match("p1", "licence_a", 100)], "收款")
    scene.receive(100, payer="somebody_else")
    assert scene.state().collected_fen == 0
    assert scene.balances()["unmatched:operator:somebody_else"] == -100


def test_two_proposals_never_pay_one_bill_twice(scene: Scene) -> None:
    first, second = propose_receipt(scene, fen=5_000), propose_receipt(scene, fen=5_000)
    scene.approve(first)
    with pytest.raises(Conflict, match="bill_overpaid"):
        scene.approve(second)
    assert scene.state().collected_fen == 5_000


def test_what_is_overpaid_stays_the_payers(scene: Scene) -> None:
    scene.receive(6_500)
    assert scene.state().due_fen == 0
    assert scene.balances()["unmatched:operator:enterprise"] == -503
    with pytest.raises(Conflict, match="refund_not_covered"):
        scene.moves.propose_refund(CLERK, "operator", "enterprise", 504, "unmatched", "退款")
    scene.approve(
        scene.moves.propose_refund(CLERK, "operator", "enterprise", 503, "unmatched", "退款")
    )
    assert "unmatched:operator:enterprise" not in scene.balances()
    assert scene.balances()["bank:operator"] == 5_997


def test_unmatched_money_pays_the_next_bill(scene: Scene) -> None:
    scene.receive(6_500)
    scene.use()
    scene.next_period("p2", "p3")
    one = [Match("p2", "licence_a", 504)]
    with pytest.raises(Conflict, match="unmatched_too_small"):
        scene.moves.propose_matching(CLERK, "operator", "enterprise", one, "核销")
    one = [Match("p2", "licence_a", 503)]
    scene.approve(scene.moves.propose_matching(CLERK, "operator", "enterprise", one, "核销"))
    assert scene.state(period="p2").due_fen == 1_999 - 503


def test_silence_never_grants(scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm("civil_affairs", "platform")
    with pytest.raises(Conflict, match="statement_unconfirmed") as silent:
        scene.distribute()
    assert "education" in silent.value.message.en
    assert scene.state().paid == {}


def test_only_the_payee_confirms_what_it_was_shown(scene: Scene) -> None:
    with pytest.raises(Denied, match="not_the_payee"):
        confirm_statement(scene.writer, CLERK, "p1", "education", "sha256:0")
    with pytest.raises(Conflict, match="claim_changed"):
        confirm_statement(scene.writer, payee_person("education"), "p1", "education", "sha256:0")
    with pytest.raises(NotFound, match="claim_unknown"):
        scene.confirm("education", period="p2")
    scene.confirm("education")
    with pytest.raises(Conflict, match="claim_confirmed"):
        scene.confirm("education")


def test_only_collected_money_is_distributed(scene: Scene) -> None:
    scene.confirm()
    with pytest.raises(Conflict, match="nothing_distributable"):
        scene.distribute()
    scene.receive(10)
    scene.distribute()
    assert sum(scene.state().paid.values()) == 10
    with pytest.raises(Conflict, match="nothing_distributable"):
        scene.distribute()


def test_a_distribution_that_no_longer_holds_is_refused(scene: Scene) -> None:
    scene.receive(1_000)
    scene.confirm()
    stale = scene.moves.propose_distribution(CLERK, "p1", "licence_a", "分账")
    scene.receive(1_000)
    with pytest.raises(Conflict, match="distribution_outdated"):
        scene.approve(stale)


@pytest.mark.parametrize("parts", [[5_997], [1, 5_996], [1] * 7 + [5_990], [2_000, 1_999, 1_998]])
def test_however_it_comes_in_each_line_ends_with_its_own(scene: Scene, parts: list[int]) -> None:
    scene.confirm()
    last: dict[str, int] = {}
    for part in parts:
        scene.receive(part)
        scene.distribute()
        now = dict(scene.state().paid)
        assert all(now[line] >= fen for line, fen in last.items())
        assert sum(now.values()) == scene.state().collected_fen
        last = now
    assert last == dict(scene.state().lines)
    assert not any(code.startswith("accrued:") for code in scene.balances())


def test_no_allotment_exceeds_what_a_line_lacks() -> None:
    lines = {"account:a": 3, "account:b": 2, "tax:tax": 1}
    state = PoolState(
        *("p", "l", "r", "payer", "biller", "d", "j"), 6, 0, 5, lines, {"account:b": 2}, {}
    )
    assert state.allotments() == {"account:a": 2, "account:b": 0, "tax:tax": 1}


def test_each_entry_commits_to_its_journals(engine: Engine, scene: Scene) -> None:
    scene.receive(5_997)
    scene.confirm()
    scene.distribute()
    with reading(engine) as connection:
        bodies = dict(connection.execute(select(entry.c.idx, entry.c.body)).all())
        rows = connection.execute(
            select(journal, seal.c.digest).join(seal, seal.c.journal_id == journal.c.id)
        ).all()
        for row in rows:
            legs = connection.execute(
                select(posting.c.account, posting.c.fen)
                .where(posting.c.journal_id == row.id)
                .order_by(posting.c.sequence)
            )
            head = {"id": row.id, "kind": row.kind, "period": row.period_id}
            head |= {"audit_index": row.audit_index, "rule_digest": row.rule_digest}
            content = {**head, "postings": [{"account": a, "fen": f} for a, f in legs]}
            assert digest(content) == row.digest
            if row.kind != "settlement":
                assert row.digest.encode() in bodies[row.audit_index]
    assert {row.kind for row in rows} == {"settlement", "receipt", "distribution"}


def test_the_log_holds_no_bank_reference_and_no_account_number(
    engine: Engine, scene: Scene
) -> None:
    scene.approve(scene.moves.propose_receipt(CLERK, scene.incoming(5, "REF-9271"), None, "收款"))
    scene.register([("education", "treasury")])
    with reading(engine) as connection:
        bodies = b"".join(connection.execute(select(entry.c.body)).scalars())
    assert b"REF-9271" not in bodies
    assert re.search(rb"6222[0-9]{10}", bodies) is None


def test_undecided_moves_are_listed(engine: Engine, scene: Scene) -> None:
    waiting = propose_receipt(scene)
    scene.receive(5)
    with reading(engine) as connection:
        assert [one.id for one in moves(connection, undecided=True)] == [waiting.value.id]
        assert len(moves(connection)) == 2


def test_wallet_money_is_collected_money(scene: Scene) -> None:
    scene.deposit(900)
    assert scene.balances()["wallet:enterprise"] == -900
    with pytest.raises(InvalidInput, match="refund_source_unknown"):
        scene.moves.propose_refund(CLERK, "operator", "enterprise", 5, "bank", "退款")
    with pytest.raises(Conflict, match="refund_not_covered"):
        scene.moves.propose_refund(CLERK, "operator", "enterprise", 901, "wallet", "退款")
    refund: Callable[[int], Any] = lambda fen: scene.moves.propose_refund(  # noqa: E731
        CLERK, "operator", "enterprise", fen, "wallet", "退款"
    )
    first, second = refund(500), refund(500)
    scene.approve(first)
    with pytest.raises(Conflict, match="refund_not_covered"):
        scene.approve(second)
    assert scene.balances()["wallet:enterprise"] == -400


def test_payees_are_who_the_pool_names(scene: Scene) -> None:
    assert {line.split(":")[1] for line in scene.state().lines} == {*PAYEES, "tax"}
    assert CHIEF.organisation not in PAYEES
