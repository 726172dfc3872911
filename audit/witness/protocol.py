"""The words of c2sp.org/tlog-witness: an add-checkpoint request, and what may come back.

Both sides use this module; nothing here decides whether a checkpoint deserves a cosignature.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.notes import BadNote, parse_size
from audit.tree import HASH_BYTES

PROOF_LINES_MAX = 63
REQUEST_BYTES_MAX = 256 << 10
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422


@dataclass(frozen=True)
class AddCheckpoint:
    """A parsed request; nothing in it is trusted."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


@dataclass(frozen=True)
class Reply:
    """What the witness answers: an HTTP status and a body."""

    status: int
    body: str
    media_type: str = TEXT_TYPE


def request_body(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Write a request."""
    lines = (f"{base64.b64encode(item).decode()}\n" for item in proof)
    return f"old {old_size}\n{''.join(lines)}\n{note}".encode()


def parse_request(body: bytes) -> AddCheckpoint:
    """Read a request. Raises BadNote where it is malformed."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise BadNote("the request is not UTF-8") from error
    head, separator, note = text.partition("\n\n")
    first, *rows = head.split("\n")
    if not separator or not first.startswith("old "):
        raise BadNote("a request begins with the old size")
    if len(rows) > PROOF_LINES_MAX:
        raise BadNote(f"a consistency proof has at most {PROOF_LINES_MAX} lines")
    return AddCheckpoint(
        parse_size(first.removeprefix("old ")), tuple(_hash(row) for row in rows), note
    )


def _hash(row: str) -> bytes:
    try:
        data = base64.b64decode(row, validate=True)
    except ValueError as error:
        raise BadNote("a line of the proof is not base64") from error
    if len(data) != HASH_BYTES or base64.b64encode(data).decode() != row:
        raise BadNote("a line of the proof is not a SHA-256 value")
    return data
