"""The panel's report on paper: in Chinese, one table of verdicts, then each row with what was seen.

What is printed is what the command line says: nothing is judged here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.paper import Paper
from service.acceptance.report import Verdict, summary

_CHINA = timedelta(hours=8)
_WIDTHS = (1.0, 4.0, 7.0, 3.0)


def report_pdf(verdicts: Sequence[Verdict], made_us: int, policy_digest: str) -> bytes:
    """Return the report as PDF. ``made_us`` is when the first row was played, UTC microseconds."""
    seconds = made_us // MICROSECONDS_PER_SECOND
    at = datetime.fromtimestamp(seconds, UTC) + _CHINA
    paper = Paper(
        "沙闸验收报告",
        made_at_us=made_us,
        subtitle="演示环境，数据均为虚构",
        footer=f"规则 {policy_digest}",
    )
    passed = sum(verdict.passed for verdict in verdicts)
    paper.facts(
        [
            ("演示时间", f"{at:%Y-%m-%d %H:%M}（北京时间）"),
            ("结论", summary(verdicts).zh),
        ]
    )
    paper.bars(
        [
            ("通过", passed, f"{passed} 项"),
            ("未通过", len(verdicts) - passed, f"{len(verdicts) - passed} 项"),
        ]
    )
    paper.heading("一、结论一览")
    paper.table(
        ["序号", "项目", "通过条件", "结论"],
        [
            [str(one.item.number), one.item.title.zh, one.item.condition.zh, one.state.zh]
            for one in verdicts
        ],
        widths=_WIDTHS,
        numbers={0},
    )
    paper.heading("二、逐项所见")
    for verdict in verdicts:
        _row(paper, verdict)
    paper.heading("三、签字")
    paper.facts([("验收组", ""), ("数据主管部门", ""), ("日期", "")])
    return paper.pdf()


def _row(paper: Paper, verdict: Verdict) -> None:
    item = verdict.item
    paper.heading(f"{item.number}. {item.title.zh}：{verdict.state.zh}", 2)
    for line in verdict.seen:
        paper.paragraph(f"· {line.zh}")
    if verdict.reason is not None:
        paper.paragraph(f"原因：{verdict.reason.zh}")
