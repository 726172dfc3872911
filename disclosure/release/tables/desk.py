"""Recomputes a table for release from the licence's own rows, protects it, and records it.

What leaves is a function of plan, extract, rules, and the tables that were recorded before it. The
extract and which cells are held back are pinned when the table is first made, so that each preview
and the delivery compute the same bytes. Nothing that a session computed is read (I15).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Writer
from audit.key_requests import request_keys
from audit.tags import EntryKind
from catalog.datasets import DatasetDeclaration, Grade
from disclosure.checks.desk import CheckResult
from disclosure.checks.tables.cells import CellTable
from disclosure.extracts.files import pseudonym_key_name
from disclosure.gate.question import QueryGate
from disclosure.release.tables import register
from disclosure.release.tables.boxes import CellBoxes
from disclosure.release.tables.checked import cells_of
from disclosure.release.tables.counting import Counted, count_cells
from disclosure.release.tables.granted import HeldRows, held_rows, held_then
from disclosure.release.tables.kept import KeptTable, kept_table
from disclosure.release.tables.nearness import NOTHING_EARLIER, Earlier, published
from disclosure.release.tables.plan import TablePlan, TableRequest
from disclosure.release.tables.protecting import Protection, protect_table
from disclosure.release.tables.reading import read_table
from disclosure.release.tables.refusals import register_busy
from disclosure.release.tables.register import NewTable, Recorded, TableName
from disclosure.release.tables.rendering import TABLE
from disclosure.release.tables.rows import rows_of_extract
from disclosure.release.tables.showing import Rounding, show
from foundation.canonical import canonical_bytes, digest
from foundation.identity import SYSTEM_ACTOR
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.checks import CheckRules
from policies.schema.masks import MaskRules
from policies.schema.tables import TableRules

NO_KEY = bytes(32)
RECORD_TRIES = 4

Opener = Callable[[], pa.RecordBatchReader]
Run = Callable[[str, str, Mapping[str, Opener], str, str], pa.Table]
"""Runs one statement: licence, version, tables, SQL, person. The bootstrap binds it to the pool."""


@dataclass(frozen=True)
class Asker:
    """For whom a table is made."""

    licence: str
    organisation: str
    person: str


MayAsk = Callable[[Connection, Asker, DatasetDeclaration, tuple[str, ...]], None]
"""Raises Denied where the policy does not grant these columns as rows now."""


@dataclass(frozen=True)
class TableRuleset:
    """Every rule that decides a table, and the digest of the pack that they came from."""

    tables: TableRules
    checks: CheckRules
    masks: MaskRules
    policy_digest: str


@dataclass(frozen=True)
class TableParts:
    """What the bootstrap hands the table desk."""

    writer: Writer
    keys: KeyStore
    home: Path
    gate: QueryGate
    run: Run
    may_ask: MayAsk
    boxes: CellBoxes
    rules: TableRuleset


@dataclass(frozen=True)
class ComputedTable:
    """A table as it may leave, the exact cells behind it, and what the checks say.

    ``cells`` stay at the desk. ``entry_index`` is the entry of its recording, -1 for a rehearsal.
    """

    plan: TablePlan
    table: pa.Table
    cells: tuple[CellTable, ...]
    findings: tuple[CheckResult, ...]
    entry_index: int


@dataclass(frozen=True)
class _Work:
    """One table being made: for whom, of which rows, counted once."""

    asker: Asker
    plan: TablePlan
    held: HeldRows
    counted: Counted

    @property
    def grade(self) -> Grade:
        """The highest grade of what the table reads: its rules hold."""
        return self.held.grade(self.plan.columns)

    @property
    def rows_of(self) -> str:
        """Name the rows that it counts: nothing else can be said to lie within them."""
        return digest([self.plan.dataset, self.held.version, self.held.extract])


class TableDesk:
    """Makes tables for the release desk."""

    def __init__(self, parts: TableParts) -> None:
        """Keep the parts."""
        self._parts = parts

    def recompute(
        self, connection: Connection, asker: Asker, name: TableName, request: TableRequest
    ) -> ComputedTable:
        """Make a table for a file of a request, and record it the first time.

        Raises Refused, Denied; the same file under the same plan is made as it was recorded.
        """
        plan, held = self._planned(connection, asker, request)
        before = register.recorded(connection, name, plan.digest)
        if before is not None:
            held = held_then(connection, asker.licence, before.extract)
        work = self._counted(connection, asker, plan, held)
        if before is None:
            before, protection = self._recorded(connection, work, name)
        else:
            protection = before.protection
        return self._made(work, protection, before.entry_index)

    def rehearse(
        self, connection: Connection, asker: Asker, request: TableRequest
    ) -> ComputedTable:
        """Make a table as it would leave if nobody else had released anything; record nothing.

        Held against the licence's own tables alone: what another organisation released shows
        only where a person of the desk will see the request.
        """
        plan, held = self._planned(connection, asker, request)
        work = self._counted(connection, asker, plan, held)
        nameless = TableName("", "")
        own = register.counting(connection, held.population, nameless, asker.licence)
        return self._made(work, self._protected(connection, work, own), -1)

    def _planned(
        self, connection: Connection, asker: Asker, request: TableRequest
    ) -> tuple[TablePlan, HeldRows]:
        parts = self._parts
        held = held_rows(connection, asker.licence)
        granted = {name: item.rows for name, item in held.items()}
        plan = read_table(parts.gate, request, granted, parts.rules.tables)
        chosen = held[plan.dataset]
        parts.may_ask(connection, asker, chosen.rows.declaration, plan.columns)
        return plan, chosen

    def _counted(
        self, connection: Connection, asker: Asker, plan: TablePlan, held: HeldRows
    ) -> _Work:
        parts, licence = self._parts, asker.licence
        open_rows = rows_of_extract(
            held.rows.extract,
            held.directory(connection, parts.home, parts.rules.masks),
            plan.columns,
            pseudonym_key=self._pseudonym_key(licence) if held.is_keyed(plan.columns) else NO_KEY,
            rules=parts.rules.masks,
        )
        version = f"{held.extract}/table/{digest(plan.columns)}"
        tables = {TABLE: open_rows}
        ask = partial(self._ask, licence, version, tables, asker.person)
        return _Work(asker, plan, held, count_cells(plan, ask, parts.rules.tables))

    def _ask(
        self, licence: str, version: str, tables: Mapping[str, Opener], person: str, sql: str
    ) -> pa.Table:
        return self._parts.run(licence, version, tables, sql, person)

    def _pseudonym_key(self, licence: str) -> bytes:
        parts, name = self._parts, pseudonym_key_name(licence)
        cited = request_keys(parts.writer, SYSTEM_ACTOR, "table", [name], licence=licence)
        return parts.keys.data_key(name, cited)

    def _protected(
        self, connection: Connection, work: _Work, compared: tuple[str, ...]
    ) -> Protection:
        rules = self._parts.rules
        earlier, kept = NOTHING_EARLIER, list[KeptTable]()
        if work.held.has_people and compared:
            earlier = _earlier(connection, work, compared, rules.tables)
            kept = self._kept(connection, work, compared)
        return protect_table(
            work.counted, earlier, rules.tables, rules.checks, work.grade, self._base(work), kept
        )

    def _kept(
        self, connection: Connection, work: _Work, compared: tuple[str, ...]
    ) -> list[KeptTable]:
        """Open the earlier tables, the likest first. Raises Unavailable where one cannot be."""
        likest = register.likest_first(connection, compared, work.plan.columns)
        chosen = register.told_once(connection, likest)
        boxes = register.boxes_of(connection, chosen)
        return self._parts.boxes.open(chosen, boxes, work.asker.licence)

    def _sealed(self, work: _Work, table_id: str, protection: Protection) -> bytes:
        """Seal the true cells, and what is shown of them, for the tables that come later."""
        base, totals = self._base(work), protection.totals
        kept = kept_table(work.counted, table_id, work.rows_of, base=base, totals=totals)
        left = kept.with_hidden(work.counted, protection.hidden, protection.summed)
        return self._parts.boxes.seal(left, work.asker.licence)

    def _base(self, work: _Work) -> int:
        """Return the base that counts are rounded to: the rule's, or a coarser one asked for."""
        rule = self._parts.rules.checks.of(work.grade.value).rounding_base
        return max(rule, work.plan.rounding)

    def _recorded(
        self, connection: Connection, work: _Work, name: TableName
    ) -> tuple[Recorded, Protection]:
        """Record the table, held against all that is recorded at that very moment.

        Where another table came between, it is held against that one as well, and tried again.
        """
        compared = register.counting(connection, work.held.population, name)
        for _ in range(RECORD_TRIES):
            protection = self._protected(connection, work, compared)
            new = self._new_table(work, name, compared, protection)
            found = self._submit(work, new)
            if isinstance(found, Recorded):
                return found, found.protection
            connection.rollback()  # a newer snapshot, in which that other table can be read
            if found is not None:
                compared = found
                continue
            known = register.recorded(connection, name, work.plan.digest)
            if known is None or known.extract != work.held.extract:
                break
            return known, known.protection
        raise register_busy()

    def _submit(self, work: _Work, new: NewTable) -> Recorded | tuple[str, ...] | None:
        """Record, or return what it has to be held against instead; None if it was recorded."""

        def apply(connection: Connection, entry: PendingEntry) -> Recorded:
            if register.recorded(connection, new.name, new.plan_digest) is not None:
                raise register.RecordedMeanwhile
            now = register.counting(connection, new.population, new.name)
            if now != new.compared:
                raise register.Overtaken(now)
            register.record(connection, new, entry_index=entry.index, now_us=entry.time_us)
            return Recorded(new.id, new.extract, new.protection, entry.index)

        try:
            return self._parts.writer.submit(self._event(work, new), apply).value
        except register.Overtaken as overtaken:
            return overtaken.now
        except register.RecordedMeanwhile:
            return None

    def _new_table(
        self, work: _Work, name: TableName, compared: tuple[str, ...], protection: Protection
    ) -> NewTable:
        table_id = new_id("tbl")
        return NewTable(
            id=table_id,
            name=name,
            licence=work.asker.licence,
            population=work.held.population,
            dataset=work.plan.dataset,
            version=work.held.version,
            extract=work.held.extract,
            columns=work.plan.columns,
            plan_digest=work.plan.digest,
            plan=work.plan.as_canonical(),
            policy_digest=self._parts.rules.policy_digest,
            compared=compared,
            protection=protection,
            figures=published(work.counted, protection.hidden, totals=protection.totals),
            box=self._sealed(work, table_id, protection),
        )

    def _event(self, work: _Work, new: NewTable) -> AuditEvent:
        public = {
            "release": new.name.request,
            "licence": new.licence,
            "dataset": new.dataset,
            "version": new.version,
            "population": new.population,
            "columns": {new.dataset: list(work.plan.columns)},
            "policy_digest": new.policy_digest,
        }
        private = {
            "table": new.id,
            "plan": canonical_bytes(dict(new.plan)).decode(),
            "compared": canonical_bytes(list(new.compared)).decode(),
        }
        return AuditEvent(EntryKind.TABLE_RECOMPUTED, SYSTEM_ACTOR, public, private)

    def _made(self, work: _Work, protection: Protection, entry_index: int) -> ComputedTable:
        rules, plan = self._parts.rules, work.plan
        table = show(
            work.counted,
            protection.hidden,
            Rounding(self._base(work), protection.summed),
            totals=protection.totals,
            decimals=rules.tables.average_decimals,
        )
        cells = tuple(cells_of(work.counted, place) for place in range(len(plan.parts)))
        return ComputedTable(plan, table, cells, protection.findings, entry_index)


def _earlier(
    connection: Connection, work: _Work, compared: tuple[str, ...], rules: TableRules
) -> Earlier:
    """Return what the register holds of these tables."""
    near = partial(register.near_in_size, connection, compared, work.held.population)
    likest = register.likest_first(connection, compared, work.plan.columns)
    most = rules.register_figures_max
    return Earlier(near, partial(register.figures_of, connection, likest, most=most))
