"""A number that changes in the very commit that changes policy, read before each decision.

Triggers of the database itself count, whatever code made the change: a licence's state, a person's
roles and organisations, a delegation, the tree of authorities. So no worker decides by what
another one revoked.
"""

import threading
from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Integer,
    PoolProxiedConnection,
    Table,
    select,
)

import authorization.store  # noqa: F401 - the tables whose changes are counted
import catalog.resources.store
import catalog.zones.store  # noqa: F401
from foundation.db import attach_guards, metadata
from foundation.errors import Message, Unavailable


class PolicyVersion(NamedTuple):
    """How often each part of policy has changed."""

    licences: int
    people: int
    delegations: int


FIRST = PolicyVersion(0, 0, 0)

policy_version = Table(
    "policy_version",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    *(Column(part, BigInteger, nullable=False) for part in PolicyVersion._fields),
    CheckConstraint("id = 1", name="one_row"),
)
_READ = f"SELECT {', '.join(PolicyVersion._fields)} FROM policy_version WHERE id = 1"  # noqa: S608

COUNTED = (
    ("licence", "licences", ("INSERT", "UPDATE")),
    ("zone", "licences", ("INSERT", "UPDATE")),
    ("source_consent", "licences", ("INSERT",)),
    ("affiliation", "people", ("INSERT", "UPDATE", "DELETE")),
    ("person_role", "people", ("INSERT", "UPDATE", "DELETE")),
    ("person", "people", ("UPDATE",)),
    ("organisation", "people", ("UPDATE",)),
)


def count_changes(table: str, part: str, events: tuple[str, ...]) -> None:
    """Have the database count the changes of a table; call it once the table is declared."""
    in_sqlite = [
        f"CREATE TRIGGER {table}_{event.lower()}_is_counted AFTER {event} ON {table}\n"
        f"    BEGIN {_count(part)} END"
        for event in events
    ]
    attach_guards(in_sqlite, "sqlite")
    in_postgresql = (
        f"CREATE TRIGGER {table}_is_counted AFTER {' OR '.join(events)} ON {table}\n"
        f"    FOR EACH STATEMENT EXECUTE FUNCTION {part}_are_counted()"
    )
    attach_guards((in_postgresql,), "postgresql")


def _count(part: str) -> str:
    first = ", ".join("1" if name == part else "0" for name in PolicyVersion._fields)
    return (
        f"INSERT INTO policy_version (id, {', '.join(PolicyVersion._fields)}) "  # noqa: S608
        f"VALUES (1, {first}) "
        f"ON CONFLICT (id) DO UPDATE SET {part} = policy_version.{part} + 1;"
    )


attach_guards(
    [
        f"CREATE OR REPLACE FUNCTION {part}_are_counted() RETURNS trigger AS $$\n"
        f"    BEGIN {_count(part)} RETURN NULL; END $$ LANGUAGE plpgsql"
        for part in PolicyVersion._fields
    ],
    "postgresql",
)
for _table, _part, _events in COUNTED:
    count_changes(_table, _part, _events)


def read_version(connection: Connection) -> PolicyVersion:
    """Return the version that a transaction sees."""
    row = connection.execute(select(policy_version)).first()
    return FIRST if row is None else PolicyVersion(row.licences, row.people, row.delegations)


class VersionReader:
    """Reads the newest committed version over a connection of its own: microseconds, no pool."""

    def __init__(self, engine: Engine) -> None:
        """Nothing is opened before the first reading."""
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        self._lock = threading.Lock()

    def read(self) -> PolicyVersion:
        """Return the version. Raises Unavailable where the store does not answer: fail closed."""
        with self._lock:
            for last in (False, True):
                try:
                    return self._read()
                except Exception as error:
                    self._drop()
                    if last:
                        raise _unreadable() from error
        raise _unreadable()

    def close(self) -> None:
        """Give the connection up; a later reading opens another."""
        with self._lock:
            self._drop()

    def _read(self) -> PolicyVersion:
        if self._connection is None:
            opened = self._connection = self._engine.raw_connection()
            if self._engine.dialect.name == "postgresql":
                opened.driver_connection.autocommit = True  # type: ignore[union-attr]
            opened.detach()
        cursor = self._connection.cursor()
        try:
            cursor.execute(_READ)
            rows = cursor.fetchall()  # all of them, so that no read transaction stays open
        finally:
            cursor.close()
        return PolicyVersion(*rows[0]) if rows else FIRST

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:  # noqa: BLE001 - it is given up in any case
                return


def _unreadable() -> Unavailable:
    return Unavailable(
        "policy_version_unreadable",
        Message(
            zh="无法确认访问规则是否为最新，因此不予判定。",
            en="Whether the access policy is up to date cannot be known, so nothing is decided.",
        ),
        rule="policies/access",
        way_out=Message(zh="请恢复控制库后重试。", en="Restore the control store, then retry."),
    )
