"""Who controls whom: relations declared by the house itself or the authority, with evidence.

A declaration only ever brings houses nearer, so one person makes it and it counts at once; ending
one takes two people and counts on for a while (``registry_changes``). The controller may be a
registered organisation, a company known by its credit code alone, or a natural person (a legal
representative) known by a keyed digest. Whether a share controls is decided when it is declared.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field, model_validator
from sqlalchemy import Connection, insert, or_, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.groups import CREDIT_CODE, HOUSE, PERSON
from authorization.organisation_registry import check_credit_code, require_organisation
from authorization.persons import IDENTITY_PATTERN
from authorization.separation import check_may_write, check_natural_person
from catalog.datasets import Frozen
from foundation.clock import to_iso
from foundation.errors import Denied, InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.ids import new_id
from policies.schema.roles import RoleRules

PREFIX = "rel"
RULE = "policies/roles"
_IDENTITY = re.compile(IDENTITY_PATTERN)


class RelationKind(StrEnum):
    """Why two organisations are near (《企业会计准则第36号》 第三、四条)."""

    SHARE = "share"  # 持股
    LEGAL_REPRESENTATIVE = "legal_representative"  # 同一法定代表人
    GROUP = "group"  # 同一集团
    ACTUAL_CONTROL = "actual_control"  # 实际控制


class RelationDeclared(Frozen):
    """One relation of control. One of the three controllers is named, or an identity document.

    ``share_ppm`` is the share in parts of a million; only a share has one. ``controller_identity``
    is a keyed digest, made where the identity document is read.
    """

    organisation: str = Field(min_length=1, max_length=64)
    kind: RelationKind
    controller_organisation: str = Field(default="", max_length=64)
    controller_credit_code: str = Field(default="", max_length=18)
    controller_identity: str = Field(default="", max_length=100)
    share_ppm: int | None = Field(default=None, ge=1, le=1_000_000)
    evidence: str = Field(min_length=1, max_length=2_000)

    @model_validator(mode="after")
    def _one_controller(self) -> "RelationDeclared":
        named = (
            self.controller_organisation,
            self.controller_credit_code,
            self.controller_identity,
        )
        if sum(bool(one) for one in named) > 1:
            raise ValueError("name one controller: an organisation, a credit code or an identity")
        if (self.kind is RelationKind.SHARE) != (self.share_ppm is not None):
            raise ValueError("a share, and only a share, has share_ppm")
        return self


@dataclass(frozen=True)
class Relation:
    """A relation as stored; times in UTC microseconds."""

    id: str
    organisation: str
    kind: str
    controller: str
    share_ppm: int | None
    evidence: str
    controls: bool
    declared_by: str
    declared_for: str
    since_us: int
    ended_us: int | None

    def as_json(self) -> dict[str, object]:
        """Return it for a reader; a natural person's digest is not shown."""
        shown = self.controller if not self.controller.startswith(PERSON) else PERSON
        return {
            "id": self.id,
            "organisation": self.organisation,
            "kind": self.kind,
            "controller": shown.removeprefix(HOUSE),
            "share_ppm": self.share_ppm,
            "evidence": self.evidence,
            "controls": bool(self.controls),
            "declared_by": self.declared_by,
            "declared_for": self.declared_for,
            "since": to_iso(self.since_us),
            "ended": None if self.ended_us is None else to_iso(self.ended_us),
        }


def declare_relation(
    writer: Writer,
    actor: Actor,
    declared: RelationDeclared,
    rules: RoleRules,
    rules_digest: str,
) -> Recorded[Relation]:
    """Record a relation; it counts with its entry. Raises InvalidInput or Denied."""
    check_may_write(actor)
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY) and actor.organisation != declared.organisation:
        raise _not_yours()
    identifier = new_id(PREFIX)
    share = declared.share_ppm
    controls = share is None or share >= rules.control_share_ppm

    def apply(connection: Connection, entry: PendingEntry) -> Relation:
        require_organisation(connection, declared.organisation, "organisation")
        connection.execute(
            insert(store.control_relation).values(
                id=identifier,
                organisation=declared.organisation,
                kind=str(declared.kind),
                controller=_controller(connection, declared),
                share_ppm=share,
                evidence=declared.evidence,
                controls=int(controls),
                declared_by=actor.person,
                declared_for=actor.organisation,
                since_us=entry.time_us,
            )
        )
        (found,) = (one for one in relations(connection) if one.id == identifier)
        return found

    public: dict[str, object] = {
        "relation": identifier,
        "organisation": declared.organisation,
        "relation_kind": str(declared.kind),
        "controls": controls,
        "rules_digest": rules_digest,
    }
    private = {"evidence": declared.evidence}
    return writer.submit(AuditEvent(EntryKind.RELATION_DECLARED, actor, public, private), apply)


def relations(connection: Connection, organisation: str = "") -> list[Relation]:
    """Return all relations, or those of one organisation on either side, oldest first."""
    table = store.control_relation
    query = select(table).order_by(table.c.since_us, table.c.id)
    if organisation:
        own = table.c.organisation == organisation
        query = query.where(or_(own, table.c.controller == f"{HOUSE}{organisation}"))
    return [
        Relation(**{name: getattr(row, name) for name in Relation.__dataclass_fields__})
        for row in connection.execute(query)
    ]


def _controller(connection: Connection, declared: RelationDeclared) -> str:
    if declared.controller_organisation:
        name = declared.controller_organisation
        require_organisation(connection, name, "controller_organisation")
        if name == declared.organisation:
            raise _invalid("controller_organisation")
        return f"{HOUSE}{name}"
    if declared.controller_credit_code:
        check_credit_code(declared.controller_credit_code, "$.controller_credit_code")
        return f"{CREDIT_CODE}{declared.controller_credit_code}"
    if not _IDENTITY.fullmatch(declared.controller_identity):
        raise _invalid("controller_identity")
    return f"{PERSON}{declared.controller_identity}"


def _invalid(field: str) -> InvalidInput:
    return InvalidInput(
        "controller_invalid",
        Message(zh="控制方须为另一机构或自然人。", en="The controller is somebody else."),
        field=f"$.{field}",
        rule=RULE,
    )


def _not_yours() -> Denied:
    return Denied(
        "relation_not_yours",
        Message(
            zh="控制关系由机构本身或数据主管部门申报。",
            en="A relation is declared by the organisation itself or by the data authority.",
        ),
        field="actor",
        rule=RULE,
    )
