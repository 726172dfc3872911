"""Webhook subscriptions of an organisation, and the signature by which it knows what is ours.

Each subscription's secret is made from a pepper that never leaves the key store, is shown once,
and is stored nowhere. A delivery is signed over its time and body: HMAC-SHA-256 of
``timestamp "." body``. Its id stays the same over all attempts, so that the receiver counts once.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, func, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Frozen
from catalog.notices.outbox import webhook_subscription
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, ActorKind, Role
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.notices import NoticeRules
from service.outbound_callers import CallerOutbound
from service.tokens import base64url

PEPPER = "webhooks"
SUBSCRIBERS = frozenset(
    {Role.AUTHORITY, Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.OPERATOR, Role.DEVELOPER}
)
KINDS_MAX = 50
URL_CHARACTERS_MAX = 500
KIND = re.compile(r"\*|[a-z][a-z_]{0,30}\.(\*|[a-z][a-z_]{0,30})")


class Subscription(Frozen):
    """A subscription; its secret is not part of it."""

    id: str
    organisation: str
    url: str
    kinds: tuple[str, ...]
    made_by: str
    made_us: int
    ended_us: int | None

    def wants(self, kind: str) -> bool:
        """Tell whether it is for a kind of notice: by name, by ``area.*``, or for all."""
        area = kind.partition(".")[0]
        return bool({kind, f"{area}.*", "*"} & set(self.kinds))


@dataclass(frozen=True)
class Webhooks:
    """Makes and ends subscriptions and signs what goes out."""

    writer: Writer
    keys: KeyStore
    outbound: CallerOutbound
    rules: NoticeRules

    def subscribe(
        self, actor: Actor, url: str, kinds: Sequence[str]
    ) -> tuple[Recorded[Subscription], str]:
        """Subscribe the actor's organisation; return the subscription and its secret, once."""
        _check_subscriber(actor)
        if len(url) > URL_CHARACTERS_MAX:
            raise _invalid("$.url", "网址过长。", "The URL is too long.")
        self.outbound.check(url)
        wanted = _checked_kinds(kinds)
        made = new_id("hook")
        event = AuditEvent(
            EntryKind.WEBHOOK_SUBSCRIBED,
            actor,
            {
                "subscription": made,
                "organisation": actor.organisation,
                "host": urlsplit(url).hostname or "",
                "kinds": list(wanted),
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Subscription:
            self._check_room(connection, actor.organisation)
            made_now = Subscription(
                id=made,
                organisation=actor.organisation,
                url=url,
                kinds=wanted,
                made_by=actor.person,
                made_us=entry.time_us,
                ended_us=None,
            )
            values = made_now.model_dump() | {"kinds": json.dumps(wanted)}
            connection.execute(insert(webhook_subscription).values(values))
            return made_now

        return self.writer.submit(event, apply), self.secret(made)

    def end(self, actor: Actor, subscription: str) -> Recorded[Subscription]:
        """End a subscription of the actor's own organisation, for good."""
        _check_subscriber(actor)

        def apply(connection: Connection, entry: PendingEntry) -> Subscription:
            found = subscription_by_id(connection, subscription)
            if found is None or found.organisation != actor.organisation:
                raise _unknown()
            if found.ended_us is not None:
                raise Conflict(
                    "webhook_ended",
                    Message("该订阅已终止。", "The subscription has ended."),
                    field="subscription",
                )
            table = webhook_subscription
            connection.execute(
                update(table).where(table.c.id == found.id).values(ended_us=entry.time_us)
            )
            return found.model_copy(update={"ended_us": entry.time_us})

        event = AuditEvent(EntryKind.WEBHOOK_ENDED, actor, {"subscription": subscription})
        return self.writer.submit(event, apply)

    def secret(self, subscription: str) -> str:
        """Return the secret of a subscription, for its maker and for signing."""
        made = self.keys.keyed_digest(PEPPER, subscription.encode())
        return base64url(made)

    def headers(
        self, subscription: str, delivery: str, time_us: int, body: bytes
    ) -> dict[str, str]:
        """Return the headers of one attempt: what it is, when it was signed, and the signature."""
        seconds = time_us // 1_000_000
        return {
            "Content-Type": "application/json",
            "User-Agent": "Sandgate",
            "Sandgate-Delivery": delivery,
            "Sandgate-Timestamp": str(seconds),
            "Sandgate-Signature": f"v1={signature(self.secret(subscription), seconds, body)}",
        }

    def _check_room(self, connection: Connection, organisation: str) -> None:
        table = webhook_subscription
        live = select(func.count()).where(
            table.c.organisation == organisation, table.c.ended_us.is_(None)
        )
        most = self.rules.subscriptions_per_organisation_max
        if connection.execute(live).scalar_one() >= most:
            raise Conflict(
                "webhooks_too_many",
                Message(
                    f"每个机构最多{most}个订阅。", f"An organisation has at most {most} webhooks."
                ),
                rule="policies/notices",
            )


def signature(secret: str, seconds: int, body: bytes) -> str:
    """Return the signature (hexadecimal) that a receiver compares with the one it was sent."""
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def subscription_by_id(connection: Connection, subscription: str) -> Subscription | None:
    """Return a subscription, ended or not, or None."""
    query = select(webhook_subscription).where(webhook_subscription.c.id == subscription)
    row = connection.execute(query).first()
    return None if row is None else _subscription_of(row)


def subscriptions_of(
    connection: Connection, organisation: str, *, live: bool = False
) -> list[Subscription]:
    """List the subscriptions of an organisation, oldest first."""
    table = webhook_subscription
    query = select(table).where(table.c.organisation == organisation)
    if live:
        query = query.where(table.c.ended_us.is_(None))
    ordered = query.order_by(table.c.made_us, table.c.id)
    return [_subscription_of(row) for row in connection.execute(ordered)]


def _subscription_of(row: Row[Any]) -> Subscription:
    fields = dict(row._mapping)  # noqa: SLF001 - the row's own columns
    return Subscription.model_validate(fields | {"kinds": tuple(json.loads(row.kinds))})


def _checked_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(sorted(set(kinds)))
    if not 1 <= len(wanted) <= KINDS_MAX or not all(map(KIND.fullmatch, wanted)):
        raise _invalid(
            "$.kinds",
            "请列明通知类别，如 matter.* 或 matter.reminded。",
            "Name kinds of notices, such as matter.* or matter.reminded.",
        )
    return wanted


def _check_subscriber(actor: Actor) -> None:
    if actor.kind is not ActorKind.PERSON or not actor.roles & SUBSCRIBERS:
        raise Denied(
            "webhook_denied",
            Message(
                "推送订阅须由本机构的经办人员或负责人办理。",
                "A webhook is subscribed by a person who handles the organisation's matters.",
            ),
            rule="roles",
        )


def _invalid(field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput("webhook_invalid", Message(zh, en), field=field)


def _unknown() -> NotFound:
    return NotFound(
        "webhook_unknown",
        Message("没有该订阅。", "There is no such subscription."),
        field="subscription",
    )
