"""Who belongs where and holds which role, read once for all licences of a policy snapshot."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, select

from authorization import store
from authorization.compile import person_subject
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
        """Read the registry."""
        belongs_to: defaultdict[str, set[str]] = defaultdict(set)
        table = store.affiliation
        for row in connection.execute(select(table.c.person, table.c.organisation)):
            belongs_to[row.person].add(row.organisation)
        roles: defaultdict[str, set[str]] = defaultdict(set)
        held = store.person_role
        for row in connection.execute(select(held.c.person, held.c.role)):
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
