"""Reading private text: with an open case that covers the entry, logged before anything is opened.

A field is shown only where the rules let its class be read in a case; the others are named as
withheld. A reading without such a case is refused, and the refusal is an entry too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, select

from audit.bodies import PrivateField
from audit.cases.files import Case, CaseState, check_auditor, check_own, require_case
from audit.cases.scope import covered
from audit.events import AuditEvent, Recorded, Writer, no_effect
from audit.reading import LogEntry, entry_at
from audit.retention.classes import Classes
from audit.sealing import KeyRing
from audit.store import entry, entry_private, erasure
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.keys import KeyStore

READ_AT_ONCE_MAX = 500


class FieldState(StrEnum):
    """What became of a private field of an entry."""

    DISCLOSED = "disclosed"
    WITHHELD = "withheld"
    ERASED = "erased"
    LOST = "lost"  # neither there nor erased by an entry: someone tampered with the store


@dataclass(frozen=True)
class FieldFound:
    """One private field: its state, its text where it is disclosed, and who erased it."""

    index: int
    field: str
    state: FieldState
    hidden: PrivateField | None = None
    erased_index: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the field for an auditor; the salt opens the commitment in the entry."""
        told: dict[str, object] = {
            "index": self.index,
            "field": self.field,
            "state": str(self.state),
        }
        if self.hidden is not None:
            told |= {"text": self.hidden.text, "salt": self.hidden.salt.hex()}
        if self.erased_index is not None:
            told["erased_by"] = self.erased_index
        return told


class CaseTexts:
    """Opens private fields for auditors."""

    def __init__(self, engine: Engine, writer: Writer, keys: KeyStore, classes: Classes) -> None:
        """Know where the fields lie and which of them the rules let be read."""
        self._engine = engine
        self._writer = writer
        self._keys = keys
        self._classes = classes

    def read(self, actor: Actor, case: str, indexes: Sequence[int]) -> Recorded[list[FieldFound]]:
        """Log the reading of entries by a case, then return their private fields."""
        check_auditor(actor)
        wanted = sorted(set(indexes))
        if not 0 < len(wanted) <= READ_AT_ONCE_MAX:
            raise InvalidInput(
                "entries_too_many",
                Message(
                    f"一次可阅读 1 至 {READ_AT_ONCE_MAX} 条。",
                    f"Between 1 and {READ_AT_ONCE_MAX} entries are read at once.",
                ),
                field="$.entries",
            )
        try:
            with reading(self._engine) as connection:
                _check_covered(connection, actor, case, wanted)
                names = self.keys_of(connection, wanted)
            public = {"case": case, "entries": wanted, "key_names": names}
            recorded = self._writer.submit(
                AuditEvent(EntryKind.TEXTS_READ, actor, public),
                # once more, beside the entry: the case may have been closed just now
                lambda connection, _entry: _check_covered(connection, actor, case, wanted),
            )
        except (Denied, NotFound) as refusal:
            self._log_refusal(actor, case, wanted, refusal.code)
            refusal.logged = True
            raise
        with reading(self._engine) as connection:
            found = self.found(connection, wanted, KeyRing(self._keys, recorded.citation))
        return Recorded(
            recorded.index, recorded.time_us, recorded.leaf_hash, recorded.receipt, found
        )

    def found(
        self, connection: Connection, indexes: Sequence[int], ring: KeyRing
    ) -> list[FieldFound]:
        """Tell of every private field of these entries what became of it; open what may be."""
        return [
            self._field(connection, item, field, ring)
            for item in (entry_at(connection, index) for index in indexes)
            for field in sorted(item.content["private"])
        ]

    def keys_of(self, connection: Connection, indexes: Sequence[int]) -> list[str]:
        """Return the names of the keys under which readable fields of these entries are sealed."""
        rows = connection.execute(
            select(entry.c.kind, entry_private.c.field, entry_private.c.key_name)
            .join(entry, entry.c.idx == entry_private.c.idx)
            .where(entry_private.c.idx.in_(indexes))
        )
        return sorted({row.key_name for row in rows if self._classes.readable(row.kind, row.field)})

    def _field(
        self, connection: Connection, item: LogEntry, field: str, ring: KeyRing
    ) -> FieldFound:
        here = (entry_private.c.idx == item.index, entry_private.c.field == field)
        row = connection.execute(select(entry_private).where(*here)).one_or_none()
        if row is None:
            gone = connection.execute(
                select(erasure.c.erased_index).where(
                    erasure.c.idx == item.index, erasure.c.field == field
                )
            ).scalar_one_or_none()
            state = FieldState.LOST if gone is None else FieldState.ERASED
            return FieldFound(item.index, field, state, erased_index=gone)
        if not self._classes.readable(item.kind, field):
            return FieldFound(item.index, field, FieldState.WITHHELD)
        return FieldFound(item.index, field, FieldState.DISCLOSED, ring.open(row))

    def _log_refusal(self, actor: Actor, case: str, indexes: Sequence[int], code: str) -> None:
        public = {"case": case, "entries": list(indexes), "code": code}
        self._writer.submit(AuditEvent(EntryKind.TEXTS_REFUSED, actor, public), no_effect)


def _check_covered(connection: Connection, actor: Actor, case: str, indexes: Sequence[int]) -> Case:
    found = require_case(connection, case)
    check_own(actor, found)
    query = select(entry.c.idx).where(entry.c.idx.in_(indexes), covered(found.scopes))
    within = set(connection.execute(query).scalars())
    if found.state is CaseState.CLOSED or within != set(indexes):
        raise Denied(
            "entry_not_covered",
            Message(
                "只有未结案件的有效保全范围所及的条目才可阅读其非公开文字。",
                "Private text is read only of entries that a standing hold of an open case covers.",
            ),
            field="$.entries",
            rule="cases",
            way_out=Message(
                "请先就这些条目设置保全，写明授权、人员、数据集或时段。",
                "Place a hold on them first: name their licence, person, data set or time.",
            ),
        )
    return found
