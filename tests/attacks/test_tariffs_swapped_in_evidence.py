"""A platform that prices by a tariff that does not hold, and logs it all: the verifier names it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import revenue.flow.store  # noqa: F401 - the ledger's tables
from audit.events import AuditEvent, no_effect
from audit.export import export_bundle
from audit.tags import EntryKind
from audit.verify.__main__ import verify_files
from audit.verify.evidence import FEE_DAYS_MIN, REVENUE_RULES, read_evidence
from audit.verify.notes import read_key
from audit.verify.payee import verify_payee
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from authorization.revenue_terms import Tariff
from authorization.signing import document_bytes, document_digest
from foundation.db import metadata, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import Meter, RevenueRules, SubscriptionRules
from revenue.billing import Billing
from revenue.export import export_ledger
from revenue.metering import Use, meter
from revenue.payee_bundle import payee_files
from revenue.periods import close_period, open_period
from revenue.schemes.versions import scheme_digest_in_force
from revenue.tariffs.proposals import approve_tariff, propose_tariff
from tests.fakes import SteppedClock, TickingClock
from tests.tariffs import price_json, tariff
from tests.unit.revenue.flow_scene import CLERK, RULES, Scene

SECOND = Actor("chen", "data_bureau", frozenset({Role.AUTHORITY}))
FEE = {"fen_per_period": 900, "ceiling_fen_per_period": 900}
PRICES = [price_json("fetch", 10**9)]
BILLING = Billing(RULES, scheme_digest_in_force)


class Market(Scene):
    """Two licences in force, whose tariffs two people change."""

    def start(self) -> None:
        for name in ("licence_a", "licence_b"):
            licence = self.licence(name)
            public = {"document_digest": document_digest(document_bytes(licence))}
            self.writer.submit(AuditEvent(EntryKind.LICENCE_ACTIVATED, CLERK, public), no_effect)
        open_period(self.writer, CLERK, "p1")

    def change_tariff(self, name: str, terms: Tariff) -> Tariff:
        proposed = propose_tariff(self.writer, CLERK, name, terms, RULES).value
        return approve_tariff(self.writer, SECOND, name, proposed.digest, RULES).value.tariff

    def bill(self, name: str = "licence_a") -> None:
        use = Use(self.licences[name], "table", "enterprise", {Meter.FETCH: 1}, (), "q")
        self.act(lambda connection, entry: BILLING.bill(connection, entry, use))

    def bill_by(self, terms: Tariff, name: str = "licence_a") -> None:
        licence = self.licences[name]
        use = Use(licence, "table", "enterprise", {Meter.FETCH: 1})

        def apply(connection: Any, entry: Any) -> None:
            digest = scheme_digest_in_force(connection, licence)
            meter(connection, entry, use, tariff=terms, scheme_digest=digest, rules=RULES)

        self.act(apply)

    def charge(self, clock: SteppedClock, days: int, rules: RevenueRules) -> None:
        """Ask a fee, close, and be about to close again after so many days."""
        self.change_tariff("licence_a", tariff(version="t2", prices=PRICES, subscription=FEE))
        close_period(self.writer, CLERK, "p1", rules)
        clock.advance(days * 86_400_000_000)
        open_period(self.writer, CLERK, "p2")

    def findings(self, out: Path, period: str = "p1", rules: RevenueRules = RULES) -> set[str]:
        close_period(self.writer, CLERK, period, rules)
        with reading(self.engine) as connection:
            files = dict(export_ledger(connection))
        documents = (document_bytes(one) + b"\n" for one in self.licences.values())
        files["licences.jsonl"] = b"".join(documents)
        assert isinstance(self.writer, GroupCommitWriter)
        key = self.writer.verifier_key
        export_bundle(self.engine, self.writer, CLERK, key=key, files=files, out=out)
        report = verify_files(read_source(out), read_key(key.text()))
        return {finding.code for finding in report.findings}


@pytest.fixture
def market(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[Market]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as writer:
        made = Market.over(engine, writer, TickingClock())
        assert isinstance(made, Market)
        made.start()
        yield made


def test_an_honest_change_is_found_good(market: Market, tmp_path: Path) -> None:
    market.bill()
    market.change_tariff("licence_a", tariff(version="t2", prices=PRICES))
    market.bill()
    assert "rule_differs" not in market.findings(tmp_path / "bundle.zip")


def test_a_tariff_that_was_replaced_prices_nothing_any_more(market: Market, tmp_path: Path) -> None:
    dear = market.licences["licence_a"].product.tariff
    market.change_tariff("licence_a", tariff(version="t2", prices=PRICES))
    market.bill_by(dear)
    assert "rule_differs" in market.findings(tmp_path / "bundle.zip")


def test_a_tariff_of_another_licence_prices_nothing(market: Market, tmp_path: Path) -> None:
    others = market.change_tariff("licence_b", tariff(version="t2", prices=PRICES))
    market.bill_by(others)
    assert "rule_differs" in market.findings(tmp_path / "bundle.zip")


def test_a_fee_that_a_change_would_have_saved_is_found_right(
    market: Market, tmp_path: Path
) -> None:
    market.change_tariff("licence_a", tariff(version="t2", prices=PRICES, subscription=FEE))
    market.bill()
    market.change_tariff("licence_a", tariff(version="t3", prices=PRICES))
    market.bill()
    found = market.findings(tmp_path / "bundle.zip")
    assert "ledger_intact" in found
    assert "rule_differs" not in found
    assert market.state().billed_fen == 900 + 2 * 1_000


EAGER = RULES.model_copy(update={"subscription": SubscriptionRules(days_min=1)})


@pytest.mark.parametrize("days", [2, 24])
def test_a_fee_charged_again_too_soon_is_named(
    market: Market, clock: SteppedClock, tmp_path: Path, days: int
) -> None:
    market.charge(clock, days, EAGER)
    assert "statement_differs" in market.findings(tmp_path / "bundle.zip", "p2", EAGER)
    assert market.state(period="p2").billed_fen == 900


@pytest.mark.parametrize(("days", "fen"), [(24, 0), (25, 900)])
def test_a_fee_left_out_so_soon_and_charged_in_time_is_found_right(
    market: Market, clock: SteppedClock, tmp_path: Path, days: int, fen: int
) -> None:
    market.charge(clock, days, RULES)
    market.bill()
    found = market.findings(tmp_path / "bundle.zip", "p2")
    assert "ledger_intact" in found
    assert market.state(period="p2").billed_fen == 1_000 + fen


def test_a_fee_left_out_in_time_is_named(
    market: Market, clock: SteppedClock, tmp_path: Path
) -> None:
    lax = RULES.model_copy(update={"subscription": SubscriptionRules(days_min=60)})
    market.charge(clock, 25, lax)
    market.bill()
    assert "statement_differs" in market.findings(tmp_path / "bundle.zip", "p2", lax)


def test_the_days_between_fees_are_those_of_the_rule_file_in_the_bundle() -> None:
    rules = b"free_price_classes = []\n[subscription]\ndays_min = 7\n"
    read = read_evidence({REVENUE_RULES: rules}, (), ())
    assert (read.fee_days_min, read_evidence({}, (), ()).fee_days_min) == (7, 25)
    assert RULES.subscription.days_min == FEE_DAYS_MIN


def test_a_payee_told_of_a_period_without_the_fee_verifies_its_bundle(
    market: Market, clock: SteppedClock
) -> None:
    market.charge(clock, 2, RULES)
    market.bill()
    close_period(market.writer, CLERK, "p2", RULES)
    assert isinstance(market.writer, GroupCommitWriter)
    key = read_key(market.writer.verifier_key.text())
    for period, fen in (("p1", 900), ("p2", 1_000)):
        assert market.state(period=period).billed_fen == fen
        with reading(market.engine) as connection:
            files = payee_files(connection, period, "platform")
        assert verify_payee(files, key).exit_code == 0, period
