"""SM2 signatures with SM3 (GB/T 32918.2-2016), made by the OpenSSL that Python itself is linked to.

The key's owner is named by the identity 1234567812345678 of GM/T 0009-2012. Signing is OpenSSL's,
in constant time; checking is written a second time in ``audit/verify/sm.py``.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from foundation.errors import Message, Unavailable

IDENTITY = b"1234567812345678"
LIBRARY = "libcrypto.so.3"
NUMBER_BYTES = 32
PUBLIC_KEY_BYTES = 2 * NUMBER_BYTES
SIGNATURE_BYTES = 2 * NUMBER_BYTES
_DER_SIGNATURE_BYTES_MAX = 80
_POINT_BYTES = 1 + PUBLIC_KEY_BYTES
_SEQUENCE, _INTEGER = 0x30, 0x02
_pointer, _size = ctypes.c_void_p, ctypes.c_size_t


def make_sm2_key() -> bytes:
    """Return a new private key in DER. Raises Unavailable where OpenSSL 3 is missing."""
    openssl = _openssl()
    with _owned(openssl.EVP_PKEY_Q_keygen(None, None, b"SM2"), openssl.EVP_PKEY_free) as key:
        return _der(openssl.i2d_PrivateKey, key)


def sm2_public_key(private_key: bytes) -> bytes:
    """Return the 64 public bytes, x and y, of a private key in DER."""
    openssl = _openssl()
    with _loaded(private_key) as key:
        return _der(openssl.i2d_PUBKEY, key)[-PUBLIC_KEY_BYTES:]


def sign_sm2(private_key: bytes, data: bytes) -> bytes:
    """Sign with a private key in DER; return r and s, 32 bytes each."""
    openssl = _openssl()
    run = openssl.EVP_MD_CTX_new()
    with _loaded(private_key) as key, _owned(run, openssl.EVP_MD_CTX_free) as c:
        inner = _pointer()
        made = openssl.EVP_DigestSignInit_ex(c, ctypes.byref(inner), b"SM3", None, None, key, None)
        named = made == 1 and openssl.EVP_PKEY_CTX_set1_id(inner, IDENTITY, len(IDENTITY)) == 1
        length = _size(_DER_SIGNATURE_BYTES_MAX)
        signature = ctypes.create_string_buffer(length.value)
        if not named or (
            openssl.EVP_DigestSign(c, signature, ctypes.byref(length), data, len(data)) != 1
        ):
            raise _no_sm2()
        return _numbers(signature.raw[: length.value])


def _numbers(der: bytes) -> bytes:
    """Turn the DER sequence of two integers into their 64 bytes."""
    if der[0] != _SEQUENCE:
        raise _no_sm2()
    found, place = b"", 2
    for _ in range(2):
        if der[place] != _INTEGER:
            raise _no_sm2()
        end = place + 2 + der[place + 1]
        found += int.from_bytes(der[place + 2 : end], "big").to_bytes(NUMBER_BYTES, "big")
        place = end
    return found


@contextmanager
def _loaded(private_key: bytes) -> Iterator[int]:
    openssl = _openssl()
    place = ctypes.c_char_p(private_key)
    key = openssl.d2i_AutoPrivateKey(None, ctypes.byref(place), len(private_key))
    with _owned(key, openssl.EVP_PKEY_free) as held:
        yield held


@contextmanager
def _owned(made: int | None, free: Any) -> Iterator[int]:
    if not made:
        raise _no_sm2()
    try:
        yield made
    finally:
        free(made)


def _der(write: Any, key: int) -> bytes:
    length = write(key, None)
    if length <= 0:
        raise _no_sm2()
    buffer = ctypes.create_string_buffer(length)
    place = ctypes.cast(buffer, _pointer)
    write(key, ctypes.byref(place))
    return buffer.raw


@cache
def _openssl() -> Any:
    try:
        library = ctypes.CDLL(LIBRARY)
        pointers = ("EVP_PKEY_Q_keygen", "d2i_AutoPrivateKey", "EVP_MD_CTX_new")
        for name in pointers:
            getattr(library, name).restype = _pointer
    except (OSError, AttributeError) as error:
        raise _no_sm2() from error
    library.EVP_PKEY_Q_keygen.argtypes = [_pointer, _pointer, ctypes.c_char_p]
    library.EVP_PKEY_free.argtypes = [_pointer]
    library.EVP_MD_CTX_free.argtypes = [_pointer]
    library.i2d_PrivateKey.argtypes = [_pointer, _pointer]
    library.i2d_PUBKEY.argtypes = [_pointer, _pointer]
    library.d2i_AutoPrivateKey.argtypes = [_pointer, _pointer, ctypes.c_long]
    library.EVP_PKEY_CTX_set1_id.argtypes = [_pointer, ctypes.c_char_p, _size]
    text = ctypes.c_char_p
    signing: list[Any] = [_pointer, _pointer, text, _pointer, text, _pointer, _pointer]
    library.EVP_DigestSignInit_ex.argtypes = signing
    library.EVP_DigestSign.argtypes = [_pointer, _pointer, _pointer, text, _size]
    return library


def _no_sm2() -> Unavailable:
    return Unavailable(
        "sm2_unavailable",
        Message(
            zh="本机 OpenSSL 不能使用 SM2，国密签名不可用。",
            en="This host's OpenSSL offers no SM2, so no SM2 signature can be made.",
        ),
        rule="GB/T 32918",
        way_out=Message(
            zh="请安装 OpenSSL 3（Debian：apt-get install libssl3）。",
            en="Install OpenSSL 3 (Debian: apt-get install libssl3).",
        ),
    )
