"""The outbox: a notice is written in the transaction of its entry, or neither is.

Who receives it, and over which channel, is found out when it is sent: any room may write one here
and knows no address. A notice holds names, dates and numbers of matters, and no data value (I11).
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import Field, field_validator
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    insert,
    or_,
    select,
)

from audit.events import PendingEntry
from catalog.datasets import Frozen
from catalog.entries import Bilingual
from foundation.db import metadata
from foundation.guards import guard_append_only, guard_from_turning_back
from foundation.identity import Actor, Role
from foundation.ids import new_id

KIND_PATTERN = r"^[a-z][a-z_]{0,30}\.[a-z][a-z_]{0,30}$"
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u0085\u2028\u2029]")
LISTED_MAX = 500


class Recipient(Frozen):
    """An organisation's people in any of these roles (none named: all), or one person of it.

    What is for one person goes to them alone: an organisation's webhooks never carry it.
    """

    organisation: str = Field(min_length=1, max_length=64)
    roles: tuple[Role, ...] = ()
    person: str | None = Field(default=None, max_length=64)


class Notice(Frozen):
    """What is to be told: a kind (``matter.reminded``), the object, words, and data for machines.

    ``title`` is one line in each language. ``data`` is JSON without floats; it is what a webhook
    carries beside the words.
    """

    kind: str = Field(pattern=KIND_PATTERN)
    subject: str = Field(min_length=1, max_length=100)
    to: tuple[Recipient, ...] = Field(min_length=1, max_length=200)
    title: Bilingual
    body: Bilingual
    data: dict[str, Any] = Field(default_factory=dict)

    @field_validator("title")
    @classmethod
    def _one_line(cls, title: Bilingual) -> Bilingual:
        if _CONTROL.search(title.zh) or _CONTROL.search(title.en):
            raise ValueError("a title is one line")
        return title


class StoredNotice(Frozen):
    """A notice in the outbox, to one recipient."""

    id: str
    number: int
    entry: int
    time_us: int
    kind: str
    subject: str
    organisation: str
    roles: tuple[Role, ...]
    person: str | None
    title: Bilingual
    body: Bilingual
    data: dict[str, Any]


notice_outbox = Table(
    "notice_outbox",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("entry", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject", String(100), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("roles", String(400), nullable=False),
    Column("person", String(64)),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("dispatched", Boolean, nullable=False),
    Index("ix_notice_outbox_organisation", "organisation", "number"),
    Index("ix_notice_outbox_dispatched", "dispatched", "number"),
)

notice_delivery = Table(
    "notice_delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("notice", String(64), nullable=False),
    Column("channel", String(10), nullable=False),
    Column("target", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("fault", String(60), nullable=False),
    CheckConstraint("channel IN ('email', 'webhook')", name="channel"),
    CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state"),
    Index("ix_notice_delivery_due", "state", "next_us"),
    Index("ix_notice_delivery_notice", "notice"),
    Index("ix_notice_delivery_target", "target", "state"),
)

notice_address = Table(
    "notice_address",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("address", String(254), nullable=False),
    Column("language", String(2), nullable=False),
    Column("since_us", BigInteger, nullable=False),
)

webhook_subscription = Table(
    "webhook_subscription",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation", String(64), nullable=False),
    Column("url", String(500), nullable=False),
    Column("kinds", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Index("ix_webhook_subscription_organisation", "organisation"),
)

overdue_announcement = Table(
    "overdue_announcement",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("entry", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_overdue_announcement_entry", "entry"),
)

guard_append_only("overdue_announcement")
guard_from_turning_back(
    "notice_outbox",
    "NEW.id <> OLD.id OR NEW.entry <> OLD.entry OR NEW.kind <> OLD.kind OR NEW.data <> OLD.data "
    "OR NEW.title <> OLD.title OR NEW.body <> OLD.body OR (OLD.dispatched AND NOT NEW.dispatched)",
)
guard_from_turning_back("notice_delivery", "OLD.state = 'delivered' OR NEW.attempts < OLD.attempts")
guard_from_turning_back(
    "webhook_subscription",
    "OLD.ended_us IS NOT NULL OR NEW.url <> OLD.url OR NEW.organisation <> OLD.organisation",
)


def enqueue(connection: Connection, entry: PendingEntry, notice: Notice) -> list[str]:
    """Write a notice with the entry that is its reason; return an id for each recipient."""
    made = []
    for recipient in notice.to:
        made.append(new_id("ntc"))
        connection.execute(
            insert(notice_outbox).values(
                id=made[-1],
                entry=entry.index,
                time_us=entry.time_us,
                kind=notice.kind,
                subject=notice.subject,
                organisation=recipient.organisation,
                roles=_joined(recipient.roles),
                person=recipient.person,
                title=notice.title.model_dump_json(),
                body=notice.body.model_dump_json(),
                data=json.dumps(notice.data, ensure_ascii=False, sort_keys=True),
                dispatched=False,
            )
        )
    return made


def notices_for(
    connection: Connection, actor: Actor, *, before: int | None = None, limit: int = 100
) -> list[StoredNotice]:
    """List what an actor was told, newest first: themselves, or their organisation and roles."""
    table = notice_outbox
    roles = [table.c.roles.contains(f",{role},", autoescape=True) for role in actor.roles]
    query = select(table).where(
        table.c.organisation == actor.organisation,
        or_(table.c.person.is_(None), table.c.person == actor.person),
        or_(table.c.roles == "", *roles),
    )
    if before is not None:
        query = query.where(table.c.number < before)
    newest = query.order_by(table.c.number.desc()).limit(min(limit, LISTED_MAX))
    return [notice_of(row) for row in connection.execute(newest)]


def notice_of(row: Row[Any]) -> StoredNotice:
    """Rebuild a notice from its row."""
    return StoredNotice(
        id=row.id,
        number=row.number,
        entry=row.entry,
        time_us=row.time_us,
        kind=row.kind,
        subject=row.subject,
        organisation=row.organisation,
        roles=tuple(Role(name) for name in row.roles.split(",") if name),
        person=row.person,
        title=Bilingual.model_validate_json(row.title),
        body=Bilingual.model_validate_json(row.body),
        data=json.loads(row.data),
    )


def _joined(roles: Iterable[Role]) -> str:
    names = ",".join(sorted(set(roles)))
    return f",{names}," if names else ""
