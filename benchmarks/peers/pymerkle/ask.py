"""Ask pymerkle: durable appends a second, an inclusion proof's milliseconds, or a root."""

import json
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from pymerkle import InmemoryTree, SqliteTree

SECONDS = 3.0
PROOFS = 15
STRIDE = 6_180_339_887


def leaf(index: int) -> bytes:
    """Return the bytes of one leaf, the same as in benchmarks/audit_pymerkle.py."""
    return b"%020d" % index * 26


def appends(callers: int) -> dict[str, float]:
    """Append entries of 520 bytes to its SQLite tree, each durable, from so many threads."""
    tree = SqliteTree("tree.db")
    started = time.perf_counter()

    def append() -> int:
        count = 0
        while time.perf_counter() - started < SECONDS:
            tree.append_entry(leaf(count))
            count += 1
        return count

    with ThreadPoolExecutor(callers) as pool:
        counts = [done.result() for done in [pool.submit(append) for _ in range(callers)]]
    return {"per_second": sum(counts) / (time.perf_counter() - started)}


def proofs(size: int) -> dict[str, float]:
    """Prove entries of its stored tree, and of the one that lives in memory alone."""
    found: dict[str, float] = {}
    for name, tree in (("memory", InmemoryTree()), ("sqlite", SqliteTree("proofs.db"))):
        if name == "sqlite":
            tree.append_entries((leaf(index) for index in range(size)), chunksize=10_000)
        else:
            for index in range(size):
                tree.append_entry(leaf(index))
        took = []
        for place in range(PROOFS):
            started = time.perf_counter()
            tree.prove_inclusion(place * STRIDE % size + 1, size)
            took.append(time.perf_counter() - started)
        found[f"{name}_ms"] = statistics.median(took) * 1e3
    return found


def root(size: int) -> dict[str, int]:
    """Give the root of a tree as a number."""
    tree = InmemoryTree()
    for index in range(size):
        tree.append_entry(leaf(index))
    return {"root": int.from_bytes(tree.get_state())}


if __name__ == "__main__":
    wanted, *rest = sys.argv[1:]
    print(json.dumps({"appends": appends, "proofs": proofs, "root": root}[wanted](*map(int, rest))))
