"""The regulator's witness: its own process, keys and memory. It needs no platform to run.

``python -m service.cli_witness`` gives the same commands without the rest of the command line.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from audit.notes import parse_checkpoint
from audit.witness.directory import WitnessDirectory
from foundation.clock import MICROSECONDS_PER_SECOND, SystemClock, to_iso
from foundation.errors import SandgateError

GRACE_SECONDS_MAX = 5

witness = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The regulator's own process, which cosigns the log and refuses forks. 见证方",
)

Home = Annotated[
    Path, typer.Option("--home", envvar="SANDGATE_WITNESS_HOME", help="the witness's directory")
]
DEFAULT_HOME = Path(".sandgate-witness")


@witness.command("init")
def witness_init(
    name: Annotated[str, typer.Option(help="such as regulator.example/w1")],
    home: Home = DEFAULT_HOME,
    log_key: Annotated[list[str] | None, typer.Option(help="a log's NAME+HASH+KEY")] = None,
) -> None:
    """Make the witness's keys and memory, once. 初始化见证方"""
    directory = WitnessDirectory(home)
    directory.create(name)
    for text in log_key or []:
        directory.trust(_text(text))
    _print_keys(directory)


@witness.command("trust")
def witness_trust(log_key: str, home: Home = DEFAULT_HOME) -> None:
    """Trust a log by its verifier key, brought from outside the platform. 信任一份日志"""
    typer.echo(WitnessDirectory(home).trust(_text(log_key)).text())


@witness.command("key")
def witness_key(home: Home = DEFAULT_HOME) -> None:
    """Print the witness's verifier keys, for the platform and for `verify`. 见证方公钥"""
    _print_keys(WitnessDirectory(home))


@witness.command("status")
def witness_status(
    home: Home = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what was cosigned last, and which signed checkpoints were refused. 见证情况"""
    directory = WitnessDirectory(home)
    memory = directory.memory()
    logs = [
        {"origin": held.origin, "size": held.size, "time": _iso(held.time_s)}
        for held in memory.every()
    ]
    disputes = [
        {"origin": origin, "size": parse_checkpoint(note).size, "time": _iso(time_s), "note": note}
        for origin, note, time_s in memory.disputes()
    ]
    memory.close()
    if as_json:
        told = {"name": directory.name, "logs": logs, "refused": disputes}
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        for line in logs:
            typer.echo(f"{line['origin']}  {line['size']}  {line['time']}")
        for line in disputes:
            typer.echo(f"拒绝 / refused: {line['origin']}  {line['size']}  {line['time']}")
    raise typer.Exit(1 if disputes else 0)


@witness.command("serve")
def witness_serve(
    home: Home = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8610,
) -> None:
    """Cosign checkpoints over HTTP until told to stop. 启动见证方"""
    import uvicorn  # noqa: PLC0415 - the other commands start faster

    from service.witness_app import create_witness_app  # noqa: PLC0415

    app = create_witness_app(WitnessDirectory(home).witness(SystemClock()))
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS_MAX,
    )


def _print_keys(directory: WitnessDirectory) -> None:
    for key in directory.keys().verifier_keys:
        typer.echo(key.text())


def _text(given: str) -> str:
    return given if given.count("+") > 1 else Path(given).read_text(encoding="utf-8")


def _iso(time_s: int) -> str:
    return to_iso(time_s * MICROSECONDS_PER_SECOND)


def main() -> None:
    """Run these commands alone. A refusal is one sentence and exit 1, no traceback."""
    try:
        witness(prog_name="sandgate-witness")
    except SandgateError as refusal:
        sentence = f"{refusal.message.zh} / {refusal.message.en}  [{refusal.code}]"
        typer.echo(sentence, err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
