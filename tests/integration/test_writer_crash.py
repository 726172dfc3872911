"""kill -9 at named points and at any moment: what was acknowledged survives, and nothing forks.

Children write from several threads; the parent kills one, reopens the same files and checks the
invariants I1 to I7 of the log. The same on PostgreSQL, where only the client is killed.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.log_crashes import (
    Home,
    Nursery,
    check_invariants,
    postgresql_home,
    sqlite_home,
)
from tests.postgresql import postgresql_server

POINTS = [
    "before_batch",
    "after_apply",
    "before_commit",
    "after_commit",
    "before_head",
    "after_head",
]
KILLS_PER_LOG = 20
Maker = Callable[[Path], Home]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as ready:
        yield ready


@pytest.fixture(scope="module")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgresql_server(tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture
def make_on_postgresql(postgresql_url: str) -> Maker:
    return partial(postgresql_home, postgresql_url)


def kill_repeatedly(nursery: Nursery, make: Maker, path: Path, kills: int) -> None:
    """Kill children at all moments, a new log every so often, and check after each."""
    for first in range(0, kills, KILLS_PER_LOG):
        home = make(path / f"log{first}")
        for kill in range(first, min(first + KILLS_PER_LOG, kills)):
            nursery.kill_after(home, 0.01 + 0.013 * (kill % 11))
            promised = home.acknowledged()
            assert check_invariants(home, promised) >= len(promised)
        assert home.acknowledged()


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_each_point_loses_and_doubles_nothing(
    nursery: Nursery, tmp_path: Path, point: str
) -> None:
    home = sqlite_home(tmp_path / "log")
    for passes in (1, 9):
        nursery.kill_at(home, point, passes)
        check_invariants(home, home.acknowledged())
    assert home.acknowledged()


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "before_head"])
def test_a_kill_at_each_point_on_postgresql_loses_and_doubles_nothing(
    nursery: Nursery, make_on_postgresql: Maker, tmp_path: Path, point: str
) -> None:
    home = make_on_postgresql(tmp_path / point)
    for passes in (1, 5):
        nursery.kill_at(home, point, passes)
        check_invariants(home, home.acknowledged())
    assert home.acknowledged()


def test_twenty_kills_lose_and_double_nothing(nursery: Nursery, tmp_path: Path) -> None:
    kill_repeatedly(nursery, sqlite_home, tmp_path, 20)


def test_twenty_kills_on_postgresql_lose_and_double_nothing(
    nursery: Nursery, make_on_postgresql: Maker, tmp_path: Path
) -> None:
    kill_repeatedly(nursery, make_on_postgresql, tmp_path, 20)


@pytest.mark.full
@pytest.mark.timeout(7_200)
def test_a_thousand_kills_lose_and_double_nothing(nursery: Nursery, tmp_path: Path) -> None:
    kill_repeatedly(nursery, sqlite_home, tmp_path, 1_000)


@pytest.mark.full
@pytest.mark.timeout(7_200)
def test_a_thousand_kills_on_postgresql_lose_and_double_nothing(
    nursery: Nursery, make_on_postgresql: Maker, tmp_path: Path
) -> None:
    kill_repeatedly(nursery, make_on_postgresql, tmp_path, 1_000)
