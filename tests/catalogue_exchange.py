"""A bureau, a book and its imports over a bare writer: the smallest world that exchanges."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
import catalog.exchange.store
import catalog.matters.store  # noqa: F401 - the tables of matters
from audit.writer import GroupCommitWriter
from catalog.book.batch_steps import (
    assess_batch,
    publish_batch,
    sign_off_batch,
    submit_batch,
)
from catalog.book.batches import batches
from catalog.book.parts import Book
from catalog.book.systems import SystemDocument, register_system
from catalog.entries import Bilingual
from catalog.exchange.dcat import Node
from catalog.exchange.drafting import BookDrafting
from catalog.exchange.importing import Imports
from catalog.sheets.reading import SheetReader, bounds_of
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from tests.catalogue import ASSESSMENT, SYSTEM, bare_book, person, walk
from tests.catalogue_sheets import row_of, xlsx_of
from tests.fakes import SteppedClock
from tests.rule_files import catalog_rules, exchange_rules

PROVIDER, OTHER = "city_bureau", "city_tax"
STEWARD = person("stella", PROVIDER, Role.PROVIDER, Role.STEWARD)
STRANGER = person("tom", OTHER, Role.PROVIDER)
HEAD = person("henry", PROVIDER, Role.DEPARTMENT_HEAD)
REVIEWER = person("rita", "data_authority", Role.AUTHORITY)
WORDS = Bilingual(zh="市政务数据目录", en="City catalogue")
NODE = Node("https://data.example", WORDS, WORDS, Bilingual(zh="市数据局", en="City"), "city")


@dataclass(frozen=True)
class Exchange:
    """What the tests of exchange work with."""

    engine: Engine
    writer: GroupCommitWriter
    book: Book
    imports: Imports

    def judge(self, rows: Sequence[dict[str, str]], actor: Actor = STEWARD) -> str:
        """Judge rows as a book; return the import's identifier."""
        data = xlsx_of(rows, self.imports.rules)
        found, _ = self.imports.judge(actor, actor.organisation, data, "目录.xlsx")
        return found.id

    def publish(self, numbers: Sequence[int], **changes: str) -> None:
        """Walk rows of the generator to the published catalogue, one by one."""
        for number in numbers:
            raw = self._raw(row_of(number, **changes))
            walk(self.book, self.engine, raw, PROVIDER, (STEWARD, HEAD, REVIEWER))

    def _raw(self, row: dict[str, str]) -> dict[str, object]:
        from catalog.exchange.judging import RowState, judge  # noqa: PLC0415

        sheet = self.imports.reader.read(xlsx_of([row], self.imports.rules), "a.xlsx")
        judged = judge(
            sheet,
            self.imports.rules,
            self.imports.catalog,
            lambda entries: [(RowState.NEW, None) for _ in entries],
        )
        entry = judged.rows[0].entry
        assert entry is not None, judged.rows[0].faults
        return entry.model_dump(mode="json")


@contextmanager
def exchange(home: Path, engine: Engine | None = None) -> Iterator[Exchange]:
    """Open the world in a directory."""
    home.mkdir(parents=True, exist_ok=True)
    engine = engine or open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    keys, rules = FileKeyStore(home / "keys"), exchange_rules()
    origin, head = "city.example/log", home / "head"
    with GroupCommitWriter(engine, keys, SteppedClock(), origin, head) as writer:
        book = bare_book(writer)
        reader = SheetReader(Path(sys.prefix), bounds_of(rules.sheets))
        drafting = BookDrafting(book)
        words = {"zh": "业务系统", "en": "Register"}
        system = SystemDocument.model_validate({"name": SYSTEM, "label": words, "purpose": words})
        register_system(writer, STEWARD, PROVIDER, system)
        yield Exchange(
            engine,
            writer,
            book,
            Imports(engine, writer, reader, rules, catalog_rules(), drafting, book.clocks),
        )
    engine.dispose()


def publish_batches(world: Exchange) -> None:
    """Walk every batch of the book to publication."""
    with reading(world.engine) as connection:
        found = batches(connection, PROVIDER, 1_000)
    for batch in found:
        assess_batch(world.book, STEWARD, batch.id, ASSESSMENT, ASSESSMENT)
        sign_off_batch(world.book, HEAD, batch.id, batch.digest)
        submit_batch(world.book, STEWARD, batch.id)
        publish_batch(world.book, REVIEWER, batch.id, batch.digest)


__all__ = [
    "HEAD",
    "NODE",
    "REVIEWER",
    "STEWARD",
    "STRANGER",
    "Exchange",
    "exchange",
    "publish_batches",
]
