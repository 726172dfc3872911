"""A service that is killed on purpose: opens a prepared home, asks, and dies at a named point.

Run as a program it reads one job a line, and does each in a process of its own that starts with
everything imported. What that process was promised stands in ``acknowledged`` before it asks on.
"""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.city import opened_city, told


@dataclass
class Killer:
    """Kills its own process when a point is reached for the n-th time, once it is armed."""

    point: str
    passes: int
    armed: bool = False

    def __call__(self, reached: str) -> None:
        if not self.armed or reached != self.point:
            return
        self.passes -= 1
        if self.passes <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def ask_until_killed(job: dict[str, Any]) -> None:
    killer = Killer(job["point"], job["passes"])
    home = Path(job["home"])
    with opened_city(home, fault=killer, licence=job["licence"]) as city:
        for sql in job["questions"]:
            killer.armed = sql == job["questions"][-1]
            given = city.ask(sql)
            line = {"index": given.index, "receipt": given.receipt, **told(given)}
            with (home.parent / "acknowledged").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                ask_until_killed(json.loads(line))
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
