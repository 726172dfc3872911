"""Two people stand behind every person, role, account and affiliation: one proposes, one confirms.

The confirmer is another natural person, older than the proposal, entitled by the rules to each
role that is touched, not the person it is about, and apart from the operator whose person it is.
The proposer must still be entitled when it is confirmed. Nothing counts before the confirming
entry, and everything dates from it (I8).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, insert, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.administrators import check_may_confirm, check_may_propose
from authorization.grant_notices import tell_decided, tell_proposed
from authorization.independence import check_apart
from authorization.organisation_registry import DEPARTMENTS, OrganisationKind, organisations
from authorization.persons import actor_for_person
from authorization.registry_changes import (
    ENDINGS,
    AccountGiven,
    Change,
    NewPerson,
    RoleGranted,
    ServiceAccountMade,
    houses_touched,
    roles_touched,
    subject_of,
)
from authorization.registry_checks import check_change
from authorization.registry_effects import apply_change
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
)
from catalog.notices.outbox import Recipient
from foundation.canonical import digest
from foundation.clock import MICROSECONDS_PER_DAY, to_iso
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.two_people import refused_to_two
from policies.schema.roles import RoleRules

PREFIX = "grn"
RULE = "policies/roles"
_CHANGES: TypeAdapter[Change] = TypeAdapter(Change)


class GrantState(StrEnum):
    """Where a proposed change stands; all but the first are final."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Grant:
    """A proposed change as stored; times in UTC microseconds."""

    id: str
    change: Change
    subject: str
    document_digest: str
    state: GrantState
    proposed_by: str
    proposed_for: str
    proposed_us: int
    decided_by: str | None
    decided_us: int | None

    def as_json(self) -> dict[str, object]:
        """Return it for a reader; the digest of an identity is for nobody's eyes."""
        change: dict[str, Any] = self.change.model_dump(mode="json", exclude={"identity"})
        if isinstance(change.get("person"), dict):
            change["person"].pop("identity", None)
        return {
            "id": self.id,
            "change": change,
            "subject": self.subject,
            "state": str(self.state),
            "proposed_by": self.proposed_by,
            "proposed_for": self.proposed_for,
            "proposed": to_iso(self.proposed_us),
            "decided_by": self.decided_by,
            "decided": None if self.decided_us is None else to_iso(self.decided_us),
        }


def propose_change(
    writer: Writer, actor: Actor, change: Change, rules: RoleRules
) -> Recorded[Grant]:
    """Record what is to be changed; it gives nothing to anyone yet.

    Raises Denied where the actor may not propose it, InvalidInput or Conflict where it does not
    fit what is registered.
    """
    check_natural_person(actor)
    identifier = new_id(PREFIX)
    document_digest = digest(_document(change))

    def apply(connection: Connection, entry: PendingEntry) -> Grant:
        _check_proposer(connection, actor, change, rules)
        check_change(change, connection, entry.time_us, rules)
        connection.execute(
            insert(store.role_grant).values(
                id=identifier,
                kind=change.kind,
                subject=subject_of(change),
                document=change.model_dump_json(),
                document_digest=document_digest,
                state=str(GrantState.PROPOSED),
                proposed_by=actor.person,
                proposed_for=actor.organisation,
                proposed_us=entry.time_us,
            )
        )
        made = require_grant(connection, identifier)
        tell_proposed(connection, entry, made.id, change, rules)
        return made

    public = {"grant": identifier, **_told(change), "document_digest": document_digest}
    private = {"name": change.person.name} if isinstance(change, NewPerson) else {}
    return writer.submit(AuditEvent(EntryKind.GRANT_PROPOSED, actor, public, private), apply)


def _document(change: Change) -> dict[str, Any]:
    """Return what a proposal's public digest covers: all but a name, which could be guessed."""
    return change.model_dump(mode="json", exclude={"person": {"name"}})


def confirm_change(
    writer: Writer, actor: Actor, grant: str, rules: RoleRules, rules_digest: str
) -> Recorded[Grant]:
    """Bring a change into force; by another, older, entitled natural person (I8).

    Raises NotFound, Denied, Conflict where it was decided or lapsed, or what ``check_change``
    raises where it no longer fits.
    """
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Grant:
        found = require_grant(connection, grant)
        _check_open(found, entry.time_us, rules)
        _check_confirmer(connection, actor, found, rules)
        check_change(found.change, connection, entry.time_us, rules)
        apply_change(found.change, connection, entry.time_us, rules)
        entry.amend(
            change=found.change.kind,
            subject=found.subject,
            document_digest=found.document_digest,
            proposed_by=found.proposed_by,
        )
        return _decide(connection, entry, found, GrantState.CONFIRMED, actor)

    public = {"grant": grant, "rules_digest": rules_digest}
    return writer.submit(AuditEvent(EntryKind.GRANT_CONFIRMED, actor, public), apply)


def refuse_change(
    writer: Writer, actor: Actor, grant: str, reason: str, rules: RoleRules
) -> Recorded[Grant]:
    """Refuse a change for good, with a reason; by whoever could confirm it."""
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> Grant:
        found = require_grant(connection, grant)
        _check_proposed(found)
        check_another_person(actor, found.proposed_by)
        check_may_confirm(actor, roles_touched(connection, found.change), rules)
        entry.amend(change=found.change.kind, subject=found.subject)
        return _decide(connection, entry, found, GrantState.REFUSED, actor)

    event = AuditEvent(EntryKind.GRANT_REFUSED, actor, {"grant": grant}, {"reason": reason})
    return writer.submit(event, apply)


def withdraw_change(writer: Writer, actor: Actor, grant: str) -> Recorded[Grant]:
    """Take a proposal back; by the person who made it."""

    def apply(connection: Connection, entry: PendingEntry) -> Grant:
        found = require_grant(connection, grant)
        _check_proposed(found)
        if found.proposed_by != actor.person:
            raise refused_to_two(
                "proposer_withdraws",
                "只有提出人可以撤回。",
                "Only the person who proposed it takes it back.",
            )
        entry.amend(change=found.change.kind, subject=found.subject)
        return _decide(connection, entry, found, GrantState.WITHDRAWN, actor)

    event = AuditEvent(EntryKind.GRANT_WITHDRAWN, actor, {"grant": grant})
    return writer.submit(event, apply)


def require_grant(connection: Connection, grant: str) -> Grant:
    """Return a proposed change. Raises NotFound."""
    table = store.role_grant
    row = connection.execute(select(table).where(table.c.id == grant)).mappings().first()
    if row is None:
        raise NotFound(
            "grant_unknown",
            Message(zh="没有这项变更。", en="There is no such change."),
            field="grant",
            rule=RULE,
        )
    return _grant(row)


def grants(
    connection: Connection,
    state: GrantState | None = None,
    *,
    house: str = "",
    after: str = "",
    limit: int = 200,
) -> Sequence[Grant]:
    """Return changes, newest first, of a state and a proposing house where they are named."""
    table = store.role_grant
    query = select(table).order_by(table.c.proposed_us.desc(), table.c.id).limit(limit)
    if state is not None:
        query = query.where(table.c.state == str(state))
    if house:
        query = query.where(table.c.proposed_for == house)
    if after:
        query = query.where(table.c.proposed_us < require_grant(connection, after).proposed_us)
    return [_grant(row) for row in connection.execute(query).mappings()]


def _check_proposer(connection: Connection, actor: Actor, change: Change, rules: RoleRules) -> None:
    roles = roles_touched(connection, change)
    check_may_propose(actor, roles, houses_touched(connection, change), rules)
    if subject_of(change) == actor.person and not isinstance(change, ENDINGS):
        raise _own_change()


def _check_confirmer(connection: Connection, actor: Actor, found: Grant, rules: RoleRules) -> None:
    check_another_person(actor, found.proposed_by)
    if found.subject == actor.person:
        raise _own_change()
    check_older_than(actor, found.proposed_us)
    roles = roles_touched(connection, found.change)
    check_may_confirm(actor, roles, rules)
    proposer = actor_for_person(connection, found.proposed_by, found.proposed_for)
    houses = houses_touched(connection, found.change)
    check_may_propose(proposer, roles, houses, rules)
    for house in organisations(connection, houses).values():
        if house.kind not in DEPARTMENTS and house.kind is not OrganisationKind.PLATFORM:
            check_apart(connection, actor, house.id)


def _check_open(found: Grant, now_us: int, rules: RoleRules) -> None:
    _check_proposed(found)
    if now_us >= found.proposed_us + rules.proposal_days_max * MICROSECONDS_PER_DAY:
        raise Conflict(
            "grant_lapsed",
            Message(
                zh="该变更提出已久，已失效，请重新提出。",
                en="This change was proposed too long ago; propose it anew.",
            ),
            field="grant",
            rule=RULE,
        )


def _check_proposed(found: Grant) -> None:
    if found.state is not GrantState.PROPOSED:
        raise Conflict(
            "grant_decided",
            Message(zh="该变更已办结。", en=f"This change is {found.state}."),
            field="grant",
            rule=RULE,
        )


def _decide(
    connection: Connection, entry: PendingEntry, found: Grant, state: GrantState, actor: Actor
) -> Grant:
    table = store.role_grant
    connection.execute(
        update(table)
        .where(table.c.id == found.id, table.c.state == str(GrantState.PROPOSED))
        .values(state=str(state), decided_by=actor.person, decided_us=entry.time_us)
    )
    if state in {GrantState.CONFIRMED, GrantState.REFUSED}:
        proposer = Recipient(organisation=found.proposed_for, person=found.proposed_by)
        tell_decided(connection, entry, found.id, found.change, proposer)
    return require_grant(connection, found.id)


def _told(change: Change) -> dict[str, object]:
    """Return what the log says of a change: never an identity, names apart and erasable."""
    roles: list[str] = []
    houses: list[str] = []
    accounts: list[str] = []
    match change:
        case NewPerson():
            roles = sorted(change.person.roles)
            houses = sorted(change.person.organisations)
            accounts = sorted(account.name for account in change.person.accounts)
        case RoleGranted():
            roles = [str(change.role)]
        case AccountGiven():
            accounts, houses = [change.account.name], [change.account.organisation]
        case ServiceAccountMade():
            roles = sorted(change.service_account.roles)
            houses = [change.service_account.organisation]
        case _:
            named = change.model_dump(mode="json")
            roles = [str(Role(named["role"]))] if "role" in named else []
            houses = [named["organisation"]] if "organisation" in named else []
            accounts = [named["account"]] if "account" in named else []
    until = getattr(change, "until", "")
    return {
        "change": change.kind,
        "subject": subject_of(change),
        "granted_roles": roles,
        "organisations": houses,
        "accounts": accounts,
        "until": until,
    }


def _grant(row: RowMapping) -> Grant:
    plain = {name: row[name] for name in Grant.__dataclass_fields__ if name in row}
    change = _CHANGES.validate_json(row["document"])
    return Grant(**{**plain, "change": change, "state": GrantState(row["state"])})


def _own_change() -> Exception:
    return refused_to_two(
        "own_roles",
        "任何人不得为本人提出或确认增加角色、账号或隶属关系。",
        "Nobody proposes or confirms roles, accounts or affiliations for themselves.",
    )
