"""Commands of the catalogue in and out, through the HTTP API: template, import, export."""

from pathlib import Path
from typing import Annotated, Any, Literal
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
    read_bytes,
    save,
    show,
)

catalog = typer.Typer(no_args_is_help=True, help="The catalogue in and out. 目录导入导出")


ExportForm = Annotated[
    Literal["package", "dcat"],
    typer.Option("--form", help="package: signed, for an upper node; dcat: DCAT-AP JSON-LD"),
]
Sheet = Annotated[str, typer.Option("--sheet", help="the sheet to read; else the first 工作表")]
Provider = Annotated[str, typer.Option("--provider", help="the department; else your own 单位")]
Take = Annotated[bool, typer.Option("--take", help="take the good rows at once 直接导入合格行")]
Report = Annotated[Path | None, typer.Option("--report", help="save the report (.json .csv .xlsx)")]
Refused = Annotated[
    Path | None, typer.Option("--refused", help="save the refused rows (.xlsx .csv)")
]


@catalog.command("template")
def catalog_template(
    token: Token, out: Out, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Save the spreadsheet that bureaus fill in. 导入模板"""
    save(out, call("GET", f"{url}/api/v1/catalog/import/template", token, language).content)


@catalog.command("import")
def catalog_import(
    file: Path,
    token: Token,
    sheet: Sheet = "",
    provider: Provider = "",
    take: Take = False,
    report: Report = None,
    refused: Refused = None,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Judge a spreadsheet row by row; with --take the good rows become drafts. 导入目录"""
    asked = {"file_name": file.name, "sheet": sheet, "provider": provider}
    query = urlencode({name: value for name, value in asked.items() if value})
    address = f"{url}/api/v1/catalog/imports?{query}"
    judged = call("POST", address, token, language, content=read_bytes(file))
    found: dict[str, Any] = judged.json()
    home = f"{url}/api/v1/catalog/imports/{path_part(found['import'])}"
    if report is not None:
        form = report.suffix.removeprefix(".") or "json"
        save(report, call("GET", f"{home}/report?form={form}", token, language).content)
    if refused is not None:
        form = refused.suffix.removeprefix(".") or "xlsx"
        save(refused, call("GET", f"{home}/refused?form={form}", token, language).content)
    show(judged)
    if take:
        show(call("POST", f"{home}/taking", token, language))


@catalog.command("take")
def catalog_take(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Take the good rows of an import that was judged. 确认导入"""
    address = f"{url}/api/v1/catalog/imports/{path_part(identifier)}/taking"
    show(call("POST", address, token, language))


@catalog.command("export")
def catalog_export(
    token: Token,
    out: Out,
    form: ExportForm = "package",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save the published catalogue; `sandgate verify catalogue FILE --key KEY` checks it. 导出"""
    if form == "dcat":
        answer = call("GET", f"{url}/api/v1/catalog/export/dcat", token, language)
    else:
        answer = call("POST", f"{url}/api/v1/catalog/exports", token, language)
    save(out, answer.content)
