"""Which organisations exist, by kind, credit code and registered affiliates."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

from pydantic import Field
from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.groups import declared_pairs
from authorization.separation import check_natural_person, check_role
from catalog.credit_codes import CREDIT_ALPHABET, credit_check
from catalog.datasets import Frozen
from foundation.errors import Conflict, InvalidInput, Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role

CODE_PATTERN = r"^[a-z][a-z0-9_-]{1,62}$"
CREDIT_CODE_RULE = "GB 32100-2015"
RULE = "organisation-registry"
_CREDIT_CODE = re.compile(f"[{CREDIT_ALPHABET}]{{18}}")


class OrganisationKind(StrEnum):
    """What an organisation is in authorised operation; the words of ``docs/glossary.md``."""

    AUTHORITY = "authority"  # 数据主管部门
    PROVIDER = "provider"  # 供数单位
    OPERATOR = "operator"  # 运营机构
    DEVELOPER = "developer"  # 数据企业
    REGULATOR = "regulator"  # 监管部门
    FINANCE = "finance"  # 财政部门
    PRICING = "pricing"  # 价格主管部门
    PLATFORM = "platform"  # 平台


DEPARTMENTS = frozenset(
    {
        OrganisationKind.AUTHORITY,
        OrganisationKind.PROVIDER,
        OrganisationKind.REGULATOR,
        OrganisationKind.FINANCE,
        OrganisationKind.PRICING,
    }
)


class Organisation(Frozen):
    """One organisation. ``affiliates`` are those under common control with it (关联机构).

    ``region`` is the code of the division it belongs to (GB/T 2260), where it has one.
    """

    id: str = Field(pattern=CODE_PATTERN)
    kind: OrganisationKind
    name_zh: str = Field(min_length=1, max_length=200)
    name_en: str = Field(min_length=1, max_length=200)
    credit_code: str | None = None
    region: str = Field(default="", pattern=r"^(|[0-9]{6})$")
    affiliates: tuple[str, ...] = ()


def check_credit_code(code: str, field: str = "$.credit_code") -> None:
    """Refuse a unified social credit code whose form or check character is wrong (GB 32100)."""
    if not _CREDIT_CODE.fullmatch(code) or credit_check(code[:-1]) != code[-1]:
        raise InvalidInput(
            "credit_code_invalid",
            Message(
                zh="统一社会信用代码须为 18 位且校验码正确。",
                en="A unified social credit code has 18 characters and a valid check character.",
            ),
            field=field,
            rule=CREDIT_CODE_RULE,
        )


def create_organisation(
    writer: Writer, actor: Actor, organisation: Organisation
) -> Recorded[Organisation]:
    """Register an organisation. The authority does this, or the system when it is first set up."""
    check_role(actor, Role.AUTHORITY, Role.SYSTEM)
    if actor != SYSTEM_ACTOR:
        check_natural_person(actor)
    if organisation.credit_code is not None:
        check_credit_code(organisation.credit_code)

    def apply(connection: Connection, entry: PendingEntry) -> Organisation:
        if organisation_by_id(connection, organisation.id) is not None:
            raise taken("id", organisation.id)
        code = organisation.credit_code
        if code is not None and _credit_code_known(connection, code):
            raise taken("credit_code", code)
        for affiliate in organisation.affiliates:
            require_organisation(connection, affiliate, "affiliates")
        row = organisation.model_dump(mode="json", exclude={"affiliates"})
        connection.execute(insert(store.organisation).values(**row, created_us=entry.time_us))
        _insert_affiliates(connection, organisation)
        return organisation

    public = {"organisation": organisation.id, "organisation_kind": str(organisation.kind)}
    return writer.submit(AuditEvent(EntryKind.ORGANISATION_CREATED, actor, public), apply)


def organisation_by_id(connection: Connection, organisation: str) -> Organisation | None:
    """Return an organisation, or None."""
    return organisations(connection, [organisation]).get(organisation)


def require_organisation(connection: Connection, organisation: str, field: str) -> Organisation:
    """Return an organisation. Raises InvalidInput naming the field where there is none."""
    found = organisation_by_id(connection, organisation)
    if found is None:
        raise InvalidInput(
            "organisation_unknown",
            Message(
                zh=f"字段 {field} 所指的机构尚未登记，请先登记该机构。",
                en=f"The organisation named in {field} is not registered; register it first.",
            ),
            field=f"$.{field}",
            rule=RULE,
        )
    return found


def organisations(
    connection: Connection, only: Iterable[str] | None = None
) -> Mapping[str, Organisation]:
    """Return all organisations, or those named, by identifier."""
    query = select(store.organisation)
    if only is not None:
        query = query.where(store.organisation.c.id.in_(list(only)))
    near: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in declared_pairs(connection):
        near[one].add(other)
        near[other].add(one)
    found = {}
    for row in connection.execute(query).mappings():
        names = ("id", "kind", "name_zh", "name_en", "credit_code", "region")
        known = {name: row[name] for name in names}
        affiliates = tuple(sorted(near[row["id"]]))
        found[row["id"]] = Organisation.model_validate({**known, "affiliates": affiliates})
    return found


def credit_code_of(connection: Connection, organisation: str) -> str | None:
    """Return the unified social credit code that an organisation is registered under, if any."""
    table = store.organisation
    query = select(table.c.credit_code).where(table.c.id == organisation)
    return connection.execute(query).scalar()


def taken(field: str, value: str) -> Conflict:
    """Return the refusal of a name that is in use."""
    return Conflict(
        "already_registered",
        Message(
            zh=f"字段 {field} 的值“{value}”已被登记。",
            en=f"The value {value!r} of {field} is already registered.",
        ),
        field=f"$.{field}",
        rule=RULE,
    )


def _insert_affiliates(connection: Connection, organisation: Organisation) -> None:
    for affiliate in sorted(set(organisation.affiliates) - {organisation.id}):
        connection.execute(
            insert(store.organisation_affiliate).values(
                organisation=organisation.id, affiliate=affiliate
            )
        )


def _credit_code_known(connection: Connection, code: str) -> bool:
    query = select(store.organisation.c.id).where(store.organisation.c.credit_code == code)
    return connection.execute(query).first() is not None
