"""Breaks text into lines as Chinese and English are set, and makes foreign text harmless to show.

No line begins with closing punctuation or ends with opening punctuation (GB/T 15834, 禁则); a word
of Latin letters stays whole where it fits. Characters that steer a display are written out.
"""

import unicodedata
from collections.abc import Callable, Iterator

NOT_AT_START = frozenset("，。、；：？！）】》〉」』”’…·—～,.;:?!)]}%‰℃")
NOT_AT_END = frozenset("（【《〈「『“‘([{￥$")
_WIDE_FROM = 0x2E80  # CJK radicals: from here on a line may break beside any character
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def inert(text: str, known: Callable[[str], bool] = lambda _character: True) -> str:
    """Write out what would steer a display (controls, bidi marks) or has no glyph, as ``〈U+…〉``.

    Line feeds stay; a tab is a space.
    """
    return "".join(
        character if character == "\n" else _shown(character, known)
        for character in text.replace("\r\n", "\n").replace("\t", " ")
    )


def broken(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Break text into lines no wider than ``width``, in the unit of ``measure``.

    A line feed always breaks; a word that is wider than a line is cut.
    """
    return [
        line
        for paragraph in text.split("\n")
        for line in _filled(_tokens(paragraph), width, measure)
    ]


def _shown(character: str, known: Callable[[str], bool]) -> str:
    if unicodedata.category(character) in _STEERING or not known(character):
        return f"〈U+{ord(character):04X}〉"
    return character


def _tokens(text: str) -> Iterator[str]:
    """Split where a line may break; blanks stay at the end of the token before them."""
    token = ""
    for character in text:
        if token and _may_break(token[-1], character):
            yield token
            token = ""
        token += character
    yield token


def _may_break(before: str, after: str) -> bool:
    if after == " " or after in NOT_AT_START or before in NOT_AT_END:
        return False
    return before == " " or ord(before) >= _WIDE_FROM or ord(after) >= _WIDE_FROM


def _filled(tokens: Iterator[str], width: float, measure: Callable[[str], float]) -> Iterator[str]:
    line = ""
    for token in tokens:
        if not line or measure((line + token).rstrip()) <= width:
            line += token
        else:
            yield line.rstrip()
            line = token
        while measure(line.rstrip()) > width:
            cut = _fitting(line, width, measure)
            yield line[:cut]
            line = line[cut:]
    yield line.rstrip()


def _fitting(text: str, width: float, measure: Callable[[str], float]) -> int:
    cut = 1
    while cut < len(text) and measure(text[: cut + 1]) <= width:
        cut += 1
    return cut
