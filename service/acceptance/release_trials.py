"""Rows 15 and 17 to 19: what a table shows, how an answer leaves, is traced, and is called back."""

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from foundation.errors import Message, SandgateError
from foundation.ids import new_id
from service.acceptance import data
from service.acceptance.entries import REVIEWER
from service.acceptance.stage import REFUSED_FROM, Stage, expect
from service.cli_release import told_of

BY_REGION = "SELECT region, COUNT(*) AS n FROM households GROUP BY region"
BY_WARD = "SELECT ward, COUNT(*) AS n FROM visits GROUP BY ward"
AUTHOR, CHECKERS = "analyst", ("checker_one", "checker_two")
_CREATED = 201
_SHOWN_MIN = 10
_REASON = {"reason": "演示：数据有误"}


def minimum_cell(stage: Stage) -> Sequence[Message]:
    """Row 15: nine people are hidden, ten are shown, and a second table cannot undo it."""
    data.ensure_licence(stage)
    cells = {row["ward"]: row for row in _table(stage, BY_WARD)}
    hidden, shown = cells["east"], cells["north"]
    expect(
        hidden["suppressed"] == "True" and hidden["n"] == "",
        f"{data.WARDS['east']} 人的单元格没有被抑制。",
        "the cell of nine is shown",
    )
    right = shown["suppressed"] == "False" and shown["n"] == str(_SHOWN_MIN)
    expect(right, "10 人的单元格没有显示。", "the cell of ten is not shown")
    one = next(row for row in data.visit_rows() if row["ward"] == "south")
    but_one = f"FROM visits WHERE cost <> {one['cost']} GROUP"
    near = _table(stage, BY_WARD.replace("FROM visits GROUP", but_one))
    told = {row["ward"] for row in near if row["suppressed"] == "False"}
    expect("south" not in told, "两张表相减可得出一个人。", "two tables tell of one person")
    return (
        Message("9 人的单元格被抑制，10 人的单元格显示", "nine are suppressed, ten are shown"),
        Message(
            "另一张只少一人的表：可由相减得出个人的单元格被抑制或整表拒绝",
            "of a second table, that differs by one person, the cell that tells is not shown",
        ),
    )


def two_people(stage: Stage) -> Sequence[Message]:
    """Row 17: nothing leaves before two checkers, neither of them the author, have approved."""
    request = submitted(stage)
    author, path = stage.by(AUTHOR), f"/releases/{request['id']}"
    copies = f"{path}/copies"
    early = author.call("POST", copies)
    expect(early.status >= REFUSED_FROM, "未经批准即可导出。", "it left without approval")
    fetched = stage.by("buyer").call("POST", f"/products/{request['licence']}/fetches")
    expect(fetched.status >= REFUSED_FROM, "未经批准即可领取。", "it was fetched unapproved")
    author.refused("POST", f"{path}/votes", "role_missing", _vote(request))
    one, two = (stage.by(checker) for checker in CHECKERS)
    other = {**_vote(request), "sha256": "sha256:" + "0" * 64}
    one.refused("POST", f"{path}/votes", "release_bytes_differ", other)
    one.post(f"{path}/votes", _vote(request))
    one.refused("POST", f"{path}/votes", "voted_already", _vote(request))
    expect(
        author.call("POST", copies).status >= REFUSED_FROM, "一票即出域。", "one vote let it out"
    )
    delivered = two.post(f"{path}/votes", _vote(request))
    expect(delivered["state"] == "delivered", "两票后没有出域。", "two votes did not release it")
    expect(
        author.call("POST", copies).status < REFUSED_FROM, "批准后不能导出。", "it did not leave"
    )
    return (
        Message("批准前导出、领取均被拒绝", "before approval neither copy nor fetch is possible"),
        Message(
            "申请人不能审核；同一人不能投两票；所审与所出的文件须逐字节一致",
            "the author cannot vote, nobody votes twice, and a vote names the very bytes",
        ),
        Message("两名不同审核人同意后出域", "two different checkers release it"),
    )


def traced(stage: Stage) -> Sequence[Message]:
    """Row 18: a file found astray names its release, session, author and recipient."""
    release = released(stage)
    copy = stage.by(AUTHOR).call("POST", f"/releases/{release['id']}/copies")
    with zipfile.ZipFile(io.BytesIO(copy.body)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".csv"))
        leaked = archive.read(name)
    found = {one["release"]: one for one in _origins(stage, leaked) if one["recipient"]}
    named = release["id"] in found and found[release["id"]]["recipient"]["person"] == AUTHOR
    expect(named, "没有追溯到出域和人员。", "release and person were not named")
    origin = found[release["id"]]
    known = origin["session"] == stage.kept["session"] and origin["author"] == AUTHOR
    expect(known, "没有追溯到会话。", "the session was not named")
    unquoted = _origins(stage, leaked.replace(b'"', b""))
    known = release["id"] in {one["release"] for one in unquoted}
    expect(known, "去除标记后无法追溯到出域。", "without its marks no release was named")
    expect(not _origins(stage, b"a,b\n1,2\n"), "无关文件被误认。", "another file was named")
    return (
        Message(
            "凭一份外泄文件即查明出域申请、会话、申请人和接收人",
            "one leaked file names release, session, author and recipient",
        ),
        Message(
            "抹去标记后仍可追溯到出域申请；无关文件不会误认",
            "without its marks it still names the release; another file names none",
        ),
    )


def recall(stage: Stage) -> Sequence[Message]:
    """Row 19: a correction upheld names what rests on the data, and it is called back."""
    release = released(stage)
    copied = stage.by(AUTHOR).call("POST", f"/releases/{release['id']}/copies")
    expect(copied.status == _CREATED, "未能取得副本。", "no copy was handed over")
    claim = {"target": "dataset", "subject": "households", "claim": "分区登记有误"}
    raised = stage.by("buyer").post("/corrections", {**claim, "evidence": "户籍登记表第三页"})
    path = f"/corrections/{raised['id']}"
    reviewer = stage.by(REVIEWER)
    early = reviewer.post(f"{path}/recalls", _REASON)
    expect(early["recalled"] == [], "未核实即召回。", "it was recalled before it was upheld")
    judged = {"upheld": True, "answer": "属实"}
    upheld = stage.by("civil_clerk").post(f"{path}/judgement", judged)
    listed = {item["output"] for item in upheld["affected"]}
    expect(release["id"] in listed, "没有列出受影响的产品。", "the product is not listed")
    recalled = {item["id"] for item in reviewer.post(f"{path}/recalls", _REASON)["recalled"]}
    expect(release["id"] in recalled, "没有召回。", "it was not recalled")
    author = stage.by(AUTHOR)
    author.refused("POST", f"/releases/{release['id']}/copies", "release_recalled")
    notices = author.get("/release-desk/notices")["notices"]
    expect(notices, "没有通知接收方。", "nobody was told")
    stage.kept.pop("release", None)
    return (
        Message("核实前不召回；更正成立后列出受影响的产品", "upheld, it lists what rests on it"),
        Message(
            f"{len(recalled)} 个产品被召回，不能再导出，并通知接收方",
            f"{len(recalled)} products are recalled, leave no more, and recipients are told",
        ),
    )


def submitted(stage: Stage, licence_id: str | None = None) -> dict[str, Any]:
    """Submit the table of households by region to the desk, as a session does."""
    licence = licence_id or data.ensure_licence(stage)
    answer = data.facts_of(data.ask(stage, BY_REGION, licence_id=licence))["answer_id"]
    file = FileDraft(name="households.csv", source="answer", reference=str(answer))
    return sent_to_desk(stage, licence, file)


def released(stage: Stage) -> dict[str, Any]:
    """Return a release that two checkers let out; made once, and again after a recall."""
    if "release" not in stage.kept:
        stage.kept["release"] = let_out(stage, submitted(stage))
    found: dict[str, Any] = stage.kept["release"]
    return found


def let_out(stage: Stage, request: Mapping[str, Any]) -> dict[str, Any]:
    """Let two checkers approve a request; return it as the second one's vote left it."""
    path = f"/releases/{request['id']}/votes"
    stage.by(CHECKERS[0]).post(path, _vote(request))
    found: dict[str, Any] = stage.by(CHECKERS[1]).post(path, _vote(request))
    return found


def _table(stage: Stage, sql: str) -> list[Mapping[str, str]]:
    """Return a table as a checker sees it; no rows where the whole table is refused."""
    file = FileDraft(name="table.csv", source="table", plan={"sql": sql})
    try:
        request = sent_to_desk(stage, data.ensure_licence(stage), file)
    except SandgateError as refusal:
        protected = refusal.code == "table_not_protectable"
        expect(protected, refusal.message.zh, refusal.message.en)
        return []
    shown = stage.by(CHECKERS[0]).call("GET", f"/releases/{request['id']}/preview").body.decode()
    head, *lines = shown.splitlines()
    return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]


def sent_to_desk(stage: Stage, licence: str, file: FileDraft) -> dict[str, Any]:
    """Submit one file to the desk, as a session does; return the request. Raises SandgateError."""
    desk, actor = stage.platform.desk, stage.actor(AUTHOR)
    title = {"title_zh": "演示表", "title_en": "A table", "context": "演示"}
    session = stage.kept.setdefault("session", new_id("ses"))
    draft = desk.draft(actor, licence, ReleaseDraft(files=(file,), **title), session)
    request = desk.submit_draft(actor, draft.id)
    found: dict[str, Any] = stage.by(AUTHOR).get(f"/releases/{request.id}")
    return found


def _vote(request: Mapping[str, Any]) -> dict[str, str]:
    return {"decision": "approve", "sha256": str(request["sha256"]), "comment": "已核对"}


def _origins(stage: Stage, content: bytes) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as made:
        stray = Path(made) / "stray"
        stray.write_bytes(content)
        told = told_of(stray)
    reply = stage.by(REVIEWER).call("POST", "/release-desk/traces", told)
    origins: list[dict[str, Any]] = json.loads(reply.body)["origins"]
    return origins
