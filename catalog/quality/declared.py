"""The quality rules that a source declares of its data set: checked, versioned, each with a weight.

Five dimensions (GB/T 36344-2018): completeness, uniqueness, validity, timeliness, consistency. A
rule names only the data set's own columns; what it would need of them is refused here, not found
out later by an engine.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from catalog.datasets import (
    BOUND_MAX,
    ColumnType,
    DatasetDeclaration,
    Frozen,
    IdentifierFormat,
    Name,
)
from catalog.standards.dictionary import Dictionary
from foundation.errors import InvalidInput, Message
from policies.schema.quality import QualityRules
from policies.schema.standards import CODE

PATTERN_CHARACTERS_MAX = 200
VALUES_MAX = 10_000
PAIR = 2
NO_STANDARDS = Dictionary({}, {})
Dimension = Literal["completeness", "uniqueness", "validity", "timeliness", "consistency"]
_COLUMNS: Mapping[str, tuple[int, int]] = {
    "completeness": (1, 1),
    "uniqueness": (1, 4),
    "validity": (1, 1),
    "timeliness": (0, 0),
    "consistency": (PAIR, PAIR),
}


class QualityRule(Frozen):
    """One rule. A validity rule has one of pattern, values, format, bounds and standard.

    ``pattern`` is an RE2 expression over the whole value; bounds are stored integers, days since
    1970-01-01 for a date. ``standard`` is the code of a code list or data element (标准规范), in
    the edition in force when it is measured. ``relation`` of a consistency rule is read from the
    first column to the second.
    """

    name: Name
    dimension: Dimension
    columns: tuple[Name, ...] = Field(default=(), max_length=4)
    weight: int = Field(default=1, ge=1, le=100)
    pattern: str = Field(default="", max_length=PATTERN_CHARACTERS_MAX)
    values: tuple[str, ...] = Field(default=(), max_length=VALUES_MAX)
    format: IdentifierFormat | None = None
    lower: int | None = Field(default=None, ge=-BOUND_MAX, le=BOUND_MAX)
    upper: int | None = Field(default=None, ge=-BOUND_MAX, le=BOUND_MAX)
    standard: str = Field(default="", pattern=f"{CODE}|^$")
    relation: Literal["before", "not_after", "equal", "present_with"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> "QualityRule":
        least, most = _COLUMNS[self.dimension]
        if not least <= len(set(self.columns)) <= most or len(set(self.columns)) != len(
            self.columns
        ):
            raise ValueError("columns")
        bounded = self.lower is not None or self.upper is not None
        ways = [bool(self.pattern), bool(self.values), self.format is not None, bounded]
        ways.append(bool(self.standard))
        if sum(ways) != (self.dimension == "validity"):
            raise ValueError("validity")
        if (self.relation is not None) != (self.dimension == "consistency"):
            raise ValueError("relation")
        return self

    def order(self) -> dict[str, Any]:
        """Return what the measuring child needs of it."""
        return self.model_dump(mode="json", exclude={"weight", "standard"})


class QualityDeclaration(Frozen):
    """All quality rules of a data set; a new declaration is a new version and replaces all."""

    rules: tuple[QualityRule, ...] = Field(min_length=1, max_length=1_000)


def check_quality(
    raw: Mapping[str, Any],
    declaration: DatasetDeclaration,
    limits: QualityRules,
    known: Dictionary = NO_STANDARDS,
) -> QualityDeclaration:
    """Return the declared rules. Raises InvalidInput for the first that does not hold together."""
    try:
        found = QualityDeclaration.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise _broken(".".join(str(part) for part in first["loc"]), "form") from error
    if len(found.rules) > limits.rules_max:
        raise _broken("rules", "too_many")
    names = [rule.name for rule in found.rules]
    for place, rule in enumerate(found.rules):
        if names.count(rule.name) > 1:
            raise _broken(f"rules.{place}.name", "repeated")
        _check_columns(rule, declaration, f"rules.{place}")
        if rule.standard and in_force(rule, known) is None:
            raise _broken(f"rules.{place}.standard", "standard_unfit")
    return found


def in_force(rule: QualityRule, known: Dictionary) -> QualityRule | None:
    """Write a rule by its standard out as values or pattern; None where the standard gives none."""
    if not rule.standard:
        return rule
    element = known.elements.get(rule.standard)
    listed = known.code_lists.get(element.code_list or "" if element else rule.standard)
    if listed is not None:
        values = tuple(item.value for item in listed.values)
        return rule.model_copy(update={"values": values})
    if element is None or element.pattern is None:
        return None
    return rule.model_copy(update={"pattern": element.pattern})


def _check_columns(rule: QualityRule, declaration: DatasetDeclaration, place: str) -> None:
    types: list[ColumnType] = []
    for name in rule.columns:
        column = declaration.column(name)
        if column is None:
            raise _broken(f"{place}.columns", "unknown_column")
        types.append(column.type)
    if rule.pattern and types[0] is not ColumnType.TEXT:
        raise _broken(f"{place}.pattern", "text_only")
    if rule.standard and types[0] is not ColumnType.TEXT:
        raise _broken(f"{place}.standard", "text_only")
    if rule.format is not None and types[0] not in {ColumnType.TEXT, ColumnType.INTEGER}:
        raise _broken(f"{place}.format", "text_or_integer_only")
    bounded = rule.lower is not None or rule.upper is not None
    if bounded and types[0] in {ColumnType.TEXT, ColumnType.BOOLEAN}:
        raise _broken(f"{place}.lower", "number_or_date_only")
    ordered = rule.dimension == "consistency" and rule.relation != "present_with"
    if ordered and types[0] is not types[1]:
        raise _broken(f"{place}.columns", "different_types")


_REASONS: Mapping[str, Message] = {
    "form": Message("形式不符合要求", "is not of the right form"),
    "too_many": Message("规则过多", "holds too many rules"),
    "repeated": Message("规则名称重复", "repeats the name of another rule"),
    "unknown_column": Message("含有本数据集没有的列", "names a column that the data set lacks"),
    "text_only": Message("只能用于文本列", "is for text columns only"),
    "text_or_integer_only": Message("只能用于文本或整数列", "is for text or integer columns only"),
    "number_or_date_only": Message("只能用于数值或日期列", "is for number or date columns only"),
    "standard_unfit": Message(
        "所引代码表或数据元不存在，或没有可核对的取值",
        "names no code list or data element that values can be held against",
    ),
    "different_types": Message("两列类型不同", "compares columns of different types"),
}


def _broken(place: str, reason: str) -> InvalidInput:
    said = _REASONS[reason]
    return InvalidInput(
        "quality_rule_invalid",
        Message(
            f"质量规则的 {place} {said.zh}。", f"The field {place} of the quality rules {said.en}."
        ),
        field=f"$.{place}" if place else "$",
        rule="GB/T 36344-2018",
    )


def score(
    rules: Sequence[QualityRule], counts: Mapping[str, Sequence[int]], timely: int
) -> tuple[int, dict[str, int]]:
    """Return the weighted score of a version, and each rule's, per mille, rounded down.

    A rule that applies to no row is kept. ``timely`` is the score of the timeliness rules.
    """
    each = {}
    for rule in rules:
        if rule.dimension == "timeliness":
            each[rule.name] = timely
            continue
        applies, keeps = counts[rule.name]
        each[rule.name] = 1_000 if applies == 0 else 1_000 * keeps // applies
    weight = sum(rule.weight for rule in rules)
    return sum(rule.weight * each[rule.name] for rule in rules) // weight, each
