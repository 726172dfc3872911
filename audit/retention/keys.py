"""The keys of private fields at their end: destroyed when nothing is sealed under them any more.

The entry says which key, how many fields it sealed and how many keys were destroyed so far, and
commits to the key itself: a copy that turns up later is known by it. It comes first; a key whose
end a crash cut off is destroyed at the next start.
"""

import secrets
from collections.abc import Collection

from sqlalchemy import Connection, Engine, func, insert, select

from audit.events import AuditEvent, PendingEntry, Writer
from audit.reading import entry_at, receipt_for
from audit.retention.store import text_key_destroyed
from audit.sealing import month_of_key
from audit.store import entry_private, erasure
from audit.tags import EntryKind
from foundation.canonical import salted_commitment
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.keys import Citation, KeyStore
from foundation.terms import local_day

SALT_BYTES = 16
DESTROYED = "destroyed"


class TextKeys:
    """Destroys keys of private fields and proves it."""

    def __init__(self, engine: Engine, writer: Writer, keys: KeyStore) -> None:
        """Use the key store by its protocol alone."""
        self._engine = engine
        self._writer = writer
        self._keys = keys

    def idle(self, connection: Connection, names: Collection[str], now_us: int) -> list[str]:
        """Return which of these keys seal nothing any more and will seal nothing again."""
        month = f"{local_day(now_us):%Y-%m}"
        used = set(
            connection.execute(
                select(entry_private.c.key_name)
                .where(entry_private.c.key_name.in_(names))
                .distinct()
            ).scalars()
        )
        return sorted(name for name in set(names) - used if month_of_key(name) < month)

    def destroy(self, actor: Actor, name: str, cited: Citation) -> int:
        """Log the end of a key, then destroy it; return the entry's index."""
        salt = secrets.token_bytes(SALT_BYTES)
        commitment = self._commitment(name, salt, cited)

        def apply(connection: Connection, entry: PendingEntry) -> None:
            sealed = select(func.count()).where(erasure.c.key_name == name)
            before = select(func.count()).select_from(text_key_destroyed)
            entry.amend(
                fields=connection.execute(sealed).scalar_one(),
                destroyed_total=connection.execute(before).scalar_one() + 1,
            )
            connection.execute(
                insert(text_key_destroyed).values(
                    key_name=name, destroyed_index=entry.index, destroyed_us=entry.time_us
                )
            )

        public = {"key_names": [name], "key_commitment": commitment, "key_salt": salt.hex()}
        event = AuditEvent(EntryKind.TEXT_KEY_DESTROYED, actor, public)
        recorded = self._writer.submit(event, apply)
        self._keys.destroy(name, recorded.citation)
        return recorded.index

    def finish(self, now_us: int) -> list[str]:
        """Destroy what an earlier process was about to; return the names of those keys."""
        with reading(self._engine) as connection:
            ended = set(connection.execute(select(text_key_destroyed.c.key_name)).scalars())
            last = {
                row.key_name: row.erased
                for row in connection.execute(
                    select(
                        erasure.c.key_name, func.max(erasure.c.erased_index).label("erased")
                    ).group_by(erasure.c.key_name)
                )
            }
            owed = self.idle(connection, set(last) - ended, now_us)
            cited = {name: self._citation(connection, last[name]) for name in owed}
        for name in owed:
            self.destroy(SYSTEM_ACTOR, name, cited[name])
        left = {key.name for key in self._keys.inventory() if key.state != DESTROYED} & ended
        for name in sorted(left):
            self._keys.destroy(name)
        return [*owed, *sorted(left)]

    def _commitment(self, name: str, salt: bytes, cited: Citation) -> str | None:
        try:
            return salted_commitment(salt, self._keys.data_key(name, cited))
        except SandgateError:
            return None  # the key may be gone already; its end is logged all the same

    @staticmethod
    def _citation(connection: Connection, index: int) -> Citation:
        return Citation(index, entry_at(connection, index).body, receipt_for(connection, index))
