"""An extract's own order: a keyed function of what a row shows, computed column by column.

Rows are ordered by the first 64 bits of F(row) = E_last(XOR over all blocks of E_i(block)), each E
an AES-256 under a key of its own for those columns and place: protected counter sums (Bernstein,
How to stretch random functions, J. Cryptology 12, 1999). A block is two numbers, 16 bytes of a text
or its length; a row's set of blocks is its own, whatever other rows are beside it. Without the key
F looks random, so the order says nothing; the stored order, hidden columns and other rows do not
enter it.
"""

import hmac
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from foundation.block_cipher import BLOCK_BYTES, encrypt_blocks

TEXT_BYTES_MAX = 256  # a longer text enters by its HMAC-SHA256
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
        """Return one unsigned 64-bit tag for each of the rows; a column may be a dictionary."""
        if not rows:
            return pa.array([], pa.uint64())
        total = _words(memoryview(bytearray(rows * BLOCK_BYTES)))
        for part in self._parts(columns):
            total = pc.bit_wise_xor(total, part)
        mixed = _encrypted_words(self._derived(b"last"), _bytes_of(total.buffers()[1]))
        return mixed.take(pa.arange(0, 2 * rows, 2))

    def _parts(self, columns: Sequence[pa.Array]) -> Iterator[pa.Array]:
        """Give what the columns add: 16 bytes a row, functions of its values and their places."""
        numbers: list[tuple[int, pa.Array]] = []
        for place, column in enumerate(columns):
            if pa.types.is_dictionary(column.type):
                yield self._repeated(place, column)
            elif not pa.types.is_string(column.type):
                numbers.append((place, _whole(column)))
            elif repeats(column):
                yield self._repeated(place, column.dictionary_encode())
            else:
                yield self._text(place, column)
        for pair in range(0, len(numbers), 2):
            yield from self._numbers(numbers[pair : pair + 2])

    def _numbers(self, pair: Sequence[tuple[int, pa.Array]]) -> Iterator[pa.Array]:
        """Two numbers fill a block. NULL stands there as 0, and adds a constant of its place."""
        label = "+".join(f"{place}" for place, _ in pair).encode() + b"/value"
        whole = [number.fill_null(0) if number.null_count else number for _, number in pair]
        yield _encrypted_words(self._derived(label), _blocks_of(whole[0], whole[-1]))
        for place, number in pair:
            if number.null_count:
                constant = encrypt_blocks(self._block_key(place, b"null"), _ZERO)
                yield _chosen(_ZERO + bytes(constant), number.is_null().cast(pa.int8()))

    def _repeated(self, place: int, column: pa.Array) -> pa.Array:
        """Compute each value once, and NULL once."""
        values = pa.concat_arrays([column.dictionary, pa.nulls(1, column.dictionary.type)])
        sums = self._text(place, values)
        return _chosen(_bytes_of(sums.buffers()[1]), column.indices.fill_null(len(values) - 1))

    def _text(self, place: int, column: pa.Array) -> pa.Array:
        length = pc.binary_length(column)
        known = length.cast(pa.int64()).fill_null(-1)
        total = self._encrypted(place, b"value", _blocks_of(known, known))
        longest = pc.max(length).as_py() or 0
        if longest > TEXT_BYTES_MAX:
            column = self._shortened(column, length)
            longest = TEXT_BYTES_MAX
        windows = -(-longest // BLOCK_BYTES)
        if not windows:
            return total
        padded = pc.ascii_rpad(column.fill_null(""), windows * BLOCK_BYTES, padding="\0")
        blocks = _blocks(padded.buffers()[2], len(column) * windows)
        absent = 0
        for window in range(windows):
            cut = blocks.take(pa.arange(window, len(blocks), windows)) if windows > 1 else blocks
            label = f"{window}".encode()
            data = _bytes_of(cut.buffers()[1])[: len(column) * BLOCK_BYTES]
            total = pc.bit_wise_xor(total, self._encrypted(place, label, data))
            absent ^= int.from_bytes(encrypt_blocks(self._block_key(place, label), _ZERO), "big")
        # A window beyond a text's end counts for nothing, however long its neighbours are.
        ends = memoryview(absent.to_bytes(BLOCK_BYTES, "big") * len(column))
        return pc.bit_wise_xor(total, _words(ends))

    def _encrypted(self, place: int, label: bytes, blocks: memoryview) -> pa.Array:
        return _encrypted_words(self._block_key(place, label), blocks)

    def _block_key(self, place: int, label: bytes) -> bytes:
        return self._derived(f"{place}/".encode() + label)

    def _shortened(self, column: pa.Array, length: pa.Array) -> pa.Array:
        key = self._derived(b"long")
        text = column.cast(pa.binary())
        is_long = pc.fill_null(pc.greater(length, TEXT_BYTES_MAX), False)
        long_ones = pc.if_else(is_long, text, pa.scalar(None, pa.binary())).dictionary_encode()
        short = [hmac.digest(key, value, "sha256") for value in long_ones.dictionary.to_pylist()]
        found = pc.if_else(is_long, pa.array(short, pa.binary()).take(long_ones.indices), text)
        return found.view(pa.string())  # bytes are padded as they are, whatever they spell

    def _derived(self, label: bytes) -> bytes:
        return hmac.digest(self._key, label, "sha256")


def repeats(column: pa.Array) -> bool:
    """Guess from its start whether a column has few values: only the time taken depends on it."""
    start = column.slice(0, _SAMPLE_ROWS)
    return bool(pc.count_distinct(start).as_py() * 4 <= len(start))


def _whole(column: pa.Array) -> pa.Array:
    """Return a column of fixed width as 64-bit integers."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return column.cast(pa.int64())


def _blocks_of(left: pa.Array, right: pa.Array) -> memoryview:
    """Return the two numbers of every row side by side."""
    pair = pa.RecordBatch.from_arrays([left, right], names=["left", "right"])
    return _bytes_of(pa.py_buffer(pair.to_tensor(row_major=True)))


def _chosen(blocks: bytes | memoryview, places: pa.Array) -> pa.Array:
    """Return for each row the block at its place."""
    found = _blocks(pa.py_buffer(blocks), len(blocks) // BLOCK_BYTES).take(places)
    return _words(_bytes_of(found.buffers()[1])[: len(places) * BLOCK_BYTES])


def _blocks(data: pa.Buffer, count: int) -> pa.Array:
    return pa.Array.from_buffers(pa.binary(BLOCK_BYTES), count, [None, data])


def _bytes_of(data: pa.Buffer) -> memoryview:
    return memoryview(data).cast("B")


def _encrypted_words(key: bytes, blocks: memoryview) -> pa.Array:
    """Encrypt into Arrow's own memory, which is used again and again."""
    room = pa.allocate_buffer(len(blocks) + BLOCK_BYTES)
    encrypt_blocks(key, blocks, _bytes_of(room))
    return pa.Array.from_buffers(pa.uint64(), len(blocks) // 8, [None, room])


def _words(data: memoryview) -> pa.Array:
    return pa.Array.from_buffers(pa.uint64(), len(data) // 8, [None, pa.py_buffer(data)])
