"""Proofs and offline verification at ten million entries (``--entries`` for fewer).

``inclusion_10m_ms`` is the median time to write a receipt for a random entry from the stored
tiles, with nothing kept between two; its line also says how many hashes it takes and how long the
check of one takes. Verification rates are entries per second of processor time, one process.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from audit.proofs import parse_receipt
from audit.reading import receipt_for
from audit.verify.__main__ import verify_files, verify_grown
from audit.verify.merkle import inclusion_holds
from audit.verify.notes import read_head, read_key
from audit.verify.sources import read_source
from audit.verify.tiles import StoredLeaves
from benchmarks.figures import show
from benchmarks.processor_time import cost_of
from benchmarks.synthetic_log import SyntheticLog, write_log
from foundation.db import open_engine, reading

ENTRIES = 10_000_000
FRESH = 200_000
PROOFS = 400
STRIDE = 6_180_339_887  # scatters the places over the whole log
HASHES_MAX = 24
INCLUSION_MS_MAX = 2.0
CHECK_US_MAX = 50.0
FULL_PER_S_MIN = 50_000
INCREMENTAL_PER_S_MIN = 30_000


def show_inclusion(log: SyntheticLog) -> bool:
    """Write and check receipts for random entries of the stored log."""
    engine, key = open_engine(log.database_url), read_key(log.key.text())
    leaves = StoredLeaves(read_source(log.files), log.size)
    writing: list[float] = []
    checking: list[float] = []
    hashes = 0
    with reading(engine) as connection:
        for place in range(PROOFS):
            index = place * STRIDE % log.size
            started = time.perf_counter()
            text = receipt_for(connection, index)
            writing.append(time.perf_counter() - started)
            receipt, leaf = parse_receipt(text), leaves[index]
            head = read_head(receipt.checkpoint_note, key)
            started = time.perf_counter()
            assert inclusion_holds(leaf, index, head.size, receipt.proof, head.root)
            checking.append(time.perf_counter() - started)
            hashes = max(hashes, len(receipt.proof))
    engine.dispose()
    value, check_us = statistics.median(writing) * 1e3, statistics.median(checking) * 1e6
    return show(
        "inclusion_10m_ms",
        round(value, 3),
        "ms",
        f"<={INCLUSION_MS_MAX:g}, <={HASHES_MAX} hashes, check <={CHECK_US_MAX:g} us",
        met=value <= INCLUSION_MS_MAX and hashes <= HASHES_MAX and check_us <= CHECK_US_MAX,
        against="fixed bar",
        runs=PROOFS,
        entries=log.size,
        hashes_max=hashes,
        check_us=round(check_us, 1),
        p95_ms=round(statistics.quantiles(writing, n=20)[18] * 1e3, 3),
    )


def show_verification(log: SyntheticLog) -> bool:
    """Verify what is new since the kept state, then the whole log."""
    files, key = read_source(log.files), read_key(log.key.text())
    states = [log.state.with_name(f"state{run}.json") for run in range(3)]
    rates = []
    for state in states:
        shutil.copy(log.state, state)
        reports = []
        seconds = cost_of(lambda: reports.append(verify_grown(files, key, state)))  # noqa: B023
        assert reports[0].exit_code == 0, reports[0].text("en")
        rates.append(log.fresh / seconds)
    incremental = statistics.median(rates)
    met = show(
        "verify_incremental_per_s",
        round(incremental),
        "entries/s",
        f">={INCREMENTAL_PER_S_MIN}",
        met=incremental >= INCREMENTAL_PER_S_MIN,
        against="fixed bar",
        runs=len(rates),
        entries=log.fresh,
        behind=log.size - log.fresh,
    )
    reports = []
    seconds = cost_of(lambda: reports.append(verify_files(files, key)))
    assert reports[0].exit_code == 0, reports[0].text("en")
    full = log.size / seconds
    return (
        show(
            "verify_full_per_s",
            round(full),
            "entries/s",
            f">={FULL_PER_S_MIN}",
            met=full >= FULL_PER_S_MIN,
            against="fixed bar",
            runs=1,
            entries=log.size,
        )
        and met
    )


def main(arguments: list[str]) -> int:
    """Print the figures; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=ENTRIES)
    size = parser.parse_known_args(arguments)[0].entries
    with tempfile.TemporaryDirectory(dir=".") as home:
        log = write_log(Path(home), size, min(FRESH, size // 2))
        met = [show_inclusion(log), show_verification(log)]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
