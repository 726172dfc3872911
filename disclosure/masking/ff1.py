"""FF1 (NIST SP 800-38G, algorithm 7): a keyed permutation of numbers of so many digits.

There is encryption only: nothing in the platform turns a masked identifier back. A whole column
goes through AES together, round by round, so that Python's share of the work stays small.
"""

from collections.abc import Sequence

from foundation.keys import aes_of_blocks

ROUNDS = 10
BLOCK_BYTES = 16
DOMAIN_MIN = 1_000_000  # SP 800-38G Rev. 1, section 5.1


def ff1_encrypt(
    numbers: Sequence[int], *, digits: int, radix: int, key: bytes, tweaks: Sequence[bytes]
) -> list[int]:
    """Encrypt numbers of ``digits`` digits in a radix, each under its own tweak.

    A number stands for the numeral string with its most significant digit first. All tweaks have
    one length. Raises ValueError where a number has too many digits or tweaks differ in length.
    """
    if not numbers:
        return []
    whole = radix**digits
    if not all(0 <= number < whole for number in numbers) or len({*map(len, tweaks)}) != 1:
        raise ValueError("FF1 takes numbers of the given digits, and tweaks of one length")
    short = digits // 2
    halves = (radix**short, radix ** (digits - short))
    prf = _Rounds(digits, radix, key, tweaks)
    left = [number // halves[1] for number in numbers]
    right = [number % halves[1] for number in numbers]
    for turn in range(ROUNDS):
        width = halves[turn % 2]
        mixed = prf.numbers(turn, right)
        left, right = right, [(a + y) % width for a, y in zip(left, mixed, strict=True)]
    return [a * halves[1] + b for a, b in zip(left, right, strict=True)]


def permuted(
    indices: Sequence[int], *, size: int, key: bytes, tweaks: Sequence[bytes]
) -> list[int]:
    """Permute indices below ``size`` by FF1 in radix 2, walking each cycle until it is inside.

    Less than two rounds are needed on average (Black and Rogaway 2002). Raises ValueError for a
    domain of less than a million, which could be guessed through.
    """
    if size < DOMAIN_MIN:
        raise ValueError("an FF1 domain holds a million values at least")
    bits = (size - 1).bit_length()
    found = list(indices)
    pending = list(range(len(found)))
    while pending:
        walked = ff1_encrypt(
            [found[place] for place in pending],
            digits=bits,
            radix=2,
            key=key,
            tweaks=[tweaks[place] for place in pending],
        )
        for place, value in zip(pending, walked, strict=True):
            found[place] = value
        pending = [place for place in pending if found[place] >= size]
    return found


class _Rounds:
    """The round function: AES in CBC-MAC over P and Q, stretched to d bytes (steps 3 to 6)."""

    def __init__(self, digits: int, radix: int, key: bytes, tweaks: Sequence[bytes]) -> None:
        half = digits - digits // 2
        self._number_bytes = ((radix**half - 1).bit_length() + 7) // 8
        self._output_bytes = 4 * ((self._number_bytes + 3) // 4) + 4
        self._key = key
        tweak_bytes = len(tweaks[0])
        padding = bytes(-(tweak_bytes + self._number_bytes + 1) % BLOCK_BYTES)
        self._heads = [tweak + padding for tweak in tweaks]
        first = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([ROUNDS, digits // 2 % 256])
        first += digits.to_bytes(4, "big") + tweak_bytes.to_bytes(4, "big")
        self._start = aes_of_blocks(key, first)

    def numbers(self, turn: int, halves: Sequence[int]) -> list[int]:
        """Return NUM(S) for each half, as in steps 6.i to 6.iv."""
        tail = bytes([turn])
        texts = [
            head + tail + half.to_bytes(self._number_bytes, "big")
            for head, half in zip(self._heads, halves, strict=True)
        ]
        state = self._start * len(texts)
        for place in range(0, len(texts[0]), BLOCK_BYTES):
            block = b"".join(text[place : place + BLOCK_BYTES] for text in texts)
            state = aes_of_blocks(self._key, _xor(state, block))
        stretched = [state, *self._more(state)]
        return [
            int.from_bytes(
                b"".join(part[start : start + BLOCK_BYTES] for part in stretched)[
                    : self._output_bytes
                ],
                "big",
            )
            for start in range(0, len(state), BLOCK_BYTES)
        ]

    def _more(self, state: bytes) -> list[bytes]:
        count = len(state) // BLOCK_BYTES
        blocks = -(-self._output_bytes // BLOCK_BYTES)
        return [
            aes_of_blocks(self._key, _xor(state, number.to_bytes(BLOCK_BYTES, "big") * count))
            for number in range(1, blocks)
        ]


def _xor(one: bytes, other: bytes) -> bytes:
    mixed = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return mixed.to_bytes(len(one), "big")
