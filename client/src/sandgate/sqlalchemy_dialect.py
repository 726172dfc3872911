"""SQLAlchemy's way in: ``create_engine("sandgate://")`` inside a session, read only.

Tables are the licence's data sets, columns those it grants; a socket other than the session's own
is given as ``create_engine("sandgate://", connect_args={"socket": path})``.
"""

from typing import Any

from sqlalchemy import types
from sqlalchemy.engine import Connection, default
from sqlalchemy.engine.interfaces import (
    ReflectedColumn,
    ReflectedForeignKeyConstraint,
    ReflectedIndex,
    ReflectedPrimaryKeyConstraint,
)

from sandgate import dbapi
from sandgate.listings import Dataset

_TYPES: dict[str, type[types.TypeEngine[Any]]] = {
    "integer": types.BigInteger,
    "decimal": types.Numeric,
    "text": types.String,
    "date": types.Date,
    "boolean": types.Boolean,
}


class SandgateDialect(default.DefaultDialect):
    """Plain SQL over the gateway; nothing is written, so nothing is committed."""

    name = "sandgate"
    driver = "gateway"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    supports_alter = False
    supports_native_boolean = True
    supports_native_decimal = True
    supports_sane_rowcount = False
    supports_sane_multi_rowcount = False
    supports_default_values = False
    supports_schemas = False
    postfetch_lastrowid = False

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the DB-API module."""
        return dbapi

    def initialize(self, connection: Connection) -> None:
        """Ask nothing: a question would be logged, and perhaps charged."""

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Tell whether the gateway answers, by a listing that costs nothing."""
        dbapi_connection.gateway.datasets()
        return True

    def get_table_names(
        self, connection: Connection, schema: str | None = None, **_more: Any
    ) -> list[str]:
        """Return the names of the licence's data sets."""
        return [] if schema else [item.name for item in _datasets(connection)]

    def has_table(
        self, connection: Connection, table_name: str, schema: str | None = None, **_more: Any
    ) -> bool:
        """Tell whether the licence grants a data set of this name."""
        return table_name in self.get_table_names(connection, schema)

    def get_columns(
        self, connection: Connection, table_name: str, *_schema: Any, **_more: Any
    ) -> list[ReflectedColumn]:
        """Return a data set's granted columns; what may be asked of each stands in its comment."""
        found = next((item for item in _datasets(connection) if item.name == table_name), None)
        return [] if found is None else [_column(item) for item in found.columns]

    def get_schema_names(self, *_asked: Any, **_more: Any) -> list[str]:
        """Return no schema: names are never qualified."""
        return []

    def get_view_names(self, *_asked: Any, **_more: Any) -> list[str]:
        """Return none: every name is a data set."""
        return []

    def get_pk_constraint(self, *_asked: Any, **_more: Any) -> ReflectedPrimaryKeyConstraint:
        """Return none: keys of protected rows are not shown."""
        return {"name": None, "constrained_columns": []}

    def get_foreign_keys(self, *_asked: Any, **_more: Any) -> list[ReflectedForeignKeyConstraint]:
        """Return none."""
        return []

    def get_indexes(self, *_asked: Any, **_more: Any) -> list[ReflectedIndex]:
        """Return none."""
        return []


def _datasets(connection: Connection) -> list[Dataset]:
    raw: Any = connection.connection.dbapi_connection
    return list(raw.gateway.datasets())


def _column(details: dict[str, Any]) -> ReflectedColumn:
    return {
        "name": str(details["name"]),
        "type": _TYPES.get(str(details.get("type")), types.NullType)(),
        "nullable": True,
        "default": None,
        "comment": str(details.get("mode") or ""),
    }
