"""An extract's own order: a keyed function of what a row shows, computed column by column.

Rows are ordered by the first 64 bits of F(row) = E_last(XOR over all blocks of E_i(block)), each E
an AES-256 under a key of its own for that column and place: protected counter sums (Bernstein, How
to stretch random functions, J. Cryptology 12, 1999). Without the key F looks random, so the order
says nothing; the stored order, hidden columns and other rows do not enter it.
"""

import hmac
from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from foundation.block_cipher import BLOCK_BYTES, encrypt_blocks

TEXT_BYTES_MAX = 256  # a longer text enters by its HMAC-SHA256
_NULL = pa.scalar(Decimal(10) ** 37, pa.decimal128(38, 0))  # no stored value is as large
_ZERO = bytes(BLOCK_BYTES)
_SAMPLE_ROWS = 1_000


class RowTagger:
    """Gives each row 64 bits that depend on a key and on the values handed in, on nothing else.

    Equal rows have equal tags in every batch. Different rows share one with a chance of 2^-64.
    """

    def __init__(self, key: bytes, label: bytes) -> None:
        """Derive this use's own key, so that no two uses of a key are alike."""
        self._key = hmac.digest(key, label, "sha256")

    def tags(self, columns: Sequence[pa.Array], rows: int) -> pa.Array:
        """Return one unsigned 64-bit tag for each of the rows."""
        if not rows:
            return pa.array([], pa.uint64())
        total = _words(memoryview(bytearray(rows * BLOCK_BYTES)))
        for place, column in enumerate(columns):
            total = pc.bit_wise_xor(total, self._column(place, column))
        mixed = _encrypted_words(self._derived(b"last"), _bytes_of(total.buffers()[1]))
        return mixed.take(pa.arange(0, 2 * rows, 2))

    def _column(self, place: int, column: pa.Array) -> pa.Array:
        """Return what a column adds: 16 bytes a row, a function of its value and place alone."""
        if not pa.types.is_string(column.type):
            return self._encrypted(place, b"value", _numbers(column))
        if not _repeats(column):
            return self._text(place, column)
        known = column.dictionary_encode(null_encoding="encode")
        sums = self._text(place, known.dictionary)
        blocks = pa.Array.from_buffers(
            pa.binary(BLOCK_BYTES), len(known.dictionary), [None, sums.buffers()[1]]
        ).take(known.indices)
        return _words(_bytes_of(blocks.buffers()[1]))

    def _text(self, place: int, column: pa.Array) -> pa.Array:
        text = column.cast(pa.binary())
        length = pc.binary_length(text)
        total = self._encrypted(place, b"value", _numbers(length))
        longest = pc.max(length).as_py() or 0
        if longest > TEXT_BYTES_MAX:
            text = self._shortened(text, length)
            longest = TEXT_BYTES_MAX
        windows = -(-longest // BLOCK_BYTES)
        room = pa.scalar(bytes(windows * BLOCK_BYTES))
        padded = pc.binary_join_element_wise(pc.fill_null(text, b""), room, b"")
        absent = 0
        for window in range(windows):
            cut = pc.binary_slice(padded, window * BLOCK_BYTES, (window + 1) * BLOCK_BYTES)
            label = f"{window}".encode()
            blocks = _data_of(cut, cut.buffers()[2], cut.offset)
            total = pc.bit_wise_xor(total, self._encrypted(place, label, blocks))
            absent ^= int.from_bytes(encrypt_blocks(self._block_key(place, label), _ZERO), "big")
        # A window beyond a text's end counts for nothing, however long its neighbours are.
        ends = memoryview(absent.to_bytes(BLOCK_BYTES, "big") * len(column))
        return pc.bit_wise_xor(total, _words(ends))

    def _encrypted(self, place: int, label: bytes, blocks: memoryview) -> pa.Array:
        return _encrypted_words(self._block_key(place, label), blocks)

    def _block_key(self, place: int, label: bytes) -> bytes:
        return self._derived(f"{place}/".encode() + label)

    def _shortened(self, text: pa.Array, length: pa.Array) -> pa.Array:
        key = self._derived(b"long")
        is_long = pc.fill_null(pc.greater(length, TEXT_BYTES_MAX), False)
        long_ones = pc.if_else(is_long, text, pa.scalar(None, pa.binary())).dictionary_encode()
        short = [hmac.digest(key, value, "sha256") for value in long_ones.dictionary.to_pylist()]
        return pc.if_else(is_long, pa.array(short, pa.binary()).take(long_ones.indices), text)

    def _derived(self, label: bytes) -> bytes:
        return hmac.digest(self._key, label, "sha256")


def _repeats(column: pa.Array) -> bool:
    """Guess from its start whether a column has few values: only the time taken depends on it."""
    start = column.slice(0, _SAMPLE_ROWS)
    return bool(pc.count_distinct(start).as_py() * 4 <= len(start))


def _numbers(column: pa.Array) -> memoryview:
    """Return a column of fixed width as 16-byte integers, NULL as a number that none has."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    whole = pc.fill_null(column.cast(pa.int64()).cast(pa.decimal128(38, 0)), _NULL)
    return _data_of(whole, whole.buffers()[1], whole.offset)


def _data_of(column: pa.Array, data: pa.Buffer, offset: int) -> memoryview:
    """Return the 16 bytes of every row."""
    start = offset * BLOCK_BYTES
    return _bytes_of(data)[start : start + len(column) * BLOCK_BYTES]


def _bytes_of(data: pa.Buffer) -> memoryview:
    return memoryview(data).cast("B")


def _encrypted_words(key: bytes, blocks: memoryview) -> pa.Array:
    """Encrypt into Arrow's own memory, which is used again and again."""
    room = pa.allocate_buffer(len(blocks) + BLOCK_BYTES)
    encrypt_blocks(key, blocks, _bytes_of(room))
    return pa.Array.from_buffers(pa.uint64(), len(blocks) // 8, [None, room])


def _words(data: memoryview) -> pa.Array:
    return pa.Array.from_buffers(pa.uint64(), len(data) // 8, [None, pa.py_buffer(data)])
