"""Seeded draws that are the same on every machine: SHAKE-256 in counter mode, integers only.

No generator of a library stands here, since a library may change its stream between versions.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

from foundation.canonical import canonical_bytes

Item = TypeVar("Item")
WORD_BYTES = 8
_BLOCK_WORDS = 512
_LABEL = "sandgate/twin-chance@1"


class Chance:
    """A stream of draws, named by labels: equal labels draw alike."""

    def __init__(self, *labels: str | int) -> None:
        """Begin the stream of these labels."""
        self._key = canonical_bytes([_LABEL, *labels])
        self._words = self._stream()

    def below(self, bound: int) -> int:
        """Draw an integer from 0 to ``bound`` - 1; ``bound`` is at least 1 and below 2^56.

        The 64-bit word is scaled, not reduced: what that favours is below one in 2^8.
        """
        return (next(self._words) * bound) >> (8 * WORD_BYTES)

    def low(self, bound: int) -> int:
        """Draw as ``below``, small values more often: as incomes, counts and amounts are."""
        return min(self.below(bound), self.below(bound))

    def middle(self, bound: int) -> int:
        """Draw as ``below``, values in the middle more often."""
        return (self.below(bound) + self.below(bound)) // 2

    def one_of(self, items: Sequence[Item]) -> Item:
        """Draw one item."""
        return items[self.below(len(items))]

    def weighted(self, weights: Sequence[int]) -> int:
        """Draw a place by its weight; at least one weight is above zero."""
        left = self.below(sum(weights))
        for place, weight in enumerate(weights):
            if left < weight:
                return place
            left -= weight
        raise ValueError("a draw lies below the sum of its weights")

    def _stream(self) -> Iterator[int]:
        block = 0
        while True:
            counted = self._key + block.to_bytes(WORD_BYTES, "big")
            data = hashlib.shake_256(counted).digest(_BLOCK_WORDS * WORD_BYTES)
            for place in range(0, len(data), WORD_BYTES):
                yield int.from_bytes(data[place : place + WORD_BYTES], "big")
            block += 1
