"""What a masked value looks like: total functions over Arrow arrays that never raise on data.

NULL stays NULL, but for REDACT of text, which also hides whether there was a value. Where a mask
does not fit a column's type or has no parameter, the value is dropped (NULL): masks fail closed.
"""

import base64
import hmac
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.datasets import Mask, MaskKind
from policies.schema.masks import MaskRules

YEAR_MIN = date(1, 1, 1)
YEARS_MAX = 10_000  # a wider span is no date any more: the value becomes NULL

Masked = Callable[[pa.Array, Mask, bytes, MaskRules], pa.Array]


def apply_mask(values: pa.Array, mask: Mask, *, key: bytes, rules: MaskRules) -> pa.Array:
    """Return the values as the licence's holder may see them; as many as came in.

    ``key`` is the licence's pseudonym key: equal values give equal pseudonyms under one key, and
    say nothing under another. Decimals come as their stored integers.
    """
    return _MASKS[mask.kind](values, mask, key, rules)


def strictest(masks: Sequence[Mask], rules: MaskRules) -> Mask:
    """Return the mask that hides most: by kind, then by the wider step or the shorter rest."""
    return max(masks, key=lambda mask: _strictness(mask, rules), default=Mask())


def _strictness(mask: Mask, rules: MaskRules) -> tuple[int, int, int]:
    kept = mask.keep_first + mask.keep_last
    return rules.strictness.index(str(mask.kind)), mask.step, -kept


def _none(values: pa.Array, _mask: Mask, _key: bytes, _rules: MaskRules) -> pa.Array:
    return values


def _null(values: pa.Array, _mask: Mask, _key: bytes, _rules: MaskRules) -> pa.Array:
    return pa.nulls(len(values), values.type)


def _redact(values: pa.Array, mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    if not pa.types.is_string(values.type):
        return _null(values, mask, key, rules)
    return pa.repeat(pa.scalar(rules.redacted_text), len(values))


def _partial(values: pa.Array, mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    """Keep the first and last characters (code points, so Chinese is safe) around a fixed middle.

    The middle's length is fixed, so that the value's length is hidden; a value no longer than
    what would be kept shows nothing of itself.
    """
    if not pa.types.is_string(values.type):
        return _null(values, mask, key, rules)
    nothing = pa.repeat(pa.scalar(""), len(values))
    first = pc.utf8_slice_codeunits(values, 0, mask.keep_first) if mask.keep_first else nothing
    last = pc.utf8_slice_codeunits(values, -mask.keep_last) if mask.keep_last else nothing
    joined = pc.binary_join_element_wise(first, rules.partial_middle, last, "")
    long_enough = pc.greater(pc.utf8_length(values), mask.keep_first + mask.keep_last)
    shown = pc.if_else(long_enough, joined, rules.partial_middle)
    return _kept(shown, pc.is_valid(values))


def _pseudonym(values: pa.Array, _mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    """Replace each value by HMAC-SHA256 of its text, in base32, cut to a length of the rules."""
    encoded = values.dictionary_encode()
    pseudonyms = [
        _keyed_name(_text(value), key, rules.pseudonym_characters)
        for value in encoded.dictionary.to_pylist()
    ]
    return pa.array(pseudonyms, pa.string()).take(encoded.indices)


def _keyed_name(text: str, key: bytes, characters: int) -> str:
    code = hmac.digest(key, text.encode(), "sha256")
    return base64.b32encode(code).decode().lower()[:characters]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _generalise(values: pa.Array, mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    """Lower a number to its bucket's floor, a date to the first day of its span of years."""
    if mask.step > 0 and pa.types.is_integer(values.type):
        width = pa.scalar(mask.step, values.type)
        floor = pc.subtract(values, pc.call_function("modulo", [values, width]))
        return _kept(floor, pc.less_equal(floor, values))  # below the type's range: dropped
    if 0 < mask.step <= YEARS_MAX and pa.types.is_date32(values.type):
        floor = pc.floor_temporal(values, multiple=mask.step, unit="year").cast(values.type)
        return _kept(floor, pc.greater_equal(floor, pa.scalar(YEAR_MIN, values.type)))
    return _null(values, mask, key, rules)


def _kept(values: pa.Array, condition: pa.Array) -> pa.Array:
    return pc.if_else(condition, values, pa.scalar(None, values.type))


_MASKS: dict[MaskKind, Masked] = {
    MaskKind.NONE: _none,
    MaskKind.REDACT: _redact,
    MaskKind.PARTIAL: _partial,
    MaskKind.PSEUDONYM: _pseudonym,
    MaskKind.GENERALISE: _generalise,
    MaskKind.NULL: _null,
}
