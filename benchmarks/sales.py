"""The delivered rows of the privacy benchmarks, and their onboarding by the confined builder.

Ten million sales of a million skewed persons by 50 regions and 20 products; always the same.
"""

import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.processor_time import descendants, processor_seconds
from catalog.builder import ConfinedBuilder
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    GroupSet,
)
from catalog.versions import VersionFolder, version_directory

ROWS = 10_000_000
PERSONS = 1_000_000
GIBIBYTE = 1 << 30
BUILDER_BYTES_MAX = 4 * GIBIBYTE
SKEW = 1.5  # persons have 10 rows on average, about 31 at the 99th percentile, 1,000 at most
REGIONS = tuple(f"region-{i:02d}" for i in range(50))
PRODUCTS = tuple(f"product-{i:02d}" for i in range(20))
AMOUNT_UPPER = 20_000
QUESTIONS = {
    50: ("region",),
    1000: ("region", "product"),
}


def column(name: str, kind: ColumnType, **more: object) -> Column:
    """Declare one column of the benchmark's data set."""
    fixed: dict[str, object] = {"name": name, "type": kind, "grade": Grade.L3}
    labels = {"label_zh": name, "label_en": name, "exposure": Exposure.AGGREGATE}
    return Column.model_validate({**fixed, **labels, **more})


def declaration() -> DatasetDeclaration:
    """Declare sales of persons by region and product, four groups and four rows a person."""
    return DatasetDeclaration(
        name="sales",
        entry="benchmark",
        label_zh="销售",
        label_en="Sales",
        subject="person",
        population="buyers",
        unit_columns=("person",),
        rows_per_unit_max=16,
        columns=(
            column("person", ColumnType.INTEGER, exposure=Exposure.UNIT),
            column("region", ColumnType.TEXT, public_values=REGIONS),
            column("product", ColumnType.TEXT, public_values=PRODUCTS),
            column("amount", ColumnType.DECIMAL, scale=2, lower=0, upper=AMOUNT_UPPER),
        ),
        group_sets=tuple(
            GroupSet(
                name=f"by_{groups}",
                keys=keys,
                groups_per_unit_max=4,
                rows_per_group_max=4,
                measures=("amount",),
            )
            for groups, keys in QUESTIONS.items()
        ),
    )


def question(keys: tuple[str, ...]) -> str:
    """Write the question: COUNT and SUM by public keys."""
    listed = ", ".join(keys)
    return f"SELECT {listed}, COUNT(*) AS n, SUM(amount) AS total FROM sales GROUP BY {listed}"


def deliver(rows: int) -> duckdb.DuckDBPyConnection:
    """Make the delivered rows: text keys, a decimal value, skewed persons; always the same."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        f"""
        CREATE TABLE sales AS SELECT
            CAST(floor({PERSONS * rows // ROWS} * pow((hash(i) % 1000003) / 1000003.0, {SKEW}))
                AS BIGINT) AS person,
            format('region-{{:02d}}', hash(i + 1) % 50) AS region,
            format('product-{{:02d}}', hash(i + 2) % 20) AS product,
            CAST((hash(i + 3) % 30000) / 100.0 AS DECIMAL(10, 2)) AS amount
        FROM range({rows}) t(i)
        """
    )
    return connection


@dataclass(frozen=True)
class Onboarded:
    """A version that the confined builder made, and what making it took."""

    home: Path
    version: str
    seconds: float
    peak_gib: float
    processor_seconds: float

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return version_directory(self.home, self.version)


def onboard(delivered: duckdb.DuckDBPyConnection, home: Path) -> Onboarded:
    """Build a version of the delivered rows as a provider's Parquet file, in the confined child."""
    source = home / "sales.parquet"
    delivered.execute(f"COPY sales TO '{source}' (FORMAT parquet)")
    folder = VersionFolder(home)
    rows_max = ROWS * 10
    builder = ConfinedBuilder(Path(sys.prefix), BUILDER_BYTES_MAX, rows_max)
    with watched_peak() as peak:
        started, before = time.monotonic(), processor_seconds()
        builder.build(declaration(), source, "parquet", folder, secrets.token_bytes(32))
        seconds = time.monotonic() - started
        used = max(peak.processor_seconds - before, 0.0)
    folder.seal({"dataset": "benchmark"})
    folder.reveal()
    return Onboarded(home, folder.version_id, seconds, peak.bytes / GIBIBYTE, used)


@dataclass
class Peak:
    """The greatest resident size that any one process below this one had; and the time used."""

    bytes: int = 0
    processor_seconds: float = 0.0


@contextmanager
def watched_peak() -> Iterator[Peak]:
    """Watch what the processes below this one hold, every tenth of a second."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            peak.bytes = max([peak.bytes, *map(_resident_peak, descendants())])
            peak.processor_seconds = max(peak.processor_seconds, processor_seconds())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _resident_peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    kibibytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kibibytes[0]) * 1024 if kibibytes else 0
