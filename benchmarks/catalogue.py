"""How long a page of the catalogue takes: 100,000 entries beside a log of a million.

``catalogue_search_ms_p95`` is the 95th percentile over mixed lists and searches: words of one and
two Chinese characters, frequent, rare and absent ones, filters by department, tag, grade and
attribute, first pages and later ones; each with its answer written as JSON. The change feed is
beside it. Entries are written into the tables directly, in the form that the road gives them; the
store's own constraints hold for each. SQLite and PostgreSQL are measured one after the other.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random  # noqa: TID251 - a benchmark's dice, seeded
from typing import Any

from sqlalchemy import Engine, insert, text

from benchmarks.audit import STORES
from benchmarks.audit_view import fill as fill_log
from benchmarks.figures import show, show_skipped
from catalog.book.parts import Assessment, entry_digest, papers_digest
from catalog.book.recording import facets
from catalog.book.searching import Wanted, search
from catalog.book.store import catalog_entry, catalog_move, catalog_revision
from catalog.book.versions import changes_after
from catalog.datasets import Grade
from catalog.entries import CatalogueEntry, ShareAttribute
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role
from service.migrate import import_stores

ENTRIES = 100_000
LOG_ENTRIES = 1_000_000
QUESTIONS = 400
PAGE = 50
MS_MAX = 200.0
BATCH = 2_000
DEPARTMENTS = 52
THEMES = ("education", "health", "transport", "housing", "finance_tax", "agriculture")
SUBJECTS = (
    "企业",
    "人口",
    "不动产",
    "车辆",
    "社保",
    "医疗",
    "教育",
    "税务",
    "环境",
    "道路",
    "水利",
)
OBJECTS = ("登记", "许可", "处罚", "统计", "名录", "台账", "缴费", "监测", "检验", "信用", "档案")
ITEMS = ("名称", "证件号码", "登记日期", "地址", "负责人", "状态", "金额", "有效期", "经办机构")
READER = Actor("reader", "somebody", frozenset({Role.OPERATOR}))
PAPER = Assessment.model_validate(
    {
        "assessor": "评估人",
        "conclusion": "passed",
        "document_number": "评〔2026〕1号",
        "on": "2026-01-05",
    }
)


def documents(chance: Random, number: int) -> Iterator[CatalogueEntry]:
    """Make entries of departments that differ in size; one in a hundred has a rare word."""
    for index in range(number):
        department = min(int(chance.paretovariate(0.9)), DEPARTMENTS)
        subject, thing = chance.choice(SUBJECTS), chance.choice(OBJECTS)
        rare = f"（{chance.choice(('龙井', '徽墨', '宣纸'))}专项）" if index % 100 == 0 else ""
        place = {"zh": f"第{department}局", "en": f"Bureau {department}"}
        items = chance.sample(ITEMS, 6)
        yield CatalogueEntry.model_validate(
            {
                "code": f"3{department:02d}{chance.randrange(1000):03d}/{index}",
                "name": {"zh": f"{subject}{thing}信息{rare}", "en": f"{subject}-{thing} {index}"},
                "data_items": [{"zh": f"{subject}{item}"} for item in items],
                "provider": {"name": place, "code": "11999999MB2F00016L"},
                "format": "CSV",
                "update_frequency": "monthly",
                "share_attribute": chance.choice(list(ShareAttribute)),
                "share_scope": place,
                "permitted_use": {"zh": "履行职责"},
                "legal_basis": {"reason": {"zh": "涉密"}, "act": {"zh": "保守国家秘密法"}},
                "share_mode": "service",
                "use_conditions": {"zh": "按申请用途使用，不得转供"},
                "classification": {
                    "category": {"zh": f"部门/{subject}"},
                    "grade": chance.choice(list(Grade)),
                },
                "open_attribute": "unconditional",
                "return_attribute": "none",
                "abstract": {"zh": f"{subject}{thing}的基本情况，由第{department}局按月更新。" * 2},
                "themes": [chance.choice(THEMES)],
                "systems": [f"system_{department}"],
            }
        )


def fill_book(engine: Engine, number: int) -> None:
    """Write published entries, each with its papers, sign-off, review and last move."""
    numbered = enumerate(documents(Random(7), number))
    while batch := list(islice(numbered, BATCH)):
        rows = [_rows(index, entry) for index, entry in batch]
        with engine.begin() as connection:
            connection.execute(insert(catalog_revision), [row[0] for row in rows])
            connection.execute(insert(catalog_entry), [row[1] for row in rows])
            connection.execute(insert(catalog_move), [row[2] for row in rows])
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))


def _rows(index: int, entry: CatalogueEntry) -> tuple[dict[str, Any], ...]:
    entry_id, provider = f"cat_{index:026d}", entry.provider.name.en.replace(" ", "_")
    digest = entry_digest(entry)
    papers = papers_digest(digest, PAPER, PAPER)
    paper = PAPER.model_dump_json()
    revision = {
        "id": f"rev_{index:026d}",
        "entry_id": entry_id,
        "provider": provider,
        "state": "published",
        "version": 1,
        "digest": digest,
        "drafted_by": "drafter",
        "drafted_us": 1,
        "revised_by": "drafter",
        "revised_us": 1,
        "papers": papers,
        "signed_by": "head",
        "signed_us": 2,
        "signed_papers": papers,
        "submitted_by": "drafter",
        "submitted_us": 3,
        "decided_by": "reviewer",
        "decided_organisation": "authority",
        "decided_us": 4,
        "secrecy": paper,
        "secrecy_by": "drafter",
        "personal": paper,
        "personal_by": "drafter",
        "document": entry.model_dump_json(),
    }
    head = {
        "id": entry_id,
        "code": entry.code,
        "provider": provider,
        "created_us": 1,
        "state": "published",
        "version": 1,
        "changed_us": 4,
        "changed_index": index,
        **facets(entry),
    }
    move = {
        "idx": index,
        "entry_id": entry_id,
        "time_us": 4,
        "move": "published",
        "state": "published",
        "version": 1,
        "digest": digest,
        "person": "reviewer",
        "organisation": "authority",
    }
    return revision, head, move


def questions(chance: Random) -> Iterator[tuple[Wanted, str]]:
    """Make lists and searches of up to three terms; a third go on from somewhere in the middle."""
    words = ("税", "水", "登记", "税务", "不动产 登记", "宣纸", "没有的词", "bureau 7", "证件号码")
    for number in range(QUESTIONS):
        whole: dict[str, Any] = {
            "text": words[number % len(words)],
            "provider": f"Bureau_{chance.choice([1, 2, 17, 52])}",
            "tag": chance.choice([*THEMES, "justice"]),
            "grade": chance.choice(list(Grade)),
            "share": chance.choice(list(ShareAttribute)),
        }
        names = chance.sample(sorted(whole), chance.randint(0, 3))
        if number % 2 == 0 and "text" not in names:
            names.append("text")
        after = f"3{chance.randrange(53):02d}" if chance.randrange(3) == 0 else ""
        yield Wanted(**{name: whole[name] for name in names}), after


def times_of(acts: Iterator[Callable[[], object]]) -> list[float]:
    """Return the milliseconds of each act."""
    took: list[float] = []
    for act in acts:
        started = time.perf_counter()
        act()
        took.append((time.perf_counter() - started) * 1_000)
    return took


def measure(engine: Engine, store: str, entries: int, logged: int) -> bool:
    """Fill a store, ask, and print its figures."""
    import_stores()
    metadata.create_all(engine)
    fill_log(engine, logged)
    started = time.perf_counter()
    fill_book(engine, entries)
    filled = time.perf_counter() - started

    def searched(wanted: Wanted, after: str) -> str:
        with reading(engine) as connection:
            return search(connection, READER, wanted, after=after, limit=PAGE).model_dump_json()

    def fed(after: int) -> str:
        with reading(engine) as connection:
            return changes_after(connection, after, PAGE).model_dump_json()

    asked = list(questions(Random(8)))
    took = times_of(lambda a=a, b=b: searched(a, b) for a, b in asked)  # type: ignore[misc]
    texts = [ms for ms, (wanted, _) in zip(took, asked, strict=True) if wanted.text]
    chance = Random(9)
    feeds = times_of(
        lambda after=after: fed(after)  # type: ignore[misc]
        for after in chance.sample(range(entries), min(QUESTIONS, entries))
    )
    against = f"the issue's bar; {entries} entries beside {logged} of the log, {store}"
    good = True
    for name, values in (("search", took), ("search_text", texts), ("feed", feeds)):
        p95 = statistics.quantiles(values, n=20)[-1]
        good &= show(
            f"catalogue_{name}_ms_p95_{store}",
            round(p95, 1),
            "ms",
            f"<={MS_MAX:g}",
            met=p95 <= MS_MAX,
            against=against,
            runs=len(values),
            p50=round(statistics.median(values), 1),
            max=round(max(values), 1),
        )
    print(f"# {store}: the book was filled in {filled:.0f} s", file=sys.stderr)
    return good


def main() -> int:
    """Print one JSON line a figure; exit 1 where a bar is not met."""
    parser = argparse.ArgumentParser(prog="benchmarks.catalogue")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--log", type=int, default=LOG_ENTRIES)
    parser.add_argument("--store", choices=sorted(STORES), action="append")
    asked = parser.parse_args()
    good = True
    for name in asked.store or STORES:
        with tempfile.TemporaryDirectory(dir=".") as directory:  # a disk, no memory file system
            try:
                with STORES[name](Path(directory).resolve()) as url:
                    engine = open_engine(url)
                    good &= measure(engine, name, asked.entries, asked.log)
                    engine.dispose()
            except ImportError as missing:
                show_skipped(f"catalogue_search_ms_p95_{name}", str(missing))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
