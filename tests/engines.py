"""Real engines for tests: the parser in this process, and the confined pool."""

import contextlib
import os
import signal
import sys
from functools import cache
from pathlib import Path

import duckdb

from disclosure.engine.limits import EngineLimits
from disclosure.engine.supervisor import AnswerCaps, EnginePool, Parsed, WorkerKey
from disclosure.gate.question import QueryGate
from foundation.clock import SystemClock
from foundation.process_table import descendants
from policies.load import load_policies
from policies.schema.gate import GateRules

MEBIBYTE = 1 << 20
CAPS = AnswerCaps(rows_max=10_000, bytes_max=4 * MEBIBYTE, deadline_seconds=5.0)
ROWS = WorkerKey("lic_a", "v1", "rows")
RULES = load_policies().rules(GateRules)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def parse_here(sql: str) -> Parsed:
    answer = _parser().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql])
    return Parsed(str(answer.fetchall()[0][0]), "")


def gate_here() -> QueryGate:
    return QueryGate(parse_here, RULES)


def open_pool(limits: EngineLimits | None = None) -> EnginePool:
    environment = Path(sys.prefix)
    chosen = limits or EngineLimits(worker_memory_bytes_max=512 * MEBIBYTE, workers_max=3)
    return EnginePool(environment, chosen, SystemClock())


def kill_engine_guests(kind: str) -> None:
    """Kill the engine workers of a kind below this process, and no others of this machine."""
    killed = 0
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):  # one may end with another that was killed before it
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if f"--kind={kind}".encode() in words:
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert killed
