"""Plays rows one after another and says of each: passed, not passed and why, or what it waits for.

A row passes only by its own trial on the stage of this run. One that no trial plays is not passed.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from foundation.clock import to_iso
from foundation.errors import Message, SandgateError
from service.acceptance.items import ITEMS, Item
from service.acceptance.stage import NotShown, Stage

Trial = Callable[[Stage], Sequence[Message]]
"""Plays one row and returns what was seen, a sentence a step. Raises NotShown."""

PASSED = Message("通过", "passed")
FAILED = Message("未通过", "not passed")
WAITING = Message("未通过（未演示）", "not passed (not shown)")
UNTRIED = Message(
    "本命令尚无此项的演示；其测试见 SECURITY.md 与 docs/coverage.md",
    "this command does not play it yet; its tests are named in SECURITY.md and docs/coverage.md",
)


@dataclass(frozen=True)
class Verdict:
    """What became of one row. ``seen`` are the steps that were shown."""

    item: Item
    state: Message
    seen: Sequence[Message] = ()
    reason: Message | None = None

    @property
    def passed(self) -> bool:
        """Whether the row was shown, whole."""
        return self.state is PASSED

    def as_json(self) -> dict[str, object]:
        """Return the verdict for machines."""
        codes = {PASSED: "passed", FAILED: "not_passed", WAITING: "not_shown"}
        return {
            "number": self.item.number,
            "title": _both(self.item.title),
            "condition": _both(self.item.condition),
            "state": codes[self.state],
            "passed": self.passed,
            "seen": [_both(line) for line in self.seen],
            "reason": _both(self.reason) if self.reason else None,
        }


def play(
    stage: Stage, trials: Mapping[int, Trial], only: Iterable[int], told: Callable[[Verdict], None]
) -> list[Verdict]:
    """Play the rows asked for (none named: all), and tell each verdict as it falls."""
    wanted = set(only)
    verdicts = []
    for item in ITEMS:
        if wanted and item.number not in wanted:
            continue
        verdict = _played(stage, item, trials.get(item.number))
        told(verdict)
        verdicts.append(verdict)
    return verdicts


def _played(stage: Stage, item: Item, trial: Trial | None) -> Verdict:
    if trial is None:
        waits = item.shown_by or UNTRIED
        return Verdict(item, WAITING, reason=waits)
    try:
        return Verdict(item, PASSED, trial(stage))
    except NotShown as shown:
        return Verdict(item, FAILED, reason=shown.message)
    except SandgateError as refusal:
        return Verdict(item, FAILED, reason=refusal.message)
    except Exception as error:  # noqa: BLE001 - a trial that breaks is a row not passed
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__} ({place.name}:{place.lineno})"
        return Verdict(item, FAILED, reason=Message(f"演示中断：{said}", f"it broke off: {said}"))


def verdict_lines(verdict: Verdict, language: str) -> list[str]:
    """Return one row of the report: verdict, condition, what was seen or why not."""
    mark = "✓" if verdict.passed else "✗"
    item = verdict.item
    colon = "：" if language == "zh" else ": "
    title, state = item.title.in_language(language), verdict.state.in_language(language)
    asked = Message("要求", "asked").in_language(language)
    lines = [
        f"{mark} {item.number:>2} {title}{colon}{state}",
        f"      {asked}{colon}{item.condition.in_language(language)}",
    ]
    lines += [f"      · {line.in_language(language)}" for line in verdict.seen]
    if verdict.reason is not None:
        why = Message("原因", "why").in_language(language)
        lines.append(f"      {why}{colon}{verdict.reason.in_language(language)}")
    return lines


def summary(verdicts: Sequence[Verdict]) -> Message:
    """Return how many rows passed."""
    passed = sum(verdict.passed for verdict in verdicts)
    every = len(verdicts)
    return Message(
        f"共 {every} 项：通过 {passed} 项，未通过 {every - passed} 项。",
        f"{every} rows: {passed} passed, {every - passed} not passed.",
    )


def as_json(verdicts: Sequence[Verdict], time_us: int, policy_digest: str) -> dict[str, object]:
    """Return the report for machines."""
    return {
        "at": to_iso(time_us),
        "policy_digest": policy_digest,
        "passed": sum(verdict.passed for verdict in verdicts),
        "rows": [verdict.as_json() for verdict in verdicts],
    }


def heading(language: str, time_us: int) -> str:
    """Return the first line of the report."""
    day = datetime.fromtimestamp(time_us / 1e6, UTC).date().isoformat()
    return Message(
        f"沙闸验收报告（{day}，演示环境，数据均为虚构）",
        f"Sandgate: acceptance report ({day}, a temporary installation, all data fictional)",
    ).in_language(language)


def _both(message: Message) -> dict[str, str]:
    return {"zh": message.zh, "en": message.en}
