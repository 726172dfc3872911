"""Distribution (分账): collected money becomes payable, once each payee has given its word.

What newly came in is split over what each line still lacks. A pool is distributed when every payee
has confirmed its lines or disputes them; a line is paid only if its own payee confirmed and no
dispute covers it, and what it is allotted meanwhile stays its own.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from audit.events import PendingEntry
from foundation.errors import Conflict, Message
from revenue.disputes.states import disputed_lines, disputes_of
from revenue.flow.confirmations import confirmed_payees, needs_word
from revenue.flow.pool_state import PoolState, payee_of, pool_state
from revenue.flow.store import distribution_line
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posted, Posting, post
from revenue.periods import require_open_period


def prepare_distribution(connection: Connection, period_id: str, licence: str) -> dict[str, Any]:
    """Work out what a pool's distribution would pay now. Raises Conflict where it may not be."""
    state = pool_state(connection, period_id, licence)
    allotted, paid = _payable(connection, state)
    return {
        "period": period_id,
        "licence": licence,
        "biller": state.biller,
        "fen": sum(paid.values()),
        "lines": [
            {"line": name, "allotted_fen": allotted.get(name, 0), "paid_fen": paid.get(name, 0)}
            for name in sorted({*allotted, *paid})
        ],
    }


def post_distribution(
    connection: Connection, entry: PendingEntry, move: str, subject: Mapping[str, Any]
) -> tuple[Posted, ...]:
    """Post an approved distribution. Raises Conflict where it would no longer pay the same."""
    state = pool_state(connection, subject["period"], subject["licence"])
    if prepare_distribution(connection, state.period, state.licence) != dict(subject):
        raise Conflict(
            "distribution_outdated",
            Message(
                "提出分账之后情况已变化，请重新提出。",
                "Something changed since this was proposed; propose the distribution again.",
            ),
            field="$.move",
        )
    paid = {line["line"]: line["paid_fen"] for line in subject["lines"]}
    legs = [
        leg
        for name, fen in paid.items()
        if fen
        for leg in (
            Posting(Account(AccountKind.ACCRUED, name), fen),
            Posting(Account(*name.split(":", 1)), -fen),
        )
    ]
    request = JournalRequest(
        idempotency_key=f"move:{move}",
        period=require_open_period(connection),
        kind=JournalKind.DISTRIBUTION,
        rule_digest=state.rule_digest,
        postings=tuple(legs),
    )
    posted = post(connection, entry, request)
    connection.execute(
        insert(distribution_line),
        [
            {
                "journal_id": posted.id,
                "period_id": state.period,
                "licence": state.licence,
                **line,
            }
            for line in subject["lines"]
        ],
    )
    return (posted,)


def _payable(connection: Connection, state: PoolState) -> tuple[dict[str, int], dict[str, int]]:
    """Return each line's new share of what came in, and what of all its shares is payable now."""
    found = disputes_of(connection, state.period, state.licence)
    confirmed = confirmed_payees(connection, state.journal_id)
    heard = confirmed | {
        payee_of(line) for line in state.lines if any(one.covers(line) for one in found)
    }
    silent = sorted({payee_of(line) for line in state.lines if needs_word(line)} - heard)
    if silent:
        raise Conflict(
            "statement_unconfirmed",
            Message(
                f"以下收款方尚未确认结算单：{'、'.join(silent)}。",
                f"These payees have not confirmed their statements: {', '.join(silent)}.",
            ),
            field="$.licence",
            rule="revenue/flow",
            way_out=Message("请收款方先对账并确认。", "Let the payees check and confirm first."),
        )
    kept = disputed_lines(state, found)
    allotted = state.allotments()
    paid = {
        name: min(state.allotted.get(name, 0) + allotted.get(name, 0), fen)
        - state.paid.get(name, 0)
        for name, fen in state.lines.items()
        if name not in kept and (payee_of(name) in confirmed or not needs_word(name))
    }
    paid = {name: fen for name, fen in paid.items() if fen > 0}
    if not paid:
        raise Conflict(
            "nothing_distributable",
            Message(
                "没有可分配的已收款项：只分配已收到、未被异议占用的款项。",
                "There is nothing to distribute: only money that was collected and is undisputed.",
            ),
            field="$.licence",
            rule="revenue/flow",
        )
    return {name: fen for name, fen in allotted.items() if fen}, paid
