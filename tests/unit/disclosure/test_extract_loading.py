"""What a worker is loaded with: no column more than needed where room is short, refused in time."""

from typing import NoReturn

import pytest

from disclosure.engine.loading import Loaded, Step, TableSource, TooLarge, steps_for

SIZES = {"a": 40, "b": 30, "c": 10}


def never(_columns: tuple[str, ...]) -> NoReturn:
    raise AssertionError("nothing is read while it is decided what to read")


def source(*needed: str) -> TableSource:
    return TableSource(never, SIZES, frozenset(needed))


def held(*columns: str) -> Loaded:
    return Loaded({name: SIZES[name] for name in columns})


def test_what_is_held_is_not_loaded_again() -> None:
    assert steps_for({"t": source("a")}, {"t": held("a", "b")}, 100) == []


def test_a_bare_count_needs_the_smallest_column() -> None:
    assert steps_for({"t": source()}, {}, 100) == [Step("t", held("c"))]


def test_more_columns_join_those_already_held_in_the_tables_order() -> None:
    steps = steps_for({"t": source("a")}, {"t": held("b")}, 100)
    assert steps == [Step("t", held("a", "b"), drop_first=True)]
    assert tuple(steps[0].load.column_bytes) == ("a", "b") if steps[0].load else False


def test_where_room_is_short_only_what_the_question_needs_stays() -> None:
    loaded = {"t": held("a", "b"), "other": held("a")}
    steps = steps_for({"t": source("c")}, loaded, 60)
    assert steps == [
        Step("t", None, drop_first=True),
        Step("other", None, drop_first=True),
        Step("t", held("c")),
    ]


def test_what_cannot_fit_is_refused_before_anything_is_read_or_dropped() -> None:
    with pytest.raises(TooLarge):
        steps_for({"t": source("a", "b")}, {"other": held("c")}, 60)


def test_a_table_of_unknown_size_is_loaded_whole_and_once() -> None:
    opener = {"t": lambda: never(())}
    steps = steps_for(opener, {}, 60)
    assert steps == [Step("t", Loaded({}))]
    assert steps_for(opener, {"t": Loaded({})}, 60) == []
