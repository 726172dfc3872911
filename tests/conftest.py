"""Shared fixtures: a clock that moves by hand, a key store, a migrated control store, a writer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

# How fast this machine is just now says nothing of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-all", action="store_true", help="a missing part fails the run")
    parser.addoption("--full", action="store_true", help="run the long counts too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "missing_part(reason): a part is missing, and required")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="long count: ./dev test --full"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = item.get_closest_marker("missing_part")
    if missing:
        pytest.fail(str(missing.args[0]), pytrace=False)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def keys(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore(tmp_path / "keys")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path}/control.db")
    yield engine
    engine.dispose()


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)  # of every table that the test's own imports know
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        yield writer
