"""Reads every number that a text tells, however it is written, so that none goes by unseen.

Digits of any script, also those that stand against letters; Chinese numerals, and counts in tens of
thousands; English number words. What reads as no number of ours yields no number here.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_CHINESE_DIGITS = {
    sign: value
    for value, signs in enumerate(
        ("〇零", "一壹弌", "二贰弍两", "三叁弎", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    )
    for sign in signs
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_CHINESE = re.compile(f"[{''.join([*_CHINESE_DIGITS, *_TENS, *_MYRIADS])}]+")
_DIGITS = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)|[0-9][0-9,]*")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_WORDS = {
    **{word: value for value, word in enumerate(_SMALL.split())},
    **{
        word: 20 + 10 * place
        for place, word in enumerate(
            ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
        )
    },
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_WORD = "|".join([*_WORDS, *_SCALES])
_ENGLISH = re.compile(rf"\b(?:{_WORD})(?:[\s-]+(?:and\s+)?(?:{_WORD}))*\b", re.IGNORECASE)


@dataclass(frozen=True)
class Told:
    """A number of a text: its value, and half of its last place: it may be rounded that far."""

    value: Decimal
    half: Decimal
    plain: bool
    """Whether it is written as whole digits without a fraction or a scale."""


def numbers_in(text: str) -> Iterator[Told]:
    """Yield every number of a text that was brought into one form (NFKC)."""
    plain = _with_digits(unicodedata.normalize("NFKC", text))
    for found in _DIGITS.finditer(plain):
        yield _written(found.group(), plain[found.end() : found.end() + 1])
    for found in _CHINESE.finditer(plain):
        value = _chinese(found.group())
        if value is not None and not plain[: found.start()][-1:].isdecimal():
            yield Told(Decimal(value), Decimal("0.5"), plain=True)
    for found in _ENGLISH.finditer(plain):
        yield Told(Decimal(_english(found.group())), Decimal("0.5"), plain=True)


def _with_digits(text: str) -> str:
    """Write the digits of other scripts, and encircled ones, as our own."""
    return "".join(
        char if char.isascii() or (digit := unicodedata.digit(char, None)) is None else str(digit)
        for char in text
    )


def _written(digits: str, scale: str) -> Told:
    plain = digits.replace(",", "")
    shown = Decimal(plain)
    half = Decimal(5).scaleb(int(shown.as_tuple().exponent) - 1)
    times = _MYRIADS.get(scale, _TENS.get(scale, 1) if scale in "百千佰仟" else 1) if scale else 1
    return Told(shown * times, half * times, plain="." not in plain and times == 1)


def _chinese(text: str) -> int | None:
    """Return the value of a Chinese numeral; None for a word such as 万一 or a lone unit."""
    if len(text) > 1 and all(sign in _CHINESE_DIGITS for sign in text):
        return int("".join(str(_CHINESE_DIGITS[sign]) for sign in text))
    if text[0] in _MYRIADS or text[0] in "百佰千仟":
        return None
    whole, section, digit = 0, 0, 0
    for sign in text:
        if sign in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[sign]
        elif sign in _TENS:
            section += (digit or 1) * _TENS[sign]
            digit = 0
        else:
            whole = (whole + section + digit) * _MYRIADS[sign]
            section, digit = 0, 0
    return whole + section + digit


def _english(text: str) -> int:
    whole, section = 0, 0
    for word in re.split(r"[\s-]+", text.lower()):
        if word in _WORDS:
            section += _WORDS[word]
        elif word == "hundred":
            section = (section or 1) * _SCALES[word]
        elif word in _SCALES:
            whole += (section or 1) * _SCALES[word]
            section = 0
    return whole + section
