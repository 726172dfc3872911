"""How headers and words of bureaus are compared: without blanks, width, marks and brackets.

``目录名称（必填）*`` and ``目录 名称`` are one header; ``Ａ`` and ``a`` are one letter (NFKC).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

_BLANK = re.compile(r"[\s*:：、,，.。\"'“”]+")
_BRACKETS = re.compile(r"[（(\[【][^（()）\[\]【】]*[)）\]】]")
_INVISIBLE = frozenset({"Cf", "Cc"})
_ROUNDS_MAX = 8
_REMEMBERED = 4_096  # code lists and headers repeat in every row


@lru_cache(maxsize=_REMEMBERED)
def plain(text: str) -> str:
    """Return a text as it is compared."""
    for _ in range(_ROUNDS_MAX):  # what falls away may let marks join that stood apart
        seen = "".join(mark for mark in text if unicodedata.category(mark) not in _INVISIBLE)
        narrowed = _BLANK.sub("", unicodedata.normalize("NFKC", seen)).casefold()
        if narrowed == text:
            break
        text = narrowed
    return text


def without_brackets(text: str) -> str:
    """Return a text as it is compared, without what stands in brackets."""
    return plain(_BRACKETS.sub("", text))


def narrow(text: str) -> str:
    """Return an identifier in half-width letters without blanks."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def lookup(names: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return compared name to value; the first of two equal names counts."""
    found: dict[str, str] = {}
    for name, value in names:
        found.setdefault(plain(name), value)
    return found


def known(text: str, names: Mapping[str, str]) -> str | None:
    """Return what a text stands for, with its brackets or else without them."""
    return names.get(plain(text)) or names.get(without_brackets(text))
