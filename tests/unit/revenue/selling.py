"""A licence to sell under and the real rule file, for every test of the ledger."""

from authorization.documents import (
    AccessMode,
    Approvals,
    Grant,
    LicenceDocument,
    Scenario,
)
from authorization.revenue_terms import ProductTerms, Purpose
from authorization.scheme_terms import Share, ShareScheme
from foundation.money import MICRO_FEN_PER_FEN
from policies.load import load_policies
from policies.schema.revenue import RevenueRules
from tests.tariffs import price_json, tariff

THIRDS = (("civil_affairs", 333_333), ("education", 333_333), ("platform", 333_334))


def revenue_rules() -> RevenueRules:
    return load_policies().rules(RevenueRules)


def share_scheme(shares: tuple[tuple[str, int], ...] = THIRDS, version: str = "s1") -> ShareScheme:
    return ShareScheme(
        version=version,
        approval="分配〔2026〕1号",
        shares=tuple(
            Share(payee=payee, ppm=ppm, channel="account" if payee == "platform" else "treasury")
            for payee, ppm in shares
        ),
    )


def product_terms(
    *,
    version: str = "t1",
    fen: int = 1_999,
    ceiling_fen: int = 5_000,
    approval: str = "价批〔2026〕1号",
    price_class: Purpose = Purpose.INDUSTRY,
    payer: str = "enterprise",
) -> ProductTerms:
    return ProductTerms(
        name_zh="住户统计表",
        name_en="Household table",
        price_class=price_class,
        tariff=tariff(
            version=version,
            approval=approval,
            price_class=price_class,
            prices=[price_json("fetch", fen * MICRO_FEN_PER_FEN, ceiling_fen * MICRO_FEN_PER_FEN)],
        ),
        biller="operator",
        payer=payer,
    )


def make_licence(
    name: str = "licence_a",
    *,
    fen: int = 1_999,
    approval: str = "价批〔2026〕1号",
    price_class: Purpose = Purpose.INDUSTRY,
    payer: str = "enterprise",
    shares: tuple[tuple[str, int], ...] = THIRDS,
    scheme: ShareScheme | None = None,
    datasets: tuple[str, ...] = ("households",),
) -> LicenceDocument:
    return LicenceDocument(
        id=name,
        authority="data_bureau",
        operator="operator",
        scenario=Scenario(name_zh="示例", name_en="Example", purpose=price_class),
        valid_from="2026-01-01",
        valid_until="2027-01-01",
        grants=tuple(
            Grant(dataset=dataset, modes=(AccessMode.AGGREGATE,), columns=("a",))
            for dataset in datasets
        ),
        product=product_terms(
            version=f"{name}-t1", fen=fen, approval=approval, price_class=price_class, payer=payer
        ),
        scheme=scheme or share_scheme(shares, f"{name}-s1"),
        approvals=Approvals(
            collective_decision="决〔2026〕1号", filing_number="备〔2026〕1号", agreement="协1"
        ),
    )
