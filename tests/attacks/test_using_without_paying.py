"""Operators who want to use without paying: what outlives a tariff, a fee dodged, a wallet raced.

Everything runs over the real tables of metering, wallet and settlement, one log entry at a time.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import insert, select

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Purpose, Tariff
from foundation.canonical import canonical_bytes
from foundation.clock import from_iso
from foundation.db import reading
from foundation.errors import Denied
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.billing import Reserved
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posting, post
from revenue.metering import Use
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.tariffs.versions import tariff_digest
from revenue.usage_store import tariff_approval, tariff_version, usage
from revenue.wallet import QUESTION, wallet_balance_fen
from tests.tariffs import price_json, tariff
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import BILLING, RULES, Entry, Scene

PAYER = "enterprise"
FEN = MICRO_FEN_PER_FEN
NOW_US = Entry(0).time_us
FEE_FEN = 90_000
FEE: Mapping[str, Any] = {
    "fen_per_period": FEE_FEN,
    "ceiling_fen_per_period": FEE_FEN,
    "included": [{"meter": "call", "units": 1_000}],
}
CALLS = [price_json("call", 5 * FEN)]
PAST_US = NOW_US + 86_400_000_000
ENDS_TOMORROW = {"valid_until": "2027-01-16"}  # the entries' time is 15 January 2027


class Till(Scene):
    """One licence under a tariff, its payer's wallet, and a clock that a test may move."""

    def __init__(self, terms: Tariff) -> None:
        plain = make_licence("licence_a")
        product = plain.product.model_copy(update={"tariff": terms})
        self.licence: LicenceDocument = plain.model_copy(update={"product": product})
        self.now_us = NOW_US
        super().__init__([self.licence])

    def submit(self, apply: Any) -> Any:
        def at_its_time(connection: Any, entry: Entry) -> Any:
            entry.time_us = self.now_us
            return apply(connection, entry)

        return super().submit(at_its_time)

    def bill(self, meters: Mapping[Meter, int], key: str = "q") -> int:
        use = Use(self.licence, "thing", "buyer", meters, (), key)
        bill = BILLING.bill
        return int(
            self.submit(lambda c, entry: bill(c, entry, use, (QUESTION, key))).gross_micro_fen
        )

    def admit(self, meters: Mapping[Meter, int], key: str, seconds: int = 3_600) -> None:
        reserved = Reserved(QUESTION, key, seconds)
        self.submit(lambda c, entry: BILLING.admit(c, entry, self.licence, meters, reserved))

    def deposit(self, fen: int) -> None:
        def apply(connection: Any, entry: Entry) -> None:
            rule = compile_rule(self.licence, self.licence.product.tariff, "s", RULES)
            keep_rule(connection, rule)
            legs = (
                Posting(Account(AccountKind.BANK, "operator"), fen),
                Posting(Account(AccountKind.WALLET, PAYER), -fen),
            )
            key = f"deposit-{entry.index}"
            post(
                connection, entry, JournalRequest(key, "p", JournalKind.DEPOSIT, rule.digest, legs)
            )

        self.submit(apply)

    def change_tariff(self, terms: Tariff) -> None:
        """Put a later version in force, past its two people."""

        def apply(connection: Any, entry: Entry) -> None:
            same = {"licence": self.licence.id, "digest": tariff_digest(terms)}
            text = canonical_bytes(terms.model_dump(mode="json")).decode()
            told = {"proposed_by": "a", "proposed_index": entry.index, "proposed_us": 1}
            connection.execute(
                insert(tariff_version).values(**same, version=terms.version, document=text, **told)
            )
            holds = {"approved_by": "b", "approved_index": entry.index}
            first_us = from_iso(terms.valid_from)
            connection.execute(
                insert(tariff_approval).values(**same, valid_from_us=first_us, **holds)
            )

        self.submit(apply)

    def settled(self) -> dict[str, Any]:
        self.close("p")
        return self.pools("p")["licence_a"]


def opened(terms: Tariff, fen: int = 0) -> Till:
    till = Till(terms)
    till.open("p")
    if fen:
        till.deposit(fen)
    return till


def test_a_session_that_outlives_its_tariff_is_paid_for() -> None:
    till = opened(tariff(prices=[price_json("session_hour", 7 * FEN)], **ENDS_TOMORROW))
    till.now_us = PAST_US
    use = Use(till.licence, "ses", "buyer", {Meter.SESSION_HOUR: 12})
    metered = till.submit(lambda c, entry: BILLING.bill_what_ended(c, entry, use, began_us=NOW_US))
    assert metered.gross_micro_fen == 12 * 7 * FEN
    assert till.settled()["billed_fen"] == 84


def test_a_fee_is_not_saved_by_the_tariff_ending_before_the_close() -> None:
    till = opened(tariff(prices=CALLS, subscription=FEE, **ENDS_TOMORROW))
    assert till.bill({Meter.CALL: 1_000}) == 0
    till.now_us = PAST_US
    assert till.settled()["subscription_fen"] == FEE_FEN


def test_a_fee_is_not_saved_by_another_tariff_before_the_close() -> None:
    till = opened(tariff(prices=CALLS, subscription=FEE))
    assert till.bill({Meter.CALL: 1_000}) == 0
    till.change_tariff(tariff(version="t2", prices=CALLS))
    assert till.bill({Meter.CALL: 3}) == 15 * FEN
    pool = till.settled()
    assert (pool["subscription_fen"], pool["billed_fen"]) == (FEE_FEN, FEE_FEN + 15)


def test_two_fees_of_one_period_are_not_added_up() -> None:
    till = opened(tariff(prices=CALLS, subscription=FEE))
    till.bill({Meter.CALL: 1})
    dearer = {**FEE, "fen_per_period": FEE_FEN + 7, "ceiling_fen_per_period": FEE_FEN + 7}
    till.change_tariff(tariff(version="t2", prices=CALLS, subscription=dearer))
    till.bill({Meter.CALL: 1})
    assert till.settled()["subscription_fen"] == FEE_FEN + 7


def closed_at(till: Till, *days: int) -> list[int]:
    """Close a period after so many days each, counted from the first; return the fees."""
    fees = []
    for number, day in enumerate(days):
        period = f"period-{number}"
        till.now_us = NOW_US + day * 86_400_000_000
        if number:
            till.open(period)
        till.close(period)
        pool = till.pools(period).get("licence_a")
        fees.append(pool["subscription_fen"] if pool else 0)
    return fees


def test_closing_often_does_not_charge_the_fee_often() -> None:
    till = Till(tariff(prices=CALLS, subscription=FEE))
    till.open("period-0")
    days_min = RULES.subscription.days_min
    fees = closed_at(till, 0, 0, 1, days_min - 1, days_min, days_min + 1, 2 * days_min)
    assert fees == [FEE_FEN, 0, 0, 0, FEE_FEN, 0, FEE_FEN]


def test_a_microsecond_less_than_the_days_charges_no_fee() -> None:
    till = Till(tariff(prices=CALLS, subscription=FEE))
    till.open("period-0")
    closed_at(till, 0)
    due_us = NOW_US + RULES.subscription.days_min * 86_400_000_000
    for name, now_us, fee in (("early", due_us - 1, None), ("due", due_us, FEE_FEN)):
        till.now_us = now_us
        till.open(name)
        till.close(name)
        pool = till.pools(name).get("licence_a")
        assert (pool and pool["subscription_fen"]) == fee


def test_use_in_a_short_period_is_billed_without_the_fee() -> None:
    till = Till(tariff(prices=CALLS, subscription={**FEE, "included": []}))
    till.open("period-0")
    closed_at(till, 0)
    till.open("short")
    till.bill({Meter.CALL: 3})
    till.close("short")
    pool = till.pools("short")["licence_a"]
    assert (pool["subscription_fen"], pool["billed_fen"]) == (0, 15)


def test_a_free_class_owes_no_fee_whatever_its_tariff_says() -> None:
    free = Purpose.PUBLIC_WELFARE
    till = Till(tariff(prices=CALLS, subscription=FEE, price_class=free, **ENDS_TOMORROW))
    product = till.licence.product.model_copy(update={"price_class": free})
    welfare = till.licence.model_copy(update={"product": product})
    other = Scene([welfare])
    other.open("p")
    use = Use(welfare, "thing", "buyer", {Meter.CALL: 1})
    other.submit(lambda c, entry: BILLING.bill(c, entry, use))
    other.close("p")
    assert other.pools("p")["licence_a"]["subscription_fen"] == 0


@pytest.mark.parametrize("rows", [77, 4_711])
def test_an_answer_refused_for_its_price_does_not_tell_how_many_rows_it_has(rows: int) -> None:
    till = opened(tariff(prices=[price_json("row", FEN)], prepaid=True), fen=50)
    with pytest.raises(Denied, match="wallet_empty") as refused:
        till.bill({Meter.CALL: 1, Meter.ROW: rows})
    told = refused.value.message.en + refused.value.message.zh
    assert not any(character.isdigit() for character in told)
    with reading(till.engine) as connection:
        assert connection.execute(select(usage)).first() is None


def test_a_price_that_the_question_alone_decides_is_told() -> None:
    till = opened(tariff(prices=CALLS, prepaid=True), fen=4)
    with pytest.raises(Denied, match="wallet_empty") as refused:
        till.bill({Meter.CALL: 1})
    assert "0.05" in refused.value.message.en


def test_two_sessions_on_one_wallet_spend_it_once() -> None:
    till = opened(tariff(prices=CALLS, prepaid=True), fen=11)
    given = 0
    for number in range(6):  # each admitted before any of them is billed
        with suppress(Denied):
            till.admit({Meter.CALL: 1}, f"q{number}")
            given += 1
    assert given == 2  # of 11 fen: 1 is set aside for the period's rounding, 5 for each call
    for number in range(6):
        with suppress(Denied):
            till.bill({Meter.CALL: 1}, f"q{number}")
    assert till.settled()["prepaid_fen"] == 10
    with reading(till.engine) as connection:
        assert wallet_balance_fen(connection, PAYER) == 1


def test_a_hold_that_lapsed_gives_no_free_answer() -> None:
    till = opened(tariff(prices=CALLS, prepaid=True), fen=6)
    till.admit({Meter.CALL: 1}, "slow", seconds=60)
    till.now_us += 61_000_000
    assert till.bill({Meter.CALL: 1}, "quick") == 5 * FEN
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1}, "slow")


def test_a_close_in_between_frees_no_money_that_is_set_aside() -> None:
    till = opened(tariff(prices=CALLS, prepaid=True), fen=12)
    till.admit({Meter.CALL: 1}, "across")
    till.bill({Meter.CALL: 1}, "before")
    till.close("p")
    till.open("p2")
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1}, "greedy")
    assert till.bill({Meter.CALL: 1}, "across") == 5 * FEN


def test_however_use_is_cut_a_period_costs_the_same() -> None:
    """Neither many small sessions nor one large answer moves a tier's price by a micro-fen."""
    tiers = [{"from_unit": 4, "discount_ppm": 333_333}, {"from_unit": 9, "discount_ppm": 500_001}]
    terms = tariff(prices=[{**price_json("row", 999_999), "tiers": tiers}])
    costs = set()
    for cut in ([20], [1] * 20, [3, 1, 5, 11], [8, 12]):
        till = opened(terms)
        costs.add(sum(till.bill({Meter.ROW: rows}) for rows in cut))
    assert len(costs) == 1
