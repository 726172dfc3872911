"""The log's tables: entries, erasable private fields, full tiles, checkpoints, cosignatures.

All but the private fields are append-only. Triggers stop mistakes, among them SQLite's
``INSERT OR REPLACE``; against malice there is only the tree and a checkpoint kept elsewhere.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from foundation.db import attach_guards, metadata

BODY_BYTES_MAX = 65_535  # C2SP tlog-tiles writes an entry's length in two bytes


def logged() -> ForeignKey:
    """Return what ties a row to its log entry, which may be written later in the same commit."""
    return ForeignKey("entry.idx", deferrable=True, initially="DEFERRED")


entry = Table(
    "entry",
    metadata,
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    CheckConstraint("idx >= 0", name="dense"),
    CheckConstraint(f"length(body) <= {BODY_BYTES_MAX}", name="body"),
    CheckConstraint("length(leaf_hash) = 32", name="leaf"),
    Index("ix_entry_kind", "kind", "idx"),
)

# What an entry is about, copied out of its body so that it can be found; never an authority.
entry_subject = Table(
    "entry_subject",
    metadata,
    Column("field", String(32), primary_key=True),
    Column("value", String(200), primary_key=True),
    Column(
        "idx",
        BigInteger().with_variant(Integer, "sqlite"),
        logged(),
        primary_key=True,
    ),
    sqlite_with_rowid=False,
)

entry_private = Table(
    "entry_private",
    metadata,
    Column(
        "idx",
        BigInteger().with_variant(Integer, "sqlite"),
        logged(),
        primary_key=True,
    ),
    Column("field", String(64), primary_key=True),
    Column("key_name", String(100), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # salt and text (audit.sealing)
    Index("ix_entry_private_key_name", "key_name"),
)

# Which private fields are gone, and the entry that says so: no row leaves without one.
erasure = Table(
    "erasure",
    metadata,
    Column("idx", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("field", String(64), primary_key=True),
    Column("key_name", String(100), nullable=False, index=True),
    Column(
        "erased_index",
        BigInteger().with_variant(Integer, "sqlite"),
        logged(),
        nullable=False,
    ),
)

tile = Table(
    "tile",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("root", LargeBinary(32), nullable=False),  # of its 256 hashes; proofs at the edge
    CheckConstraint("length(data) = 8192", name="full"),
    CheckConstraint("length(root) = 32", name="root"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
)

# What witnesses wrote under a checkpoint. It signs itself, so it is no entry of the log.
cosignature = Table(
    "cosignature",
    metadata,
    Column("size", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("witness", String(255), primary_key=True),
    Column("key_id", String(8), primary_key=True),
    Column("line", Text, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    ForeignKeyConstraint(["size"], ["checkpoint.size"], deferrable=True, initially="DEFERRED"),
)

_APPEND_ONLY = {
    "entry": "idx = NEW.idx",
    "erasure": "idx = NEW.idx AND field = NEW.field",
    "entry_subject": "field = NEW.field AND value = NEW.value AND idx = NEW.idx",
    "tile": "level = NEW.level AND number = NEW.number",
    "checkpoint": "size = NEW.size",
    "cosignature": "size = NEW.size AND witness = NEW.witness AND key_id = NEW.key_id",
}


def _sqlite_trigger(table: str, moment: str, condition: str = "") -> str:
    name = f"{table}_no_{moment.rsplit(maxsplit=1)[-1].lower()}"
    return (
        f"CREATE TRIGGER {name} BEFORE {moment} ON {table} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _exists(table: str, same: str) -> str:
    return f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "  # noqa: S608 - our own names


TRIGGERS_SQLITE: tuple[str, ...] = (
    *(_sqlite_trigger(table, "UPDATE") for table in (*_APPEND_ONLY, "entry_private")),
    *(_sqlite_trigger(table, "DELETE") for table in _APPEND_ONLY),
    *(_sqlite_trigger(name, "INSERT", _exists(name, same)) for name, same in _APPEND_ONLY.items()),
    _sqlite_trigger(
        "entry_private",
        "INSERT",
        _exists("entry_private", "idx = NEW.idx AND field = NEW.field"),
    ),
    _sqlite_trigger(
        "entry_private",
        "DELETE",
        "WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx AND field = OLD.field) ",
    ),
)

_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)

_POSTGRESQL_LOGGED_ERASURE = (
    "CREATE OR REPLACE FUNCTION refuse_unlogged_erasure() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN IF NOT EXISTS (SELECT 1 FROM erasure WHERE idx = OLD.idx AND field = OLD.field) "
    "THEN RAISE EXCEPTION 'entry_private is append-only'; END IF; RETURN OLD; END $$"
)

TRIGGERS_POSTGRESQL: tuple[str, ...] = (
    _POSTGRESQL_FUNCTION,
    *(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in _APPEND_ONLY
    ),
    (
        "CREATE TRIGGER entry_private_no_update BEFORE UPDATE OR TRUNCATE ON entry_private "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    _POSTGRESQL_LOGGED_ERASURE,
    (
        "CREATE TRIGGER entry_private_logged_erasure BEFORE DELETE ON entry_private "
        "FOR EACH ROW EXECUTE FUNCTION refuse_unlogged_erasure()"
    ),
)


attach_guards(TRIGGERS_SQLITE, "sqlite")
attach_guards(TRIGGERS_POSTGRESQL, "postgresql")
