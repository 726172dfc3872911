"""Opening a dispute, and holding what it is about until it is decided.

A payee disputes its own lines of a pool, the payer the whole bill; only a person of that
organisation may. The authority or finance then holds the money: it moves to ``disputed`` accounts,
from which nothing is distributed. Opening alone already keeps the lines from being distributed.
"""

from sqlalchemy import Connection, insert

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.separation import check_may_write, check_natural_person, check_role
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from revenue.disputes.states import (
    UNDECIDED,
    Dispute,
    DisputeState,
    check_next,
    disputes_of,
    require_dispute,
)
from revenue.flow.moves import APPROVERS, REASON_CHARACTERS_MAX, check_keeper
from revenue.flow.pool_state import PoolState, payee_of, pool_state
from revenue.flow.store import dispute, dispute_move
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posted, Posting, post
from revenue.periods import require_open_period


def open_dispute(
    writer: Writer, actor: Actor, period_id: str, licence: str, reason: str
) -> Recorded[Dispute]:
    """Dispute a pool of a closed period, by a person of one of its payees or of its payer."""
    check_may_write(actor)
    check_natural_person(actor)
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message("请写明异议理由。", "Say why the bill or line is disputed."),
            field="$.reason",
        )
    name = new_id("dispute")

    def apply(connection: Connection, entry: PendingEntry) -> Dispute:
        state = pool_state(connection, period_id, licence)
        party = _party(state, actor.organisation)
        _check_none_open(connection, state, actor.organisation)
        connection.execute(
            insert(dispute).values(
                id=name,
                period_id=period_id,
                licence=licence,
                party=party,
                organisation=actor.organisation,
                opened_by=actor.person,
                opened_index=entry.index,
                opened_us=entry.time_us,
            )
        )
        entry.amend(party=party)
        return require_dispute(connection, name)

    public = {"dispute": name, "period": period_id, "licence": licence}
    event = AuditEvent(EntryKind.DISPUTE_OPENED, actor, public, {"reason": reason})
    return writer.submit(event, apply)


def hold_dispute(writer: Writer, actor: Actor, name: str) -> Recorded[Dispute]:
    """Hold what is disputed and not paid yet. One person may: it only keeps money where it is."""
    check_role(actor, *APPROVERS)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Dispute:
        check_keeper(connection, actor)
        found = require_dispute(connection, name)
        check_next(found, DisputeState.HELD)
        state = pool_state(connection, found.period, found.licence)
        posted = _post_hold(connection, entry, found, state)
        connection.execute(
            insert(dispute_move).values(
                dispute=name,
                state=DisputeState.HELD.value,
                audit_index=entry.index,
                person=actor.person,
                journal_id=None if posted is None else posted.id,
            )
        )
        journals = [] if posted is None else [{"id": posted.id, "digest": posted.digest}]
        entry.amend(period=found.period, licence=found.licence, journals=journals)
        return require_dispute(connection, name)

    return writer.submit(AuditEvent(EntryKind.DISPUTE_HELD, actor, {"dispute": name}), apply)


def _party(state: PoolState, organisation: str) -> str:
    """Return what the organisation is to this pool. To a stranger there is no such pool."""
    if state.journal_id is not None:
        if any(payee_of(line) == organisation for line in state.lines):
            return "payee"
        if state.payer == organisation:
            return "payer"
    raise NotFound(
        "pool_unknown",
        Message("该账期没有这项授权的结算池。", "This period has no pool of that licence."),
        field="$.licence",
    )


def _check_none_open(connection: Connection, state: PoolState, organisation: str) -> None:
    for one in disputes_of(connection, state.period, state.licence):
        if one.organisation == organisation and one.state in UNDECIDED:
            raise Conflict(
                "dispute_open",
                Message("贵单位对该结算池的异议尚未裁定。", "Your dispute is not decided yet."),
                field="$.licence",
                rule="revenue/disputes",
            )


def _post_hold(
    connection: Connection, entry: PendingEntry, found: Dispute, state: PoolState
) -> Posted | None:
    """Move what the covered lines still have accrued, and no other dispute holds, aside."""
    taken = {
        line
        for one in disputes_of(connection, found.period, found.licence)
        if one.id != found.id and one.state is DisputeState.HELD
        for line in state.lines
        if one.covers(line)
    }
    held = {
        line: fen - state.paid.get(line, 0)
        for line, fen in sorted(state.lines.items())
        if found.covers(line) and line not in taken and fen > state.paid.get(line, 0)
    }
    if not held:
        return None
    legs = [
        leg
        for line, fen in held.items()
        for leg in (
            Posting(Account(AccountKind.ACCRUED, line), fen),
            Posting(Account(AccountKind.DISPUTED, line), -fen),
        )
    ]
    request = JournalRequest(
        idempotency_key=f"hold:{found.id}",
        period=require_open_period(connection),
        kind=JournalKind.HOLD,
        rule_digest=state.rule_digest,
        postings=tuple(legs),
    )
    return post(connection, entry, request)
