"""The stock of the rule makes every replayed opening warm, and one slot less would not."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.demand import WINDOW_US, Demand

SECOND = 1_000_000
REFILL = 4 * SECOND


def stock_of(openings_us: list[int], refill_us: int = REFILL) -> int:
    demand = Demand()
    for opened_us in openings_us:
        demand.opened(opened_us)
    return demand.stock(openings_us[-1] if openings_us else 0, refill_us)


def misses(openings_us: list[int], stock: int, refill_us: int) -> int:
    """Replay a pool of this size that refills one slot at a time; count openings that find none."""
    warm, free_us, missed = stock, 0, 0
    due: list[int] = []
    for opened_us in openings_us:
        warm += sum(ready_us <= opened_us for ready_us in due)
        due = [ready_us for ready_us in due if ready_us > opened_us]
        missed += warm == 0
        warm = max(0, warm - 1)
        free_us = max(free_us, opened_us) + refill_us
        due.append(free_us)
    return missed


def test_without_openings_nothing_is_asked_for() -> None:
    assert stock_of([]) == 0


def test_one_now_and_then_asks_for_one_and_a_class_for_a_class() -> None:
    assert stock_of([10 * SECOND * number for number in range(30)]) == 1
    assert stock_of([SECOND] * 25) == 25


def test_what_is_long_past_is_forgotten() -> None:
    demand = Demand()
    for _ in range(9):
        demand.opened(0)
    assert demand.stock(WINDOW_US, REFILL) == 9
    assert demand.stock(WINDOW_US + 1, REFILL) == 0


@given(
    st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=60),
    st.integers(1, 10 * SECOND),
)
def test_no_opening_finds_an_empty_pool_and_one_slot_less_is_too_few(
    gaps_us: list[int], refill_us: int
) -> None:
    openings_us = [sum(gaps_us[: number + 1]) for number in range(len(gaps_us))]
    demand = Demand()
    for opened_us in openings_us:
        demand.opened(opened_us)
    stock = demand.stock(openings_us[-1], refill_us)
    if openings_us[-1] - openings_us[0] <= WINDOW_US:
        assert misses(openings_us, stock, refill_us) == 0
        assert misses(openings_us, stock - 1, refill_us) > 0
