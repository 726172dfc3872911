"""The same log on PostgreSQL: receipts, refusals that roll back alone, append-only tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from audit import store
from audit.cosigned import best_cosigned_size, keep_lines, with_cosignatures
from audit.events import AuditEvent, PendingEntry, no_effect
from audit.export import export_bundle
from audit.notes import SignatureLine, parse_checkpoint
from audit.proofs import verify_receipt
from audit.tags import EntryKind
from audit.verify.__main__ import verify_files
from audit.verify.notes import read_key
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine, reading
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.postgresql import postgresql_server

TABLES = [
    store.entry,
    store.entry_subject,
    store.entry_private,
    store.erasure,
    store.tile,
    store.checkpoint,
    store.cosignature,
]
EVENT = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"licence": "lic"}, {"sql": "x"})


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        engine = open_engine(url)
        metadata.create_all(engine, tables=TABLES)
        yield engine
        engine.dispose()


def divide_by_zero(connection: Connection, _entry: PendingEntry) -> None:
    connection.execute(text("SELECT 1/0"))


def look(connection: Connection, entry: PendingEntry) -> bool:
    seen = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
    return bool(seen == entry.index)


def test_the_log_keeps_its_promises_on_postgresql(
    postgresql: Engine, tmp_path: Path, keys: FileKeyStore, clock: SteppedClock
) -> None:
    head = tmp_path / "head"
    with GroupCommitWriter(postgresql, keys, clock, "test.example/log", head) as writer:
        key = writer.verifier_key
        for number in range(260):
            done = writer.submit(EVENT, look if number % 2 else no_effect)
            assert done.value in {None, True}
            assert verify_receipt(done.receipt, done.leaf_hash, key) == number
            if number % 100 == 0:
                with pytest.raises(DBAPIError):
                    writer.submit(EVENT, divide_by_zero)
        bundle = tmp_path / "bundle.zip"
        export_bundle(postgresql, writer, SYSTEM_ACTOR, key=key, files={}, out=bundle)
    assert verify_files(read_source(bundle), read_key(key.text())).exit_code == 0
    with GroupCommitWriter(postgresql, keys, clock, "test.example/log", head) as writer:
        assert writer.submit(EVENT, no_effect).index == 261
        size = parse_checkpoint(writer.head()).size
        line = SignatureLine("w.example", b"abcd", bytes(72))
        for _ in range(2):  # a line that is there already is not written again
            writer.keep_beside(lambda connection: keep_lines(connection, size, [line], 1))
        with pytest.raises(Unavailable):  # there is no checkpoint of that size
            writer.keep_beside(lambda connection: keep_lines(connection, size + 9, [line], 1))
        assert writer.submit(EVENT, no_effect).index == 262
        with reading(postgresql) as connection:
            assert best_cosigned_size(connection, 261) == size
            assert best_cosigned_size(connection, 262) is None
            assert with_cosignatures(connection, size, "t\n\n— l AAAABBBB\n").endswith(line.text())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET kind = 'x'",
        "DELETE FROM checkpoint",
        "TRUNCATE tile",
        "UPDATE entry_private SET key_name = ''",
        "DELETE FROM entry_private",
        "DELETE FROM erasure",
        "UPDATE cosignature SET line = 'x'",
        "DELETE FROM cosignature",
        (
            "INSERT INTO entry SELECT idx, time_us, kind, body, leaf_hash FROM entry "
            "ON CONFLICT (idx) DO UPDATE SET kind = 'y'"
        ),
    ],
)
def test_tables_of_the_log_are_append_only_on_postgresql(
    postgresql: Engine, statement: str
) -> None:
    with postgresql.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
