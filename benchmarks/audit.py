"""Group commit against single appends: the same writer, the same run, both durable with receipts.

``group_vs_single_32_sqlite`` is entries per second of 32 callers over entries per second of one
caller who waits for each receipt, interleaved, the median of the pairs.
"""

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore

CALLERS = 32
RUNS = 9
SINGLE_ENTRIES = 300
GROUP_ENTRIES = 3_200
RATIO_MIN = 8.0
EVENT = AuditEvent(
    EntryKind.QUESTION_DECIDED,
    SYSTEM_ACTOR,
    {
        "licence": "lic_" + "a" * 26,
        "session": "ses_" + "b" * 26,
        "datasets": ["households", "flights"],
        "mode": "aggregate",
        "cost_nano_rho": 5_000_000,
        "policy": "sha256:" + "0" * 64,
    },
    {"sql": "SELECT state, count(*) FROM households GROUP BY state"},
)


def entries_per_second(writer: GroupCommitWriter, entries: int, callers: int) -> float:
    """Append so many entries from so many threads, each waiting for every receipt."""

    def append() -> None:
        for _ in range(entries // callers):
            writer.submit(EVENT, no_effect)

    threads = [threading.Thread(target=append) for _ in range(callers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return entries / (time.perf_counter() - started)


def measure(home: Path, runs: int) -> tuple[list[float], list[float]]:
    """Run pairs of single and group appends on one growing log."""
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    single: list[float] = []
    group: list[float] = []
    with GroupCommitWriter(
        engine, FileKeyStore(home / "keys"), SystemClock(), "bench.example/log", home / "head"
    ) as writer:
        entries_per_second(writer, GROUP_ENTRIES, CALLERS)  # warm
        for _ in range(runs):
            single.append(entries_per_second(writer, SINGLE_ENTRIES, 1))
            group.append(entries_per_second(writer, GROUP_ENTRIES, CALLERS))
    engine.dispose()
    return single, group


def main() -> int:
    """Print one JSON line; exit 1 where the bar is not met."""
    with tempfile.TemporaryDirectory(dir=".") as home:  # a disk, not a memory file system
        single, group = measure(Path(home), RUNS)
    ratio = statistics.median(g / s for s, g in zip(single, group, strict=True))
    figure = {
        "figure": "group_vs_single_32_sqlite",
        "value": round(ratio, 2),
        "unit": "ratio",
        "limit": f">={RATIO_MIN:g}",
        "ok": ratio >= RATIO_MIN,
        "against": "single durable append, same run",
        "runs": len(single),
        "single_per_second": round(statistics.median(single)),
        "group_per_second": round(statistics.median(group)),
    }
    print(json.dumps(figure))
    return 0 if figure["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
