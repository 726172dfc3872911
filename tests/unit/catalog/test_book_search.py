"""Search against a plain reading of every entry: the same matches, in order, over all pages."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select

from benchmarks.catalogue import READER, fill_book
from catalog.book.recording import folded
from catalog.book.searching import STRETCH, Wanted, by_stretch, search
from catalog.book.states import EntryState
from catalog.book.store import catalog_entry
from catalog.datasets import Grade
from foundation.db import metadata, open_engine, reading
from service.migrate import import_stores

WORDS = ("税", "税务", "宣纸", "登记 税", "没有的词", "BUREAU 7", "％", "_", "'", "")
PAGE = 100


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    import_stores()
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('book')}/control.db")
    metadata.create_all(engine)
    fill_book(engine, STRETCH + 200)
    yield engine
    engine.dispose()


def codes(engine: Engine, wanted: Wanted) -> list[str]:
    """Return the codes of all pages, one after the other."""
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        with reading(engine) as connection:
            page = search(connection, READER, wanted, after=after, limit=PAGE)
        assert len(page.entries) <= PAGE
        found += [item.code for item in page.entries]
        after = page.next
    return found


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("grade", [None, Grade.L2])
def test_pages_together_hold_every_match_once(
    filled: Engine, words: str, grade: Grade | None
) -> None:
    with reading(filled) as connection:
        rows = connection.execute(select(catalog_entry).order_by(catalog_entry.c.code)).all()
    expected = [
        row.code
        for row in rows
        if all(word in row.search_text for word in folded(words).split())
        and grade in {None, row.grade}
    ]
    wanted = Wanted(text=words, grade=grade)
    assert codes(filled, wanted) == expected
    with reading(filled) as connection:  # as PostgreSQL is asked
        few = by_stretch(connection, READER, wanted, "", PAGE)
        most = by_stretch(connection, READER, wanted, "", len(rows) + 1)
    assert [row.code for row in few] == expected[:PAGE]
    assert [row.code for row in most] == expected


def test_what_was_not_published_is_not_found(filled: Engine) -> None:
    assert codes(filled, Wanted(state=EntryState.DRAFT)) == []
