"""Builds one extract in two passes over a bounded memory: mask and scatter, then order and write.

The order is the row's own (``order``), under a key derived from the extract's: nothing links two
extracts by position, row group or layout. Groups are judged before a byte is written.
"""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from catalog.datasets import Column, ColumnType
from disclosure.extracts.codes import ROWS_A_VALUE_MIN, Codes, coded
from disclosure.extracts.files import ROW_GROUP_ROWS, ExtractWriter
from disclosure.extracts.groups import ClassCounter
from disclosure.extracts.order import RowTagger
from disclosure.extracts.plan import (
    DECIMAL_DIGITS,
    UNIT_COLUMN,
    ExtractPlan,
    as_shown,
    decimal_digits,
    groups_too_small,
    shown_type,
    visible,
)
from disclosure.extracts.scatter import TAG, Scatter
from foundation.keys import Citation, KeyStore
from policies.schema.masks import MaskRules

THREADS = 2
BATCHES_AHEAD = 4
PARTITIONS_AHEAD = 3
_SAMPLE_ROWS = 32_768
_ORDER_LABEL = b"sandgate/extract-order@3"
_CLASS_LABEL = b"sandgate/extract-class@1"

if "jemalloc" in pa.supported_memory_backends():
    # The default pool gives short-lived batches back to the kernel and faults them in again:
    # a third of a build's processor time was spent there.
    pa.set_memory_pool(pa.jemalloc_memory_pool())

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class BuildLimits:
    """What one build may hold: masked rows in memory, then sealed on disk.

    Beside ``held_bytes_max`` a build holds up to six batches of 131,072 rows while it reads, then
    up to six partitions of 262,144 rows; below 1.5 times the limit for rows of up to 300 bytes.
    """

    held_bytes_max: int = 1 << 30
    spill_bytes_max: int = 64 << 30


@dataclass(frozen=True)
class Extract:
    """A built extract. ``row_count`` is for the source and the authority only.

    ``column_bytes`` says how much memory each column takes when it is loaded.
    """

    dataset: str
    path: Path
    digest: str
    columns: tuple[str, ...]
    key_name: str
    row_count: int
    column_bytes: Mapping[str, int]
    plan: ExtractPlan


def build_extract(
    plan: ExtractPlan,
    rows: Iterable[pa.RecordBatch],
    *,
    path: Path,
    keys: KeyStore,
    key_name: str,
    pseudonym_key: bytes,
    rules: MaskRules,
    rows_expected: int = ROW_GROUP_ROWS,
    limits: BuildLimits | None = None,
    progress: Callable[[int], None] = lambda _rows: None,
    cited: Citation | None = None,
) -> Extract:
    """Build one extract from stored rows. Raises Denied where its groups are too small.

    Makes the data key ``key_name``, a new one for each build. ``pseudonym_key`` is the licence's
    own (``licence_pseudonym_key``): equal values keep one pseudonym across its extracts.
    ``rows_expected`` only sizes the work; ``progress`` is told how many source rows were read;
    ``cited`` is the entry on which the key is made.
    """
    key = keys.create_data_key(key_name, cited)
    build = _Build(plan, key, pseudonym_key, rules, path, rows_expected, limits)
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="extract") as pool:
            build.read(rows, pool, progress)
            build.check_groups()
            build.write(pool)
    except BaseException:
        keys.destroy(key_name)
        path.unlink(missing_ok=True)
        raise
    finally:
        build.close()
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    names = tuple(column.name for column in plan.columns)
    return Extract(
        plan.dataset, path, digest, names, key_name, build.rows, build.column_bytes, plan
    )


class _Build:
    def __init__(
        self,
        plan: ExtractPlan,
        key: bytes,
        pseudonym_key: bytes,
        rules: MaskRules,
        path: Path,
        rows_expected: int,
        limits: BuildLimits | None,
    ) -> None:
        self._plan = plan
        self._key = key
        self._path = path
        self._mask = (pseudonym_key, rules)
        self._tagger = RowTagger(key, _ORDER_LABEL)
        self._classes = RowTagger(secrets.token_bytes(32), _CLASS_LABEL)
        self._counter = ClassCounter(plan.sensitive())
        self._names = [column.name for column in plan.columns]
        self._largest = dict.fromkeys(self._names, 0)
        self._codes = Codes()
        allowed = limits or BuildLimits()
        self._scatter = Scatter(
            path.parent,
            rows_expected=rows_expected,
            partition_rows=ROW_GROUP_ROWS,
            held_bytes_max=allowed.held_bytes_max,
            spill_bytes_max=allowed.spill_bytes_max,
        )
        self.rows = 0
        self.column_bytes = dict.fromkeys(self._names, 0)

    def read(
        self,
        rows: Iterable[pa.RecordBatch],
        pool: ThreadPoolExecutor,
        progress: Callable[[int], None],
    ) -> None:
        """Mask, count and scatter all rows."""
        read = 0
        for source_rows, seen, tagged in _in_order(pool, self._tagged, rows, BATCHES_AHEAD):
            read += source_rows
            self._count(seen)
            self._codes.note(tagged)
            self._scatter.add(tagged)
            progress(read)

    def check_groups(self) -> None:
        """Hold k and l over the visible quasi-identifiers. Raises Denied."""
        wanted = self._plan.threshold
        missed = self._counter.missed(wanted.k, wanted.l)
        if missed is not None:
            raise groups_too_small(missed, getattr(wanted, missed))

    def write(self, pool: ThreadPoolExecutor) -> None:
        """Write all rows in their own order."""
        self._codes.settle()
        schema = pa.schema([(column.name, self._kind(column)) for column in self._plan.columns])
        writer: ExtractWriter | None = None
        try:
            places = range(len(self._scatter))
            shown = partial(self._shown, schema=schema)
            for ordered in _in_order(pool, shown, places, PARTITIONS_AHEAD):
                if ordered is None:
                    continue
                if writer is None:
                    repetitive = _repetitive(ordered)
                    writer = ExtractWriter(self._path, self._key, schema, repetitive=repetitive)
                self._measure(ordered)
                writer.write(ordered)
            writer = writer or ExtractWriter(self._path, self._key, schema)
        finally:
            if writer is not None:
                writer.close()

    def close(self) -> None:
        """Give up what was held and spilled."""
        self._scatter.close()

    def _tagged(self, batch: pa.RecordBatch) -> tuple[int, pa.RecordBatch, pa.RecordBatch]:
        seen = visible(self._plan, batch, *self._mask)
        shown = [coded(seen.column(name)) for name in self._names]
        tags = self._tagger.tags(shown, seen.num_rows)
        tagged = pa.RecordBatch.from_arrays([*shown, tags], names=[*self._names, TAG])
        return batch.num_rows, seen, self._scatter.gathered(tagged)

    def _count(self, seen: pa.RecordBatch) -> None:
        self.rows += seen.num_rows
        for column in self._plan.columns:
            if column.type is ColumnType.DECIMAL:
                found = max(self._largest[column.name], _largest(seen.column(column.name)))
                self._largest[column.name] = found
        wanted = self._plan.threshold
        if wanted.k <= 1 and wanted.l <= 1:
            return
        count = seen.num_rows
        quasi = [seen.column(name) for name in self._plan.quasi()]
        classes = self._classes.tags(quasi, count)
        units = pa.arange(self.rows - count, self.rows)
        if self._plan.counts_units:
            units = seen.column(UNIT_COLUMN)
        values = [seen.column(name) for name in self._plan.sensitive()]
        self._counter.add(classes, units, [value_tags(self._classes, column) for column in values])

    def _shown(self, place: int, schema: pa.Schema) -> pa.RecordBatch | None:
        ordered = self._scatter.partition(place)
        if ordered is None:
            return None
        arrays = [
            as_shown(self._codes.written(field.name, ordered.column(field.name)), field.type)
            for field in schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _kind(self, column: Column) -> pa.DataType:
        digits = decimal_digits(self._largest[column.name])
        return self._codes.kind(column.name, shown_type(column, digits))

    def _measure(self, ordered: pa.RecordBatch) -> None:
        for name, column in zip(self._names, ordered.columns, strict=True):
            self.column_bytes[name] += _engine_bytes(column)


def value_tags(tagger: RowTagger, values: pa.Array) -> pa.Array:
    """Return a number for each value, NULL for NULL."""
    tags = tagger.tags([values], len(values))
    return pc.if_else(pc.is_valid(values), tags, pa.scalar(None, pa.uint64()))


def _engine_bytes(column: pa.Array) -> int:
    """Return what a column takes in a worker: DuckDB's 16 bytes a text, and 8 for 18 digits."""
    if pa.types.is_dictionary(column.type):
        lengths = pc.binary_length(column.dictionary).take(column.indices)
        return int((pc.sum(lengths).as_py() or 0) + 16 * len(column))
    if pa.types.is_string(column.type):
        return int(column.nbytes + 12 * len(column))
    narrow = pa.types.is_decimal(column.type) and column.type.precision <= DECIMAL_DIGITS
    return int(column.nbytes // 2 if narrow else column.nbytes)


def _largest(values: pa.Array) -> int:
    """Return the largest stored integer, whatever its sign; 0 where there is none."""
    if not pa.types.is_integer(values.type):
        return 0
    found = pc.min_max(values).as_py()
    return 0 if found["max"] is None else max(-found["min"], found["max"])


def _repetitive(rows: pa.RecordBatch) -> list[str]:
    """Name the columns that repeat their values, judged on what the holder sees first."""
    start = rows.slice(0, _SAMPLE_ROWS)
    return [
        field.name
        for field, column in zip(start.schema, start.columns, strict=True)
        if pa.types.is_dictionary(field.type) or _has_few_values(column)
    ]


def _has_few_values(column: pa.Array) -> bool:
    if pa.types.is_boolean(column.type):
        return False
    return bool(pc.count_distinct(column).as_py() * ROWS_A_VALUE_MIN <= len(column))


def _in_order(
    pool: ThreadPoolExecutor, make: Callable[[Given], Made], given: Iterable[Given], ahead: int
) -> Iterator[Made]:
    """Make each in turn, a few ahead of time."""
    waiting: deque[Future[Made]] = deque()
    for item in given:
        waiting.append(pool.submit(make, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
