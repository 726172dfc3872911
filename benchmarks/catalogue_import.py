"""Measures 15,120 catalogue entries from spreadsheets to drafts, with the log and confined reading.

    python -m benchmarks.catalogue_import [--rows N]

Six spreadsheets, one a base library, are judged and taken as bureaus would: read in the confined
child, each row judged, the report kept, drafts made under the log. The same files once more show
what a repeated upload costs. Then the batches are walked to publication, and the catalogue leaves
as DCAT-AP and as a signed package.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import show
from catalog.exchange.dcat import catalogue
from catalog.exchange.packing import export_catalogue
from catalog.exchange.published import all_published
from foundation.db import reading
from tests.catalogue_exchange import NODE, REVIEWER, STEWARD, Exchange, exchange, publish_batches
from tests.catalogue_sheets import LIBRARIES, row_of, xlsx_of

ROWS = 15_120
IMPORT_SECONDS_MAX = 45.0
AGAINST = "15,120 classes of entries of the six national base libraries; the issue's bar"


def sheets(rows: int, world: Exchange) -> list[bytes]:
    """Return one spreadsheet a base library; together they hold so many rows."""
    step = len(LIBRARIES)
    return [
        xlsx_of([row_of(number) for number in range(start, rows, step)], world.imports.rules)
        for start in range(step)
    ]


def judged(world: Exchange, books: list[bytes]) -> list[str]:
    """Judge every spreadsheet; return the imports."""
    house = STEWARD.organisation
    return [
        world.imports.judge(STEWARD, house, data, f"目录{number}.xlsx")[0].id
        for number, data in enumerate(books)
    ]


def taken(world: Exchange, imports: list[str]) -> int:
    """Take every import; return how many drafts that made."""
    return sum(world.imports.take(STEWARD, import_id).drafts for import_id in imports)


def timed(act: Callable[[], object]) -> float:
    """Return the seconds of an act."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def exported(world: Exchange) -> int:
    """Return the characters of the whole catalogue as DCAT-AP."""
    with reading(world.engine) as connection:
        return sum(map(len, catalogue(all_published(connection), NODE)))


def measure(rows: int, home: Path) -> bool:
    """Print the figures of one run."""
    with exchange(home) as world:
        books = sheets(rows, world)
        started, spent = time.perf_counter(), time.process_time()
        imports = judged(world, books)
        judging = time.perf_counter() - started
        drafts = taken(world, imports)
        seconds, spent = time.perf_counter() - started, time.process_time() - spent
        again = timed(lambda: judged(world, books))
        good = show(
            "catalogue_import_seconds",
            round(seconds, 2),
            "s",
            f"<={IMPORT_SECONDS_MAX:g}",
            met=drafts == rows and seconds <= IMPORT_SECONDS_MAX,
            against=AGAINST,
            runs=1,
            rows=drafts,
            files=len(books),
            bytes=sum(map(len, books)),
            judging_seconds=round(judging, 2),
            processor_seconds_of_the_service=round(spent, 2),
            repeated_upload_seconds=round(again, 2),
        )
        publishing = timed(lambda: publish_batches(world))
        dcat = timed(lambda: exported(world))
        package = timed(
            lambda: export_catalogue(world.engine, world.writer, REVIEWER, NODE, at_us=0)
        )
    show(
        "catalogue_export_seconds",
        round(dcat, 2),
        "s",
        "none",
        met=True,
        against="no bar: for information",
        runs=1,
        rows=rows,
        package_seconds=round(package, 2),
        publishing_in_batches_seconds=round(publishing, 2),
    )
    return good


def main() -> int:
    """Print the figures; exit 1 where the bar is not met."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:  # a disk, no memory file system
        return 0 if measure(options.rows, Path(folder).resolve() / "home") else 1


if __name__ == "__main__":
    sys.exit(main())
