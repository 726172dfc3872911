from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.export import export_bundle, export_kept
from audit.tags import EntryKind
from audit.verify.__main__ import run
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes, digest
from foundation.errors import NotFound
from foundation.identity import SYSTEM_ACTOR

EMPTY = digest([])


def empty_statement(**changes: object) -> dict[str, object]:
    whole = {"pool_fen": 0, "tax_fen": 0, "lines": [], "pools": [], "adjustments": []}
    content = {"period": "2026-11", "close_index": 0, **whole, **changes}
    return {**content, "digest": digest(content)}


class Platform:
    """Closes a period without fetches and exports whatever statement a test puts in the bundle."""

    def __init__(self, engine: Engine, writer: GroupCommitWriter, home: Path) -> None:
        self.engine, self.writer, self.home = engine, writer, home
        self.key = writer.verifier_key.text()

    def close_period(self, statement: Mapping[str, object]) -> None:
        public = {
            "period": "2026-11",
            "pool_fen": 0,
            "statement_digest": statement["digest"],
            "journal_count": 0,
            "journals_digest": EMPTY,
        }
        event = AuditEvent(EntryKind.PERIOD_CLOSED, SYSTEM_ACTOR, public)
        self.writer.submit(event, no_effect)

    def verify(self, given: object, held: Mapping[str, bytes]) -> int:
        bundle, statement = self.home / "bundle.zip", self.home / "statement.json"
        files = {"journals.jsonl": b"", "usage.jsonl": b"", **held}
        key = self.writer.verifier_key
        export_bundle(self.engine, self.writer, SYSTEM_ACTOR, key=key, files=files, out=bundle)
        statement.write_bytes(given if isinstance(given, bytes) else canonical_bytes(given))
        return run(["statement", str(statement), "--key", self.key, "--bundle", str(bundle)])


@pytest.fixture
def platform(engine: Engine, writer: GroupCommitWriter, tmp_path: Path) -> Platform:
    return Platform(engine, writer, tmp_path)


def held(statement: Mapping[str, object]) -> dict[str, bytes]:
    return {"statements/2026-11.json": canonical_bytes(statement)}


def test_a_statement_that_the_bundle_does_not_hold_is_refused(platform: Platform) -> None:
    statement = empty_statement()
    platform.close_period(statement)
    assert platform.verify(empty_statement(pool_fen=1), held(statement)) == 1
    assert platform.verify(b"no json", held(statement)) == 2
    assert platform.verify(statement, {}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"pool_fen": 1},
        {"close_index": 7},
        {"period": "2026-12"},
        {"lines": [{"payee": "x", "channel": "account", "micro_fen": 1, "fen": 0}]},
        {"adjustments": [{"journal": "journal_x", "postings": []}]},
    ],
)
def test_a_statement_that_was_logged_but_does_not_follow_is_refused(
    platform: Platform, changes: Mapping[str, object]
) -> None:
    statement = empty_statement(**changes)
    platform.close_period(statement)
    assert platform.verify(statement, held(statement)) == 1


def test_records_without_their_fields_are_unusable(platform: Platform) -> None:
    statement = empty_statement()
    platform.close_period(statement)
    assert platform.verify(statement, {**held(statement), "journals.jsonl": b"{}\n"}) == 2
    assert platform.verify(statement, {**held(statement), "journals.jsonl": b"{\n"}) == 2


def test_a_true_statement_verifies(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    statement = empty_statement()
    platform.close_period(statement)
    assert platform.verify(statement, held(statement)) == 0
    assert "statement_in_bundle" in capsys.readouterr().out


def test_an_empty_log_has_nothing_to_keep(
    engine: Engine, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        export_kept(engine, tmp_path / "kept.zip")
    assert "\n0\n" in writer.head()
