"""Journals of the ledger: a wrong one is reversed in the open period, never edited."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from revenue.corrections import reverse_journal
from service.api.callers import AuthorityCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/journals", route_class=IdempotentRoute, tags=["revenue"])


class Reversal(Frozen):
    """Why a journal is reversed; the reason stays in the private part of the entry."""

    reason: str = Field(min_length=1, max_length=1_000)


@router.post("/{journal_id}/reversal", status_code=201)
def post_reversal(
    journal_id: str, body: Reversal, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Reverse a journal once, in the period that is open."""
    recorded = reverse_journal(platform.writer, actor, journal_id, body.reason)
    return {
        "journal": journal_id,
        "reversal": recorded.value.id,
        "digest": recorded.value.digest,
        "entry": recorded.index,
    }
