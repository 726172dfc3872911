"""Keeps the true cells of recorded tables sealed: later tables are attacked together with them.

One data key for the register, opened on a logged entry for each table that is made. A box is bound
to its table. Where one is missing or cannot be opened, nothing more of its population is released:
what cannot be attacked is not known to be safe.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.events import Writer
from audit.key_requests import request_keys
from disclosure.release.tables.kept import KeptTable, read, written
from disclosure.release.tables.refusals import register_unreadable
from foundation.errors import InvalidInput, Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import BoxCipher, Citation, KeyStore
from foundation.keys.ciphers import WrongBox

KEY_NAME = "release.tables"
CONTEXT = b"sandgate/released-cells@1\n"


@dataclass(frozen=True)
class CellBoxes:
    """Seals and opens tables under the register's own key."""

    keys: KeyStore
    writer: Writer
    cipher: BoxCipher

    def seal(self, kept: KeptTable, licence: str) -> bytes:
        """Seal a table; the key is made with the first one."""
        key = self.keys.ensure_data_key(KEY_NAME, self._cited(licence))
        return self.cipher.seal(key[: self.cipher.key_bytes], written(kept), _context(kept.id))

    def open(
        self, tables: Sequence[str], boxes: Mapping[str, bytes], licence: str
    ) -> list[KeptTable]:
        """Open the boxes of some tables, in their order. Raises Unavailable for any that fails."""
        if not tables:
            return []
        try:
            key = self.keys.data_key(KEY_NAME, self._cited(licence))[: self.cipher.key_bytes]
            return [read(self.cipher.open(key, boxes[name], _context(name))) for name in tables]
        except (KeyError, ValueError, WrongBox, zlib.error, InvalidInput, Unavailable) as error:
            raise register_unreadable() from error

    def _cited(self, licence: str) -> Citation:
        return request_keys(self.writer, SYSTEM_ACTOR, "table", [KEY_NAME], licence=licence)


def _context(table: str) -> bytes:
    return CONTEXT + table.encode()
