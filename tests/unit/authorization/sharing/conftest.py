"""One small world of sharing for a module; a fresh one where a test moves time or ties."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import TickingClock
from tests.sharing_world import World, opened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(tmp_path_factory.mktemp("sharing"), TickingClock()) as world:
        yield world


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, TickingClock()) as world:
        yield world
