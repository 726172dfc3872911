"""How many values a piece of screen content holds: a count that is never too low.

A value is one number or word. A text holds as many as it has runs of letters and digits, and at
least one for every ``value_bytes`` of its bytes: values hidden in one long word, in spaces, signs
or markup are counted by their width. Bytes that are no text are counted by width alone.
"""

import re

from policies.schema.screen import EgressRules

_WORD = re.compile(r"[\w.+-]+")


def values_of_text(text: bytes, rules: EgressRules) -> int:
    """Return the values of a UTF-8 text or of JSON, keys and markup included."""
    words = len(_WORD.findall(text.decode("utf-8", "replace")))
    return max(-(-len(text) // rules.value_bytes), words)


def values_of_bytes(byte_count: int, rules: EgressRules) -> int:
    """Return the values of so many bytes that nobody here can read."""
    return -(-byte_count // rules.opaque_value_bytes)
