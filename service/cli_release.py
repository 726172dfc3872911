"""Commands of the release desk, through the service's API with the caller's own token.

``trace`` reads the stray file here and tells the service digests and marks of it, never the file.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_remote import (
    DEFAULT_URL,
    UNUSABLE,
    Language,
    Out,
    Token,
    Url,
    call,
    path_part,
    save,
    show,
)

release = typer.Typer(no_args_is_help=True, help="The release desk. 出域审核")

Reason = Annotated[str, typer.Option(help="why; it stays in the private part of the entry")]
Comment = Annotated[str, typer.Option(help="needed to return or refuse")]
File = Annotated[Path, typer.Argument(help="the stray file", exists=True, dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
COPY_NAME = re.compile(rb"cpy_[A-Za-z0-9]{10,60}")
TRACED_BYTES_MAX = 64 << 20
MARKS_MAX = 100
NOTHING = {
    "zh": "没有找到：不是本平台交付的文件，或内容已被改动。",
    "en": "Nothing found: it is no file of this platform, or its values were changed.",
}


@release.command("list")
def release_list(
    token: Token,
    licence: Annotated[str, typer.Option(help="of this licence only")] = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """List the requests that you may see. 申请列表"""
    named = f"?licence={path_part(licence)}" if licence else ""
    show(call("GET", f"{url}/api/v1/releases{named}", token, language))


@release.command("show")
def release_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Show one request with files, checks and, once decided, votes. 查看申请"""
    show(call("GET", _of(url, identifier), token, language))


@release.command("preview")
def release_preview(
    identifier: str,
    token: Token,
    out: Out,
    name: Annotated[str, typer.Option(help="which file, where there are several")] = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Save the very bytes that would leave, to check them. 预览待出域文件"""
    named = f"?name={path_part(name)}" if name else ""
    save(out, call("GET", f"{_of(url, identifier)}/preview{named}", token, language).content)


@release.command("submit")
def release_submit(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Submit your draft. 提交申请"""
    show(call("POST", f"{_of(url, identifier)}/submit", token, language))


@release.command("revise")
def release_revise(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Turn what was sent back into a draft again. 修订退回的申请"""
    show(call("POST", f"{_of(url, identifier)}/revise", token, language))


@release.command("withdraw")
def release_withdraw(
    identifier: str,
    token: Token,
    reason: Reason,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Take your request back for good. 撤回申请"""
    show(call("POST", f"{_of(url, identifier)}/withdraw", token, language, {"reason": reason}))


@release.command("comment")
def release_comment(
    identifier: str,
    token: Token,
    text: Annotated[str, typer.Option(help="what to say")],
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Comment on a request. 发表意见"""
    show(call("POST", f"{_of(url, identifier)}/comments", token, language, {"comment": text}))


@release.command("vote")
def release_vote(
    identifier: str,
    token: Token,
    sha256: Annotated[str, typer.Option(help="the digest of what you read")],
    decision: Annotated[str, typer.Option(help="approve, return or refuse")] = "approve",
    comment: Comment = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Vote on exactly the bytes that you read. 表决"""
    body = {"decision": decision, "sha256": sha256, "comment": comment}
    show(call("POST", f"{_of(url, identifier)}/votes", token, language, body))


@release.command("return")
def release_return(
    identifier: str,
    token: Token,
    sha256: Annotated[str, typer.Option(help="the digest of what you read")],
    comment: Annotated[str, typer.Option(help="what the author must change")],
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Vote to send a request back to its author. 退回"""
    body = {"decision": "return", "sha256": sha256, "comment": comment}
    show(call("POST", f"{_of(url, identifier)}/votes", token, language, body))


@release.command("exception")
def release_exception(
    identifier: str,
    token: Token,
    check: Annotated[str, typer.Option(help="the failed check")],
    reason: Reason,
    file: Annotated[str, typer.Option(help="of this file; empty for the whole")] = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Let a failed check pass, as the release officer. 给予例外"""
    body = {"check": check, "file": file, "reason": reason}
    show(call("POST", f"{_of(url, identifier)}/exceptions", token, language, body))


@release.command("copy")
def release_copy(
    identifier: str,
    token: Token,
    out: Out,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Be handed your own copy, with its certificates, as a zip. 领取副本"""
    save(out, call("POST", f"{_of(url, identifier)}/copies", token, language).content)


@release.command("copies")
def release_copies(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """List who was handed a copy. 接收方列表"""
    show(call("GET", f"{_of(url, identifier)}/copies", token, language))


@release.command("recall")
def release_recall(
    identifier: str,
    token: Token,
    reason: Reason,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Take a delivered release back, as the authority. 召回"""
    show(call("POST", f"{_of(url, identifier)}/recall", token, language, {"reason": reason}))


@release.command("recalls")
def release_recalls(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print the signed list of recalls. 召回清单"""
    show(call("GET", f"{url}/api/v1/release-desk/recalls", token, language))


@release.command("metrics")
def release_metrics(token: Token, url: Url = DEFAULT_URL, language: Language = "zh") -> None:
    """Print queue ages, turnaround, failed checks and what waits. 审核指标"""
    show(call("GET", f"{url}/api/v1/release-desk/metrics", token, language))


@release.command("trace")
def trace(
    file: File,
    token: Token,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Say which release, session, author and recipient a file came from. 追查文件来源"""
    told = told_of(file)
    found = call("POST", f"{url}/api/v1/release-desk/traces", token, language, told).json()
    origins = found["origins"]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        lines = [_sentence(origin, language) for origin in origins]
        typer.echo("\n".join(lines or [NOTHING["en" if language == "en" else "zh"]]))
    raise typer.Exit(0 if origins else 1)


def told_of(file: Path) -> dict[str, Any]:
    """Return what the service is told of a file: digests and marks. Exit 2 for one too large."""
    from disclosure.release.fingerprints import seen  # noqa: PLC0415 - others start faster

    data = file.read_bytes()
    if len(data) > TRACED_BYTES_MAX:
        typer.echo(f"文件过大 / the file is too large: {file}", err=True)
        raise typer.Exit(UNUSABLE)
    told: dict[str, Any] = {
        "sha256": _digest(data),
        "marks": sorted({name.decode() for name in COPY_NAME.findall(data)})[:MARKS_MAX],
    }
    try:
        plain, quoted = seen(data.decode("utf-8-sig"))
    except ValueError:  # no CSV, or no text at all
        return told
    return {**told, "content": _digest(plain), "quoted": quoted}


def _sentence(origin: dict[str, Any], language: str) -> str:
    """Return one origin as a line in the reader's language."""
    recipient = origin["recipient"] or {}
    english = language == "en"
    unknown = "recipient unknown" if english else "接收方不明"
    handed = f"{recipient.get('organisation')}/{recipient.get('person')} {origin['handed']}"
    to = handed if recipient else unknown
    words = (
        ("release", "session", "author", "recipient")
        if english
        else ("出域", "会话", "申请人", "接收方")
    )
    values = (origin["release"], origin["session"] or "-", origin["author"], to)
    facts = "; ".join(f"{word} {value}" for word, value in zip(words, values, strict=True))
    marks = origin["marks"]
    counted = f" ({marks['agree']}/{marks['of']})" if marks["of"] else ""
    return f"{facts}. {origin['how']['en' if english else 'zh']}{counted}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _of(url: str, identifier: str) -> str:
    return f"{url}/api/v1/releases/{path_part(identifier)}"
