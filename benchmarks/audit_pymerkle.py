"""The log against pymerkle: equal roots, durable appends by 32 callers, proofs at 200,000 entries.

pymerkle is asked in an environment of its own, and its appends alternate with ours; what one
caller alone gets is printed beside. Ours sign a checkpoint and return a proof, its do not. Proofs
are taken from stored trees, its SQLite tree and our tiles; its tree in memory is printed beside.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import audit.store  # noqa: F401 - the log's tables
from audit.reading import receipt_for
from audit.recovery import edge_root
from audit.tree import TreeEdge, leaf_hash
from audit.writer import GroupCommitWriter
from benchmarks.audit import CALLERS, GROUP_ENTRIES, SINGLE_ENTRIES, entries_per_second
from benchmarks.figures import show, show_skipped
from benchmarks.peer_environments import ask
from benchmarks.public_queries import Skipped
from benchmarks.synthetic_log import write_log
from foundation.clock import SystemClock
from foundation.db import metadata, open_engine, reading
from foundation.keys import FileKeyStore

PEER = "pymerkle"
RUNS = 3
ROOT_LEAVES = 20_000
ENTRIES = 200_000
PROOFS = 200
STRIDE = 6_180_339_887
APPEND_RATIO_MIN = 4.0
INCLUSION_RATIO_MIN = 100.0


def leaf(index: int) -> bytes:
    """Return the bytes of one leaf, the same as in benchmarks/peers/pymerkle/ask.py."""
    return b"%020d" % index * 26


def our_root(size: int) -> bytes:
    """Return the root of our tree over the same leaves."""
    edge = TreeEdge()
    for index in range(size):
        edge.append(leaf_hash(leaf(index)))
    return edge_root(edge)


def show_appends(home: Path) -> bool:
    """Compare durable appends, turn by turn."""
    roots_equal = our_root(ROOT_LEAVES) == int(
        ask(PEER, "root", str(ROOT_LEAVES))["root"]
    ).to_bytes(32)
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    ours, theirs, alone = list[float](), list[float](), list[tuple[float, float]]()
    keys = FileKeyStore(home / "keys")
    with GroupCommitWriter(
        engine, keys, SystemClock(), "bench.example/log", home / "head"
    ) as writer:
        for _ in range(RUNS):
            theirs.append(ask(PEER, "appends", str(CALLERS))["per_second"])
            ours.append(entries_per_second(writer, GROUP_ENTRIES, CALLERS))
            single = entries_per_second(writer, SINGLE_ENTRIES, 1)
            alone.append((single, ask(PEER, "appends", "1")["per_second"]))
    engine.dispose()
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return show(
        "append_vs_pymerkle",
        round(ratio, 2),
        "ratio",
        f">={APPEND_RATIO_MIN:g}, roots equal",
        met=ratio >= APPEND_RATIO_MIN and roots_equal,
        against=f"pymerkle's SQLite tree, {CALLERS} callers each",
        runs=RUNS,
        roots_equal=roots_equal,
        ours_per_second=round(statistics.median(ours)),
        theirs_per_second=round(statistics.median(theirs)),
        one_caller_ours_per_second=round(statistics.median(pair[0] for pair in alone)),
        one_caller_theirs_per_second=round(statistics.median(pair[1] for pair in alone)),
    )


def show_inclusion(home: Path) -> bool:
    """Compare inclusion proofs at 200,000 entries."""
    told = ask(PEER, "proofs", str(ENTRIES))
    theirs_ms = told["sqlite_ms"]
    log = write_log(home, ENTRIES, 1)
    engine = open_engine(log.database_url)
    took = []
    with reading(engine) as connection:
        for place in range(PROOFS):
            started = time.perf_counter()
            receipt_for(connection, place * STRIDE % ENTRIES)
            took.append(time.perf_counter() - started)
    engine.dispose()
    ours_ms = statistics.median(took) * 1e3
    ratio = theirs_ms / ours_ms
    return show(
        "inclusion_vs_pymerkle_200k",
        round(ratio, 1),
        "ratio",
        f">={INCLUSION_RATIO_MIN:g}",
        met=ratio >= INCLUSION_RATIO_MIN,
        against="pymerkle's SQLite tree",
        runs=PROOFS,
        ours_ms=round(ours_ms, 3),
        theirs_ms={name: round(value, 1) for name, value in told.items()},
    )


def main() -> int:
    """Print the figures; exit 1 where a bar is missed."""
    met = []
    for figure, act in (
        ("append_vs_pymerkle", show_appends),
        ("inclusion_vs_pymerkle_200k", show_inclusion),
    ):
        with tempfile.TemporaryDirectory(dir=".") as home:
            try:
                met.append(act(Path(home)))
            except Skipped as reason:
                show_skipped(figure, str(reason))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
