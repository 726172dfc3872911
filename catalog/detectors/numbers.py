"""Finds numbers of persons, organisations, telephones, cards and vehicles in text, by check digit.

Full-width digits and separators do not hide one. What was found is told by kind alone: the number
itself stands in no result (I11). Standard library only: the confined children run it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from catalog.check_digits import body_check, luhn_check, resident_check
from catalog.credit_codes import CREDIT_ALPHABET, credit_check

RESIDENT_ID, CREDIT_CODE, MOBILE = "resident_id", "credit_code", "mobile"
BANK_CARD, NUMBER_PLATE = "bank_card", "number_plate"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # GA 36-2018: neither I nor O
NEW_ENERGY_CLASSES = "ABCDEFGHJK"
_PIECES = re.compile(r"[0-9A-Z]+(?:[ \-_.·•]{1,2}[0-9A-Z]+)+")
_SEPARATOR = re.compile(r"[ \-_.·•]{1,2}")
_PIECES_MAX = 7
_LONGEST = 19
_REGIONS = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[123]|91"
_RESIDENT = re.compile(rf"(?<![0-9A-Z])(?:{_REGIONS})[0-9]{{15}}[0-9X](?![0-9A-Z])")
_OLD_RESIDENT = re.compile(rf"(?<![0-9A-Z])(?:{_REGIONS})[0-9]{{13}}(?![0-9A-Z])")
_CREDIT = re.compile(
    rf"(?<![0-9A-Z])[1-9ANY][{CREDIT_ALPHABET}][1-9][0-9]{{5}}[{CREDIT_ALPHABET}]{{8}}"
    rf"[0-9X][{CREDIT_ALPHABET}](?![0-9A-Z])"
)
_MOBILE = re.compile(r"(?<![0-9A-Z])(?:(?:00|\+)?86)?(1[3-9][0-9]{9})(?![0-9A-Z])")
_CARD = re.compile(  # UnionPay of 16 to 19 digits, Visa and Mastercard of 16, American Express
    r"(?<![0-9A-Z])(?:(?:62|60|9[0-9])[0-9]{14,17}|4[0-9]{15}|5[1-5][0-9]{14}|3[47][0-9]{13})"
    r"(?![0-9A-Z])"
)
_PLATE = re.compile(rf"[{PROVINCES}][{LETTERS}][0-9{LETTERS}]{{5,6}}(?![0-9A-Z])")
_CENTURY = 1900


def kinds_in(text: str) -> set[str]:
    """Tell which kinds of identifier stand anywhere in a text."""
    plain = unicodedata.normalize("NFKC", text).upper()
    readings = {plain, *_joined(plain)}
    return {kind for reading in readings for kind, holds in _HOLDS.items() if holds(reading)}


def _joined(plain: str) -> Iterator[str]:
    """Write together what separators part: each few neighbouring pieces that could be a number."""
    for run in _PIECES.finditer(plain):
        pieces = _SEPARATOR.split(run.group())
        for start in range(len(pieces)):
            joined = pieces[start]
            for piece in pieces[start + 1 : start + _PIECES_MAX]:
                joined += piece
                if len(joined) > _LONGEST:
                    break
                yield joined


def _holds_resident(text: str) -> bool:
    modern = (match.group() for match in _RESIDENT.finditer(text))
    old = (match.group() for match in _OLD_RESIDENT.finditer(text))
    return any(_is_resident(number) for number in modern) or any(
        _is_day(_CENTURY + int(number[6:8]), number[8:10], number[10:12]) for number in old
    )


def _is_resident(number: str) -> bool:
    born = _is_day(int(number[6:10]), number[10:12], number[12:14])
    return born and resident_check(number[:17]) == number[17]


def _is_day(year: int, month: str, day: str) -> bool:
    try:
        date(year, int(month), int(day))
    except ValueError:
        return False
    return True


def _holds_credit_code(text: str) -> bool:
    codes = (match.group() for match in _CREDIT.finditer(text))
    return any(
        body_check(code[8:16]) == code[16] and credit_check(code[:17]) == code[17] for code in codes
    )


def _holds_mobile(text: str) -> bool:
    return _MOBILE.search(text) is not None


def _holds_card(text: str) -> bool:
    cards = (match.group() for match in _CARD.finditer(text))
    return any(luhn_check(card[:-1]) == card[-1] for card in cards)


def _holds_plate(text: str) -> bool:
    return _PLATE.search(text) is not None


_HOLDS: Mapping[str, Callable[[str], bool]] = {
    RESIDENT_ID: _holds_resident,
    CREDIT_CODE: _holds_credit_code,
    MOBILE: _holds_mobile,
    BANK_CARD: _holds_card,
    NUMBER_PLATE: _holds_plate,
}
