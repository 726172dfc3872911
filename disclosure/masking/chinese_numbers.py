"""The numbers of people, organisations, telephones and cards: their form, and their check digits.

Each ``open_…`` tells what stays, and which of ``size`` the rest is, or None where a value is not
of the form; each ``close_…`` writes the number for a kept part and an index, check digits anew.
"""

import re
from datetime import date
from typing import NamedTuple

from catalog.check_digits import body_check, luhn_check, resident_check
from catalog.credit_codes import CREDIT_ALPHABET, CREDIT_BASE, credit_check
from catalog.datasets import BirthShown, Mask, RegionLevel

REGION_DIGITS = {RegionLevel.PROVINCE: 2, RegionLevel.CITY: 4, RegionLevel.COUNTY: 6}
REGION_WIDTH = 6
SEQUENCE_SIZE = 1_000
FIRST_BIRTH = date(1900, 1, 1)
LAST_BIRTH = date(2099, 12, 31)
MOBILE_KEPT, MOBILE_SIZE = 3, 10**8
CARD_KEPT = 6  # the issuer (ISO/IEC 7812-1)
BODY_WIDTH = 8
_RESIDENT = re.compile(r"[1-9][0-9]{16}[0-9X]")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_CARD = re.compile(r"[1-9][0-9]{12,18}")
_CREDIT = re.compile(rf"[1-9ANY][{CREDIT_ALPHABET}][1-9][0-9]{{5}}[{CREDIT_ALPHABET}]{{8}}[0-9X].")


class Opened(NamedTuple):
    """A number taken apart: what stays, and which of how many the rest is."""

    kept: str
    place: int
    size: int


def open_resident_id(text: str, mask: Mask) -> Opened | None:
    """Take a resident's number apart: region, day of birth and sequence are hid together."""
    birth = _birth(text) if _RESIDENT.fullmatch(text) else None
    if birth is None or mask.level is None or resident_check(text[:17]) != text[17]:
        return None
    digits = REGION_DIGITS[mask.level]
    year = str(birth.year) if mask.birth is BirthShown.YEAR else ""
    first, days = _births(year)
    place = int("0" + text[digits:REGION_WIDTH]) * days + (birth - first).days
    kept = f"{text[:digits]}/{year}"
    return Opened(
        kept,
        place * SEQUENCE_SIZE + int(text[14:17]),
        10 ** (REGION_WIDTH - digits) * days * SEQUENCE_SIZE,
    )


def close_resident_id(kept: str, index: int) -> str:
    """Write the resident's number of a kept region and year, and an index."""
    region, _, year = kept.partition("/")
    first, days = _births(year)
    place, sequence = divmod(index, SEQUENCE_SIZE)
    rest, day = divmod(place, days)
    birth = date.fromordinal(first.toordinal() + day)
    body = f"{_region(region, rest)}{birth:%Y%m%d}{sequence:03d}"
    return body + resident_check(body)


def open_mobile(text: str, _mask: Mask) -> Opened | None:
    """Take a mobile number apart: the first three digits (the network) stay."""
    if not _MOBILE.fullmatch(text):
        return None
    return Opened(text[:MOBILE_KEPT], int(text[MOBILE_KEPT:]), MOBILE_SIZE)


def close_mobile(kept: str, index: int) -> str:
    """Write the mobile number of a network and an index."""
    return f"{kept}{index:08d}"


def open_bank_card(text: str, _mask: Mask) -> Opened | None:
    """Take a card number of 13 to 19 digits apart: the issuer's six digits and the length stay."""
    if not _CARD.fullmatch(text) or luhn_check(text[:-1]) != text[-1]:
        return None
    hidden = text[CARD_KEPT:-1]
    return Opened(f"{text[:CARD_KEPT]}/{len(hidden)}", int(hidden), 10 ** len(hidden))


def close_bank_card(kept: str, index: int) -> str:
    """Write the card number of an issuer, a length and an index."""
    issuer, _, width = kept.partition("/")
    body = f"{issuer}{index:0{width}d}"
    return body + luhn_check(body)


def open_credit_code(text: str, mask: Mask) -> Opened | None:
    """Take a unified social credit code apart: who registered it, its class and region stay."""
    formed = mask.level is not None and _CREDIT.fullmatch(text)
    if not formed or body_check(text[8:16]) != text[16] or credit_check(text[:17]) != text[17]:
        return None
    digits = 2 + REGION_DIGITS[mask.level or RegionLevel.PROVINCE]
    rest = int("0" + text[digits:8])
    index = rest * CREDIT_BASE**BODY_WIDTH + _number(text[8:16])
    return Opened(text[:digits], index, 10 ** (8 - digits) * CREDIT_BASE**BODY_WIDTH)


def close_credit_code(kept: str, index: int) -> str:
    """Write the credit code of a kept beginning and an index, both check characters anew."""
    rest, number = divmod(index, CREDIT_BASE**BODY_WIDTH)
    body = ""
    for _ in range(BODY_WIDTH):
        number, digit = divmod(number, CREDIT_BASE)
        body = CREDIT_ALPHABET[digit] + body
    code = kept[:2] + _region(kept[2:], rest) + body + body_check(body)
    return code + credit_check(code)


def _number(body: str) -> int:
    number = 0
    for character in body:
        number = number * CREDIT_BASE + CREDIT_ALPHABET.index(character)
    return number


def _region(kept: str, rest: int) -> str:
    width = REGION_WIDTH - len(kept)
    return kept + (f"{rest:0{width}d}" if width else "")


def _birth(text: str) -> date | None:
    try:
        birth = date.fromisoformat(f"{text[6:10]}-{text[10:12]}-{text[12:14]}")
    except ValueError:
        return None
    return birth if FIRST_BIRTH <= birth <= LAST_BIRTH else None


def _births(year: str) -> tuple[date, int]:
    """Return the first possible birth and how many days follow, in a kept year or in all."""
    first = date(int(year), 1, 1) if year else FIRST_BIRTH
    last = date(int(year), 12, 31) if year else LAST_BIRTH
    return first, (last - first).days + 1
