"""An authority lends named powers over named data sets to one beneath it, for a time.

One person proposes, another confirms; anyone of the authority ends it, at once. A lower authority
passes on only what it holds itself, so that ending a delegation ends all that rests on it. A
restriction takes a power away below, whoever lent it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from pydantic import Field
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    RowMapping,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization.authority_tree import is_beneath, superiors, tree
from authorization.lines import FAR_FUTURE
from authorization.organisations import organisations_of
from authorization.policy_version import count_changes
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from catalog.datasets import Frozen, Name
from catalog.store import dataset_by_name
from foundation.clock import MICROSECONDS_PER_DAY, from_iso, to_iso
from foundation.db import metadata
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.guards import guard_from_turning_back
from foundation.identity import Actor, Role
from foundation.ids import new_id
from policies.schema.access import AccessRules

PREFIX = "dlg"
RULE = "delegation"
WORDS_MAX = 50


class Power(StrEnum):
    """What an authority may lend."""

    LICENCE_ACTIVATE = "licence.activate"
    LICENCE_SUSPEND = "licence.suspend"


class DelegationState(StrEnum):
    """Where a delegation stands."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"


TRANSITIONS: Mapping[tuple[DelegationState, str], DelegationState] = MappingProxyType(
    {
        (DelegationState.PROPOSED, "confirm"): DelegationState.ACTIVE,
        (DelegationState.PROPOSED, "end"): DelegationState.ENDED,
        (DelegationState.ACTIVE, "end"): DelegationState.ENDED,
    }
)


class DelegationDocument(Frozen):
    """What is lent or restricted. Times are ISO 8601, the end excluded.

    A restriction (``effect`` deny) has no times: it holds at once, until it is ended.
    """

    delegate: str = Field(min_length=1, max_length=64)
    effect: Literal["allow", "deny"] = "allow"
    powers: tuple[Power, ...] = Field(min_length=1, max_length=len(Power))
    datasets: tuple[Name, ...] = Field(min_length=1, max_length=WORDS_MAX)
    valid_from: str = Field(default="", max_length=40)
    valid_until: str = Field(default="", max_length=40)


@dataclass(frozen=True)
class Delegation:
    """A delegation as stored."""

    id: str
    delegator: str
    delegate: str
    effect: str
    powers: tuple[str, ...]
    datasets: tuple[str, ...]
    valid_from_us: int
    valid_until_us: int
    state: DelegationState
    proposed_by: str
    proposed_us: int
    confirmed_by: str | None
    ended_by: str | None

    def as_json(self) -> dict[str, object]:
        """Return it for a reader."""
        return {
            "id": self.id,
            "delegator": self.delegator,
            "delegate": self.delegate,
            "effect": self.effect,
            "powers": list(self.powers),
            "datasets": list(self.datasets),
            "valid_from": to_iso(self.valid_from_us),
            "valid_until": to_iso(self.valid_until_us) if self.effect == "allow" else None,
            "state": str(self.state),
            "proposed_by": self.proposed_by,
            "confirmed_by": self.confirmed_by,
            "ended_by": self.ended_by,
        }


delegation_table = Table(
    "delegation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("delegator", ForeignKey("organisation.id"), nullable=False),
    Column("delegate", ForeignKey("organisation.id"), nullable=False),
    Column("effect", String(5), nullable=False),
    Column("powers", Text, nullable=False),
    Column("datasets", Text, nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("proposed_by", ForeignKey("person.id"), nullable=False),
    Column("proposed_us", BigInteger, nullable=False),
    Column("confirmed_by", ForeignKey("person.id")),
    Column("ended_by", ForeignKey("person.id")),
    Column("changed_us", BigInteger, nullable=False),
    CheckConstraint("state IN ('proposed', 'active', 'ended')", name="state"),
    CheckConstraint("effect IN ('allow', 'deny')", name="effect"),
    CheckConstraint("valid_from_us < valid_until_us", name="window"),
    CheckConstraint("delegator <> delegate", name="two_authorities"),
    CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_people"),
    CheckConstraint(
        "effect <> 'allow' OR state <> 'active' OR confirmed_by IS NOT NULL", name="confirmed"
    ),
)

_FIXED = ("id", "delegator", "delegate", "effect", "powers", "datasets", "valid_from_us",
          "valid_until_us", "proposed_by")  # fmt: skip
_CHANGED = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in _FIXED)

guard_from_turning_back(
    "delegation", f"{_CHANGED} OR (OLD.state = 'ended' AND NEW.state <> OLD.state)"
)
count_changes("delegation", "delegations", ("INSERT", "UPDATE"))


def propose_delegation(
    writer: Writer, actor: Actor, document: DelegationDocument, rules: AccessRules
) -> Recorded[Delegation]:
    """Record what is to be lent; a second person confirms it. A restriction holds at once.

    Raises InvalidInput naming the field, Denied where the delegate is not beneath.
    """
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)
    identifier = new_id(PREFIX)
    restricts = document.effect == "deny"

    def apply(connection: Connection, entry: PendingEntry) -> Delegation:
        _check_own(connection, actor)
        from_us, until_us = _window(document, entry.time_us, rules)
        _check_beneath(connection, actor.organisation, document.delegate)
        for name in document.datasets:
            if dataset_by_name(connection, name) is None:
                raise _invalid(
                    "delegation_dataset_unknown",
                    "datasets",
                    f"没有名为“{name}”的数据集。",
                    f"There is no data set {name!r}.",
                )
        state = DelegationState.ACTIVE if restricts else DelegationState.PROPOSED
        connection.execute(
            insert(delegation_table).values(
                id=identifier,
                delegator=actor.organisation,
                delegate=document.delegate,
                effect=document.effect,
                powers=json.dumps(sorted(set(document.powers))),
                datasets=json.dumps(sorted(set(document.datasets))),
                valid_from_us=from_us,
                valid_until_us=until_us,
                state=str(state),
                proposed_by=actor.person,
                proposed_us=entry.time_us,
                changed_us=entry.time_us,
            )
        )
        return require_delegation(connection, identifier)

    kind = EntryKind.DELEGATION_RESTRICTED if restricts else EntryKind.DELEGATION_PROPOSED
    public = {"delegation": identifier, **document.model_dump(mode="json")}
    return writer.submit(AuditEvent(kind, actor, public), apply)


def confirm_delegation(writer: Writer, actor: Actor, delegation: str) -> Recorded[Delegation]:
    """Bring a proposal into force; by another, older person of the same authority (I8)."""
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Delegation:
        _check_own(connection, actor)
        found = require_delegation(connection, delegation)
        _check_delegator(actor, found)
        check_another_person(actor, found.proposed_by)
        check_older_than(actor, found.proposed_us)
        _check_beneath(connection, found.delegator, found.delegate)
        return _move(connection, entry, found, "confirm", confirmed_by=actor.person)

    event = AuditEvent(EntryKind.DELEGATION_CONFIRMED, actor, {"delegation": delegation})
    return writer.submit(event, apply)


def end_delegation(
    writer: Writer, actor: Actor, delegation: str, reason: str
) -> Recorded[Delegation]:
    """End a delegation or lift a restriction, now; by the authority that made it or one above."""
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Delegation:
        _check_own(connection, actor)
        found = require_delegation(connection, delegation)
        if actor.organisation not in {found.delegator, *superiors(connection, found.delegator)}:
            raise _not_yours()
        return _move(connection, entry, found, "end", ended_by=actor.person)

    event = AuditEvent(
        EntryKind.DELEGATION_ENDED, actor, {"delegation": delegation}, {"reason": reason}
    )
    return writer.submit(event, apply)


def require_delegation(connection: Connection, delegation: str) -> Delegation:
    """Return a delegation. Raises NotFound."""
    table = delegation_table
    row = connection.execute(select(table).where(table.c.id == delegation)).mappings().first()
    if row is None:
        raise NotFound(
            "delegation_unknown",
            Message(zh="没有这项委托。", en="There is no such delegation."),
            field="delegation",
            rule=RULE,
        )
    return _delegation(row)


def delegations(
    connection: Connection, state: DelegationState | None = None
) -> tuple[Delegation, ...]:
    """Return all delegations, or those in a state, oldest first."""
    query = select(delegation_table).order_by(delegation_table.c.proposed_us, delegation_table.c.id)
    if state is not None:
        query = query.where(delegation_table.c.state == str(state))
    return tuple(_delegation(row) for row in connection.execute(query).mappings())


def _move(
    connection: Connection, entry: PendingEntry, found: Delegation, move: str, **changes: object
) -> Delegation:
    state = TRANSITIONS.get((found.state, move))
    if state is None:
        raise Conflict(
            "delegation_state",
            Message(
                zh="该委托当前状态不允许此操作。",
                en=f"The delegation is {found.state}, a state in which nobody can {move} it.",
            ),
            field="state",
            rule=RULE,
        )
    table = delegation_table
    connection.execute(
        update(table)
        .where(table.c.id == found.id, table.c.state == str(found.state))
        .values(state=str(state), changed_us=entry.time_us, **changes)
    )
    return require_delegation(connection, found.id)


def _window(document: DelegationDocument, now_us: int, rules: AccessRules) -> tuple[int, int]:
    if document.effect == "deny":
        return now_us, from_iso(FAR_FUTURE)  # its end is its ending
    from_us = _time("valid_from", document.valid_from)
    until_us = _time("valid_until", document.valid_until)
    days_max = rules.delegation_days_max
    if not from_us < until_us <= from_us + days_max * MICROSECONDS_PER_DAY or until_us <= now_us:
        raise _invalid(
            "delegation_window",
            "valid_until",
            f"委托须有期限：截止晚于起始与当前时间，且不超过 {days_max} 天。",
            f"A delegation ends after it begins and after now, within {days_max} days.",
        )
    return from_us, until_us


def _time(field: str, text: str) -> int:
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise _invalid(
            "delegation_window", field, "不是有效的日期。", "This is not a date such as 2026-01-01."
        ) from error


def _check_own(connection: Connection, actor: Actor) -> None:
    """Refuse whoever does not, or no longer, belong to the authority they act for."""
    if actor.organisation not in organisations_of(connection, actor.person):
        raise _not_yours()


def _check_delegator(actor: Actor, found: Delegation) -> None:
    if actor.organisation != found.delegator:
        raise _not_yours()


def _check_beneath(connection: Connection, delegator: str, delegate: str) -> None:
    if not is_beneath(tree(connection), delegate, delegator):
        raise Denied(
            "delegate_not_beneath",
            Message(
                zh="只能向本机关的下级机关委托。",
                en="Power is lent only to an authority beneath one's own.",
            ),
            field="$.delegate",
            rule=RULE,
            way_out=Message(
                zh="请先登记该机关的上级机关。", en="Register the authority's superior first."
            ),
        )


def _delegation(row: RowMapping) -> Delegation:
    plain = {name: row[name] for name in Delegation.__dataclass_fields__}
    return Delegation(
        **{
            **plain,
            "powers": tuple(json.loads(row["powers"])),
            "datasets": tuple(json.loads(row["datasets"])),
            "state": DelegationState(row["state"]),
        }
    )


def _not_yours() -> Denied:
    return Denied(
        "delegation_not_yours",
        Message(
            zh="该委托不属于您所在的机关或其下级机关。",
            en="The delegation is not of your authority or of one beneath it.",
        ),
        field="actor",
        rule=RULE,
    )


def _invalid(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule="policies/access")
