"""A licence to sell under, the real rule file, the real writer, and the people who command it."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import revenue.store  # noqa: F401 - the ledger's tables
from audit.writer import GroupCommitWriter
from authorization.documents import (
    AccessMode,
    Approvals,
    Grant,
    LicenceDocument,
    ProductTerms,
    Purpose,
    Scenario,
    Share,
    ShareScheme,
    Tariff,
)
from foundation.db import metadata
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import RevenueRules
from tests.fakes import SteppedClock
from tests.parts import REPOSITORY

MakeLicence = Callable[..., LicenceDocument]


@pytest.fixture
def rules() -> RevenueRules:
    text = (REPOSITORY / "policies" / "revenue" / "national.toml").read_text(encoding="utf-8")
    return RevenueRules.model_validate(tomllib.loads(text))


@pytest.fixture
def make_licence() -> MakeLicence:
    def make(
        name: str = "licence_a",
        *,
        fen: int = 1_999,
        ceiling_fen: int = 5_000,
        approval: str = "价批〔2026〕1号",
        price_class: Purpose = Purpose.INDUSTRY,
        payer: str = "buyer",
        shares: tuple[tuple[str, int], ...] = (
            ("civil_affairs", 333_333),
            ("education", 333_333),
            ("platform", 333_334),
        ),
    ) -> LicenceDocument:
        return LicenceDocument(
            id=name,
            authority="data_bureau",
            operator="operator",
            scenario=Scenario(name_zh="示例", name_en="Example", purpose=price_class),
            valid_from="2026-01-01",
            valid_until="2027-01-01",
            grants=(Grant(dataset="households", modes=(AccessMode.AGGREGATE,), columns=("a",)),),
            product=ProductTerms(
                name_zh="住户统计表",
                name_en="Household table",
                price_class=price_class,
                tariff=Tariff(
                    version=f"{name}-t1",
                    approval=approval,
                    fen_per_fetch=fen,
                    ceiling_fen_per_fetch=ceiling_fen,
                ),
                biller="operator",
                payer=payer,
            ),
            scheme=ShareScheme(
                version=f"{name}-s1",
                approval="分配〔2026〕1号",
                shares=tuple(
                    Share(
                        payee=payee,
                        ppm=ppm,
                        channel="account" if payee == "platform" else "treasury",
                    )
                    for payee, ppm in shares
                ),
            ),
            approvals=Approvals(
                collective_decision="决〔2026〕1号", filing_number="备〔2026〕1号", agreement="协1"
            ),
        )

    return make


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head") as opened:
        yield opened


@pytest.fixture
def authority() -> Actor:
    return Actor("zhang", "data_bureau", frozenset({Role.AUTHORITY}))


@pytest.fixture
def developer() -> Actor:
    return Actor("li", "enterprise", frozenset({Role.DEVELOPER}))
