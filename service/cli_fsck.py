"""The command that checks the live store of the log, beside the service and without it.

The key comes from outside: a store that was rewritten together with its own key would agree.
Exit codes: 0 good, 1 faults found, 2 unusable input.
"""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from audit.bodies import PrivateField
from audit.fsck import FAULT_SENTENCES, Fault, fsck
from audit.notes import BadNote, VerifierKey, parse_verifier_key
from audit.reading import private_of
from foundation.db import open_engine, reading
from foundation.keys import CIPHERS, FileKeyStore
from foundation.settings import Settings
from service.cli_remote import REFUSED, UNUSABLE, audit
from service.key_opening import HOLDER, KEYS

FAULTS_SHOWN_MAX = 1_000


@audit.command("fsck")
def audit_fsck(
    key: Annotated[str, typer.Option("--key", help="NAME+HASH+KEY, or a file that holds it")],
    private: Annotated[
        bool, typer.Option("--private", help="open private fields too (without a key holder)")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check the live store: bodies, tiles, index, private fields, checkpoints. 核对日志数据库"""
    settings = Settings()
    engine = open_engine(settings.control_store_url)
    try:
        with reading(engine) as connection:
            faults = _faults(connection, _key(key), settings if private else None)
    except SQLAlchemyError as error:
        typer.echo("无法读取日志数据库 / the log's store cannot be read", err=True)
        raise typer.Exit(UNUSABLE) from error
    finally:
        engine.dispose()
    _show(faults, as_json=as_json)
    raise typer.Exit(REFUSED if faults else 0)


def _faults(connection: Connection, key: VerifierKey, private: Settings | None) -> list[Fault]:
    if private is None:
        return list(islice(fsck(connection, key), FAULTS_SHOWN_MAX))
    held = private.home / HOLDER / KEYS  # where a key holder moved them; readable by root alone
    place = held if held.exists() else private.home / KEYS
    keys = FileKeyStore(place, cipher=CIPHERS[private.data_cipher])

    def opened(index: int) -> Mapping[str, PrivateField]:
        return private_of(connection, index, keys)

    return list(islice(fsck(connection, key, opened), FAULTS_SHOWN_MAX))


def _key(text: str) -> VerifierKey:
    try:
        return parse_verifier_key(text if "+" in text else Path(text).read_text("utf-8"))
    except (BadNote, OSError, ValueError) as error:
        typer.echo("公钥无法读取 / the key cannot be read", err=True)
        raise typer.Exit(UNUSABLE) from error


def _show(faults: list[Fault], *, as_json: bool) -> None:
    if as_json:
        told = [
            {"code": fault.code, "table": fault.table, "index": fault.index} for fault in faults
        ]
        typer.echo(json.dumps({"count": len(told), "faults": told}, indent=2))
        return
    for fault in faults:
        sentence = FAULT_SENTENCES[fault.code]
        typer.echo(f"[{fault.code}] {fault.table} {fault.index}: {sentence.zh} / {sentence.en}")
    if not faults:
        typer.echo("日志数据库与已签名的内容一致 / the store agrees with what was signed")
