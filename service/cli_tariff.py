"""Commands for tariffs and permitted revenue, through a running service's API."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli_remote import DEFAULT_URL, Language, Token, Url, call, path_part, read_json, show

tariff = typer.Typer(no_args_is_help=True, help="Tariffs of a licence. 资费")
permitted = typer.Typer(no_args_is_help=True, help="Maximum permitted revenue. 最高准许收入")
File = Annotated[Path, typer.Argument(help="a document as JSON")]


@tariff.command("show")
def tariff_show(
    licence: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print every version of a licence's tariff and which one is in force. 查看资费"""
    show(call("GET", _tariffs(url, licence), token, language))


@tariff.command("propose")
def tariff_propose(
    licence: str, file: File, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Propose a new version from a JSON file; another person approves it. 提出新的资费版本"""
    show(call("POST", _tariffs(url, licence), token, language, read_json(file)))


@tariff.command("approve")
def tariff_approve(
    licence: str, digest: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Approve a proposed version by its digest; it holds from now on. 批准资费版本"""
    address = f"{_tariffs(url, licence)}/{path_part(digest)}/approval"
    show(call("POST", address, token, language))


@permitted.command("show")
def permitted_show(
    operator: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print an operator's decided maxima and reviewed years. 查看最高准许收入"""
    show(call("GET", f"{_permitted(url)}/{path_part(operator)}", token, language))


@permitted.command("propose")
def permitted_propose(
    file: File, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Propose a maximum from a cost sheet in JSON; another person decides it. 提出最高准许收入"""
    show(call("POST", _permitted(url), token, language, read_json(file)))


@permitted.command("decide")
def permitted_decide(
    digest: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Decide a proposed maximum by its digest. 核定最高准许收入"""
    show(call("POST", f"{_permitted(url)}/{path_part(digest)}/decision", token, language))


@permitted.command("review")
def permitted_review(
    operator: str, year: int, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Hold a finished year's revenue against its maximum. 年度评估"""
    address = f"{_permitted(url)}/{path_part(operator)}/reviews"
    show(call("POST", address, token, language, {"year": year}))


def _tariffs(url: str, licence: str) -> str:
    return f"{url}/api/v1/licences/{path_part(licence)}/tariffs"


def _permitted(url: str) -> str:
    return f"{url}/api/v1/permitted-revenue"
