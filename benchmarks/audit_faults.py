"""What the log misses: single bits flipped in its files and its store, and writers killed.

``byte_flips_missed`` counts flips that neither the verifier nor the store's check finds, over a
stride of the bytes of a bundle and of the tables of a log of 1,000 entries. ``kill9_violations``
counts kills after which an invariant of the log does not hold, on both stores. ``--full`` takes
every byte and a thousand kills on each store.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.audit import postgres_store
from benchmarks.figures import show, show_skipped
from tests.attacks.log_flips import Flips
from tests.attacks.log_scene import make_scene
from tests.attacks.store_flips import flips, is_missed, make_store
from tests.integration.log_crashes import (
    Home,
    Nursery,
    check_invariants,
    postgresql_home,
    sqlite_home,
)

ENTRIES = 1_000
STRIDE = 997
KILLS = 60
KILLS_FULL = 1_000
KILLS_PER_LOG = 20


def show_flips(home: Path, stride: int) -> bool:
    """Flip bytes of a bundle and of the store's tables."""
    scene = make_scene(home, ENTRIES)
    scene.engine.dispose()
    bundle = Flips(scene, home)
    places = list(islice(bundle.places(), 0, None, stride))
    missed = sum(not bundle.is_found(*place) for place in places)
    (home / "store").mkdir()
    store = make_store(home / "store", ENTRIES)
    chosen = list(islice(flips(store), 0, None, stride))
    missed += sum(is_missed(store, cell, value) for cell, value in chosen)
    store.engine.dispose()
    return show(
        "byte_flips_missed",
        missed,
        "flips",
        "0",
        met=missed == 0,
        against="each byte found or outside the commitment",
        runs=len(places) + len(chosen),
        of_files=len(places),
        of_tables=len(chosen),
        stride=stride,
    )


def violations(nursery: Nursery, make: Callable[[Path], Home], path: Path, kills: int) -> int:
    """Kill writers at all moments; count the kills after which an invariant does not hold."""
    broken = 0
    for first in range(0, kills, KILLS_PER_LOG):
        home = make(path / f"log{first}")
        for kill in range(first, min(first + KILLS_PER_LOG, kills)):
            nursery.kill_after(home, 0.01 + 0.013 * (kill % 11))
            try:
                check_invariants(home, home.acknowledged())
            except AssertionError:
                broken += 1
                break  # this log is spoilt
    return broken


def show_kills(home: Path, kills: int) -> bool:
    """Kill writers on both stores."""
    with Nursery() as nursery:
        found = {"sqlite": violations(nursery, sqlite_home, home, kills)}
        place = home / "postgresql"
        place.mkdir()
        try:
            with postgres_store(place) as url:
                make = partial(postgresql_home, url)
                found["postgresql"] = violations(nursery, make, place, kills)
        except ImportError as missing:
            show_skipped("kill9_violations on PostgreSQL", str(missing))
    total = sum(found.values())
    return show(
        "kill9_violations",
        total,
        "kills",
        "0",
        met=total == 0,
        against="the seven invariants of the log",
        runs=kills * len(found),
        **found,
    )


def main(arguments: list[str]) -> int:
    """Print the figures; exit 1 where a bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    full = parser.parse_known_args(arguments)[0].full
    with tempfile.TemporaryDirectory(dir=".") as directory:
        home = Path(directory).resolve()
        met = [
            show_flips(home, 1 if full else STRIDE),
            show_kills(home, KILLS_FULL if full else KILLS),
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
