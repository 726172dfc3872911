"""Which recipient's copy a file is: by marks that change no value, and survive being passed on.

In CSV, a text may stand in quotes or not (RFC 4180): the copy's secret decides for each one. A
Parquet file names its copy in its metadata. Other formats carry none. Whoever writes the table anew
with another tool removes the marks; the values then still name the release, not the recipient.
"""

import hashlib
import hmac
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

import pyarrow.parquet as pq

from disclosure.release.encoding import encode_cells
from disclosure.release.parquet import encode_parquet

QUOTE, COMMA, NEWLINE = '"', ",", "\n"
NUMBERS_IN_WORDS = frozenset({"true", "false", "nan", "inf", "infinity", "null", "none", "na"})
_END = re.compile("[,\n]")
BITS_MIN = 24  # fewer texts than this name nobody: chance would


def marked(content: bytes, form: str, copy: str, secret: bytes) -> bytes:
    """Return one recipient's copy of a file: other bytes, equal values."""
    if form == "csv":
        return _quoted(content, secret)
    if form == "parquet":
        table = pq.read_table(io.BytesIO(content))  # the desk's own bytes
        return encode_parquet(table, {"sandgate.copy": copy})
    return content


def expected(content: bytes, secret: bytes) -> str:
    """Return which texts of the copy stand in quotes, in order, as zeros and ones."""
    bits = _bits(secret)
    return "".join("1" if next(bits) else "0" for _ in _texts(list(read_cells(content.decode()))))


def marks_of(secret: bytes, count: int) -> str:
    """Return the first marks of a copy's secret: what ``expected`` says of so many texts."""
    return "".join("1" if bit else "0" for bit in islice(_bits(secret), count))


def seen(text: str) -> tuple[bytes, str]:
    """Return the table of a CSV text as the desk writes it, and which texts stand in quotes.

    Raises ValueError where it is no CSV of the desk's form.
    """
    rows = list(read_cells(text))
    plain = encode_cells([[cell for cell, _ in row] for row in rows])
    return plain, "".join("1" if quoted else "0" for quoted in _texts(rows))


def agreement(found: str, wanted: str) -> tuple[int, int]:
    """Return how many marks agree, of how many."""
    if len(found) != len(wanted):
        return 0, len(wanted)
    return sum(a == b for a, b in zip(found, wanted, strict=True)), len(wanted)


def _texts(rows: Sequence[Sequence[tuple[str, bool]]]) -> Iterator[bool]:
    """Yield of each text that may be quoted, beneath the header, whether it is."""
    for row in rows[1:]:
        for cell, quoted in row:
            if _may_be_quoted(cell):
                yield quoted


def read_cells(text: str) -> Iterator[list[tuple[str, bool]]]:
    """Read CSV as (text, stood in quotes) by row; either line end. Raises ValueError."""
    place, row = 0, []
    while place < len(text):
        quoted = text[place] == QUOTE
        cell, place = _quoted_cell(text, place) if quoted else _plain_cell(text, place)
        row.append((cell, quoted))
        if place < len(text) and text[place] == COMMA:
            place += 1
            if place == len(text):
                row.append(("", False))
            continue
        place += text.startswith("\r\n", place)
        if place < len(text) and text[place] != NEWLINE:
            raise ValueError("a quoted text goes on after its quote")
        place += 1
        yield row
        row = []
    if row:
        yield row


def _quoted_cell(text: str, place: int) -> tuple[str, int]:
    parts: list[str] = []
    place += 1
    while True:
        end = text.index(QUOTE, place)
        parts.append(text[place:end])
        if text[end + 1 : end + 2] != QUOTE:
            return "".join(parts), end + 1
        parts.append(QUOTE)
        place = end + 2


def _plain_cell(text: str, place: int) -> tuple[str, int]:
    found = _END.search(text, place)  # the nearer of both: looking for each goes over and over
    end = len(text) if found is None else found.start()
    if QUOTE in text[place:end]:
        raise ValueError("a quote stands inside a plain text")
    if text.startswith("\r\n", end - 1) and end > place:
        end -= 1
    return text[place:end], end


def _quoted(content: bytes, secret: bytes) -> bytes:
    bits = _bits(secret)
    header, *rows = read_cells(content.decode())
    lines = [_line([(cell, False) for cell, _ in header])]
    lines += [
        _line([(cell, _may_be_quoted(cell) and next(bits)) for cell, _ in row]) for row in rows
    ]
    return "".join(lines).encode()


def _line(cells: Sequence[tuple[str, bool]]) -> str:
    """Write a row; its single empty text stands in quotes, as the encoder has it."""
    if not any(quote for _, quote in cells):
        return encode_cells([[cell for cell, _ in cells]]).decode()
    return COMMA.join(f'"{cell}"' if quote else _needed(cell) for cell, quote in cells) + NEWLINE


def _needed(cell: str) -> str:
    """Return a text as the desk's encoder writes it inside a row."""
    return encode_cells([[cell, ""]]).decode()[: -len(",\n")]


def _may_be_quoted(cell: str) -> bool:
    """Tell whether quotes around a text change nothing for any reader: words, and no numbers."""
    plain = _needed(cell) == cell
    return plain and any(map(str.isalpha, cell)) and cell.lower() not in NUMBERS_IN_WORDS


def _bits(secret: bytes) -> Iterator[bool]:
    number = 0
    while True:
        block = hmac.digest(secret, number.to_bytes(8, "big"), hashlib.sha256)
        for byte in block:
            for shift in range(8):
                yield bool(byte >> shift & 1)
        number += 1
