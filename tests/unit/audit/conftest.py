"""A log on a real database, filled by the real writer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import metadata
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

ORIGIN = "test.example/log"

OpenWriter = Callable[..., GroupCommitWriter]


@pytest.fixture
def open_writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[OpenWriter]:
    metadata.create_all(engine)
    opened: list[GroupCommitWriter] = []

    def open_again(
        fault: Callable[[str], None] | None = None, origin: str = ORIGIN
    ) -> GroupCommitWriter:
        writer = GroupCommitWriter(engine, keys, clock, origin, tmp_path / "head", fault=fault)
        opened.append(writer)
        return writer

    yield open_again
    for writer in opened:
        writer.close()


@pytest.fixture
def writer(open_writer: OpenWriter) -> GroupCommitWriter:
    return open_writer()


@pytest.fixture
def event() -> AuditEvent:
    return AuditEvent(
        EntryKind.QUESTION_DECIDED,
        SYSTEM_ACTOR,
        {"licence": "lic_a", "datasets": ["flights", "colleges"], "cost_nano_rho": 5},
        {"sql": "SELECT 1"},
    )
