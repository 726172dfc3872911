"""One small world of sharing for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from foundation.keys import FileKeyStore
from tests.fakes import TickingClock
from tests.sharing_world import World, create_tables, founded


@pytest.fixture
def world(engine: Engine, keys: FileKeyStore, tmp_path: Path) -> Iterator[World]:
    create_tables(engine)
    clock = TickingClock()
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        yield founded(engine, keys, clock, writer, tmp_path)
