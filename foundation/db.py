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

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",
    "PRAGMA busy_timeout=30000",
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


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that savepoints hold
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
