"""The rows behind a licence's extract, with an anonymous number of each person, for the worker.

The extract itself holds no unit. So the stored version is read again and masked by the extract's
own plan: the same values, in no order that anyone sees. A person's number is the same in every
data set and version of a population, by its keyed hash from onboarding, and tells nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from catalog.versions import ROWS_FILE, read_rows, read_units
from disclosure.extracts.plan import UNIT_COLUMN, ExtractPlan, building_schema, visible
from disclosure.release.tables.refusals import version_gone
from disclosure.release.tables.rendering import PERSON, stored_name
from policies.schema.masks import MaskRules

HASH_BYTES = 16
_POSITIVE = (1 << 63) - 1


def rows_of_extract(
    plan: ExtractPlan,
    directory: Path,
    columns: Sequence[str],
    *,
    pseudonym_key: bytes,
    rules: MaskRules,
) -> Callable[[], pa.RecordBatchReader]:
    """Return what streams the named columns of every row of an extract, each with its person.

    Decimals come as stored integers. Where the data has no units, each row stands for itself.
    Raises Refused where the version is gone.
    """
    if not (directory / ROWS_FILE).is_file():
        raise version_gone()
    narrowed = _narrowed(plan, columns)
    schema = building_schema(narrowed)
    fields = [pa.field(stored_name(name), schema.field(name).type) for name in columns]
    people = _people(directory) if plan.counts_units else None

    def open_rows() -> pa.RecordBatchReader:
        batches = read_rows(directory, narrowed.source_columns())
        shown = (visible(narrowed, batch, pseudonym_key, rules) for batch in batches)
        streamed = pa.schema([*fields, pa.field(PERSON, pa.int64())])
        return pa.RecordBatchReader.from_batches(
            streamed, _numbered(shown, columns, people, streamed)
        )

    return open_rows


def _narrowed(plan: ExtractPlan, columns: Sequence[str]) -> ExtractPlan:
    """Leave out what neither the table nor the licence's own filters read: it is not opened."""
    needed = {*columns, *(item.column for item in plan.filters)}
    kept = tuple(column for column in plan.columns if column.name in needed)
    return plan.model_copy(update={"columns": kept or plan.columns[:1]})


def _numbered(
    shown: Iterable[pa.RecordBatch],
    columns: Sequence[str],
    people: pa.Array | None,
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    seen = 0
    for batch in shown:
        count = batch.num_rows
        if people is None:
            person = pa.arange(seen, seen + count)
        else:
            person = people.take(batch.column(UNIT_COLUMN))
        seen += count
        arrays = [batch.column(name) for name in columns]
        yield pa.RecordBatch.from_arrays([*arrays, person], schema=schema)


def _people(directory: Path) -> pa.Array:
    """Return each unit's number by its ordinal: 63 bits of its keyed hash."""
    found = [_numbers(batch) for batch in read_units(directory)]
    return pa.concat_arrays(found) if found else pa.array([], pa.int64())


def _numbers(batch: pa.RecordBatch) -> pa.Array:
    ordinals, hashes = batch.column("_unit"), batch.column("hash")
    if len(ordinals) and (
        pc.min_max(ordinals).as_py()["max"] - ordinals[0].as_py() != len(ordinals) - 1
    ):
        raise version_gone()  # ordinals are dense and in order, or nobody can be counted
    fixed = hashes.cast(pa.binary(HASH_BYTES))
    words = pa.Array.from_buffers(
        pa.int64(), 2 * len(fixed), [None, fixed.buffers()[1]], offset=2 * fixed.offset
    )
    return pc.bit_wise_and(words.take(pa.arange(0, 2 * len(fixed), 2)), _POSITIVE)
