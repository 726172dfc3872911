"""Decides what a program may do by itself: a closed list of scopes, for a time, never a decision.

A service account belongs to one organisation and is made by two people. Its secret is shown once
and kept as a digest; it expires, is turned over with a short overlap, and ends at once. Such an
account holds no role that approves, checks or administers (I8).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from pydantic import Field
from sqlalchemy import Connection, insert, or_, select, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store
from authorization.organisation_registry import CODE_PATTERN, require_organisation
from authorization.persons import (
    Person,
    actor_for_person,
    check_person_fits,
    insert_person,
    organisations_of,
)
from authorization.separation import check_natural_person
from catalog.datasets import Frozen
from foundation.clock import MICROSECONDS_PER_DAY, to_iso
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound, Unauthenticated
from foundation.identity import Actor, ActorKind, Role
from foundation.ids import new_id
from policies.schema.roles import RoleRules

PREFIX = "crd"
TOKEN_PREFIX = "sgsvc1"  # noqa: S105 - the name of a form, not a secret
RULE = "service-accounts"
_SECRET_BYTES = 32
_TOKEN = re.compile(rf"^{TOKEN_PREFIX}\.({PREFIX}_[a-z0-9]{{20,40}})\.([A-Za-z0-9_-]{{43}})$")


class ServiceAccount(Frozen):
    """A program's account: the organisation it belongs to, its roles and its scopes."""

    id: str = Field(pattern=CODE_PATTERN)
    name: str = Field(min_length=1, max_length=200)
    organisation: str = Field(min_length=1, max_length=64)
    roles: tuple[Role, ...] = Field(min_length=1, max_length=4)
    scopes: tuple[str, ...] = Field(min_length=1, max_length=50)


@dataclass(frozen=True)
class IssuedCredential:
    """A credential as it is shown once; times in UTC microseconds."""

    id: str
    token: str
    expires_us: int


@dataclass(frozen=True)
class ServiceCaller:
    """A program that proved itself: its actor and what it may call."""

    actor: Actor
    credential: str
    scopes: frozenset[str]


def check_service_account(
    connection: Connection, account: ServiceAccount, rules: RoleRules
) -> None:
    """Refuse roles that decide, unknown scopes and taken names. Raises InvalidInput, Conflict."""
    for role in account.roles:
        if role not in rules.service_roles:
            raise _invalid(
                "service_role_kept_apart",
                "roles",
                "服务账号不得担任审批、审核或管理角色。",
                "A service account holds no role that approves, checks or administers.",
            )
    for name in account.scopes:
        if rules.scope(name) is None:
            raise _invalid(
                "scope_unknown",
                "scopes",
                "没有这项权限范围，请见 policies/roles。",
                "There is no such scope; policies/roles lists them.",
            )
    require_organisation(connection, account.organisation, "service_account.organisation")
    check_person_fits(connection, _as_person(account))


def insert_service_account(connection: Connection, account: ServiceAccount, now_us: int) -> None:
    """Write a confirmed account, as part of an ``apply``; it has no credential yet."""
    insert_person(connection, _as_person(account), now_us)
    for name in sorted(set(account.scopes)):
        connection.execute(insert(store.service_scope).values(account=account.id, scope=name))


def issue_credential(
    writer: Writer, actor: Actor, account: str, days: int, rules: RoleRules
) -> Recorded[IssuedCredential]:
    """Make a secret for an account and return it, once; older ones end within the overlap.

    By a natural person of the account's own organisation, or the system administrator. ``days``
    are calendar days. Raises InvalidInput, NotFound or Denied.
    """
    check_natural_person(actor)
    if not 1 <= days <= rules.service_days_max:
        raise _invalid(
            "credential_term",
            "days",
            f"凭据有效期为 1 至 {rules.service_days_max} 天。",
            f"A credential lasts 1 to {rules.service_days_max} days.",
        )
    credential, secret = new_id(PREFIX), secrets.token_urlsafe(_SECRET_BYTES)

    def apply(connection: Connection, entry: PendingEntry) -> IssuedCredential:
        _check_keeper(connection, actor, account)
        now_us = entry.time_us
        expires_us = now_us + days * MICROSECONDS_PER_DAY
        _end_after_overlap(connection, account, now_us, rules)
        connection.execute(
            insert(store.service_credential).values(
                id=credential,
                account=account,
                secret_digest=_digest(secret),
                issued_us=now_us,
                expires_us=expires_us,
            )
        )
        entry.amend(expires=to_iso(expires_us))
        return IssuedCredential(credential, f"{TOKEN_PREFIX}.{credential}.{secret}", expires_us)

    public: dict[str, object] = {"subject": account, "credential": credential}
    return writer.submit(AuditEvent(EntryKind.CREDENTIAL_ISSUED, actor, public), apply)


def end_credential(writer: Writer, actor: Actor, credential: str, reason: str) -> Recorded[str]:
    """End a credential now. Raises NotFound, Denied, or Conflict where it ended before."""
    check_natural_person(actor)
    public: dict[str, object] = {"credential": credential}

    def apply(connection: Connection, entry: PendingEntry) -> str:
        table = store.service_credential
        row = connection.execute(select(table).where(table.c.id == credential)).first()
        if row is None:
            raise _unknown()
        _check_keeper(connection, actor, row.account)
        if row.ended_us is not None and row.ended_us <= entry.time_us:
            raise Conflict(
                "credential_ended",
                Message(zh="该凭据已作废。", en="This credential was ended before."),
                field="credential",
                rule=RULE,
            )
        connection.execute(
            update(table).where(table.c.id == credential).values(ended_us=entry.time_us)
        )
        entry.amend(subject=row.account)
        return str(row.account)

    event = AuditEvent(EntryKind.CREDENTIAL_ENDED, actor, public, {"reason": reason})
    return writer.submit(event, apply)


def is_service_token(token: str) -> bool:
    """Tell whether a bearer token has the form of a service account's."""
    return token.startswith(f"{TOKEN_PREFIX}.")


def caller_of(
    connection: Connection, token: str, now_us: int, language: str = "zh"
) -> ServiceCaller:
    """Return who holds a service token. Raises Unauthenticated, alike for whatever is wrong."""
    parts = _TOKEN.match(token)
    if parts is None:
        raise _no_such_token()
    table = store.service_credential
    row = connection.execute(select(table).where(table.c.id == parts[1])).first()
    known = "" if row is None else row.secret_digest
    if not hmac.compare_digest(_digest(parts[2]), known) or row is None:
        raise _no_such_token()
    if row.expires_us <= now_us or (row.ended_us is not None and row.ended_us <= now_us):
        raise _no_such_token()
    (house,) = organisations_of(connection, row.account) or ("",)
    try:
        actor = actor_for_person(connection, row.account, house, language, now_us)
    except (NotFound, Denied) as error:
        raise _no_such_token() from error
    scopes = select(store.service_scope.c.scope).where(store.service_scope.c.account == row.account)
    return ServiceCaller(actor, row.id, frozenset(connection.execute(scopes).scalars()))


def check_scope(
    actor: Actor, scopes: Collection[str], method: str, path: str, rules: RoleRules
) -> None:
    """Refuse a program an endpoint (``/catalog/datasets/{name}``) outside its scopes.

    Scopes limit programs alone: a person's rights are their roles. Raises Denied.
    """
    if actor.kind is not ActorKind.SERVICE:
        return
    wanted = f"{method} {path}"
    found = (rules.scope(name) for name in scopes)
    if any(scope is not None and wanted in scope.endpoints for scope in found):
        return
    raise Denied(
        "scope_missing",
        Message(
            zh="该服务账号的权限范围不包括此接口。",
            en="This service account has no scope for this endpoint.",
        ),
        field="Authorization",
        rule="policies/roles",
    )


def service_accounts(connection: Connection, organisation: str = "") -> list[dict[str, object]]:
    """Return the accounts, of one organisation or all, with scopes and standing credentials."""
    person, joined = store.person, store.affiliation
    query = (
        select(person.c.id, person.c.name, person.c.state, joined.c.organisation)
        .join(joined, joined.c.person == person.c.id)
        .where(person.c.kind == str(ActorKind.SERVICE), joined.c.ended_us.is_(None))
        .order_by(person.c.id)
    )
    if organisation:
        query = query.where(joined.c.organisation == organisation)
    return [_listed(connection, row.id, row._asdict()) for row in connection.execute(query)]


def _listed(connection: Connection, account: str, facts: dict[str, object]) -> dict[str, object]:
    table, scope = store.service_credential, store.service_scope
    held = select(table).where(table.c.account == account).order_by(table.c.issued_us)
    scopes = select(scope.c.scope).where(scope.c.account == account).order_by(scope.c.scope)
    return {
        **facts,
        "scopes": list(connection.execute(scopes).scalars()),
        "credentials": [
            {
                "id": row.id,
                "issued": to_iso(row.issued_us),
                "expires": to_iso(row.expires_us),
                "ended": None if row.ended_us is None else to_iso(row.ended_us),
            }
            for row in connection.execute(held)
        ],
    }


def _end_after_overlap(connection: Connection, account: str, now_us: int, rules: RoleRules) -> None:
    """Let older secrets work a little longer, so that a program can be moved to the new one."""
    table = store.service_credential
    end_us = now_us + rules.rotation_overlap_days_max * MICROSECONDS_PER_DAY
    standing = or_(table.c.ended_us.is_(None), table.c.ended_us > end_us)
    connection.execute(
        update(table).where(table.c.account == account, standing).values(ended_us=end_us)
    )


def _check_keeper(connection: Connection, actor: Actor, account: str) -> None:
    kind = select(store.person.c.kind).where(
        store.person.c.id == account, store.person.c.state == "active"
    )
    if connection.execute(kind).scalar() != str(ActorKind.SERVICE):
        raise _unknown()
    own = actor.organisation in organisations_of(connection, account)
    if not own and not actor.has(Role.SYSTEM_ADMINISTRATOR):
        raise _unknown()


def _as_person(account: ServiceAccount) -> Person:
    return Person(
        id=account.id,
        name=account.name,
        kind=ActorKind.SERVICE,
        organisations=(account.organisation,),
        roles=account.roles,
    )


def _digest(secret: str) -> str:
    """Return the digest of a secret of 256 random bits: no slow hash is needed for such."""
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()


def _no_such_token() -> Unauthenticated:
    return Unauthenticated(
        "token_invalid",
        Message(
            zh="访问令牌缺失、无效或已过期。",
            en="The access token is missing, invalid or expired.",
        ),
        field="Authorization",
    )


def _unknown() -> NotFound:
    return NotFound(
        "service_account_unknown",
        Message(zh="没有这样的服务账号或凭据。", en="There is no such service account or key."),
        field="service_account",
        rule=RULE,
    )


def _invalid(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule="policies/roles")
