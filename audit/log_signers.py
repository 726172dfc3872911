"""Who signs checkpoints: keys of the service's own process, or the key holder, and in which forms.

The first line is Ed25519 (C2SP); the Chinese profile adds a line of SM2 with SM3 over the same
text; while a key is being turned over, its successor signs as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from audit.keyholder.client import RemoteKeyStore
from audit.keyholder.log_head import Mark
from audit.notes import Checkpoint, HeldKey, SignatureKind, VerifierKey, sign_note
from audit.verify.sm import MARK, PUBLIC_KEY_BYTES, sm2_holds
from foundation.keys import FileKeyStore, KeyStore
from foundation.keys.signers import ED25519, SM2

LOG_KEY = "log"
LOG_KEY_SM2 = "log-sm2"
NEXT = "next"

Proof = Callable[[], Sequence[bytes]]


def _sm2_line_holds(key: VerifierKey, text: bytes, signature: bytes) -> bool:
    return sm2_holds(key.public_key, signature, text)


SM2_WITH_SM3 = SignatureKind(MARK, PUBLIC_KEY_BYTES, _sm2_line_holds)


class LogSigner(Protocol):
    """Signs the log's checkpoints."""

    @property
    def verifier_keys(self) -> Sequence[VerifierKey]:
        """The public keys, the current Ed25519 one first."""
        ...

    def sign(self, base: Checkpoint, head: Checkpoint, proof: Proof) -> str:
        """Return the note of ``head``, which extends ``base`` by ``proof`` (RFC 6962 2.1.2)."""
        ...

    def confirm(self, head: Checkpoint) -> None:
        """Tell that a signed checkpoint is durable."""
        ...


class EmbeddedSigner:
    """Signs with keys that this process can read."""

    def __init__(self, keys: KeyStore, origin: str, *, sm2: bool = False) -> None:
        """Make the keys where there are none."""
        current = VerifierKey(origin, keys.ensure_signing_key(LOG_KEY))
        self._held = [HeldKey(current, lambda data: keys.sign(LOG_KEY, data))]
        if not isinstance(keys, FileKeyStore):
            return
        following = keys.next_public_key(LOG_KEY)
        if following is not None:
            successor = VerifierKey(origin, following)
            self._held.append(HeldKey(successor, lambda d: keys.sign_with_next(LOG_KEY, d)))
        if sm2:
            public = keys.ensure_signing_key(LOG_KEY_SM2, SM2)
            chinese = VerifierKey(origin, public, SM2_WITH_SM3)
            self._held.append(HeldKey(chinese, lambda d: keys.sign_sm2(LOG_KEY_SM2, d)))

    @property
    def verifier_keys(self) -> Sequence[VerifierKey]:
        """The public keys, the current Ed25519 one first."""
        return [held.key for held in self._held]

    def sign(self, base: Checkpoint, head: Checkpoint, proof: Proof) -> str:
        """Sign whatever head is given: only the key holder asks for the proof."""
        del base, proof
        return sign_note(head.text(), self._held)

    def confirm(self, head: Checkpoint) -> None:
        """Nothing rests on it here."""


@dataclass(frozen=True)
class SignedAlready:
    """A ``NoteSigner`` that hands over what somebody else signed."""

    key: VerifierKey
    signature: bytes

    @property
    def name(self) -> str:
        """The name in the signature line."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The key's id."""
        return self.key.key_id

    def sign(self, text: bytes) -> bytes:
        """Return the signature that was made over this very text."""
        del text
        return self.signature


class HolderSigner:
    """Has the key holder sign, which checks that each checkpoint extends the one before."""

    def __init__(self, holder: RemoteKeyStore, origin: str) -> None:
        """Ask for the public keys."""
        self._holder = holder
        kinds = {ED25519: "", NEXT: "", SM2: "sm2"}
        public = holder.public_keys()
        self._keys = {
            kind: VerifierKey(origin, bytes.fromhex(public[kind]), SM2_WITH_SM3)
            if kinds[kind]
            else VerifierKey(origin, bytes.fromhex(public[kind]))
            for kind in kinds
            if kind in public
        }

    @property
    def verifier_keys(self) -> Sequence[VerifierKey]:
        """The public keys, the current Ed25519 one first."""
        return list(self._keys.values())

    def sign(self, base: Checkpoint, head: Checkpoint, proof: Proof) -> str:
        """Ask for one signature of each kind. Raises Denied where the head extends nothing."""
        text = head.text()
        found = self._holder.sign_checkpoint(text, Mark(base.size, base.root), proof())
        made = [
            SignedAlready(key, found[kind]) for kind, key in self._keys.items() if kind in found
        ]
        return sign_note(text, made)

    def confirm(self, head: Checkpoint) -> None:
        """Bind the holder to a checkpoint that is durable."""
        self._holder.confirm(Mark(head.size, head.root))


def log_signer(keys: KeyStore, origin: str, *, sm2: bool = False) -> LogSigner:
    """Choose by where the keys are."""
    if isinstance(keys, RemoteKeyStore):
        return HolderSigner(keys, origin)
    return EmbeddedSigner(keys, origin, sm2=sm2)
