"""Commands for distribution schemes: read, propose, approve, through a running service's API."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli_remote import DEFAULT_URL, Language, Token, Url, call, path_part, read_json, show

scheme = typer.Typer(no_args_is_help=True, help="Distribution schemes of a licence. 分配方案")
File = Annotated[Path, typer.Argument(help="a scheme as JSON")]


@scheme.command("show")
def scheme_show(
    licence: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print every version of a licence's scheme and which one is in force. 查看分配方案"""
    show(call("GET", _address(url, licence), token, language))


@scheme.command("propose")
def scheme_propose(
    licence: str, file: File, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Propose a new version from a JSON file; another person approves it. 提出新的分配方案"""
    show(call("POST", _address(url, licence), token, language, read_json(file)))


@scheme.command("approve")
def scheme_approve(
    licence: str, digest: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Approve a proposed version by its digest; it holds from the next period on. 批准分配方案"""
    address = f"{_address(url, licence)}/{path_part(digest)}/approval"
    show(call("POST", address, token, language))


def _address(url: str, licence: str) -> str:
    return f"{url}/api/v1/licences/{path_part(licence)}/schemes"
