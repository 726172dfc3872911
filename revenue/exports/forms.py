"""The ledger as Beancount, hledger and CSV text; both programs check every balance at the end.

Names are made so that no two accounts share one and nothing of a holder's name is syntax. A changed
fen unbalances a journal; two changed alike break a closing balance; both programs refuse either.
"""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from foundation.money import FEN_PER_YUAN
from revenue.exports.books import Book, Books, Journal

ROOTS: Mapping[str, str] = {
    "bank": "Assets:Bank",
    "receivable": "Assets:Receivable",
    "accrued": "Liabilities:Accrued",
    "disputed": "Liabilities:Disputed",
    "treasury": "Liabilities:Treasury",
    "account": "Liabilities:Account",
    "tax": "Liabilities:Tax",
    "reserve": "Liabilities:Reserve",
    "wallet": "Liabilities:Wallet",
    "unmatched": "Liabilities:Unmatched",
}
FIRST_DAY = date(1970, 1, 1)
CSV_NAMES = (
    *("audit_index", "journal", "kind", "period", "date", "reverses", "rule_digest", "digest"),
    *("sequence", "account", "fen"),
)


def account_name(book: Book) -> str:
    """Return an account's name in both programs: letters and digits as they are, others coded.

    Each part of the holder starts with ``H``; any byte beside ASCII letters and digits is ``-``
    and two hexadecimal digits, so equal names mean equal accounts.
    """
    parts = (f"H{_coded(part)}" for part in book.holder.split(":"))
    return ":".join((ROOTS[book.kind], *parts))


def beancount_text(books: Books) -> str:
    """Write the ledger for Beancount: every account opened, every closing balance asserted."""
    names = {book.code: account_name(book) for book in books.accounts}
    lines = ['option "title" "Sandgate 沙闸"', 'option "operating_currency" "CNY"', ""]
    first = books.journals[0].day if books.journals else FIRST_DAY
    for book in books.accounts:
        lines += (f"{first} open {names[book.code]} CNY", f'  code: "{_quoted(book.code)}"')
    for one in books.journals:
        lines += ("", f'{one.day} * "{one.kind}" "{_quoted(one.period)}"', *_metadata(one))
        lines += (f"  {names[leg.account]}  {_yuan(leg.fen)} CNY" for leg in one.legs)
    lines.append("")
    after = _day_after(books)
    for code, fen in books.balances().items():
        lines.append(f"{after} balance {names[code]}  {_yuan(fen)} ~ 0.00 CNY")
    return "\n".join(lines) + "\n"


def hledger_text(books: Books) -> str:
    """Write the ledger for ``hledger check --strict``: all declared, every balance asserted."""
    names = {book.code: account_name(book) for book in books.accounts}
    lines = ["commodity CNY", "  format 1000.00 CNY", ""]
    lines += (f"account {names[book.code]}" for book in books.accounts)
    for one in books.journals:
        tags = f"journal:{one.id}, period:{_tag(one.period)}, entry:{one.audit_index}"
        lines += ("", f"{one.day} * {one.kind}  ; {tags}", f"    ; digest:{one.digest}")
        lines += (f"    {names[leg.account]}  {_yuan(leg.fen)} CNY" for leg in one.legs)
    if books.accounts:
        lines += ("", f"{_day_after(books)} * closing balances")
        for code, fen in books.balances().items():
            lines.append(f"    {names[code]}  0.00 CNY = {_yuan(fen)} CNY")
    return "\n".join(lines) + "\n"


def csv_text(books: Books) -> str:
    """Write one row a posting, in the order of the log."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(CSV_NAMES)
    for one in books.journals:
        head = (
            *(one.audit_index, one.id, one.kind, one.period, one.day.isoformat()),
            *(one.reverses or "", one.rule_digest, one.digest),
        )
        rows.writerows((*head, number, leg.account, leg.fen) for number, leg in enumerate(one.legs))
    return out.getvalue()


FORMS: Mapping[str, Callable[[Books], str]] = {
    "beancount": beancount_text,
    "hledger": hledger_text,
    "csv": csv_text,
}


def _metadata(one: Journal) -> list[str]:
    lines = [f'  journal: "{one.id}"', f'  digest: "{one.digest}"', f"  entry: {one.audit_index}"]
    if one.reverses is not None:
        lines.append(f'  reverses: "{one.reverses}"')
    return lines


def _coded(part: str) -> str:
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 0x80 else f"-{byte:02x}"  # noqa: PLR2004
        for byte in part.encode()
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _tag(text: str) -> str:
    return text.replace(",", " ")


def _yuan(fen: int) -> str:
    whole, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{whole}.{rest:02d}"


def _day_after(books: Books) -> date:
    last = books.journals[-1].day if books.journals else FIRST_DAY
    return last + timedelta(days=1)
