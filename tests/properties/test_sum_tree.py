"""The sum tree shows each payee that all payees together are paid the pool, and hides no sum."""

import dataclasses
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.verify.sums import branch_root
from revenue.sum_tree import SALT_BYTES, Payment, Step, SumNode, branch_of, leaf_of, root_of

AMOUNTS = st.integers(min_value=0, max_value=10**15)
NAMES = st.text(min_size=1, max_size=12)


def salt_of(period: str, name: str) -> bytes:
    return hashlib.sha256(f"{period}/{name}".encode()).digest()[:SALT_BYTES]


def payment(name: str, fen: int, micro_fen: int) -> Payment:
    return Payment(name, fen, micro_fen, salt_of("2026-11", name))


PAYMENTS = st.dictionaries(NAMES, st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=40).map(
    lambda sums: [payment(name, *amounts) for name, amounts in sums.items()]
)


def climbed(one: Payment, steps: tuple[Step, ...]) -> tuple[bytes, int, int]:
    stated = {"payee": one.payee, "fen": one.fen, "micro_fen": one.micro_fen}
    return branch_root(stated, one.salt, [step.as_json() for step in steps])


@pytest.mark.parametrize("wrong", [{"fen": -1}, {"micro_fen": -1}, {"salt": b"short"}])
def test_no_leaf_is_negative_or_unsalted(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"payee|salt"):
        leaf_of(dataclasses.replace(payment("a", 1, 1), **wrong))  # type: ignore[arg-type]


def test_a_payee_stands_once() -> None:
    with pytest.raises(ValueError, match="once"):
        root_of([payment("a", 1, 1), payment("a", 2, 2)])


def test_a_stranger_has_no_branch() -> None:
    with pytest.raises(KeyError):
        branch_of([payment("a", 1, 1)], "b")


@pytest.mark.parametrize("field", ["fen", "micro_fen"])
@pytest.mark.parametrize("value", [-1, True, 1.0, "1", None, 1 << 127])
def test_a_sibling_that_is_no_amount_is_refused(field: str, value: object) -> None:
    payments = [payment("a", 5, 5), payment("b", 7, 7)]
    step = branch_of(payments, "a")[0].as_json() | {field: value}
    with pytest.raises((ValueError, TypeError)):
        branch_root({"payee": "a", "fen": 5, "micro_fen": 5}, payments[0].salt, [step])


@given(PAYMENTS, st.data())
def test_every_payee_climbs_to_one_root_that_is_the_pool(
    payments: list[Payment], data: st.DataObject
) -> None:
    root = root_of(payments)
    assert root.fen == sum(one.fen for one in payments)
    assert root.micro_fen == sum(one.micro_fen for one in payments)
    for one in payments:
        assert climbed(one, branch_of(payments, one.payee)) == dataclasses.astuple(root)
    assert root_of(data.draw(st.permutations(payments))) == root


@given(PAYMENTS, st.data())
def test_another_amount_or_sum_leads_to_another_root(
    payments: list[Payment], data: st.DataObject
) -> None:
    one = data.draw(st.sampled_from(payments))
    steps = branch_of(payments, one.payee)
    root = dataclasses.astuple(root_of(payments))
    more = data.draw(st.integers(min_value=1, max_value=10**6))
    assert climbed(dataclasses.replace(one, fen=one.fen + more), steps) != root
    assert climbed(dataclasses.replace(one, micro_fen=one.micro_fen + more), steps) != root
    assert climbed(dataclasses.replace(one, payee=one.payee + "x"), steps) != root
    if steps:
        place = data.draw(st.integers(min_value=0, max_value=len(steps) - 1))
        changed = list(steps)
        was = steps[place].sibling
        changed[place] = dataclasses.replace(
            steps[place], sibling=SumNode(was.hash, was.fen + more, was.micro_fen)
        )
        assert climbed(one, tuple(changed)) != root
        # Money moved from a sibling to the payee keeps the total, and is found all the same.
        if was.fen:
            changed[place] = dataclasses.replace(
                steps[place], sibling=SumNode(was.hash, was.fen - 1, was.micro_fen)
            )
            assert climbed(dataclasses.replace(one, fen=one.fen + 1), tuple(changed)) != root


def test_a_branch_of_another_period_has_another_leaf() -> None:
    november = Payment("a", 5, 5, salt_of("2026-11", "a"))
    december = Payment("a", 5, 5, salt_of("2026-12", "a"))
    assert leaf_of(november) != leaf_of(december)
