"""A lone journal in one statement on PostgreSQL: the same rows, refusals and replays as ever."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select
from sqlalchemy.exc import DBAPIError

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.canonical import digest
from foundation.db import metadata, open_engine, reading
from foundation.errors import Conflict, InvalidInput
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from revenue import store
from revenue.flow import store as _flow  # noqa: F401 - the tables of the flow
from revenue.ledger import (
    Account,
    JournalKind,
    JournalRequest,
    Posted,
    Posting,
    balances,
    journal_content,
    post,
)
from revenue.periods import open_at
from revenue.posting_at_once import post_at_once
from revenue.store import FEN_MAX
from tests.fakes import SteppedClock
from tests.postgresql import postgresql_server

EVENT = AuditEvent(EntryKind.PERIOD_OPENED, SYSTEM_ACTOR)
Post = Callable[..., list[Posted]]


def asked(key: str, *fen: int, period: str = "p", rule: str = "rule") -> JournalRequest:
    """Return a journal whose accounts bear its key, so that they are new."""
    legs = (Posting(Account("account", f"{key}:{place}"), part) for place, part in enumerate(fen))
    return JournalRequest(key, period, JournalKind.ADJUSTMENT, rule, tuple(legs))


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def ledger(postgresql: Engine) -> Iterator[Engine]:
    """An empty ledger on PostgreSQL."""
    with postgresql.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    metadata.create_all(postgresql)
    yield postgresql
    postgresql.dispose()


@pytest.fixture
def submit(
    ledger: Engine, tmp_path: Path, keys: FileKeyStore, clock: SteppedClock
) -> Iterator[Post]:
    """Post journals under one log entry each call, in an open period ``p``."""
    with GroupCommitWriter(ledger, keys, clock, "test.example/log", tmp_path / "head") as writer:

        def begin(connection: Connection, entry: PendingEntry) -> None:
            rules = [{"digest": name, "document": "{}"} for name in ("rule", "other")]
            connection.execute(insert(store.settlement_rule), rules)
            open_at(connection, entry, "p")

        def together(*requests: JournalRequest) -> list[Posted]:
            return writer.submit(EVENT, lambda c, e: [post(c, e, one) for one in requests]).value

        writer.submit(EVENT, begin)
        yield together


def journals(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(store.journal)).scalar_one())


def test_a_journal_is_written_whole_by_one_statement(ledger: Engine, submit: Post) -> None:
    statements: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(ledger, "before_cursor_execute", seen)
    (posted,) = submit(asked("k", 5, -2, -3))
    event.remove(ledger, "before_cursor_execute", seen)
    about = [text for text in statements if "journal" in text or "posting" in text]
    assert len(about) == 1
    with reading(ledger) as connection:
        head = connection.execute(select(store.journal)).mappings().one()
        legs = connection.execute(
            select(store.posting.c.account, store.posting.c.fen).order_by(store.posting.c.sequence)
        ).all()
        sealed = connection.execute(select(store.seal.c.digest)).scalar_one()
        first = connection.execute(select(func.min(store.posting.c.sequence))).scalar_one()
    assert [tuple(leg) for leg in legs] == [
        ("account:k:0", 5),
        ("account:k:1", -2),
        ("account:k:2", -3),
    ]
    assert (head["id"], sealed, first) == (posted.id, posted.digest, 0)
    told = {name: head[name] for name in ("id", "kind", "audit_index", "rule_digest")}
    content = journal_content({**told, "period": head["period_id"]}, [tuple(leg) for leg in legs])
    assert posted.digest == digest(content)


def test_a_known_key_is_a_replay_in_the_same_entry_and_in_a_later_one(
    ledger: Engine, submit: Post
) -> None:
    first, second = submit(asked("k", 5, -5), asked("k", 5, -5))
    (third,) = submit(asked("k", 5, -5))
    assert (first.replayed, second.replayed, third.replayed) == (False, True, True)
    assert first.id == second.id == third.id
    assert journals(ledger) == 1


@pytest.mark.parametrize(
    ("request_", "refusal", "code"),
    [
        (asked("new", 5), InvalidInput, "journal_unbalanced"),
        (asked("new", 5, -4), InvalidInput, "journal_unbalanced"),
        (asked("new", 5, -5, 0), InvalidInput, "posting_out_of_range"),
        (asked("new", FEN_MAX + 1, -FEN_MAX - 1), InvalidInput, "posting_out_of_range"),
        (asked("new", 5, -5, period="never"), Conflict, "period_not_open"),
        (asked("k", 6, -6), Conflict, "idempotency_key_reused"),
        (asked("k", 6, -5), Conflict, "idempotency_key_reused"),
    ],
)
def test_what_is_refused_keeps_its_code_and_leaves_nothing(
    ledger: Engine,
    submit: Post,
    request_: JournalRequest,
    refusal: type[Conflict | InvalidInput],
    code: str,
) -> None:
    submit(asked("k", 5, -5))
    with pytest.raises(refusal, match=code):
        submit(asked("beside", 1, -1), request_)
    assert journals(ledger) == 1
    with reading(ledger) as connection:
        assert set(balances(connection)) == {"account:k:0", "account:k:1"}


def test_an_entry_is_billed_once_a_rule(ledger: Engine, submit: Post) -> None:
    with pytest.raises(Conflict, match="outcome_already_billed"):
        submit(asked("one", 5, -5), asked("two", 5, -5))
    submit(asked("one", 5, -5), asked("two", 5, -5, rule="other"))
    assert journals(ledger) == 2


def test_accounts_of_a_refused_item_are_made_again_by_the_next(
    ledger: Engine, submit: Post
) -> None:
    with pytest.raises(Conflict, match="period_not_open"):
        submit(asked("k", 5, -5), asked("late", 5, -5, period="never"))
    submit(asked("k", 5, -5))
    with reading(ledger) as connection:
        assert balances(connection) == {"account:k:0": 5, "account:k:1": -5}


def test_an_unknown_rule_is_refused_by_the_store(ledger: Engine, submit: Post) -> None:
    with pytest.raises(DBAPIError):
        submit(asked("k", 5, -5, rule="nobody's"))
    assert journals(ledger) == 0


@pytest.mark.parametrize(
    ("fens", "said"),
    [((5, -4), "not balanced"), ((5,), "not balanced"), ((5, -5, 0), "fen")],
)
@pytest.mark.usefixtures("submit")
def test_the_store_refuses_false_legs_of_the_one_statement_too(
    ledger: Engine, fens: tuple[int, ...], said: str
) -> None:
    head: dict[str, object] = {
        "id": "journal_x",
        "idempotency_key": "k",
        "request_digest": "d",
        "period_id": "p",
        "kind": "adjustment",
        "audit_index": 0,
        "rule_digest": "rule",
        "reverses": None,
        "recorded_us": 1,
    }
    legs = [(f"account:{place}", "account", str(place), fen) for place, fen in enumerate(fens)]
    with ledger.connect() as connection, pytest.raises(DBAPIError, match=said):
        post_at_once(connection, head, legs, "sha256:x")
    with ledger.connect() as connection:
        whole = [("account:a", "account", "a", 1), ("account:b", "account", "b", -1)]
        assert not post_at_once(connection, {**head, "period_id": "never"}, whole, "sha256:x")
        assert post_at_once(connection, head, whole, "sha256:x")
        assert not post_at_once(connection, {**head, "id": "journal_y"}, whole, "sha256:x")
        connection.rollback()
    assert journals(ledger) == 0
