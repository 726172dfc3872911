"""Splitting money: exact sums, bounds, quotas, carries, and no dependence on any order."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.scheme_terms import FixedAmount, Party, Pot, Share, ShareScheme, Source
from authorization.scheme_validation import arithmetic_problems
from foundation.money import (
    MICRO_FEN_PER_FEN,
    PARTS_PER_MILLION,
    largest_remainder,
    round_exactly,
)
from revenue.schemes.water_filling import Claim, fill
from revenue.shares import Carried, Line, Money, Step, pay, split_pool

NAMES = tuple("abcdefgh")
TAX_PPM = 60_000
fen = st.one_of(st.integers(0, 20), st.integers(0, 10**9))


@st.composite
def parts_per_million(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, int]:
    weights = [draw(st.integers(0, 1_000)) for _ in names]
    return largest_remainder(
        PARTS_PER_MILLION, dict(zip(names, [weights[0] + 1, *weights[1:]], strict=True))
    )


@st.composite
def sources(draw: st.DrawFn) -> tuple[Source, ...]:
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True)))
    low = draw(parts_per_million((*names, "none")))
    high = draw(parts_per_million(names))
    room = draw(st.booleans())
    return tuple(
        Source(
            dataset=f"d_{name}",
            payee=draw(st.sampled_from(NAMES)),
            channel="account",
            approved_rows=10,
            minimum_ppm=min(low[name], high[name]),
            maximum_ppm=PARTS_PER_MILLION if room else high[name],
        )
        for name in names
    )


@st.composite
def schemes(draw: st.DrawFn) -> ShareScheme:
    payees = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True)))
    ppm = draw(parts_per_million((*payees, "pot")))
    amounts = st.integers(0, 10**4)
    return ShareScheme(
        version="s1",
        approval="1",
        cost_recovery=tuple(
            FixedAmount(payee=payee, channel="account", fen_per_period=draw(amounts))
            for payee in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        ),
        permitted_profit=draw(
            st.none()
            | st.builds(
                FixedAmount, payee=st.just("h"), channel=st.just("account"), fen_per_period=amounts
            )
        ),
        clawback=draw(st.booleans()),
        shares=tuple(Share(payee=payee, channel="account", ppm=ppm[payee]) for payee in payees),
        pot=Pot(
            ppm=ppm["pot"],
            weight="calls",
            sources=draw(sources()),
            unused_to=Party(payee="u", channel="account"),
        ),
    )


@st.composite
def weights_of(draw: st.DrawFn, scheme: ShareScheme) -> dict[str, int]:
    assert scheme.pot is not None
    weight = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 10**20))
    return {source.dataset: draw(weight) for source in scheme.pot.sources}


@settings(max_examples=150)
@given(st.data(), schemes(), fen, st.integers(0, 10**6))
def test_every_step_is_whole_and_all_of_them_are_the_bill(
    data: st.DataObject, scheme: ShareScheme, billed: int, excess: int
) -> None:
    weights = data.draw(weights_of(scheme))
    steps = split_pool(Money(billed, TAX_PPM, excess), scheme, weights, "lic")
    assert sum(step.micro_fen for step in steps) == billed * MICRO_FEN_PER_FEN
    assert all(step.micro_fen >= 0 for step in steps)
    (tax,) = [step.micro_fen for step in steps if step.step == "tax"]
    exact = Fraction(billed * MICRO_FEN_PER_FEN * TAX_PPM, PARTS_PER_MILLION + TAX_PPM)
    assert 0 <= exact - tax < 1


@settings(max_examples=150)
@given(st.data(), schemes(), fen)
def test_a_source_stays_within_its_bounds_and_without_weight_gets_nothing(
    data: st.DataObject, scheme: ShareScheme, billed: int
) -> None:
    assert scheme.pot is not None
    weights = data.draw(weights_of(scheme))
    steps = split_pool(Money(billed, TAX_PPM), scheme, weights, "lic")
    pot = {step.dataset: step.micro_fen for step in steps if step.step == "pot"}
    (unused,) = [step.micro_fen for step in steps if step.step == "pot_unused"]
    whole = sum(pot.values()) + unused
    for source in scheme.pot.sources:
        given_ = pot[source.dataset]
        if not weights[source.dataset]:
            assert given_ == 0
            continue
        assert whole * source.minimum_ppm // PARTS_PER_MILLION <= given_
        assert given_ <= -(-whole * source.maximum_ppm // PARTS_PER_MILLION)
    if unused > len(pot):  # more than rounding: then nobody who contributed could take more
        for source in scheme.pot.sources:
            most = Fraction(whole * source.maximum_ppm, PARTS_PER_MILLION)
            assert not weights[source.dataset] or pot[source.dataset] > most - 1


@settings(max_examples=120)
@given(st.data(), schemes(), fen, st.integers(0, 10**6))
def test_the_order_of_clauses_changes_nothing(
    data: st.DataObject, scheme: ShareScheme, billed: int, excess: int
) -> None:
    """Formance's numscript gives the remainder to the clause named first; here no order counts."""
    assert scheme.pot is not None
    weights = data.draw(weights_of(scheme))
    other = scheme.model_copy(
        update={
            "shares": tuple(data.draw(st.permutations(scheme.shares))),
            "cost_recovery": tuple(data.draw(st.permutations(scheme.cost_recovery))),
            "pot": scheme.pot.model_copy(
                update={"sources": tuple(data.draw(st.permutations(scheme.pot.sources)))}
            ),
        }
    )
    money = Money(billed, TAX_PPM, excess)
    shuffled = dict(data.draw(st.permutations(tuple(weights.items()))))
    assert split_pool(money, scheme, weights, "lic") == split_pool(money, other, shuffled, "lic")


@settings(max_examples=150)
@given(st.data(), schemes(), fen, st.integers(1, 10**6))
def test_more_contribution_never_earns_less(
    data: st.DataObject, scheme: ShareScheme, billed: int, more: int
) -> None:
    assert scheme.pot is not None
    weights = data.draw(weights_of(scheme))
    raised = data.draw(st.sampled_from(sorted(weights)))
    heavier = {**weights, raised: weights[raised] + more}
    before, after = (
        {
            step.dataset: step.micro_fen
            for step in split_pool(Money(billed, TAX_PPM), scheme, known, "lic")
            if step.step == "pot"
        }
        for known in (weights, heavier)
    )
    assert after[raised] >= before[raised]


@settings(max_examples=120)
@given(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 10**20), min_size=1), fen)
def test_without_bounds_a_pot_is_shared_in_proportion(weights: dict[str, int], total: int) -> None:
    parts = fill(total, {name: Claim(weight) for name, weight in weights.items()})
    whole = sum(weights.values())
    for name, weight in weights.items():
        assert parts[name] == (Fraction(total * weight, whole) if whole else 0)


def test_bounds_push_what_is_left_to_the_others() -> None:
    claims = {
        "big": Claim(80, maximum_ppm=500_000),
        "small": Claim(1, minimum_ppm=100_000),
        "rest": Claim(19),
    }
    assert fill(1_000, claims) == {"big": 500, "small": 100, "rest": 400}
    only = {"big": Claim(5, maximum_ppm=400_000), "idle": Claim(0, minimum_ppm=900_000)}
    assert fill(1_000, only) == {"big": 400, "idle": 0}
    with pytest.raises(ValueError, match="minimums exceed"):
        fill(10, {"a": Claim(1, minimum_ppm=600_000), "b": Claim(1, minimum_ppm=600_000)})


@settings(max_examples=120)
@given(st.data(), sources())
def test_what_may_be_published_can_always_be_shared_out(
    data: st.DataObject, named: tuple[Source, ...]
) -> None:
    """Feasible for all sources is feasible for any of them: who stays away frees the others."""
    pot = Pot(
        ppm=PARTS_PER_MILLION,
        weight="calls",
        sources=named,
        unused_to=Party(payee="u", channel="account"),
    )
    scheme = ShareScheme(version="1", approval="1", pot=pot)
    codes = [p.code for p in arithmetic_problems(scheme, [source.dataset for source in named])]
    weights = data.draw(weights_of(scheme))
    if not codes:
        steps = split_pool(Money(7, TAX_PPM), scheme, weights, "lic")
        assert sum(step.micro_fen for step in steps) == 7 * MICRO_FEN_PER_FEN


@settings(max_examples=120)
@given(
    st.lists(st.fractions(0, 1_000, max_denominator=997), min_size=1, max_size=8),
    st.data(),
)
def test_exact_parts_round_by_less_than_one(parts: list[Fraction], data: st.DataObject) -> None:
    total = sum(parts, Fraction(0))
    exact = {f"p{place}": part for place, part in enumerate(parts)}
    exact["rest"] = -(-total.numerator // total.denominator) - total
    rounded = round_exactly(exact)
    assert sum(rounded.values()) == sum(exact.values())
    assert all(abs(rounded[name] - exact[name]) < 1 for name in exact)
    assert all(exact[name] or not rounded[name] for name in exact)
    shuffled = dict(data.draw(st.permutations(tuple(exact.items()))))
    assert round_exactly(shuffled) == rounded


def test_parts_that_are_not_whole_together_are_not_rounded() -> None:
    with pytest.raises(ValueError, match="whole number"):
        round_exactly({"a": Fraction(1, 2)})
    with pytest.raises(ValueError, match="whole number"):
        round_exactly({"a": Fraction(-1), "b": Fraction(2)})


def _carried(lines: tuple[Line, ...], known: dict[str, Carried]) -> dict[str, Carried]:
    return {
        **known,
        **{line.payee: Carried(line.channel, line.carry_out_micro_fen) for line in lines},
    }


@settings(max_examples=120)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3 * 10**6), min_size=1, max_size=8),
        min_size=1,
        max_size=40,
    )
)
def test_carries_are_bounded_and_sum_to_zero_whoever_comes_and_goes(
    periods: list[dict[str, int]],
) -> None:
    """Any sequence of pools: fen sum to each bill, and no carry passes its stated bound.

    Below: above -1 fen. Above: under n - 1 fen for the n payees of the licence.
    """
    carried: dict[str, Carried] = {}
    for micro in periods:
        micro["a"] = micro.get("a", 0) - sum(micro.values()) % MICRO_FEN_PER_FEN
        if micro["a"] < 0:
            micro["a"] += MICRO_FEN_PER_FEN
        billed = sum(micro.values()) // MICRO_FEN_PER_FEN
        steps = [Step("share", name, "account", part) for name, part in micro.items()]
        lines = pay(billed, steps, carried)
        assert sum(line.fen for line in lines) == billed
        assert all(line.fen >= 0 for line in lines)
        carried = _carried(lines, carried)
        carries = [one.micro_fen for one in carried.values()]
        assert sum(carries) == 0
        assert min(carries) > -MICRO_FEN_PER_FEN
        assert max(carries) < max(1, len(carries) - 1) * MICRO_FEN_PER_FEN


@settings(max_examples=100)
@given(st.data(), schemes(), st.lists(st.integers(0, 50), min_size=1, max_size=24))
def test_what_is_paid_over_many_periods_never_drifts_from_what_is_due(
    data: st.DataObject, scheme: ShareScheme, bills: list[int]
) -> None:
    weights = data.draw(weights_of(scheme))
    carried: dict[str, Carried] = {}
    due: dict[str, int] = {}
    paid: dict[str, int] = {}
    for billed in bills:
        steps = split_pool(Money(billed, TAX_PPM), scheme, weights, "lic")
        lines = pay(billed, steps, carried)
        carried = _carried(lines, carried)
        for line in lines:
            due[line.payee] = due.get(line.payee, 0) + line.micro_fen
            paid[line.payee] = paid.get(line.payee, 0) + line.fen
    assert sum(paid.values()) == sum(bills)
    for payee, micro in due.items():
        assert micro - paid[payee] * MICRO_FEN_PER_FEN == carried[payee].micro_fen
        assert -MICRO_FEN_PER_FEN < carried[payee].micro_fen < len(due) * MICRO_FEN_PER_FEN
