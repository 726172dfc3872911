"""The verifier's own arithmetic agrees with the platform's, on anything."""

from hypothesis import given
from hypothesis import strategies as st

from audit.verify.shares import canonical, digest_of, split_exactly
from foundation.canonical import canonical_bytes, digest
from foundation.money import largest_remainder

weights = st.dictionaries(st.text(max_size=8), st.integers(0, 10**9), min_size=1, max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(total=st.integers(0, 10**15), shares=weights.filter(lambda found: sum(found.values()) > 0))
def test_two_evaluators_split_alike_and_to_the_unit(total: int, shares: dict[str, int]) -> None:
    parts = split_exactly(total, shares)
    assert parts == largest_remainder(total, shares)
    assert sum(parts.values()) == total


@given(value=values)
def test_two_encoders_write_the_same_bytes(value: object) -> None:
    assert canonical(value) == canonical_bytes(value)
    assert digest_of(value) == digest(value)


def test_no_weight_gives_nothing() -> None:
    assert split_exactly(0, {"a": 0, "b": 0}) == {"a": 0, "b": 0}
