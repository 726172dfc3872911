"""Imports of bureaus' spreadsheets: judged first, taken only when somebody says so.

A judgement changes nothing of the catalogue. Taking makes drafts of new entries and proposed
changes of published ones, in batches; rows whose standing changed since are left out and told. The
same bytes are recognised, and taking again takes nothing twice.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from catalog.book.duties import check_drafts
from catalog.entries import CatalogueEntry
from catalog.exchange.drafting import Drafting
from catalog.exchange.judging import TAKEN_STATES, Judgement, RowState, judge
from catalog.exchange.store import (
    Import,
    StoredRow,
    import_by_id,
    import_table,
    rows_of,
    same_import,
    write_import,
    write_taken,
)
from catalog.matters.clocks import Clocks
from catalog.matters.daily import Daily, DailyAct
from catalog.sheets.reading import SheetReader
from foundation.canonical import digest, sha256_hex
from foundation.db import reading
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from foundation.lines import inert
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules

T = TypeVar("T")
FILE_NAME_SHOWN = 150
_JUDGED = Daily(DailyAct.IMPORTS, import_table.c.person, import_table.c.judged_us)


@dataclass(frozen=True)
class Taken:
    """What taking an import did. ``left`` are rows whose standing had changed since."""

    entry: int
    drafts: int
    changes: int
    same: int
    left: tuple[dict[str, object], ...]
    batches: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return what the caller is told."""
        return {
            "entry": self.entry,
            "drafts": self.drafts,
            "changes": self.changes,
            "same": self.same,
            "left": list(self.left),
            "batches": list(self.batches),
        }


@dataclass(frozen=True)
class Imports:
    """Judges and takes imports."""

    engine: Engine
    writer: Writer
    reader: SheetReader
    rules: ExchangeRules
    catalog: CatalogRules
    drafting: Drafting
    clocks: Clocks

    def judge(
        self, actor: Actor, provider: str, data: bytes, file_name: str, sheet: str | None = None
    ) -> tuple[Import, bool]:
        """Judge a file for a department; tell whether the same one was judged before.

        Raises Denied, and InvalidInput where the file or its header cannot be used at all.
        """
        check_drafts(actor, provider)
        file_digest, rules_digest = f"sha256:{sha256_hex(data)}", self._rules_digest()
        found = self.reader.read(data, file_name, sheet)
        with reading(self.engine) as connection:
            before = same_import(connection, provider, found.name, file_digest, rules_digest)
            if before is not None:
                return before, True
            judged = judge(
                found,
                self.rules,
                self.catalog,
                lambda entries: self.drafting.standings(connection, provider, entries),
            )
        return self._keep(actor, provider, judged, (file_name, file_digest, rules_digest)), False

    def take(self, actor: Actor, import_id: str) -> Taken:
        """Make drafts and proposed changes of an import's good rows, in batches.

        Raises NotFound, Denied, and Conflict where nothing of it can be taken or it was taken.
        """
        found = self.of(actor, import_id)
        if found.taken is not None:
            raise _taken_already(found)
        counts = {RowState.NEW: 0, RowState.CHANGED: 0, RowState.SAME: 0}
        left: list[dict[str, object]] = []
        codes: list[str] = []
        made: list[str] = []
        with reading(self.engine) as connection:
            rows = list(rows_of(connection, import_id, states=TAKEN_STATES))
        if not rows:
            raise _nothing_to_take()
        for number, batch in enumerate(batches(rows, self.rules.batch_rows), start=1):
            entries = self._still_good(found.provider, batch, counts, left)
            if entries:
                name = _batch_name(found, number)
                made.append(self.drafting.make(actor, found.provider, entries, name))
                codes += [entry.code for entry in entries]
        return self._close(actor, found, counts, left, codes, made)

    def of(self, actor: Actor, import_id: str) -> Import:
        """Return an import that the actor may see. Raises NotFound for all others alike."""
        with reading(self.engine) as connection:
            found = import_by_id(connection, import_id)
        if found is None or not _may_see(actor, found.provider):
            raise _unknown()
        return found

    def _still_good(
        self,
        provider: str,
        batch: Sequence[StoredRow],
        counts: dict[RowState, int],
        left: list[dict[str, object]],
    ) -> list[CatalogueEntry]:
        """Ask the book again: what was judged may have changed, or been taken by a killed run."""
        entries = [row.entry for row in batch if row.entry is not None]
        with reading(self.engine) as connection:
            said = self.drafting.standings(connection, provider, entries)
        good = []
        for row, entry, (state, fault) in zip(batch, entries, said, strict=True):
            if fault is not None:
                left.append({"row": row.number, **fault.as_json()})
                continue
            counts[state] += 1
            if state in TAKEN_STATES:
                good.append(entry)
        return good

    def _keep(
        self, actor: Actor, provider: str, judged: Judgement, file: tuple[str, str, str]
    ) -> Import:
        import_id = new_id("imp")
        file_name, file_digest, rules_digest = file
        about = about_judgement(judged)
        event = AuditEvent(
            EntryKind.IMPORT_JUDGED,
            actor,
            public={
                "import": import_id,
                "provider": provider,
                "file_digest": file_digest,
                "rules_digest": rules_digest,
                "rows": len(judged.rows),
                "refused": judged.counts[str(RowState.REFUSED)],
            },
        )

        def apply(connection: Connection, pending: PendingEntry) -> None:
            _JUDGED.check(connection, self.clocks, pending.time_us, actor.person)
            head = {
                "id": import_id,
                "provider": provider,
                "organisation": actor.organisation,
                "person": actor.person,
                "file_name": file_name,
                "file_digest": file_digest,
                "rules_digest": rules_digest,
                "sheet": judged.sheet,
                "about": _text_of(about),
                "judged_us": pending.time_us,
                "judged_index": pending.index,
            }
            write_import(connection, head, judged)

        self.writer.submit(event, apply)
        return self.of(actor, import_id)

    def _close(
        self,
        actor: Actor,
        found: Import,
        counts: dict[RowState, int],
        left: Sequence[dict[str, object]],
        codes: Sequence[str],
        made: Sequence[str],
    ) -> Taken:
        told = {
            "drafts": counts[RowState.NEW],
            "changes": counts[RowState.CHANGED],
            "same": counts[RowState.SAME],
            "left": len(left),
        }
        event = AuditEvent(
            EntryKind.IMPORT_TAKEN,
            actor,
            public={
                "import": found.id,
                "provider": found.provider,
                "codes_digest": digest(sorted(codes)),
                **told,
            },
        )

        def apply(connection: Connection, pending: PendingEntry) -> None:
            held = import_by_id(connection, found.id)
            if held is None or held.taken is not None:
                raise _taken_already(found)
            values = {
                "import_id": found.id,
                "person": actor.person,
                "taken_us": pending.time_us,
                "taken_index": pending.index,
                "counts": _text_of({**told, "batches": list(made)}),
            }
            write_taken(connection, values)

        recorded = self.writer.submit(event, apply)
        numbers = (told["drafts"], told["changes"], told["same"])
        return Taken(recorded.index, *numbers, tuple(left), tuple(made))

    def _rules_digest(self) -> str:
        return digest(
            {
                "exchange": self.rules.model_dump(mode="json"),
                "catalog": self.catalog.model_dump(mode="json"),
            }
        )


def about_judgement(judged: Judgement) -> dict[str, object]:
    """Return counts, headers and the columns that no field of an entry has."""
    mapped = judged.mapped
    return {
        "encoding": judged.encoding,
        "header_row": mapped.header_row,
        "rows": len(judged.rows),
        "counts": dict(judged.counts),
        "columns": [
            {"column": at, "header": mapped.headers[at], "field": column.field}
            for at, column in sorted(mapped.columns.items())
        ],
        "ignored": [{"column": at, "header": text} for at, text in sorted(mapped.ignored.items())],
    }


def batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    """Give items in lists of at most ``size``."""
    held = iter(items)
    while batch := list(islice(held, size)):
        yield batch


def _batch_name(found: Import, number: int) -> str:
    """Return what people know a batch by: its file, and which part of it."""
    file_name = inert(found.file_name)[:FILE_NAME_SHOWN]
    return f"{file_name}（{number}）"


def _text_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _may_see(actor: Actor, provider: str) -> bool:
    try:
        check_drafts(actor, provider)
    except Denied:
        return False
    return True


def _unknown() -> NotFound:
    return NotFound(
        "import_unknown", Message("没有这次导入。", "There is no such import."), field="import"
    )


def _taken_already(found: Import) -> Conflict:
    return Conflict(
        "import_taken",
        Message(
            "这次导入已确认，不再重复导入；请提交更正后的文件。",
            "This import was taken; submit a corrected file instead.",
        ),
        field=found.id,
    )


def _nothing_to_take() -> Conflict:
    return Conflict(
        "import_without_good_rows",
        Message(
            "没有可导入的行：各行均与现有条目一致或须更正。",
            "No row can be taken: each is the same as an entry, or must be corrected.",
        ),
        field="import",
    )
