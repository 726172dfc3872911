"""Who is told when the catalogue changes: a person asks for an entry, a department or a tag.

A notice goes to the outbox within the entry that publishes or withdraws, or not at all.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field
from sqlalchemy import Connection, and_, insert, or_, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.book.parts import Revision, head_of
from catalog.book.states import Move
from catalog.book.store import catalog_subscription
from catalog.datasets import Frozen
from catalog.entries import CODE_CHARACTERS_MAX, Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from policies.schema.catalog import CatalogRules

SUBSCRIPTIONS_MAX = 200  # of one person
RECIPIENTS_MAX = 200  # of one notice


class Topic(StrEnum):
    """What a subscription is to."""

    ENTRY = "entry"
    PROVIDER = "provider"
    TAG = "tag"


class Subscription(Frozen):
    """One person's wish to be told, on behalf of the organisation they act for."""

    id: str
    person: str
    organisation: str
    topic: Topic
    subject: str = Field(min_length=1, max_length=CODE_CHARACTERS_MAX)
    made_us: int
    ended_us: int | None = None


def subscribe(
    writer: Writer, rules: CatalogRules, actor: Actor, topic: Topic, subject: str
) -> Recorded[Subscription]:
    """Subscribe to an entry (its identifier), a department, or a tag of the code lists."""
    subscription = new_id("sub")
    event = AuditEvent(
        EntryKind.ENTRY_WATCHED,
        actor,
        public={"subscription": subscription, "topic": str(topic), "watched": subject},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Subscription:
        _check_subject(connection, rules, topic, subject)
        mine = subscriptions(connection, actor)
        if any((item.topic, item.subject) == (topic, subject) for item in mine):
            raise Conflict(
                "subscription_exists",
                Message("您已订阅该项。", "You are subscribed to this already."),
                field="$.subject",
            )
        if len(mine) >= SUBSCRIPTIONS_MAX:
            raise Conflict(
                "subscriptions_full",
                Message(
                    f"每人最多{SUBSCRIPTIONS_MAX}项订阅，请先取消一些。",
                    f"A person has at most {SUBSCRIPTIONS_MAX} subscriptions; end some first.",
                ),
            )
        made = Subscription(
            id=subscription,
            person=actor.person,
            organisation=actor.organisation,
            topic=topic,
            subject=subject,
            made_us=pending.time_us,
        )
        connection.execute(insert(catalog_subscription).values(**made.model_dump(mode="json")))
        return made

    return writer.submit(event, apply)


def unsubscribe(writer: Writer, actor: Actor, subscription: str) -> Recorded[None]:
    """End one's own subscription. Anybody else's reads as one that does not exist."""
    event = AuditEvent(EntryKind.ENTRY_UNWATCHED, actor, public={"subscription": subscription})

    def apply(connection: Connection, pending: PendingEntry) -> None:
        if all(item.id != subscription for item in subscriptions(connection, actor)):
            raise NotFound(
                "subscription_unknown",
                Message("没有该订阅。", "There is no such subscription."),
                field="$.subscription",
            )
        connection.execute(
            update(catalog_subscription)
            .where(catalog_subscription.c.id == subscription)
            .values(ended_us=pending.time_us)
        )

    return writer.submit(event, apply)


def subscriptions(connection: Connection, actor: Actor) -> list[Subscription]:
    """Return a person's own subscriptions that stand, oldest first."""
    table = catalog_subscription
    query = (
        select(table)
        .where(table.c.person == actor.person, table.c.ended_us.is_(None))
        .order_by(table.c.made_us, table.c.id)
    )
    return [Subscription.model_validate(dict(row._mapping)) for row in connection.execute(query)]  # noqa: SLF001


def tell_subscribers(
    connection: Connection, pending: PendingEntry, move: Move, changed: Sequence[Revision]
) -> None:
    """Write a notice to everybody who subscribed to what was published or withdrawn.

    Each is told once of a step, with the number of entries that concern them.
    """
    if not changed:
        return
    told: dict[Recipient, list[Revision]] = {}
    for subscription in _concerned(connection, changed):
        recipient = Recipient(organisation=subscription.organisation, person=subscription.person)
        about = told.setdefault(recipient, [])
        known = {item.id for item in about}
        about += [
            item for item in changed if item.id not in known and _concerns(subscription, item)
        ]
    groups: dict[tuple[str, ...], list[Recipient]] = {}
    texts = {item.id: item for item in changed}
    for recipient, about in told.items():
        groups.setdefault(tuple(item.id for item in about), []).append(recipient)
    for ids, recipients in groups.items():
        about = [texts[name] for name in ids]
        for start in range(0, len(recipients), RECIPIENTS_MAX):
            notice = _notice(move, about, recipients[start : start + RECIPIENTS_MAX])
            enqueue(connection, pending, notice)


def _concerned(connection: Connection, changed: Sequence[Revision]) -> list[Subscription]:
    table = catalog_subscription
    tags = {tag for item in changed for tag in _tags(item)}
    wanted = or_(
        and_(table.c.topic == "entry", table.c.subject.in_({item.entry_id for item in changed})),
        and_(table.c.topic == "provider", table.c.subject.in_({item.provider for item in changed})),
        and_(table.c.topic == "tag", table.c.subject.in_(tags)),
    )
    query = select(table).where(table.c.ended_us.is_(None), wanted).order_by(table.c.id)
    return [Subscription.model_validate(dict(row._mapping)) for row in connection.execute(query)]  # noqa: SLF001


def _concerns(subscription: Subscription, changed: Revision) -> bool:
    subjects = {
        Topic.ENTRY: {changed.entry_id},
        Topic.PROVIDER: {changed.provider},
        Topic.TAG: _tags(changed),
    }
    return subscription.subject in subjects[subscription.topic]


def _tags(changed: Revision) -> set[str]:
    return {*changed.entry.base_libraries, *changed.entry.themes}


def _notice(move: Move, about: Sequence[Revision], to: Sequence[Recipient]) -> Notice:
    first = about[0].entry
    zh, en = ("已下线", "withdrawn") if move is Move.WITHDRAWN else ("已发布", "published")
    more_zh = f"等 {len(about)} 条" if len(about) > 1 else ""
    more_en = f" and {len(about) - 1} more" if len(about) > 1 else ""
    return Notice(
        kind=f"catalogue.{move}",
        subject=about[0].entry_id,
        to=tuple(to),
        title=Bilingual(
            zh=_line(f"目录{zh}：{first.name.zh}{more_zh}"),
            en=_line(f"Catalogue: {first.name.en}{more_en} {en}"),
        ),
        body=Bilingual(
            zh=f"您订阅的目录条目（{first.code}{more_zh}）{zh}，请在目录中查看变更内容。",
            en=f"Entries you subscribed to ({first.code}{more_en}) were {en}; the catalogue "
            "shows what changed.",
        ),
        data={"entries": [item.entry_id for item in about][:500], "move": str(move)},
    )


def _line(text: str) -> str:
    """Make a title of one line out of names that others wrote."""
    return "".join(" " if ord(letter) < ord(" ") else letter for letter in text)[:400]


def _check_subject(connection: Connection, rules: CatalogRules, topic: Topic, subject: str) -> None:
    """Refuse what cannot be subscribed to; a draft reads as an entry that does not exist."""
    if topic is Topic.ENTRY:
        head = head_of(connection, subject)
        known = head is not None and head.version is not None
    elif topic is Topic.TAG:
        known = subject in rules.base_library_names | rules.theme_names
    else:
        known = True  # a department may be awaited before its first entry
    if not known:
        raise InvalidInput(
            "subscription_subject_unknown",
            Message("没有可订阅的该条目或标签。", "There is no such entry or tag to subscribe to."),
            field="$.subject",
        )
