"""Every change of state goes through the one writer, and so has its entry.

Statically: nothing but the writer opens a transaction that is committed, and every statement that
changes rows stands in a function that is handed a connection. Dynamically: while a whole city is
built, no thread but the writer's changes a row, and no batch commits without an entry.
"""

import ast
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event

import audit.store as log
from audit.verify.grammar import departure_of
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, built_city
from tests.parts import REPOSITORY

PACKAGES = (
    "audit",
    "authorization",
    "catalog",
    "disclosure",
    "foundation",
    "revenue",
    "sandbox",
    "service",
)
COMMITTERS = {
    "audit/writer.py": "the one writer",
    "service/migrate.py": "makes and upgrades tables, before the service runs",
    "authorization/policy_version.py": "one kept connection that reads a single row",
    "foundation/db.py": "vacuums what was erased; changes no row",
}
WITHOUT_ENTRY = {
    "audit/cosigning.py": "a witness's line signs itself, and is no state of ours",
}
COMMITTING = {"begin", "begin_twophase", "commit", "autocommit"}
CHANGING = {"insert", "update", "delete"}


def modules() -> list[Path]:
    return [
        path
        for package in PACKAGES
        for path in sorted((REPOSITORY / package).rglob("*.py"))
        if "migrations" not in path.parts and "guest" not in path.parts
    ]


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_but_the_writer_commits() -> None:
    committing = {
        named(path)
        for path in modules()
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.Attribute) and node.attr in COMMITTING)
        or (isinstance(node, ast.Constant) and node.value == "AUTOCOMMIT")
    }
    assert committing == set(COMMITTERS)


def changes(tree: ast.Module) -> list[int]:
    """Return the lines on which SQLAlchemy's insert, update or delete is called by its name."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
        if alias.name in CHANGING
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in imported
    ]


def handed_a_connection(tree: ast.Module) -> list[tuple[int, int]]:
    """Return the line spans of functions that take a connection, and so run inside a submit."""
    spans = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            given = [*node.args.args, *node.args.kwonlyargs]
            kinds = {ast.unparse(item.annotation) for item in given if item.annotation}
            if "Connection" in kinds:
                spans.append((node.lineno, node.end_lineno or node.lineno))
    return spans


def test_rows_change_only_where_a_connection_was_handed_over() -> None:
    stray = []
    for path in modules():
        tree = parsed(path)
        spans = handed_a_connection(tree)
        stray += [
            f"{named(path)}:{line}"
            for line in changes(tree)
            if not any(first <= line <= last for first, last in spans)
            and named(path) not in {"audit/insertion.py", "audit/batch.py"}  # the writer's own
        ]
    assert stray == []


def test_only_witnesses_write_beside_the_entries() -> None:
    calling = {
        named(path)
        for path in modules()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "keep_beside"
    }
    assert calling == set(WITHOUT_ENTRY)


class Watch:
    """Notes who changes rows, and whether each committed transaction holds an entry."""

    def __init__(self) -> None:
        self.strangers: set[str] = set()
        self.changed = 0
        self.silent = 0
        self._tables: set[str] = set()

    def statement(
        self, _c: object, _cursor: object, statement: str, _p: object, _context: object, _m: object
    ) -> None:
        words = statement.split(maxsplit=3)
        if len(words) < 3 or words[0].upper() not in {"INSERT", "UPDATE", "DELETE"}:
            return
        self.changed += 1
        self._tables.add(words[1 if words[0].upper() == "UPDATE" else 2].strip('"'))
        if threading.current_thread().name != "log-writer":
            self.strangers.add(statement[:80])

    def commit(self, _connection: Connection) -> None:
        tables, self._tables = self._tables, set()
        if tables - {"alembic_version", "cosignature"} and log.entry.name not in tables:
            self.silent += 1


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_while_a_city_is_built_no_row_changes_without_an_entry(
    watch: Watch, tmp_path: Path
) -> None:
    event.listen(Engine, "before_cursor_execute", watch.statement)
    event.listen(Engine, "commit", watch.commit)
    try:
        with built_city(tmp_path) as city:
            city.ask(ROWS_QUESTION)
            city.ask(COUNT_BY_STATE)
            departures = {
                (entry.kind, why)
                for entry in city.entries()
                if (why := departure_of(entry.content)) is not None
            }
            watch.strangers = {text for text in watch.strangers if "alembic" not in text}
    finally:
        event.remove(Engine, "before_cursor_execute", watch.statement)
        event.remove(Engine, "commit", watch.commit)
    assert departures == set()  # each entry is of its kind's grammar
    assert watch.strangers == set()
    assert watch.silent == 0
    assert watch.changed > 100
