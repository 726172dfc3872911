"""The operating agreement (授权运营协议) that every licence stands on: parties, term, approvals.

Its thirteen clauses stay on paper; kept here is what a licence is checked against.
"""

import json

from pydantic import Field
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.organisations import require_organisation
from authorization.separation import check_natural_person, check_role
from authorization.terms import check_term
from catalog.datasets import Frozen, Name
from foundation.clock import to_iso
from foundation.errors import Conflict, Message
from foundation.identity import Actor, Role
from policies.schema.licences import LicenceRules


class Agreement(Frozen):
    """One signed agreement. ``valid_from``/``valid_until`` are ISO 8601, the end excluded.

    ``linkage_groups`` are the groups within which a licence may join data sets by pseudonyms.
    """

    number: str = Field(min_length=1, max_length=200)
    authority: str
    operator: str
    valid_from: str
    valid_until: str
    collective_decision: str = Field(min_length=1, max_length=200)
    filing_number: str = Field(min_length=1, max_length=200)
    linkage_groups: tuple[Name, ...] = Field(default=(), max_length=50)


def create_agreement(
    writer: Writer, actor: Actor, agreement: Agreement, rules: LicenceRules
) -> Recorded[Agreement]:
    """Record a signed agreement. Raises InvalidInput where its term breaks the rule."""
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)
    valid_from_us, valid_until_us = check_term(agreement.valid_from, agreement.valid_until, rules)

    def apply(connection: Connection, entry: PendingEntry) -> Agreement:
        if agreement_by_number(connection, agreement.number) is not None:
            raise _taken()
        require_organisation(connection, agreement.authority, "authority")
        require_organisation(connection, agreement.operator, "operator")
        connection.execute(
            insert(store.agreement).values(
                **agreement.model_dump(exclude={"valid_from", "valid_until", "linkage_groups"}),
                linkage_groups=json.dumps(agreement.linkage_groups),
                valid_from_us=valid_from_us,
                valid_until_us=valid_until_us,
                created_us=entry.time_us,
            )
        )
        return agreement

    public: dict[str, object] = dict(agreement.model_dump(mode="json"))
    return writer.submit(AuditEvent(EntryKind.AGREEMENT_CREATED, actor, public), apply)


def agreement_by_number(connection: Connection, number: str) -> Agreement | None:
    """Return an agreement, or None."""
    row = connection.execute(
        select(store.agreement).where(store.agreement.c.number == number)
    ).first()
    if row is None:
        return None
    return Agreement(
        number=row.number,
        authority=row.authority,
        operator=row.operator,
        valid_from=to_iso(row.valid_from_us),
        valid_until=to_iso(row.valid_until_us),
        collective_decision=row.collective_decision,
        filing_number=row.filing_number,
        linkage_groups=tuple(json.loads(row.linkage_groups)),
    )


def _taken() -> Conflict:
    return Conflict(
        "agreement_already_recorded",
        Message(zh="该协议编号已登记。", en="An agreement of this number is already recorded."),
        field="$.number",
        rule="agreement-register",
    )
