"""The pool: what it refuses to hand out first, then what it keeps, and what it leaves behind."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.errors import Unavailable
from foundation.ids import random_name
from sandbox.pool import PoolRules, SlotPool
from tests.fakes import SteppedClock
from tests.light_slots import light_backend
from tests.parts import need_namespaces

pytestmark = need_namespaces
SECONDS_MAX = 20.0
AGE_US = 1_800_000_000


class Stage:
    """One pool over small real slots, and what it is told of image and room."""

    def __init__(self, directory: Path, clock: SteppedClock) -> None:
        self.directory, self.clock = directory, clock
        self.image, self.rooms = "one", 8
        self.backend = light_backend()
        self.pools: list[SlotPool] = []

    def pool(self, floor: int = 1, ceiling: int = 8, warm_seconds_max: float = 30) -> SlotPool:
        rules = PoolRules(floor, ceiling, AGE_US, (), 0.05, warm_seconds_max, 0.05)
        pool = SlotPool(
            self.backend, rules, self.clock, image=lambda: self.image, rooms=lambda: self.rooms
        )
        self.pools.append(pool)
        return pool

    def started(self, floor: int = 1, warm: int | None = None) -> SlotPool:
        pool = self.pool(floor)
        pool.start()
        assert pool.wait(floor if warm is None else warm, SECONDS_MAX)
        return pool


@pytest.fixture
def stage(tmp_path: Path, clock: SteppedClock) -> Iterator[Stage]:
    stage = Stage(tmp_path, clock)
    yield stage
    for pool in stage.pools:
        pool.close()
    stage.backend.close()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def names(pool: SlotPool) -> set[str]:
    return set(pool._idle)


def test_where_no_slot_can_start_opening_is_refused_and_the_pool_says_why_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.backend.close()
    stage.backend = light_backend(environment=stage.directory / "none")
    pool = stage.pool()
    pool.start()
    until(lambda: pool.report().trouble is not None)
    for _ in range(3):
        with pytest.raises(Unavailable, match="environment_missing"):
            pool.take("ses_1")
    assert [record.message[:16] for record in caplog.records] == ["no warm sessions"]


def test_a_slot_that_never_gets_warm_is_ended_and_said(stage: Stage) -> None:
    stage.backend = light_backend("silent")
    pool = stage.pool(warm_seconds_max=0.5)
    pool.start()
    until(lambda: pool.report().trouble is not None)
    assert names(pool) == set()
    assert stage.backend.ended == stage.backend.started
    trouble = pool.report().trouble
    assert trouble is not None
    assert "ready" in trouble.en


def test_a_slot_that_dies_while_it_starts_is_ended(stage: Stage) -> None:
    stage.backend = light_backend("dying")
    pool = stage.pool()
    pool.start()
    until(lambda: pool.report().trouble is not None)
    assert names(pool) == set()


def test_a_pool_that_was_not_started_keeps_nothing_and_starts_cold(stage: Stage) -> None:
    pool = stage.pool()
    assert pool.report().running is False
    first, second = pool.take("ses_1"), pool.take("ses_2")
    assert first.slot != second.slot
    assert names(pool) == set()


def test_a_slot_is_given_once_and_replaced_by_one_of_another_name(stage: Stage) -> None:
    pool = stage.started()
    (kept,) = names(pool)
    endpoint = pool.take("ses_1")
    assert endpoint.slot == kept
    assert stage.backend.stats(kept).alive
    assert pool.wait(1, SECONDS_MAX)
    assert names(pool).isdisjoint({kept})
    given = [pool.take(f"ses_{number}").slot for number in range(4)]
    assert len({kept, *given}) == 5
    assert all(len(slot) == len(random_name()) for slot in given)


def test_the_dead_are_not_given_and_are_replaced(stage: Stage) -> None:
    pool = stage.started()
    (kept,) = names(pool)
    process = stage.backend._slots[kept].process
    assert process.init_pid is not None
    os.kill(process.init_pid, signal.SIGKILL)
    until(lambda: process.poll() is not None)
    assert pool.take("ses_1").slot != kept
    until(lambda: kept in stage.backend.ended)
    assert pool.wait(1, SECONDS_MAX)


def test_what_died_unseen_is_replaced_without_an_opening(stage: Stage) -> None:
    pool = stage.started()
    (kept,) = names(pool)
    init = stage.backend._slots[kept].process.init_pid
    assert init is not None
    os.kill(init, signal.SIGKILL)
    until(lambda: names(pool) and names(pool).isdisjoint({kept}))


@pytest.mark.parametrize("cause", ["age", "image"])
def test_what_is_too_old_or_made_of_something_else_is_ended_and_never_given(
    stage: Stage, cause: str
) -> None:
    pool = stage.started()
    (kept,) = names(pool)
    if cause == "age":
        stage.clock.advance(AGE_US + 1)
    else:
        stage.image = "two"
    assert pool.take("ses_1").slot != kept
    until(lambda: kept in stage.backend.ended)
    assert pool.wait(1, SECONDS_MAX)
    assert kept not in names(pool)


def test_one_that_is_starting_is_given_at_once_and_delays_no_refill(stage: Stage) -> None:
    """Its new person's code cannot hold the pool by never answering the host's question."""
    stage.backend = light_backend("silent")
    pool = stage.pool()
    pool.start()
    until(lambda: names(pool))
    (starting,) = names(pool)
    stage.backend.temper = "quick"
    begun = time.monotonic()
    assert pool.take("ses_1").slot == starting
    assert time.monotonic() - begun < 8
    assert pool.wait(1, SECONDS_MAX)
    assert starting not in stage.backend.ended
    assert pool.report().trouble is None


def test_the_pool_grows_with_demand_to_its_ceiling_and_shrinks_after(stage: Stage) -> None:
    pool = stage.started(1)
    for number in range(12):
        pool.take(f"ses_{number}")
    assert pool.report().wanted == 8
    assert pool.wait(8, SECONDS_MAX)
    stage.clock.advance(AGE_US)
    stage.clock.advance(AGE_US)
    until(lambda: len(names(pool)) == 1 and pool.report().warm == 1)


def test_without_room_in_memory_none_is_kept(stage: Stage) -> None:
    pool = stage.started(2)
    stage.rooms = 0
    until(lambda: not names(pool))
    stage.rooms = 1
    assert pool.wait(1, SECONDS_MAX)


def test_many_who_open_at_once_get_different_slots(stage: Stage) -> None:
    pool = stage.started(2)
    begin = threading.Barrier(6)
    given: list[str] = []

    def take(number: int) -> None:
        begin.wait()
        given.append(pool.take(f"ses_{number}").slot)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 6


@pytest.mark.parametrize("temper", ["quick", "silent"])
def test_closing_ends_the_slots_of_nobody_and_the_thread(stage: Stage, temper: str) -> None:
    stage.backend = light_backend(temper)
    pool = stage.pool(2)
    pool.start()
    until(lambda: names(pool))
    mine = pool.take("ses_1").slot
    begun = time.monotonic()
    pool.close()
    assert time.monotonic() - begun < 20
    assert set(stage.backend.ended) == set(stage.backend.started) - {mine}
    assert stage.backend.stats(mine).alive
    assert pool._keeper is not None
    assert not pool._keeper.is_alive()
