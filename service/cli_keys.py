"""Keys from the command line: the authority's own, offline; the platform's, on its own machine.

``licence keygen | sign | rotate`` need no platform: the authority runs them with its own key. What
stands under ``keys`` acts on the home directory of a platform that is stopped.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from audit.log_signers import log_signer
from audit.notes import VerifierKey
from audit.rotations import rotation_statement
from authorization.documents import LicenceDocument
from authorization.signing import AUTHORITY_KEY, sign_licence
from foundation.db import open_engine, reading
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.cli_remote import REFUSED, UNUSABLE, licence
from service.key_care import accept_authority_key, opened_keys, rewrap_data_keys, rotate_log_key
from service.key_evidence import as_json, as_markdown, key_evidence
from service.key_opening import HOLDER, sm_log_of
from service.key_reconciling import reconcile

keys = typer.Typer(no_args_is_help=True, help="The platform's keys, on its own machine. 密钥管理")

Own = Annotated[Path, typer.Option("--home", help="the authority's own directory")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
OWN_HOME = Path(".sandgate-authority")


@licence.command("keygen")
def licence_keygen(
    home: Own = OWN_HOME,
    name: Annotated[str, typer.Option(help="such as authority.example")] = "authority",
) -> None:
    """Make the authority's own signing key, offline, and print its public half. 生成主管部门密钥"""
    public = FileKeyStore(home).ensure_signing_key(AUTHORITY_KEY)
    typer.echo(VerifierKey(name, public).text())


@licence.command("sign")
def licence_sign(
    document: Annotated[Path, typer.Argument(help="the licence, as `licence show` prints it")],
    home: Own = OWN_HOME,
) -> None:
    """Sign a licence offline with the authority's own key; print the signature. 离线签署授权"""
    content = _json(document)
    try:
        checked = LicenceDocument.model_validate(content.get("document", content))
    except ValidationError as error:
        _unusable(f"不是一份授权文件 / this is no licence: {document}", error)
    store = FileKeyStore(home)
    store.ensure_signing_key(AUTHORITY_KEY)
    typer.echo(sign_licence(store, checked).signature.hex())


@licence.command("rotate")
def licence_rotate(
    home: Own = OWN_HOME,
    name: Annotated[str, typer.Option(help="such as authority.example")] = "authority",
) -> None:
    """Turn the authority's key over; print the statement for the platform. 轮换主管部门密钥"""
    store = FileKeyStore(home)
    statement = rotation_statement(store, AUTHORITY_KEY, name)
    store.turn_over(AUTHORITY_KEY)
    typer.echo(json.dumps(statement, ensure_ascii=False))


@keys.command("list")
def keys_list(as_json_text: AsJson = False) -> None:
    """Name every key, its kind, version and state; never its material. 密钥清单"""
    with opened_keys(Settings()) as opened:
        records = opened.store.inventory()
    for record in records:
        if as_json_text:
            typer.echo(json.dumps(record.__dict__, ensure_ascii=False))
        else:
            told = (f"{record.name:45}", f"{record.kind:9}", f"v{record.version}", record.state)
            typer.echo(" ".join((*told, record.place)))


@keys.command("public")
def keys_public() -> None:
    """Print the log's verifier keys, Ed25519 first; keep them outside. 日志公钥"""
    settings = Settings()
    with opened_keys(settings) as opened:
        signer = log_signer(opened.store, settings.log_origin, sm2=settings.sm_profile)
        for key in signer.verifier_keys:
            typer.echo(key.text())
        chinese = sm_log_of(settings, opened)
        if chinese is not None:
            typer.echo(chinese.verifier_key.text())


@keys.command("rotate")
def keys_rotate(
    what: Annotated[str, typer.Argument(help="log or wrapping")],
    out: Annotated[Path | None, typer.Option(help="where to write the statement")] = None,
) -> None:
    """Turn a key over: the log's, or the one that data keys are wrapped under. 轮换密钥"""
    settings = Settings()
    if what == "log":
        rotated = rotate_log_key(settings)
        text = json.dumps(rotated.statement, ensure_ascii=False)
        if out is not None:
            out.write_text(text + "\n", encoding="utf-8")
        typer.echo(text)
    elif what == "wrapping":
        version, count = rewrap_data_keys(settings)
        typer.echo(
            f"{count} 个数据密钥已改用保护密钥 v{version} / data keys wrapped under v{version}"
        )
    else:
        _unusable(f"只能是 log 或 wrapping / log or wrapping, not: {what}")


@keys.command("accept-authority")
def keys_accept_authority(statement: Path) -> None:
    """Log the authority's statement of its next key. 登记主管部门的密钥轮换声明"""
    index = accept_authority_key(Settings(), _json(statement))
    typer.echo(f"已登记为第 {index} 号条目 / logged as entry {index}")


@keys.command("reconcile")
def keys_reconcile(as_json_text: AsJson = False) -> None:
    """Compare the key holder's journal with the log; exit 1 where they differ. 密钥使用对账"""
    settings = Settings()
    engine = open_engine(settings.control_store_url)
    with reading(engine) as connection:
        found = reconcile(settings.home / HOLDER, connection)
    engine.dispose()
    if as_json_text:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        typer.echo(
            f"使用 {found.openings} 次，生成 {found.builds} 份，拒绝 {found.refusals} 次，"
            f"未落盘的检查点 {found.abandoned_checkpoints} 个 / "
            f"{found.openings} openings, {found.builds} builds, {found.refusals} refusals, "
            f"{found.abandoned_checkpoints} checkpoints that came to nothing"
        )
        for difference in found.differences:
            typer.echo(f"[{difference.code}] {difference.zh} / {difference.en}")
    raise typer.Exit(REFUSED if found.differences else 0)


@keys.command("evidence")
def keys_evidence(
    out: Annotated[Path, typer.Option("--out", help="a directory for the two files")],
) -> None:
    """Write the evidence pack for a cryptography assessment, as Markdown and JSON. 密评证据"""
    settings = Settings()
    with opened_keys(settings) as opened:
        records = opened.store.inventory()
    engine = open_engine(settings.control_store_url)
    with reading(engine) as connection:
        pack = key_evidence(settings, records, connection)
    engine.dispose()
    out.mkdir(parents=True, exist_ok=True)
    (out / "key-evidence.md").write_text(as_markdown(pack), encoding="utf-8")
    (out / "key-evidence.json").write_text(as_json(pack), encoding="utf-8")
    typer.echo(str(out))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        _unusable(f"不是有效的 JSON / not valid JSON: {path}", error)


def _unusable(sentence: str, error: Exception | None = None) -> Any:
    sys.stderr.write(sentence + "\n")
    raise typer.Exit(UNUSABLE) from error
