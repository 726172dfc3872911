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
from audit.verify.notes import read_key
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from authorization.revenue_terms import Tariff
from authorization.signing import document_bytes, document_digest
from foundation.db import metadata, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import Meter
from revenue.billing import Billing
from revenue.export import export_ledger
from revenue.metering import Use, meter
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

    def findings(self, out: Path) -> set[str]:
        close_period(self.writer, CLERK, "p1", RULES)
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
