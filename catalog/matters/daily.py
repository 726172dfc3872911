"""Decides how much one person may begin in a civil day, so that nobody fills others' lists.

Counted from the committed rows inside the writer's own transaction: a restart forgets nothing, and
two at once are counted one after another. Another account of the same person changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Column, ColumnElement, Connection, func, select

from catalog.matters.clocks import Clocks
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message, TooMany


class DailyAct(StrEnum):
    """What is counted, named as its rule is without ``_max``."""

    ENTRY_DRAFTS = "entry_drafts"
    ENTRY_TEXTS = "entry_texts"
    IMPORTS = "imports"
    SHARE_DRAFTS = "share_drafts"
    DEMANDS = "demands"
    CORRECTIONS = "corrections"


NAMES: Mapping[DailyAct, Message] = MappingProxyType(
    {
        DailyAct.ENTRY_DRAFTS: Message("单独编制或变更的目录条目", "entries drafted one by one"),
        DailyAct.ENTRY_TEXTS: Message("编制或变更的目录条目", "drafts of entries, in batches too"),
        DailyAct.IMPORTS: Message("评判的导入表格", "judged imports"),
        DailyAct.SHARE_DRAFTS: Message("起草的共享申请", "drafts of sharing requests"),
        DailyAct.DEMANDS: Message("提出的数据需求", "demands"),
        DailyAct.CORRECTIONS: Message("提出的校核与异议", "corrections and objections"),
    }
)


@dataclass(frozen=True)
class Daily:
    """One kind of row that is counted: who began it, and when in UTC microseconds.

    ``only`` narrows the rows that count.
    """

    act: DailyAct
    by: Column[str]
    begun_us: Column[int]
    only: ColumnElement[bool] | None = None

    def check(
        self, connection: Connection, clocks: Clocks, now_us: int, person: str, adding: int = 1
    ) -> None:
        """Refuse ``adding`` more rows of a person than the rule of the day allows. Raises TooMany.

        ``now_us`` is the entry's time: its civil day is the day that is counted.
        """
        calendar = clocks.rules.calendar
        today = calendar.civil_day(now_us)
        counted = select(func.count()).where(
            self.by == person, self.begun_us >= calendar.starts_us(today)
        )
        if self.only is not None:
            counted = counted.where(self.only)
        most = int(getattr(clocks.daily, f"{self.act}_max"))
        if connection.execute(counted).scalar_one() + adding > most:
            left_us = calendar.starts_us(today + timedelta(days=1)) - now_us
            raise _too_many(self.act, most, left_us)


def _too_many(act: DailyAct, most: int, left_us: int) -> TooMany:
    names = NAMES[act]
    refusal = TooMany(
        "daily_limit",
        Message(
            f"每人每日{names.zh}不超过{most}件，本次将超过。",
            f"One person begins at most {most} a day ({names.en}); this would be more.",
        ),
        field="actor",
        rule=f"policies/daily {act}_max",
        way_out=Message(
            "明日零时起可继续办理；确需更多的，请数据主管部门修订该规则。",
            "Go on from midnight; where more is truly needed, the data authority changes the rule.",
        ),
    )
    refusal.retry_seconds = -(-left_us // MICROSECONDS_PER_SECOND)
    return refusal
