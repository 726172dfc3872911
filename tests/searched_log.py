"""A log of random entries, the plain filter that a search is held against, and terms to try."""

from pathlib import Path
from random import Random  # noqa: TID251 - seeded, for tests
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from audit.view.terms import DECISION_KINDS, Decision, Terms
from audit.writer import GroupCommitWriter
from foundation.db import reading
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


def filled(engine: Engine, home: Path) -> list[LogEntry]:
    """Fill an empty log by the real writer; return its entries."""
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
        return read_entries(connection)


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
