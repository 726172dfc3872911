"""Many processes charge at once while the one writer is killed: never over, never lost (I5).

A store has one group-commit writer, in one process; whoever charges goes through it. So clients in
processes of their own send charges to one writer process, which is killed with SIGKILL at named
points of its commit and at any moment, and started again on the same files. Caps are reached before
the last request. In the end tree, charges, log and what the clients were promised tell one story.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit.reading import LogEntry, read_entries
from audit.tags import EntryKind
from disclosure.budgets.odometer import check_spent, committed_digest, readings, tree_now
from disclosure.budgets.store import charge
from foundation.clock import SystemClock
from foundation.db import reading
from tests.budgeting import PEOPLE, add_dataset, budget_ground
from tests.integration.budget_writer import caps
from tests.parts import REPOSITORY

PROGRAM = Path(__file__).with_name("budget_writer.py")
POINTS = ("before_batch", "after_apply", "before_commit", "after_commit", "before_head", "any")
ROOT = f"population/{PEOPLE}"


def run(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY)},
    )


def one_life(
    server: "subprocess.Popen[str]", home: Path, scale: int, point: str, passes: int
) -> int:
    """Start the next life of the writer; return its process."""
    assert server.stdin is not None
    assert server.stdout is not None
    life = {"home": str(home), "scale": scale, "point": point, "passes": passes}
    server.stdin.write(json.dumps(life) + "\n")
    server.stdin.flush()
    return int(server.stdout.readline())


def kill_all_along(home: Path, *, clients: int, requests: int, kills: int) -> list[dict[str, Any]]:
    """Let the clients ask while the writer dies again and again; return what each was told."""
    with budget_ground(home, caps(requests)) as ground, ground.engine.begin() as connection:
        add_dataset(connection, "tax", columns=("person", "income"), created_us=2)
    server = run("serve")
    asking = [run("ask", str(home), f"c{n}", str(requests // clients)) for n in range(clients)]
    assert server.stdout is not None
    for number in range(kills):
        point = POINTS[number % len(POINTS)]
        life = one_life(server, home, requests, point, 1 + number % 6 * 5 % 7)
        if point == "any":
            time.sleep(0.05 + 0.02 * (number % 10))
            os.kill(life, signal.SIGKILL)
        assert int(server.stdout.readline()) == -signal.SIGKILL
    assert any(client.poll() is None for client in asking)  # the kills met work in progress
    last = one_life(server, home, requests, "never", 1)
    for client in asking:
        client.communicate(timeout=1_800)
        assert client.returncode == 0
    os.kill(last, signal.SIGKILL)
    server.communicate(timeout=60)
    lines = [path.read_text(encoding="utf-8") for path in sorted(home.glob("client-*"))]
    return [json.loads(line) for text in lines for line in text.splitlines()]


def check_story(home: Path, told: list[dict[str, Any]], requests: int) -> int:
    """Compare promises, log, charges and tree; return how many charges there are."""
    with (
        budget_ground(home, caps(requests), SystemClock()) as ground,
        reading(ground.engine) as connection,
    ):
        check_spent(connection, committed_digest(connection))
        assert all(found.agrees for found in readings(connection))
        tree = tree_now(connection)
        rows = connection.execute(select(charge).order_by(charge.c.entry_index)).all()
        decided = all_decided(connection)
    by_id = {entry.public["asked"]["id"]: entry for entry in decided}
    assert len(by_id) == len(decided)  # no request took effect twice
    for line in told:
        answer, entry = line["answer"], by_id.get(line["asked"]["id"])
        if answer is not None and "index" in answer:  # never lost
            assert entry is not None
            assert entry.index == answer["index"]
            assert entry.public["asked"] == line["asked"]
        elif answer is not None:
            assert entry is None  # refused: neither entry nor charge
    assert [(row.entry_index, row.nano_rho, row.delta_steps, row.plan_digest) for row in rows] == [
        (
            entry.index,
            entry.public["asked"]["nano_rho"],
            entry.public["asked"]["delta_steps"],
            f"sha256:{entry.public['asked']['id']}",
        )
        for entry in decided
    ]
    spent = sums(decided)
    for node, totals in tree.items():
        assert totals.spent.within(totals.cap), node  # never over
        assert (totals.spent.nano_rho, totals.spent.delta_steps) == (
            spent["rho", node],
            spent["delta", node],
        )
    return len(rows)


def all_decided(connection: Any) -> list[LogEntry]:
    return read_entries(connection, kinds=(EntryKind.QUESTION_DECIDED,), limit=10**6)


def sums(decided: list[LogEntry]) -> Counter[tuple[str, str]]:
    """Add up what was asked at each level, from the requests themselves."""
    spent: Counter[tuple[str, str]] = Counter()
    for entry in decided:
        asked = entry.public["asked"]
        nodes = [ROOT, f"{ROOT}/licence/{asked['licence']}"]
        for dataset in asked["datasets"]:
            line = f"{ROOT}/lineage/{dataset}"
            nodes += [
                line,
                *(node for node in entry.public["charges"][0]["levels"] if f"{line}/p" in node),
            ]
        for node in nodes:
            spent["rho", node] += asked["nano_rho"]
            spent["delta", node] += asked["delta_steps"]
    return spent


def test_charges_of_four_processes_survive_five_kills(tmp_path: Path) -> None:
    told = kill_all_along(tmp_path, clients=4, requests=480, kills=5)
    assert check_story(tmp_path, told, 480) >= 400 * 3 // 4
    assert {"population", "lineage"} & {
        line["answer"]["spent"] for line in told if line["answer"] and "spent" in line["answer"]
    }  # the caps were met


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_ten_thousand_charges_of_eight_processes_survive_two_hundred_kills(tmp_path: Path) -> None:
    told = kill_all_along(tmp_path, clients=8, requests=12_400, kills=200)
    assert check_story(tmp_path, told, 12_400) >= 10_000
