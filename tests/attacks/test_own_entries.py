"""What an operator could learn at ``/log/own`` of entries about, but not by, their own house.

A regulator's searches and the platform's alerts name the house they are about. That they exist, and
where in the log, is not the house's to know; neither is it to be had by small pages.
"""

from collections.abc import Iterator

import pytest

from audit.tags import EntryKind
from tests.city import built_city
from tests.fakes import TickingClock
from tests.oversight import Scene

LOOKED = 20  # more than the windows that one page looks through


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield Scene(city, clock)


def own(scene: Scene, **terms: str) -> tuple[list[int], int | None, int]:
    """Return what one page shows: places, cursor, and where it says it began to read."""
    page = scene.get("/log/own", "analyst", **terms).json()
    return [item["index"] for item in page["entries"]], page["next_before"], page["read"]["first"]


def paged(scene: Scene, **terms: str) -> tuple[list[int], set[int]]:
    """Go through all pages; return the places shown, and every other place that was named."""
    shown: list[int] = []
    named: set[int] = set()
    cursor: int | None = None
    while True:
        more = terms if cursor is None else {**terms, "before": str(cursor)}
        found, cursor, first = own(scene, **more)
        shown += found
        named |= {first} | ({cursor} if cursor is not None else set())
        if cursor is None:
            return shown, named - set(shown) - {0}


@pytest.mark.parametrize("limit", ["1", "200"])
def test_pages_of_own_entries_do_not_tell_who_looked_at_the_house(scene: Scene, limit: str) -> None:
    hidden = EntryKind.RECORDS_READ.value
    before = paged(scene, limit=limit)
    for number in range(LOOKED):
        about = {"organisation": "pearl_operator", "dataset": f"{limit}_{number}"}
        assert scene.get("/regulator/search", **about).status_code == 200
    assert own(scene, kind=hidden, limit=limit) == ([], None, 0)
    assert own(scene, organisation="pearl_operator", kind=hidden, limit=limit) == ([], None, 0)
    after = paged(scene, limit=limit)
    assert before[0] == after[0]
    assert after[1] == set()


def test_no_own_page_needs_more_than_it_shows(scene: Scene) -> None:
    whole, _ = paged(scene, limit="200")
    single, _ = paged(scene, limit="1")
    assert whole == single
    assert len(set(whole)) == len(whole) > 0
