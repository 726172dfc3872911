"""Known-answer tests of every algorithm in use: this host computes what the standards print.

Sources: FIPS 180-4, RFC 8032 test 1, NIST GCM test case 16, GB/T 32905 example 1, RFC 8998
appendix A.1 (SM4-GCM). SM2 is drawn anew at each signature: what was signed is compared by its
length and key here, and checked by ``audit.verify.sm`` against the example of GB/T 32918.5.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from foundation.errors import SandgateError
from foundation.keys.sm2 import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, make_sm2_key, sign_sm2
from foundation.keys.sm2 import sm2_public_key as public_of

_SHA256_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
_SM3_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
_ED25519_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
_ED25519_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
    "d25bf5f0595bbe24655141438e7a100b"
)
_GCM_PLAIN = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
    "b16aedf5aa0de657ba637b39"
)
_SM4_PLAIN = (
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
    "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
)


@dataclass(frozen=True)
class SelfTest:
    """One algorithm, the standard whose example it was tried with, and whether it agreed."""

    algorithm: str
    source: str
    passed: bool


def self_tests() -> tuple[SelfTest, ...]:
    """Try every algorithm; what is missing on this host has not passed."""
    tried: tuple[tuple[str, str, Callable[[], bool]], ...] = (
        ("SHA-256", "FIPS 180-4", _sha256),
        ("Ed25519", "RFC 8032", _ed25519),
        ("AES-256-GCM", "NIST SP 800-38D", _aes_gcm),
        ("SM3", "GB/T 32905-2016", _sm3),
        ("SM4-GCM", "GB/T 32907-2016, RFC 8998", _sm4_gcm),
        ("SM2", "GB/T 32918-2016", _sm2),
    )
    return tuple(SelfTest(name, source, _passed(test)) for name, source, test in tried)


def _passed(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except (SandgateError, ValueError):
        return False


def _sha256() -> bool:
    return hashlib.sha256(b"abc").hexdigest() == _SHA256_ABC


def _sm3() -> bool:
    return hashlib.new("sm3", b"abc").hexdigest() == _SM3_ABC


def _ed25519() -> bool:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_ED25519_KEY))
    return key.sign(b"").hex() == _ED25519_SIGNATURE


def _aes_gcm() -> bool:
    key = "feffe9928665731c6d6a8f9467308308" * 2
    aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
    found = _gcm(AES(bytes.fromhex(key)), "cafebabefacedbaddecaf888", aad, _GCM_PLAIN)
    return found == "76fc6ece0f4e1768cddf8853bb2d551b"


def _sm4_gcm() -> bool:
    key = "0123456789abcdeffedcba9876543210"
    aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2"
    found = _gcm(SM4(bytes.fromhex(key)), "00001234567800000000abcd", aad, _SM4_PLAIN)
    return found == "83de3541e4c2b58177e065a9bf7b62ec"


def _gcm(cipher: AES | SM4, nonce: str, aad: str, plain: str) -> str:
    """Return the tag, which every byte of key, nonce, data and ciphertext goes into."""
    sealing = Cipher(cipher, GCM(bytes.fromhex(nonce))).encryptor()
    sealing.authenticate_additional_data(bytes.fromhex(aad))
    sealing.update(bytes.fromhex(plain))
    sealing.finalize()
    return sealing.tag.hex()


def _sm2() -> bool:
    key = make_sm2_key()
    return len(public_of(key)) == PUBLIC_KEY_BYTES and len(sign_sm2(key, b"")) == SIGNATURE_BYTES
