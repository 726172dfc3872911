"""A log on paper that signs whatever it is told to, and a witness on disk to bring it to."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.notes import Checkpoint, HeldKey, VerifierKey, sign_note
from audit.tree import (
    EMPTY_ROOT,
    complete_root,
    consistency_proof,
    leaf_hash,
    range_root,
)
from audit.witness.directory import WitnessDirectory
from audit.witness.protocol import request_body
from audit.witness.witness import Witness
from tests.fakes import SteppedClock

ORIGIN = "city.example/log"
WITNESS = "regulator.example/w1"


class PaperLog:
    """Leaves and the true key; ``fork`` shares the first leaves and the key."""

    def __init__(self, leaves: Sequence[bytes] = (), key: Ed25519PrivateKey | None = None) -> None:
        self.leaves = [leaf_hash(leaf) for leaf in leaves]
        self._key = key or Ed25519PrivateKey.generate()
        self.verifier = VerifierKey(ORIGIN, self._key.public_key().public_bytes_raw())

    def grow(self, count: int, tag: str = "") -> None:
        start = len(self.leaves)
        self.leaves += [leaf_hash(f"{tag}{start + n}".encode()) for n in range(count)]

    def fork(self, shared: int) -> "PaperLog":
        other = PaperLog(key=self._key)
        other.leaves = self.leaves[:shared]
        return other

    def node(self, height: int, number: int) -> bytes:
        return complete_root(self.leaves[number << height : (number + 1) << height])

    def root(self, size: int) -> bytes:
        return range_root(0, size, self.node) if size else EMPTY_ROOT

    def note(self, size: int | None = None, *, root: bytes | None = None) -> str:
        size = len(self.leaves) if size is None else size
        head = Checkpoint(ORIGIN, size, self.root(size) if root is None else root)
        return sign_note(head.text(), [HeldKey(self.verifier, self._key.sign)])

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        return consistency_proof(old, len(self.leaves) if size is None else size, self.node)

    def request(self, old: int, size: int | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        return request_body(old, self.proof(old, size) if old else [], self.note(size))


def made_witness(
    directory: Path,
    log: PaperLog,
    clock: SteppedClock | None = None,
    fault: Callable[[str], None] | None = None,
) -> tuple[Witness, WitnessDirectory]:
    """Make a witness that trusts a log, and open it."""
    place = WitnessDirectory(directory)
    place.create(WITNESS)
    place.trust(log.verifier.text())
    return place.witness(clock or SteppedClock(), fault=fault), place
