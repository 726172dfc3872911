"""Who belongs where and holds which role, read once for all licences of a policy snapshot."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, or_, select

from authorization import store
from authorization.compile import person_subject
from authorization.groups import log_time_us
from authorization.index import Members
from foundation.identity import Role


class Membership:
    """The people of every organisation, as the subjects and roles of policy lines."""

    def __init__(
        self, belongs_to: Mapping[str, frozenset[str]], roles: Mapping[str, frozenset[str]]
    ) -> None:
        """Know each person's organisations and roles."""
        self._belongs_to = belongs_to
        self._roles = roles
        self._people: defaultdict[str, list[str]] = defaultdict(list)
        for person, organisations in belongs_to.items():
            for organisation in organisations:
                self._people[organisation].append(person)
        self._members: dict[str, Members] = {}

    @classmethod
    def read(cls, connection: Connection) -> "Membership":
        """Read the registry: who is in force; a suspended person or house is in nobody's lines."""
        belongs_to: defaultdict[str, set[str]] = defaultdict(set)
        table = store.affiliation
        current = (
            select(table.c.person, table.c.organisation)
            .join(store.person, store.person.c.id == table.c.person)
            .join(store.organisation, store.organisation.c.id == table.c.organisation)
            .where(
                table.c.ended_us.is_(None),
                store.person.c.state == "active",
                store.organisation.c.state == "active",
            )
        )
        for row in connection.execute(current):
            belongs_to[row.person].add(row.organisation)
        roles: defaultdict[str, set[str]] = defaultdict(set)
        held, now_us = store.person_role, log_time_us(connection)
        in_force = or_(held.c.until_us.is_(None), held.c.until_us > now_us)
        for row in connection.execute(select(held.c.person, held.c.role).where(in_force)):
            roles[row.person].add(row.role)
        return cls(
            {person: frozenset(found) for person, found in belongs_to.items()},
            {person: frozenset(found) for person, found in roles.items()},
        )

    def members_of_operator(self, operator: str) -> Members:
        """Link an operator's people to their roles and all their organisations (g)."""
        known = self._members.get(operator)
        if known is None:
            known = self._members[operator] = Members.of(
                {
                    (person_subject(person), held)
                    for person in self._people.get(operator, ())
                    for held in (
                        *(f"org:{name}" for name in self._belongs_to[person]),
                        *(f"role:{role}" for role in self._roles.get(person, ())),
                    )
                }
            )
        return known

    def officers_of(self, authority: str) -> list[str]:
        """Return the subjects that hold the authority's role within an organisation."""
        return [
            person_subject(person)
            for person in self._people.get(authority, ())
            if Role.AUTHORITY in self._roles.get(person, ())
        ]
