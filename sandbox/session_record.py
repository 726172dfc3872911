"""One session as the store knows it, and how it is read."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from foundation.errors import Message, NotFound
from sandbox.egress import EgressAccount
from sandbox.lifecycle import ANSWERING, SessionMode, SessionState
from sandbox.store import sessions


@dataclass(frozen=True)
class Session:
    """One session as the store knows it.

    ``mode`` is what its questions are answered from; ``review`` the approved review of the
    notebook that it runs, None where the person works freely. What its questions cost is in
    nano-rho and micro-fen.
    """

    id: str
    slot: str | None
    person: str
    organisation: str
    licence: str
    purpose: str
    project: str | None
    mode: SessionMode
    review: str | None
    state: SessionState
    reason: str | None
    egress_bytes: int
    opened_us: int | None
    changed_us: int
    spent_nano_rho: int = 0
    spent_micro_fen: int = 0

    @property
    def answering(self) -> bool:
        """Tell whether it has a sandbox whose questions are answered."""
        return self.state in ANSWERING


def egress_account(session: Session) -> EgressAccount:
    """Return whose egress a session's bytes are."""
    return EgressAccount(session.person, session.licence)


def read_session(connection: Connection, session_id: str) -> Session:
    """Return one session. Raises NotFound."""
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).one_or_none()
    if row is None:
        raise NotFound(
            "session_unknown", Message("没有这个会话。", "There is no such session."), field="id"
        )
    return session_of(row)


def session_of(row: Row[Any]) -> Session:
    """Return a session as its row says."""
    return Session(
        id=row.id,
        slot=row.slot,
        person=row.person,
        organisation=row.organisation,
        licence=row.licence,
        purpose=row.purpose,
        project=row.project or None,
        mode=SessionMode(row.mode),
        review=row.review or None,
        state=SessionState(row.state),
        reason=row.reason,
        egress_bytes=row.egress_bytes,
        opened_us=row.opened_us,
        changed_us=row.changed_us,
        spent_nano_rho=row.spent_nano_rho,
        spent_micro_fen=row.spent_micro_fen,
    )


def count_spend(
    connection: Connection, session_id: str, *, nano_rho: int = 0, micro_fen: int = 0
) -> None:
    """Add what a question cost to its session's own account; for use inside an ``apply``."""
    table = sessions
    connection.execute(
        update(table)
        .where(table.c.id == session_id)
        .values(
            spent_nano_rho=table.c.spent_nano_rho + nano_rho,
            spent_micro_fen=table.c.spent_micro_fen + micro_fen,
        )
    )
