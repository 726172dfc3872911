"""Look-alikes of identifiers: valid in form and check digit, and nobody's.

Each stands in a range that is never issued, so that who sees one knows it for synthetic:

- resident's number (GB 11643-1999): division 9999xx. GB/T 2260 ends below 90, and the numbers of
  foreign permanent residents, which begin with 9, have a province next: 99 is none;
- unified social credit code (GB 32100-2015): division 999999, and an own code that begins with TW;
- mobile number: segment 154, which the numbering plan leaves out, with 0000 next;
- number plate (GA 36-2018): 宁Z; Ningxia's cities end with E;
- bank card (ISO/IEC 7812-1): issuer 999999; 9 leaves the issuer to the country whose number comes
  next, and ISO 3166-1 keeps 999 for private use;
- e-mail: the domain ``example.invalid`` (RFC 2606). Names and other texts begin with 合成.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from catalog.check_digits import resident_check
from catalog.datasets import Column, ColumnType, IdentifierFormat
from disclosure.masking.chinese_numbers import close_bank_card, close_credit_code

RESIDENT_DIVISION = "9999"
CREDIT_BEGINNING = "91999999"
CREDIT_BODY_FIRST = 26 * 31**7 + 28 * 31**6  # the own code TW000000, in the standard's alphabet
MOBILE_BEGINNING = "1540000"
PLATE_BEGINNING = "宁Z"
CARD_ISSUER = "999999"
SYNTHETIC_TEXT = "合成"
MAIL_DOMAIN = "example.invalid"
DIVISIONS = tuple(f"99{city:02d}{county:02d}" for city in range(1, 5) for county in range(1, 4))
"""Division codes for columns that are generalised by them; GB/T 2260 has no 99."""
NUMBER_FIRST = 900_000_000
_FIRST_BIRTH, _BIRTH_DAYS = date(1950, 1, 1), 365 * 55
_CARD_HIDDEN = 9

_WORDS: Mapping[IdentifierFormat, tuple[tuple[str, ...], tuple[str, ...]]] = {
    IdentifierFormat.RESIDENT_ID: (("resident_id", "id_card", "idcard", "sfzh"), ("身份证",)),
    IdentifierFormat.MOBILE: (("mobile", "phone", "cellphone"), ("手机", "移动电话")),
    IdentifierFormat.CREDIT_CODE: (("credit_code", "uscc", "uscid"), ("信用代码",)),
    IdentifierFormat.BANK_CARD: (("bank_card", "card_number"), ("银行卡", "卡号")),
    IdentifierFormat.NUMBER_PLATE: (("number_plate", "plate", "licence_plate"), ("车牌", "号牌")),
}
_NAMES = ("姓名", "名称")
_ADDRESSES = ("地址", "住址")


def identifier(form: IdentifierFormat, ordinal: int) -> str:
    """Return the look-alike of one form that stands for one unit; ordinals are 0 to 9999."""
    return _MAKERS[form](ordinal)


def form_of(column: Column) -> IdentifierFormat | None:
    """Return the form of a text column's identifiers: its mask's, or what its names say."""
    if column.type is not ColumnType.TEXT:
        return None
    if column.mask.format is not None:
        return column.mask.format
    for form, (names, labels) in _WORDS.items():
        if column.name in names or any(word in column.label_zh for word in labels):
            return form
    return None


def own_text(column: Column, ordinal: int) -> str:
    """Return a text that only one unit has."""
    form = form_of(column)
    if form is not None:
        return identifier(form, ordinal)
    if "mail" in column.name or "邮箱" in column.label_zh:
        return f"twin{ordinal:05d}@{MAIL_DOMAIN}"
    if any(word in column.label_zh for word in _NAMES):
        return f"{SYNTHETIC_TEXT}名{ordinal:05d}"
    if any(word in column.label_zh for word in _ADDRESSES):
        return f"{SYNTHETIC_TEXT}市合成路{ordinal:05d}号"
    return f"{SYNTHETIC_TEXT}{ordinal:05d}"


def own_number(column: Column, ordinal: int) -> int:
    """Return a whole number that only one unit has, within the column's bounds where it has any."""
    if column.lower is None or column.upper is None:
        return NUMBER_FIRST + ordinal
    return column.lower + ordinal % (column.upper - column.lower + 1)


def _resident(ordinal: int) -> str:
    birth = _FIRST_BIRTH + timedelta(days=ordinal * 7_919 % _BIRTH_DAYS)
    county, sequence = divmod(ordinal, 1_000)
    body = f"{RESIDENT_DIVISION}{county % 100:02d}{birth:%Y%m%d}{sequence:03d}"
    return body + resident_check(body)


def _mobile(ordinal: int) -> str:
    return f"{MOBILE_BEGINNING}{ordinal:04d}"


def _credit_code(ordinal: int) -> str:
    return close_credit_code(CREDIT_BEGINNING, CREDIT_BODY_FIRST + ordinal)


def _bank_card(ordinal: int) -> str:
    return close_bank_card(f"{CARD_ISSUER}/{_CARD_HIDDEN}", ordinal)


def _number_plate(ordinal: int) -> str:
    return f"{PLATE_BEGINNING}{ordinal:05d}"


_MAKERS: Mapping[IdentifierFormat, Callable[[int], str]] = {
    IdentifierFormat.RESIDENT_ID: _resident,
    IdentifierFormat.MOBILE: _mobile,
    IdentifierFormat.CREDIT_CODE: _credit_code,
    IdentifierFormat.BANK_CARD: _bank_card,
    IdentifierFormat.NUMBER_PLATE: _number_plate,
}
