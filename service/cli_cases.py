"""Commands for cases and retention, through the service's API with the caller's own token."""

from datetime import datetime
from typing import Annotated

import typer

from service.cli_remote import DEFAULT_URL, Language, Out, Token, Url, call, path_part, save, show

case = typer.Typer(no_args_is_help=True, help="Cases and holds of the regulator. 审计案件")
retention = typer.Typer(no_args_is_help=True, help="What is kept, due and erased. 留存与清理")

Reason = Annotated[str, typer.Option(help="why; it stays in the private part of the entry")]
Names = Annotated[list[str] | None, typer.Option(help="may be repeated")]


@case.command("open")
def case_open(
    token: Token, reason: Reason, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Open a case. 立案"""
    show(call("POST", f"{url}/api/v1/cases", token, language, {"grounds": reason}))


@case.command("list")
def case_list(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """List cases. 案件列表"""
    show(call("GET", f"{url}/api/v1/cases", token, language))


@case.command("show")
def case_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Show one's own case with its holds. 查看案件"""
    show(call("GET", _of(url, identifier), token, language))


@case.command("hold")
def case_hold(
    identifier: str,
    token: Token,
    licence: Names = None,
    person: Names = None,
    dataset: Names = None,
    since: Annotated[str, typer.Option(help="ISO 8601")] = "",
    until: Annotated[str, typer.Option(help="ISO 8601, excluded")] = "",
    whole_log: Annotated[bool, typer.Option("--whole-log")] = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Put on hold what names any of these, or the whole log. 设置证据保全"""
    body = {
        "licences": licence or [],
        "persons": person or [],
        "datasets": dataset or [],
        "since": since or None,
        "until": until or None,
        "whole_log": whole_log,
    }
    show(call("POST", f"{_of(url, identifier)}/holds", token, language, body))


@case.command("lift")
def case_lift(
    identifier: str,
    hold: str,
    token: Token,
    reason: Reason,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Lift a hold for good. 解除保全"""
    address = f"{_of(url, identifier)}/holds/{path_part(hold)}/lift"
    show(call("POST", address, token, language, {"reason": reason}))


@case.command("close")
def case_close(
    identifier: str,
    token: Token,
    reason: Reason,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Close a case none of whose holds stands. 结案"""
    show(call("POST", f"{_of(url, identifier)}/close", token, language, {"reason": reason}))


@case.command("read")
def case_read(
    identifier: str,
    entries: list[int],
    token: Token,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Read private text of entries that a case covers; the reading is logged. 阅读非公开文字"""
    body = {"entries": entries}
    show(call("POST", f"{_of(url, identifier)}/readings", token, language, body))


@case.command("export")
def case_export(
    identifier: str, token: Token, out: Out, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Export a case with proofs and its report as PDF. 导出案件材料"""
    save(out, call("POST", f"{_of(url, identifier)}/export", token, language).content)


@retention.command("due")
def retention_due(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """List what is due, held and overdue, and what the terms rest on. 到期清单"""
    show(call("GET", f"{url}/api/v1/retention/due", token, language))


@retention.command("list")
def retention_list(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """List purges. 清理记录"""
    show(call("GET", f"{url}/api/v1/retention/purges", token, language))


@retention.command("purge")
def retention_purge(
    record_class: str,
    token: Token,
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="only entries before this day")
    ] = None,
    leave_held: Annotated[bool, typer.Option("--leave-held")] = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Propose to erase a class of record past its term; another person confirms. 提出清理"""
    body = {
        "record_class": record_class,
        "before": None if before is None else before.date().isoformat(),
        "leave_held": leave_held,
    }
    show(call("POST", f"{url}/api/v1/retention/purges", token, language, body))


@retention.command("confirm")
def retention_confirm(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Confirm a purge and carry it out. 确认并执行清理"""
    address = f"{url}/api/v1/retention/purges/{path_part(identifier)}/confirmation"
    show(call("POST", address, token, language))


def _of(url: str, identifier: str) -> str:
    return f"{url}/api/v1/cases/{path_part(identifier)}"
