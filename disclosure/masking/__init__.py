"""What a masked value looks like, which mask wins, under which key, and what each discloses."""

from disclosure.masking.apply import apply_mask, masked_type
from disclosure.masking.strictness import effective_mask, strictest

__all__ = ["apply_mask", "effective_mask", "masked_type", "strictest"]
