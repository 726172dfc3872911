"""Ten thousand replays at once: one journal a key, whoever asks and however often."""

import threading

import pytest
from sqlalchemy import Engine, func, select

from audit.events import AuditEvent, Writer
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Conflict
from foundation.identity import Actor
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, post, post_all
from revenue.periods import open_period
from revenue.store import journal, settlement_rule

CALLERS = 16
KEYS = 20


def request(key: str, fen: int = 5) -> JournalRequest:
    legs = (Posting(Account("account", "a"), fen), Posting(Account("account", "b"), -fen))
    return JournalRequest(key, "p", JournalKind.ADJUSTMENT, "rule", legs)


@pytest.fixture
def event(writer: Writer, authority: Actor) -> AuditEvent:
    event = AuditEvent(EntryKind.POLICY_LOADED, authority)
    rule = settlement_rule.insert().values(digest="rule", document="{}")
    writer.submit(event, lambda connection, _entry: connection.execute(rule))
    open_period(writer, authority, "p")
    return event


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(journal)).scalar_one())


@pytest.mark.parametrize("replays", [400, pytest.param(10_000, marks=pytest.mark.full)])
def test_concurrent_replays_post_one_journal_a_key(
    engine: Engine, writer: Writer, event: AuditEvent, replays: int
) -> None:
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, replays, CALLERS):
                key = f"k{number % KEYS}"
                writer.submit(event, lambda c, e, key=key: post(c, e, request(key)))  # type: ignore[misc]
        except BaseException as error:  # noqa: BLE001 - shown in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert count(engine) == KEYS


def test_ten_thousand_replays_inside_one_batch_post_one_journal(
    engine: Engine, writer: Writer, event: AuditEvent
) -> None:
    many = [request("inside")] * 10_000
    posted = writer.submit(event, lambda c, e: post_all(c, e, many)).value
    assert (len(posted), len({one.id for one in posted})) == (10_000, 1)
    assert [one.replayed for one in posted].count(False) == 1
    assert count(engine) == 1


def test_one_key_for_two_requests_in_a_batch_posts_neither(
    engine: Engine, writer: Writer, event: AuditEvent
) -> None:
    two = [request("same", 5), request("same", 6)]
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        writer.submit(event, lambda c, e: post_all(c, e, two))
    assert count(engine) == 0
