"""Tokens, claims, metadata and key sets of an attacker, named by what is wrong with them."""

import base64
import hashlib
import hmac
import json
from typing import Any

from joserfc.jwk import RSAKey

from tests.crafted_issuer import CLIENT, KEY, OTHER_KEY, signed

ROGUE = RSAKey.generate_key(2048, {"kid": "first"})


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(map(base64_text, parts))


def by_public_key(claims: dict[str, Any]) -> str:
    """Sign with HMAC under the public key's own text: the confusion of RS256 with HS256."""
    head = unsigned({"alg": "HS256", "kid": "first"}, claims).rpartition(".")[0]
    pem = KEY.as_pem(private=False)
    return f"{head}.{base64_text(hmac.digest(pem, head.encode(), hashlib.sha256))}"


def base64_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


FORGED: dict[str, Any] = {
    "no signature": lambda claims: unsigned({"alg": "none"}, claims),
    "no signature, oddly written": lambda claims: unsigned({"alg": "nOnE", "kid": "first"}, claims),
    "the public key as a secret": by_public_key,
    "another's key under the same name": lambda claims: signed(claims, ROGUE),
    "a key that is not published": lambda claims: signed(claims, OTHER_KEY),
    "a key that comes along": lambda claims: signed(
        claims, ROGUE, kid=None, jwk=ROGUE.as_dict(private=False)
    ),
    "a key from elsewhere": lambda claims: signed(
        claims, ROGUE, kid="elsewhere", jku="http://127.0.0.1:1/jwks", x5u="http://127.0.0.1:1/x"
    ),
    "a key's name that is a path": lambda claims: signed(claims, ROGUE, kid="../../../dev/null"),
    "a key's name that is a question": lambda claims: signed(claims, ROGUE, kid="' OR 1=1 --"),
    "a key's name that is a list": lambda claims: signed(claims, ROGUE, kid=None).replace(
        signed(claims, ROGUE, kid=None).partition(".")[0],
        base64_text(json.dumps({"alg": "RS256", "kid": ["first"]}).encode()),
    ),
    "an algorithm that was not configured": lambda claims: signed(claims, alg="RS512"),
    "a critical header": lambda claims: unsigned(
        {"alg": "RS256", "kid": "first", "crit": ["exp"], "exp": 1}, claims, b"x"
    ),
    "a payload apart": lambda claims: unsigned(
        {"alg": "RS256", "kid": "first", "b64": False}, claims, b"x"
    ),
    "an encrypted token": lambda _claims: "a.b.c.d.e",
    "a token of another kind": lambda claims: signed(claims, typ="at+jwt"),
    "no token": lambda _claims: "",
    "deep nonsense": lambda _claims: f"{base64_text(b'[' * 10_000)}.e30.x",
    "too long": lambda claims: signed({**claims, "fill": "x" * 20_000}),
    "a list for claims": lambda _claims: unsigned({"alg": "RS256", "kid": "first"}, []),  # type: ignore[arg-type]
}


CLAIMS: dict[str, dict[str, object]] = {
    "another issuer": {"iss": "http://127.0.0.1:1"},
    "an issuer but for a slash": {"iss": "SLASH"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "another"},
    "an audience that begins alike": {"aud": "sandgate2"},
    "no audience": {"aud": None},
    "numbers for audiences": {"aud": [CLIENT, 3]},
    "several audiences without a party": {"aud": [CLIENT, "another"]},
    "another party": {"azp": "another"},
    "several audiences, another party": {"aud": [CLIENT, "another"], "azp": "another"},
    "another's nonce": {"nonce": "x" * 43},
    "no nonce": {"nonce": None},
    "a number for a nonce": {"nonce": 1},
    "expired": {"exp": 1},
    "no end": {"exp": None},
    "a truth for an end": {"exp": True},
    "a word for an end": {"exp": "9999999999"},
    "from the future": {"iat": 9_999_999_999},
    "no beginning": {"iat": None},
    "not yet": {"nbf": 9_999_999_999},
    "signed in tomorrow": {"auth_time": 9_999_999_999},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "a name too long": {"sub": "x" * 256},
    "a name of control characters": {"sub": "a\x00b"},
    "a number for a name": {"sub": 7},
}


METADATA: dict[str, dict[str, Any]] = {
    "it says it is another": {"issuer": "https://another.test"},
    "keys from elsewhere": {"jwks_uri": "http://127.0.0.2:1/jwks"},
    "a code handed to another": {"token_endpoint": "http://169.254.169.254/token"},
    "a path that climbs": {"jwks_uri": "CLIMB"},
    "no token endpoint": {"token_endpoint": None},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "no PKCE": {"code_challenge_methods_supported": ["plain"]},
}


BOMBS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "too large": (200, {}, b'{"keys":[' + b'{"kty":"RSA"},' * 30_000),
    "too many keys": (200, {}, json.dumps({"keys": [{"kty": "RSA"}] * 101}).encode()),
    "too deep": (200, {}, b"[" * 60_000),
    "packed": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 100),
    "elsewhere": (302, {"Location": "http://169.254.169.254/latest"}, b""),
    "no keys": (200, {}, b'{"keys":[]}'),
    "an error": (500, {}, b""),
}
