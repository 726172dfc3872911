"""The regulator's commands: search the log, follow a life, alerts, the odometer, and packs.

Every command asks a running service through its HTTP API with the caller's own token. Without
``--json`` it prints what an official reads: one line an entry, in the language asked for. Text
that others wrote is shown inert.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any
from unicodedata import east_asian_width
from urllib.parse import urlencode

import typer

from audit.view.narration import NANO_PER_RHO, decimal, inert
from service.cli_remote import DEFAULT_URL, Language, Out, Token, Url, audit, call, path_part, save

__all__ = ["audit"]

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Term = Annotated[list[str] | None, typer.Option("--where", help="NAME=VALUE, repeatable")]
TERMS_HELP = (
    "--where names: licence person organisation dataset column purpose session question answer "
    "release product population decision kind period since until"
)
PAGES_MAX = 100
Show = Callable[[dict[str, Any], bool], Iterable[str]]


@audit.command("search", help=f"Find entries of the log. 检索日志。 {TERMS_HELP}")
def audit_search(
    token: Token,
    where: Term = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="entries")] = 50,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
    as_json: AsJson = False,
) -> None:
    """Find entries, newest first; goes on page by page until the limit or the log's beginning."""
    terms = _pairs(where)
    entries: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    cursor: dict[str, str] = {}
    for _ in range(PAGES_MAX):
        asked = {**terms, **cursor, "limit": str(min(200, limit - len(entries)))}
        page = _get(url, token, language, f"search?{urlencode(asked)}")
        entries += page["entries"]
        if page["next_before"] is None or len(entries) >= limit:
            break
        cursor = {"before": str(page["next_before"])}
    found = {"entries": entries, "next_before": page["next_before"], "read": page["read"]}
    _print(found, _search_lines, language, as_json=as_json)


@audit.command("timeline")
def audit_timeline(
    subject: Annotated[str, typer.Argument(help="question, licence or release")],
    identifier: str,
    token: Token,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
    as_json: AsJson = False,
) -> None:
    """Tell the life of one question, licence or release. 全过程"""
    told = _get(url, token, language, f"timelines/{path_part(subject)}/{path_part(identifier)}")
    _print(told, _timeline_lines, language, as_json=as_json)


@audit.command("columns", help=f"Say who touched a column. 谁接触过某列。 {TERMS_HELP}")
def audit_columns(
    column: Annotated[str, typer.Argument(help="dataset.column")],
    token: Token,
    where: Term = None,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
    as_json: AsJson = False,
) -> None:
    """Say who touched a column."""
    asked = urlencode({**_pairs(where), "column": column})
    touched = _get(url, token, language, f"columns?{asked}")
    _print(touched, _column_lines, language, as_json=as_json)


@audit.command("odometer")
def audit_odometer(
    token: Token,
    picture: Annotated[
        str, typer.Option("--picture", help="a population whose loss is drawn as SVG")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="where the picture goes")] = None,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
    as_json: AsJson = False,
) -> None:
    """Recompute privacy loss from the log, beside what is stored. 隐私损失里程表"""
    if picture:
        address = f"{url}/api/v1/regulator/odometer/{path_part(picture)}/picture"
        drawn = call("GET", address, token, language)
        save(out or Path(f"odometer-{path_part(picture)}.svg"), drawn.content)
        return
    report = _get(url, token, language, "odometer")
    _print(report, _odometer_lines, language, as_json=as_json)
    raise typer.Exit(0 if report["agrees"] else 1)


@audit.command("alerts")
def audit_alerts(
    token: Token,
    state: Annotated[str, typer.Option(help="open or all")] = "open",
    acknowledge: Annotated[str, typer.Option(help="the alert to acknowledge")] = "",
    note: Annotated[str, typer.Option(help="what was found; it goes into the log")] = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
    as_json: AsJson = False,
) -> None:
    """List alerts and how far the log was checked for them, or acknowledge one. 预警"""
    if acknowledge:
        address = f"{url}/api/v1/regulator/alerts/{path_part(acknowledge)}/acknowledgement"
        done = call("POST", address, token, language, {"note": note}).json()
        _print(done, _acknowledged_lines, language, as_json=as_json)
        return
    found = _get(url, token, language, f"alerts?{urlencode({'state': state})}")
    _print(found, _alert_lines, language, as_json=as_json)


@audit.command("alert-rule")
def audit_alert_rule(
    check: str,
    token: Token,
    name: Annotated[str, typer.Option(help="what you call it")],
    minimum: Annotated[int, typer.Option(min=1)],
    window_seconds: Annotated[int, typer.Option("--seconds", min=60)],
    about: Annotated[list[str] | None, typer.Option("--about", help="licence=…, person=…")] = None,
    rule: Annotated[str, typer.Option(help="the saved rule to adjust")] = "",
    disable: Annotated[bool, typer.Option("--disable", help="save it switched off")] = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save or adjust an own alert rule. 自定预警规则"""
    body = {
        "name": name,
        "check": check,
        "threshold": {"minimum": minimum, "window_seconds": window_seconds},
        "about": _pairs(about),
        "enabled": not disable,
    }
    address = f"{url}/api/v1/regulator/alert-rules" + (f"/{path_part(rule)}" if rule else "")
    typer.echo(json.dumps(call("POST", address, token, language, body).json(), indent=2))


@audit.command("export", help=f"Export evidence. 导出证据包。 {TERMS_HELP}")
def audit_export(
    token: Token,
    out: Out,
    where: Term = None,
    timeline: Annotated[
        str, typer.Option("--timeline", help="SUBJECT/ID, for example licence/lic_…")
    ] = "",
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="jsonl csv parquet ocsf cef openlineage; all by default"),
    ] = None,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Export the whole log; with terms or a timeline, a pack of these entries alone."""
    if not where and not timeline and not formats:
        save(out, call("POST", f"{url}/api/v1/log/bundles", token, language).content)
        return
    body: dict[str, Any] = {"formats": formats} if formats else {}
    if timeline:
        subject, _, identifier = timeline.partition("/")
        body["timeline"] = {"subject": subject, "id": identifier}
    else:
        body["search"] = _pairs(where)
    save(out, call("POST", f"{url}/api/v1/regulator/exports", token, language, body).content)


def _search_lines(found: dict[str, Any], zh: bool) -> Iterable[str]:
    yield from _entry_lines(found["entries"])
    number, first = len(found["entries"]), found["read"]["first"]
    if found["next_before"] is None:
        yield f"共 {number} 条，已检索全部范围。" if zh else f"{number} entries; all was read."
    else:
        yield (
            f"已列 {number} 条；第 {first} 号以前尚未检索。"
            if zh
            else f"{number} entries; those before {first} were not read yet."
        )


def _timeline_lines(told: dict[str, Any], zh: bool) -> Iterable[str]:
    yield from _entry_lines(told["steps"])
    words = {"permitted": "获准", "refused": "被拒绝", "answered": "已答复", "failed": "失败"}
    for decision, counted in told["counts"].items():
        more = "" if counted["exact"] else "+"
        yield f"{words.get(decision, decision) if zh else decision}: {counted['entries']}{more}"
    for level in told["budgets"]:
        stored = level["tree"] or {"spent_nano_rho": 0, "cap_nano_rho": 0}
        spent, cap = (decimal(stored[f"{one}_nano_rho"], NANO_PER_RHO) for one in ("spent", "cap"))
        yield f"{inert(level['level'])}: {spent} / {cap} ρ"
    if not told["complete"]:
        yield "条目过多，只列出最早的部分。" if zh else "There are more; the first are shown."


def _entry_lines(entries: Sequence[dict[str, Any]]) -> Iterable[str]:
    for entry in entries:
        yield f"{entry['index']:>8}  {entry['time'][:19]}Z  {inert_line(entry['sentence'])}"


def _column_lines(touched: dict[str, Any], zh: bool) -> Iterable[str]:
    head = ("人员", "机构", "授权", "用途", "次数", "首次", "最近")
    plain = ("person", "organisation", "licence", "purpose", "counts", "first", "last")
    rows = [
        (
            one["person"],
            one["organisation"],
            one["licence"],
            " ".join(one["purposes"]),
            " ".join(f"{name}={number}" for name, number in sorted(one["counts"].items())),
            str(one["first"])[:10],
            str(one["last"])[:10],
        )
        for one in touched["touched_by"]
    ]
    yield from _table(head if zh else plain, rows)
    if not touched["complete"]:
        first = touched["read_first"]
        yield f"第 {first} 号以前尚未统计。" if zh else f"Those before {first} were not read."


def _odometer_lines(report: dict[str, Any], zh: bool) -> Iterable[str]:
    head = ("总体", "日志重算 ρ", "存储 ρ", "上限 ρ", "ε", "一致")
    plain = ("population", "recomputed rho", "stored rho", "cap rho", "epsilon", "agrees")
    yes, no = ("是", "否！") if zh else ("yes", "NO")
    rows = [
        (
            one["population"],
            decimal(one["recomputed_nano_rho"], NANO_PER_RHO),
            "-"
            if one["stored_nano_rho"] is None
            else decimal(one["stored_nano_rho"], NANO_PER_RHO),
            decimal(one["cap_nano_rho"], NANO_PER_RHO),
            one["epsilon_shown"],
            yes if one["agrees"] else no,
        )
        for one in report["populations"]
    ]
    yield from _table(head if zh else plain, rows)
    if report["agrees"]:
        yield "日志重算与存储一致。" if zh else "Log and store agree."
    else:
        yield (
            "日志重算与存储不一致，请立即核查！"
            if zh
            else "Log and store DIFFER: look into it now."
        )


def _alert_lines(found: dict[str, Any], zh: bool) -> Iterable[str]:
    head = ("预警", "时间", "内容", "对象", "数值", "阈值", "确认")
    plain = ("alert", "raised", "what", "about", "figure", "minimum", "acknowledged")
    rows = [
        (
            one["id"],
            one["raised"][:16],
            one["sentence"],
            " ".join(str(one["about"].get(name, "")) for name in ("person", "licence", "level")),
            str(one["figure"]),
            str(one["minimum"]),
            one["acknowledged_by"] or "-",
        )
        for one in found["alerts"]
    ]
    yield from _table(head if zh else plain, rows)
    checked = found["checked"]
    end, size, left = checked["checked_up_to"], checked["log_size"], checked["unchecked"]
    if zh:
        yield f"已核查至第 {end} 号，日志共 {size} 条，未核查 {left} 条。"
    else:
        yield f"Checked up to {end} of {size} entries; {left} not checked yet."
    if checked["calendar_missing_years"]:
        years = ", ".join(map(str, checked["calendar_missing_years"]))
        yield f"缺少年度工作日历：{years}。" if zh else f"No working-day calendar for {years}."


def _acknowledged_lines(done: dict[str, Any], zh: bool) -> Iterable[str]:
    alert, entry = done["alert"], done["entry"]
    yield (
        f"预警 {alert} 已确认，日志第 {entry} 号。"
        if zh
        else f"{alert} acknowledged, entry {entry}."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Align columns by the width that a terminal gives to Chinese."""
    shown = [head, *([inert(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[place]) for row in shown) for place in range(len(head))]
    for row in shown:
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def inert_line(text: str) -> str:
    """Return a sentence without control characters, whole."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(mark) in "WF" else 1 for mark in text)


def _print(found: dict[str, Any], lines: Show, language: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in lines(found, language == "zh"):
        typer.echo(line)


def _get(url: str, token: str, language: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = call("GET", f"{url}/api/v1/regulator/{path}", token, language).json()
    return found


def _pairs(texts: Sequence[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or ()]
    if any(not name or not equals or not value for name, equals, value in pairs):
        typer.echo("条件的写法是 名称=值 / a term is written NAME=VALUE", err=True)
        raise typer.Exit(2)
    return {name: value for name, _, value in pairs}
