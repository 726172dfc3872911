"""Decides which account an issuer's subject acts for, and that one natural person stays one.

A subject is bound by two administrators who are neither of them its person, or by its first login
where the issuer verified an identity number that was registered before. At each login that tells
one, it must be that of the account's own person. Nothing of the token is kept but digests.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from authorization import store as registry
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind
from foundation.ids import new_id
from foundation.two_people import (
    check_another_person,
    check_natural_person,
    check_older_than,
)
from service.login.store import login_binding

RULE = "login-bindings"
BY_TWO, BY_IDENTITY, BY_FOUNDING = "two_people", "identity", "founding"


@dataclass(frozen=True)
class Subject:
    """An issuer's subject, by its keyed digest."""

    issuer: str
    digest: str


@dataclass(frozen=True)
class Binding:
    """A binding that stands: its account, that account's person, and since when (UTC µs)."""

    id: str
    account: str
    person: str
    since_us: int


def binding_of(connection: Connection, subject: Subject) -> Binding | None:
    """Return the binding that stands for a subject, or None."""
    table, account = login_binding, registry.person_account
    row = connection.execute(
        select(table.c.id, table.c.account, table.c.since_us, account.c.person)
        .join(account, account.c.name == table.c.account)
        .where(*_of(subject), table.c.since_us.is_not(None))
    ).first()
    return None if row is None else Binding(row.id, row.account, row.person, row.since_us)


def propose_binding(writer: Writer, actor: Actor, subject: Subject, account: str) -> Recorded[str]:
    """Propose that a subject acts for an account; return the binding's id.

    Raises InvalidInput for an account of no natural person, Conflict for a subject that has one,
    Denied where the actor is the account's own person.
    """
    check_natural_person(actor)
    binding = new_id("binding")
    public = _public(binding, subject, account)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        check_another_person(actor, _person_of(connection, account))
        _insert(connection, binding, subject, account, actor.person, entry.time_us)
        return binding

    return writer.submit(AuditEvent(EntryKind.LOGIN_BINDING_PROPOSED, actor, public), apply)


def confirm_binding(writer: Writer, actor: Actor, binding: str) -> Recorded[str]:
    """Confirm a proposed binding as the second person; it stands from now on.

    Raises NotFound, Conflict where it is not proposed, Denied to who proposed it, to its own
    person, and to an account younger than the proposal.
    """
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        row = _row(connection, binding)
        if row.since_us is not None or row.ended_us is not None:
            raise _not_open()
        check_another_person(actor, row.proposed_by)
        check_another_person(actor, _person_of(connection, row.account))
        check_older_than(actor, row.proposed_us)
        connection.execute(
            update(login_binding)
            .where(login_binding.c.id == binding)
            .values(since_us=entry.time_us, confirmed_by=actor.person)
        )
        subject = Subject(row.issuer, row.subject_digest)
        entry.amend(
            **_public(binding, subject, row.account), way=BY_TWO, proposed_by=row.proposed_by
        )
        return str(row.account)

    return writer.submit(AuditEvent(EntryKind.LOGIN_BOUND, actor, {"binding": binding}), apply)


def end_binding(writer: Writer, actor: Actor, binding: str) -> Recorded[str]:
    """End a binding, proposed or standing, at once; return its account. One person may."""
    check_natural_person(actor)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        row = _row(connection, binding)
        if row.ended_us is not None:
            raise _not_open()
        connection.execute(
            update(login_binding)
            .where(login_binding.c.id == binding)
            .values(ended_us=entry.time_us)
        )
        entry.amend(account=row.account)
        return str(row.account)

    return writer.submit(AuditEvent(EntryKind.LOGIN_UNBOUND, actor, {"binding": binding}), apply)


def bind_at_once(writer: Writer, subject: Subject, account: str, way: str) -> Recorded[str]:
    """Bind a subject for the system: by a verified identity, or as the founding was configured."""
    binding = new_id("binding")
    public = {**_public(binding, subject, account), "way": way, "proposed_by": SYSTEM_ACTOR.person}

    def apply(connection: Connection, entry: PendingEntry) -> str:
        _person_of(connection, account)
        person, now_us = SYSTEM_ACTOR.person, entry.time_us
        _insert(connection, binding, subject, account, person, now_us, confirmed=True)
        return binding

    return writer.submit(AuditEvent(EntryKind.LOGIN_BOUND, SYSTEM_ACTOR, public), apply)


def ever_bound(connection: Connection, account: str) -> bool:
    """Tell whether any subject was ever bound to an account."""
    table = login_binding
    query = select(table.c.id).where(table.c.account == account, table.c.since_us.is_not(None))
    return connection.execute(query.limit(1)).first() is not None


def check_identity(
    connection: Connection, binding: Binding, identity: str, *, required: bool
) -> bool:
    """Hold a login's verified identity digest against the person of its account.

    Return True where the person had none yet and is to be recognised by it from now on. Raises
    Denied where it is another person's, or none came and one is required.
    """
    if not identity:
        if required:
            raise _identity_missing()
        return False
    table = registry.person
    known = connection.execute(
        select(table.c.identity_digest).where(table.c.id == binding.person)
    ).scalar()
    if known is not None:
        if known != identity:
            raise _another_person()
        return False
    if person_of_identity(connection, identity) is not None:
        raise _another_person()
    return True


def recognise(writer: Writer, issuer: str, binding: Binding, identity: str) -> None:
    """Keep the identity digest of a person who had none. Raises Denied where another has it."""
    public: dict[str, object] = {
        "subject": binding.person,
        "identity_digest": identity,
        "issuer": issuer,
    }

    def apply(connection: Connection, _entry: PendingEntry) -> None:
        table = registry.person
        if person_of_identity(connection, identity) not in {None, binding.person}:
            raise _another_person()
        connection.execute(
            update(table)
            .where(table.c.id == binding.person, table.c.identity_digest.is_(None))
            .values(identity_digest=identity)
        )

    writer.submit(AuditEvent(EntryKind.IDENTITY_KNOWN, SYSTEM_ACTOR, public), apply)


def person_of_identity(connection: Connection, identity: str) -> str | None:
    """Return the person whom an identity digest names, or None."""
    table = registry.person
    found = connection.execute(select(table.c.id).where(table.c.identity_digest == identity))
    person: str | None = found.scalar()
    return person


def only_account_of(connection: Connection, person: str) -> str:
    """Return the one account of a person. Raises Denied where there is none, or a choice."""
    table = registry.person_account
    query = select(table.c.name).where(table.c.person == person, table.c.ended_us.is_(None))
    names = list(connection.execute(query).scalars())
    if len(names) != 1:
        raise Denied(
            "account_not_chosen",
            Message(
                "您名下的账号不止一个（或没有），须由安全管理员指定本次登录对应的账号。",
                "You have several accounts (or none): the security administrator must say which "
                "one this login is for.",
            ),
            rule=RULE,
        )
    return str(names[0])


def bindings(connection: Connection, limit: int) -> list[dict[str, object]]:
    """Return bindings, newest first, as the administrators see them."""
    table = login_binding
    query = select(table).order_by(table.c.proposed_us.desc(), table.c.id).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]


def _of(subject: Subject) -> tuple[ColumnElement[bool], ...]:
    table = login_binding
    return (
        table.c.issuer == subject.issuer,
        table.c.subject_digest == subject.digest,
        table.c.ended_us.is_(None),
    )


def _insert(
    connection: Connection,
    binding: str,
    subject: Subject,
    account: str,
    person: str,
    now_us: int,
    *,
    confirmed: bool = False,
) -> None:
    values: dict[str, object] = {
        "id": binding,
        "issuer": subject.issuer,
        "subject_digest": subject.digest,
        "account": account,
        "proposed_by": person,
        "proposed_us": now_us,
    }
    if confirmed:
        values |= {"confirmed_by": person, "since_us": now_us}
    try:
        connection.execute(insert(login_binding).values(**values))
    except IntegrityError as error:
        raise Conflict(
            "subject_bound_already",
            Message(
                "该认证源用户已绑定账号，或已有待确认的绑定。",
                "This issuer's subject has an account already, or one is proposed.",
            ),
            field="$.subject",
            rule=RULE,
        ) from error


def _person_of(connection: Connection, account: str) -> str:
    """Return the natural person of an account that stands. Raises InvalidInput."""
    table, person = registry.person_account, registry.person
    row = connection.execute(
        select(table.c.person, person.c.kind)
        .join(person, person.c.id == table.c.person)
        .where(table.c.name == account, table.c.ended_us.is_(None))
    ).first()
    if row is None or row.kind != ActorKind.PERSON:
        raise InvalidInput(
            "account_not_of_person",
            Message(
                "没有这个账号，或它不属于自然人。", "There is no such account of a natural person."
            ),
            field="$.account",
            rule=RULE,
        )
    return str(row.person)


def _row(connection: Connection, binding: str) -> Row[tuple[object, ...]]:
    query = select(login_binding).where(login_binding.c.id == binding)
    row = connection.execute(query).first()
    if row is None:
        raise NotFound("binding_unknown", Message("没有这个绑定。", "There is no such binding."))
    return row


def _public(binding: str, subject: Subject, account: str) -> dict[str, object]:
    return {
        "binding": binding,
        "account": account,
        "issuer": subject.issuer,
        "subject_digest": subject.digest,
    }


def _not_open() -> Conflict:
    return Conflict(
        "binding_not_open",
        Message("该绑定已生效或已结束。", "This binding stands already, or has ended."),
        rule=RULE,
    )


def _another_person() -> SandgateError:
    return Denied(
        "identity_of_another_person",
        Message(
            "认证源核验的实名身份与该账号登记的自然人不一致；同一自然人只能以一个身份使用平台。",
            "The issuer verified another natural person than this account is registered for; a "
            "natural person uses the platform as one person only.",
        ),
        rule="I8",
        way_out=Message(
            "请联系安全管理员核对登记。", "Ask the security administrator to check the registry."
        ),
    )


def _identity_missing() -> Denied:
    return Denied(
        "identity_not_verified",
        Message(
            "认证源没有给出经核验的实名身份。", "The issuer gave no verified natural identity."
        ),
        rule="I8",
        way_out=Message(
            "请先在统一身份认证完成实名认证。", "Have your identity verified at the issuer first."
        ),
    )
