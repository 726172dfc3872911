"""Tables that the database itself keeps from changing, alike on SQLite and PostgreSQL.

Each store says once which of its tables only grow, and which never turn back; the triggers come
into being with their tables.
"""

from foundation.db import attach_guards

_REFUSE = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)
_declared: set[str] = set()


def guard_append_only(*tables: str) -> None:
    """Let rows only be added to these tables: no UPDATE, no DELETE, no TRUNCATE."""
    for table in tables:
        attach_guards([_stop(table, "UPDATE"), _stop(table, "DELETE")], "sqlite")
        _attach_postgresql(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def guard_from_replacing(table: str, *keys: tuple[str, ...]) -> None:
    """Refuse a row in the way of one by these unique keys, even where SQLite would replace it.

    ``INSERT OR REPLACE`` walks past DELETE triggers unless ``recursive_triggers`` is on.
    """
    for key in keys:
        same = " AND ".join(f"{column} = NEW.{column}" for column in key)
        there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - names of our own
        attach_guards([_stop(table, "INSERT", there, "_".join(("replace", *key)))], "sqlite")


def guard_from_turning_back(table: str, condition: str) -> None:
    """Refuse each UPDATE of a row where ``condition`` holds (over OLD and NEW), and any DELETE."""
    attach_guards([_stop(table, "UPDATE", condition), _stop(table, "DELETE")], "sqlite")
    _attach_postgresql(
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({condition}) EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    )


def _attach_postgresql(*statements: str) -> None:
    if not _declared:
        _declared.add("refuse_change")
        attach_guards([_REFUSE], "postgresql")
    attach_guards(statements, "postgresql")


def _stop(table: str, moment: str, condition: str = "", name: str = "") -> str:
    when = f"WHEN {condition} " if condition else ""
    return (
        f"CREATE TRIGGER {table}_no_{name or moment.lower()} BEFORE {moment} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{table} does not change so'); END"
    )
