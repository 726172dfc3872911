"""The line above a session's frame: mode, budget left, licence days left, spend, time left.

It stands on the platform's own page, outside the frame, so nothing in a session can forge it. All
numbers are the licence's own; the words are made here, the page only shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.errors import Message
from sandbox.lifecycle import MODE_NAMES, SessionMode

MICRO_FEN_PER_FEN = 1_000_000
HOUR_MINUTES = 60
LOW_PERCENT = 10
LOW_DAYS = 7
NONE_LEFT = Message("本授权没有隐私预算", "no privacy budget in this licence")


@dataclass(frozen=True)
class StripItem:
    """One fact of the line; ``tone`` is ``plain``, ``low`` or ``twin``."""

    label: Message
    value: Message
    tone: str = "plain"

    def in_language(self, language: str) -> dict[str, str]:
        """Return what the page shows."""
        return {
            "label": self.label.in_language(language),
            "value": self.value.in_language(language),
            "tone": self.tone,
        }


def strip_of(status: Mapping[str, Any], language: str) -> dict[str, object]:
    """Return the line for a session's status, and the warning that is due, if one is."""
    items = [
        _mode(SessionMode(status["mode"])),
        _budget(status["budgets"]),
        _days(int(status["licence_days_left"])),
        _spend(int(status["spent_micro_fen"])),
        _time(status.get("minutes_left"), status.get("idle_minutes_left")),
    ]
    warning = status.get("warning")
    told = warning.get("zh" if language.lower().startswith("zh") else "en") if warning else None
    return {"items": [item.in_language(language) for item in items], "warning": told}


def _mode(mode: SessionMode) -> StripItem:
    tone = "twin" if mode is SessionMode.DEBUG else "plain"
    return StripItem(Message("模式", "Mode"), MODE_NAMES[mode], tone)


def _budget(budgets: Sequence[Mapping[str, Any]]) -> StripItem:
    """Show the population that has least left: what every level leaves, in the licence's share."""
    shares = [share for share in (_share(item["levels"]) for item in budgets) if share is not None]
    label = Message("隐私预算剩余", "Privacy budget left")
    if not shares:
        return StripItem(label, NONE_LEFT)
    least = min(shares)
    return StripItem(label, _same(f"{least} %"), "low" if least < LOW_PERCENT else "plain")


def _share(levels: Sequence[Mapping[str, Any]]) -> int | None:
    own = [level for level in levels if level["kind"] in {"licence", "project"}]
    cap = min((int(level["cap_nano_rho"]) for level in own), default=0)
    left = min((int(level["remaining_nano_rho"]) for level in levels), default=0)
    return None if cap == 0 else min(100, left * 100 // cap)


def _days(days: int) -> StripItem:
    label = Message("授权剩余", "Licence")
    told = Message(f"{days} 天", f"{days} days left")
    return StripItem(label, told, "low" if days < LOW_DAYS else "plain")


def _spend(micro_fen: int) -> StripItem:
    """Show yuan and fen, rounded up: a line must not look cheaper than the bill."""
    fen = -(-micro_fen // MICRO_FEN_PER_FEN)
    return StripItem(
        Message("本会话费用", "Spent in this session"), _same(f"￥{fen // 100:,}.{fen % 100:02d}")
    )


def _time(minutes: object, idle_minutes: object) -> StripItem:
    left = minutes if isinstance(minutes, int) else 0
    label = Message("会话还剩", "Session")
    told = Message(f"{_clock_zh(left)}", f"{_clock_en(left)} left")
    idle_low = isinstance(idle_minutes, int) and idle_minutes < LOW_PERCENT
    return StripItem(label, told, "low" if left < HOUR_MINUTES // 2 or idle_low else "plain")


def _clock_zh(minutes: int) -> str:
    hours, rest = divmod(minutes, HOUR_MINUTES)
    return f"{hours} 小时 {rest} 分" if hours else f"{rest} 分钟"


def _clock_en(minutes: int) -> str:
    hours, rest = divmod(minutes, HOUR_MINUTES)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _same(text: str) -> Message:
    return Message(text, text)
