"""Tickets: refused when spent, stale or another slot's; then good once."""

from sandbox.tickets import TICKET_SECONDS_MAX, Tickets
from tests.fakes import SteppedClock


def test_a_stale_ticket_is_refused(clock: SteppedClock) -> None:
    tickets = Tickets(clock)
    ticket = tickets.give("a")
    clock.advance((TICKET_SECONDS_MAX + 1) * 1_000_000)
    assert tickets.redeem("a", ticket) is None


def test_another_slots_ticket_is_refused_and_spent(clock: SteppedClock) -> None:
    tickets = Tickets(clock)
    ticket = tickets.give("a")
    assert tickets.redeem("b", ticket) is None
    assert tickets.redeem("a", ticket) is None


def test_a_ticket_is_good_once_and_its_cookie_for_its_slot_only(clock: SteppedClock) -> None:
    tickets = Tickets(clock)
    ticket = tickets.give("a")
    cookie = tickets.redeem("a", ticket)
    assert cookie is not None
    assert tickets.redeem("a", ticket) is None
    assert tickets.knows("a", cookie)
    assert not tickets.knows("b", cookie)
    assert not tickets.knows("a", cookie + "x")


def test_forgetting_a_slot_ends_its_tickets_and_cookies(clock: SteppedClock) -> None:
    tickets = Tickets(clock)
    waiting = tickets.give("a")
    cookie = tickets.redeem("a", tickets.give("a"))
    tickets.forget("a")
    assert cookie is not None
    assert not tickets.knows("a", cookie)
    assert tickets.redeem("a", waiting) is None


def test_a_view_sees_its_own_slot_until_the_slot_goes_dark() -> None:
    tickets = Tickets(SteppedClock())
    view = tickets.give_view("slot-one")
    assert tickets.sees("slot-one", view)
    assert not tickets.sees("slot-two", view)
    assert not tickets.sees("slot-one", "")
    assert not tickets.knows("slot-one", view)
    assert tickets.redeem("slot-one", view) is None
    tickets.forget("slot-one")
    assert not tickets.sees("slot-one", view)


def test_tickets_that_nobody_used_are_not_remembered(clock: SteppedClock) -> None:
    tickets = Tickets(clock)
    for _ in range(50):
        tickets.give("a")
        clock.advance((TICKET_SECONDS_MAX + 1) * 1_000_000)
    assert len(tickets._tickets) == 1
