"""Rows 4 and 24: working-day clocks over National Day, the overdue list, registration's clocks."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from foundation.clock import from_iso
from foundation.errors import Message
from service.acceptance.entries import REVIEWER, drafted, submitted
from service.acceptance.stage import NotShown, Stage, expect

NATIONAL_DAYS: Mapping[str, Mapping[int, str]] = {
    # 2025: off 1-8 October, worked on Sunday 28 September and Saturday 11 October.
    "2025-09-29": {1: "2025-09-30", 2: "2025-10-09", 3: "2025-10-10", 10: "2025-10-20",
                   20: "2025-11-03"},
    # 2026: off 1-7 October, worked on Sunday 20 September and Saturday 10 October.
    "2026-09-29": {1: "2026-09-30", 2: "2026-10-08", 3: "2026-10-09", 10: "2026-10-19",
                   20: "2026-11-02"},
}  # fmt: skip
"""Day of submission to the last day after so many working days, counted by hand."""
CLOCKS: Mapping[str, int] = {
    "share_unconditional": 1,
    "share_conditional": 10,
    "share_supply": 20,
    "catalogue_review": 2,
    "registration_acceptance": 3,
    "registration_review": 20,
    "registration_notice": 10,
}
REGISTRATION = tuple(name for name in CLOCKS if name.startswith("registration_"))
_NOON_IN_CHINA = "T12:00:00+08:00"
_OVERDUE_DAYS = 14


def clocks(stage: Stage) -> Sequence[Message]:
    """Row 4: all seven clocks by hand-counted dates, then an overdue list of one real matter."""
    _check(stage, CLOCKS)
    told = submitted(stage, drafted(stage))
    reviewer = stage.by(REVIEWER)
    expect(
        told["matter"] not in _overdue(stage),
        "刚提交即被列为逾期。",
        "it is listed as overdue on the day of submission",
    )
    stage.go_on(_OVERDUE_DAYS)
    listed = told["matter"] in _overdue(stage)
    expect(listed, "超期后未进入逾期清单。", "it is not on the overdue list")
    shown = reviewer.get(f"/matters/{told['matter']}")
    expect(shown["state"] == "open", "逾期被当作默许。", "silence was taken for consent")
    return (
        Message(
            "七个时限 1/10/20/2/3/20/10 个工作日，2025、2026 年国庆各一组，与手算一致",
            "seven clocks of 1/10/20/2/3/20/10 working days, over two National Days, as by hand",
        ),
        Message(
            "两个工作日的审核超期后列入逾期清单，事项仍待办（沉默不等于同意）",
            "a review of two working days is listed as overdue, and stays open: silence grants no",
        ),
    )


def registration(stage: Stage) -> Sequence[Message]:
    """Row 24: its clocks are right; the rest of the row waits for registration."""
    _check(stage, {name: CLOCKS[name] for name in REGISTRATION})
    raise NotShown(
        Message(
            "受理 3、形式审核 20、公示 10 个工作日的时限已验证；登记、赋码、续展、注销功能尚未建设",
            "its clocks of 3, 20 and 10 working days are right; registration itself is not built",
        )
    )


def _check(stage: Stage, wanted: Mapping[str, int]) -> None:
    for start, by_days in NATIONAL_DAYS.items():
        start_us = from_iso(start + _NOON_IN_CHINA)
        for name, days in wanted.items():
            due = stage.platform.clocks.due(name, start_us)
            right = due.working_days == days and due.on == by_days[days]
            expect(
                right,
                f"{start} 起 {days} 个工作日应为 {by_days[days]}，系统得 {due.on}。",
                f"{days} working days from {start}: {due.on}, not {by_days[days]}",
            )
            after = date.fromisoformat(due.on) + timedelta(days=1)
            ends = due.us == from_iso(f"{after.isoformat()}T00:00:00+08:00")
            expect(ends, "期限没有在当日二十四时结束。", "the clock does not end at midnight")


def _overdue(stage: Stage) -> set[str]:
    told = stage.by(REVIEWER).get("/matters/overdue")
    return {str(item["id"]) for item in told["matters"]}
