"""A city on a real control store with the real log writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.revocation import Revocation, SuspensionBoard
from foundation.db import metadata
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock
from tests.licensing import add_catalogue, found_city


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        yield writer


@pytest.fixture
def city(writer: GroupCommitWriter, keys: FileKeyStore) -> GroupCommitWriter:
    keys.ensure_signing_key("authority")
    found_city(writer)
    writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), add_catalogue)
    return writer


@pytest.fixture
def board(tmp_path: Path) -> SuspensionBoard:
    return SuspensionBoard(tmp_path / "closures")


@pytest.fixture
def revocation(
    board: SuspensionBoard, engine: Engine, city: GroupCommitWriter, clock: SteppedClock
) -> Revocation:
    return Revocation(board, engine, city, clock)
