"""Rows 20 to 23: every question is an entry, none can be changed, a regulator reads, terms hold."""

import io
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from audit.reading import read_entries
from audit.tags import EntryKind
from audit.verify.merkle import TILE_WIDTH
from audit.verify.tiles import bundle_bytes, split_bundle
from disclosure.scope import QuestionScope
from foundation.db import reading
from foundation.errors import Message, SandgateError
from service.acceptance import data
from service.acceptance.entries import REVIEWER
from service.acceptance.release_trials import released
from service.acceptance.stage import REFUSED_FROM, Stage, expect

REGULATOR = "inspector"
_QUESTIONS, _AT_ONCE = 40, 8
_GOOD, _TAMPERED = 0, 1
_VERIFY_SECONDS_MAX = 120
_ROOT = Path(__file__).resolve().parents[2]
_ONE_EACH = (
    EntryKind.QUESTION_DECIDED,
    EntryKind.QUESTION_REFUSED,
    EntryKind.ANSWER_REPEATED,
)
_ACTS: Sequence[tuple[str, object]] = (
    ("/agreements", {}),
    ("/licences", {}),
    ("/catalog/entries", {}),
    ("/periods", {"id": "p"}),
    ("/sessions", {"licence": "x"}),
    ("/retention/purges", {"record_class": "question_text"}),
)
Change = Callable[[list[bytes]], list[bytes]]


def complete(stage: Stage) -> Sequence[Message]:
    """Row 20: many questions at once, half of them denied; each session has exactly one event."""
    data.ensure_licence(stage)
    scopes = [data.scope(stage) for _ in range(_QUESTIONS)]

    def ask(numbered: tuple[int, QuestionScope]) -> bool:
        number, scope = numbered
        column = "region" if number % 2 else "sector"
        sql = f"SELECT shop FROM shops WHERE {column} <> 'x{number}'"  # noqa: S608
        with suppress(SandgateError):
            stage.platform.pipeline.ask(scope, sql, None)
            return True
        return False

    with ThreadPoolExecutor(_AT_ONCE) as many:
        answered = sum(many.map(ask, enumerate(scopes)))
    expect(0 < answered < _QUESTIONS, "演示的查询没有一半被拒绝。", "not half of them were denied")
    stage.platform.pipeline.write_counted_refusals()
    with reading(stage.platform.engine) as connection:
        kept = Counter(
            str(entry.public["session"]) for entry in read_entries(connection, kinds=_ONE_EACH)
        )
    right = all(kept[scope.session] == 1 for scope in scopes)
    expect(right, "有查询没有记录，或记录多于一条。", "a question has no event, or more than one")
    return (
        Message(
            f"{_AT_ONCE} 路并发共 {_QUESTIONS} 次查询，允许 {answered} 次、"
            f"拒绝 {_QUESTIONS - answered} 次，每次恰有一条记录",
            f"{_QUESTIONS} questions, {_AT_ONCE} at once, {answered} allowed and "
            f"{_QUESTIONS - answered} denied: exactly one event each",
        ),
    )


def tamper_evident(stage: Stage) -> Sequence[Message]:
    """Row 21: a byte, a row less, two rows exchanged: a process without the platform finds each."""
    whole = stage.by(REGULATOR).call("POST", "/log/bundles").body
    key = stage.by(REGULATOR).call("GET", "/log/key").body.decode().strip()
    untouched = verified(whole, key)
    expect(untouched, "原样导出的日志核验不通过。", "the log itself does not verify")
    for change, zh, en in (
        (_one_byte, "改动一个字节", "one byte changed"),
        (_one_less, "删除一行", "one row deleted"),
        (_exchanged, "两行调换顺序", "two rows exchanged"),
    ):
        found = verified(_with(whole, change), key)
        expect(not found, f"{zh}没有被发现。", f"{en}: it was not found")
    return (
        Message(
            "日志导出后在独立进程中离线核验通过（只用文件和公钥，不接触平台）",
            "an exported log verifies offline, in a process with files and a public key alone",
        ),
        Message(
            "改动一个字节、删除一行、调换两行，均被发现",
            "one byte changed, one row deleted, two rows exchanged: each is found",
        ),
    )


def regulator(stage: Stage) -> Sequence[Message]:
    """Row 22: the regulator writes nothing, finds by four terms, takes signed evidence away."""
    licence = data.ensure_licence(stage)
    release = released(stage)
    by = stage.by(REGULATOR)
    for path, body in _ACTS:
        reply = by.call("POST", path, body)
        expect(reply.status >= REFUSED_FROM, f"监管人员可以写入 {path}。", f"it can write {path}")
        stopped = reply.json["code"] == "role_missing"
        expect(stopped, "拒绝的原因不是角色。", "it was not refused for its role")
    terms = {
        "licence": licence,
        "person": "analyst",
        "dataset": "households",
        "since": data.day(stage, -1),
        "until": data.day(stage, 2),
    }
    for name in terms:
        chosen = {key: value for key, value in terms.items() if key in {name, "since"}}
        expect(_found(stage, chosen), f"按 {name} 没有查到。", f"nothing is found by {name}")
    both = _found(stage, terms)
    named = all(one["content"]["actor"]["person"] == "analyst" for one in both)
    expect(both and named, "组合筛选不对。", "the terms together find something else")
    expect(not _found(stage, {"person": "nobody"}), "筛选不起作用。", "terms choose nothing")
    body = {"timeline": {"subject": "release", "id": release["id"]}}
    pack = by.call("POST", "/regulator/exports", body).body
    key = by.call("GET", "/log/key").body.decode().strip()
    expect(verified(pack, key), "导出核验不通过。", "the export does not verify")
    forged = tampered(pack, "data/entries.csv")
    expect(not verified(forged, key), "篡改的导出未被发现。", "a forged export verifies")
    return (
        Message(
            f"监管人员的 {len(_ACTS)} 类写入操作均因角色被拒绝",
            f"{len(_ACTS)} kinds of writing are refused to the regulator",
        ),
        Message(
            "按许可、人员、数据集、时段可分别和组合筛选",
            "it finds by licence, person, data set and period, alone and together",
        ),
        Message(
            "导出的证据包带签名、可离线核验，改动即被发现",
            "an exported pack is signed and verifies offline; a change in it is found",
        ),
    )


def retention(stage: Stage) -> Sequence[Message]:
    """Row 23: nothing is erased before its term, and the log's own rows not at all."""
    reviewer, path = stage.by(REVIEWER), "/retention/purges"
    asked = {"record_class": "question_text", "before": data.day(stage)}
    three = reviewer.refused("POST", path, "purge_early", asked)
    six = reviewer.refused("POST", path, "purge_early", {**asked, "record_class": "attempt_labels"})
    network = {"record_class": "network_records"}
    reviewer.refused("POST", path, "class_not_purged", network)
    due = stage.by(REGULATOR).get("/retention/due")["classes"]
    months = {item["record_class"]: item["minimum_months"] for item in due}
    terms = (months["question_text"], months["network_records"]) == (36, 6)
    expect(terms, "保存期限不是三年和六个月。", "the terms are not three years and six months")
    _check_append_only(stage)
    return (
        Message(f"提前清理使用记录被拒绝：{three['detail']}", "an early purge of three years"),
        Message(f"六个月下限：{six['detail']}", "an early purge of six months is refused as well"),
        Message(
            "网络日志没有清理命令；直接删除数据库中的日志行也被数据库拒绝",
            "network logs have no purge, and the database itself refuses to delete a row",
        ),
    )


def _check_append_only(stage: Stage) -> None:
    gone = False
    with suppress(DatabaseError), stage.platform.engine.connect() as connection:
        connection.execute(text("DELETE FROM entry WHERE idx = 0"))
        gone = True
    expect(not gone, "日志行可以直接删除。", "a row of the log could be deleted")


def _found(stage: Stage, terms: Mapping[str, str]) -> list[dict[str, Any]]:
    asked = "&".join(f"{name}={value}" for name, value in terms.items())
    told = stage.by(REGULATOR).get(f"/regulator/search?{asked}")
    found: list[dict[str, Any]] = told["entries"]
    return found


def verified(archive: bytes, key: str) -> bool:
    """Tell what ``sandgate verify`` says of an archive in a process of its own.

    Raises NotShown where it says neither that it is whole nor that it was tampered with.
    """
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "bundle.zip"
        file.write_bytes(archive)
        command = [sys.executable, "-m", "audit.verify", "bundle", str(file), "--key", key]
        done = subprocess.run(
            command,
            cwd=_ROOT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
            timeout=_VERIFY_SECONDS_MAX,
        )
    expect(done.returncode in {_GOOD, _TAMPERED}, "核验程序不能运行。", "it cannot be verified")
    return done.returncode == _GOOD


def _with(archive: bytes, change: Change) -> bytes:
    """Return a log's archive whose first entries were changed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as held:
        name = min(name for name in held.namelist() if name.startswith("tile/entries/"))
        bodies = change(split_bundle(held.read(name), TILE_WIDTH))
    return _replaced(archive, name, bundle_bytes(bodies))


def tampered(archive: bytes, name: str) -> bytes:
    """Return an archive with one bit of a file changed."""
    with zipfile.ZipFile(io.BytesIO(archive)) as held:
        content = bytearray(held.read(name))
    content[-2] ^= 1
    return _replaced(archive, name, bytes(content))


def _replaced(archive: bytes, name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as held, zipfile.ZipFile(made, "w") as target:
        for path in held.namelist():
            target.writestr(path, content if path == name else held.read(path))
    return made.getvalue()


def _one_byte(bodies: list[bytes]) -> list[bytes]:
    body = bytearray(bodies[3])
    body[len(body) // 2] ^= 1
    return [*bodies[:3], bytes(body), *bodies[4:]]


def _one_less(bodies: list[bytes]) -> list[bytes]:
    return [*bodies[:3], *bodies[4:]]


def _exchanged(bodies: list[bytes]) -> list[bytes]:
    return [*bodies[:3], bodies[4], bodies[3], *bodies[5:]]
