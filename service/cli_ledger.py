"""Commands of the ledger: balances, exports, moves that wait, files to the bank, yearly figures.

They go through a running service's API with the caller's own token. What moves money is proposed
here by one person and approved by another.
"""

from pathlib import Path
from typing import Annotated

import typer

from service.cli_remote import (
    DEFAULT_URL,
    Language,
    Out,
    Token,
    Url,
    call,
    path_part,
    read_json,
    read_text,
    save,
    show,
)

ledger = typer.Typer(no_args_is_help=True, help="The ledger and its money. 账簿与资金")
Reason = Annotated[str, typer.Option(help="why; it goes into the log")]
Body = Annotated[Path, typer.Argument(help="a JSON file with these fields")]
Answer = Annotated[Path, typer.Argument(help="the bank's answer: pain.002 or CSV")]
Form = Annotated[str, typer.Option("--form", help="beancount, hledger or csv")]
FileForm = Annotated[str, typer.Option("--form", help="csv or pain.001")]
ReturnForm = Annotated[str, typer.Option("--form", help="pain.002 or csv")]
PROPOSALS = {
    "receipt": (
        "receipts",
        "Propose to take a receipt in. 登记收款",
        "biller, payer, fen, bank_reference, reason; matches, if not the oldest bills first",
    ),
    "match": (
        "receipts/matches",
        "Propose to match money that came in before. 核销",
        "biller, payer, matches [{period, licence, fen}], reason",
    ),
    "deposit": (
        "receipts/deposits",
        "Propose to take money into a wallet. 预付充值",
        "biller, payer, fen, bank_reference, reason",
    ),
    "refund": (
        "receipts/refunds",
        "Propose to give money back. 退款",
        "biller, payer, fen, source (wallet or unmatched), reason",
    ),
    "distribute": (
        "distributions",
        "Propose to distribute a pool's collected money. 分账",
        "period, licence, reason",
    ),
    "confirm": (
        "distributions/confirmations",
        "Confirm your own lines of a period, as `claim` prints them. 确认结算单",
        "period, digest",
    ),
    "dispute": (
        "disputes",
        "Dispute your own lines of a pool: they are not paid from now on. 提出异议",
        "period, licence, reason",
    ),
    "account": (
        "settlement-files/details",
        "Propose where a payee is paid. 登记账户",
        "payee, channel, holder, account, bank_code, reason",
    ),
    "pay": (
        "settlement-files",
        "Write a settlement file of all that is payable. 生成拨付文件",
        "biller",
    ),
}


def _proposal(name: str, address: str, sentence: str, fields: str) -> None:
    @ledger.command(name, help=f"{sentence}。 BODY: {fields}", short_help=sentence)
    def _propose(
        body: Body, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
    ) -> None:
        show(call("POST", f"{url}/api/v1/{address}", token, language, read_json(body)))


for _name, (_address, _sentence, _fields) in PROPOSALS.items():
    _proposal(_name, _address, _sentence, _fields)


@ledger.command("balances")
def ledger_balances(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print every account's balance in fen, summed from its postings. 科目余额"""
    show(call("GET", f"{url}/api/v1/journals/balances", token, language))


@ledger.command("pools")
def ledger_pools(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print what is billed, collected and distributed. 应收、已收与已分"""
    show(call("GET", f"{url}/api/v1/receipts/pools", token, language))


@ledger.command("export")
def ledger_export(
    token: Token,
    out: Out,
    form: Form = "beancount",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Export the whole ledger for bean-check, hledger or a spreadsheet. 导出账簿"""
    address = f"{url}/api/v1/journals/exports/{path_part(form)}"
    save(out, call("GET", address, token, language).content)


@ledger.command("moves")
def ledger_moves(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print the moves of money that wait for a second person. 待复核资金事项"""
    show(call("GET", f"{url}/api/v1/moves", token, language))


@ledger.command("approve")
def ledger_approve(
    move: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Approve a move as its second person; it is carried out at once. 复核并执行"""
    show(call("POST", f"{url}/api/v1/moves/{path_part(move)}/approval", token, language))


@ledger.command("withdraw")
def ledger_withdraw(
    move: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Withdraw a move that nobody approved. 撤回资金事项"""
    show(call("POST", f"{url}/api/v1/moves/{path_part(move)}/withdrawal", token, language))


@ledger.command("reverse")
def ledger_reverse(
    journal: str, reason: Reason, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Propose to undo a journal by its mirror. 冲销凭证"""
    address = f"{url}/api/v1/journals/{path_part(journal)}/reversal"
    show(call("POST", address, token, language, {"reason": reason}))


@ledger.command("disputes")
def ledger_disputes(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print the disputes and how each stands. 异议清单"""
    show(call("GET", f"{url}/api/v1/disputes", token, language))


@ledger.command("hold")
def ledger_hold(
    dispute: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Hold what is disputed and not paid yet. 冻结有异议的款项"""
    show(call("POST", f"{url}/api/v1/disputes/{path_part(dispute)}/hold", token, language))


@ledger.command("decide")
def ledger_decide(
    dispute: str, body: Body, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Propose a decision. 决定异议。 BODY: outcome (upheld, dismissed), lines if upheld, reason"""
    address = f"{url}/api/v1/disputes/{path_part(dispute)}/decision"
    show(call("POST", address, token, language, read_json(body)))


@ledger.command("claim")
def ledger_claim(
    period: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print your own lines of a closed period, to check before confirming. 对账"""
    address = f"{url}/api/v1/distributions/claims/{path_part(period)}"
    show(call("GET", address, token, language))


@ledger.command("file")
def ledger_file(
    identifier: str,
    token: Token,
    out: Out,
    form: FileForm = "pain.001",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save a settlement file for the bank. 下载拨付文件"""
    address = f"{url}/api/v1/settlement-files/{path_part(identifier)}/{path_part(form)}"
    save(out, call("GET", address, token, language).content)


@ledger.command("send")
def ledger_send(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Let a settlement file go to the bank, as its second person. 发送拨付文件"""
    address = f"{url}/api/v1/settlement-files/{path_part(identifier)}/sending"
    show(call("POST", address, token, language))


@ledger.command("return")
def ledger_return(
    identifier: str,
    answer: Answer,
    reason: Reason,
    token: Token,
    form: ReturnForm = "pain.002",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Propose to take the bank's answer to a file in. 登记银行回单"""
    content = read_text(answer)
    address = f"{url}/api/v1/settlement-files/{path_part(identifier)}/returns"
    body = {"form": form, "content": content, "reason": reason}
    show(call("POST", address, token, language, body))


@ledger.command("disclosure")
def ledger_disclosure(
    year: int,
    token: Token,
    page: Annotated[bool, typer.Option("--page", help="as a page for people")] = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Print the figures to publish by the end of March after a year. 年度披露"""
    address = f"{url}/api/v1/disclosures/{year}"
    if page:
        typer.echo(call("GET", f"{address}?form=page", token, language).text, nl=False)
    else:
        show(call("GET", address, token, language))
