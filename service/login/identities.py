"""One natural person, one digest: however many issuers, accounts and organisations they come by.

A number that names a person is checked, brought to one form and digested under a pepper that never
leaves the key holder; the number itself is neither kept nor logged. The digest of an issuer's
subject is made alike, under another pepper, so that neither table helps to find the other.
"""

import re
import unicodedata

from catalog.detectors import numbers
from foundation.errors import InvalidInput, Message
from foundation.keys import KeyStore

RESIDENT_ID = numbers.RESIDENT_ID
RESIDENT_ID_CHARACTERS = 18
PERSONS, SUBJECTS = "persons", "subjects"
SUBJECT_CHARACTERS = 32
_FORM = re.compile(r"[0-9A-Z]{4,40}")
_KIND = re.compile(r"[a-z][a-z0-9_]{1,39}")


def identity_digest(keys: KeyStore, kind: str, number: str) -> str:
    """Return the keyed digest (64 hexadecimal characters) of an identity number.

    ``kind`` names the register the number is of: ``resident_id`` (居民身份证, GB 11643) or another
    such as ``passport_fra``. Raises InvalidInput where the number cannot be one of its kind.
    """
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", number)).upper()
    formed = bool(_KIND.fullmatch(kind)) and bool(_FORM.fullmatch(plain))
    if not formed or (kind == RESIDENT_ID and not _is_resident_id(plain)):
        raise InvalidInput(
            "identity_number_invalid",
            Message(
                "身份标识号码的格式或校验位不正确。",
                "The identity number has a wrong form or check digit.",
            ),
            field="$.identity",
            rule="GB 11643" if kind == RESIDENT_ID else "identity",
        )
    return keys.keyed_digest(PERSONS, f"{kind}\0{plain}".encode()).hex()


def subject_digest(keys: KeyStore, issuer: str, subject: str) -> str:
    """Return the keyed digest (32 hexadecimal characters) of what an issuer calls somebody.

    People read it aloud as a registration code: 128 bits of the digest, which nobody chooses.
    """
    digest = keys.keyed_digest(SUBJECTS, f"{issuer}\0{subject}".encode()).hex()
    return digest[:SUBJECT_CHARACTERS]


def _is_resident_id(plain: str) -> bool:
    return len(plain) == RESIDENT_ID_CHARACTERS and RESIDENT_ID in numbers.kinds_in(plain)
