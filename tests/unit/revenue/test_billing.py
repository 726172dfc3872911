"""What may be used and what it costs: refused first, then metered, over the real tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Purpose, Tariff
from foundation.clock import from_iso
from foundation.db import reading
from foundation.errors import Denied
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter
from revenue.billing import Reserved
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import Account, JournalRequest, Posting, post
from revenue.metering import (
    Metered,
    Source,
    Use,
    contribution_line,
    last_close_index,
    usage_digest,
    usage_line,
)
from revenue.settlement_rules import compile_rule, keep_rule
from revenue.tariffs.versions import tariff_digest
from revenue.usage_store import contribution, usage
from revenue.wallet import QUESTION, available_fen, available_micro_fen, wallet_balance_fen
from tests.tariffs import price_json, tariff
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import BILLING, RULES, Entry, Scene

PAYER = "enterprise"
SOURCES = (Source("households", ("b", "a", "a")),)
FEN = MICRO_FEN_PER_FEN
LATER_US = Entry(0).time_us + 7_200_000_000


def licence_under(terms: Tariff, name: str = "licence_a") -> LicenceDocument:
    plain = make_licence(name, price_class=terms.price_class)
    product = plain.product.model_copy(update={"tariff": terms})
    return plain.model_copy(update={"product": product})


def priced(*prices: Mapping[str, Any], **changes: Any) -> LicenceDocument:
    return licence_under(tariff(prices=list(prices), **changes))


class Till(Scene):
    """A scene with one licence, whose uses are billed, and a wallet that can be filled."""

    def __init__(self, licence: LicenceDocument) -> None:
        super().__init__([licence])
        self.licence = licence

    def bill(
        self, meters: Mapping[Meter, int], sources: Sequence[Source] = (), key: str = "q"
    ) -> tuple[Metered, dict[str, object]]:
        def apply(connection: Any, entry: Entry) -> tuple[Metered, dict[str, object]]:
            use = Use(self.licence, "thing", "buyer", meters, sources, key)
            return BILLING.bill(connection, entry, use, (QUESTION, key)), entry.public

        return self.submit(apply)

    def admit(self, meters: Mapping[Meter, int], reference: str | None = None) -> None:
        reserved = None if reference is None else Reserved(QUESTION, reference, 3_600)
        self.submit(lambda c, entry: BILLING.admit(c, entry, self.licence, meters, reserved))

    def give_back(self, reference: str) -> None:
        self.submit(lambda c, entry: BILLING.give_back(c, entry, QUESTION, reference))

    def deposit(self, fen: int) -> None:
        def apply(connection: Any, entry: Entry) -> None:
            rule = compile_rule(self.licence, self.licence.product.tariff, "s", RULES)
            keep_rule(connection, rule)
            legs = (
                Posting(Account(AccountKind.BANK, "operator"), fen),
                Posting(Account(AccountKind.WALLET, PAYER), -fen),
            )
            key = f"deposit-{entry.index}"
            request = JournalRequest(key, "now", JournalKind.DEPOSIT, rule.digest, legs)
            post(connection, entry, request)

        self.submit(apply)

    def left(self, time_us: int = Entry(0).time_us) -> int:
        with reading(self.engine) as connection:
            after = last_close_index(connection)
            return available_fen(connection, PAYER, after_index=after, time_us=time_us)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            order = table.c.audit_index
            return [
                dict(row) for row in connection.execute(select(table).order_by(order)).mappings()
            ]


def prepaid(*prices: Mapping[str, Any], fen: int = 0, **changes: Any) -> Till:
    till = Till(priced(*prices, prepaid=True, **changes))
    till.open("now")
    if fen:
        till.deposit(fen)
    return till


EXPIRED = {"valid_from": "2020-01-01", "valid_until": "2021-01-01"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approval": " "}, "tariff_not_approved"),
        (EXPIRED, "tariff_not_approved"),
        ({**EXPIRED, "trial": True}, "tariff_not_approved"),
        ({"valid_from": "2090-01-01"}, "tariff_not_approved"),
        ({"prices": [price_json("call", 5, 4)]}, "tariff_above_ceiling"),
    ],
    ids=["no approval", "expired", "expired trial", "not yet", "above its ceiling"],
)
def test_industry_use_without_an_approved_tariff_is_refused(
    changes: dict[str, Any], code: str
) -> None:
    till = Till(licence_under(tariff(**changes)))
    for refused in (lambda: till.bill({Meter.CALL: 1}), lambda: till.admit({Meter.CALL: 1})):
        with pytest.raises(Denied) as refusal:
            refused()
        assert refusal.value.code == code
        assert refusal.value.way_out is not None
    assert till.rows(usage) == []


def test_a_tariff_holds_from_its_first_day_and_not_on_its_last() -> None:
    till = Till(licence_under(tariff(valid_from="2026-01-01", valid_until="2027-01-01")))
    with reading(till.engine) as connection:
        for day, holds in (("2025-12-31", False), ("2026-01-01", True), ("2027-01-01", False)):
            if holds:
                BILLING.tariff(connection, till.licence, from_iso(day))
            else:
                with pytest.raises(Denied, match="tariff_not_approved"):
                    BILLING.tariff(connection, till.licence, from_iso(day))


@pytest.mark.parametrize("purpose", [Purpose.PUBLIC_GOVERNANCE, Purpose.PUBLIC_WELFARE])
def test_a_free_class_is_metered_at_zero_whatever_its_tariff_says(purpose: Purpose) -> None:
    terms = tariff(price_class=purpose, approval="", prices=[price_json("call", 7)], **EXPIRED)
    till = Till(licence_under(terms))
    metered, _ = till.bill({Meter.CALL: 1}, SOURCES)
    assert metered.gross_micro_fen == 0
    assert [row["gross_micro_fen"] for row in till.rows(usage)] == [0]
    assert till.rows(contribution) == []


def test_what_ended_is_metered_at_no_price_without_a_tariff() -> None:
    till = Till(licence_under(tariff(prices=[price_json("session_hour", 9)], **EXPIRED)))
    use = Use(till.licence, "ses", "buyer", {Meter.SESSION_HOUR: 2})
    metered = till.submit(lambda c, entry: BILLING.bill_what_ended(c, entry, use, began_us=0))
    assert (metered.gross_micro_fen, len(till.rows(usage))) == (0, 1)


def test_an_outcome_is_priced_by_its_meters_and_says_so_in_its_entry() -> None:
    till = Till(priced(price_json("call", 3 * FEN), price_json("row", 10)))
    metered, said = till.bill({Meter.CALL: 1, Meter.ROW: 250, Meter.FETCH: 0}, SOURCES, "k")
    assert metered.gross_micro_fen == 3 * FEN + 2_500
    assert said["usage"] == [
        {"meter": "call", "quantity": 1, "units_before": 0, "gross_micro_fen": 3 * FEN},
        {"meter": "row", "quantity": 250, "units_before": 0, "gross_micro_fen": 2_500},
    ]
    assert said["tariff_digest"] == tariff_digest(till.licence.product.tariff)
    lines, given = till.rows(usage), till.rows(contribution)
    assert said["usage_digest"] == usage_digest(lines, given)
    assert [contribution_line(row)["columns"] for row in given] == ['["a","b"]']
    assert {usage_line(row)["rule_digest"] for row in lines} == {said["rule_digest"]}


def test_tiers_count_on_over_a_period_and_begin_again_with_the_next() -> None:
    tier = {"from_unit": 3, "discount_ppm": 500_000}
    till = Till(priced({**price_json("call", 10), "tiers": [tier]}))
    till.open("now")
    assert [till.bill({Meter.CALL: 1})[0].gross_micro_fen for _ in range(4)] == [10, 10, 5, 5]
    till.close("now")
    assert [till.bill({Meter.CALL: 1})[0].gross_micro_fen for _ in range(3)] == [10, 10, 5]
    assert [row["units_before"] for row in till.rows(usage)] == [0, 1, 2, 3, 0, 1, 2]


def test_a_subscription_includes_units_and_still_weighs() -> None:
    terms = {
        "fen_per_period": 900,
        "ceiling_fen_per_period": 900,
        "included": [{"meter": "call", "units": 2}],
    }
    till = Till(priced(price_json("call", 10), subscription=terms))
    assert [till.bill({Meter.CALL: 1}, SOURCES)[0].gross_micro_fen for _ in range(3)] == [0, 0, 10]
    assert len(till.rows(contribution)) == 3


def test_repeats_releases_and_hours_weigh_nothing() -> None:
    prices = [price_json(meter, 5) for meter in ("repeat", "release", "session_hour")]
    till = Till(priced(*prices))
    for meter in (Meter.REPEAT, Meter.RELEASE, Meter.SESSION_HOUR):
        till.bill({meter: 1}, SOURCES)
    assert sum(row["gross_micro_fen"] for row in till.rows(usage)) == 15
    assert till.rows(contribution) == []


def test_a_call_that_costs_nothing_weighs_nothing() -> None:
    till = Till(priced(price_json("fetch", 5)))
    till.bill({Meter.CALL: 1}, SOURCES)
    assert till.rows(contribution) == []


def test_a_price_that_no_ledger_holds_is_refused() -> None:
    till = Till(priced(price_json("nano_rho", 10**15, 10**15)))
    with pytest.raises(Denied, match="price_out_of_range"):
        till.bill({Meter.NANO_RHO: 10**10})


def test_a_prepaid_use_stops_at_an_empty_wallet() -> None:
    till = prepaid(price_json("call", 10 * FEN))
    for refused in (lambda: till.admit({Meter.CALL: 1}), lambda: till.bill({Meter.CALL: 1})):
        with pytest.raises(Denied, match="wallet_empty") as refusal:
            refused()
        assert refusal.value.way_out is not None
    till.deposit(31)
    for _ in range(3):
        till.admit({Meter.CALL: 1})
        till.bill({Meter.CALL: 1})
    with pytest.raises(Denied, match="wallet_empty"):
        till.admit({Meter.CALL: 1})
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1})
    assert till.left() == 0
    till.close("now")
    with reading(till.engine) as connection:
        assert wallet_balance_fen(connection, PAYER) == 1


def test_what_was_decided_is_set_aside_until_it_is_answered_failed_or_lapsed() -> None:
    till = prepaid(price_json("call", 10 * FEN), fen=21)
    till.admit({Meter.CALL: 1}, "first")
    till.admit({Meter.CALL: 1}, "second")
    with pytest.raises(Denied, match="wallet_empty"):
        till.admit({Meter.CALL: 1}, "third")
    till.give_back("second")
    till.give_back("second")
    till.admit({Meter.CALL: 1}, "third")
    till.bill({Meter.CALL: 1}, key="first")
    assert till.left() == 0
    assert till.left(LATER_US) == 10


def test_no_tier_and_no_included_unit_makes_an_answer_dearer_than_what_was_set_aside() -> None:
    terms = {
        "fen_per_period": 5,
        "ceiling_fen_per_period": 5,
        "included": [{"meter": "call", "units": 1}],
    }
    till = prepaid(price_json("call", 10 * FEN), subscription=terms, fen=16)
    till.admit({Meter.CALL: 1}, "first")
    with pytest.raises(Denied, match="wallet_empty"):
        till.admit({Meter.CALL: 1}, "second")
    till.bill({Meter.CALL: 1}, key="first")
    assert till.left() == 10


def test_a_period_fee_is_set_aside_once_a_period() -> None:
    terms = {"fen_per_period": 50, "ceiling_fen_per_period": 50}
    till = prepaid(price_json("call", FEN), subscription=terms)
    till.deposit(51)
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1})
    till.deposit(2)
    till.bill({Meter.CALL: 1})
    till.bill({Meter.CALL: 1})
    assert till.left() == 0
    till.close("now")
    with reading(till.engine) as connection:
        assert wallet_balance_fen(connection, PAYER) == 1
    till.open("next")
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1})


def test_a_wallet_holds_no_micro_fen_too_many() -> None:
    till = prepaid(price_json("call", FEN // 3), fen=2)
    assert [till.bill({Meter.CALL: 1})[0].gross_micro_fen for _ in range(3)] == [333_333] * 3
    with pytest.raises(Denied, match="wallet_empty"):
        till.bill({Meter.CALL: 1})
    with reading(till.engine) as connection:
        left = available_micro_fen(connection, PAYER, after_index=-1, time_us=Entry(0).time_us)
    assert left == 1
