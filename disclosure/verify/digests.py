"""How claims are remembered and logged: by keyed digests alone, so that nobody can try values.

The key stays with the key store: two claims about one person are seen to be about one person, and
nothing else can be told from what is kept.
"""

import hmac
from dataclasses import dataclass
from threading import Lock

from audit.events import Writer
from audit.key_requests import request_keys
from disclosure.verify.claims import Condition, Consent, ReadClaim
from foundation.canonical import canonical_bytes
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import KeyStore

KEY_NAME = "verification.digests"


@dataclass(frozen=True)
class ClaimDigests:
    """A claim as it is kept: who, what is claimed of each column, and on which consent."""

    subject: str
    values: dict[str, str]
    consent: str
    consent_terms: str


class Digester:
    """Makes the keyed digests of claims."""

    def __init__(self, keys: KeyStore, writer: Writer) -> None:
        """Know where the platform's own key for this is; it is made at first use."""
        self._keys = keys
        self._writer = writer
        self._asked = Lock()
        self._held = b""

    def of(self, claim: ReadClaim, organisation: str) -> ClaimDigests:
        """Return a claim's digests. A unit is one whatever data set of its population is asked."""
        about = claim.dataset.population or claim.dataset.name
        subject = self._digest("subject", about, *map(_written, claim.identifiers))
        return ClaimDigests(
            subject=subject,
            values={
                item.column.name: self._digest("value", item.column.name, item.text)
                for item in claim.attributes
            },
            consent=self._digest("consent", organisation, claim.consent.number),
            consent_terms=self._digest("terms", *_terms(claim.consent)),
        )

    def _digest(self, *parts: object) -> str:
        return "hmac:" + hmac.digest(self._key(), canonical_bytes(list(parts)), "sha256").hex()

    def _key(self) -> bytes:
        """Return the key, asked for on an entry of its own once in a process's life."""
        with self._asked:
            if not self._held:
                cited = request_keys(self._writer, SYSTEM_ACTOR, "claims", [KEY_NAME])
                self._held = self._keys.ensure_data_key(KEY_NAME, cited)
            return self._held


def _written(condition: Condition) -> list[str]:
    return [condition.column.name, condition.text]


def _terms(consent: Consent) -> tuple[str, str, str]:
    return consent.given_by, consent.given_on, consent.purpose
