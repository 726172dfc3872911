"""Raw SQL against the tables of metering, past all of our code: nothing is billed twice or edited.

The same attempts run on SQLite, once more without ``recursive_triggers`` as a stranger's tool would
open the file, and on PostgreSQL.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert, select, text
from sqlalchemy.exc import DBAPIError

from audit import store as audit_store
from foundation.db import metadata, open_engine, reading
from foundation.errors import Denied
from policies.schema.revenue import Meter
from revenue.billing import Reserved
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posting, post
from revenue.metering import Source, Use
from revenue.permitted.store import permitted_decision, permitted_proposal, permitted_review
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.store import period
from revenue.usage_store import KEYS, usage, wallet_hold
from revenue.wallet import QUESTION, available_micro_fen
from tests.postgresql import postgresql_server
from tests.tariffs import price_json, tariff
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import BILLING, Entry

PERMITTED = ("permitted_proposal", "permitted_decision", "permitted_review")
ENTRIES = 10


@pytest.fixture(scope="module")
def postgresql_url() -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="pg"))  # short and open: the server has its own uid
    home.chmod(0o755)
    with postgresql_server(home / "data") as url:
        yield url
    shutil.rmtree(home)


@pytest.fixture(params=["sqlite", "sqlite-without-pragma", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgresql":
        engine = open_engine(request.getfixturevalue("postgresql_url"))
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    else:
        engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(engine)
    fill(engine)
    if request.param == "sqlite-without-pragma":
        with engine.connect() as connection:  # the pool hands this connection out again
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA recursive_triggers=OFF")
            connection.exec_driver_sql("BEGIN")
    yield engine
    engine.dispose()


def fill(engine: Engine) -> None:
    """Write a row into every table of metering."""
    terms = tariff(prices=[price_json("call", 10), price_json("row", 1)])
    licence = make_licence()
    product = licence.product.model_copy(update={"tariff": terms})
    licence = licence.model_copy(update={"product": product})
    with engine.begin() as connection:
        for index in range(ENTRIES):
            values = {
                "idx": index,
                "time_us": 1,
                "kind": "k",
                "body": b"{}",
                "leaf_hash": b"0" * 32,
            }
            connection.execute(insert(audit_store.entry).values(values))
        meters = {Meter.CALL: 1, Meter.ROW: 5}
        use = Use(licence, "p", "b", meters, (Source("households", ("a",)),), "key")
        BILLING.bill(connection, Entry(1), use)
        row = {"reference": "r", "kind": "question", "audit_index": 2, "payer": "p"}
        rest = {"licence": "l", "micro_fen": 5, "until_us": 9}
        connection.execute(insert(wallet_hold).values(**row, **rest))
        BILLING.give_back(connection, Entry(3), QUESTION, "r")
        version = {"digest": "d", "licence": "l"}
        connection.execute(
            insert(metadata.tables["tariff_version"]).values(
                **version,
                version="v",
                document="{}",
                proposed_by="a",
                proposed_index=1,
                proposed_us=1,
            )
        )
        connection.execute(
            insert(metadata.tables["tariff_approval"]).values(
                **version, approved_by="b", approved_index=2, valid_from_us=1
            )
        )
        fill_permitted(connection)


def fill_permitted(connection: Any) -> None:
    connection.execute(
        insert(permitted_proposal).values(
            digest="d",
            operator="o",
            version="v",
            document="{}",
            proposed_by="a",
            proposed_index=1,
            proposed_us=1,
        )
    )
    year = {"operator": "o", "year": 2027, "maximum_fen": 5}
    connection.execute(
        insert(permitted_decision).values(
            **year, digest="d", computed="{}", decided_by="b", decided_index=2
        )
    )
    connection.execute(
        insert(permitted_review).values(
            **year, actual_fen=5, adjustment="none", reviewed_by="b", reviewed_index=3
        )
    )


def attempt(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.exec_driver_sql(statement)


def contents(engine: Engine, name: str) -> list[Any]:
    table: Table = metadata.tables[name]
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(table))]


@pytest.mark.parametrize("name", [*KEYS, *PERMITTED])
def test_no_row_is_edited_deleted_or_replaced(store: Engine, name: str) -> None:
    before = contents(store, name)
    assert before
    column = metadata.tables[name].primary_key.columns.keys()[0]
    attempt(store, f"UPDATE {name} SET {column} = {column}")
    attempt(store, f"DELETE FROM {name}")
    if store.dialect.name == "sqlite":
        attempt(store, f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")
    else:
        attempt(store, f"TRUNCATE {name} CASCADE")
    assert contents(store, name) == before


def copied(**changes: str) -> str:
    """Return an INSERT that bills the stored call again with changes."""
    names = usage.columns.keys()
    shown = ", ".join(changes.get(name, name) for name in names)
    return f"INSERT INTO usage ({', '.join(names)}) SELECT {shown} FROM usage WHERE meter = 'call'"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"audit_index": "7"},  # another entry bills the same outcome
        {"audit_index": "7", "rule_digest": "rule_digest", "gross_micro_fen": "11"},
        {"audit_index": "7", "source_index": "8"},  # bills an outcome after its own entry
        {"audit_index": "7", "source_index": "7", "meter": "'bytes'"},
        {"audit_index": "7", "source_index": "7", "quantity": "0"},
        {"audit_index": "7", "source_index": "7", "gross_micro_fen": "-1"},
        {"audit_index": "7", "source_index": "7", "gross_micro_fen": "1000000000000000001"},
        {"audit_index": "77", "source_index": "77"},  # no such entry
        {"audit_index": "7", "source_index": "7", "rule_digest": "'none'"},
    ],
    ids=lambda changes: "-".join(changes) or "the same",
)
def test_no_outcome_is_billed_twice_or_without_entry_meter_and_rule(
    store: Engine, changes: dict[str, str]
) -> None:
    before = contents(store, "usage")
    attempt(store, copied(**changes))
    assert contents(store, "usage") == before


def test_the_same_outcome_may_be_billed_to_another_licence(store: Engine) -> None:
    with store.begin() as connection:
        connection.exec_driver_sql(copied(audit_index="7", licence="'licence_b'"))
    attempt(store, copied(audit_index="8", licence="'licence_b'"))


def test_code_of_ours_cannot_bill_an_entry_twice_either(store: Engine) -> None:
    use = Use(make_licence(), "p", "b", {Meter.CALL: 1})
    with pytest.raises(DBAPIError), store.begin() as connection:
        BILLING.bill(connection, Entry(1), use)


def test_fractions_are_no_money(store: Engine) -> None:
    if store.dialect.name == "sqlite":
        attempt(store, copied(audit_index="7", source_index="7", gross_micro_fen="0.5"))
        attempt(store, copied(audit_index="7", source_index="7", quantity="1.5"))


def test_a_wallet_stops_alike_on_every_store(store: Engine) -> None:
    """A deposit, a hold and a use; what is left is counted the same, and more is refused."""
    terms = tariff(version="prepaid", prices=[price_json("call", 5_000_000)], prepaid=True)
    licence = make_licence("licence_p")
    product = licence.product.model_copy(update={"tariff": terms})
    licence = licence.model_copy(update={"product": product})
    call = {Meter.CALL: 1}
    with store.begin() as connection:
        connection.execute(
            insert(period).values(id="now", state="open", opened_index=0, opened_us=1)
        )
        rule = compile_rule(licence, terms, "scheme", BILLING.rules)
        keep_rule(connection, rule)
        legs = (
            Posting(Account(AccountKind.BANK, "operator"), 16),
            Posting(Account(AccountKind.WALLET, licence.product.payer), -16),
        )
        request = JournalRequest("deposit", "now", JournalKind.DEPOSIT, rule.digest, legs)
        post(connection, Entry(4), request)
        for index, name in ((5, "one"), (6, "two")):
            held = Reserved(QUESTION, name, 60)
            BILLING.admit(connection, Entry(index), licence, call, held)
        use = Use(licence, "p", "b", call)
        BILLING.bill(connection, Entry(7), use, (QUESTION, "one"))
    with store.connect() as connection:
        left = available_micro_fen(
            connection, licence.product.payer, after_index=-1, time_us=Entry(0).time_us
        )
    assert left == 5_000_000
    with store.begin() as connection:
        BILLING.admit(connection, Entry(8), licence, call, Reserved(QUESTION, "three", 60))
    with pytest.raises(Denied, match="wallet_empty"), store.begin() as connection:
        BILLING.admit(connection, Entry(9), licence, call, Reserved(QUESTION, "four", 60))
