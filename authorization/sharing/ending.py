"""Calls to mind that a term of use is about to end: to the using department, in time to act.

Nothing is prolonged or ended by it: a term that is over closes delivery by itself.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.sharing.parts import STAFF, entry_name
from authorization.sharing.states import DELIVERING, Share, require_share
from authorization.sharing.store import share_request
from catalog.entries import Bilingual
from catalog.matters.clocks import Clocks
from catalog.notices.outbox import Notice, Recipient, enqueue, notice_outbox
from foundation.clock import MICROSECONDS_PER_DAY, Clock
from foundation.db import reading
from foundation.errors import Conflict, Message
from foundation.identity import SYSTEM_ACTOR

KIND = "share.ending"
ROUND_MAX = 100


@dataclass(frozen=True)
class TermReminders:
    """Tells of terms that end in so many civil days; ``days_before`` fall, from the rule file."""

    engine: Engine
    writer: Writer
    clock: Clock
    clocks: Clocks
    days_before: tuple[int, ...]

    def run_once(self) -> int:
        """Write every reminder that is due; return how many were."""
        now_us = self.clock.now_us()
        with reading(self.engine) as connection:
            near = self._near(connection, now_us)
            owing = [name for name in near if self._step(connection, name, now_us) is not None]
        for name in owing[:ROUND_MAX]:
            self._remind(name)
        return len(owing[:ROUND_MAX])

    def _near(self, connection: Connection, now_us: int) -> list[str]:
        table = share_request.c
        horizon_us = now_us + self.days_before[0] * MICROSECONDS_PER_DAY
        query = (
            select(table.id)
            .where(table.state.in_([str(state) for state in DELIVERING]))
            .where(table.until_us > now_us, table.until_us <= horizon_us)
            .order_by(table.until_us, table.id)
        )
        return list(connection.execute(query).scalars())

    def _step(self, connection: Connection, name: str, now_us: int) -> int | None:
        """Return which reminder is due and not given yet, counted from 1."""
        share = require_share(connection, name)
        if share.state not in DELIVERING or share.until_us is None or share.until_us <= now_us:
            return None
        told = select(func.max(notice_outbox.c.time_us)).where(
            notice_outbox.c.kind == KIND, notice_outbox.c.subject == name
        )
        last_us = connection.execute(told).scalar()
        given = 0 if last_us is None else self._reached(share.until_us - last_us)
        reached = self._reached(share.until_us - now_us)
        return reached if reached > given else None

    def _reached(self, left_us: int) -> int:
        return sum(left_us <= days * MICROSECONDS_PER_DAY for days in self.days_before)

    def _remind(self, name: str) -> None:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            step = self._step(connection, name, entry.time_us)
            if step is None:
                raise Conflict(
                    "share_reminded",
                    Message("已提醒，或不再需要。", "Told already, or no longer of use."),
                )
            share = require_share(connection, name)
            entry.amend(requester=share.requester, step=step)
            enqueue(connection, entry, self._notice(connection, share))

        event = AuditEvent(EntryKind.SHARE_TERM_REMINDED, SYSTEM_ACTOR, {"share": name})
        self.writer.submit(event, apply)

    def _notice(self, connection: Connection, share: Share) -> Notice:
        name = entry_name(connection, share.entry)
        last = self.clocks.rules.calendar.civil_day((share.until_us or 1) - 1).isoformat()
        return Notice(
            kind=KIND,
            subject=share.id,
            to=(Recipient(organisation=share.requester, roles=STAFF),),
            title=Bilingual(
                zh=f"共享申请{share.case_number}的使用时限至{last}止",
                en=f"Request {share.case_number}: the term of use ends on {last}",
            ),
            body=Bilingual(
                zh=f"《{name.zh}》：到期停止供给。仍需使用的请重新申请；用毕的请销毁并确认。",
                en=f"{name.en}: delivery ends then. Apply anew where you need it longer; destroy "
                "what is done with, and certify it.",
            ),
            data={"share": share.id, "case": share.case_number, "until": last},
        )
