"""Every move of money by its kind: how it is proposed, and what its approval carries out.

``MoneyMoves`` is what the service is handed. Each ``propose_…`` needs one person, ``approve``
another; the approval checks everything again, since the ledger may have changed in between.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from audit.events import PendingEntry, Recorded, Writer
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import Message, Unavailable
from foundation.identity import Actor
from policies.schema.revenue import RevenueRules
from revenue.corrections import post_reversal, prepare_reversal
from revenue.disputes.deciding import CorrectedLine, post_decision, prepare_decision
from revenue.disputes.states import DisputeState
from revenue.flow.distribution import post_distribution, prepare_distribution
from revenue.flow.moves import Done, Move, MoveKind, approve, propose, require_move
from revenue.flow.receipts import (
    Match,
    post_matching,
    post_receipt,
    prepare_matching,
    prepare_receipt,
)
from revenue.flow.wallets import post_deposit, post_refund, prepare_deposit, prepare_refund
from revenue.ledger import Posted
from revenue.repricing import Declared, Repricing
from revenue.settlement_files.details import Details, keep_details, prepare_details
from revenue.settlement_files.return_reader import ReadReturn
from revenue.settlement_files.returning import post_return, prepare_return

_Post = Callable[
    [Connection, PendingEntry, str, Mapping[str, Any], RevenueRules], tuple[Posted, ...]
]


@dataclass(frozen=True)
class Incoming:
    """Money that a biller's bank shows as received from a payer; ``fen`` is whole and positive."""

    biller: str
    payer: str
    fen: int
    bank_reference: str


@dataclass(frozen=True)
class MoneyMoves:
    """Proposes and approves every move of money; without ``repricing`` none of that kind."""

    engine: Engine
    writer: Writer
    clock: Clock
    rules: RevenueRules
    read_return: ReadReturn
    repricing: Repricing | None = None

    def propose_receipt(
        self, actor: Actor, money: Incoming, matches: Sequence[Match] | None, reason: str
    ) -> Recorded[Move]:
        """Propose to take a receipt in; without matches it pays the payer's oldest bills first."""
        return propose(
            self.writer,
            actor,
            MoveKind.RECEIPT,
            reason,
            lambda connection: prepare_receipt(
                connection, money.biller, money.payer, money.fen, money.bank_reference, matches
            ),
        )

    def propose_matching(
        self, actor: Actor, biller: str, payer: str, matches: Sequence[Match], reason: str
    ) -> Recorded[Move]:
        """Propose to match money that came in before."""
        return propose(
            self.writer,
            actor,
            MoveKind.MATCHING,
            reason,
            lambda connection: prepare_matching(connection, biller, payer, matches),
        )

    def propose_deposit(self, actor: Actor, money: Incoming, reason: str) -> Recorded[Move]:
        """Propose to take money into a payer's wallet."""
        return propose(
            self.writer,
            actor,
            MoveKind.DEPOSIT,
            reason,
            lambda connection: prepare_deposit(
                connection, money.biller, money.payer, money.fen, money.bank_reference
            ),
        )

    def propose_refund(
        self, actor: Actor, biller: str, payer: str, fen: int, source: str, reason: str
    ) -> Recorded[Move]:
        """Propose to give money back, from the wallet or from what was never matched."""
        return propose(
            self.writer,
            actor,
            MoveKind.REFUND,
            reason,
            lambda connection: prepare_refund(
                connection, biller, payer, fen, source, self.clock.now_us()
            ),
        )

    def propose_distribution(
        self, actor: Actor, period: str, licence: str, reason: str
    ) -> Recorded[Move]:
        """Propose to make a pool's collected money payable."""
        return propose(
            self.writer,
            actor,
            MoveKind.DISTRIBUTION,
            reason,
            lambda connection: prepare_distribution(connection, period, licence),
        )

    def propose_return(
        self, actor: Actor, file: str, data: bytes, form: str, reason: str
    ) -> Recorded[Move]:
        """Propose to take in what the bank answered to a file; its bytes are read confined."""
        found = self.read_return(data, form)
        return propose(
            self.writer,
            actor,
            MoveKind.RETURN,
            reason,
            lambda connection: prepare_return(connection, file, data, form, found),
        )

    def propose_reversal(self, actor: Actor, journal: str, reason: str) -> Recorded[Move]:
        """Propose to undo a journal."""
        return propose(
            self.writer,
            actor,
            MoveKind.REVERSAL,
            reason,
            lambda connection: prepare_reversal(connection, journal, self.clock.now_us()),
        )

    def propose_decision(
        self,
        actor: Actor,
        dispute: str,
        outcome: DisputeState,
        lines: Sequence[CorrectedLine],
        reasons: str,
    ) -> Recorded[Move]:
        """Propose how a dispute is decided; an upheld one names every line of the right bill."""
        return propose(
            self.writer,
            actor,
            MoveKind.DECISION,
            reasons,
            lambda connection: prepare_decision(
                connection, actor.person, actor.organisation, dispute, outcome, lines
            ),
        )

    def propose_details(
        self, actor: Actor, payee: str, channel: str, details: Details, reason: str
    ) -> Recorded[Move]:
        """Propose where a payee, or a biller under the channel ``bank``, has its account."""
        return propose(
            self.writer,
            actor,
            MoveKind.DETAILS,
            reason,
            lambda connection: prepare_details(connection, payee, channel, details),
        )

    def propose_repricing(self, actor: Actor, declared: Declared, reason: str) -> Recorded[Move]:
        """Propose to bill what a free purpose gave to the industry licence that was made of it."""
        repricing = _present(self.repricing)
        return propose(
            self.writer,
            actor,
            MoveKind.REPRICING,
            reason,
            lambda connection: repricing.prepare(connection, actor, declared),
        )

    def approve(self, actor: Actor, name: str) -> Recorded[Done]:
        """Approve a move as its second person, and carry it out in the same commit."""
        with reading(self.engine) as connection:
            move = require_move(connection, name)
        return approve(
            self.writer,
            actor,
            move,
            lambda connection, entry, found: _CARRY_OUT[found.kind](
                _Approval(connection, entry, actor, found, self.rules, self.repricing)
            ),
        )


@dataclass(frozen=True)
class _Approval:
    """A move that its second person approves, inside the commit that carries it out."""

    connection: Connection
    entry: PendingEntry
    actor: Actor
    move: Move
    rules: RevenueRules
    repricing: Repricing | None

    def by(self, post: _Post) -> tuple[Posted, ...]:
        """Carry the move out under the rule file."""
        return post(self.connection, self.entry, self.move.id, self.move.subject, self.rules)


def _distribute(one: _Approval) -> tuple[Posted, ...]:
    return post_distribution(one.connection, one.entry, one.move.id, one.move.subject)


def _take_return(one: _Approval) -> tuple[Posted, ...]:
    subject, person = one.move.subject, one.actor.person
    return post_return(one.connection, one.entry, person, one.move.id, subject, one.rules)


def _decide(one: _Approval) -> tuple[Posted, ...]:
    approver = one.actor.person, one.actor.organisation
    subject = one.move.subject
    return post_decision(one.connection, one.entry, approver, one.move.id, subject, one.rules)


def _keep_details(one: _Approval) -> tuple[Posted, ...]:
    keep_details(one.connection, one.entry, one.move.subject)
    return ()


def _reprice(one: _Approval) -> tuple[Posted, ...]:
    """Meter and bill; the journal is that of the period's close."""
    repricing = _present(one.repricing)
    repricing.carry_out(one.connection, one.entry, one.actor, one.move.subject)
    return ()


def _present(repricing: Repricing | None) -> Repricing:
    if repricing is None:
        raise Unavailable(
            "repricing_unavailable",
            Message("此处不能补计价。", "Nothing is priced anew here."),
            rule="revenue/repricing",
        )
    return repricing


_CARRY_OUT: Mapping[MoveKind, Callable[[_Approval], tuple[Posted, ...]]] = {
    MoveKind.RECEIPT: lambda one: one.by(post_receipt),
    MoveKind.MATCHING: lambda one: one.by(post_matching),
    MoveKind.DEPOSIT: lambda one: one.by(post_deposit),
    MoveKind.REFUND: lambda one: one.by(post_refund),
    MoveKind.DISTRIBUTION: _distribute,
    MoveKind.RETURN: _take_return,
    MoveKind.REVERSAL: lambda one: post_reversal(one.connection, one.entry, one.move.subject),
    MoveKind.DECISION: _decide,
    MoveKind.DETAILS: _keep_details,
    MoveKind.REPRICING: _reprice,
}
