"""The one call that masks a column: total over Arrow arrays, it never raises on data.

NULL stays NULL, but for REDACT of text, which also hides whether there was a value. Where a mask
does not fit a column's type or has no parameter, the value is dropped (NULL): masks fail closed.
"""

import base64
import hmac
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from catalog.datasets import Mask, MaskKind
from disclosure.masking.generalised import bucketed, generalised, regional
from disclosure.masking.identifiers import same_format
from disclosure.masking.values import dropped, each_value, kept_where
from policies.schema.masks import MaskRules

Masked = Callable[[pa.Array, Mask, bytes, MaskRules], pa.Array]
_TEXT_OUT = frozenset({MaskKind.PSEUDONYM, MaskKind.BUCKET})


def apply_mask(values: pa.Array, mask: Mask, *, key: bytes, rules: MaskRules) -> pa.Array:
    """Return the values as the licence's holder may see them; as many as came in.

    ``key`` is the column's own (``linkage.column_key``): equal values give equal pseudonyms under
    one key, and say nothing under another. Decimals come as their stored integers. Text that is
    not UTF-8 is dropped whole.
    """
    if mask.kind is not MaskKind.NONE and not _readable(values):
        return pa.nulls(len(values), masked_type(mask, values.type))
    return _MASKS[mask.kind](values, mask, key, rules)


def masked_type(mask: Mask, kind: pa.DataType) -> pa.DataType:
    """Return the type of a masked column: pseudonyms and buckets are text, others stay as is."""
    return pa.string() if mask.kind in _TEXT_OUT else kind


def _readable(values: pa.Array) -> bool:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _none(values: pa.Array, _mask: Mask, _key: bytes, _rules: MaskRules) -> pa.Array:
    return values


def _null(values: pa.Array, _mask: Mask, _key: bytes, _rules: MaskRules) -> pa.Array:
    return dropped(values)


def _redact(values: pa.Array, _mask: Mask, _key: bytes, rules: MaskRules) -> pa.Array:
    if not pa.types.is_string(values.type):
        return dropped(values)
    return pa.repeat(pa.scalar(rules.redacted_text), len(values))


def _partial(values: pa.Array, mask: Mask, _key: bytes, rules: MaskRules) -> pa.Array:
    """Keep the first and last characters (code points, so Chinese is safe) around a fixed middle.

    The middle's length is fixed, so that the value's length is hidden; a value with fewer
    characters to hide than the mask asks (one at least) shows nothing of itself.
    """
    if not pa.types.is_string(values.type):
        return dropped(values)
    nothing = pa.repeat(pa.scalar(""), len(values))
    first = pc.utf8_slice_codeunits(values, 0, mask.keep_first) if mask.keep_first else nothing
    last = pc.utf8_slice_codeunits(values, -mask.keep_last) if mask.keep_last else nothing
    joined = pc.binary_join_element_wise(first, rules.partial_middle, last, "")
    least = mask.keep_first + mask.keep_last + max(mask.hidden_min, 1)
    shown = pc.if_else(
        pc.greater_equal(pc.utf8_length(values), least), joined, rules.partial_middle
    )
    return kept_where(shown, pc.is_valid(values))


def _pseudonym(values: pa.Array, _mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    """Replace each value by HMAC-SHA256 of its text, in base32, cut to a length of the rules."""
    texts = values.cast(pa.string()) if pa.types.is_date32(values.type) else values
    return each_value(
        texts, lambda value: _keyed_name(_text(value), key, rules.pseudonym_characters), pa.string()
    )


def _keyed_name(text: str, key: bytes, characters: int) -> str:
    code = hmac.digest(key, text.encode(), "sha256")
    enough = code[: -(-characters // 8) * 5]  # 8 characters say 5 bytes
    return base64.b32encode(enough).decode().lower()[:characters]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _format(values: pa.Array, mask: Mask, key: bytes, rules: MaskRules) -> pa.Array:
    return same_format(values, mask, key, redacted_text=rules.redacted_text)


_MASKS: dict[MaskKind, Masked] = {
    MaskKind.NONE: _none,
    MaskKind.REDACT: _redact,
    MaskKind.PARTIAL: _partial,
    MaskKind.PSEUDONYM: _pseudonym,
    MaskKind.GENERALISE: lambda values, mask, _key, _rules: generalised(values, mask),
    MaskKind.REGION: lambda values, mask, _key, _rules: regional(values, mask),
    MaskKind.BUCKET: lambda values, mask, _key, _rules: bucketed(values, mask),
    MaskKind.FORMAT: _format,
    MaskKind.NULL: _null,
}
