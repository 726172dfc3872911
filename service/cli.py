"""The command line: start the service, ask the host what it enforces, verify files offline.

Exit codes: 0 good, 1 refused or tampered, 2 unusable input, 3 policy unmet. Commands that act on a
running service go through its HTTP API with a token, like any other user (``service.cli_remote``).
"""

import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

from audit.verify.__main__ import run as run_verify
from foundation.errors import SandgateError
from foundation.host_report import probe_host
from foundation.settings import Settings
from sandbox.report import isolation_report
from service.cli_audit import audit
from service.cli_remote import REFUSED, UNUSABLE, licence, period
from service.cli_scheme import scheme
from service.cli_statement import statement
from service.cli_witness import witness
from service.founding import founder_token

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sandgate 沙闸: licensed, checked, audited use of public data.",
)
app.add_typer(audit, name="audit")
app.add_typer(licence, name="licence")
app.add_typer(period, name="period")
app.add_typer(statement, name="statement")
app.add_typer(witness, name="witness")
app.add_typer(scheme, name="scheme")


@app.command()
def serve() -> None:
    """Start the service with the settings of the environment (SANDGATE_…). 启动服务"""
    from service.serving import serve_forever  # noqa: PLC0415 - the other commands start faster

    raise typer.Exit(serve_forever(Settings()))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    language: Annotated[str, typer.Option("--lang", help="zh or en")] = "",
) -> None:
    """Print what this host enforces for sessions and workers, and what it cannot. 主机隔离能力"""
    settings = Settings()
    report = isolation_report(probe_host(Path(sys.prefix), bubblewrap=settings.bubblewrap))
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        typer.echo(report.as_text(language or settings.language))
    raise typer.Exit(0 if report.development_ready else 1)


@app.command()
def token() -> None:
    """Print a token for the founding person of the data authority (development). 开发令牌"""
    typer.echo(founder_token(Settings()))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def verify(context: typer.Context) -> None:
    """Check a bundle, receipt, log or statement from files alone. 离线核验"""
    raise typer.Exit(run_verify(context.args))


def main() -> None:
    """Run the command line. Whatever goes wrong is a sentence and an exit code, no traceback."""
    try:
        app(prog_name="sandgate")
    except ValidationError as error:
        names = ", ".join(f"SANDGATE_{fault['loc'][0]}".upper() for fault in error.errors())
        _stop(UNUSABLE, f"环境变量取值无效 / these settings are not usable: {names}")
    except SandgateError as refusal:
        _stop(REFUSED, f"{refusal.message.zh} / {refusal.message.en}  [{refusal.code}]")
    except OSError as error:
        place = error.filename or ""
        _stop(UNUSABLE, f"无法读写 / cannot be read or written: {place} ({error.strerror})")


def _stop(code: int, sentence: str) -> NoReturn:
    sys.stderr.write(sentence + "\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
