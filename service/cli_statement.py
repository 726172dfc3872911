"""Commands for papers: a payee's bundle, statements, bills and vouchers, through the HTTP API."""

from typing import Annotated, Literal
from urllib.parse import urlencode

import typer

from service.cli_remote import (
    DEFAULT_URL,
    Language,
    Out,
    Token,
    Url,
    call,
    path_part,
    save,
    statement,
)

__all__ = ["statement"]

Invoice = Annotated[str, typer.Option("--invoice", help="an invoice's number to print 发票号")]
Form = Annotated[Literal["pdf", "xlsx"], typer.Option("--form", help="pdf or xlsx")]


@statement.command("bundle")
def statement_bundle(
    period: str,
    payee: str,
    token: Token,
    out: Out,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save a payee's bundle: `sandgate verify statement FILE --key KEY` checks it. 证据包"""
    save(out, call("GET", _statement(url, period, payee, "bundle"), token, language).content)


@statement.command("pdf")
def statement_pdf(
    period: str,
    payee: str,
    token: Token,
    out: Out,
    invoice: Invoice = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save a payee's statement as PDF. 结算单 PDF"""
    address = _statement(url, period, payee, "pdf") + _query(invoice=invoice)
    save(out, call("GET", address, token, language).content)


@statement.command("xlsx")
def statement_xlsx(
    period: str,
    payee: str,
    token: Token,
    out: Out,
    invoice: Invoice = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save a payee's statement as XLSX. 结算单 XLSX"""
    address = _statement(url, period, payee, "xlsx") + _query(invoice=invoice)
    save(out, call("GET", address, token, language).content)


@statement.command("bill")
def statement_bill(
    period: str,
    licence: str,
    token: Token,
    out: Out,
    form: Form = "pdf",
    invoice: Invoice = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save the bill of a licence's payer. 账单"""
    address = f"{url}/api/v1/periods/{path_part(period)}/bills/{path_part(licence)}/{form}"
    save(out, call("GET", address + _query(invoice=invoice), token, language).content)


@statement.command("voucher")
def statement_voucher(
    journal: str,
    token: Token,
    out: Out,
    form: Form = "pdf",
    chart: Annotated[Literal["enterprise", "government"], typer.Option("--chart")] = "government",
    invoice: Invoice = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save a journal as a voucher under a chart of accounts. 记账凭证"""
    address = f"{url}/api/v1/journals/{path_part(journal)}/voucher/{form}"
    query = _query(chart=chart, invoice=invoice)
    save(out, call("GET", address + query, token, language).content)


def _statement(url: str, period: str, payee: str, form: str) -> str:
    return f"{url}/api/v1/periods/{path_part(period)}/statements/{path_part(payee)}/{form}"


def _query(**terms: str) -> str:
    given = {name: value for name, value in terms.items() if value}
    return f"?{urlencode(given)}" if given else ""
