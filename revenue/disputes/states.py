"""The states of a dispute as a table, and what each keeps from being distributed.

Open → held → upheld or dismissed; nothing else, and never back. From its opening to its decision
no line that it names is distributed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, select

from foundation.errors import Conflict, Message, NotFound
from revenue.flow.pool_state import PoolState, payee_of
from revenue.flow.store import dispute, dispute_move


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    HELD = "held"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


NEXT: Mapping[DisputeState, tuple[DisputeState, ...]] = {
    DisputeState.OPEN: (DisputeState.HELD,),
    DisputeState.HELD: (DisputeState.UPHELD, DisputeState.DISMISSED),
    DisputeState.UPHELD: (),
    DisputeState.DISMISSED: (),
}
UNDECIDED = (DisputeState.OPEN, DisputeState.HELD)


@dataclass(frozen=True)
class Dispute:
    """A dispute and where it stands. ``hold`` is the journal that holds its money, if any."""

    id: str
    period: str
    licence: str
    party: str
    organisation: str
    opened_by: str
    opened_us: int
    state: DisputeState
    hold: str | None

    def covers(self, line: str) -> bool:
        """Tell whether it keeps a line: a payee its own, a payer every one."""
        return self.party == "payer" or payee_of(line) == self.organisation

    def as_json(self) -> dict[str, object]:
        """Return the dispute for its parties, the authority and the regulator."""
        return {
            "id": self.id,
            "period": self.period,
            "licence": self.licence,
            "party": self.party,
            "organisation": self.organisation,
            "opened_by": self.opened_by,
            "opened_us": self.opened_us,
            "state": self.state.value,
            "hold": self.hold,
        }


def check_next(found: Dispute, wanted: DisputeState) -> None:
    """Refuse a move that the table of states does not know."""
    if wanted not in NEXT[found.state]:
        raise Conflict(
            "dispute_state_forbids",
            Message(
                f"异议当前状态为“{found.state.value}”，不能转为“{wanted.value}”。",
                f"The dispute is {found.state.value}, so it cannot become {wanted.value}.",
            ),
            field="$.dispute",
            rule="revenue/disputes",
        )


def require_dispute(connection: Connection, name: str) -> Dispute:
    """Return a dispute. Raises NotFound."""
    row = connection.execute(select(dispute).where(dispute.c.id == name)).first()
    if row is None:
        raise NotFound(
            "dispute_unknown",
            Message("没有这项异议。", "There is no such dispute."),
            field="$.dispute",
        )
    return _dispute(connection, row)


def disputes(connection: Connection) -> list[Dispute]:
    """Return all disputes, oldest first."""
    rows = connection.execute(select(dispute).order_by(dispute.c.opened_index)).all()
    return [_dispute(connection, row) for row in rows]


def disputes_of(connection: Connection, period_id: str, licence: str) -> list[Dispute]:
    """Return the disputes of a pool, oldest first."""
    query = select(dispute).where(dispute.c.period_id == period_id, dispute.c.licence == licence)
    rows = connection.execute(query.order_by(dispute.c.opened_index)).all()
    return [_dispute(connection, row) for row in rows]


def disputed_lines(state: PoolState, found: list[Dispute]) -> frozenset[str]:
    """Return the lines of a pool that an undecided dispute covers."""
    undecided = [one for one in found if one.state in UNDECIDED]
    return frozenset(
        line
        for line in {*state.lines, *state.allotted}
        if any(one.covers(line) for one in undecided)
    )


def _dispute(connection: Connection, row: Row[*tuple[object, ...]]) -> Dispute:
    query = select(dispute_move.c.state, dispute_move.c.journal_id)
    rows = connection.execute(query.where(dispute_move.c.dispute == row.id))
    moved: dict[str, str | None] = {state: journal_id for state, journal_id in rows}  # noqa: C416
    decided = [one for one in (DisputeState.UPHELD, DisputeState.DISMISSED) if one.value in moved]
    waiting = DisputeState.HELD if "held" in moved else DisputeState.OPEN
    return Dispute(
        id=row.id,
        period=row.period_id,
        licence=row.licence,
        party=row.party,
        organisation=row.organisation,
        opened_by=row.opened_by,
        opened_us=row.opened_us,
        state=decided[0] if decided else waiting,
        hold=moved.get("held"),
    )
