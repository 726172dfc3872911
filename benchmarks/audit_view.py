"""How long a regulator waits for a page of a search in a log of a million entries.

``search_1m_ms_p95`` is the 95th percentile over mixed searches: by person, licence, column,
purpose, decision, session and time, alone and together, first pages and later ones, of things
that are frequent, rare and absent. ``search_1m_unread`` counts the searches whose first page was
not full and had not read the whole log; they go on by their cursor. Entries are written into the
log's tables directly, in the bytes that the writer gives them.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random  # noqa: TID251 - a benchmark's dice, seeded
from typing import Any

from sqlalchemy import Engine, insert

from audit.bodies import entry_body, subjects
from audit.events import AuditEvent
from audit.store import entry, entry_subject
from audit.tags import EntryKind
from audit.tree import leaf_hash
from audit.view.search import search
from audit.view.terms import Decision, Terms
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role

ENTRIES = 1_000_000
SEARCHES = 400
PAGE = 50
MS_MAX = 200.0
BATCH = 20_000
START_US = 1_795_000_000_000_000
PURPOSES = ("industry", "governance", "welfare")
KINDS = (
    (EntryKind.QUESTION_DECIDED, 40),
    (EntryKind.ANSWER_RELEASED, 36),
    (EntryKind.QUESTION_REFUSED, 10),
    (EntryKind.ANSWER_REPEATED, 6),
    (EntryKind.ANSWER_FAILED, 3),
    (EntryKind.PRODUCT_FETCHED, 3),
    (EntryKind.SESSION_OPENED, 1),
    (EntryKind.RELEASE_DELIVERED, 1),
)


def events(chance: Random, number: int) -> Iterator[tuple[AuditEvent, int]]:
    """Make entries of 400 people under 60 licences, some of them a thousand times busier."""
    kinds, weights = zip(*KINDS, strict=True)
    for index in range(number):
        person = min(int(chance.paretovariate(0.6)), 400)
        dataset = f"dataset_{min(int(chance.paretovariate(0.8)), 50)}"
        columns = [f"column_{chance.randrange(30)}" for _ in range(3)]
        public: dict[str, Any] = {
            "licence": f"lic_{person % 60:026d}",
            "session": f"ses_{index // 50:026d}",
            "question": f"qst_{index // 2:026d}",
            "datasets": [dataset],
            "dataset": dataset,
            "columns": {dataset: sorted(set(columns))},
            "purpose": PURPOSES[person % 3],
        }
        actor = Actor(f"person_{person}", f"operator_{person % 12}", frozenset({Role.OPERATOR}))
        kind = chance.choices(kinds, weights)[0]
        yield AuditEvent(kind, actor, public), START_US + index * 1_000_000


def fill(engine: Engine, number: int) -> None:
    """Write entries into the log's tables, in large transactions."""
    numbered = enumerate(events(Random(5), number))
    while batch := list(islice(numbered, BATCH)):
        entries, named = [], []
        for index, (event, time_us) in batch:
            body = entry_body(event, index, time_us, event.public, [])
            entries.append(
                {
                    "idx": index,
                    "time_us": time_us,
                    "kind": str(event.kind),
                    "body": body,
                    "leaf_hash": leaf_hash(body),
                }
            )
            named += [
                {"field": field, "value": value, "idx": index}
                for field, value in subjects(event, event.public)
            ]
        with engine.begin() as connection:
            connection.execute(insert(entry), entries)
            connection.execute(insert(entry_subject), named)


def searches(chance: Random, number: int) -> Iterator[tuple[Terms, int | None]]:
    """Make searches of one to four terms; a third go on from the middle of the log."""
    for _ in range(SEARCHES):
        person = chance.choice([1, 2, 3, 40, 250, 399, 5_000])
        dataset = f"dataset_{chance.choice([1, 2, 3, 30, 49, 99])}"
        whole: dict[str, Any] = {
            "person": f"person_{person}",
            "licence": f"lic_{chance.choice([person, 7, 59]) % 60:026d}",
            "column": f"{dataset}.column_{chance.randrange(31)}",
            "dataset": dataset,
            "purpose": chance.choice(PURPOSES),
            "organisation": f"operator_{chance.randrange(13)}",
            "session": f"ses_{chance.randrange(number // 40):026d}",
        }
        names = chance.sample(sorted(whole), chance.randint(0, 3))
        terms = Terms(**{name: whole[name] for name in names})
        if chance.choice((True, False)):
            terms = replace(terms, decision=chance.choice(list(Decision)))
        if chance.randrange(3) == 0:
            since = START_US + chance.randrange(number) * 1_000_000
            terms = replace(terms, since_us=since, until_us=since + 86_400_000_000)
        yield terms, number // 2 if chance.randrange(3) == 0 else None


def measured(engine: Engine, number: int) -> tuple[list[float], int]:
    """Return the milliseconds of each search, and how many first pages stopped unread."""
    took: list[float] = []
    unread = 0
    for terms, before in searches(Random(6), number):
        started = time.perf_counter()
        with reading(engine) as connection:
            page = search(connection, terms, before=before, limit=PAGE)
        took.append((time.perf_counter() - started) * 1_000)
        unread += page.next_before is not None and len(page.entries) < PAGE
    return took, unread


def main() -> int:
    """Print one JSON line a figure; exit 1 where a bar is not met."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    with tempfile.TemporaryDirectory(dir=".") as home:  # a disk, not a memory file system
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        fill(engine, number)
        took, unread = measured(engine, number)
        engine.dispose()
    p95 = statistics.quantiles(took, n=20)[-1]
    figures: list[dict[str, object]] = [
        {
            "figure": "search_1m_ms_p95",
            "value": round(p95, 1),
            "unit": "ms",
            "limit": f"<={MS_MAX:g}",
            "ok": p95 <= MS_MAX,
            "against": f"the bar; {number} entries, mixed searches, SQLite",
            "runs": len(took),
            "p50": round(statistics.median(took), 1),
            "max": round(max(took), 1),
        },
        {
            "figure": "search_1m_unread",
            "value": round(100 * unread / len(took), 1),
            "unit": "% of first pages",
            "limit": "told",
            "ok": True,
            "against": "pages that stop before they are full, and say so",
            "runs": len(took),
        },
    ]
    for figure in figures:
        print(json.dumps(figure))
    return 0 if all(figure["ok"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
