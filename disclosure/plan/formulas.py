"""Arithmetic on noisy figures, exact in fractions, with interval arithmetic for the ends.

A figure without value, or an end without bound, stays so through every operation. The intervals
of what a formula reads each hold at their part of alpha, so that its own holds at alpha (Moore,
Kearfott and Cloud, 2009; union bound).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from disclosure.plan.question import Formula, Number, Operation, Reference


@dataclass(frozen=True)
class Ranged:
    """A value between two ends; None where there is none."""

    value: Fraction | None
    low: Fraction | None
    high: Fraction | None


def evaluate(formula: Formula, figures: Sequence[Ranged]) -> Ranged:
    """Work a formula out over one group's figures, those it reads, in order."""
    match formula:
        case Number(value):
            number = Fraction(value)
            return Ranged(number, number, number)
        case Reference(place):
            return figures[place]
        case Operation(operator, left, right):
            return _operate(operator, evaluate(left, figures), evaluate(right, figures))


def _operate(operator: str, left: Ranged, right: Ranged) -> Ranged:
    value = None
    if left.value is not None and right.value is not None:
        value = _apply(operator, left.value, right.value)
    ends = _ends(operator, left, right)
    return Ranged(value, min(ends), max(ends)) if ends else Ranged(value, None, None)


def _ends(operator: str, left: Ranged, right: Ranged) -> list[Fraction]:
    """Work out all four pairs of ends; the extremes of a monotone operation lie among them."""
    if left.low is None or left.high is None or right.low is None or right.high is None:
        return []
    if operator == "/" and right.low <= 0 <= right.high:
        return []
    pairs = product((left.low, left.high), (right.low, right.high))
    found = [_apply(operator, a, b) for a, b in pairs]
    return [item for item in found if item is not None]


def _apply(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return None if right == 0 else left / right
    raise ValueError("a formula adds, subtracts, multiplies or divides")
