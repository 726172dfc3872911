"""Masks an identifier by another of the same form, checksum valid: what is not of the form is hid.

The parts that a mask keeps stand still; all others go through FF1 as one number, so that two
values of one form never meet. A masked identifier may happen to be another person's real one: it
is a pseudonym, and the answer's readers are told so.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from catalog.datasets import IdentifierFormat, Mask
from disclosure.masking.chinese_numbers import (
    Opened,
    close_bank_card,
    close_credit_code,
    close_mobile,
    close_resident_id,
    open_bank_card,
    open_credit_code,
    open_mobile,
    open_resident_id,
)
from disclosure.masking.ff1 import DOMAIN_MIN, permuted
from disclosure.masking.number_plates import close_number_plate, open_number_plate
from disclosure.masking.values import dropped

TWEAK_BYTES = 8
_KEY_LABEL = b"sandgate/ff1@1"


@dataclass(frozen=True)
class Form:
    """One form: how to take a value apart (None where it is not of the form) and put it together.

    ``close`` undoes ``open`` for the same kept part and any index below the size.
    """

    open: Callable[[str, Mask], Opened | None]
    close: Callable[[str, int], str]


FORMS: Mapping[IdentifierFormat, Form] = {
    IdentifierFormat.RESIDENT_ID: Form(open_resident_id, close_resident_id),
    IdentifierFormat.MOBILE: Form(open_mobile, close_mobile),
    IdentifierFormat.CREDIT_CODE: Form(open_credit_code, close_credit_code),
    IdentifierFormat.BANK_CARD: Form(open_bank_card, close_bank_card),
    IdentifierFormat.NUMBER_PLATE: Form(open_number_plate, close_number_plate),
}


def same_format(values: pa.Array, mask: Mask, key: bytes, *, redacted_text: str) -> pa.Array:
    """Replace each identifier by one of the same form; anything else becomes the redacted text."""
    if mask.format is None or not pa.types.is_string(values.type):
        return dropped(values)
    encoded = values.dictionary_encode()
    shown = _encrypted(encoded.dictionary.to_pylist(), mask.format, mask, key)
    texts = [redacted_text if text is None else text for text in shown]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _encrypted(
    values: list[str], name: IdentifierFormat, mask: Mask, key: bytes
) -> list[str | None]:
    form = FORMS[name]
    opened = [form.open(value, mask) for value in values]
    shown: list[str | None] = [None] * len(values)
    by_size: defaultdict[int, list[tuple[int, Opened]]] = defaultdict(list)
    for place, parts in enumerate(opened):
        if parts is not None and parts.size >= DOMAIN_MIN:
            by_size[parts.size].append((place, parts))
    own_key = hmac.digest(key, _KEY_LABEL, "sha256")
    for size, group in by_size.items():
        hidden = permuted(
            [parts.place for _, parts in group],
            size=size,
            key=own_key,
            tweaks=[_tweak(name, parts.kept) for _, parts in group],
        )
        for (place, parts), index in zip(group, hidden, strict=True):
            shown[place] = form.close(parts.kept, index)
    return shown


def _tweak(name: IdentifierFormat, kept: str) -> bytes:
    """Let what stays decide the permutation too: equal ends behind other beginnings differ."""
    return hashlib.sha256(f"{name}:{kept}".encode()).digest()[:TWEAK_BYTES]
