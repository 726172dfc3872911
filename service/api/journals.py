"""Journals of the ledger: exported for accountants, undone by two persons, never edited."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from catalog.datasets import Frozen
from foundation.db import reading
from revenue.exports.books import read_books
from revenue.exports.forms import FORMS
from revenue.ledger import balances
from service.api.callers import KeeperCaller, LedgerCaller, OnPlatform
from service.api.moves import Reason
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/journals", route_class=IdempotentRoute, tags=["revenue"])


class Reversal(Frozen):
    """Why a journal is reversed; the reason stays in the private part of the entry."""

    reason: Reason


@router.get("/balances")
def get_balances(_actor: LedgerCaller, platform: OnPlatform) -> dict[str, object]:
    """Sum every account from its postings, in fen; debits are positive."""
    with reading(platform.engine) as connection:
        return {"balances": dict(sorted(balances(connection).items()))}


@router.get("/exports/{form}")
def get_export(
    form: Literal["beancount", "hledger", "csv"], _actor: LedgerCaller, platform: OnPlatform
) -> Response:
    """Export the whole ledger for Beancount, hledger, or as CSV."""
    with reading(platform.engine) as connection:
        text = FORMS[form](read_books(connection))
    return Response(text.encode(), media_type="text/plain; charset=utf-8")


@router.post("/{journal_id}/reversal", status_code=201)
def post_reversal(
    journal_id: str, body: Reversal, actor: KeeperCaller, platform: OnPlatform
) -> dict[str, object]:
    """Propose to undo a journal in the open period; another person approves the move."""
    recorded = platform.money.propose_reversal(actor, journal_id, body.reason)
    return {**recorded.value.as_json(), "entry": recorded.index}
