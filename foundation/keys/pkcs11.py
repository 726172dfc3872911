"""Signing keys in a PKCS#11 token: made there, used there, never read out (OASIS PKCS#11 v3).

The one importer of ``pkcs11``. Ed25519 by CKM_EDDSA, without a context: the same 64 bytes as RFC
8032, so that C2SP's verifiers need not know. A token without EdDSA is refused: ECDSA has no line
type of C2SP's, and SM2 keys stay files, for no open token makes them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from foundation.errors import Message, Unavailable
from foundation.keys.protocol import no_key

_CURVE = b"\x13\x0cedwards25519"  # the PrintableString of PKCS#11 v3, section 6.3.6
_PUBLIC_BYTES = 32
_ED25519 = "Ed25519"


class Pkcs11Signers:
    """Implements ``foundation.keys.signers.Signers`` over one token."""

    place = "PKCS#11"

    def __init__(self, module: Path, token_label: str, pin: str) -> None:
        """Open the module and find the token. Raises Unavailable where either is missing."""
        self._using = Lock()
        try:
            library = pkcs11.lib(str(module))
            self._token = library.get_token(token_label=token_label)
            self._session = self._token.open(user_pin=pin, rw=True)
        except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
            raise _no_token() from error

    def names(self) -> list[tuple[str, str]]:
        """Return the label and kind of every private key in the token."""
        with self._session_held() as session:
            found = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
            return sorted((str(key[Attribute.LABEL]), _ED25519) for key in found)

    def make(self, name: str, kind: str) -> None:
        """Make an Ed25519 key that cannot leave the token."""
        if kind != _ED25519:
            raise _no_mechanism(kind)
        with self._session_held() as session:
            try:
                curve = session.create_domain_parameters(
                    KeyType.EC_EDWARDS, {Attribute.EC_PARAMS: _CURVE}, local=True
                )
                curve.generate_keypair(
                    mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
                    store=True,
                    label=name,
                    private_template={Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True},
                )
            except pkcs11.PKCS11Error as error:
                raise _no_mechanism(kind) from error

    def public_key(self, name: str) -> bytes | None:
        """Return the 32 public bytes, or None."""
        with self._session_held() as session:
            key = _found(session, ObjectClass.PUBLIC_KEY, name)
            return None if key is None else bytes(key[Attribute.EC_POINT])[-_PUBLIC_BYTES:]

    def sign(self, name: str, data: bytes) -> bytes:
        """Sign inside the token (64 bytes)."""
        with self._session_held() as session:
            key = _found(session, ObjectClass.PRIVATE_KEY, name)
            if key is None:
                raise no_key(name)
            return bytes(key.sign(data, mechanism=Mechanism.EDDSA))

    @contextmanager
    def _session_held(self) -> Iterator[Any]:
        """One caller at a time: a session is no place for two."""
        with self._using:
            try:
                yield self._session
            except pkcs11.PKCS11Error as error:
                raise _no_token() from error


def _found(session: Any, kind: ObjectClass, name: str) -> Any:
    keys = list(session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: name}))
    return keys[0] if keys else None


def _no_token() -> Unavailable:
    return Unavailable(
        "token_unavailable",
        Message(
            "密码设备（PKCS#11）不可用，签名密钥无法使用。",
            "The PKCS#11 token cannot be used, so nothing can be signed.",
        ),
        rule="I3",
        way_out=Message(
            "请检查模块路径、令牌标签和口令文件。",
            "Check the module's path, the token's label and the PIN file.",
        ),
    )


def _no_mechanism(kind: str) -> Unavailable:
    return Unavailable(
        "token_lacks_mechanism",
        Message(
            f"该密码设备不能生成 {kind} 密钥。", f"The token cannot make a key of kind {kind}."
        ),
        rule="I3",
        way_out=Message(
            "请使用支持 EdDSA（Ed25519）的设备，或改用文件密钥。",
            "Use a token with EdDSA (Ed25519), or keep the key in a file.",
        ),
    )
