"""Payees' statements: lines verified a second from a bundle and a key, and forgeries let through.

Both bundles come from the real ledger: logged uses, a closed period, one zip. Each use is its own
log entry with its own inclusion proof, the dearest case for a verifier. ``whole_ledger`` is the
money of an evidence bundle: 300 pools of three periods over 24,000 usage lines, worked out again.
"""

import io
import json
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from audit.events import AuditEvent, no_effect
from audit.store import entry
from audit.tags import EntryKind
from audit.verify.evidence import read_evidence
from audit.verify.findings import Report
from audit.verify.ledger import verify_ledger
from audit.verify.notes import read_key
from audit.verify.payee import verify_payee
from audit.verify.statements import verify_statements
from audit.verify.usage import verify_usage
from audit.writer import GroupCommitWriter
from authorization.documents import LicenceDocument
from authorization.signing import document_bytes, document_digest
from benchmarks.figures import show
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine, reading
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.keys import FileKeyStore
from policies.schema.revenue import Meter
from revenue.export import export_ledger
from revenue.metering import Source, Use
from revenue.payee_bundle import payee_bundle
from revenue.periods import close_period, open_period
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import BILLING, RULES, keep_licences, pot_scheme
from tests.unit.revenue.test_payee_bundles import mutations

LINES = 10_000
LINES_PER_S_MIN = 2_000
CALLERS = 32
RUNS = 5
FORGED_USES = 3
LICENCES, PERIODS, USES = 100, 3, 10
LEDGER_SECONDS_MAX = 20.0
PAYEE = "people_bureau"
CLERK = Actor("clerk", "data_bureau", frozenset({Role.AUTHORITY}))
METERS = dict.fromkeys(Meter, 1)


@dataclass(frozen=True)
class City:
    """A store with its log, in which licences are used and periods close."""

    engine: Engine
    writer: GroupCommitWriter

    def license(self, names: list[str]) -> list[LicenceDocument]:
        """Put licences in force whose pots pay two departments by rows."""
        found = [make_licence(name, scheme=pot_scheme()) for name in names]
        activated = EntryKind.LICENCE_ACTIVATED
        for one in found:
            public = {"document_digest": document_digest(document_bytes(one))}
            self.writer.submit(AuditEvent(activated, SYSTEM_ACTOR, public), no_effect)
        event = AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR)
        self.writer.submit(event, lambda connection, _entry: keep_licences(connection, found))
        return found

    def use(self, licence: LicenceDocument, number: int, meters: dict[Meter, int]) -> None:
        """Bill one use that rests on both data sets, as its own entry."""
        sources = [Source("d_roads", ("a", "b"), number % 7), Source("d_people", ("a",), 3)]
        use = Use(licence, "rel_1", "enterprise", meters, sources, f"k{number % 500}")
        event = AuditEvent(EntryKind.PRODUCT_FETCHED, SYSTEM_ACTOR)
        self.writer.submit(event, lambda connection, entry: BILLING.bill(connection, entry, use))

    def bundle(self, uses: int) -> dict[str, bytes]:
        """Use one licence so many times in a period and return its payee's bundle as files."""
        (licence,) = self.license(["licence_a"])
        open_period(self.writer, CLERK, "p1")
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(lambda n: self.use(licence, n, {Meter.FETCH: 1}), range(uses)))
        close_period(self.writer, CLERK, "p1", RULES)
        with reading(self.engine) as connection:
            data = payee_bundle(connection, "p1", PAYEE)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


@contextmanager
def city() -> Iterator[City]:
    """Make an empty store on a disk."""
    with tempfile.TemporaryDirectory(dir=".") as directory:
        home = Path(directory).resolve()
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        with GroupCommitWriter(
            engine, FileKeyStore(home / "keys"), SystemClock(), "bench.example/log", home / "head"
        ) as writer:
            yield City(engine, writer)
        engine.dispose()


def show_speed() -> bool:
    """Print how many usage lines of a statement are verified a second."""
    with city() as made:
        files = made.bundle(LINES)
        key = read_key(made.writer.verifier_key.text())
    rates = []
    for _ in range(RUNS):
        started = time.process_time()
        report = verify_payee(files, key)
        rates.append(LINES / (time.process_time() - started))
        if report.exit_code:
            raise SystemExit(f"the bundle does not verify: {report.as_json()}")
    speed = statistics.median(rates)
    return show(
        "statement_lines_per_s",
        round(speed),
        "lines/s",
        f">={LINES_PER_S_MIN}",
        met=speed >= LINES_PER_S_MIN,
        against="fixed bar; each line with its own entry and inclusion proof, one process",
        runs=RUNS,
        lines=LINES,
        bundle_bytes=sum(map(len, files.values())),
    )


def show_forgeries() -> bool:
    """Print how many changed values of a bundle are let through, a statement sealed anew each."""
    with city() as made:
        files = made.bundle(FORGED_USES)
        key = read_key(made.writer.verifier_key.text())
    tried = accepted = 0
    for _name, other in mutations(files):
        tried += 1
        accepted += verify_payee(other, key).exit_code == 0
    return show(
        "statement_mutations_accepted",
        accepted,
        "forgeries",
        "<=0",
        met=accepted == 0 and tried > 0,
        against="every value of every file changed in turn",
        runs=1,
        tried=tried,
    )


def show_whole() -> bool:
    """Print how long the money of a whole bundle takes to be worked out again."""
    with city() as made:
        licences = made.license([f"lic_{number:03d}" for number in range(LICENCES)])
        open_period(made.writer, CLERK, "p0")
        for period in range(PERIODS):
            asked = [(one, number) for number in range(USES) for one in licences]
            with ThreadPoolExecutor(CALLERS) as pool:
                list(pool.map(lambda pair: made.use(pair[0], pair[1], METERS), asked))
            close_period(made.writer, CLERK, f"p{period}", RULES)
            open_period(made.writer, CLERK, f"p{period + 1}")
        with reading(made.engine) as connection:
            files = dict(export_ledger(connection))
            rows = connection.execute(select(entry.c.body, entry.c.leaf_hash).order_by(entry.c.idx))
            log = [(bytes(row.body), bytes(row.leaf_hash)) for row in rows]
    files["licences.jsonl"] = b"".join(document_bytes(one) + b"\n" for one in licences)
    started, report = time.process_time(), Report()
    bodies = [json.loads(body) for body, _leaf in log]
    evidence = read_evidence(files, bodies, [leaf for _body, leaf in log])
    for check in (verify_ledger, verify_usage, verify_statements):
        check(evidence, report)
    seconds = time.process_time() - started
    if report.exit_code:
        raise SystemExit(f"the ledger does not verify: {report.as_json()}")
    return show(
        "whole_ledger_seconds",
        round(seconds, 2),
        "s",
        f"<={LEDGER_SECONDS_MAX:g}",
        met=seconds <= LEDGER_SECONDS_MAX,
        against="fixed bar; log entries parsed, every price, pool and fen worked out again",
        runs=1,
        usage_lines=len(evidence.usage),
        pools=LICENCES * PERIODS,
    )


def main() -> int:
    """Print the figures; exit 1 where a bar is not met."""
    met = [show_speed(), show_forgeries(), show_whole()]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
