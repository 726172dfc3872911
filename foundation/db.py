"""The control store: one metadata, one way to open SQLite or PostgreSQL with the same promises.

SQLite runs in WAL with full syncs, foreign keys and recursive triggers on (without the last,
``INSERT OR REPLACE`` walks past append-only triggers). Requests only read; every change goes
through ``audit.writer``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import DDL, Connection, Engine, MetaData, create_engine, event

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BUSY_MILLISECONDS_MAX = 30_000
FOLD_MILLISECONDS_MAX = 1_000  # how long a reader may hold up the folding in of the log
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    f"PRAGMA busy_timeout={BUSY_MILLISECONDS_MAX}",
    "PRAGMA secure_delete=ON",  # what is deleted is overwritten, not left in free pages
)


def open_engine(url: str) -> Engine:
    """Open the control store. SQLite gets its pragmas and explicit BEGINs (for savepoints)."""
    # Parameters are data: they stand in no error text and no log (I11).
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def attach_guards(statements: Sequence[str], dialect: str) -> None:
    """Have statements run with the tables: a trigger after its table, anything else before all.

    Each store hands over the triggers that guard its own tables, once they are declared.
    """
    for statement in statements:
        words = statement.split()
        ddl: DDL = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        if words[1] == "TRIGGER":
            table = metadata.tables[words[words.index("ON") + 1]]
            event.listen(table, "after_create", ddl.execute_if(dialect))
        else:
            event.listen(metadata, "before_create", ddl.execute_if(dialect))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give one connection in one read transaction that is rolled back at the end."""
    with engine.connect() as connection:
        try:
            yield connection
        finally:
            connection.rollback()


def forget_deleted(engine: Engine, table: str) -> bool:
    """Leave nothing of deleted rows in the database's files; tell whether all of it is gone.

    SQLite: the write-ahead log is folded in and cut to nothing, which a long reader can put off.
    PostgreSQL: the table is vacuumed; its own write-ahead log and backups keep old pages for as
    long as they are kept, which is why what is erased also loses its key.
    """
    if engine.dialect.name == "sqlite":
        return _fold_in_log(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM {table}")
    return True


def _fold_in_log(engine: Engine) -> bool:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={FOLD_MILLISECONDS_MAX}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = cursor.fetchone()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS_MAX}")
        cursor.close()
    finally:
        connection.close()
    return found is not None and not found[0]


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that savepoints hold
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
