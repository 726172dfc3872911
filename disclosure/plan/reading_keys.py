"""From GROUP BY expressions to keys: a column, a part of a date, a bin, or a CASE of labels."""

from fractions import Fraction

from catalog.datasets import ColumnType
from disclosure.outcome import Refused
from disclosure.plan import refusals, tree
from disclosure.plan.conditions import FALSE, TRUE
from disclosure.plan.expressions import (
    PER_UNIT,
    Binned,
    Branch,
    Cases,
    DatePart,
    Extracted,
    Field,
    KeyExpression,
    Literal,
    Plain,
    Truncated,
)
from disclosure.plan.reading_conditions import read_condition
from disclosure.plan.reading_literals import stored_number
from disclosure.plan.reading_scope import Scope
from disclosure.plan.tree import Node

TRUNCATED = ("year", "quarter", "month", "week", "day")
_PARTS = {
    "year": DatePart.YEAR,
    "quarter": DatePart.QUARTER,
    "month": DatePart.MONTH,
    "week": DatePart.WEEK,
    "weekofyear": DatePart.WEEK,
    "day": DatePart.DAY,
    "dayofmonth": DatePart.DAY,
    "isodow": DatePart.WEEKDAY,
}
KEY_FUNCTIONS = frozenset(
    {*_PARTS, "date_trunc", "datetrunc", "date_part", "datepart", "floor", "*", "//", "if"}
)
WIDTH_MAX = 2**40
LABEL_CHARACTERS_MAX = 200


def read_key(scope: Scope, node: Node) -> KeyExpression:
    """Return the key of an expression. Raises Refused."""
    found = scope.expanded(node)
    scope, node = found.scope, found.node
    path = tree.column_path(node)
    if path is not None:
        field = scope.field(path)
        if field.relation == PER_UNIT:
            raise unsupported_inner_key(field.column)
        return Plain(field)
    if tree.case(node) is not None:
        return _read_cases(scope, node)
    key = _read_date_key(scope, node) or _read_bin(scope, node)
    if key is None:
        raise unsupported_key(node)
    return key


def default_name(key: KeyExpression) -> str:
    """Return the name of a key's column where the text gives none."""
    match key:
        case Plain(field):
            return field.column
        case Truncated(field, part) | Extracted(field, part):
            return f"{part.value}_{field.column}"
        case Binned(field):
            return f"{field.column}_bin"
        case Cases():
            return "label"


def _read_date_key(scope: Scope, node: Node) -> KeyExpression | None:
    truncated = tree.plain_call(node, "date_trunc", "datetrunc")
    if truncated is not None:
        part, argument = truncated
        found = _part(part)
        if found is None or found.value not in TRUNCATED:
            raise unsupported_key()
        return Truncated(_field(scope, argument, ColumnType.DATE), found)
    extracted = tree.plain_call(node, "date_part", "datepart")
    if extracted is not None:
        part, argument = extracted
        found = _part(part)
    else:
        call = tree.call(node)
        found = None if call is None else _PARTS.get(call.function)
        arguments = () if found is None or call is None else tree.plain_call(node, call.function)
        if not arguments:
            return None
        (argument,) = arguments
    if found is None:
        raise unsupported_key()
    return Extracted(_field(scope, argument, ColumnType.DATE), found)


def _part(node: Node) -> DatePart | None:
    found = tree.literal(node)
    return _PARTS.get(found[1].lower()) if found is not None and found[0] == "STRING" else None


def _read_bin(scope: Scope, node: Node) -> Binned | None:
    """Read ``floor(x / w) * w`` and ``(x // w) * w``, or either without the last factor."""
    product = tree.plain_call(node, "*")
    pair = 2
    if product is not None and len(product) == pair:
        for inner, factor in (product, product[::-1]):
            found = _read_quotient(scope, inner)
            if found is not None:
                if _width(scope, found.field, factor) != found.width:
                    raise unsupported_key()
                return Binned(found.field, found.width)
        return None
    return _read_quotient(scope, node)


def _read_quotient(scope: Scope, node: Node) -> Binned | None:
    floored = tree.plain_call(node, "floor")
    divided = tree.plain_call(node if floored is None else floored[0], "//", "/")
    if divided is None or (floored is None and tree.plain_call(node, "//") is None):
        return None
    if floored is not None and tree.plain_call(floored[0], "/") is None:
        return None
    measured, width = divided
    field = _field(scope, measured, ColumnType.INTEGER, ColumnType.DECIMAL)
    if floored is None:
        _check_whole_division(scope, field)
    stored = _width(scope, field, width)
    if stored is None:
        raise unsupported_key()
    return Binned(field, stored, indexed=True)


def _check_whole_division(scope: Scope, field: Field) -> None:
    """Refuse ``//`` where the engine's own would not round down: below zero, and on decimals."""
    facts = scope.facts(field)
    if facts.type is not ColumnType.INTEGER or facts.lower is None or facts.lower < 0:
        raise refusals.form(
            "group by",
            f"“{field.column}”可能为负数或小数，// 的舍入方向不一，请写 floor(x / 宽度) * 宽度。",
            f"{field.column!r} may be negative or a decimal, where // does not round down: "
            "write floor(x / width) * width.",
        )


def _width(scope: Scope, field: Field, node: Node) -> int | None:
    width = stored_number(tree.number(node), scope.facts(field).scale)
    whole = width is not None and width.denominator == 1 and 0 < width <= WIDTH_MAX
    return int(width) if whole and isinstance(width, Fraction) else None


def _read_cases(scope: Scope, node: Node) -> Cases:
    found = tree.case(node)
    if found is None:
        raise unsupported_key()
    branches: list[Branch] = []
    otherwise = _label(found.otherwise)
    for condition, label in found.branches:
        when = read_condition(scope, condition)
        if when == TRUE:  # what follows is never reached
            otherwise = _label(label)
            break
        if when != FALSE:
            branches.append(Branch(when, _label(label)))
    labels = [branch.then for branch in branches]
    kinds = {type(label) for label in (*labels, otherwise) if label is not None}
    if len(kinds) > 1 or not branches:
        raise _labels_unlike()
    return Cases(tuple(branches), otherwise)


def _label(node: Node) -> Literal | None:
    found = tree.literal(node)
    match found:
        case ("NULL_LITERAL", _):
            return None
        case ("STRING", text) if len(text) <= LABEL_CHARACTERS_MAX and text.isprintable():
            return text
        case ("BOOLEAN", text):
            return text.lower() == "true"
        case ("INTEGER", text) if tree.is_whole(text.removeprefix("-")):
            return int(text)
        case _:
            raise _labels_unlike()


def _field(scope: Scope, node: Node, *kinds: ColumnType) -> Field:
    """Return the field that a key is made of, of one of some types."""
    found = scope.expanded(node)
    path = tree.column_path(found.node)
    if path is None:
        raise unsupported_key()
    field = found.scope.field(path)
    if found.scope.facts(field).type not in kinds:
        raise unsupported_key()
    return field


def unsupported_key(node: Node | None = None) -> Refused:
    """Refuse an expression that is no key."""
    return refusals.form(
        "group by",
        "分组键须是授权的列、date_trunc、year/quarter/month/week/day/isodow、"
        "floor(x / 宽度) * 宽度，或带常量标签的 CASE。",
        "A key is a granted column, date_trunc, year/quarter/month/week/day/isodow of a date, "
        "floor(x / width) * width, or a CASE of literal labels.",
        "" if node is None else tree.construct(node),
    )


def unsupported_inner_key(name: str) -> Refused:
    """Refuse to group by the bare figure of each unit."""
    return refusals.form(
        "group by",
        f"按主体汇总的“{name}”须分段后才能作为分组键：floor({name} / 宽度) * 宽度，或 CASE。",
        f"{name!r} of each unit is a key only in bins: floor({name} / width) * width, or a CASE.",
    )


def _labels_unlike() -> Refused:
    return refusals.form(
        "group by",
        "CASE 的标签须是同一类型的常量（文字、整数或真假），且至少有一个分支可能成立。",
        "The labels of a CASE are literals of one type (text, whole number or truth value), and "
        "at least one branch can hold.",
    )
