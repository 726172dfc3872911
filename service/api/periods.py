"""Periods of the ledger and their statements: opened and closed by the authority's command."""

from fastapi import APIRouter
from pydantic import Field

from catalog.datasets import Frozen
from foundation.db import reading
from foundation.errors import Denied, Message
from policies.schema.revenue import RevenueRules
from revenue.periods import close_period, open_period
from revenue.readable import readable_payee, readable_period
from revenue.statements import bills_of, payees_of, period_statement, statement_for
from service.api.callers import AnyCaller, AuthorityCaller, OnPlatform, reads_books
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/periods", route_class=IdempotentRoute, tags=["revenue"])


class PeriodRequest(Frozen):
    """The name of a new period, for example ``2026-11``."""

    id: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,59}$")


@router.post("", status_code=201)
def post_period(
    body: PeriodRequest, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Open a period; one is open at a time."""
    recorded = open_period(platform.writer, actor, body.id)
    return {"id": recorded.value, "entry": recorded.index}


@router.post("/{period_id}/close", status_code=201)
def post_close(period_id: str, actor: AuthorityCaller, platform: OnPlatform) -> dict[str, object]:
    """Close a period at this log index: journals are sealed, statements written."""
    recorded = close_period(platform.writer, actor, period_id, platform.pack.rules(RevenueRules))
    return {"id": period_id, "entry": recorded.index, "close_index": recorded.index}


@router.get("/{period_id}/statements")
def get_statements(period_id: str, actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """Read a closed period: whole for authority and regulator; own lines and bills for others."""
    overseer = reads_books(platform, actor)
    with reading(platform.engine) as connection:
        payees = payees_of(connection, period_id)
        bills = bills_of(connection, period_id, actor.organisation)
        if not overseer and not bills and actor.organisation not in payees:
            raise Denied(
                "statement_not_yours",
                Message(
                    "本账期没有本机构的结算单；其他机构的结算单不对您开放。",
                    "This period has no statement for your organisation, and others' are not "
                    "open to you.",
                ),
                field="period",
                rule="roles",
            )
        shown = [payee for payee in payees if overseer or payee == actor.organisation]
        whole = period_statement(connection, period_id).document
    lines = {payee: statement_for(whole, payee) for payee in shown}
    language = actor.language
    return {
        "period": whole if overseer else None,
        "readable": readable_period(whole).in_language(language) if overseer else None,
        "bills": bills,
        "payees": lines,
        "readable_payees": {
            payee: readable_payee(line, whole["pools"]).in_language(language)
            for payee, line in lines.items()
        },
    }
