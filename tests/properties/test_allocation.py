"""Splitting money: exact sums, fair quotas, and no dependence on any order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.documents import PARTS_PER_MILLION
from foundation.money import MICRO_FEN_PER_FEN, largest_remainder
from revenue.shares import round_pool, split_fetch
from tests.unit.revenue.selling import revenue_rules, share_scheme

RULES = revenue_rules()
names = st.text("abcdefgh_", min_size=1, max_size=6)


@st.composite
def schemes(draw: st.DrawFn) -> tuple[tuple[str, int], ...]:
    payees = draw(st.lists(names.filter(lambda name: name != "tax"), min_size=1, unique=True))
    weights = draw(st.lists(st.integers(0, 1_000), min_size=len(payees), max_size=len(payees)))
    parts = largest_remainder(
        PARTS_PER_MILLION, dict(zip(payees, [weights[0] + 1, *weights[1:]], strict=True))
    )
    return tuple(parts.items())


@settings(max_examples=1_000)
@given(schemes(), st.integers(0, 10**9))
def test_a_fetch_splits_exactly_and_each_share_keeps_its_quota(
    shares: tuple[tuple[str, int], ...], fen: int
) -> None:
    gross = fen * MICRO_FEN_PER_FEN
    parts = {line.payee: line.micro_fen for line in split_fetch(gross, share_scheme(shares), RULES)}
    assert sum(parts.values()) == gross
    assert parts["tax"] * PARTS_PER_MILLION == gross * RULES.tax.ppm
    net = gross - parts["tax"]
    for payee, ppm in shares:
        assert abs(parts[payee] * PARTS_PER_MILLION - net * ppm) < PARTS_PER_MILLION
        assert ppm > 0 or parts[payee] == 0


@settings(max_examples=300)
@given(st.data(), schemes(), st.integers(0, 10**6))
def test_the_order_of_payees_changes_nothing(
    data: st.DataObject, shares: tuple[tuple[str, int], ...], fen: int
) -> None:
    gross = fen * MICRO_FEN_PER_FEN
    other = tuple(data.draw(st.permutations(shares)))
    assert split_fetch(gross, share_scheme(shares), RULES) == split_fetch(
        gross, share_scheme(other), RULES
    )


@settings(max_examples=1_000)
@given(st.dictionaries(names, st.integers(0, 10**18), min_size=1), st.integers(0, 10**12))
def test_a_pool_is_paid_to_the_fen(weights: dict[str, int], pool_fen: int) -> None:
    weights = {**weights, "sure": 1}
    paid = round_pool(pool_fen, weights)
    total = sum(weights.values())
    assert sum(paid.values()) == pool_fen
    for payee, weight in weights.items():
        assert abs(paid[payee] * total - pool_fen * weight) < total
        assert weight > 0 or paid[payee] == 0


@settings(max_examples=300)
@given(schemes(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_payments_never_drift_from_what_accrued(
    shares: tuple[tuple[str, int], ...], fen: int, fetches: int
) -> None:
    """However many fetches: a pool's payments stay within one fen of its accruals."""
    lines = split_fetch(fen * MICRO_FEN_PER_FEN, share_scheme(shares), RULES)
    accrued = {line.payee: line.micro_fen * fetches for line in lines}
    assert sum(accrued.values()) == fen * fetches * MICRO_FEN_PER_FEN
    paid = round_pool(fen * fetches, accrued)
    for payee, micro_fen in accrued.items():
        assert abs(paid[payee] * MICRO_FEN_PER_FEN - micro_fen) < MICRO_FEN_PER_FEN
