"""Suggests a column's identifier kind and grade from what its values look like, and why.

A suggestion carries its evidence as shares, its certainty and the document of its rule. It changes
nothing: a steward or the provider accepts or declines it (``catalog.quality.suggestions``).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from catalog.datasets import Column, DatasetDeclaration, Frozen, Grade, IdentifierKind
from policies.schema.quality import DetectorRule

Certainty = Literal["certain", "probable", "possible"]
_STRENGTH: Mapping[IdentifierKind, int] = {
    IdentifierKind.NONE: 0,
    IdentifierKind.SENSITIVE: 1,
    IdentifierKind.QUASI: 2,
    IdentifierKind.DIRECT: 3,
}
_CERTAINTY: Mapping[str, tuple[Certainty, Certainty]] = {
    "checked": ("certain", "certain"),
    "formed": ("probable", "certain"),
    "likely": ("possible", "probable"),
}
"""Without a word of the labels, and with one."""


class Suggestion(Frozen):
    """What one detector suggests for one column; ``share`` is per mille of the values seen.

    ``agrees`` where the declaration already says as much or more: nothing is to be decided.
    """

    column: str
    detector: str
    identifier: IdentifierKind
    grade: Grade
    share: int
    certainty: Certainty
    named: bool
    agrees: bool
    document: str


def suggestions(
    declaration: DatasetDeclaration,
    observed: Mapping[str, Mapping[str, int]],
    rules: Sequence[DetectorRule],
) -> tuple[Suggestion, ...]:
    """Return every suggestion, column by column; ``observed`` maps column to detector to share."""
    return tuple(
        suggestion
        for column in declaration.columns
        for rule in rules
        if (suggestion := _suggestion(column, rule, observed.get(column.name, {}))) is not None
    )


def _suggestion(
    column: Column, rule: DetectorRule, observed: Mapping[str, int]
) -> Suggestion | None:
    share = observed.get(rule.detector, 0)
    named = _is_named(column, rule)
    if share < rule.share_min or (rule.needs_word and not named):
        return None
    identifier, grade = IdentifierKind(rule.identifier), Grade(rule.grade)
    agrees = _STRENGTH[column.identifier] >= _STRENGTH[identifier] and column.grade >= grade
    return Suggestion(
        column=column.name,
        detector=rule.detector,
        identifier=identifier,
        grade=max(grade, column.grade),
        share=share,
        certainty=_CERTAINTY[rule.certainty][named],
        named=named,
        agrees=agrees,
        document=rule.document,
    )


def _is_named(column: Column, rule: DetectorRule) -> bool:
    labels = f"{column.name} {column.label_zh} {column.label_en}".lower()
    return any(word.lower() in labels for word in rule.words)
