"""Papers of a closed period: a payee's statement with its proof, a payer's bill, a voucher.

A payee reads its own statement, a payer and a biller their own bill; authority, regulator and the
finance department read each of them. A voucher is for those who read the books.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from foundation.db import reading
from foundation.errors import Denied, Message
from policies.schema.accounts import AccountRules
from revenue.official import Official, as_pdf, as_xlsx
from revenue.papers import (
    INVOICE_CHARACTERS_MAX,
    Printing,
    bill_paper,
    check_pool_reader,
    pool_of,
    statement_paper,
)
from revenue.payee_bundle import payee_bundle
from revenue.vouchers import ChartName, voucher_paper
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, LedgerCaller, OnPlatform, reads_books
from service.bootstrap import Platform

router = APIRouter(prefix="/periods", route_class=StrictRoute, tags=["revenue"])
vouchers = APIRouter(prefix="/journals", route_class=StrictRoute, tags=["revenue"])
Form = Literal["pdf", "xlsx"]
Invoice = Annotated[str, Query(max_length=INVOICE_CHARACTERS_MAX)]
MEDIA = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


@router.get("/{period_id}/statements/{payee}/{form}")
def get_statement(
    period_id: str,
    payee: str,
    form: Literal["bundle", "pdf", "xlsx"],
    actor: AnyCaller,
    platform: OnPlatform,
    invoice: Invoice = "",
) -> Response:
    """Read a payee's statement as PDF or XLSX, or its bundle, which is verified offline."""
    if actor.organisation != payee and not reads_books(platform, actor):
        raise Denied(
            "statement_not_yours",
            Message(
                "其他机构的结算单不对您开放。",
                "Another organisation's statement is not open to you.",
            ),
            field="payee",
            rule="roles",
        )
    with reading(platform.engine) as connection:
        if form == "bundle":
            data = payee_bundle(connection, period_id, payee)
            return _file(data, "zip")
        paper = statement_paper(connection, period_id, payee, _printing(platform, invoice))
    return _printed(paper, form, actor.language)


@router.get("/{period_id}/bills/{licence}/{form}")
def get_bill(
    period_id: str,
    licence: str,
    form: Form,
    actor: AnyCaller,
    platform: OnPlatform,
    invoice: Invoice = "",
) -> Response:
    """Read the bill of a licence's payer for a closed period, as PDF or XLSX."""
    overseer = reads_books(platform, actor)
    with reading(platform.engine) as connection:
        pool = pool_of(connection, period_id, licence)
        if not overseer:
            check_pool_reader(pool, actor.organisation)
        paper = bill_paper(connection, period_id, licence, _printing(platform, invoice))
    return _printed(paper, form, actor.language)


@vouchers.get("/{journal}/voucher/{form}")
def get_voucher(
    journal: str,
    form: Form,
    actor: LedgerCaller,
    platform: OnPlatform,
    chart: Annotated[ChartName, Query()] = "government",
    invoice: Invoice = "",
) -> Response:
    """Read a journal as a voucher under the codes of a chart of accounts."""
    with reading(platform.engine) as connection:
        paper = voucher_paper(connection, journal, chart, _printing(platform, invoice))
    return _printed(paper, form, actor.language)


def _printing(platform: Platform, invoice: str) -> Printing:
    return Printing(platform.pack.rules(AccountRules), invoice)


def _printed(paper: Official, form: Form, language: str) -> Response:
    data = as_pdf(paper, language) if form == "pdf" else as_xlsx(paper, language)
    return _file(data, form)


def _file(data: bytes, form: str) -> Response:
    return Response(data, media_type=MEDIA[form])
