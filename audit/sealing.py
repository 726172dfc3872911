"""Private fields at rest: each is sealed under a data key of its class of record and its month.

Destroying one key makes unreadable what it sealed, in every backup too, and the key's end can be
proved where a deleted row's cannot. The writer only ever makes keys and never asks for one again;
opening a field asks the key store on behalf of a logged entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from audit.bodies import NONCE_BYTES, PrivateField
from audit.retention.classes import UNCLASSED
from foundation.ids import random_name
from foundation.keys import AES_GCM, SM4_GCM, BoxCipher, Citation, KeyStore
from foundation.terms import local_day

ClassOfField = Callable[[str, str], str]
"""Entry kind and field name to the name of their class of record."""
KEY_PREFIX = "texts"
_ENDINGS = {AES_GCM: "", SM4_GCM: ".sm4"}


def unclassed(_kind: str, _field: str) -> str:
    """Put every field into no class: for a log without rules."""
    return UNCLASSED


@dataclass(frozen=True)
class _Key:
    name: str
    month: str
    key: bytes


class FieldSealer:
    """Seals the fields of new entries, with one key for each class and month; one thread's own."""

    def __init__(
        self, keys: KeyStore, class_of_field: ClassOfField, cipher: BoxCipher = AES_GCM
    ) -> None:
        """Make no key yet. New keys are used with ``cipher``, which their names tell."""
        self._keys = keys
        self._cipher = cipher
        self._class_of_field = class_of_field
        self._current: dict[str, _Key] = {}

    def row(self, kind: str, index: int, time_us: int, hidden: PrivateField) -> dict[str, object]:
        """Return the row of ``entry_private``. Raises Unavailable where no key can be made."""
        key = self._key(self._class_of_field(kind, hidden.field), time_us)
        plain = hidden.salt + hidden.text.encode()
        return {
            "idx": index,
            "field": hidden.field,
            "key_name": key.name,
            "sealed": _seal(key.name, key.key, plain, _context(index, hidden.field)),
        }

    def _key(self, class_name: str, time_us: int) -> _Key:
        month = f"{local_day(time_us):%Y-%m}"
        key = self._current.get(class_name)
        if key is None or key.month != month:
            name = f"{KEY_PREFIX}.{class_name}.{month}.{random_name()}{_ENDINGS[self._cipher]}"
            key = _Key(name, month, self._keys.create_data_key(name))
            self._current[class_name] = key
        return key


def month_of_key(key_name: str) -> str:
    """Return the month (``YYYY-MM``, in China) in which a key sealed fields."""
    return key_name.split(".")[2]


class KeyRing:
    """The keys of one reading, each asked for once on behalf of the logged entry that names it."""

    def __init__(self, keys: KeyStore, cited: Citation | None = None) -> None:
        """Ask for no key yet."""
        self._keys = keys
        self._cited = cited
        self._held: dict[str, bytes] = {}

    def open(self, row: Row[Any]) -> PrivateField:
        """Open a row of ``entry_private``.

        Raises Unavailable where the key is gone, and WrongBox where the row was changed or moved.
        """
        key = self._held.get(row.key_name)
        if key is None:
            key = self._held[row.key_name] = self._keys.data_key(row.key_name, self._cited)
        cipher, context = _cipher_of(row.key_name), _context(row.idx, row.field)
        plain = cipher.open(key[: cipher.key_bytes], bytes(row.sealed), context)
        return PrivateField(row.field, plain[:NONCE_BYTES], plain[NONCE_BYTES:].decode())


def _seal(key_name: str, key: bytes, plain: bytes, context: bytes) -> bytes:
    """Seal under the cipher that the key's name tells; SM4 takes the key's first 16 bytes."""
    cipher = _cipher_of(key_name)
    return cipher.seal(key[: cipher.key_bytes], plain, context)


def _cipher_of(key_name: str) -> BoxCipher:
    return SM4_GCM if key_name.endswith(_ENDINGS[SM4_GCM]) else AES_GCM


def _context(index: int, field: str) -> bytes:
    return f"sandgate/private/{index}/{field}".encode()
