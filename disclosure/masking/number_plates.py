"""Number plates of vehicles (GA 36-2018): province and city letter stay, the serial is hid.

Ordinary serials have five characters with at most two letters; plates of new-energy vehicles six,
with their class letter first (small) or last (large). Others are not of the form.
"""

import re
from itertools import combinations

from catalog.datasets import Mask
from catalog.detectors.numbers import LETTERS, NEW_ENERGY_CLASSES, PROVINCES
from disclosure.masking.chinese_numbers import Opened

DIGITS = "0123456789"
SERIAL_WIDTH = 5
SERIAL_LETTERS_MAX = 2
_HEAD = 2

Alphabets = tuple[str, ...]


def _ordinary() -> tuple[Alphabets, ...]:
    places = [
        chosen
        for count in range(SERIAL_LETTERS_MAX + 1)
        for chosen in combinations(range(SERIAL_WIDTH), count)
    ]
    return tuple(
        tuple(LETTERS if place in chosen else DIGITS for place in range(SERIAL_WIDTH))
        for chosen in places
    )


SERIALS: dict[str, tuple[Alphabets, ...]] = {
    "ordinary": _ordinary(),
    "small": ((NEW_ENERGY_CLASSES, DIGITS + LETTERS, *[DIGITS] * 4),),
    "large": ((*[DIGITS] * 5, NEW_ENERGY_CLASSES),),
}
_PLATE = re.compile(rf"[{PROVINCES}][{LETTERS}][0-9{LETTERS}]{{5,6}}")


def open_number_plate(text: str, _mask: Mask) -> Opened | None:
    """Take a plate apart: its head and its kind stay."""
    if not _PLATE.fullmatch(text):
        return None
    head, serial = text[:_HEAD], text[_HEAD:]
    for kind, patterns in SERIALS.items():
        index = 0
        for alphabets in patterns:
            if len(serial) == len(alphabets) and all(map(_stands_in, serial, alphabets)):
                return Opened(f"{head}/{kind}", index + _rank(serial, alphabets), _size(kind))
            index += _count(alphabets)
    return None


def close_number_plate(kept: str, index: int) -> str:
    """Write the plate of a kept head and kind, and an index."""
    head, _, kind = kept.partition("/")
    for alphabets in SERIALS[kind]:
        if index < _count(alphabets):
            return head + _serial(index, alphabets)
        index -= _count(alphabets)
    raise ValueError("the index lies beyond the plates of this kind")


def _stands_in(character: str, alphabet: str) -> bool:
    return character in alphabet


def _count(alphabets: Alphabets) -> int:
    count = 1
    for alphabet in alphabets:
        count *= len(alphabet)
    return count


def _size(kind: str) -> int:
    return sum(_count(alphabets) for alphabets in SERIALS[kind])


def _rank(serial: str, alphabets: Alphabets) -> int:
    rank = 0
    for character, alphabet in zip(serial, alphabets, strict=True):
        rank = rank * len(alphabet) + alphabet.index(character)
    return rank


def _serial(rank: int, alphabets: Alphabets) -> str:
    serial = ""
    for alphabet in reversed(alphabets):
        rank, place = divmod(rank, len(alphabet))
        serial = alphabet[place] + serial
    return serial
