"""Writes the statements that make an empty store, per dialect, from the declared tables.

Used once for each revision that starts from nothing: ``python -m service.migrations.freeze``. What
is written is history and is run as it stands; a test compares it with the declared tables.
"""

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine

from foundation.db import metadata
from service.migrate import import_stores

VERSIONS = Path(__file__).parent / "versions"
URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
SEPARATOR = "\n-- next\n"


def statements(dialect: str) -> list[str]:
    """Return what creates all tables and triggers on a dialect, in order."""
    import_stores()
    found: list[str] = []

    def record(statement: Any, *_arguments: Any, **_options: Any) -> None:
        text = str(statement.compile(dialect=engine.dialect)).strip()
        found.append(text.replace("%%", "%"))

    engine = create_mock_engine(URLS[dialect], record)
    metadata.create_all(engine, checkfirst=False)
    return _with_indexes_in_order(found)


def _with_indexes_in_order(found: list[str]) -> list[str]:
    """Sort each table's indexes, which SQLAlchemy keeps in a set, so that no run differs."""
    ordered: list[str] = []
    for are_indexes, group in groupby(found, lambda text: " INDEX " in text.partition("(")[0]):
        texts = list(group)
        ordered += sorted(texts) if are_indexes else texts
    return ordered


def frozen_file(revision: str, dialect: str) -> Path:
    """Return where a revision's statements for a dialect are kept."""
    return VERSIONS / f"{revision}.{dialect}.sql"


def frozen_statements(revision: str, dialect: str) -> list[str]:
    """Read a revision's statements."""
    return frozen_file(revision, dialect).read_text(encoding="utf-8").strip().split(SEPARATOR)


def main(revision: str) -> None:
    """Freeze the declared tables as a revision."""
    for dialect in URLS:
        text = SEPARATOR.join(statements(dialect)) + "\n"
        frozen_file(revision, dialect).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
