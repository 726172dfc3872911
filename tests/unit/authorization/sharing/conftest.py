"""One small world of sharing for a module; a fresh one where a test moves time or ties."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.writer import GroupCommitWriter
from foundation.db import open_engine
from foundation.keys import FileKeyStore
from tests.fakes import TickingClock
from tests.sharing_world import World, create_tables, founded


@contextmanager
def opened(home: Path) -> Iterator[World]:
    engine = open_engine(f"sqlite:///{home}/control.db")
    create_tables(engine)
    keys, clock = FileKeyStore(home / "keys"), TickingClock()
    with GroupCommitWriter(engine, keys, clock, "city.example/log", home / "head") as writer:
        yield founded(engine, keys, clock, writer, home)
    engine.dispose()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(tmp_path_factory.mktemp("sharing")) as world:
        yield world


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as world:
        yield world
