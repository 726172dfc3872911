"""What is checked of a question's text before any parser sees it: length, characters, nesting."""

import unicodedata
from collections.abc import Iterator

from disclosure.gate.refusals import characters_refused, depth_refused, size_refused
from policies.schema.gate import GateRules

_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_QUOTES = frozenset("'\"")
_PLAIN_CONTROLS = frozenset("\t\n\r")
_WITHOUT_CONTROLS = dict.fromkeys(map(ord, _PLAIN_CONTROLS))
# Cc control, Cf invisible format, Cs lone surrogate, Co private use, Zl and Zp separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def check_text(sql: str, rules: GateRules) -> None:
    """Raise Refused where the text is too long, holds hidden characters or nests too deep."""
    if len(sql) > rules.text_bytes_max:
        raise size_refused(rules.text_bytes_max)
    plain = sql.translate(_WITHOUT_CONTROLS).isprintable()  # nothing hidden is printable
    if not plain and any(is_hidden(character) for character in sql):
        raise characters_refused()
    if len(sql.encode()) > rules.text_bytes_max:
        raise size_refused(rules.text_bytes_max)
    depth = 0
    for character in _outside_quotes(sql):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth > rules.nesting_max:
            raise depth_refused()


def is_hidden(character: str) -> bool:
    """Tell whether a character is a control, invisible, or of private use."""
    if character.isascii() and character.isprintable():
        return False
    refused = unicodedata.category(character) in _REFUSED_CATEGORIES
    return refused and character not in _PLAIN_CONTROLS


def _outside_quotes(sql: str) -> Iterator[str]:
    quote = ""
    for character in sql:
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        else:
            yield character
