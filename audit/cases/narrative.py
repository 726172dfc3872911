"""The report of a case in Chinese: the facts in order, what proves them, and how to check that.

Everything in it is derived from the log and from what was opened; the paper is evidence only
together with the pack it lies in, whose manifest names its digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.cases.files import Case
from audit.cases.scope import Scope
from audit.cases.texts import FieldFound, FieldState
from audit.notes import VerifierKey, parse_checkpoint, split_note
from audit.reading import LogEntry
from audit.view.narration import Names, sentence
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.paper import Paper
from foundation.terms import local_day, start_of_day_us

STATE_WORDS: Mapping[FieldState, str] = {
    FieldState.DISCLOSED: "已披露",
    FieldState.WITHHELD: "按规则不予披露",
    FieldState.ERASED: "已到期抹除",
    FieldState.LOST: "缺失且无抹除记录：存储被改动",
}
FIELD_WORDS: Mapping[str, str] = {
    "sql": "查询原文",
    "cell": "代码原文",
    "reason": "理由",
    "grounds": "立案理由",
    "comment": "审核意见",
    "statement": "声明",
    "name": "姓名",
    "label": "自报文字",
    "engine": "内部结果字",
}

COMMANDS = """\
sandgate verify bundle 案件包.zip --key 日志公钥
sandgate verify bundle 案件包.zip --key 日志公钥 --texts
python -m audit.verify bundle 案件包.zip --key 日志公钥"""

BY_HAND = """\
叶哈希  = SHA-256(0x00 || entries/<序号>.json 的全部字节)
承诺    = SHA-256(salt || text)（取自 private.jsonl），对照该条目 "private" 中的同名字段
清单    = SHA-256(manifest.json)，对照 export.json 中的 manifest_digest
本报告  = SHA-256(report.pdf)，对照 manifest.json 中的 files"""

GO = """\
note.Open(checkpoint, note.VerifierList(verifier))             // golang.org/x/mod/sumdb/note
tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(body))  // golang.org/x/mod/sumdb/tlog"""


@dataclass(frozen=True)
class Story:
    """What a report tells: a case, its entries, their private fields, and the log they are from."""

    case: Case
    entries: Sequence[LogEntry]
    fields: Sequence[FieldFound]
    names: Names
    key: VerifierKey
    note: str
    made_at_us: int
    policy_digest: str


def case_report(story: Story) -> bytes:
    """Write the report as PDF; equal stories give equal bytes."""
    head = parse_checkpoint(story.note)
    paper = Paper(
        "审计案件报告",
        made_at_us=story.made_at_us,
        subtitle=f"案件 {story.case.id} · 编写于 {china_time(story.made_at_us)}（北京时间）",
        footer=f"{head.origin} · {head.size} 条 · 根 {head.root.hex()}",
    )
    _case(paper, story)
    _facts(paper, story)
    _texts(paper, story)
    _proofs(paper, story)
    _checking(paper, story)
    return paper.pdf()


def china_time(time_us: int) -> str:
    """Write UTC microseconds as date and time in China, to the second."""
    day = local_day(time_us)
    seconds = (time_us - start_of_day_us(day)) // MICROSECONDS_PER_SECOND
    return f"{day.isoformat()} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def scope_words(scope: Scope) -> str:
    """Say in Chinese what a hold covers."""
    named = [
        f"{word} {'、'.join(values)}"
        for word, values in (
            ("授权", scope.licences),
            ("人员", scope.persons),
            ("数据集", scope.datasets),
        )
        if values
    ]
    since = "" if scope.since_us is None else f"自 {china_time(scope.since_us)}"
    until = "" if scope.until_us is None else f"至 {china_time(scope.until_us)}（不含）"
    return "；".join(["涉及其一：" + "，".join(named)] if named else ["全部日志"]) + (
        f"；{since}{until}" if since or until else ""
    )


def _case(paper: Paper, story: Story) -> None:
    case = story.case
    paper.heading("一、案件")
    house = story.names.organisation(case.organisation).zh
    paper.facts(
        [
            ("办案单位", f"{house}（{case.organisation}）"),
            ("立案人", story.names.person(case.opened_by)),
            ("立案", f"{china_time(case.opened_us)}，日志第 {case.opened_index} 号条目"),
            ("规则包摘要", story.policy_digest),
            ("所含条目", f"{len(story.entries)} 条"),
        ]
    )
    rows = [
        [
            hold.id,
            scope_words(hold.scope),
            f"第 {hold.placed_index} 号\n{china_time(hold.placed_us)}",
            "有效" if hold.lifted_index is None else f"已由第 {hold.lifted_index} 号条目解除",
        ]
        for hold in case.holds
    ]
    paper.table(["保全", "范围", "设置", "状态"], rows, widths=[3, 5, 2.4, 2])


def _facts(paper: Paper, story: Story) -> None:
    paper.heading("二、事实经过")
    paper.paragraph(
        "以下按日志顺序列出保全范围内的全部条目。时间为平台所记（北京时间），先后次序由日志结构保证。",
        small=True,
    )
    rows = [
        [str(entry.index), china_time(entry.time_us), _told(entry, story.names)]
        for entry in story.entries
    ]
    paper.table(["条目", "时间", "何人、何事、判定与依据"], rows, widths=[1.1, 2.4, 9], numbers={0})


def _told(entry: LogEntry, names: Names) -> str:
    public = entry.public
    digest = public.get("policy_digest") or public.get("rule_digest")
    grounds = f"\n规则 {digest.removeprefix('sha256:')}" if isinstance(digest, str) else ""
    return sentence(entry, names).zh + grounds


def _texts(paper: Paper, story: Story) -> None:
    paper.heading("三、非公开文字")
    if not story.fields:
        paper.paragraph("所含条目没有非公开字段。")
        return
    paper.paragraph(
        "条目原文只含加盐承诺；下列文字凭本案件打开，打开本身已记入日志，并可对照承诺核验。",
        small=True,
    )
    rest: dict[str, list[str]] = {}
    for item in story.fields:
        word = FIELD_WORDS.get(item.field, item.field)
        if item.hidden is not None:
            paper.code(item.hidden.text, caption=f"第 {item.index} 号条目 · {word}")
            continue
        by = "" if item.erased_index is None else f"（第 {item.erased_index} 号条目）"
        rest.setdefault(f"{word}：{STATE_WORDS[item.state]}{by}", []).append(str(item.index))
    if rest:
        rows = [[state, "、".join(indexes)] for state, indexes in rest.items()]
        paper.table(["未披露的字段", "所在条目"], rows, widths=[3, 6])


def _proofs(paper: Paper, story: Story) -> None:
    head = parse_checkpoint(story.note)
    paper.heading("四、哈希与签名")
    paper.facts(
        [
            ("日志", head.origin),
            ("检查点", f"{head.size} 条"),
            ("根哈希", head.root.hex()),
            ("日志公钥", story.key.text()),
        ]
    )
    paper.paragraph("编写本报告时的检查点原文；本包的 checkpoint 文件是其后包含本次导出的检查点：")
    paper.code(story.note.strip())
    _text, lines = split_note(story.note)
    paper.table(
        ["签名者", "指纹", "说明"],
        [
            [
                line.name,
                line.key_id.hex(),
                "日志签名" if line.key_id == story.key.key_id else "其他签名或见证签名",
            ]
            for line in lines
        ],
        widths=[5, 2, 4],
    )
    paper.heading("各条目的叶哈希", level=2)
    rows = [[str(entry.index), entry.kind, entry.leaf_hash.hex()] for entry in story.entries]
    paper.table(["条目", "种类", "叶哈希（SHA-256）"], rows, widths=[1.1, 3.2, 7.2], numbers={0})


def _checking(paper: Paper, story: Story) -> None:
    paper.heading("五、如何核验")
    paper.paragraph(
        "公钥与早先的检查点须取自包外（监管单位留存），包内 keys.json 仅供参考。"
        "核验不需要平台、数据库或网络；退出码 0 完好、1 被改动、2 无法读取、3 未达要求。"
    )
    paper.heading("用本平台的离线核验程序（Python 与 cryptography）", level=2)
    paper.code(COMMANDS)
    paper.heading("手工核对", level=2)
    paper.code(BY_HAND)
    paper.heading("用他方工具", level=2)
    paper.paragraph(
        "检查点为 C2SP signed note，证明为 c2sp.org/tlog-proof（RFC 6962，SHA-256）。"
        "Go 官方模块、sigstore（Python 与 npm）及任何 RFC 6962 程序库均可核验："
    )
    paper.code(GO)
    paper.paragraph(
        "sigstore：以日志公钥构造密钥环后校验检查点签名，再用其 Merkle 核验函数，"
        "以叶哈希、序号、检查点大小、proofs/<序号>.tlog-proof 中的哈希与根哈希核对。"
    )
    paper.paragraph(
        "本包证明所列各条属实；不能单独证明没有遗漏（须对照全部日志），也不能单独排除用平台"
        f"自己的密钥重写日志（须对照早先的检查点或见证签名）。日志名称：{story.key.name}。",
        small=True,
    )
