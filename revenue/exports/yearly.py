"""The figures of the yearly disclosure, due by the end of March (发改价格〔2025〕65号).

The implementing body discloses itself, its authorisations and ceilings; the operator itself, its
resources, products, prices and revenue. Everything here is policy or a bill: nothing of it depends
on protected data.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from authorization.documents import LicenceDocument
from authorization.licences import Licence, LicenceState, licences_in
from foundation.errors import InvalidInput, Message
from foundation.money import yuan_text
from revenue.explained import plain
from revenue.flow.pool_state import all_pools
from revenue.permitted.actual import year_in_china
from revenue.permitted.documents import YEAR_MAX, YEAR_MIN, year_bounds_us
from revenue.readable import ReadableTable
from revenue.store import period
from revenue.tariffs.versions import tariff_in_force

FORMAT = "sandgate/yearly-disclosure@1"
DUE = "-03-31"
RULE = "发改价格〔2025〕65号"
MICRO_FEN_PER_YUAN = 100_000_000
_GRANTED = (
    *(LicenceState.ACTIVE, LicenceState.SUSPENDED),
    *(LicenceState.ENDED, LicenceState.EXPIRED),
)


def yearly_disclosure(connection: Connection, year: int) -> dict[str, Any]:
    """Return both roles' figures of a calendar year in China. Raises InvalidInput for no year."""
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise InvalidInput(
            "year_invalid",
            Message("年份超出范围。", "The year is out of range."),
            field="$.year",
        )
    since_us, until_us = year_bounds_us(year)
    granted = [
        (licence, LicenceDocument.model_validate_json(licence.document))
        for licence in sorted(licences_in(connection, _GRANTED), key=lambda one: one.id)
        if licence.valid_from_us < until_us and licence.valid_until_us > since_us
    ]
    revenue = _revenue(connection, year)
    return {
        "format": FORMAT,
        "year": year,
        "due": f"{year + 1}{DUE}",
        "rule": RULE,
        "fictional": any(_fictional(document) for _, document in granted),
        "implementers": _implementers(connection, granted, until_us),
        "operators": _operators(connection, granted, until_us, revenue),
    }


def readable_disclosure(figures: Mapping[str, Any]) -> tuple[ReadableTable, ReadableTable]:
    """Lay the figures out for people: the implementing bodies' table, and the operators'."""
    notice = Message("虚构示例", "Fictional") if figures["fictional"] else None
    year = figures["year"]
    authorised = [
        tuple(
            plain(text)
            for text in (
                *(body["id"], one["licence"], one["operator"], one["scenario_zh"]),
                *(f"{one['valid_from']} – {one['valid_until']}", _prices(one, "ceiling")),
            )
        )
        for body in figures["implementers"]
        for one in body["authorisations"]
    ]
    sold = [
        tuple(
            plain(text)
            for text in (
                *(operator["id"], one["name_zh"], one["price_class"]),
                *(", ".join(one["resources"]), _prices(one, "price")),
                yuan_text(one["billed_fen"]),
            )
        )
        for operator in figures["operators"]
        for one in operator["products"]
    ]
    first = Message(f"{year} 年授权运营披露（实施机构）", f"Disclosure {year}: implementing bodies")
    second = Message(f"{year} 年授权运营披露（运营机构）", f"Disclosure {year}: operators")
    return (
        ReadableTable(first, notice, _IMPLEMENTER_HEADINGS, tuple(authorised)),
        ReadableTable(second, notice, _OPERATOR_HEADINGS, tuple(sold)),
    )


_IMPLEMENTER_HEADINGS = (
    Message("实施机构", "Implementing body"),
    Message("授权", "Authorisation"),
    Message("运营机构", "Operator"),
    Message("场景", "Scenario"),
    Message("期限", "Term"),
    Message("价格上限（元）", "Ceilings (yuan)"),
)
_OPERATOR_HEADINGS = (
    Message("运营机构", "Operator"),
    Message("产品", "Product"),
    Message("用途类别", "Price class"),
    Message("数据资源", "Resources"),
    Message("价格（元）", "Prices (yuan)"),
    Message("应收（元）", "Billed (yuan)"),
)
Granted = Sequence[tuple[Licence, LicenceDocument]]


def _revenue(connection: Connection, year: int) -> dict[str, int]:
    """Sum what the periods closed in a year billed under each licence, corrections included."""
    closed = connection.execute(
        select(period.c.id, period.c.closed_us).where(period.c.state == "closed")
    )
    names = [name for name, closed_us in closed if year_in_china(int(closed_us)) == year]
    found: dict[str, int] = {}
    for name in names:
        for state in all_pools(connection, name):
            found[state.licence] = found.get(state.licence, 0) + state.billed_fen
    return found


def _implementers(connection: Connection, granted: Granted, until_us: int) -> list[dict[str, Any]]:
    bodies: dict[str, list[dict[str, Any]]] = {}
    for licence, document in granted:
        bodies.setdefault(document.authority, []).append(
            {
                "licence": document.id,
                "operator": document.operator,
                "state": licence.state.value,
                "scenario_zh": document.scenario.name_zh,
                "scenario_en": document.scenario.name_en,
                "valid_from": document.valid_from,
                "valid_until": document.valid_until,
                "filing_number": document.approvals.filing_number,
                **_tariff(connection, document, until_us),
            }
        )
    return [{"id": name, "authorisations": bodies[name]} for name in sorted(bodies)]


def _operators(
    connection: Connection, granted: Granted, until_us: int, revenue: Mapping[str, int]
) -> list[dict[str, Any]]:
    sellers: dict[str, list[dict[str, Any]]] = {}
    for _, document in granted:
        product = document.product
        sellers.setdefault(document.operator, []).append(
            {
                "licence": document.id,
                "name_zh": product.name_zh,
                "name_en": product.name_en,
                "price_class": product.price_class.value,
                "resources": sorted({grant.dataset for grant in document.grants}),
                **_tariff(connection, document, until_us),
                "billed_fen": revenue.get(document.id, 0),
            }
        )
    return [
        {
            "id": name,
            "resources": sorted({one for sold in sellers[name] for one in sold["resources"]}),
            "products": sellers[name],
            "billed_fen": sum(sold["billed_fen"] for sold in sellers[name]),
        }
        for name in sorted(sellers)
    ]


def _tariff(connection: Connection, document: LicenceDocument, until_us: int) -> dict[str, Any]:
    """Return the tariff at the year's end: each meter's price and ceiling, and the fee's."""
    tariff = tariff_in_force(connection, document, until_us - 1)
    whole = json.loads(tariff.model_dump_json())
    names = ("meter", "micro_fen", "ceiling_micro_fen", "tiers")
    return {
        "tariff": tariff.version,
        "tariff_approval": tariff.approval,
        "trial": tariff.trial,
        "prices": [{name: one[name] for name in names} for one in whole["prices"]],
        "subscription": whole["subscription"],
    }


def _fictional(document: LicenceDocument) -> bool:
    return document.scheme.fictional or document.product.tariff.fictional


def _prices(one: Mapping[str, Any], which: str) -> str:
    """Return a tariff's prices or ceilings in yuan, for example ``call 0.05; row 0.00003``."""
    name = "ceiling_micro_fen" if which == "ceiling" else "micro_fen"
    parts = [f"{price['meter']} {_exact_yuan(price[name])}" for price in one["prices"]]
    fee = one["subscription"]
    if fee is not None:
        fen = fee["ceiling_fen_per_period" if which == "ceiling" else "fen_per_period"]
        parts.append(f"subscription {yuan_text(fen)}")
    return "; ".join(parts) or "0"


def _exact_yuan(micro_fen: int) -> str:
    whole, rest = divmod(micro_fen, MICRO_FEN_PER_YUAN)
    return f"{whole}.{rest:08d}".rstrip("0").rstrip(".")
