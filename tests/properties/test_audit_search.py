"""A search finds just what a plain filter over all bodies finds, whatever its pages and windows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.reading import LogEntry
from audit.view.search import count, search
from audit.view.terms import Terms
from foundation.db import metadata, open_engine, reading
from tests.searched_log import TERMS, filled, naive


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, list[LogEntry]]]:
    home: Path = tmp_path_factory.mktemp("log")
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    yield engine, filled(engine, home)
    engine.dispose()


@settings(max_examples=60, deadline=None)
@given(terms=TERMS, limit=st.integers(1, 60), window=st.sampled_from((1, 3, 17, 2_000)))
def test_pages_together_find_what_a_plain_filter_finds(
    log: tuple[Engine, list[LogEntry]], terms: Terms, limit: int, window: int
) -> None:
    engine, entries = log
    found: list[int] = []
    before, end = None, None
    with reading(engine) as connection:
        while True:
            page = search(connection, terms, before=before, limit=limit, window=window)
            assert len(page.entries) <= limit
            assert end is None or page.read.end == end
            found += [entry.index for entry in page.entries]
            before, end = page.next_before, page.read.first
            if before is None:
                break
        number, exact = count(connection, terms)
    assert found == naive(entries, terms)
    assert (number, exact) == (len(found), True)


def test_a_page_that_stops_early_says_how_far_it_read(
    log: tuple[Engine, list[LogEntry]],
) -> None:
    engine, _ = log
    terms = Terms(person="ann", licence="lic_absent")
    with reading(engine) as connection:
        page = search(connection, terms, window=1, leading="person")
    assert page.entries == ()
    assert page.next_before == page.read.first > 0
