"""Two persons for what moves money: one proposes, another approves and it is carried out at once.

Both are natural persons, and whoever came into being after the proposal cannot approve it (I8). A
move is decided once: the decision's own row says so, and the database refuses a second one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.independence import check_apart
from authorization.organisations import OrganisationKind, organisation_by_id
from authorization.separation import (
    check_another_person,
    check_may_write,
    check_natural_person,
    check_older_than,
    check_role,
)
from foundation.canonical import canonical_bytes
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from revenue.flow.store import money_move, money_move_decision
from revenue.ledger import Posted

REASON_CHARACTERS_MAX = 1_000
APPROVERS = (Role.AUTHORITY, Role.FINANCE)
Subject = Mapping[str, Any]


class MoveKind(StrEnum):
    """What is proposed to be done with money."""

    RECEIPT = "receipt"
    MATCHING = "matching"
    DEPOSIT = "deposit"
    REFUND = "refund"
    DISTRIBUTION = "distribution"
    RETURN = "return"
    REVERSAL = "reversal"
    DECISION = "decision"
    DETAILS = "details"
    REPRICING = "repricing"


APPROVED: dict[MoveKind, EntryKind] = {
    MoveKind.RECEIPT: EntryKind.RECEIPT_MATCHED,
    MoveKind.MATCHING: EntryKind.RECEIPT_MATCHED,
    MoveKind.DEPOSIT: EntryKind.WALLET_DEPOSITED,
    MoveKind.REFUND: EntryKind.MONEY_REFUNDED,
    MoveKind.DISTRIBUTION: EntryKind.POOL_DISTRIBUTED,
    MoveKind.RETURN: EntryKind.FILE_RETURNED,
    MoveKind.REVERSAL: EntryKind.JOURNAL_REVERSED,
    MoveKind.DECISION: EntryKind.DISPUTE_DECIDED,
    MoveKind.DETAILS: EntryKind.PAYMENT_DETAILS_CONFIRMED,
    MoveKind.REPRICING: EntryKind.USAGE_REPRICED,
}
_PRIVATE = frozenset({"bank_reference", "holder", "account", "bank_code", "results", "reasons"})
_BILLER = frozenset({MoveKind.RECEIPT, MoveKind.MATCHING, MoveKind.DEPOSIT, MoveKind.RETURN})


@dataclass(frozen=True)
class Move:
    """What one person proposed, and who decided it, if anybody did."""

    id: str
    kind: MoveKind
    subject: dict[str, Any]
    reason: str
    proposed_by: str
    organisation: str
    proposed_us: int
    state: str = "proposed"
    decided_by: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the move for those who may read the ledger."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "subject": self.subject,
            "reason": self.reason,
            "proposed_by": self.proposed_by,
            "proposed_us": self.proposed_us,
            "state": self.state,
            "decided_by": self.decided_by,
        }


@dataclass(frozen=True)
class Done:
    """An approved move and the journals that it posted."""

    move: Move
    journals: tuple[Posted, ...]

    def as_json(self) -> dict[str, object]:
        """Return both for the person who approved."""
        journals = [{"id": posted.id, "digest": posted.digest} for posted in self.journals]
        return {**self.move.as_json(), "journals": journals}


CarryOut = Callable[[Connection, PendingEntry, Move], tuple[Posted, ...]]


def propose(
    writer: Writer,
    actor: Actor,
    kind: MoveKind,
    reason: str,
    prepare: Callable[[Connection], Subject],
) -> Recorded[Move]:
    """Record a proposal. ``prepare`` checks it as things stand and returns its whole subject."""
    check_may_write(actor)
    check_natural_person(actor)
    _check_reason(reason)
    name = new_id("move")

    def apply(connection: Connection, entry: PendingEntry) -> Move:
        subject = prepare(connection)
        _check_proposer(connection, actor, kind, subject)
        connection.execute(
            insert(money_move).values(
                id=name,
                kind=kind.value,
                subject=canonical_bytes(subject).decode(),
                reason=reason,
                proposed_by=actor.person,
                organisation=actor.organisation,
                proposed_index=entry.index,
                proposed_us=entry.time_us,
            )
        )
        entry.amend(subject=_public(subject))
        return require_move(connection, name)

    event = AuditEvent(
        EntryKind.MOVE_PROPOSED, actor, {"move": name, "move_kind": kind.value}, {"reason": reason}
    )
    return writer.submit(event, apply)


def approve(writer: Writer, actor: Actor, move: Move, carry_out: CarryOut) -> Recorded[Done]:
    """Approve a move once, by another person, and carry it out in the same commit."""
    check_role(actor, *APPROVERS)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Done:
        check_keeper(connection, actor)
        found = require_move(connection, move.id)
        _check_undecided(found)
        check_another_person(actor, found.proposed_by)
        check_older_than(actor, found.proposed_us)
        if found.organisation != actor.organisation:
            check_apart(connection, actor, found.organisation)
        journals = carry_out(connection, entry, found)
        _decide(connection, entry, actor, found, "approved")
        entry.amend(
            proposed_by=found.proposed_by,
            subject=_public(found.subject),
            journals=[{"id": posted.id, "digest": posted.digest} for posted in journals],
        )
        return Done(require_move(connection, move.id), journals)

    return writer.submit(AuditEvent(APPROVED[move.kind], actor, {"move": move.id}), apply)


def withdraw(writer: Writer, actor: Actor, name: str) -> Recorded[Move]:
    """Withdraw a move nobody approved: by the person who proposed it, or by an approver."""
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Move:
        found = require_move(connection, name)
        _check_undecided(found)
        if found.proposed_by != actor.person:
            check_keeper(connection, actor)
        _decide(connection, entry, actor, found, "withdrawn")
        return require_move(connection, name)

    return writer.submit(AuditEvent(EntryKind.MOVE_WITHDRAWN, actor, {"move": name}), apply)


def require_move(connection: Connection, name: str) -> Move:
    """Return a move. Raises NotFound."""
    row = connection.execute(_moves().where(money_move.c.id == name)).mappings().first()
    if row is None:
        raise NotFound(
            "move_unknown",
            Message("没有这项待办资金事项。", "There is no such move of money."),
            field="$.move",
        )
    return _move(row)


def moves(connection: Connection, *, undecided: bool = False) -> list[Move]:
    """Return the moves, oldest first; on wish only those that wait for a second person."""
    query = _moves().order_by(money_move.c.proposed_index)
    if undecided:
        query = query.where(money_move_decision.c.move.is_(None))
    return [_move(row) for row in connection.execute(query).mappings()]


def _moves() -> Any:
    return select(
        money_move, money_move_decision.c.state, money_move_decision.c.decided_by
    ).outerjoin(money_move_decision, money_move_decision.c.move == money_move.c.id)


def _move(row: RowMapping) -> Move:
    return Move(
        id=row["id"],
        kind=MoveKind(row["kind"]),
        subject=json.loads(row["subject"]),
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        organisation=row["organisation"],
        proposed_us=row["proposed_us"],
        state=row["state"] or "proposed",
        decided_by=row["decided_by"],
    )


def _decide(
    connection: Connection, entry: PendingEntry, actor: Actor, found: Move, state: str
) -> None:
    connection.execute(
        insert(money_move_decision).values(
            move=found.id,
            state=state,
            decided_by=actor.person,
            decided_index=entry.index,
            decided_us=entry.time_us,
        )
    )


def _check_undecided(found: Move) -> None:
    if found.state != "proposed":
        raise Conflict(
            "move_decided",
            Message("该资金事项已办结。", "This move of money has been decided already."),
            field="$.move",
            rule="I8",
        )


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message(
                f"请写明理由（不超过 {REASON_CHARACTERS_MAX} 字）。",
                f"Give a reason of at most {REASON_CHARACTERS_MAX} characters.",
            ),
            field="$.reason",
        )


def check_keeper(connection: Connection, actor: Actor) -> None:
    """Refuse whoever does not keep the books: of the authority, or of a finance department."""
    check_role(actor, *APPROVERS)
    if not keeps_books(connection, actor):
        raise Denied(
            "not_of_finance",
            Message(
                "财政角色须由财政部门人员担任，方可办理资金事项。",
                "The role of finance moves money only for an organisation that is finance.",
            ),
            field="actor",
            rule="roles",
        )


def keeps_books(connection: Connection, actor: Actor) -> bool:
    """Tell whether an actor is of the authority, or holds the role of finance in a department."""
    own = organisation_by_id(connection, actor.organisation)
    finance = own is not None and own.kind is OrganisationKind.FINANCE
    return actor.has(Role.AUTHORITY) or (actor.has(Role.FINANCE) and finance)


def _check_proposer(connection: Connection, actor: Actor, kind: MoveKind, subject: Subject) -> None:
    """Let those who keep the books propose anything; a biller what its own bank shows."""
    is_biller = actor.has(Role.OPERATOR) and subject.get("biller") == actor.organisation
    if not (kind in _BILLER and is_biller):
        check_keeper(connection, actor)


def _public(subject: Subject) -> dict[str, Any]:
    """Return what the log may say of a move: no bank account, no bank's reference, no reasons."""
    return {name: value for name, value in subject.items() if name not in _PRIVATE}
