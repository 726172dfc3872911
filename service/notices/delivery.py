"""Brings notices to their people and organisations: at least once, with retries, then set aside.

Who a notice is for is looked up when it is sent, so that whoever left in between gets none. Each
round's outcome is one entry. What fails for good stands in a list that a person may put back; no
receiver, however slow, holds up another's round for longer than its own time.
"""

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store as registry
from authorization.persons import actor_for_person
from catalog.notices.outbox import (
    StoredNotice,
    notice_address,
    notice_delivery,
    notice_of,
    notice_outbox,
)
from foundation.clock import MICROSECONDS_PER_SECOND, Clock, to_iso
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import new_id
from policies.schema.notices import NoticeRules
from service.notices.webhooks import (
    Subscription,
    Webhooks,
    subscription_by_id,
    subscriptions_of,
)
from service.outbound import NotSent
from service.outbound_mail import MailServer, Rejected

PER_TARGET_MAX = 3  # of one round: many notices for one slow receiver leave room for others
AT_ONCE = 8
GONE = 410
FAULT_CHARACTERS_MAX = 60
NEVER_US = 2**62


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt; ``final``: trying again is of no use."""

    delivery: str
    attempts: int
    fault: str = ""
    final: bool = False


@dataclass(frozen=True)
class NoticeDelivery:
    """Sends what stands in the outbox. Without a mail server no e-mail is made."""

    engine: Engine
    writer: Writer
    clock: Clock
    rules: NoticeRules
    webhooks: Webhooks
    mail: MailServer | None
    origin: str
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notice")
    )

    def run_once(self) -> None:
        """Give new notices to their channels, then try what is due."""
        self.dispatch()
        self.attempt()

    def close(self) -> None:
        """Let what is being sent end; nothing new begins."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def dispatch(self) -> int:
        """Find the receivers of new notices; return how many deliveries were made."""
        with reading(self.engine) as connection:
            if not self._new(connection):
                return 0

        def apply(connection: Connection, entry: PendingEntry) -> int:
            fresh = self._new(connection)
            made = sum(self._give(connection, notice, entry.time_us) for notice in fresh)
            entry.amend(notices=len(fresh), deliveries=made)
            return made

        event = AuditEvent(EntryKind.NOTICES_DISPATCHED, SYSTEM_ACTOR)
        return self.writer.submit(event, apply).value

    def attempt(self) -> list[Outcome]:
        """Try every delivery that is due, and record what became of all of them at once."""
        now_us = self.clock.now_us()
        with reading(self.engine) as connection:
            due = self._due(connection, now_us)
        if not due:
            return []
        outcomes = list(self._pool.map(self._tried, due))
        self._record(outcomes)
        return outcomes

    def revive(self, actor: Actor, delivery: str) -> Recorded[None]:
        """Put back a delivery of the actor's organisation that was given up: one more attempt."""

        def apply(connection: Connection, entry: PendingEntry) -> None:
            found = next(
                (one for one in undelivered(connection, actor) if one["delivery"] == delivery), None
            )
            if found is None:
                raise NotFound(
                    "delivery_unknown",
                    Message("没有该未送达的通知。", "There is no such undelivered notice."),
                )
            if found["state"] != "dead":
                raise Conflict(
                    "delivery_under_way",
                    Message("该通知仍在投递中。", "The notice is still being tried."),
                )
            table = notice_delivery
            connection.execute(
                update(table)
                .where(table.c.id == delivery)
                .values(state="waiting", next_us=entry.time_us)
            )

        event = AuditEvent(EntryKind.DELIVERY_REVIVED, actor, {"delivery": delivery})
        return self.writer.submit(event, apply)

    def _new(self, connection: Connection) -> list[StoredNotice]:
        table = notice_outbox
        query = select(table).where(table.c.dispatched.is_(False)).order_by(table.c.number)
        found = connection.execute(query.limit(self.rules.round_deliveries_max))
        return [notice_of(row) for row in found]

    def _give(self, connection: Connection, notice: StoredNotice, now_us: int) -> int:
        targets = [("email", person) for person in self._persons(connection, notice, now_us)]
        live = subscriptions_of(connection, notice.organisation, live=True)
        targets += [
            ("webhook", one.id)
            for one in live
            if one.wants(notice.kind) and _may_hear(connection, one, notice)
        ]
        for channel, target in targets:
            connection.execute(
                insert(notice_delivery).values(
                    id=new_id("dlv"),
                    notice=notice.id,
                    channel=channel,
                    target=target,
                    state="waiting",
                    attempts=0,
                    next_us=now_us,
                    fault="",
                )
            )
        table = notice_outbox
        connection.execute(update(table).where(table.c.id == notice.id).values(dispatched=True))
        return len(targets)

    def _persons(self, connection: Connection, notice: StoredNotice, now_us: int) -> list[str]:
        """Name whom a notice reaches by mail: with an address, in the house, in the role, now."""
        if self.mail is None:
            return []
        address, member, role = notice_address, registry.affiliation, registry.person_role
        query = (
            select(address.c.person)
            .distinct()
            .join(member, member.c.person == address.c.person)
            .join(registry.person, registry.person.c.id == address.c.person)
            .where(
                member.c.organisation == notice.organisation,
                member.c.ended_us.is_(None),
                registry.person.c.state == "active",
            )
        )
        if notice.person is not None:
            query = query.where(address.c.person == notice.person)
        if notice.roles:
            query = query.join(role, role.c.person == address.c.person).where(
                role.c.role.in_([str(one) for one in notice.roles]),
                or_(role.c.until_us.is_(None), role.c.until_us > now_us),
            )
        return list(connection.execute(query.order_by(address.c.person)).scalars())

    def _due(self, connection: Connection, now_us: int) -> list[Row[Any]]:
        table = notice_delivery
        query = (
            select(table)
            .where(table.c.state == "waiting", table.c.next_us <= now_us)
            .order_by(table.c.next_us, table.c.id)
        )
        taken: Counter[str] = Counter()
        due: list[Row[Any]] = []
        for row in connection.execute(query.limit(10 * self.rules.round_deliveries_max)):
            taken[row.target] += 1
            if taken[row.target] <= PER_TARGET_MAX and len(due) < self.rules.round_deliveries_max:
                due.append(row)
        return due

    def _tried(self, row: Row[Any]) -> Outcome:
        attempts = row.attempts + 1
        try:
            with reading(self.engine) as connection:
                notice = _notice(connection, row.notice)
            if row.channel == "webhook":
                fault, final = self._called(row, notice)
            else:
                fault, final = self._mailed(row, notice)
        except Rejected as refusal:
            fault, final = str(refusal), True
        except NotSent as failure:
            fault, final = str(failure), False
        except Exception as failure:  # noqa: BLE001 - one delivery's fault is no other's
            fault, final = type(failure).__name__, False
        return Outcome(row.id, attempts, fault[:FAULT_CHARACTERS_MAX], final)

    def _called(self, row: Row[Any], notice: StoredNotice) -> tuple[str, bool]:
        with reading(self.engine) as connection:
            found = subscription_by_id(connection, row.target)
            heard = found is not None and _may_hear(connection, found, notice)
        if found is None or found.ended_us is not None:
            return "subscription_ended", True
        if not heard:
            return "subscriber_gone", True
        body = body_of(row.id, notice)
        headers = self.webhooks.headers(found.id, row.id, self.clock.now_us(), body)
        status = self.webhooks.outbound.post(found.url, body, headers).status
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's own classes
            return "", False
        return f"status_{status}", status == GONE

    def _mailed(self, row: Row[Any], notice: StoredNotice) -> tuple[str, bool]:
        with reading(self.engine) as connection:
            query = select(notice_address).where(notice_address.c.person == row.target)
            address = connection.execute(query).first()
        if address is None or self.mail is None:
            return "address_forgotten", True
        zh = address.language == "zh"
        title = notice.title.zh if zh else notice.title.en
        text = notice.body.zh if zh else notice.body.en
        foot = "请登录平台办理" if zh else "Please sign in to the platform"
        written = f"{text}\n\n{foot}: {self.origin}\n"
        self.mail.send(address.address, title, written, row.id)
        return "", False

    def _record(self, outcomes: list[Outcome]) -> None:
        ends: Mapping[str, list[str]] = {"delivered": [], "waiting": [], "dead": []}
        for one in outcomes:
            ends[self._state(one)].append(one.delivery)

        def apply(connection: Connection, entry: PendingEntry) -> None:
            table = notice_delivery
            for one in outcomes:
                state = self._state(one)
                connection.execute(
                    update(table)
                    .where(table.c.id == one.delivery, table.c.state == "waiting")
                    .values(
                        state=state,
                        attempts=one.attempts,
                        fault=one.fault,
                        next_us=entry.time_us + self._wait_us(one)
                        if state == "waiting"
                        else NEVER_US,
                    )
                )

        event = AuditEvent(EntryKind.NOTICES_ATTEMPTED, SYSTEM_ACTOR, dict(ends))
        self.writer.submit(event, apply)

    def _state(self, one: Outcome) -> str:
        if not one.fault:
            return "delivered"
        over = one.attempts > len(self.rules.retry_seconds)
        return "dead" if one.final or over else "waiting"

    def _wait_us(self, one: Outcome) -> int:
        return self.rules.retry_seconds[one.attempts - 1] * MICROSECONDS_PER_SECOND


def _may_hear(connection: Connection, found: Subscription, notice: StoredNotice) -> bool:
    """Tell whether whoever made a webhook would be told this themselves, now.

    A webhook is the organisation's, so what is for one person alone never goes out by it, and no
    way around roles; it tells nothing more once its maker was suspended or has left.
    """
    try:
        maker = actor_for_person(connection, found.made_by, found.organisation)
    except SandgateError:
        return False
    by_role = not notice.roles or bool(maker.roles & set(notice.roles))
    return by_role and notice.person is None


def body_of(delivery: str, notice: StoredNotice) -> bytes:
    """Return a webhook's body: JSON, the same bytes at each attempt."""
    told = {
        "delivery": delivery,
        "notice": notice.id,
        "kind": notice.kind,
        "subject": notice.subject,
        "at": to_iso(notice.time_us),
        "entry": notice.entry,
        "title": notice.title.model_dump(),
        "text": notice.body.model_dump(),
        "data": notice.data,
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def undelivered(connection: Connection, actor: Actor, *, limit: int = 200) -> list[dict[str, Any]]:
    """List what the actor's organisation was not brought: given up, or failed and tried again."""
    delivery, notice = notice_delivery, notice_outbox
    query = (
        select(delivery, notice.c.kind, notice.c.subject, notice.c.time_us)
        .join(notice, notice.c.id == delivery.c.notice)
        .where(notice.c.organisation == actor.organisation, delivery.c.state != "delivered")
        .where(or_(delivery.c.channel == "webhook", delivery.c.target == actor.person))
        .where(delivery.c.attempts > 0)
        .order_by(notice.c.number.desc())
    )
    return [
        {
            "delivery": row.id,
            "channel": row.channel,
            "target": row.target,
            "state": row.state,
            "attempts": row.attempts,
            "fault": row.fault,
            "kind": row.kind,
            "subject": row.subject,
            "at": to_iso(row.time_us),
        }
        for row in connection.execute(query.limit(limit))
    ]


def _notice(connection: Connection, notice_id: str) -> StoredNotice:
    query = select(notice_outbox).where(notice_outbox.c.id == notice_id)
    return notice_of(connection.execute(query).one())
