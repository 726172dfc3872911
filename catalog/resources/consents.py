"""Whether data obtained by sharing may be licensed: only while their source consents.

The source's own people attach the consent and may withdraw it (发改数据规〔2025〕27号 art. 5). What
was made from such data needs the same consents, however often it was derived since.
"""

import json
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.datasets import Frozen, OriginKind
from catalog.resources.store import resource, source_consent
from catalog.store import dataset_by_name
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.two_people import check_natural_person

RULE = "公共数据资源授权运营实施规范（试行）（发改数据规〔2025〕27号）第五条"
Apart = Callable[[Connection, Actor, str], None]
"""Refuses who serves an organisation or an affiliate of it (``authorization.independence``)."""


class ConsentGiven(Frozen):
    """The source's consent: the number of its document, and what it covers."""

    reference: str = Field(min_length=1, max_length=200)
    scope: str = Field(default="", max_length=1_000)


class ConsentWithdrawn(Frozen):
    """Why the source takes its consent back."""

    reason: str = Field(min_length=1, max_length=1_000)


class Consent(Frozen):
    """One act of a source about its consent; the newest of a data set counts."""

    id: str
    dataset: str
    source: str
    state: Literal["granted", "withdrawn"]
    reference: str
    person: str
    at_us: int


def attach_consent(
    writer: Writer, actor: Actor, dataset: str, given: ConsentGiven, apart: Apart
) -> Recorded[Consent]:
    """Record that the source consents. Raises Denied for anyone but the source's own people.

    ``apart`` refuses those of them who serve the department that holds the data now.
    """
    consent_id = new_id("con")
    event = AuditEvent(
        EntryKind.SOURCE_CONSENT_ATTACHED,
        actor,
        public={"dataset": dataset, "consent": consent_id},
        private={"scope": given.scope},
    )
    return _act(writer, event, dataset, consent_id, given.reference, apart)


def withdraw_consent(
    writer: Writer, actor: Actor, dataset: str, withdrawn: ConsentWithdrawn
) -> Recorded[Consent]:
    """Record that the source takes its consent back: from this entry on nothing is answered."""
    consent_id = new_id("con")
    event = AuditEvent(
        EntryKind.SOURCE_CONSENT_WITHDRAWN,
        actor,
        public={"dataset": dataset, "consent": consent_id},
        private={"reason": withdrawn.reason},
    )
    return _act(writer, event, dataset, consent_id, "")


def consents(connection: Connection, dataset: str) -> list[Consent]:
    """Return what the source of a data set said, oldest first."""
    query = select(source_consent).where(source_consent.c.dataset == dataset)
    return [
        Consent(
            id=row.id,
            dataset=row.dataset,
            source=row.source,
            state=row.state,
            reference=row.reference,
            person=row.person,
            at_us=row.at_us,
        )
        for row in connection.execute(query.order_by(source_consent.c.number))
    ]


def without_consent(connection: Connection) -> frozenset[str]:
    """Return the data sets that nothing may be licensed or answered of for want of a consent."""
    query = select(resource.c.dataset, resource.c.origin, resource.c.derived_from).where(
        (resource.c.origin == str(OriginKind.SHARED)) | (resource.c.derived_from != "[]")
    )
    rows = connection.execute(query).all()
    if not rows:
        return frozenset()
    granted = _granted(connection)
    barred = {
        row.dataset
        for row in rows
        if row.origin == OriginKind.SHARED and row.dataset not in granted
    }
    return _with_derived(barred, {row.dataset: json.loads(row.derived_from) for row in rows})


def shared_source(connection: Connection, dataset: str) -> str:
    """Return the organisation that shared a data set. Raises NotFound where none did."""
    query = select(resource.c.source).where(resource.c.dataset == dataset, resource.c.source != "")
    source = connection.execute(query).scalar()
    if source is None:
        raise NotFound(
            "shared_dataset_unknown",
            Message(
                "没有这样一个通过共享获得的数据集。",
                "There is no data set of that name that was obtained by sharing.",
            ),
            field="dataset",
        )
    return str(source)


def _with_derived(barred: set[str], derived: Mapping[str, list[str]]) -> frozenset[str]:
    """Add everything made from a barred data set, through any number of steps."""
    while True:
        more = {name for name, sources in derived.items() if barred & set(sources)} - barred
        if not more:
            return frozenset(barred)
        barred = barred | more


def _granted(connection: Connection) -> set[str]:
    query = select(source_consent.c.dataset, source_consent.c.state)
    newest = {
        row.dataset: row.state
        for row in connection.execute(query.order_by(source_consent.c.number))
    }
    return {name for name, state in newest.items() if state == "granted"}


def _act(
    writer: Writer,
    event: AuditEvent,
    dataset: str,
    consent_id: str,
    reference: str,
    apart: Apart | None = None,
) -> Recorded[Consent]:
    """Write one act of a source; without a reference it takes the last consent back."""
    actor = event.actor
    check_natural_person(actor)
    state = "granted" if reference else "withdrawn"

    def apply(connection: Connection, entry: PendingEntry) -> Consent:
        source = shared_source(connection, dataset)
        if actor.organisation != source or not actor.has(Role.PROVIDER):
            raise _not_the_source()
        held = dataset_by_name(connection, dataset)
        if apart is not None and held is not None:
            apart(connection, actor, held.provider)
        before = consents(connection, dataset)
        stands = bool(before) and before[-1].state == "granted"
        if stands is (state == "granted"):
            raise _already(state)
        number = reference or before[-1].reference
        connection.execute(
            insert(source_consent).values(
                id=consent_id,
                dataset=dataset,
                source=source,
                state=state,
                reference=number,
                person=actor.person,
                at_us=entry.time_us,
            )
        )
        entry.amend(source=source, reference=number)
        return consents(connection, dataset)[-1]

    return writer.submit(event, apply)


def _not_the_source() -> Denied:
    return Denied(
        "consent_of_source_only",
        Message(
            "只有共享该数据的数源部门的工作人员可以同意或撤回同意。",
            "Only the people of the department that shared the data consent to their licensing, "
            "or take that back.",
        ),
        field="dataset",
        rule=RULE,
    )


def _already(state: str) -> Conflict:
    word = {
        "granted": ("已同意", "given already"),
        "withdrawn": ("尚无同意可撤回", "not in force"),
    }[state]
    return Conflict(
        "consent_state",
        Message(f"数源部门{word[0]}。", f"The source's consent is {word[1]}."),
        field="dataset",
        rule=RULE,
    )
