"""What the log page calls people, organisations, data sets and licences, and which it means.

A sentence says names; the line beneath it pairs each with the identifier that the log holds, since
two may share a name. A licence is named to those who may read it, and a data set by the label that
everybody who is logged in may read: a name tells nobody more than their other pages do.
"""

from sqlalchemy import Connection

from audit.reading import LogEntry
from audit.view.narration import inert, sentence
from authorization.licences import licence_by_id
from foundation.errors import Message, NotFound
from service.pages.blocks import Noted
from service.pages.frame import Visit
from service.pages.names import dataset_titles, house_names, licence_title, person_names


class LogNames:
    """Names for one visitor; reads what an entry mentions, within the connection's reading."""

    def __init__(self, visit: Visit, connection: Connection) -> None:
        """Read the names of people, organisations and data sets once."""
        self._visit = visit
        self._connection = connection
        self._persons = person_names(connection)
        self._houses = house_names(connection)
        self._datasets = dataset_titles(connection)
        self._licences: dict[str, Message] = {}
        self._said: dict[tuple[str, Message], None] = {}

    def told(self, entry: LogEntry) -> Noted:
        """Return an entry's sentence in names, and the identifiers behind them."""
        self._said = {}
        said = sentence(entry, self)
        if not self._said:
            return Noted(said, "")
        zh = [f"{inert(name.zh)} {inert(one)}" for one, name in self._said if name.zh != one]
        en = [f"{inert(name.en)} {inert(one)}" for one, name in self._said if name.en != one]
        return Noted(
            said,
            Message(
                f"标识：{'；'.join(zh)}" if zh else "",
                f"Identifiers: {'; '.join(en)}" if en else "",
            ),
        )

    def person(self, identifier: str) -> str:
        """Return a person's name, or the identifier where none is known."""
        name = self._persons.get(identifier, identifier)
        return self._called(identifier, Message(name, name)).zh

    def organisation(self, identifier: str) -> Message:
        """Return an organisation's names, or the identifier where none is known."""
        return self._called(identifier, self._houses.get(identifier))

    def dataset(self, identifier: str) -> Message:
        """Return a data set's label, or the identifier where none is known."""
        return self._called(identifier, self._datasets.get(identifier))

    def licence(self, identifier: str) -> Message:
        """Return a licence's scenario, or the identifier to whoever may not read the licence."""
        if identifier not in self._licences:
            self._licences[identifier] = self._licence(identifier)
        return self._called(identifier, self._licences[identifier])

    def _licence(self, identifier: str) -> Message:
        found = licence_by_id(self._connection, identifier)
        if found is None:
            return Message(identifier, identifier)
        try:
            self._visit.platform.readers.check_licence_reader(self._visit.actor, found)
        except NotFound:
            return Message(identifier, identifier)
        return licence_title(found)

    def _called(self, identifier: str, name: Message | None) -> Message:
        """Return a name, and remember whose it is where it says something else than that."""
        if name is None or name == Message(identifier, identifier):
            return Message(identifier, identifier)
        self._said[identifier, name] = None
        return name
