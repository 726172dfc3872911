"""A search finds just what a plain filter over all bodies finds, whatever its pages and windows."""

from collections.abc import Iterator
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from audit.view.search import count, search
from audit.view.terms import DECISION_KINDS, Decision, Terms
from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from tests.fakes import START_US, SteppedClock

ENTRIES = 220
PERSONS = ("ann", "bo", "cy")
HOUSES = ("north", "south")
LICENCES = ("lic_a", "lic_b", "lic_c")
DATASETS = ("homes", "roads")
COLUMNS = ("age", "wage", "*")
KINDS = (
    EntryKind.QUESTION_DECIDED,
    EntryKind.QUESTION_REFUSED,
    EntryKind.ANSWER_RELEASED,
    EntryKind.ANSWER_FAILED,
    EntryKind.SESSION_OPENED,
)
STEP_US = 1_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, list[LogEntry]]]:
    home: Path = tmp_path_factory.mktemp("log")
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    clock, chance = SteppedClock(), Random(7)
    keys = FileKeyStore(home / "keys")
    with GroupCommitWriter(engine, keys, clock, "test.example/log", home / "head") as writer:
        for number in range(ENTRIES):
            clock.advance(STEP_US * chance.randrange(3))
            kind = EntryKind.PERIOD_OPENED if number == 60 else chance.choice(KINDS)
            kind = EntryKind.PERIOD_CLOSED if number == 150 else kind
            person = chance.choice(PERSONS)
            actor = Actor(person, chance.choice(HOUSES), frozenset({Role.OPERATOR}))
            writer.submit(AuditEvent(kind, actor, _public(chance, kind)), no_effect)
    with reading(engine) as connection:
        entries = read_entries(connection)
    yield engine, entries
    engine.dispose()


def _public(chance: Random, kind: EntryKind) -> dict[str, Any]:
    if kind.startswith("revenue:"):
        return {"period": "2026-11"}
    named = chance.sample(DATASETS, chance.randint(1, 2))
    return {
        "licence": chance.choice(LICENCES),
        "datasets": named,
        "columns": {name: sorted(chance.sample(COLUMNS, chance.randint(0, 2))) for name in named},
        "purpose": chance.choice(("industry", "welfare")),
    }


def naive(entries: list[LogEntry], terms: Terms) -> list[int]:
    return [entry.index for entry in reversed(entries) if _holds(entry, terms)]


def _holds(entry: LogEntry, terms: Terms) -> bool:
    public, actor = entry.public, entry.content["actor"]
    columns = {
        f"{dataset}.{name}"
        for dataset, names in public.get("columns", {}).items()
        for name in names
    }
    dataset = terms.column.partition(".")[0] if terms.column else ""
    decided = terms.decision is None or entry.kind in DECISION_KINDS[terms.decision]
    return (
        terms.person in (None, actor["person"])
        and terms.organisation in (None, actor["organisation"])
        and terms.licence in (None, public.get("licence"))
        and terms.purpose in (None, public.get("purpose"))
        and (terms.dataset is None or terms.dataset in public.get("datasets", []))
        and (terms.column is None or bool({terms.column, f"{dataset}.*"} & columns))
        and (terms.kind is None or entry.kind == terms.kind)
        and decided
        and (terms.since_us is None or entry.time_us >= terms.since_us)
        and (terms.until_us is None or entry.time_us < terms.until_us)
        and (terms.period is None or 60 <= entry.index <= 150)
    )


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


TERMS = st.builds(
    Terms,
    person=maybe(st.sampled_from((*PERSONS, "nobody"))),
    organisation=maybe(st.sampled_from(HOUSES)),
    licence=maybe(st.sampled_from(LICENCES)),
    purpose=maybe(st.sampled_from(("industry", "welfare"))),
    dataset=maybe(st.sampled_from(DATASETS)),
    column=maybe(st.sampled_from(("homes.age", "roads.wage", "homes.absent"))),
    kind=maybe(st.sampled_from(KINDS)),
    decision=maybe(st.sampled_from(Decision)),
    since_us=maybe(st.integers(START_US - 10, START_US + ENTRIES * STEP_US * 2)),
    until_us=maybe(st.integers(START_US - 10, START_US + ENTRIES * STEP_US * 2)),
    period=maybe(st.just("2026-11")),
)


@settings(max_examples=120, deadline=None)
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
