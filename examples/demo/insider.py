"""What an insider could try: cut a query out of the log, rebuild the tree, and sign it again.

Plays with a copy of the platform's own database and its true signing key. It is the one part of
the demo that imports the platform's code, because the insider has it.
"""

import shutil
import sqlite3
import tempfile
from pathlib import Path

from audit.export import export_bundle
from audit.log_signers import LOG_KEY
from audit.notes import Checkpoint, HeldKey, VerifierKey, sign_note
from audit.recovery import edge_root
from audit.tree import TreeEdge, complete_root, split_hashes
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import open_engine
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from service.evidence import evidence_files
from service.migrate import import_stores

INSIDER = Actor("auditor", "cyberspace_regulator", frozenset({Role.REGULATOR}))
LOG_TABLES = ("entry", "entry_subject", "entry_private", "tile", "checkpoint")
SHIFTED_TABLES = ("entry", "entry_subject", "entry_private")
METERED_TABLES = ("usage", "contribution")
METERED_COLUMNS = ("audit_index", "source_index")


def forge_bundle(home: Path, removed: list[int], origin: str, out: Path) -> None:
    """Cut entries out of a copy of the log, sign what is left, and export it to ``out``."""
    import_stores()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        shutil.copytree(home / "holder" / "keys", copy / "keys")  # as root, past the key holder
        keys = FileKeyStore(copy / "keys")
        source, target = sqlite3.connect(home / "control.db"), sqlite3.connect(copy / "c.db")
        source.backup(target)
        source.close()
        _drop_guards(target)
        for index in sorted(removed, reverse=True):
            _cut_out(target, index)
        _sign_again(target, VerifierKey(origin, keys.ensure_signing_key(LOG_KEY)), keys)
        target.close()
        engine = open_engine(f"sqlite:///{copy}/c.db")
        head = copy / "head"
        head.mkdir()
        (head / "head").write_text(_newest_note(copy / "c.db"), encoding="utf-8")
        with GroupCommitWriter(engine, keys, SystemClock(), origin, head / "head") as writer:
            files = evidence_files(engine, load_policies())
            key = writer.verifier_key
            export_bundle(engine, writer, INSIDER, key=key, files=files, out=out)
        engine.dispose()


def _drop_guards(database: sqlite3.Connection) -> None:
    """Take away what would stop a mistake, and the tree that would show the change."""
    database.execute("PRAGMA ignore_check_constraints = ON")
    guards = database.execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'")
    for trigger, table in guards.fetchall():
        if table in (*LOG_TABLES, *METERED_TABLES):
            database.execute(f"DROP TRIGGER {trigger}")
    database.execute("DELETE FROM tile")
    database.execute("DELETE FROM checkpoint")


def _cut_out(database: sqlite3.Connection, removed: int) -> None:
    """Remove one entry and what it metered, and close the gap."""
    for table in SHIFTED_TABLES:
        database.execute(f"DELETE FROM {table} WHERE idx = ?", (removed,))  # noqa: S608 - our own names
        # Through the negatives, so that no two rows hold one index on the way.
        database.execute(f"UPDATE {table} SET idx = -idx WHERE idx > ?", (removed,))  # noqa: S608
        database.execute(f"UPDATE {table} SET idx = -idx - 1 WHERE idx < 0")  # noqa: S608
    for table in METERED_TABLES:
        database.execute(f"DELETE FROM {table} WHERE audit_index = ?", (removed,))  # noqa: S608
        for column in METERED_COLUMNS:
            moved = f"UPDATE {table} SET {column} ="  # noqa: S608
            database.execute(f"{moved} -{column} WHERE {column} > ?", (removed,))
            database.execute(f"{moved} -{column} - 1 WHERE {column} < 0")


def _sign_again(database: sqlite3.Connection, key: VerifierKey, keys: FileKeyStore) -> None:
    """Rebuild the tree over what is left and sign its head with the true key."""
    edge = TreeEdge()
    for (leaf,) in database.execute("SELECT leaf_hash FROM entry ORDER BY idx").fetchall():
        full = [(*tile, complete_root(split_hashes(tile[2]))) for tile in edge.append(leaf)]
        database.executemany("INSERT INTO tile VALUES (?, ?, ?, ?)", full)
    head = Checkpoint(key.name, edge.size, edge_root(edge))
    note = sign_note(head.text(), [HeldKey(key, lambda data: keys.sign(LOG_KEY, data))])
    row = (head.size, head.root, note, SystemClock().now_us())
    database.execute("INSERT INTO checkpoint VALUES (?, ?, ?, ?)", row)
    database.commit()


def _newest_note(path: Path) -> str:
    database = sqlite3.connect(path)
    (note,) = database.execute("SELECT note FROM checkpoint ORDER BY size DESC").fetchone()
    database.close()
    return str(note)
