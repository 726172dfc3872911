"""The offline verifier's own arithmetic agrees with the ledger's, case by case."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.verify import shares as second
from audit.verify.weights import weight_of
from authorization.revenue_terms import Tariff
from authorization.scheme_terms import ShareScheme
from authorization.weights import FIELDS, parse_weight, weigh
from foundation.errors import InvalidInput
from foundation.money import PARTS_PER_MILLION, largest_remainder
from policies.schema.revenue import Meter
from revenue.schemes.measures import Contribution, measure, weights_of
from revenue.shares import Carried, Money, pay, split_pool
from revenue.tariffs.pricing import price_micro_fen

names = st.text("abcxyz", min_size=1, max_size=4)
FIGURES = st.fixed_dictionaries({field: st.integers(0, 10**7) for field in FIELDS})
LEAVES = st.one_of(st.integers(0, 999).map(str), st.sampled_from(FIELDS))


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda two: f"{two[0]}+{two[1]}"),
        pair.map(lambda two: f"{two[0]} * {two[1]}"),
        pair.map(lambda two: f"min({two[0]}, {two[1]})"),
        pair.map(lambda two: f"max({two[0]},{two[1]})"),
        inner.map(lambda one: f"({one})"),
    )


EXPRESSIONS = st.recursive(LEAVES, joined, max_leaves=10)


@settings(max_examples=500)
@given(st.dictionaries(names, st.integers(0, 10**12), min_size=1), st.integers(0, 10**15))
def test_both_evaluators_split_alike(weights: dict[str, int], total: int) -> None:
    weights = {**weights, "sure": 1}
    assert second.split_exactly(total, weights) == largest_remainder(total, weights)


@settings(max_examples=500)
@given(EXPRESSIONS, FIGURES)
def test_both_evaluators_weigh_alike(text: str, figures: dict[str, int]) -> None:
    assert weight_of(text, figures) == weigh(parse_weight(text), figures)


@settings(max_examples=500)
@given(st.text("().,+*12 minaxrowsc-/", max_size=14), FIGURES)
def test_what_one_evaluator_refuses_the_other_refuses(text: str, figures: dict[str, int]) -> None:
    try:
        expected = weigh(parse_weight(text), figures)
    except InvalidInput:
        with pytest.raises((ValueError, IndexError)):
            weight_of(text, figures)
    else:
        assert weight_of(text, figures) == expected


TIERS = st.lists(
    st.fixed_dictionaries(
        {"from_unit": st.integers(1, 60), "discount_ppm": st.integers(0, PARTS_PER_MILLION)}
    ),
    max_size=4,
)


@settings(max_examples=500)
@given(TIERS, st.integers(0, 30), st.integers(0, 10**9), st.integers(0, 80), st.integers(0, 80))
def test_both_evaluators_price_alike(
    tiers: list[dict[str, int]], included: int, micro_fen: int, quantity: int, before: int
) -> None:
    free = [{"meter": "fetch", "units": included}] if included else []
    tariff = Tariff.model_validate(
        {
            "version": "t1",
            "valid_from": "2026-01-01",
            "valid_until": "2027-01-01",
            "price_class": "industry",
            "prices": [
                {
                    "meter": "fetch",
                    "micro_fen": micro_fen,
                    "ceiling_micro_fen": 10**9,
                    "tiers": tiers,
                }
            ],
            "subscription": {
                "fen_per_period": 1,
                "ceiling_fen_per_period": 1,
                "included": free,
            },
        }
    )
    read = json.loads(tariff.model_dump_json())
    for meter in (Meter.FETCH, Meter.CALL):
        assert second.price_of(read, meter.value, quantity, before) == price_micro_fen(
            tariff, meter, quantity, before
        )


def party(name: str) -> dict[str, Any]:
    return {"payee": name, "channel": "account" if name < "c" else "treasury"}


@st.composite
def schemes(draw: st.DrawFn) -> dict[str, Any]:
    ppm = draw(st.integers(0, PARTS_PER_MILLION))
    fixed = largest_remainder(PARTS_PER_MILLION - ppm, {"a": draw(st.integers(1, 9)), "b": 3})
    sources = draw(st.lists(st.sampled_from("wxyz"), min_size=1, unique=True))
    bound = PARTS_PER_MILLION // len(sources)
    return {
        "version": "s1",
        "approval": "x",
        "cost_recovery": [
            {**party(name), "fen_per_period": draw(st.integers(0, 2_000))}
            for name in draw(st.lists(st.sampled_from("adk"), unique=True))
        ],
        "permitted_profit": draw(
            st.one_of(st.none(), st.just({**party("o"), "fen_per_period": 300}))
        ),
        "clawback": draw(st.booleans()),
        "shares": [{**party(name), "ppm": given} for name, given in fixed.items()],
        "pot": {
            "ppm": ppm,
            "weight": draw(st.sampled_from(["rows*quality_ppm", "calls+columns", "0", "rows+1"])),
            "unused_to": party("u"),
            "sources": [
                {
                    **party(f"p{name}"),
                    "dataset": name,
                    "approved_rows": draw(st.integers(0, 500)),
                    "quality_ppm": draw(st.integers(0, PARTS_PER_MILLION)),
                    "minimum_ppm": draw(st.integers(0, bound)),
                    "maximum_ppm": draw(st.integers(bound, PARTS_PER_MILLION)),
                }
                for name in sources
            ],
        },
    }


CONTRIBUTIONS = st.lists(
    st.builds(
        Contribution,
        dataset=st.sampled_from("wxyz"),
        columns=st.lists(st.sampled_from(["c1", "c2", "c3"]), unique=True).map(tuple),
        rows=st.integers(0, 400),
        outcome_key=st.sampled_from(["k1", "k2", "k3", "k4"]),
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(
    schemes(),
    CONTRIBUTIONS,
    st.integers(0, 100_000),
    st.integers(0, 5_000),
    st.dictionaries(st.sampled_from("abu"), st.integers(-999_999, 999_999), max_size=3),
)
def test_both_evaluators_split_a_pool_alike(
    written: dict[str, Any],
    contributions: list[Contribution],
    billed_fen: int,
    excess_fen: int,
    carried: dict[str, int],
) -> None:
    scheme = ShareScheme.model_validate(written)
    read = json.loads(scheme.model_dump_json())
    lines = [{**vars(one), "columns": json.dumps(sorted(one.columns))} for one in contributions]
    assert scheme.pot is not None
    approved = {source.dataset: source.approved_rows for source in scheme.pot.sources}
    weights = weights_of(scheme.pot, measure(contributions, approved))
    sources = second.measured(read, lines)
    assert {source["dataset"]: source["weight"] for source in sources} == weights
    steps = split_pool(Money(billed_fen, 60_000, excess_fen), scheme, weights, "lic")
    again = second.waterfall(billed_fen, 60_000, excess_fen, read, sources, "lic")
    assert again == [step.as_json() for step in steps]
    brought = {payee: Carried(party(payee)["channel"], micro) for payee, micro in carried.items()}
    paid = pay(billed_fen, steps, brought)
    before = {payee: (one.channel, one.micro_fen) for payee, one in brought.items()}
    assert second.lines_of(billed_fen, again, before) == [line.as_json() for line in paid]
