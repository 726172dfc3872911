"""Receipts, deposits and refunds: proposed by one person, approved as moves by another."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from revenue.flow.moving import Incoming
from revenue.flow.pool_state import PoolState, all_pools, payee_of
from revenue.flow.receipts import MATCHES_MAX, REFERENCE_CHARACTERS_MAX, Match
from service.api.callers import AnyCaller, KeeperCaller, MoneyCaller, OnPlatform, reads_books
from service.api.moves import Fen, Party, Reason
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/receipts", route_class=IdempotentRoute, tags=["revenue"])


class MatchBody(Frozen):
    """How much pays which pool's bill."""

    period: Party
    licence: Party
    fen: Fen


Matches = Annotated[tuple[MatchBody, ...], Field(max_length=MATCHES_MAX)]


class IncomingBody(Frozen):
    """Money that a biller's bank shows; ``bank_reference`` is the bank's own."""

    biller: Party
    payer: Party
    fen: Fen
    bank_reference: str = Field(min_length=1, max_length=REFERENCE_CHARACTERS_MAX)
    reason: Reason

    def money(self) -> Incoming:
        """Return what came in."""
        return Incoming(self.biller, self.payer, self.fen, self.bank_reference)


class ReceiptBody(IncomingBody):
    """A receipt. Without ``matches`` it pays the payer's oldest bills first."""

    matches: Matches | None = None


class MatchingBody(Frozen):
    """A later match of money that came in before."""

    biller: Party
    payer: Party
    matches: Matches
    reason: Reason


class RefundBody(Frozen):
    """Money to give back: from the ``wallet``, or ``unmatched``."""

    biller: Party
    payer: Party
    fen: Fen
    source: str = Field(min_length=1, max_length=20)
    reason: Reason


@router.get("/pools")
def get_pools(
    actor: AnyCaller, platform: OnPlatform, period: str | None = None
) -> dict[str, object]:
    """List what is billed, collected and distributed: all of it, or one's own pools and lines."""
    whole = reads_books(platform, actor)
    with reading(platform.engine) as connection:
        states = all_pools(connection, period)
    shown = (state.as_json() if whole else _own(state, actor.organisation) for state in states)
    return {"pools": [pool for pool in shown if pool is not None]}


@router.post("", status_code=201)
def post_receipt(body: ReceiptBody, actor: MoneyCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose to take a receipt in."""
    matches = None if body.matches is None else _matches(body.matches)
    recorded = platform.money.propose_receipt(actor, body.money(), matches, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/matches", status_code=201)
def post_matching(
    body: MatchingBody, actor: MoneyCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to match money that came in before."""
    recorded = platform.money.propose_matching(
        actor, body.biller, body.payer, _matches(body.matches), body.reason
    )
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/deposits", status_code=201)
def post_deposit(body: IncomingBody, actor: MoneyCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose to take money into a payer's wallet."""
    recorded = platform.money.propose_deposit(actor, body.money(), body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}


@router.post("/refunds", status_code=201)
def post_refund(body: RefundBody, actor: KeeperCaller, platform: OnPlatform) -> dict[str, object]:
    """Propose to give money back."""
    recorded = platform.money.propose_refund(
        actor, body.biller, body.payer, body.fen, body.source, body.reason
    )
    return {**recorded.value.as_json(), "entry": recorded.index}


def _matches(named: tuple[MatchBody, ...]) -> list[Match]:
    return [Match(one.period, one.licence, one.fen) for one in named]


def _own(state: PoolState, organisation: str) -> dict[str, object] | None:
    """Return what a party sees: payer and biller the bill, a payee its own lines; else None."""
    whole = state.as_json()
    if organisation in {state.payer, state.biller}:
        return {name: value for name, value in whole.items() if name != "lines"}
    lines = [
        {
            "line": line,
            "fen": fen,
            "allotted_fen": state.allotted.get(line, 0),
            "paid_fen": state.paid.get(line, 0),
        }
        for line, fen in sorted(state.lines.items())
        if payee_of(line) == organisation
    ]
    if not lines:
        return None
    return {"period": state.period, "licence": state.licence, "lines": lines}
