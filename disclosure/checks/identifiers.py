"""Counts the numbers of persons, organisations, telephones, cards and vehicles in texts.

What was found is told by kind and count alone: the number itself stands in no result (I11). How
one is found is the catalogue's knowledge (``catalog.detectors.numbers``).
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from catalog.datasets import IdentifierFormat
from catalog.detectors import numbers
from foundation.errors import Message

NAMES: Mapping[IdentifierFormat, Message] = {
    IdentifierFormat.RESIDENT_ID: Message("身份证号", "resident identity number"),
    IdentifierFormat.CREDIT_CODE: Message("统一社会信用代码", "unified social credit code"),
    IdentifierFormat.MOBILE: Message("手机号", "mobile number"),
    IdentifierFormat.BANK_CARD: Message("银行卡号", "bank card number"),
    IdentifierFormat.NUMBER_PLATE: Message("车牌号", "number plate"),
}


def find_identifiers(texts: Iterable[str]) -> dict[IdentifierFormat, int]:
    """Count, for each kind of identifier, how many of the texts hold one or more."""
    found: Counter[IdentifierFormat] = Counter()
    for text in texts:
        found.update(kinds_in(text))
    return dict(found)


def kinds_in(text: str) -> set[IdentifierFormat]:
    """Tell which kinds of identifier a text holds."""
    return {IdentifierFormat(kind) for kind in numbers.kinds_in(text)}
