"""Counting within a moving time: when does a key reach a rule's minimum, and by which entries.

A key that reached its minimum begins anew, so that one burst is one alert and the next burst is
another.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from audit.reading import LogEntry
from foundation.clock import MICROSECONDS_PER_SECOND
from policies.schema.alerts import CheckName
from service.regulator.alert_checks import SCALES, Checks, Weighed

EVIDENCE_MAX = 50


@dataclass(frozen=True)
class ActiveRule:
    """A rule in force: a check, its threshold, whom it is about, and since which entry.

    ``about`` maps a field of an entry (licence, person, organisation, population) to the value
    that it must have; empty for everybody.
    """

    id: str
    check: CheckName
    minimum: int
    window_seconds: int
    about: Mapping[str, str] = field(default_factory=dict)
    since_index: int = 0


@dataclass(frozen=True)
class Signal:
    """A rule's minimum was reached by one entry, counting from earlier ones."""

    rule: ActiveRule
    key: str
    trigger: LogEntry
    about: Mapping[str, object]
    figure: int
    evidence: tuple[int, ...]


@dataclass
class _Window:
    counted: deque[tuple[int, int, int, str | None]] = field(default_factory=deque)
    total: int = 0

    def add(self, entry: LogEntry, weighed: Weighed, window_us: int) -> None:
        while self.counted and entry.time_us - self.counted[0][1] >= window_us:
            self.total -= self.counted.popleft()[2]
        if weighed.once is not None and any(item[3] == weighed.once for item in self.counted):
            return
        self.counted.append((entry.index, entry.time_us, weighed.weight, weighed.once))
        self.total += weighed.weight


class Windows:
    """Every rule's counts, as far as entries were fed; feed them in the order of the log."""

    def __init__(
        self,
        checks: Checks,
        rules: Iterable[ActiveRule],
        raised: Mapping[tuple[str, str], int],
    ) -> None:
        """Begin empty. ``raised`` maps rule and key to the entry that last reached the minimum."""
        self._checks = checks
        self._rules = tuple(rules)
        self._raised = dict(raised)
        self._windows: dict[tuple[str, str], _Window] = {}

    @property
    def longest_us(self) -> int:
        """The longest time that any rule looks back."""
        longest = max((rule.window_seconds for rule in self._rules), default=0)
        return longest * MICROSECONDS_PER_SECOND

    def feed(self, entry: LogEntry) -> list[Signal]:
        """Count one entry; return what it brought to its minimum."""
        signals = []
        content = entry.content
        for rule in self._rules:
            if entry.index < rule.since_index:
                continue
            for weighed in self._checks.weigh(rule.check, entry, content):
                if _concerns(rule, weighed):
                    signals += self._count(rule, weighed, entry)
        return signals

    def forget_before(self, time_us: int) -> None:
        """Drop the counts of keys that no rule can count any more at this time."""
        over = [
            place
            for place, window in self._windows.items()
            if not window.counted or time_us - window.counted[-1][1] > self.longest_us
        ]
        for place in over:
            del self._windows[place]

    def _count(self, rule: ActiveRule, weighed: Weighed, entry: LogEntry) -> list[Signal]:
        place = (rule.id, weighed.key)
        if entry.index <= self._raised.get(place, -1):
            return []
        window = self._windows.setdefault(place, _Window())
        window.add(entry, weighed, rule.window_seconds * MICROSECONDS_PER_SECOND)
        scale = SCALES.get(rule.check, 1)
        if window.total < rule.minimum * scale:
            return []
        evidence = tuple(item[0] for item in window.counted)[-EVIDENCE_MAX:]
        figure = window.total // scale
        self._raised[place] = entry.index
        del self._windows[place]
        return [Signal(rule, weighed.key, entry, weighed.about, figure, evidence)]


def _concerns(rule: ActiveRule, weighed: Weighed) -> bool:
    return all(weighed.about.get(name) == value for name, value in rule.about.items())
