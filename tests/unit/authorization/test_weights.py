"""The weight grammar: what it refuses first, then what it works out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorization.weights import (
    DEPTH_MAX,
    FIELDS,
    NUMBER_MAX,
    TERMS_MAX,
    WEIGHT_CHARACTERS_MAX,
    Expression,
    Measure,
    Number,
    Operation,
    parse_weight,
    weigh,
)
from foundation.errors import InvalidInput

FIGURES = {"calls": 3, "columns": 5, "rows": 70, "approved_rows": 50, "quality_ppm": 900_000}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "rows-calls",
        "rows/calls",
        "rows**2",
        "rows rows",
        "rows()",
        "min(rows)",
        "min(rows,calls,columns)",
        "max",
        "max rows",
        "min(rows;calls)",
        "(rows",
        "rows)",
        "+rows",
        "rows+",
        "rows*",
        "1.5",
        "1e9",
        "-1",
        "0x10",
        "٣",
        "clock()",
        "now",
        "payee",
        "Rows",
        "rows if calls else 1",
        "__import__('os')",
        "rows,calls",
        "rows\ncalls",
        "min(rows,calls)columns",
        str(NUMBER_MAX + 1),
        "9" * 40,
        "+".join(["1"] * (TERMS_MAX + 1)),
        "(" * (DEPTH_MAX + 1) + "rows" + ")" * (DEPTH_MAX + 1),
        "(" * 200 + "rows" + ")" * 200,
        " " * WEIGHT_CHARACTERS_MAX + "1",
    ],
)
def test_what_is_not_in_the_grammar_is_refused_with_the_allowed_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="weight_invalid") as refusal:
        parse_weight(text)
    assert refusal.value.field == "$.scheme.pot.weight"
    assert refusal.value.way_out is not None
    assert all(field in refusal.value.way_out.en for field in FIELDS)


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("7", 7),
        ("rows", 70),
        (" rows \t* quality_ppm ", 63_000_000),
        ("calls+columns*2", 13),
        ("(calls+columns)*2", 16),
        ("min(rows,approved_rows)", 50),
        ("max(rows,approved_rows)+1", 71),
        ("min(calls,max(columns,2))*(rows+1)", 3 * 71),
        ("+".join(["1"] * TERMS_MAX), TERMS_MAX),
        ("(" * DEPTH_MAX + "rows" + ")" * DEPTH_MAX, 70),
        (str(NUMBER_MAX), NUMBER_MAX),
    ],
)
def test_a_weight_is_what_it_reads_like(text: str, worth: int) -> None:
    assert weigh(parse_weight(text), FIGURES) == worth


def _expressions() -> st.SearchStrategy[Expression]:
    leaves = st.builds(Number, st.integers(0, 9)) | st.builds(Measure, st.sampled_from(FIELDS))
    return st.recursive(
        leaves,
        lambda parts: st.builds(Operation, st.sampled_from(("+", "*", "min", "max")), parts, parts),
        max_leaves=12,
    )


def _text(expression: Expression) -> str:
    if isinstance(expression, Number):
        return str(expression.value)
    if isinstance(expression, Measure):
        return expression.field
    left, right = _text(expression.left), _text(expression.right)
    if expression.operator in {"min", "max"}:
        return f"{expression.operator}({left},{right})"
    return f"({left}{expression.operator}{right})"


@given(_expressions())
def test_what_is_written_is_read_again(expression: Expression) -> None:
    text = _text(expression)
    if len(text) <= WEIGHT_CHARACTERS_MAX:
        assert parse_weight(text) == expression


@given(_expressions(), st.sampled_from(FIELDS), st.integers(1, 1_000))
def test_no_weight_falls_when_a_measure_rises(
    expression: Expression, field: str, more: int
) -> None:
    raised = {**FIGURES, field: FIGURES[field] + more}
    assert 0 <= weigh(expression, FIGURES) <= weigh(expression, raised)
