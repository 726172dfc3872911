"""The weight of a contribution, evaluated a second time: whole numbers, ``+ * min max``, brackets.

Values and operators on two stacks (Dijkstra's shunting yard), so that nothing of the ledger's own
reader is shared. What is outside the grammar raises ValueError.
"""

import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\s*(\d{1,13}|[a-z_]+|[+*(),])")
_BINDS = {"+": 1, "*": 2}
CHARACTERS_MAX = 500


def weight_of(text: str, figures: Mapping[str, int]) -> int:
    """Return the value of an expression over the figures of one source."""
    if len(text) > CHARACTERS_MAX:
        raise ValueError("weight")
    values: list[int] = []
    waiting: list[str] = []
    before = "("
    for word in _tokens(text.strip()):
        if word.isdigit() or word in figures:
            _expect(before in {"(", ",", "+", "*"})
            values.append(int(word) if word.isdigit() else figures[word])
        elif word in {"min", "max"}:
            _expect(before in {"(", ",", "+", "*"})
            waiting.append(word)
        elif word == "(":
            _expect(before in {"(", ",", "+", "*", "min", "max"})
            waiting.append(word)
        else:
            _expect(word in {"+", "*", ",", ")"})
            _expect(before not in {"(", ",", "+", "*", "min", "max"})
            _take(word, values, waiting)
        before = word
    _expect(before not in {"(", ",", "+", "*", "min", "max"})
    _reduce(values, waiting, 0)
    _expect(len(values) == 1 and not waiting)
    return values[0]


def _tokens(text: str) -> list[str]:
    found = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError("weight")
        found.append(match[1])
        place = match.end()
    return found


def _take(word: str, values: list[int], waiting: list[str]) -> None:
    if word in _BINDS:
        _reduce(values, waiting, _BINDS[word])
        waiting.append(word)
        return
    _reduce(values, waiting, 0)
    _expect(bool(waiting))
    opened = waiting.pop()
    if word == ",":
        _expect(opened == "(" and bool(waiting) and waiting[-1] in {"min", "max"})
        waiting.append(",")
        return
    choice = waiting.pop() if waiting and waiting[-1] in {"min", "max"} else None
    _expect((choice is None) == (opened == "("))
    if choice is not None:
        right, left = values.pop(), values.pop()
        values.append(min(left, right) if choice == "min" else max(left, right))


def _reduce(values: list[int], waiting: list[str], binding: int) -> None:
    while waiting and _BINDS.get(waiting[-1], -1) >= binding:
        right, left = values.pop(), values.pop()
        values.append(left + right if waiting.pop() == "+" else left * right)


def _expect(holds: bool) -> None:
    if not holds:
        raise ValueError("weight")
