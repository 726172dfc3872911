"""The receipt: ``c2sp.org/tlog-proof@v1``, an index, its inclusion proof and the checkpoint.

A receipt is checked offline with the entry's leaf hash and the log's verifier key alone.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.notes import BadNote, VerifierKey, open_checkpoint
from audit.tree import HASH_BYTES, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Receipt:
    """A parsed receipt; nothing in it is trusted until ``verify_receipt`` says so."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint_note: str


def receipt_text(index: int, proof: Sequence[bytes], checkpoint_note: str) -> str:
    """Write a receipt."""
    return receipt_of_lines(index, [proof_line(sibling) for sibling in proof], checkpoint_note)


def proof_line(sibling: bytes) -> str:
    """Write one hash of a proof."""
    return base64.b64encode(sibling).decode() + "\n"


def receipt_of_lines(index: int, lines: Sequence[str], checkpoint_note: str) -> str:
    """Write a receipt from hashes already written; entries of a batch share most of them."""
    return f"{HEADER}\nindex {index}\n{''.join(lines)}\n{checkpoint_note}"


def parse_receipt(text: str) -> Receipt:
    """Read a receipt. Raises BadNote where the text is none."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != HEADER:
        raise BadNote(f"a receipt begins with {HEADER}")
    if len(lines) > 1 and lines[1].startswith("extra "):
        del lines[1]
    number = lines[1].removeprefix("index ") if len(lines) > 1 else ""
    if not number.isascii() or not number.isdigit():
        raise BadNote("the receipt names no index")
    return Receipt(int(number), tuple(_hash(line) for line in lines[2:]), note)


def verify_receipt(text: str, leaf: bytes, key: VerifierKey) -> int:
    """Return the index at which the leaf stands. Raises BadNote where the proof fails."""
    receipt = parse_receipt(text)
    checkpoint = open_checkpoint(receipt.checkpoint_note, key)
    if not verify_inclusion(leaf, receipt.index, checkpoint.size, receipt.proof, checkpoint.root):
        raise BadNote("the receipt's proof does not lead from this entry to the checkpoint")
    return receipt.index


def _hash(line: str) -> bytes:
    try:
        data = base64.b64decode(line, validate=True)
    except ValueError as error:
        raise BadNote("a hash of the receipt is not base64") from error
    if len(data) != HASH_BYTES:
        raise BadNote("a hash of the receipt is not a SHA-256 value")
    return data
