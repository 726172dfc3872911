"""What each check counts: of every entry, for whom it counts, and how much.

A check looks at one entry's public body alone. What it counts is a function of question and
policy, never of data, so that an alert tells nobody more than the questions did.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from audit.reading import LogEntry
from audit.tags import EntryKind
from foundation.calendar import WorkingDayCalendar
from foundation.canonical import digest
from foundation.errors import Message
from policies.schema.alerts import PPM, AlertRules, CheckName

CHECK_WORDS: Mapping[CheckName, Message] = {
    "refused_bursts": Message("短时间内大量被拒绝", "many refusals in a short time"),
    "budget_drained": Message("隐私预算消耗过快", "a privacy budget drained fast"),
    "odd_hours": Message("非工作时间的大量查询", "many questions at odd hours"),
    "circling_columns": Message(
        "同一人围绕同一组列反复查询", "one person's questions circle the same columns"
    ),
    "circling_refusals": Message(
        "同一人多次触及小群体保护", "one person's questions keep meeting small groups"
    ),
    "screen_spent": Message("当日屏幕输出额度用尽", "a person's screen budget of a day was spent"),
}
_REFUSALS = frozenset(
    {
        EntryKind.QUESTION_REFUSED,
        EntryKind.REFUSALS_COALESCED,
        EntryKind.VERIFICATION_REFUSED,
        EntryKind.REQUEST_REFUSED,
        EntryKind.SESSION_REFUSED,
        EntryKind.PRODUCT_REFUSED,
        EntryKind.VOTE_REFUSED,
    }
)
_ASKED = frozenset(
    {EntryKind.QUESTION_DECIDED, EntryKind.ANSWER_REPEATED, EntryKind.QUESTION_REFUSED}
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS_PER_PPM = 1_000_000
SCALES: Mapping[CheckName, int] = {"budget_drained": _PARTS_PER_PPM}
"""How finely a check counts one unit of its minimum, so that many small charges add up."""
Caps = Callable[[str], int | None]


@dataclass(frozen=True)
class Weighed:
    """One entry counts so much for one key; with ``once``, equal marks count a single time."""

    key: str
    weight: int
    about: Mapping[str, object]
    once: str | None = None


@dataclass(frozen=True)
class Checks:
    """The checks under one rule file and one working-day calendar.

    ``caps`` returns a budget level's cap in nano-rho, None where there is no such level.
    """

    rules: AlertRules
    calendar: WorkingDayCalendar
    caps: Caps
    uncovered_years: set[int] = field(default_factory=set)

    def weigh(
        self, check: CheckName, entry: LogEntry, content: Mapping[str, Any]
    ) -> Iterator[Weighed]:
        """Say for whom an entry counts in a check; ``content`` is its body, read once for all."""
        yield from _WEIGHERS[check](self, entry, content["actor"], content["public"])

    def at_work(self, time_us: int) -> bool:
        """Tell whether a time lies within working hours. Years without calendar go by hours."""
        zone = timezone(timedelta(minutes=self.rules.utc_offset_minutes))
        moment = (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)
        minute = moment.hour * 60 + moment.minute
        within = self.rules.opens_minute <= minute < self.rules.closes_minute
        return within and self._worked(moment.date())

    def _worked(self, day: date) -> bool:
        try:
            return self.calendar.is_working_day(day)
        except ValueError:
            self.uncovered_years.add(day.year)
            return True


_Weigher = Callable[[Checks, LogEntry, Mapping[str, Any], Mapping[str, Any]], Iterator[Weighed]]


def _refused(
    _checks: Checks, entry: LogEntry, actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    if entry.kind in _REFUSALS:
        count = public.get("count", 1)
        yield Weighed(actor["person"], count if isinstance(count, int) else 1, _by(actor, public))


def _drained(
    checks: Checks, _entry: LogEntry, actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    for charge in public.get("charges", ()):
        for level in charge["levels"]:
            cap = checks.caps(level)
            if cap:
                about = {**_by(actor, public), "level": level, "population": charge["population"]}
                parts = charge["nano_rho"] * PPM * _PARTS_PER_PPM // cap
                yield Weighed(level, parts, about)


def _at_odd_hours(
    checks: Checks, entry: LogEntry, actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    if entry.kind in _ASKED and not checks.at_work(entry.time_us):
        yield Weighed(actor["person"], 1, _by(actor, public))


def _circling_columns(
    _checks: Checks, entry: LogEntry, actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    private, columns = public.get("mode") == "aggregate", public.get("columns")
    if entry.kind == EntryKind.QUESTION_DECIDED and private and isinstance(columns, Mapping):
        about = {**_by(actor, public), "columns": columns}
        yield Weighed(
            f"{actor['person']}|{digest(columns)}", 1, about, once=str(public.get("question"))
        )


def _circling_refusals(
    checks: Checks, entry: LogEntry, actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    protects = public.get("code") in checks.rules.small_group_codes
    if entry.kind == EntryKind.QUESTION_REFUSED and protects:
        yield Weighed(actor["person"], 1, {**_by(actor, public), "code": public["code"]})


def _screen_spent(
    _checks: Checks, entry: LogEntry, _actor: Mapping[str, Any], public: Mapping[str, Any]
) -> Iterator[Weighed]:
    if entry.kind == EntryKind.EGRESS_SPENT:  # the platform tells it, of a person
        about = {name: public[name] for name in ("person", "licence", "session")}
        yield Weighed(f"{public['person']}|{public['licence']}", 1, about, once=public["day"])


def _by(actor: Mapping[str, Any], public: Mapping[str, Any]) -> dict[str, object]:
    """Name the person, whom they act for, and under which licence."""
    named = {"person": actor["person"], "organisation": actor["organisation"]}
    return {**named, "licence": public["licence"]} if public.get("licence") else named


_WEIGHERS: Mapping[CheckName, _Weigher] = {
    "refused_bursts": _refused,
    "budget_drained": _drained,
    "odd_hours": _at_odd_hours,
    "circling_columns": _circling_columns,
    "circling_refusals": _circling_refusals,
    "screen_spent": _screen_spent,
}
