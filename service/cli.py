"""The command line: start the service, ask the host what it enforces, verify files offline.

Exit codes: 0 good, 1 refused or tampered, 2 unusable input, 3 policy unmet. Commands that act on a
running service go through its HTTP API with a token, like any other user (``service.cli_remote``).
"""

import json
import sys
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError

import service.cli_fsck  # noqa: F401 - adds `audit fsck`
from audit.verify.__main__ import run as run_verify
from foundation.errors import SandgateError
from foundation.settings import Settings
from service.cli_acceptance import acceptance
from service.cli_audit import audit
from service.cli_cases import case, retention
from service.cli_catalogue import catalog
from service.cli_environment import environment
from service.cli_figures import figures
from service.cli_keys import keys
from service.cli_ledger import ledger
from service.cli_policy import policy
from service.cli_release import release, trace
from service.cli_remote import REFUSED, UNUSABLE, licence, period
from service.cli_scheme import scheme
from service.cli_sessions import session
from service.cli_statement import statement
from service.cli_tariff import permitted, tariff
from service.cli_witness import witness
from service.founding import FOUNDER, founder_token

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Sandgate 沙闸: licensed, checked, audited use of public data. 公共数据授权运营平台",
)
app.add_typer(audit, name="audit")
app.add_typer(keys, name="keys")
app.add_typer(case, name="case")
app.add_typer(catalog, name="catalog")
app.add_typer(environment, name="environment")
app.add_typer(figures, name="figures")
app.add_typer(licence, name="licence")
app.add_typer(period, name="period")
app.add_typer(policy, name="policy")
app.add_typer(ledger, name="ledger")
app.add_typer(release, name="release")
app.add_typer(retention, name="retention")
app.command("trace")(trace)
app.command("acceptance")(acceptance)
app.add_typer(session, name="session")
app.add_typer(statement, name="statement")
app.add_typer(witness, name="witness")
app.add_typer(scheme, name="scheme")
app.add_typer(tariff, name="tariff")
app.add_typer(permitted, name="permitted")


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
    """Print what this host enforces and what guards log, keys and terms. 主机隔离与安全配置"""
    from sandbox.report import isolation_report  # noqa: PLC0415 - other commands start faster
    from service.backend_probing import backend_reports  # noqa: PLC0415
    from service.doctor import parts_of  # noqa: PLC0415

    settings = Settings()
    reports = [isolation_report(host, name) for name, host in backend_reports(settings).items()]
    chosen = next(one for one in reports if one.backend == settings.session_backend)
    parts = parts_of(settings)
    if as_json:
        told = {
            **chosen.as_json(),
            "backends": [report.as_json() for report in reports],
            "parts": [part.as_json() for part in parts],
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        spoken = language or settings.language
        others = [report for report in reports if report is not chosen]
        for report in (chosen, *others):
            typer.echo(report.as_text(spoken))
        typer.echo("\n".join(part.as_text(spoken) for part in parts))
    raise typer.Exit(0 if chosen.development_ready else 1)


@app.command()
def token(account: Annotated[str, typer.Argument()] = FOUNDER) -> None:
    """Print a token for a founding person (development): founder, security_admin…  开发令牌"""
    typer.echo(founder_token(Settings(), account))


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
