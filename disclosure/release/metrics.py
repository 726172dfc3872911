"""How the desk does: the age of what waits, turnaround, why requests were sent back, by rule.

Counted over requests and their decisions; nothing of any file. What the votes of an open request
say, or that there are any, is in no figure.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from disclosure.release.states import DECIDED, VOTING, ReleaseState, shown
from disclosure.release.store import release_exception, release_request, release_vote

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Spread:
    """How long something took, in seconds: how often, the middle, nine in ten, the longest."""

    count: int
    p50_seconds: int
    p90_seconds: int
    longest_seconds: int

    def as_json(self) -> dict[str, int]:
        """Return it as it is answered."""
        return {
            "count": self.count,
            "p50_seconds": self.p50_seconds,
            "p90_seconds": self.p90_seconds,
            "longest_seconds": self.longest_seconds,
        }


def spread_of(times_us: Sequence[int]) -> Spread:
    """Summarise durations; zeros where there are none. Times in microseconds."""
    if not times_us:
        return Spread(0, 0, 0, 0)
    ordered = sorted(times_us)
    last = len(ordered) - 1

    def at(share_percent: int) -> int:
        return ordered[last * share_percent // 100] // SECOND_US

    return Spread(len(ordered), at(50), at(90), ordered[-1] // SECOND_US)


def desk_metrics(
    connection: Connection, now_us: int, waiting: Mapping[str, str]
) -> dict[str, object]:
    """Count the queue, ages, turnaround, failed checks, decisions and exceptions.

    ``waiting`` names what the desk could not carry on with, and the code of what stopped it.
    """
    rows = connection.execute(select(release_request)).all()
    states = [ReleaseState(row.state) for row in rows]
    checks = [item for row in rows for item in json.loads(row.checks)]
    failed = Counter(item["check"] for item in checks if not item["passed"])
    run = Counter(item["check"] for item in checks)
    ages = [
        now_us - row.submitted_us
        for row, state in zip(rows, states, strict=True)
        if state in VOTING and row.submitted_us is not None
    ]
    turnaround = [
        row.decided_us - row.submitted_us
        for row, state in zip(rows, states, strict=True)
        if state in DECIDED and row.decided_us is not None and row.submitted_us is not None
    ]
    return {
        "states": dict(sorted(Counter(shown(state).value for state in states).items())),
        "queue_age": spread_of(ages).as_json(),
        "turnaround": spread_of(turnaround).as_json(),
        "roads": dict(sorted(Counter(row.road for row in rows if row.certified).items())),
        "checks": {name: {"run": run[name], "failed": failed.get(name, 0)} for name in sorted(run)},
        "decisions": _decisions(connection),
        "exceptions": _exceptions(connection),
        "waiting": [{"release": name, "code": waiting[name]} for name in sorted(waiting)],
    }


def _decisions(connection: Connection) -> dict[str, int]:
    """Count votes by what they said, of revisions whose votes are all in."""
    votes, ours = release_vote.c, release_request.c
    blind = [state.value for state in VOTING] + [ReleaseState.WITHDRAWN.value]
    query = (
        select(votes.decision)
        .select_from(release_vote.join(release_request, votes.request == ours.id))
        .where((votes.revision < ours.revision) | ours.state.not_in(blind))
    )
    return dict(sorted(Counter(connection.execute(query).scalars()).items()))


def _exceptions(connection: Connection) -> dict[str, int]:
    named = connection.execute(select(release_exception.c.checked)).scalars()
    return dict(sorted(Counter(named).items()))
