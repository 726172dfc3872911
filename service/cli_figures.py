"""``sandgate figures``: headline, coverage and the monthly security report, from a shell.

They go through the API with the caller's own token, like any other use.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_remote import DEFAULT_URL, Language, Token, Url, call, save

figures = typer.Typer(no_args_is_help=True, help="Figures and security reports. 统计与评估")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


@figures.command("headline")
def figures_headline(
    token: Token, url: Url = DEFAULT_URL, language: Language = "zh", *, as_json: AsJson = False
) -> None:
    """Print entries, resources, who is connected, calls and questions. 总体情况"""
    told = _got("headline", token, url, language)
    if as_json:
        _print_json(told)
        return
    book, who = told["catalogue"], told["connected"]
    for name, number in (
        ("在册目录条目 / published entries", book["entries"]),
        ("已挂接资源的条目 / entries with a resource", book["entries_with_resource"]),
        ("数据资源 / data resources", book["resources"]),
        ("数据版本 / versions", book["versions"]),
        ("接入单位 / organisations", who["organisations"]),
        ("接入地区 / regions", who["regions"]),
        ("共享接口调用 / calls", told["calls"]),
        ("答复的查询 / questions answered", told["questions"]),
        ("零价格使用 / uses at price zero", told["uses"]["free"]),
    ):
        typer.echo(f"{number:>12,}  {name}")


@figures.command("coverage")
def figures_coverage(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print the shares of coverage as JSON, each with its targets. 归集覆盖"""
    _print_json(_got("coverage", token, url, language))


@figures.command("security")
def figures_security(
    month: Annotated[str, typer.Argument(help="such as 2026-11")],
    token: Token,
    out: Annotated[Path | None, typer.Option("--out", help="where to save the PDF")] = None,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Make a month's security report, print it as JSON, and save its paper. 月度安全报告"""
    address = f"{url}/api/v1/figures/security-reports"
    made = call("POST", address, token, language, {"month": month}).json()
    _print_json(made)
    if out is not None:
        save(out, call("GET", f"{address}/{made['index']}/paper", token, language).content)


def _got(what: str, token: str, url: str, language: str) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", f"{url}/api/v1/figures/{what}", token, language).json()
    return found


def _print_json(told: dict[str, Any]) -> None:
    typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
