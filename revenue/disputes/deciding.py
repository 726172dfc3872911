"""Deciding a dispute: what was held goes back, and an upheld one corrects the bill by new journals.

Two persons decide, neither of the disputing organisation or its affiliates. Nothing of the closed
period is edited: the bill's journal is reversed in the open period and a new one posted beside it,
under a rule document that names the pool's rule, the dispute and every new line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import PendingEntry
from authorization.organisations import group_of, served_by
from authorization.separation import check_independent
from foundation.errors import Conflict, InvalidInput, Message
from policies.schema.revenue import RevenueRules
from revenue.disputes.states import (
    UNDECIDED,
    Dispute,
    DisputeState,
    check_next,
    disputes_of,
    require_dispute,
)
from revenue.flow.pool_state import PoolState, line_name, payee_of, pool_state
from revenue.flow.receipts import Match, keep_matches, post_flow
from revenue.flow.rules import keep_document
from revenue.flow.store import correction, dispute_move
from revenue.kinds import CHANNELS, AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posted, Posting, post, postings_of, reverse
from revenue.periods import require_open_period
from revenue.store import FEN_MAX

LINES_MAX = 1_000


@dataclass(frozen=True)
class CorrectedLine:
    """What a payee's line should be, in whole fen."""

    payee: str
    channel: str
    fen: int


def prepare_decision(
    connection: Connection,
    person: str,
    organisation: str,
    name: str,
    outcome: DisputeState,
    lines: Sequence[CorrectedLine],
) -> dict[str, Any]:
    """Check a decision as things stand. An upheld one names every line of the right bill."""
    found = require_dispute(connection, name)
    check_next(found, outcome)
    check_uninvolved(connection, person, organisation, found)
    subject: dict[str, Any] = {
        "dispute": name,
        "period": found.period,
        "licence": found.licence,
        "outcome": outcome.value,
    }
    if outcome is DisputeState.UPHELD:
        _check_alone(connection, found)
        _check_lines(pool_state(connection, found.period, found.licence), lines)
        ordered = sorted(lines, key=lambda line: line_name(line.channel, line.payee))
        subject["lines"] = [
            {"payee": line.payee, "channel": line.channel, "fen": line.fen} for line in ordered
        ]
    elif lines:
        raise InvalidInput(
            "lines_without_correction",
            Message("驳回异议时不得更正账单。", "A dismissed dispute corrects nothing."),
            field="$.lines",
        )
    return subject


def post_decision(
    connection: Connection,
    entry: PendingEntry,
    approver: tuple[str, str],
    move: str,
    subject: Mapping[str, Any],
    rules: RevenueRules,
) -> tuple[Posted, ...]:
    """Carry an approved decision out: release, and where upheld reversal and the new journal."""
    found = require_dispute(connection, subject["dispute"])
    outcome = DisputeState(subject["outcome"])
    check_next(found, outcome)
    check_uninvolved(connection, *approver, found)
    journals = _release(connection, entry, found)
    if outcome is DisputeState.UPHELD:
        _check_alone(connection, found)
        journals += _correct(connection, entry, move, found, subject["lines"], rules)
    connection.execute(
        insert(dispute_move).values(
            dispute=found.id,
            state=outcome.value,
            audit_index=entry.index,
            person=approver[0],
            journal_id=journals[-1].id if journals else None,
        )
    )
    return tuple(journals)


def check_uninvolved(
    connection: Connection, person: str, organisation: str, found: Dispute
) -> None:
    """Refuse to decide whoever serves the disputing organisation or an affiliate of it."""
    belongs_to = {organisation, *served_by(connection, person)}
    check_independent(belongs_to, {found.organisation, *group_of(connection, found.organisation)})


def _release(connection: Connection, entry: PendingEntry, found: Dispute) -> list[Posted]:
    if found.hold is None:
        return []
    rule_digest, legs = postings_of(connection, found.hold)
    request = JournalRequest(
        idempotency_key=f"release:{found.id}",
        period=require_open_period(connection),
        kind=JournalKind.RELEASE,
        rule_digest=rule_digest,
        postings=tuple(Posting(leg.account, -leg.fen) for leg in legs),
    )
    return [post(connection, entry, request)]


def _correct(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    found: Dispute,
    lines: Sequence[Mapping[str, Any]],
    rules: RevenueRules,
) -> list[Posted]:
    state = pool_state(connection, found.period, found.licence)
    period = require_open_period(connection)
    reversal = reverse(connection, entry, str(state.journal_id), period)
    billed = sum(int(line["fen"]) for line in lines)
    prepaid = min(state.prepaid_fen, billed)
    rule_digest = keep_document(
        connection,
        {
            "format": "sandgate/correction-rule@1",
            "dispute": found.id,
            "period": found.period,
            "licence": found.licence,
            "pool_digest": state.pool_digest,
            "pool_rule_digest": state.rule_digest,
            "replaces": state.journal_id,
            "payer": state.payer,
            "biller": state.biller,
            "billed_fen": billed,
            "prepaid_fen": prepaid,
            "lines": [dict(line) for line in lines],
            "fictional": rules.fictional,
        },
    )
    if not billed:
        return [reversal, *_give_excess(connection, entry, move, found, rules)]
    legs = [
        Posting(Account(AccountKind.RECEIVABLE, f"{state.biller}:{state.payer}"), billed - prepaid),
        Posting(Account(AccountKind.WALLET, state.payer), prepaid),
        *(
            Posting(
                Account(AccountKind.ACCRUED, line_name(line["channel"], line["payee"])),
                -int(line["fen"]),
            )
            for line in lines
        ),
    ]
    request = JournalRequest(
        idempotency_key=f"correction:{found.id}",
        period=period,
        kind=JournalKind.CORRECTION,
        rule_digest=rule_digest,
        postings=tuple(leg for leg in legs if leg.fen),
    )
    corrected = post(connection, entry, request)
    connection.execute(
        insert(correction).values(
            journal_id=corrected.id,
            period_id=found.period,
            licence=found.licence,
            audit_index=entry.index,
            rule_digest=rule_digest,
        )
    )
    return [reversal, corrected, *_give_excess(connection, entry, move, found, rules)]


def _give_excess(
    connection: Connection,
    entry: PendingEntry,
    move: str,
    found: Dispute,
    rules: RevenueRules,
) -> list[Posted]:
    """Turn what was paid above a lowered bill into the payer's unmatched money."""
    state = pool_state(connection, found.period, found.licence)
    excess = min(state.matched_fen, -state.due_fen)
    if excess <= 0:
        return []
    holder = f"{state.biller}:{state.payer}"
    legs = (
        Posting(Account(AccountKind.RECEIVABLE, holder), excess),
        Posting(Account(AccountKind.UNMATCHED, holder), -excess),
    )
    posted = post_flow(connection, entry, move, JournalKind.MATCHING, legs, rules)
    keep_matches(connection, posted.id, [Match(found.period, found.licence, -excess)])
    return [posted]


def _check_alone(connection: Connection, found: Dispute) -> None:
    """Refuse to correct a bill while another dispute holds money of the same pool."""
    for one in disputes_of(connection, found.period, found.licence):
        if one.id != found.id and one.state in UNDECIDED:
            raise Conflict(
                "other_dispute_undecided",
                Message(
                    "同一结算池另有未裁定的异议，须先裁定其余异议。",
                    "Another dispute of this pool is undecided; decide it first.",
                ),
                field="$.dispute",
                rule="revenue/disputes",
            )


def _check_lines(state: PoolState, lines: Sequence[CorrectedLine]) -> None:
    """Refuse a correction with a stranger's line, a line twice, or an impossible amount."""
    names = [line_name(line.channel, line.payee) for line in lines]
    known = {payee_of(name) for name in state.lines}
    channels = {kind.value for kind in CHANNELS}
    good = (
        0 < len(lines) <= LINES_MAX
        and len(set(names)) == len(names)
        and all(line.channel in channels and line.payee in known for line in lines)
        and all(0 <= line.fen <= FEN_MAX for line in lines)
    )
    if not good:
        raise InvalidInput(
            "correction_lines_invalid",
            Message(
                "更正后的分录须覆盖原收款方，每个收款方一行，金额为非负整数分。",
                "A correction names the pool's own payees, each line once, whole fen from zero.",
            ),
            field="$.lines",
        )
    if {name: line.fen for name, line in zip(names, lines, strict=True) if line.fen} == dict(
        state.lines
    ):
        raise Conflict(
            "correction_changes_nothing",
            Message("更正与原账单相同。", "The correction is what stands already."),
            field="$.lines",
        )
