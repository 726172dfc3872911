"""The names of persons and organisations as the registry has them, for sentences about entries."""

from sqlalchemy import Connection, select

from authorization.organisations import organisations
from authorization.store import person
from foundation.errors import Message


class RegisteredNames:
    """The registry's names, read once: a person by name and identifier, a house by both names."""

    def __init__(self, connection: Connection) -> None:
        """Read all names."""
        rows = connection.execute(select(person.c.id, person.c.name))
        self._persons = {row.id: row.name for row in rows}
        self._houses = {
            found.id: Message(found.name_zh, found.name_en)
            for found in organisations(connection).values()
        }

    def person(self, identifier: str) -> str:
        """Return ``name (identifier)``, or the identifier where both are one or none is known."""
        name = self._persons.get(identifier, identifier)
        return identifier if name == identifier else f"{name} ({identifier})"

    def organisation(self, identifier: str) -> Message:
        """Return an organisation's names, or the identifier where none is known."""
        return self._houses.get(identifier, Message(identifier, identifier))

    def dataset(self, identifier: str) -> Message:
        """Return the identifier: packs and programs know data sets and licences by it."""
        return Message(identifier, identifier)

    def licence(self, identifier: str) -> Message:
        """Return the identifier."""
        return Message(identifier, identifier)
