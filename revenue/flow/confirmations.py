"""Checking and confirming (对账 → 确认): each payee's own word on its lines of a closed period.

A person of the payee's organisation confirms exactly the claim that they were shown: its digest,
which rests on the period statement's, comes with the confirmation. Silence never grants.
"""

from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import check_may_write, check_natural_person
from foundation.canonical import digest
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor
from revenue.flow.pool_state import all_pools, payee_of
from revenue.flow.store import statement_confirmation
from revenue.kinds import AccountKind
from revenue.store import statement

NOBODYS_WORD = (AccountKind.TAX.value, AccountKind.RESERVE.value)
"""Channels whose lines belong to nobody who could confirm: tax, and the reserve of a licence."""


def claim_of(connection: Connection, period_id: str, payee: str) -> dict[str, Any]:
    """Return what a payee is to confirm: its lines of a closed period, with their digest.

    Raises NotFound where it has none; to a stranger an open period reads the same.
    """
    sealed = select(statement.c.digest).where(statement.c.period_id == period_id)
    statement_digest = connection.execute(sealed).scalar()
    lines = [
        {
            "licence": state.licence,
            "line": name,
            "fen": state.lines.get(name, 0),
            "pool_digest": state.pool_digest,
            "journal": state.journal_id,
        }
        for state in all_pools(connection, period_id)
        for name in sorted({*state.lines, *state.paid})
        if payee_of(name) == payee
    ]
    if statement_digest is None or not lines:
        raise NotFound(
            "claim_unknown",
            Message("该收款方在此账期没有款项。", "This payee has no lines in this period."),
            field="$.period",
        )
    claim = {
        "format": "sandgate/claim@1",
        "period": period_id,
        "payee": payee,
        "statement_digest": statement_digest,
        "lines": lines,
    }
    return {**claim, "digest": digest(claim)}


def confirm_statement(
    writer: Writer, actor: Actor, period_id: str, payee: str, claim_digest: str
) -> Recorded[str]:
    """Confirm a payee's lines, by a person of that organisation; once."""
    check_may_write(actor)
    check_natural_person(actor)
    if actor.organisation != payee:
        raise Denied(
            "not_the_payee",
            Message(
                "只有收款机构自己的人员可以确认其结算单。",
                "Only a person of the payee's own organisation may confirm its statement.",
            ),
            field="actor",
            rule="revenue/flow",
        )

    def apply(connection: Connection, entry: PendingEntry) -> str:
        found = claim_of(connection, period_id, payee)
        if found["digest"] != claim_digest:
            raise Conflict(
                "claim_changed",
                Message(
                    "所确认的内容与当前结算单不一致，请重新核对。",
                    "What is confirmed is not what stands now; read the claim again.",
                ),
                field="$.digest",
            )
        bills = sorted({line["journal"] for line in found["lines"] if line["journal"]})
        fresh = [bill for bill in bills if payee not in confirmed_payees(connection, bill)]
        if not fresh:
            raise Conflict(
                "claim_confirmed",
                Message("该结算单已确认。", "This statement has been confirmed already."),
                field="$.period",
            )
        rows = [
            {
                "journal_id": bill,
                "payee": payee,
                "period_id": period_id,
                "audit_index": entry.index,
                "confirmed_by": actor.person,
                "claim_digest": claim_digest,
            }
            for bill in fresh
        ]
        connection.execute(insert(statement_confirmation), rows)
        return claim_digest

    public = {"period": period_id, "payee": payee, "claim_digest": claim_digest}
    return writer.submit(AuditEvent(EntryKind.STATEMENT_CONFIRMED, actor, public), apply)


def confirmed_payees(connection: Connection, bill: str | None) -> frozenset[str]:
    """Return the payees that confirmed their lines of one bill, named by its journal."""
    query = select(statement_confirmation.c.payee)
    return frozenset(
        connection.execute(query.where(statement_confirmation.c.journal_id == bill)).scalars()
    )


def needs_word(line: str) -> bool:
    """Tell whether a line has a payee who must confirm it."""
    return line.split(":", 1)[0] not in NOBODYS_WORD
