"""The weight of a contribution: a closed grammar in which no rule can play a trick.

    sum    = term { "+" term }
    term   = factor { "*" factor }
    factor = number | field | ("min" | "max") "(" sum "," sum ")" | "(" sum ")"
    field  = "calls" | "columns" | "rows" | "approved_rows" | "quality_ppm"

No subtraction and no division: a weight is a whole number of zero or more and never falls when a
measure rises. No names, no clock, no calls of anything else. The tree's size is capped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from foundation.errors import InvalidInput, Message

WEIGHT_CHARACTERS_MAX = 500
TERMS_MAX = 64
DEPTH_MAX = 16
NUMBER_MAX = 10**12
FIELDS = ("calls", "columns", "rows", "approved_rows", "quality_ppm")
_TOKEN = re.compile(r"[ \t]*(?:([0-9]{1,13})|([a-z_]+)|([+*(),]))")


@dataclass(frozen=True)
class Number:
    """A whole number written in the expression."""

    value: int


@dataclass(frozen=True)
class Measure:
    """One measured or approved figure of a source, by name."""

    field: str


@dataclass(frozen=True)
class Operation:
    """Two expressions joined by ``+``, ``*``, ``min`` or ``max``."""

    operator: str
    left: "Expression"
    right: "Expression"


Expression = Number | Measure | Operation


def parse_weight(text: str) -> Expression:
    """Read an expression. Raises InvalidInput naming the character where it stops making sense."""
    if len(text) > WEIGHT_CHARACTERS_MAX:
        raise _refusal(WEIGHT_CHARACTERS_MAX)
    return _Reader(_tokens(text)).whole()


def weigh(expression: Expression, figures: Mapping[str, int]) -> int:
    """Return the weight under a source's figures: a whole number of zero or more."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Measure):
        return figures[expression.field]
    left, right = weigh(expression.left, figures), weigh(expression.right, figures)
    if expression.operator == "+":
        return left + right
    if expression.operator == "*":
        return left * right
    return min(left, right) if expression.operator == "min" else max(left, right)


@dataclass(frozen=True)
class _Token:
    text: str
    place: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    trimmed = text.rstrip(" \t")
    while place < len(trimmed):
        match = _TOKEN.match(trimmed, place)
        if match is None:
            raise _refusal(place)
        found.append(_Token(match.group().strip(" \t"), match.end()))
        place = match.end()
    return [*found, _Token("", len(text))]


class _Reader:
    """Reads tokens once, left to right, counting what it builds."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._terms = 0

    def whole(self) -> Expression:
        found = self._sum(0)
        if self._next.text:
            raise self._stop()
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, text: str) -> bool:
        taken = self._next.text == text
        self._at += taken
        return taken

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._stop()

    def _stop(self) -> InvalidInput:
        return _refusal(self._next.place)

    def _sum(self, depth: int) -> Expression:
        if depth > DEPTH_MAX:
            raise self._stop()
        found = self._term(depth)
        while self._take("+"):
            found = Operation("+", found, self._term(depth))
        return found

    def _term(self, depth: int) -> Expression:
        found = self._factor(depth)
        while self._take("*"):
            found = Operation("*", found, self._factor(depth))
        return found

    def _factor(self, depth: int) -> Expression:
        self._terms += 1
        token = self._next
        if self._terms > TERMS_MAX or not token.text:
            raise self._stop()
        if token.text in {"min", "max"}:
            return self._choice(depth)
        if self._take("("):
            found = self._sum(depth + 1)
            self._expect(")")
            return found
        if token.text.isdigit() and int(token.text) <= NUMBER_MAX:
            self._at += 1
            return Number(int(token.text))
        if token.text in FIELDS:
            self._at += 1
            return Measure(token.text)
        raise self._stop()

    def _choice(self, depth: int) -> Expression:
        operator = self._next.text
        self._at += 1
        self._expect("(")
        left = self._sum(depth + 1)
        self._expect(",")
        right = self._sum(depth + 1)
        self._expect(")")
        return Operation(operator, left, right)


def _refusal(place: int) -> InvalidInput:
    return InvalidInput(
        "weight_invalid",
        Message(
            zh=f"权重表达式在第 {place} 个字符附近无法识别，或过长、过深。",
            en=f"The weight cannot be read near character {place}, or is too long or too deep.",
        ),
        field="$.scheme.pot.weight",
        rule="authorization/weights",
        way_out=Message(
            zh=f"只能使用非负整数、{'、'.join(FIELDS)}、+、*、min(,)、max(,) 和括号。",
            en=f"Use whole numbers, {', '.join(FIELDS)}, +, *, min(,), max(,) and brackets only.",
        ),
    )
