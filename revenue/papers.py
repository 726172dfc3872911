"""What a payee's statement and a payer's bill say on paper, from the stored documents of a period.

A reference such as an invoice's number (发票号) is printed as it was given and kept nowhere: the
ledger does not know invoices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from audit.notes import parse_checkpoint
from audit.reading import current_checkpoint
from authorization.documents import LicenceDocument
from authorization.licences import require_licence
from authorization.organisations import Organisation, organisations
from foundation.errors import Denied, Message, NotFound
from foundation.money import MICRO_FEN_PER_FEN, yuan_text
from policies.schema.accounts import AccountRules
from revenue.explained import CHANNELS, CLASSES, exact_yuan, plain
from revenue.official import Checkpoint, Official, fictional_notice
from revenue.readable import (
    ReadableTable,
    explain_pool,
    readable_bill,
    readable_payee,
    tax_micro_fen,
)
from revenue.statements import period_statement, statement_for
from revenue.store import period

INVOICE_CHARACTERS_MAX = 100


@dataclass(frozen=True)
class Printing:
    """What a paper is printed with: the rules of accounting codes and an invoice's number."""

    rules: AccountRules
    invoice: str = ""


def statement_paper(
    connection: Connection, period_id: str, payee: str, printing: Printing
) -> Official:
    """Lay out a payee's statement. Raises NotFound where the payee has none."""
    whole = period_statement(connection, period_id).document
    document = statement_for(whole, payee)
    paying = {line["licence"] for line in document["lines"]}
    pools = [pool for pool in whole["pools"] if pool["licence"] in paying]
    names = _Names.of(connection, pools, payee)
    readable = readable_payee(document, pools)
    told = [sentence for pool in pools for sentence in explain_pool(pool, payee).sentences]
    tax = sum(tax_micro_fen(pool) for pool in pools)
    return Official(
        title=Message(f"公共数据授权运营结算单 {period_id}", f"Settlement statement {period_id}"),
        subtitle=Message(names[payee], names[payee]),
        notice=fictional_notice([*pools, {"fictional": printing.rules.fictional}]),
        facts=(
            (Message("账期", "Period"), plain(period_id)),
            (Message("收款方", "Payee"), plain(names[payee])),
            (Message("本期实付（元）", "Paid (yuan)"), plain(yuan_text(document["fen"]))),
            (Message("账单所含税费（元）", "Tax in the bills (yuan)"), plain(exact_yuan(tax))),
            *_treasury_item(document["lines"], printing.rules),
            *_invoice(printing),
            (Message("关闭账期的日志条目", "Closing entry"), plain(str(document["close_index"]))),
        ),
        tables=(readable.summary, _terms(connection, pools, names)),
        bars_title=Message("各收款方所得（元）", "Shares of all payees (yuan)"),
        bars=_shares(pools, names),
        sentences=tuple(told),
        digests=(
            (Message("本结算单摘要", "Digest of this statement"), document["digest"]),
            (Message("账期结算单摘要", "Digest of the period's statement"), whole["digest"]),
        ),
        checking=_CHECK_STATEMENT,
        commands=(
            f"sandgate statement bundle {period_id} {payee} --out statement.zip",
            "sandgate verify statement statement.zip --key <log key>",
        ),
        checkpoint=checkpoint_now(connection),
        made_at_us=_closed_us(connection, period_id),
    )


def bill_paper(
    connection: Connection, period_id: str, licence: str, printing: Printing
) -> Official:
    """Lay out the bill of a licence's payer. Raises NotFound where the licence has no pool."""
    pool = pool_of(connection, period_id, licence)
    names = _Names.of(connection, [pool], pool["payer"])
    bill = readable_bill(pool)
    whole = period_statement(connection, period_id)
    tax = tax_micro_fen(pool)
    return Official(
        title=Message(f"公共数据产品服务账单 {period_id}", f"Bill {period_id}"),
        subtitle=Message(pool["product"]["zh"], pool["product"]["en"]),
        notice=fictional_notice([pool]),
        facts=(
            (Message("账期", "Period"), plain(period_id)),
            (Message("付款方", "Payer"), plain(names[pool["payer"]])),
            (Message("收费方", "Biller"), plain(names[pool["biller"]])),
            (Message("账单金额（元）", "Billed (yuan)"), plain(yuan_text(pool["billed_fen"]))),
            (Message("其中税费（元）", "Tax in it (yuan)"), plain(exact_yuan(tax))),
            *_invoice(printing),
            (Message("关闭账期的日志条目", "Closing entry"), plain(str(pool["close_index"]))),
        ),
        tables=(bill.table, _terms(connection, [pool], names)),
        bars_title=Message("账单构成（元）", "What the bill is made of (yuan)"),
        bars=_composition(pool, tax),
        sentences=bill.sentences,
        digests=(
            (Message("用量摘要", "Digest of the usage"), pool["usage_digest"]),
            (Message("账期结算单摘要", "Digest of the period's statement"), whole.digest),
        ),
        checking=_CHECK_BILL,
        commands=("sandgate verify bundle bundle.zip --key <log key>",),
        checkpoint=checkpoint_now(connection),
        made_at_us=_closed_us(connection, period_id),
    )


def pool_of(connection: Connection, period_id: str, licence: str) -> dict[str, Any]:
    """Return a licence's pool of a closed period. Raises NotFound where there is none."""
    for pool in period_statement(connection, period_id).document["pools"]:
        if pool["licence"] == licence:
            found: dict[str, Any] = pool
            return found
    raise NotFound(
        "bill_unknown",
        Message("该授权在此账期没有账单。", "This licence has no bill for this period."),
        field="licence",
    )


def check_pool_reader(pool: Mapping[str, Any], organisation: str) -> None:
    """Let the payer and the biller of a pool read its bill. Raises Denied for anyone else."""
    if organisation not in {pool["payer"], pool["biller"]}:
        raise Denied(
            "bill_not_yours",
            Message(
                "该账单不属于本机构。",
                "This bill is neither your organisation's to pay nor to collect.",
            ),
            field="licence",
            rule="roles",
        )


def checkpoint_now(connection: Connection) -> Checkpoint:
    """Return the log's newest signed state."""
    note = current_checkpoint(connection)
    assert note is not None  # noqa: S101 - a period was closed, so the log holds entries
    parsed = parse_checkpoint(note)
    return Checkpoint(parsed.origin, parsed.size, note.split("\n")[2])


class _Names(dict[str, str]):
    """Organisations' names with their identifiers; what is none stands for itself."""

    def __missing__(self, name: str) -> str:
        return name

    @classmethod
    def of(cls, connection: Connection, pools: Sequence[Mapping[str, Any]], *more: str) -> "_Names":
        wanted = {line["payee"] for pool in pools for line in pool["lines"]}
        wanted |= {pool[name] for pool in pools for name in ("payer", "biller")} | set(more)
        known = organisations(connection, sorted(wanted))
        return cls({name: _named(one) for name, one in known.items()})


def _named(one: Organisation) -> str:
    words = dict.fromkeys((one.name_zh, one.name_en))
    return f"{' '.join(words)} ({one.id})"


def _terms(
    connection: Connection, pools: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> ReadableTable:
    """Tell under which agreement, tariff and scheme each licence was settled, and between whom."""
    rows = []
    for pool in pools:
        document = require_licence(connection, pool["licence"]).document
        approvals = LicenceDocument.model_validate_json(document).approvals
        rows.append(
            (
                plain(f"{pool['licence']}\n{CLASSES[pool['price_class']].zh}"),
                plain(f"{approvals.agreement}\n{approvals.filing_number}"),
                plain(f"{pool['tariff']['version']}\n{pool['tariff']['approval']}"),
                plain(f"{pool['scheme']['version']}\n{pool['scheme']['approval']}"),
                plain(names[pool["payer"]]),
                plain(names[pool["biller"]]),
            )
        )
    return ReadableTable(
        title=Message("依据", "Terms"),
        notice=None,
        headings=(
            Message("授权", "Licence"),
            Message("协议、备案", "Agreement, filing"),
            Message("资费、批准", "Tariff, approval"),
            Message("分配方案、批准", "Scheme, approval"),
            Message("付款方", "Payer"),
            Message("收费方", "Biller"),
        ),
        rows=tuple(rows),
    )


def _treasury_item(
    lines: Sequence[Mapping[str, Any]], rules: AccountRules
) -> tuple[tuple[Message, Message], ...]:
    """Name the treasury's revenue item where a line goes to the treasury."""
    if all(line["channel"] != "treasury" for line in lines):
        return ()
    item = rules.treasury_item
    value = Message(f"{item.code} {item.name_zh}", f"{item.code} {item.name_en}")
    return ((Message("非税收入科目", "Treasury revenue item"), value),)


def _invoice(printing: Printing) -> tuple[tuple[Message, Message], ...]:
    if not printing.invoice:
        return ()
    return ((Message("发票号", "Invoice number"), plain(printing.invoice)),)


def _shares(
    pools: Sequence[Mapping[str, Any]], names: Mapping[str, str]
) -> tuple[tuple[str, int], ...]:
    sums: dict[str, int] = {}
    for pool in pools:
        for line in pool["lines"]:
            sums[line["payee"]] = sums.get(line["payee"], 0) + line["fen"]
    ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0]))
    words = {"tax": CHANNELS["tax"].zh}
    return tuple((words.get(payee, names[payee]), fen) for payee, fen in ordered)


def _composition(pool: Mapping[str, Any], tax_micro_fen: int) -> tuple[tuple[str, int], ...]:
    tax_fen = tax_micro_fen // MICRO_FEN_PER_FEN
    return (
        ("账单 / Bill", pool["billed_fen"]),
        ("不含税 / Net of tax", pool["billed_fen"] - tax_fen),
        ("税费 / Tax", tax_fen),
        ("预付款支付 / From the wallet", pool["prepaid_fen"]),
    )


def _closed_us(connection: Connection, period_id: str) -> int:
    query = select(period.c.closed_us).where(period.c.id == period_id)
    return int(connection.execute(query).scalar_one())


_CHECK_STATEMENT = (
    Message(
        "本结算单由日志推出。下载证据包，用从平台以外取得的日志公钥离线核验：每一行、每次计量、"
        "所用资费与方案、以及全体收款方所得之和等于账单，均会重算。",
        "This statement follows from the log. Fetch its bundle and check it offline with the log's "
        "key, which you hold from outside the platform: every line, every metered use, tariff and "
        "scheme, and that all payees together are paid what was billed, is worked out again.",
    ),
    Message(
        "它不能证明没有使用被漏记：那需要整份日志（监管部门）或使用者留存的回执。",
        "It does not show that no use was left out: that needs the whole log (the regulator) or "
        "the receipts that users kept.",
    ),
)
_CHECK_BILL = (
    Message(
        "每次使用都有日志回执；用量摘要由各次计量得出。持有整份证据包者可离线重算本账单。",
        "Each use has its receipt from the log; the usage digest is over every metered line. "
        "Whoever holds the whole evidence bundle can work this bill out again offline.",
    ),
)
