"""Two persons for what opens a budget again: one proposes with a reason, another confirms.

Both are natural persons of the data authority, neither serves an organisation that holds a licence
on the population, and whoever came into being after the proposal cannot confirm it (I8).
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import LicenceState, licences_in
from authorization.organisations import group_of, served_by
from authorization.separation import (
    check_another_person,
    check_independent,
    check_natural_person,
    check_older_than,
    check_role,
)
from disclosure.budgets.store import budget_confirmation, budget_proposal
from foundation.canonical import canonical_bytes
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id

REASON_CHARACTERS_MAX = 1_000
_HOLDING = (LicenceState.ACTIVE, LicenceState.SUSPENDED)


class ProposalKind(StrEnum):
    """What is proposed."""

    RAISE = "raise"
    SETTLEMENT = "settlement"


_KINDS = {
    ProposalKind.RAISE: (EntryKind.BUDGET_RAISE_PROPOSED, EntryKind.BUDGET_RAISED),
    ProposalKind.SETTLEMENT: (
        EntryKind.BUDGETS_SETTLEMENT_PROPOSED,
        EntryKind.BUDGETS_SETTLED,
    ),
}


@dataclass(frozen=True)
class Proposal:
    """What one person proposed, why, and who confirmed it, if anybody did."""

    id: str
    kind: ProposalKind
    subject: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_us: int
    confirmed_by: str | None = None
    confirmed_us: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the proposal for a person of the authority or the regulator."""
        return {
            "id": self.id,
            "kind": str(self.kind),
            **self.subject,
            "reason": self.reason,
            "proposed_by": self.proposed_by,
            "proposed_us": self.proposed_us,
            "confirmed_by": self.confirmed_by,
            "confirmed_us": self.confirmed_us,
        }


def propose(
    writer: Writer,
    actor: Actor,
    kind: ProposalKind,
    reason: str,
    prepare: Callable[[Connection, PendingEntry], dict[str, Any]],
) -> Recorded[Proposal]:
    """Record a proposal. ``prepare`` checks it against the moment and returns its subject."""
    _check_person(actor)
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message(
                f"请写明理由（不超过 {REASON_CHARACTERS_MAX} 字）。",
                f"Give a reason of at most {REASON_CHARACTERS_MAX} characters.",
            ),
            field="$.reason",
        )
    proposal = new_id("prp")

    def apply(connection: Connection, entry: PendingEntry) -> Proposal:
        subject = prepare(connection, entry)
        _check_independent(connection, actor, subject["populations"])
        connection.execute(
            insert(budget_proposal).values(
                id=proposal,
                kind=str(kind),
                subject=canonical_bytes(subject).decode(),
                reason=reason,
                proposed_by=actor.person,
                proposed_index=entry.index,
                proposed_us=entry.time_us,
            )
        )
        entry.amend(**subject)
        return require_proposal(connection, proposal, kind)

    event = AuditEvent(_KINDS[kind][0], actor, {"proposal": proposal}, {"reason": reason})
    return writer.submit(event, apply)


def confirm(
    writer: Writer,
    actor: Actor,
    kind: ProposalKind,
    proposal: str,
    carry_out: Callable[[Connection, PendingEntry, Proposal], None],
) -> Recorded[Proposal]:
    """Confirm a proposal once, by another person, and carry it out in the same commit."""
    _check_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Proposal:
        found = require_proposal(connection, proposal, kind)
        check_another_person(actor, found.proposed_by)
        check_older_than(actor, found.proposed_us)
        _check_independent(connection, actor, found.subject["populations"])
        if found.confirmed_by is not None:
            raise Conflict(
                "proposal_confirmed",
                Message("该提议已确认并执行。", "This proposal was confirmed and carried out."),
                field="proposal",
                rule="I8",
            )
        carry_out(connection, entry, found)
        connection.execute(
            insert(budget_confirmation).values(
                proposal=proposal,
                confirmed_by=actor.person,
                confirmed_index=entry.index,
                confirmed_us=entry.time_us,
            )
        )
        entry.amend(proposed_by=found.proposed_by, populations=found.subject["populations"])
        return require_proposal(connection, proposal, kind)

    return writer.submit(AuditEvent(_KINDS[kind][1], actor, {"proposal": proposal}), apply)


def require_proposal(connection: Connection, proposal: str, kind: ProposalKind) -> Proposal:
    """Return a proposal of a kind. Raises NotFound."""
    for found in proposals(connection):
        if found.id == proposal and found.kind is kind:
            return found
    raise NotFound(
        "proposal_unknown",
        Message("没有这项提议。", "There is no such proposal."),
        field="proposal",
    )


def proposals(connection: Connection) -> list[Proposal]:
    """Return all proposals, oldest first, with their confirmations."""
    query = (
        select(
            budget_proposal, budget_confirmation.c.confirmed_by, budget_confirmation.c.confirmed_us
        )
        .outerjoin(budget_confirmation, budget_confirmation.c.proposal == budget_proposal.c.id)
        .order_by(budget_proposal.c.proposed_index)
    )
    return [_proposal(row) for row in connection.execute(query).mappings()]


def _check_person(actor: Actor) -> None:
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)


def _check_independent(connection: Connection, actor: Actor, populations: Collection[str]) -> None:
    """Refuse whoever also serves an operator that spends of these populations."""
    belongs_to = {actor.organisation, *served_by(connection, actor.person)}
    for licence in licences_in(connection, _HOLDING):
        document = LicenceDocument.model_validate_json(licence.document)
        if any(budget.population in populations for budget in document.budgets):
            check_independent(belongs_to, group_of(connection, licence.operator))


def _proposal(row: RowMapping) -> Proposal:
    return Proposal(
        id=row["id"],
        kind=ProposalKind(row["kind"]),
        subject=json.loads(row["subject"]),
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_us=row["proposed_us"],
        confirmed_by=row["confirmed_by"],
        confirmed_us=row["confirmed_us"],
    )
