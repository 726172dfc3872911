"""Commands for rule packs, from the rule files alone: list them, show one, tell two apart.

No service need run: the files are read, validated and resolved as the service would at its start.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from policies.effective import (
    Difference,
    Jurisdiction,
    differences,
    every_jurisdiction,
    jurisdiction_of,
)
from policies.load import load_policies

policy = typer.Typer(no_args_is_help=True, help="Rule packs of jurisdictions. 规则包")
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Language = Annotated[str, typer.Option("--lang", help="zh or en")]
Directory = Annotated[Path | None, typer.Option("--policies", help="a directory of rule files")]


@policy.command("list")
def policy_list(
    *, as_json: AsJson = False, language: Language = "zh", policies: Directory = None
) -> None:
    """Print every pack with its document and digest. 列出规则包"""
    every = every_jurisdiction(load_policies(policies))
    if as_json:
        told = [{"name": one.name, "digest": one.digest} for one in every.values()]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for one in every.values():
        label = one.rules.name_zh if language.startswith("zh") else one.rules.name_en
        typer.echo(f"{one.name}\t{label}\t{one.rules.document}\t{one.digest}")


@policy.command("show")
def policy_show(name: str, language: Language = "zh", policies: Directory = None) -> None:
    """Print the clocks of a pack with the source of each, and what it does not know. 查看规则包"""
    found = jurisdiction_of(load_policies(policies), name)
    for line in _lines(found, zh=language.startswith("zh")):
        typer.echo(line)


@policy.command("diff")
def policy_diff(
    first: str,
    second: str,
    *,
    as_json: AsJson = False,
    language: Language = "zh",
    policies: Directory = None,
) -> None:
    """Print in what two packs differ, as each is in force. 比较两个规则包"""
    pack = load_policies(policies)
    found = differences(jurisdiction_of(pack, first), jurisdiction_of(pack, second))
    if as_json:
        told = [
            {"about": one.about, "name": one.name, "first": one.first, "second": one.second}
            for one in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    elif not found:
        typer.echo("无差异" if language.startswith("zh") else "no difference")
    for one in () if as_json else found:
        typer.echo(_difference(one, zh=language.startswith("zh")))


def _lines(found: Jurisdiction, *, zh: bool) -> list[str]:
    unit, extension = ("个工作日", "可延长") if zh else (" working days", "extension up to")
    lines = [f"{found.name}  {found.rules.document}", f"{found.digest}"]
    for name, clock in sorted(found.clocks.items()):
        more = f"，{extension}{clock.extension_days_max}{unit}" if zh else ""
        if not zh:
            more = f", {extension} {clock.extension_days_max}"
        if not clock.extension_days_max:
            more = ""
        set_by = found.origin[name]
        lines.append(f"  {name}: {clock.working_days}{unit}{more}  [{set_by}] {clock.source}")
    lines += [f"  ? {sentence}" for sentence in found.rules.unknown]
    return lines


def _difference(one: Difference, *, zh: bool) -> str:
    none = "（无）" if zh else "(none)"
    return f"{one.about} {one.name}: {_side(one.first, none)} | {_side(one.second, none)}"


def _side(side: Any, none: str) -> str:
    if side is None:
        return none
    return ", ".join(f"{key}={value}" for key, value in side.items())
