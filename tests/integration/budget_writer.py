"""A charging service that is killed on purpose, and its clients: each a process of its own.

As ``serve`` it imports everything once, then forks one life for each line it reads: the one writer
of a store, answering charges on a Unix socket until it is killed at a named point of the writer, or
from outside. As ``ask`` it is one client, which keeps what it was promised in a file.
"""

import json
import os
import signal
import socket
import socketserver
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

CLIENT_SECONDS_MAX = 1_800.0


def serve() -> None:
    from tests.budgeting import budget_ground  # noqa: F401, PLC0415 - imported once, before forks

    for line in sys.stdin:
        life = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                live(**life)
            finally:
                os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def live(home: str, scale: int, point: str, passes: int) -> None:
    """Be the one writer of the store, until killed."""
    from foundation.clock import SystemClock  # noqa: PLC0415
    from tests.budgeting import budget_ground  # noqa: PLC0415

    left = [passes]

    def fault(reached: str) -> None:
        left[0] -= reached == point
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    address = Path(home) / "socket"
    with budget_ground(Path(home), caps(scale), SystemClock(), fault=fault) as ground:

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    answer = charged(ground, json.loads(line), scale)
                    self.wfile.write(json.dumps(answer).encode() + b"\n")

        fresh = address.with_name(f"socket.{os.getpid()}")
        with socketserver.ThreadingUnixStreamServer(str(fresh), Handler) as server:
            server.daemon_threads = True
            fresh.replace(address)
            server.serve_forever(poll_interval=60)


def caps(scale: int) -> Any:
    """Return rules whose caps are reached shortly before the last request: demand is 50 each."""
    from tests.budgeting import rules  # noqa: PLC0415

    return rules(42 * scale, lineage=28 * scale, period=28 * scale, delta_steps=2 * scale)


def charged(ground: Any, asked: dict[str, Any], scale: int) -> dict[str, Any]:
    """Charge one request, in the commit of its own decision entry."""
    from audit.events import AuditEvent  # noqa: PLC0415
    from audit.tags import EntryKind  # noqa: PLC0415
    from disclosure.budgets.charging import PopulationCharge, charge_question  # noqa: PLC0415
    from disclosure.budgets.refusals import BudgetSpent  # noqa: PLC0415
    from disclosure.budgets.tree import Amount  # noqa: PLC0415
    from foundation.identity import SYSTEM_ACTOR  # noqa: PLC0415
    from tests.budgeting import PEOPLE, holder  # noqa: PLC0415

    loss = Amount(asked["nano_rho"], asked["delta_steps"])
    charge = PopulationCharge(PEOPLE, tuple(asked["datasets"]), loss)

    def apply(connection: Any, entry: Any) -> None:
        charge_question(
            connection,
            entry,
            licence=holder(asked["licence"], 14 * scale, 2 * scale),
            charges=[charge],
            plan_digest=f"sha256:{asked['id']}",
            rules=ground.rules,
        )

    event = AuditEvent(EntryKind.QUESTION_DECIDED, SYSTEM_ACTOR, {"asked": asked})
    try:
        return {"index": ground.writer.submit(event, apply).index}
    except BudgetSpent as spent:
        return {"spent": str(spent.level.place.kind)}


def ask(home: str, name: str, requests: int) -> None:
    """Ask until so many requests were answered; what was cut off counts as nothing promised."""
    until = time.monotonic() + CLIENT_SECONDS_MAX
    answered, number, stream = 0, 0, None
    with (Path(home) / f"client-{name}").open("w", encoding="utf-8", buffering=1) as kept:
        while answered < requests and time.monotonic() < until:
            stream = stream or connected(Path(home) / "socket")
            if stream is None:
                time.sleep(0.01)
                continue
            number += 1
            asked = {
                "id": f"{name}-{number}",
                "licence": f"lic_{number % 4}",
                "datasets": [["census"], ["tax"], ["census", "tax"]][number % 3],
                "nano_rho": 1 + number * 7_919 % 99,
                "delta_steps": number * 31 % 3,
            }
            answer = answer_of(stream, asked)
            kept.write(json.dumps({"asked": asked, "answer": answer}) + "\n")
            if answer is None:
                stream = None
            answered += answer is not None


def connected(address: Path) -> Any:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(str(address))
    except OSError:
        return None
    return client.makefile("rwb")


def answer_of(stream: Any, asked: dict[str, Any]) -> Any:
    with suppress(OSError):
        stream.write(json.dumps(asked).encode() + b"\n")
        stream.flush()
        line = stream.readline()
        if line.endswith(b"\n"):
            return json.loads(line)
    return None


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    else:
        ask(sys.argv[2], sys.argv[3], int(sys.argv[4]))
