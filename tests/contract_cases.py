"""What the API's fuzzer tried, counted from its own events: operations, cases, checks, statuses.

A case is a request whose answer was held against every check. What a check sends on its own account
(the same request as nobody, say) is a further request and no case, so that no total is flattered.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tried:
    """The counts of one run of the fuzzer."""

    operations: set[str] = field(default_factory=set)
    cases: int = 0
    requests: int = 0
    checks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def told(self) -> str:
        """Return the counts as one JSON object, for who reads a run."""
        counts = {
            "operations": len(self.operations),
            "cases": self.cases,
            "requests": self.requests,
            "statuses": {str(status): self.statuses[status] for status in sorted(self.statuses)},
            "checks": dict(sorted(self.checks.items())),
        }
        return json.dumps(counts)


def tried(events: Path) -> Tried:
    """Read a run's events, one JSON object a line, into its counts."""
    found = Tried()
    with events.open(encoding="utf-8") as lines:
        for line in lines:
            finished = json.loads(line).get("ScenarioFinished")
            if finished is not None:
                _count(found, finished["recorder"])
    return found


def _count(found: Tried, recorder: Mapping[str, Any]) -> None:
    for case, checks in recorder.get("checks", {}).items():
        if checks:
            found.cases += 1
            found.operations.add(_operation(recorder, case))
            found.checks.update(check["name"] for check in checks)
    interactions = recorder.get("interactions", {})
    found.requests += len(interactions)
    found.statuses.update(_statuses(interactions.values()))


def _operation(recorder: Mapping[str, Any], case: str) -> str:
    """Name the operation that a case is for; a method that it does not take is a case of it too."""
    label: str = recorder["label"]
    if " /" in label:
        return label
    value = recorder["cases"][case]["value"]  # one of a chain of operations
    return f"{value['method']} {value['path']}"


def _statuses(interactions: Iterable[Mapping[str, Any]]) -> list[int]:
    answers = (one["response"] for one in interactions)
    return [answer["status_code"] for answer in answers if answer is not None]
