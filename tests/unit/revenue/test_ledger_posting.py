from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, Writer
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Conflict, InvalidInput
from foundation.identity import Actor
from revenue.ledger import (
    Account,
    JournalKind,
    JournalRequest,
    Posted,
    Posting,
    balances,
    post,
)
from revenue.periods import close_period, open_period
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.store import FEN_MAX
from tests.unit.revenue.selling import make_licence, revenue_rules

LICENCE = make_licence()
RULE = compile_rule(LICENCE, LICENCE.product.tariff, "sha256:s", revenue_rules())
Submit = Callable[..., list[Posted]]


def asked(*fen: int, key: str = "key", period: str = "p") -> JournalRequest:
    legs = (Posting(Account("account", f"holder_{place}"), part) for place, part in enumerate(fen))
    return JournalRequest(key, period, JournalKind.ADJUSTMENT, RULE.digest, tuple(legs))


@pytest.fixture
def submit(writer: Writer, authority: Actor) -> Submit:
    """Post any number of journals under one log entry, in an open period ``p``."""

    def together(*requests: JournalRequest) -> list[Posted]:
        event = AuditEvent(EntryKind.JOURNAL_REVERSED, authority)
        return writer.submit(
            event, lambda connection, entry: [post(connection, entry, one) for one in requests]
        ).value

    event = AuditEvent(EntryKind.POLICY_LOADED, authority)
    writer.submit(event, lambda connection, _entry: keep_rule(connection, RULE))
    open_period(writer, authority, "p")
    return together


@pytest.mark.parametrize(
    ("fen", "code"),
    [
        ((), "journal_unbalanced"),
        ((0,), "journal_unbalanced"),
        ((5, -4), "journal_unbalanced"),
        ((5, -5, 0), "posting_out_of_range"),
        ((FEN_MAX + 1, -FEN_MAX - 1), "posting_out_of_range"),
    ],
)
def test_a_journal_has_two_legs_that_sum_to_zero(
    engine: Engine, submit: Submit, fen: tuple[int, ...], code: str
) -> None:
    with pytest.raises(InvalidInput, match=code):
        submit(asked(*fen))
    with reading(engine) as connection:
        assert balances(connection) == {}


def test_nothing_is_posted_in_a_closed_or_unknown_period(
    writer: Writer, authority: Actor, submit: Submit
) -> None:
    close_period(writer, authority, "p", revenue_rules())
    for period in ("p", "never"):
        with pytest.raises(Conflict, match="period_not_open"):
            submit(asked(5, -5, period=period))


def test_a_key_belongs_to_one_request(engine: Engine, submit: Submit) -> None:
    submit(asked(5, -5))
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        submit(asked(6, -6))
    with reading(engine) as connection:
        assert balances(connection) == {"account:holder_0": 5, "account:holder_1": -5}


def test_one_entry_is_billed_once_under_one_rule(engine: Engine, submit: Submit) -> None:
    with pytest.raises(Conflict, match="outcome_already_billed"):
        submit(asked(5, -5), asked(5, -5, key="other"))
    with reading(engine) as connection:
        assert balances(connection) == {}


def test_the_same_request_again_returns_the_first_journal(engine: Engine, submit: Submit) -> None:
    (first,) = submit(asked(5, -5))
    again = submit(asked(5, -5), asked(5, -5))
    assert {(posted.id, posted.digest) for posted in again} == {(first.id, first.digest)}
    assert all(posted.replayed for posted in again)
    with reading(engine) as connection:
        assert balances(connection) == {"account:holder_0": 5, "account:holder_1": -5}
