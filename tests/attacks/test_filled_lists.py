"""Nobody fills the lists that others must work through: so many a person and civil day, no more.

Each rule is set to two for these tests; the rules themselves are generous.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.writer import GroupCommitWriter
from authorization.sharing.applying import Applying
from authorization.sharing.demand_list import DemandForm
from authorization.sharing.demands import Demands
from catalog.book import bulk, drafting
from catalog.book.parts import Book
from catalog.entries import check_entry
from catalog.matters.clocks import Clocks
from catalog.matters.daily import DailyAct
from catalog.quality.correction_targets import RaisedCorrection
from foundation.errors import TooMany
from foundation.identity import Actor
from policies.schema.daily import DailyRules
from service.errors import problem
from tests.catalogue import bare_book, entry_code
from tests.catalogue_exchange import PROVIDER, STEWARD, exchange
from tests.catalogue_sheets import row_of, xlsx_of
from tests.fakes import SteppedClock
from tests.quality import OPERATOR, SECOND, quality_world
from tests.sharing_world import FORM, PACK, RULES, World, document, opened

TWO = 2
LOW = PACK.rules(DailyRules).model_copy(
    update={name: TWO for name in DailyRules.model_fields if name.endswith("_max")}
)
DEMAND = {"title": "x", "need": "x", "data_items": ["号牌"], "wanted": "product"}


def low(clocks: Clocks) -> Clocks:
    return replace(clocks, daily=LOW)


def refused(begin: Callable[[], object], act: DailyAct) -> TooMany:
    with pytest.raises(TooMany) as caught:
        begin()
    assert caught.value.rule == f"policies/daily {act}_max"
    return caught.value


def begin_two(begin: Callable[[], object], act: DailyAct) -> TooMany:
    for _ in range(TWO):
        begin()
    return refused(begin, act)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, SteppedClock()) as world:
        yield world


@dataclass
class Numbers:
    """Codes that nobody took yet."""

    last: int = 0

    def document(self) -> dict[str, Any]:
        self.last += 1
        return document(code=entry_code(f"list {self.last}"))


def book_of(writer: GroupCommitWriter) -> Book:
    book = bare_book(writer, "bureau")
    return replace(book, clocks=low(book.clocks))


def test_drafts_of_entries_end_and_a_restart_forgets_none(world: World) -> None:
    made = Numbers()

    def draft(actor: Actor, writer: GroupCommitWriter) -> object:
        return drafting.draft_entry(book_of(writer), actor, "police", made.document())

    sergeant = world["sergeant"]
    refusal = begin_two(lambda: draft(sergeant, world.writer), DailyAct.ENTRY_DRAFTS)
    told = problem(refusal, "zh")
    assert (told["status"], told["code"]) == (429, "daily_limit")
    assert told["way_out"]
    draft(replace(sergeant, person="another"), world.writer)
    world.writer.close()
    files = (world.engine, world.keys, world.clock, "city.example/log", world.home / "head")
    with GroupCommitWriter(*files) as again:
        refused(lambda: draft(sergeant, again), DailyAct.ENTRY_DRAFTS)


def test_the_day_is_the_jurisdictions_own(world: World) -> None:
    calendar, made = bare_book(world.writer).clocks.rules.calendar, Numbers()
    tomorrow = calendar.starts_us(calendar.civil_day(world.clock.now_us()) + timedelta(days=1))
    assert tomorrow % 86_400_000_000, "midnight here is not midnight in UTC"

    def draft() -> object:
        book = book_of(world.writer)
        return drafting.draft_entry(book, world["sergeant"], "police", made.document())

    world.clock.advance(tomorrow - world.clock.now_us() - 1)
    refusal = begin_two(draft, DailyAct.ENTRY_DRAFTS)
    assert refusal.retry_seconds == 1
    world.clock.advance(1)
    assert begin_two(draft, DailyAct.ENTRY_DRAFTS).retry_seconds == 86_400


def test_a_change_and_the_rows_of_a_batch_count_too(world: World) -> None:
    made, actor, book = Numbers(), world["constable"], book_of(world.writer)
    roomy = replace(book, clocks=Clocks.of(PACK, "national"))

    def change() -> object:
        begun = drafting.begin_change(book, actor, world.entry, "职责调整")
        drafting.discard_draft(book, actor, world.entry)
        return begun

    change()  # and the published entry's own draft makes two
    refused(change, DailyAct.ENTRY_DRAFTS)

    def batch(rows: int) -> object:
        documents = [check_entry(made.document(), book.rules) for _ in range(rows)]
        return bulk.make_drafts(book, world["sergeant"], "police", documents, batch="台账")

    refused(lambda: batch(TWO + 1), DailyAct.ENTRY_TEXTS)
    batch(TWO)
    refused(lambda: batch(1), DailyAct.ENTRY_TEXTS)
    drafting.draft_entry(roomy, world["sergeant"], "police", made.document())


def test_requests_and_demands_end(world: World) -> None:
    parts = (world.engine, world.writer, low(Clocks.of(PACK, "national")), RULES, PACK.digest)
    applying, demands = Applying(*parts, "bureau"), Demands(*parts, "bureau")
    clerk, form = world["clerk"], DemandForm.model_validate(DEMAND)
    begin_two(lambda: applying.draft(clerk, world.entry, FORM), DailyAct.SHARE_DRAFTS)
    applying.draft(world["director"], world.entry, FORM)
    begin_two(lambda: demands.state(clerk, form), DailyAct.DEMANDS)
    demands.state(world["director"], form)


def test_corrections_end(tmp_path: Path) -> None:
    with quality_world(tmp_path) as quality:
        desk = replace(quality.corrections, clocks=low(quality.corrections.clocks))
        words = {"target": "dataset", "subject": "taxpayers", "claim": "x", "evidence": "y"}
        raised = RaisedCorrection.model_validate(words)

        def raise_one(actor: Actor) -> object:
            return desk.raise_correction(actor, raised)

        begin_two(lambda: raise_one(OPERATOR), DailyAct.CORRECTIONS)
        raise_one(SECOND)


def test_judged_imports_end(tmp_path: Path) -> None:
    with exchange(tmp_path / "exchange") as opened:
        imports = replace(opened.imports, clocks=low(opened.imports.clocks))
        made = Numbers()

        def judge() -> object:
            made.last += 1
            data = xlsx_of([row_of(made.last)], imports.rules)
            return imports.judge(STEWARD, PROVIDER, data, "目录.xlsx")

        begin_two(judge, DailyAct.IMPORTS)


def test_the_rules_in_force_let_one_clerk_bring_a_bureaus_whole_book() -> None:
    rules = PACK.rules(DailyRules)
    assert rules.entry_texts_max >= 50_000, "the rows of the largest spreadsheet"
    assert all(getattr(rules, f"{act}_max") >= 100 for act in DailyAct)
