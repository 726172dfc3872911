"""The offline verifier's own arithmetic agrees with the ledger's, case by case."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.verify.shares import expected_rule_lines, split_exactly
from authorization.documents import PARTS_PER_MILLION
from authorization.signing import document_bytes
from foundation.money import largest_remainder
from revenue.settlement_rules import compile_rule
from tests.unit.revenue.selling import make_licence, revenue_rules

RULES = revenue_rules()
names = st.text("abcxyz", min_size=1, max_size=4)


@settings(max_examples=500)
@given(st.dictionaries(names, st.integers(0, 10**12), min_size=1), st.integers(0, 10**15))
def test_both_evaluators_split_alike(weights: dict[str, int], total: int) -> None:
    weights = {**weights, "sure": 1}
    assert split_exactly(total, weights) == largest_remainder(total, weights)


@settings(max_examples=200)
@given(st.dictionaries(names, st.integers(1, 1_000), min_size=1, max_size=6), st.integers(0, 10**6))
def test_both_evaluators_read_a_licence_alike(weights: dict[str, int], fen: int) -> None:
    shares = tuple(largest_remainder(PARTS_PER_MILLION, weights).items())
    licence = make_licence(fen=min(fen, 5_000), shares=shares)
    rule = compile_rule(licence, RULES)
    read = json.loads(document_bytes(licence))
    assert expected_rule_lines(rule.document, read) == rule.document["lines"]
