"""Extracts follow versions and rules: without a gap, and never wider than what is allowed now."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from audit.tags import EntryKind
from catalog.datasets import Mask, MaskKind
from disclosure.extract_records import (
    active_extracts,
    end_extract,
    held_extracts,
    standing_extracts,
)
from disclosure.extracts.plan import ExtractPlan, denied, plan_extract
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import reading
from foundation.errors import Denied, Unavailable
from service import extract_keeping
from service.upkeep import Upkeep
from tests.city import City, built_city, rows_of
from tests.city_documents import ROWS_QUESTION, college_rows, licence_json
from tests.fakes import TickingClock

FEWER_ROWS = 300


@pytest.fixture(scope="module")
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, clock: TickingClock) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield city


def in_force(city: City) -> tuple[str, str, Path]:
    with reading(city.platform.engine) as connection:
        (extract,) = active_extracts(connection, city.licence)
        assert len(standing_extracts(connection, city.licence)) == 1
    return extract.digest, extract.key_name, city.home / extract.path


def kinds(city: City, first: int) -> list[str]:
    found = city.entries(EntryKind.EXTRACT_BUILT, EntryKind.EXTRACT_DESTROYED, first=first)
    return [f"{entry.kind}:{entry.public.get('reason', '')}" for entry in found]


BUILT, DESTROYED = f"{EntryKind.EXTRACT_BUILT}:", f"{EntryKind.EXTRACT_DESTROYED}:"


def test_nothing_is_rebuilt_while_nothing_changed(city: City) -> None:
    before = in_force(city)
    assert city.platform.activation.refresh_extracts() == []
    assert in_force(city) == before


def test_a_new_version_takes_the_old_ones_place_and_the_old_key_is_gone(city: City) -> None:
    rows = len(rows_of(city.ask(ROWS_QUESTION)))
    old = in_force(city)
    city.publish("colleges", college_rows()[:FEWER_ROWS])
    assert len(rows_of(city.ask(ROWS_QUESTION))) == rows  # the old extract answers meanwhile
    first = city.log_size()
    assert city.platform.activation.refresh_extracts() == [city.licence]
    assert kinds(city, first) == [BUILT, f"{DESTROYED}replaced"]
    assert 0 < len(rows_of(city.ask(ROWS_QUESTION))) < rows
    assert in_force(city) != old
    assert not old[2].exists()
    with pytest.raises(Unavailable):
        city.platform.keys.data_key(old[1])


def test_a_rebuild_by_hand_is_another_file_under_another_key(city: City) -> None:
    old, first = in_force(city), city.log_size()
    (built,) = city.platform.activation.rebuild(city.licence, city.actor("approver"))
    assert in_force(city)[0] == built["digest"] != old[0]
    assert kinds(city, first) == [BUILT, f"{DESTROYED}replaced"]


def narrowed(plan: ExtractPlan) -> ExtractPlan:
    last = plan.columns[-1].model_copy(update={"mask": Mask(kind=MaskKind.NULL)})
    return plan.model_copy(update={"columns": (*plan.columns[:-1], last)})


def test_a_narrower_rule_ends_the_wider_extract_before_its_successor_is_built(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        extract_keeping, "plan_extract", lambda *given: narrowed(plan_extract(*given))
    )
    first = city.log_size()
    assert city.platform.activation.refresh_extracts() == [city.licence]
    assert kinds(city, first) == [f"{DESTROYED}policy_narrowed", BUILT]


def test_a_rule_that_forbids_the_extract_leaves_none(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_given: object) -> ExtractPlan:
        raise denied("grade_not_as_rows", "columns", "不得", "Never.")

    monkeypatch.setattr(extract_keeping, "plan_extract", forbidden)
    assert city.platform.activation.refresh_extracts() == []
    with reading(city.platform.engine) as connection:
        assert active_extracts(connection, city.licence) == ()
    monkeypatch.undo()
    city.platform.activation.complete()
    in_force(city)


def lose_extract(city: City) -> None:
    """End the extract in force as nothing does that upkeep could take notice of."""
    platform = city.platform
    with reading(platform.engine) as connection:
        (extract,) = active_extracts(connection, city.licence)
    actor, reason = city.actor("approver"), "licence_ended"
    end_extract(platform.writer, actor, extract, platform.keys, home=city.home, reason=reason)


def is_built(city: City) -> bool:
    with reading(city.platform.engine) as connection:
        return active_extracts(connection, city.licence) != ()


def test_upkeep_looks_at_the_extracts_when_something_moved_and_each_minute(
    city: City, clock: TickingClock
) -> None:
    upkeep = Upkeep(city.platform)
    moved: tuple[Callable[[], object], ...] = (
        lambda: None,  # it never looked before
        lambda: city.publish("colleges", college_rows()),
        lambda: city.draft(licence_json()),
        lambda: clock.advance(61 * MICROSECONDS_PER_SECOND),
        lambda: clock.advance(-MICROSECONDS_PER_SECOND),  # a clock set back hides no minute
    )
    for place, move in enumerate(moved):
        lose_extract(city)
        if place:
            upkeep.build_once()
            assert not is_built(city)  # nothing moved, so nothing is looked at
        move()
        upkeep.build_once()
        in_force(city)


def test_upkeep_looks_again_at_once_after_a_round_that_failed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkeep = Upkeep(city.platform)
    lose_extract(city)
    with monkeypatch.context() as patched:
        patched.setattr(extract_keeping, "plan_extract", None)
        upkeep.build_once()
    assert not is_built(city)
    upkeep.build_once()
    in_force(city)


def test_a_version_that_is_gone_is_refused_and_never_guessed(city: City) -> None:
    keeper = city.platform.activation.keeper
    with reading(city.platform.engine) as connection:
        held = held_extracts(connection, [city.licence])
    with pytest.raises(Denied, match="extract_history_unknown"):
        keeper._rows_of(replace(held[0], version="sha256:gone"))
