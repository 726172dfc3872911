"""The only reader of signed tokens (JWS): which key, which algorithm; a token has no say in it.

The algorithm must be one that was configured, all of them asymmetric; the key comes from the
issuer's own key set, by its exact name, and must be of the algorithm's kind. What a token's header
offers besides (``jku``, ``x5u``, ``jwk``, ``x5c``) is never looked at; ``crit`` is refused.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

TOKEN_BYTES_MAX = 16 << 10
KEYS_MAX = 100
RSA_BITS_MIN, RSA_BITS_MAX = 2_048, 8_192
EXPONENT_BYTES_MAX = 4
KIND_OF = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Every algorithm that may be configured, with the kind and curve of its keys."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Key = Mapping[str, Any]


class BadToken(Exception):
    """A token that proves nothing; the text says why, for tests and never for a caller."""


class KeyUnknown(BadToken):
    """The key that a token names is not in the set: it may have been turned over."""


@dataclass(frozen=True)
class Verified:
    """The header and the claims of a token whose signature holds."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def verified(token: str, keys: Sequence[Key], algorithms: Sequence[str]) -> Verified:
    """Check a compact JWS against an issuer's keys. Raises BadToken; KeyUnknown for its key."""
    header = header_of(token)
    algorithm = header.get("alg")
    if algorithm not in algorithms or algorithm not in KIND_OF:
        raise BadToken("algorithm")
    if "crit" in header or "b64" in header:
        raise BadToken("critical header")
    key = _key_for(keys, str(algorithm), header.get("kid"))
    try:
        imported = JWKRegistry.import_key(dict(key))
        signed = jws.deserialize_compact(token, imported, [str(algorithm)])
        claims = json.loads(signed.payload or b"")
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadToken("signature") from error
    if not isinstance(claims, dict):
        raise BadToken("claims")
    return Verified(header, claims)


def header_of(token: str) -> dict[str, Any]:
    """Return a token's header, which proves nothing yet. Raises BadToken."""
    return _part(token, 0)


def unverified_issuer(token: str) -> str:
    """Return whom a token says it is from, to choose whose keys to try. Raises BadToken."""
    issuer = _part(token, 1).get("iss")
    if not isinstance(issuer, str):
        raise BadToken("issuer")
    return issuer


def usable_keys(document: object) -> tuple[Key, ...]:
    """Return the public signing keys of a key set (RFC 7517). Raises BadToken where it is none.

    Keys of kinds that are not used here are left out, as the standard asks; so are those that are
    too weak, too large, meant for encryption, or private.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > KEYS_MAX:
        raise BadToken("key set")
    return tuple(key for key in keys if isinstance(key, dict) and _is_usable(key))


def client_assertion(key: str, algorithm: str, claims: Mapping[str, object]) -> str:
    """Sign who a client is (private_key_jwt, RFC 7523) with its own PEM key."""
    kind, _curve = KIND_OF[algorithm]
    imported = JWKRegistry.import_key(key, kind)
    return jwt.encode({"alg": algorithm}, dict(claims), imported, [algorithm])


def _part(token: str, place: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(token) > TOKEN_BYTES_MAX or len(parts) != 3 or not token.isascii():  # noqa: PLR2004
        raise BadToken("form")
    text = parts[place]
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = json.loads(data)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadToken("form") from error
    if not isinstance(found, dict):
        raise BadToken("form")
    return found


def _key_for(keys: Sequence[Key], algorithm: str, name: object) -> Key:
    kind, curve = KIND_OF[algorithm]
    fitting = [
        key
        for key in keys
        if key["kty"] == kind
        and (not curve or key.get("crv") == curve)
        and key.get("alg", algorithm) == algorithm
    ]
    if name is not None:
        fitting = [key for key in fitting if key.get("kid") == name]
    if not fitting:
        raise KeyUnknown("key")
    if len(fitting) > 1:
        raise BadToken("more than one key could be meant")
    return fitting[0]


def _is_usable(key: Key) -> bool:
    if key.get("use", "sig") != "sig" or _PRIVATE & set(key):
        return False
    if "key_ops" in key and key["key_ops"] != ["verify"]:
        return False
    kinds = {kind for kind, _curve in KIND_OF.values()}
    if not isinstance(key.get("kty"), str) or key["kty"] not in kinds:
        return False
    return key["kty"] != "RSA" or (
        RSA_BITS_MIN <= _bits(key.get("n")) <= RSA_BITS_MAX
        and 0 < _bits(key.get("e")) <= 8 * EXPONENT_BYTES_MAX
    )


def _bits(text: object) -> int:
    if not isinstance(text, str) or len(text) > RSA_BITS_MAX:
        return 0
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return 0
    return int.from_bytes(data, "big").bit_length()
