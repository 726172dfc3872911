"""Cases and their holds: the regulator's auditors open, place, lift and close, and nobody else.

Each move is an entry of the log, and its row changes with it. Only the organisation that opened a
case changes it; a case closes once none of its holds stands.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, insert, select, update

from audit.cases.scope import Scope
from audit.cases.store import audit_case, case_hold
from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from foundation.canonical import canonical_bytes
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, ActorKind, Role
from foundation.ids import new_id

REASON_CHARACTERS_MAX = 1_000


class CaseState(StrEnum):
    """Where a case or a hold stands."""

    OPEN = "open"
    CLOSED = "closed"


class HoldState(StrEnum):
    """Where a hold stands."""

    PLACED = "placed"
    LIFTED = "lifted"


CASE_TRANSITIONS: Mapping[tuple[str, str], EntryKind] = {
    ("none", CaseState.OPEN): EntryKind.CASE_OPENED,
    (CaseState.OPEN, CaseState.CLOSED): EntryKind.CASE_CLOSED,
}
HOLD_TRANSITIONS: Mapping[tuple[str, str], EntryKind] = {
    ("none", HoldState.PLACED): EntryKind.HOLD_PLACED,
    (HoldState.PLACED, HoldState.LIFTED): EntryKind.HOLD_LIFTED,
}


@dataclass(frozen=True)
class Hold:
    """One hold of a case: what it covers, and the entries that placed and lifted it."""

    id: str
    case: str
    state: HoldState
    scope: Scope
    placed_by: str
    placed_index: int
    placed_us: int
    lifted_index: int | None = None

    def as_json(self) -> dict[str, object]:
        """Return the hold for its own auditors."""
        return {
            "id": self.id,
            "state": str(self.state),
            "scope": self.scope.as_json(),
            "placed_by": self.placed_by,
            "placed_index": self.placed_index,
            "placed_us": self.placed_us,
            "lifted_index": self.lifted_index,
        }


@dataclass(frozen=True)
class Case:
    """One case with its holds, oldest first."""

    id: str
    organisation: str
    state: CaseState
    opened_by: str
    opened_index: int
    opened_us: int
    closed_index: int | None
    holds: tuple[Hold, ...]

    @property
    def scopes(self) -> list[Scope]:
        """What the case covers now: the scopes of its standing holds, while it is open."""
        if self.state is CaseState.CLOSED:
            return []
        return [hold.scope for hold in self.holds if hold.state is HoldState.PLACED]

    def as_json(self, *, whole: bool) -> dict[str, object]:
        """Return the case: to others than its auditors only that it exists, and since when."""
        told: dict[str, object] = {
            "id": self.id,
            "organisation": self.organisation,
            "state": str(self.state),
            "opened_us": self.opened_us,
            "holds_standing": len(self.scopes),
        }
        if whole:
            told |= {
                "opened_by": self.opened_by,
                "opened_index": self.opened_index,
                "closed_index": self.closed_index,
                "holds": [hold.as_json() for hold in self.holds],
            }
        return told


class CaseFiles:
    """Opens and closes cases, places and lifts holds."""

    def __init__(self, writer: Writer) -> None:
        """Write through the one writer."""
        self._writer = writer

    def open(self, actor: Actor, grounds: str) -> Recorded[Case]:
        """Open a case; its grounds stay in the private part of the entry."""
        check_auditor(actor)
        case = new_id("case")

        def apply(connection: Connection, entry: PendingEntry) -> Case:
            connection.execute(
                insert(audit_case).values(
                    id=case,
                    organisation=actor.organisation,
                    state=str(CaseState.OPEN),
                    opened_by=actor.person,
                    opened_index=entry.index,
                    opened_us=entry.time_us,
                )
            )
            return require_case(connection, case)

        private = {"grounds": _reason(grounds, "$.grounds")}
        return self._writer.submit(
            AuditEvent(EntryKind.CASE_OPENED, actor, {"case": case}, private), apply
        )

    def place(self, actor: Actor, case: str, scope: Scope) -> Recorded[Case]:
        """Put what a scope covers on hold, from this entry on."""
        check_auditor(actor)
        scope.check()
        hold = new_id("hold")

        def apply(connection: Connection, entry: PendingEntry) -> Case:
            _open_case(connection, actor, case)
            connection.execute(
                insert(case_hold).values(
                    id=hold,
                    case_id=case,
                    state=str(HoldState.PLACED),
                    scope=canonical_bytes(scope.as_json()).decode(),
                    placed_by=actor.person,
                    placed_index=entry.index,
                    placed_us=entry.time_us,
                )
            )
            return require_case(connection, case)

        public = {"case": case, "hold": hold, "scope": scope.as_json()}
        return self._writer.submit(AuditEvent(EntryKind.HOLD_PLACED, actor, public), apply)

    def lift(self, actor: Actor, case: str, hold: str, reason: str) -> Recorded[Case]:
        """Lift a hold for good; the same evidence needs a new one."""
        check_auditor(actor)

        def apply(connection: Connection, entry: PendingEntry) -> Case:
            found = _open_case(connection, actor, case)
            standing = {one.id for one in found.holds if one.state is HoldState.PLACED}
            if hold not in standing:
                raise NotFound(
                    "hold_unknown",
                    Message("该案件没有这项有效的保全。", "This case has no such standing hold."),
                    field="hold",
                )
            connection.execute(
                update(case_hold)
                .where(case_hold.c.id == hold)
                .values(
                    state=str(HoldState.LIFTED),
                    lifted_by=actor.person,
                    lifted_index=entry.index,
                )
            )
            return require_case(connection, case)

        public = {"case": case, "hold": hold}
        private = {"reason": _reason(reason, "$.reason")}
        return self._writer.submit(AuditEvent(EntryKind.HOLD_LIFTED, actor, public, private), apply)

    def close(self, actor: Actor, case: str, reason: str) -> Recorded[Case]:
        """Close a case none of whose holds stands."""
        check_auditor(actor)

        def apply(connection: Connection, entry: PendingEntry) -> Case:
            if _open_case(connection, actor, case).scopes:
                raise Conflict(
                    "case_holds_standing",
                    Message(
                        "案件仍有证据保全未解除，不能结案。", "A hold of this case still stands."
                    ),
                    field="case",
                    way_out=Message("请先逐项解除保全。", "Lift each hold first."),
                )
            connection.execute(
                update(audit_case)
                .where(audit_case.c.id == case)
                .values(state=str(CaseState.CLOSED), closed_index=entry.index)
            )
            return require_case(connection, case)

        private = {"reason": _reason(reason, "$.reason")}
        return self._writer.submit(
            AuditEvent(EntryKind.CASE_CLOSED, actor, {"case": case}, private), apply
        )


def cases(connection: Connection) -> list[Case]:
    """Return all cases, oldest first."""
    rows = connection.execute(select(audit_case).order_by(audit_case.c.opened_index)).all()
    holds = connection.execute(select(case_hold).order_by(case_hold.c.placed_index)).all()
    return [_case(row, [_hold(one) for one in holds if one.case_id == row.id]) for row in rows]


def require_case(connection: Connection, case: str) -> Case:
    """Return a case. Raises NotFound."""
    for found in cases(connection):
        if found.id == case:
            return found
    raise NotFound(
        "case_unknown", Message("没有这个案件。", "There is no such case."), field="case"
    )


def check_auditor(actor: Actor) -> None:
    """Refuse everyone but a natural person of the regulator."""
    if not actor.has(Role.REGULATOR) or actor.kind is not ActorKind.PERSON:
        raise Denied(
            "auditor_only",
            Message(
                "案件与证据保全只能由监管部门的自然人办理。",
                "Cases and holds belong to natural persons of the regulator alone.",
            ),
            field="actor",
            rule="roles",
        )


def check_own(actor: Actor, case: Case) -> None:
    """Refuse auditors of another organisation than the case's own."""
    if actor.organisation != case.organisation:
        raise Denied(
            "case_of_another_organisation",
            Message(
                "该案件由其他监管单位办理，只有该单位可以变更或阅读。",
                "This case belongs to another organisation, which alone may change or use it.",
            ),
            field="case",
            rule="cases",
        )


def _open_case(connection: Connection, actor: Actor, case: str) -> Case:
    found = require_case(connection, case)
    check_own(actor, found)
    if found.state is CaseState.CLOSED:
        raise Conflict(
            "case_closed",
            Message("案件已结案，不能再变更。", "The case is closed and does not change any more."),
            field="case",
            way_out=Message("请另立案件。", "Open another case."),
        )
    return found


def _reason(text: str, field: str) -> str:
    if not text.strip() or len(text) > REASON_CHARACTERS_MAX:
        raise InvalidInput(
            "reason_missing",
            Message(
                f"请写明理由（不超过 {REASON_CHARACTERS_MAX} 字）。",
                f"Give a reason of at most {REASON_CHARACTERS_MAX} characters.",
            ),
            field=field,
        )
    return text


def _case(row: Row[tuple[object, ...]], holds: list[Hold]) -> Case:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented accessor
    return Case(
        id=found["id"],
        organisation=found["organisation"],
        state=CaseState(found["state"]),
        opened_by=found["opened_by"],
        opened_index=found["opened_index"],
        opened_us=found["opened_us"],
        closed_index=found["closed_index"],
        holds=tuple(holds),
    )


def _hold(row: Row[tuple[object, ...]]) -> Hold:
    found = row._mapping  # noqa: SLF001
    return Hold(
        id=found["id"],
        case=found["case_id"],
        state=HoldState(found["state"]),
        scope=Scope.of_json(json.loads(found["scope"])),
        placed_by=found["placed_by"],
        placed_index=found["placed_index"],
        placed_us=found["placed_us"],
        lifted_index=found["lifted_index"],
    )
