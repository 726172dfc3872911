"""Erasing what is past its term: proposed by one person, confirmed and carried out by another.

Refused before the term is over (with the day from which it is allowed) and while an open case
holds any of it. What is erased is named field by field in the entry that erases it; the entries
themselves, their leaves and commitments stay. A refusal is an entry too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import Connection, Engine, Row, bindparam, delete, insert, select

from audit.cases.files import cases
from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.retention.classes import Classes, RecordClass
from audit.retention.due import fields_before, holding, unheld
from audit.retention.keys import TextKeys
from audit.retention.store import purge_confirmation, purge_proposal
from audit.store import entry_private, erasure
from audit.tags import EntryKind
from foundation.db import forget_deleted
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from foundation.terms import local_day, over_from, start_of_day_us

T = TypeVar("T")
ERASED_PER_ENTRY_MAX = 3_000  # their indexes fit into one entry of the log

SecondPerson = Callable[[Actor, str, int], None]
"""Raises where an actor may not confirm what (person, UTC microseconds) was proposed."""


@dataclass(frozen=True)
class Proposal:
    """What one person proposed to erase, and who confirmed it, if anybody did."""

    id: str
    record_class: str
    before_us: int
    leave_held: bool
    proposed_by: str
    proposed_us: int
    confirmed_by: str | None

    def as_json(self) -> dict[str, object]:
        """Return the proposal for authority and regulator."""
        return {
            "id": self.id,
            "record_class": self.record_class,
            "before": local_day(self.before_us).isoformat(),
            "leave_held": self.leave_held,
            "proposed_by": self.proposed_by,
            "proposed_us": self.proposed_us,
            "confirmed_by": self.confirmed_by,
        }


@dataclass(frozen=True)
class Purged:
    """What a purge did. ``files_clean``: no page of the database's files holds a deleted row."""

    proposal: Proposal
    entries: tuple[int, ...]
    erased: int
    keys_destroyed: tuple[str, ...]
    files_clean: bool


class PurgeDesk:
    """Proposes and carries out purges."""

    def __init__(self, engine: Engine, writer: Writer, keys: TextKeys, classes: Classes) -> None:
        """Know the rules, and the keys that go with what is erased."""
        self._engine = engine
        self._writer = writer
        self._keys = keys
        self._classes = classes

    def propose(
        self, actor: Actor, class_name: str, before: date | None, *, leave_held: bool = False
    ) -> Recorded[Proposal]:
        """Propose to erase a class's fields of entries before a day in China, or all that are due.

        With ``leave_held`` what a case holds is left out instead of stopping the purge.
        """
        found = self._purged_class(class_name)
        proposal = new_id("prg")

        def apply(connection: Connection, entry: PendingEntry) -> Proposal:
            due_us = found.due_before_us(entry.time_us)
            before_us = due_us if before is None else start_of_day_us(before)
            self._check(connection, found, before_us, entry.time_us, leave_held=leave_held)
            connection.execute(
                insert(purge_proposal).values(
                    id=proposal,
                    record_class=class_name,
                    before_us=before_us,
                    leave_held=leave_held,
                    proposed_by=actor.person,
                    proposed_index=entry.index,
                    proposed_us=entry.time_us,
                )
            )
            entry.amend(before_us=before_us)
            return require_proposal(connection, proposal)

        public = {"purge": proposal, "record_class": class_name, "leave_held": leave_held}
        event = AuditEvent(EntryKind.PURGE_PROPOSED, actor, public)
        return self._submitted(event, apply)

    def confirm(self, actor: Actor, proposal: str, second_person: SecondPerson) -> Purged:
        """Confirm a proposal once and carry it out; every step is an entry of its own."""
        entries: list[int] = []
        destroyed: list[str] = []
        erased, count = 0, ERASED_PER_ENTRY_MAX
        while count == ERASED_PER_ENTRY_MAX:
            done = self._erase(actor, proposal, None if entries else second_person)
            count, idle = done.value
            erased += count
            entries.append(done.index)
            for name in idle:
                self._keys.destroy(actor, name, done.citation)
                destroyed.append(name)
        with self._engine.connect() as connection:
            found = require_proposal(connection, proposal)
        clean = forget_deleted(self._engine, "entry_private")
        return Purged(found, tuple(entries), erased, tuple(destroyed), clean)

    def _erase(
        self, actor: Actor, proposal: str, second_person: SecondPerson | None
    ) -> Recorded[tuple[int, list[str]]]:
        def apply(connection: Connection, entry: PendingEntry) -> tuple[int, list[str]]:
            found = require_proposal(connection, proposal)
            if second_person is not None:
                _confirm(connection, actor, found, entry, second_person)
            item = self._purged_class(found.record_class)
            self._check(
                connection, item, found.before_us, entry.time_us, leave_held=found.leave_held
            )
            query = unheld(fields_before(self._classes, item, found.before_us), cases(connection))
            rows = connection.execute(
                query.order_by(entry_private.c.idx, entry_private.c.field).limit(
                    ERASED_PER_ENTRY_MAX
                )
            ).all()
            _delete(connection, rows, entry.index)
            idle = self._keys.idle(connection, {row.key_name for row in rows}, entry.time_us)
            entry.amend(
                record_class=found.record_class,
                count=len(rows),
                erased=_by_field(rows),
                key_names=idle,
            )
            return len(rows), idle

        event = AuditEvent(EntryKind.FIELDS_ERASED, actor, {"purge": proposal})
        return self._submitted(event, apply)

    def _check(
        self,
        connection: Connection,
        item: RecordClass,
        before_us: int,
        now_us: int,
        *,
        leave_held: bool,
    ) -> None:
        if before_us > item.due_before_us(now_us):
            raise _early(item, before_us)
        if leave_held:
            return
        due = fields_before(self._classes, item, before_us)
        held, by = holding(connection, due, cases(connection))
        if held:
            raise _held(held, by)

    def _submitted(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        """Submit; a refusal for the sake of term or case is itself an entry."""
        try:
            return self._writer.submit(event, apply)
        except PurgeRefused as refusal:
            public = {**event.public, "code": refusal.code, **refusal.about}
            refused = AuditEvent(EntryKind.PURGE_REFUSED, event.actor, public)
            self._writer.submit(refused, no_effect)
            raise

    def _purged_class(self, name: str) -> RecordClass:
        found = self._classes.named(name)
        if found is None or not found.purged:
            raise InvalidInput(
                "class_not_purged",
                Message(
                    "没有这个记录类别，或该类记录不经清理命令抹除。",
                    "There is no such class of record, or none that a purge erases.",
                ),
                field="$.record_class",
                rule="policies/retention",
            )
        return found


class PurgeRefused(Conflict):
    """The term is not over, or a case holds what was to be erased."""

    def __init__(
        self, code: str, message: Message, way_out: Message, about: dict[str, object]
    ) -> None:
        """Keep what the entry of the refusal says."""
        super().__init__(code, message, rule="policies/retention", way_out=way_out)
        self.about = about


def proposals(connection: Connection) -> list[Proposal]:
    """Return all proposals, oldest first."""
    query = (
        select(purge_proposal, purge_confirmation.c.confirmed_by)
        .outerjoin(purge_confirmation, purge_confirmation.c.proposal == purge_proposal.c.id)
        .order_by(purge_proposal.c.proposed_index)
    )
    return [
        Proposal(
            id=row.id,
            record_class=row.record_class,
            before_us=row.before_us,
            leave_held=bool(row.leave_held),
            proposed_by=row.proposed_by,
            proposed_us=row.proposed_us,
            confirmed_by=row.confirmed_by,
        )
        for row in connection.execute(query)
    ]


def require_proposal(connection: Connection, proposal: str) -> Proposal:
    """Return a proposal. Raises NotFound."""
    for found in proposals(connection):
        if found.id == proposal:
            return found
    raise NotFound(
        "purge_unknown", Message("没有这项清理。", "There is no such purge."), field="purge"
    )


def _confirm(
    connection: Connection,
    actor: Actor,
    found: Proposal,
    entry: PendingEntry,
    second_person: SecondPerson,
) -> None:
    second_person(actor, found.proposed_by, found.proposed_us)
    if found.confirmed_by is not None:
        raise Conflict(
            "purge_confirmed",
            Message("该清理已确认并执行。", "This purge was confirmed and carried out."),
            field="purge",
            way_out=Message(
                "尚有到期记录时请另行提出。", "Propose another for what is due meanwhile."
            ),
        )
    connection.execute(
        insert(purge_confirmation).values(
            proposal=found.id,
            confirmed_by=actor.person,
            confirmed_index=entry.index,
            confirmed_us=entry.time_us,
        )
    )


def _delete(connection: Connection, rows: Sequence[Row[tuple[int, str, str]]], by: int) -> None:
    if not rows:
        return
    connection.execute(
        insert(erasure),
        [{**row._mapping, "erased_index": by} for row in rows],  # noqa: SLF001
    )
    connection.execute(
        delete(entry_private).where(
            entry_private.c.idx == bindparam("at"), entry_private.c.field == bindparam("named")
        ),
        [{"at": row.idx, "named": row.field} for row in rows],
    )


def _by_field(rows: Iterable[Row[tuple[int, str, str]]]) -> dict[str, list[int]]:
    erased: dict[str, list[int]] = {}
    for row in rows:
        erased.setdefault(row.field, []).append(row.idx)
    return erased


def _early(item: RecordClass, before_us: int) -> PurgeRefused:
    allowed = over_from(before_us - 1, item.minimum_months).isoformat()
    return PurgeRefused(
        "purge_early",
        Message(
            f"“{item.label_zh}”须至少保存 {item.minimum_months} 个月，未到期不得清理；"
            f"所请范围自 {allowed} 起方可清理。",
            f"The {item.label_en} are kept for at least {item.minimum_months} months; what was "
            f"asked for may be erased from {allowed} on.",
        ),
        Message(
            "请改用更早的截止日期，或不指定日期以只清理已到期的记录。",
            "Name an earlier day, or none to erase only what is due.",
        ),
        {"allowed_from": allowed},
    )


def _held(count: int, by: list[str]) -> PurgeRefused:
    return PurgeRefused(
        "purge_held",
        Message(
            f"其中 {count} 项被未结案件保全（{'、'.join(by)}），清理未执行。",
            f"Open cases hold {count} of them ({', '.join(by)}); nothing was erased.",
        ),
        Message(
            "请待监管部门解除保全，或指定 leave_held 只清理未被保全的部分。",
            "Wait until the regulator lifts the hold, or use leave_held to erase only the rest.",
        ),
        {"cases": by, "count": count},
    )
