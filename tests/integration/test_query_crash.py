"""kill -9 at six named points of a query's life: what was promised is kept, nothing is doubled.

A real service process dies in the middle of a question, five times at each point; each time the
home is opened again and its log, charges and stored answers must agree.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.export import export_bundle
from audit.proofs import verify_receipt
from audit.tags import EntryKind
from audit.verify.__main__ import verify_files
from audit.verify.notes import read_key
from audit.verify.sources import read_source
from disclosure.budgets.odometer import check_odometer, odometer
from disclosure.budgets.store import charge
from disclosure.store import answer
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR
from revenue.usage_store import usage
from service.evidence import evidence_files
from tests.city import City, built_city, opened_city, told
from tests.parts import REPOSITORY, need_namespaces

pytestmark = need_namespaces

PROGRAM = Path(__file__).with_name("killed_service.py")
# At each point, how many of the five kills leave a durable decision without an outcome.
UNANSWERED = {
    "before_decision": 0,
    "after_decision": 5,
    "after_run": 5,
    "before_outcome": 5,
    "before_commit": 2,
    "after_commit": 3,
}
BY_STATE = "SELECT state, COUNT(*) AS n FROM households GROUP BY state"
BY_AGE = "SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band"
IN_EAST = "SELECT COUNT(*) AS n FROM households WHERE state = 'east'"
ROWS = "SELECT state, earnings FROM colleges LIMIT 5"
OTHER_ROWS = "SELECT degree FROM colleges LIMIT 5"
# What is asked before, what is asked when the kill comes, and at which passage of the point.
KILLS = (
    (ROWS, BY_STATE, 1),
    (OTHER_ROWS, ROWS, 1),
    (ROWS, BY_AGE, 2),
    (ROWS, OTHER_ROWS, 2),
    (OTHER_ROWS, IN_EAST, 1),
)
METERED = (
    EntryKind.ANSWER_RELEASED,
    EntryKind.ANSWER_REPEATED,
    EntryKind.SESSION_DESTROYED,
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("prepared") / "home"
    with built_city(home) as city:
        licence = city.licence
    shutil.copytree(home, home.with_name("kept"))
    return home, licence


@pytest.fixture(scope="module")
def service() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(PROGRAM)]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY)},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


@pytest.fixture
def home(prepared: tuple[Path, str]) -> Path:
    """Return the home as it was prepared, at the path it was prepared at."""
    path, _ = prepared
    shutil.rmtree(path)
    shutil.copytree(path.with_name("kept"), path)
    (path.parent / "acknowledged").unlink(missing_ok=True)
    return path


def kill_once(
    service: "subprocess.Popen[str]", home: Path, licence: str, point: str, number: int
) -> None:
    before, asked, passes = KILLS[number]
    writers = point in {"before_commit", "after_commit"}
    job = {
        "home": str(home),
        "licence": licence,
        "point": point,
        "passes": passes if writers else 1,
        "questions": [before, asked],
    }
    assert service.stdin is not None
    assert service.stdout is not None
    service.stdin.write(json.dumps(job) + "\n")
    service.stdin.flush()
    assert int(service.stdout.readline()) == -signal.SIGKILL


def acknowledged(home: Path) -> list[dict[str, object]]:
    lines = (home.parent / "acknowledged").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def check_log(city: City) -> None:
    """The whole log, its checkpoints and the ledger hold for a stranger with the public key."""
    platform = city.platform
    bundle = city.home.parent / "bundle.zip"
    key = platform.log.verifier_key
    files = evidence_files(platform.engine, platform.pack)
    export_bundle(platform.engine, platform.log, SYSTEM_ACTOR, key=key, files=files, out=bundle)
    report = verify_files(read_source(bundle), read_key(key.text()))
    assert report.exit_code == 0, [finding.en for finding in report.findings]


def check_promises(city: City, promised: list[dict[str, object]]) -> None:
    key = city.platform.log.verifier_key
    assert promised
    for line in promised:
        index = line["index"]
        assert isinstance(index, int)
        entry = city.entries(first=index)[0]
        assert verify_receipt(str(line["receipt"]), entry.leaf_hash, key) == index
        assert entry.public["answer"] == line["answer_id"]


def check_agreement(city: City) -> None:
    """Charges, budgets, stored answers and entries tell one story, each thing once."""
    decided = city.entries(EntryKind.QUESTION_DECIDED)
    released = city.entries(EntryKind.ANSWER_RELEASED)
    with reading(city.platform.engine) as connection:
        charges = connection.execute(
            select(charge.c.entry_index, charge.c.nano_rho).order_by(charge.c.entry_index)
        ).all()
        answers = set(connection.execute(select(answer.c.id)).scalars())
        metered = connection.execute(
            select(usage.c.audit_index, usage.c.meter).order_by(usage.c.audit_index)
        ).all()
        check_odometer(connection)
        spent = odometer(connection)
    told_use = [
        (entry.index, line["meter"])
        for entry in city.entries(*METERED)
        for line in entry.public["usage"]
    ]
    assert sorted(tuple(row) for row in metered) == sorted(told_use)
    assert {index for index, meter in told_use if meter == "call"} == {
        entry.index for entry in released
    }
    costly = [entry for entry in decided if entry.public["cost_nano_rho"]]
    told_costs = [(entry.index, entry.public["cost_nano_rho"]) for entry in costly]
    assert [tuple(row) for row in charges] == told_costs
    assert {rho for rho, _ in spent.values()} <= {sum(cost for _, cost in told_costs)}
    assert [entry.public["answer"] for entry in released] == sorted(
        answers, key=[entry.public["answer"] for entry in released].index
    )
    for entry in released:
        (decision,) = [one for one in decided if one.index == entry.public["decided_index"]]
        assert decision.public["question"] == entry.public["question"]
    assert not city.entries(EntryKind.BUDGETS_CLOSED)


@pytest.mark.parametrize("point", UNANSWERED)
def test_five_kills_at_each_point_lose_and_double_nothing(
    service: "subprocess.Popen[str]", prepared: tuple[Path, str], home: Path, point: str
) -> None:
    _, licence = prepared
    for number, (_, asked, _) in enumerate(KILLS):
        kill_once(service, home, licence, point, number)
        promised = acknowledged(home)
        assert len(promised) == number + 1
        with opened_city(home, licence=licence) as city:
            check_promises(city, promised)
            check_agreement(city)
            check_log(city)
            given = city.ask(asked)
            assert told(given)["answer_id"]
            check_agreement(city)
            decided = city.entries(EntryKind.QUESTION_DECIDED)
            released = city.entries(EntryKind.ANSWER_RELEASED)
    assert len(decided) - len(released) == UNANSWERED[point]
