"""Commands for the environment of sessions: listed, and built anew from hashed locks."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from foundation.errors import SandgateError
from foundation.settings import Settings
from sandbox.notebooks import environment_digest
from sandbox.packages import installed_packages
from service.cli_remote import DEFAULT_URL, UNUSABLE, Language, Token, Url, call, path_part, show

environment = typer.Typer(no_args_is_help=True, help="The environment of sessions. 会话环境")
Json = Annotated[bool, typer.Option("--json", help="machine-readable")]


@environment.command("list")
def environment_list(
    directory: Annotated[Path | None, typer.Argument(help="another environment")] = None,
    as_json: Json = False,
) -> None:
    """List what is installed in sessions, and the digest that results name. 列出会话环境"""
    chosen = (directory or Settings().session_environment).resolve()
    try:
        digest = environment_digest(chosen)
    except SandgateError as error:
        typer.echo(f"{error.message.zh} {error.message.en}", err=True)
        raise typer.Exit(UNUSABLE) from error
    found = installed_packages(chosen)
    if as_json:
        packages = {item.name: item.version for item in found}
        typer.echo(json.dumps({"environment_digest": digest, "packages": packages}, indent=2))
        return
    typer.echo(f"摘要 / digest  {digest}")
    for item in found:
        typer.echo(f"{item.name:<40} {item.version}")


@environment.command("build")
def environment_build(
    lock: Annotated[Path, typer.Argument(help="a lock in which every package has its hash")],
    target: Annotated[Path, typer.Argument(help="the new directory; it must not exist")],
    wheels: Annotated[Path | None, typer.Option(help="a directory of wheels: no network")] = None,
    client: Annotated[Path | None, typer.Option(help="the wheel of sandgate-client")] = None,
) -> None:
    """Build a new environment beside the one in use, from hashes alone. 按哈希锁构建新环境

    The service uses it once SANDGATE_SESSION_ENVIRONMENT names it; slots that were kept warm from
    the old one end by themselves. Reviews of notebooks name the environment, so they fall too.
    """
    if target.exists() or not lock.is_file():
        typer.echo(
            "目标目录须不存在，锁文件须存在 / the target must not exist, and the lock must",
            err=True,
        )
        raise typer.Exit(UNUSABLE)
    python = target / "bin" / "python"
    offline = [] if wheels is None else ["--no-index", "--find-links", str(wheels)]
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    steps = [
        [sys.executable, "-m", "venv", str(target)],
        [*install, "--require-hashes", *offline, "-r", str(lock)],
    ]
    if client is not None:
        steps.append([*install, "--no-deps", "--no-index", str(client)])
    for step in steps:
        if subprocess.run(step, check=False).returncode != 0:
            typer.echo(
                f"构建未完成，请删去 {target} 后重试 / not built: remove {target}, then try again",
                err=True,
            )
            raise typer.Exit(UNUSABLE)
    subprocess.run(["/bin/chmod", "-R", "go+rX", str(target)], check=True)
    typer.echo(f"摘要 / digest  {environment_digest(target.resolve())}")
    typer.echo(f"SANDGATE_SESSION_ENVIRONMENT={target.resolve()}")


@environment.command("requests")
def environment_requests(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """List the packages that were asked for. 列出软件包申请"""
    show(call("GET", f"{url}/api/v1/packages/requests", token, language))


@environment.command("decide")
def environment_decide(
    request: str,
    decision: Annotated[str, typer.Argument(help="approve | refuse")],
    comment: str,
    token: Token,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Approve or refuse a package. 审批软件包"""
    address = f"{url}/api/v1/packages/requests/{path_part(request)}/decision"
    show(call("POST", address, token, language, {"decision": decision, "comment": comment}))
