"""Commands that act on a running service, through its HTTP API, with the caller's own token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import httpx
import typer

CALL_SECONDS_MAX = 300

audit = typer.Typer(no_args_is_help=True, help="The audit log, as the regulator sees it. 审计日志")
licence = typer.Typer(no_args_is_help=True, help="Licences, as the authority sees them. 授权")
period = typer.Typer(no_args_is_help=True, help="Periods of the ledger. 账期")
statement = typer.Typer(no_args_is_help=True, help="Statements of a closed period. 结算单")

Token = Annotated[str, typer.Option(envvar="SANDGATE_TOKEN", help="bearer token")]
Url = Annotated[str, typer.Option(envvar="SANDGATE_URL", help="the service's address")]
Language = Annotated[str, typer.Option(envvar="SANDGATE_LANGUAGE", help="zh or en")]
Out = Annotated[Path, typer.Option("--out", help="where to write the file")]
DEFAULT_URL = "http://127.0.0.1:8600"

BAD_INPUT = frozenset({400, 413, 415, 422})
REFUSED, UNUSABLE = 1, 2
T = TypeVar("T")


def call(
    method: str,
    url: str,
    token: str,
    language: str,
    body: Any = None,
    *,
    content: bytes | None = None,
) -> httpx.Response:
    """Make one request; print the refusal and exit 1 (or 2 for bad input) where there is one.

    ``body`` goes as JSON, or ``content`` as it is.
    """
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    sent: dict[str, Any] = {"json": body} if content is None else {"content": content}
    try:
        response = httpx.request(method, url, headers=headers, timeout=CALL_SECONDS_MAX, **sent)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        typer.echo(f"平台无法连接 / the service cannot be reached: {url}", err=True)
        raise typer.Exit(UNUSABLE) from error
    if response.status_code >= httpx.codes.BAD_REQUEST:
        typer.echo(_refusal_text(response), err=True)
        raise typer.Exit(UNUSABLE if response.status_code in BAD_INPUT else REFUSED)
    return response


def save(out: Path, data: bytes) -> None:
    """Write a file; one sentence and exit 2 where that cannot be done."""
    try:
        out.write_bytes(data)
    except OSError as error:
        typer.echo(f"无法写入文件 / the file cannot be written: {out}", err=True)
        raise typer.Exit(UNUSABLE) from error


def read_bytes(file: Path) -> bytes:
    """Read a file as it is; one sentence and exit 2 where that cannot be done."""
    return _read(file, Path.read_bytes, "无法读取文件 / the file cannot be read")


def read_text(file: Path) -> str:
    """Read a file as UTF-8; one sentence and exit 2 where that cannot be done."""
    sentence = "文件无法读取或不是 UTF-8 / the file cannot be read, or is not UTF-8"
    return _read(file, lambda path: path.read_text(encoding="utf-8"), sentence)


def read_json(file: Path) -> Any:
    """Read a file as JSON; one sentence and exit 2 where that cannot be done."""
    sentence = "文件无法读取或不是 JSON / not readable as JSON"
    return _read(file, lambda path: json.loads(path.read_bytes()), sentence)


def _read(file: Path, read: Callable[[Path], T], sentence: str) -> T:
    try:
        return read(file)
    except (OSError, ValueError) as error:
        typer.echo(f"{sentence}: {file}", err=True)
        raise typer.Exit(UNUSABLE) from error


def _refusal_text(response: httpx.Response) -> str:
    """Return the sentences of a problem, or say that something else than Sandgate answered."""
    try:
        problem = response.json()
        way_out = problem.get("way_out") or {}
        lines = [f"{problem['detail']}  [{problem['code']}]", way_out.get("text", "")]
    except (ValueError, KeyError, AttributeError):
        return (
            f"该地址不是沙闸服务 / no Sandgate service answers there (HTTP {response.status_code})"
        )
    return "\n".join(filter(None, lines))


def show(response: httpx.Response) -> None:
    """Print an answer's JSON."""
    try:
        typer.echo(json.dumps(response.json(), ensure_ascii=False, indent=2))
    except ValueError as error:
        typer.echo(_refusal_text(response), err=True)
        raise typer.Exit(UNUSABLE) from error


@audit.command("kept")
def audit_kept(token: Token, out: Out, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Save today's checkpoint with its tiles, to hold later logs against. 留存检查点"""
    save(out, call("GET", f"{url}/api/v1/log/kept", token, language).content)


@audit.command("key")
def audit_key(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print the log's verifier key; keep it outside the platform. 日志公钥"""
    typer.echo(call("GET", f"{url}/api/v1/log/key", token, language).text, nl=False)


LICENCE_MOVES = {
    "suspend": "Suspend a licence: its sessions, questions and releases stop at once. 暂停授权",
    "resume": "Lift a suspension. 恢复授权",
    "end": "End a licence for good; the keys of its extracts are destroyed. 终止授权",
}


def _licence_command(move: str, sentence: str) -> None:
    """Offer one move of a licence; the log keeps the reason that is given."""

    @licence.command(move, help=sentence)
    def _move(
        identifier: str,
        token: Token,
        reason: Annotated[str, typer.Option(help="why; it goes into the log")],
        url: Url = DEFAULT_URL,
        language: Language = "zh",
    ) -> None:
        address = f"{url}/api/v1/licences/{path_part(identifier)}/{move}"
        show(call("POST", address, token, language, {"reason": reason}))


for _name, _sentence in LICENCE_MOVES.items():
    _licence_command(_name, _sentence)


@licence.command("show")
def licence_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print a licence and where it stands. 查看授权"""
    show(call("GET", f"{url}/api/v1/licences/{path_part(identifier)}", token, language))


@licence.command("received")
def licence_received(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """List everything that was ever given out under a licence. 已获内容清单"""
    show(call("GET", f"{url}/api/v1/licences/{path_part(identifier)}/received", token, language))


@period.command("open")
def period_open(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Open a period, such as 2026-11; one is open at a time. 开启账期"""
    show(call("POST", f"{url}/api/v1/periods", token, language, {"id": identifier}))


@period.command("close")
def period_close(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Close a period at today's log index; its statements follow. 关闭账期"""
    show(call("POST", f"{url}/api/v1/periods/{path_part(identifier)}/close", token, language))


@statement.command("show")
def statement_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print the statements of a closed period. 查看结算单"""
    show(call("GET", f"{url}/api/v1/periods/{path_part(identifier)}/statements", token, language))


def path_part(identifier: str) -> str:
    """Return an identifier as one part of an address, whatever it holds."""
    return quote(identifier, safe="")
