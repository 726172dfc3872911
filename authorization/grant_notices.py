"""Tells who may confirm that a change of people or roles waits, and both sides what came of it.

A notice names the kind of change and no person: who it is about is read on the platform.
"""

from sqlalchemy import Connection, select

from audit.events import PendingEntry
from authorization import store
from authorization.registry_changes import Change, houses_touched, roles_touched, subject_of
from catalog.entries import Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue
from foundation.identity import Role
from policies.schema.roles import RoleRules

RECIPIENTS_MAX = 200


def tell_proposed(
    connection: Connection, entry: PendingEntry, grant: str, change: Change, rules: RoleRules
) -> None:
    """Tell every house whose people may confirm a change that one waits for them."""
    able: set[Role] = set()
    for role in roles_touched(connection, change):
        rule = rules.grant_rule(role)
        able |= set(() if rule is None else rule.confirmers)
    _tell(
        connection,
        entry,
        grant,
        [
            Recipient(organisation=house, roles=tuple(sorted(able)))
            for house in _houses(connection, able)
        ],
        Bilingual(zh="有一项人员或角色变更待确认", en="A change of people or roles waits"),
        Bilingual(
            zh="请核对后确认或退回。逾期未确认的，不生效。",
            en="Compare it and confirm or refuse it. Nothing counts before.",
        ),
    )


def tell_decided(
    connection: Connection, entry: PendingEntry, grant: str, change: Change, proposer: Recipient
) -> None:
    """Tell who proposed a change, and whom it is about, that it was decided."""
    subject = subject_of(change)
    about = [
        Recipient(organisation=house, person=subject)
        for house in sorted(houses_touched(connection, change))
        if _is_person(connection, subject)
    ]
    _tell(
        connection,
        entry,
        grant,
        [proposer, *(one for one in about if one != proposer)],
        Bilingual(zh="一项人员或角色变更已办结", en="A change of people or roles was decided"),
        Bilingual(zh="请登录平台查看结果。", en="See the outcome on the platform."),
    )


def _tell(
    connection: Connection,
    entry: PendingEntry,
    grant: str,
    to: list[Recipient],
    title: Bilingual,
    body: Bilingual,
) -> None:
    if to:
        notice = Notice(
            kind="role.change",
            subject=grant,
            to=tuple(to[:RECIPIENTS_MAX]),
            title=title,
            body=body,
            data={"grant": grant},
        )
        enqueue(connection, entry, notice)


def _houses(connection: Connection, roles: set[Role]) -> list[str]:
    """Return the houses where somebody holds one of these roles."""
    member, held = store.affiliation, store.person_role
    query = (
        select(member.c.organisation)
        .distinct()
        .join(held, held.c.person == member.c.person)
        .where(member.c.ended_us.is_(None), held.c.role.in_([str(role) for role in roles]))
        .order_by(member.c.organisation)
    )
    return list(connection.execute(query).scalars())


def _is_person(connection: Connection, subject: str) -> bool:
    query = select(store.person.c.id).where(store.person.c.id == subject)
    return connection.execute(query).first() is not None
