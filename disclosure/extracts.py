"""Decides what a governed extract holds, and builds it: an extract is a release (I13).

It holds the columns granted as rows, masked, and the rows that pass the licence's constant
filters, judged on what the holder may see. Its order is a keyed hash of its own visible rows, so
nothing links two extracts by position. It is written encrypted and dies with its key.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

from authorization.documents import AccessMode, Grant, RowFilter
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    IdentifierKind,
    MaskKind,
)
from disclosure.masking import apply_mask
from foundation.errors import Denied, Message, Unavailable
from foundation.keys import KeyStore
from policies.schema.masks import ExtractThreshold, MaskRules

BATCH_ROWS = 65_536
UNIT_COLUMN = "_unit"
RULE = "policies/masks"
_ORDER_LABEL = b"sandgate/extract-order@1"
_FILE_LABEL = b"sandgate/extract@1:"
_HIDES_ALL = frozenset({MaskKind.NULL, MaskKind.REDACT})


@dataclass(frozen=True)
class ExtractPlan:
    """What one data set gives one licence as rows, before any row is read."""

    dataset: str
    columns: tuple[Column, ...]
    filters: tuple[RowFilter, ...]
    threshold: ExtractThreshold
    counts_units: bool

    def source_columns(self) -> tuple[str, ...]:
        """Return the stored columns that a build needs to read."""
        names = tuple(column.name for column in self.columns)
        return (*names, UNIT_COLUMN) if self.counts_units else names


@dataclass(frozen=True)
class Extract:
    """A built extract. ``row_count`` is for the source and the authority only."""

    dataset: str
    path: Path
    digest: str
    columns: tuple[str, ...]
    key_name: str
    row_count: int


def plan_extract(dataset: DatasetDeclaration, grant: Grant, rules: MaskRules) -> ExtractPlan:
    """Decide what a grant's extract holds. Raises Denied where a rule forbids the extract."""
    if AccessMode.ROWS not in grant.modes:
        raise _denied(
            "rows_not_granted", "modes", "该授权未包含明细模式。", "Rows are not granted."
        )
    if dataset.subject == "person" and not grant.basis:
        raise _denied(
            "basis_missing",
            "basis",
            "个人数据的明细授权须写明依据。",
            "Rows about persons need a named basis.",
        )
    columns = tuple(
        column
        for column in dataset.columns
        if column.name in grant.columns and column.exposure is Exposure.ROWS
    )
    _check_filters(columns, grant.row_filters)
    if not columns:
        raise _denied(
            "extract_empty",
            "columns",
            "没有可作为明细给出的列。",
            "No column may be given as rows.",
        )
    return ExtractPlan(
        dataset=dataset.name,
        columns=columns,
        filters=grant.row_filters,
        threshold=_threshold(dataset, columns, rules),
        counts_units=bool(dataset.unit_columns),
    )


def build_extract(
    plan: ExtractPlan,
    rows: Iterable[pa.RecordBatch],
    *,
    path: Path,
    keys: KeyStore,
    key_name: str,
    pseudonym_key: bytes,
    rules: MaskRules,
) -> Extract:
    """Build one extract from stored rows. Raises Denied where its groups are too small.

    Makes the data key ``key_name``, a new one for each build. ``pseudonym_key`` is the licence's
    own (``licence_pseudonym_key``): equal values keep one pseudonym across its extracts.
    """
    visible = pa.Table.from_batches(
        [_visible(plan, batch, pseudonym_key, rules) for batch in rows], visible_schema(plan)
    )
    _check_groups(plan, visible)
    shown = visible.select([column.name for column in plan.columns])
    key = keys.create_data_key(key_name)
    try:
        _write(_in_own_order(shown, key), path, key)
    except BaseException:
        keys.destroy(key_name)
        path.unlink(missing_ok=True)
        raise
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    names = tuple(shown.column_names)
    return Extract(plan.dataset, path, digest, names, key_name, shown.num_rows)


def open_extract(path: Path, key: bytes) -> pa.RecordBatchReader:
    """Read an extract back, batch by batch. Raises Unavailable where key and file do not match."""
    properties = pe.create_decryption_properties(key, aad_prefix=_label(path))
    try:
        file = pq.ParquetFile(path, decryption_properties=properties)
    except (OSError, pa.ArrowException) as error:
        raise Unavailable(
            "extract_unreadable",
            Message(
                "授权数据副本缺失、已损坏或与密钥不符。",
                "The governed extract is missing, damaged, or not this key's.",
            ),
            rule="I13",
        ) from error
    return pa.RecordBatchReader.from_batches(file.schema_arrow, _batches(file))


def destroy_extract(path: Path, key_name: str, keys: KeyStore) -> None:
    """Destroy the key first, then the file: a file that survives is unreadable for good."""
    keys.destroy(key_name)
    path.unlink(missing_ok=True)


def licence_pseudonym_key(keys: KeyStore, licence: str) -> bytes:
    """Return a licence's pseudonym key, made at first use; raises Unavailable once destroyed."""
    name = pseudonym_key_name(licence)
    try:
        return keys.data_key(name)
    except Unavailable:
        return keys.create_data_key(name)


def pseudonym_key_name(licence: str) -> str:
    """Name a licence's pseudonym key, to make it or to destroy it."""
    return f"pseudonym.{licence}"


def visible_schema(plan: ExtractPlan) -> pa.Schema:
    """Return the types of an extract under construction, the counted unit last."""
    fields = [pa.field(column.name, _visible_type(column)) for column in plan.columns]
    if plan.counts_units:
        fields.append(pa.field(UNIT_COLUMN, pa.int64()))
    return pa.schema(fields)


def _batches(file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    with file:
        yield from file.iter_batches(BATCH_ROWS, use_threads=False)


def _check_filters(columns: tuple[Column, ...], filters: tuple[RowFilter, ...]) -> None:
    shown = {column.name for column in columns if column.mask.kind not in _HIDES_ALL}
    for row_filter in filters:
        if row_filter.column not in shown:
            raise _denied(
                "filter_column_not_granted",
                f"row_filters.{row_filter.column}",
                f"行筛选列“{row_filter.column}”未作为明细列授权，或已全部隐去。",
                f"The row filter reads {row_filter.column!r}, which is not granted as rows, or is "
                "hidden whole.",
            )


def _threshold(
    dataset: DatasetDeclaration, columns: tuple[Column, ...], rules: MaskRules
) -> ExtractThreshold:
    grade = max((column.grade for column in columns), key=list(Grade).index)
    threshold = rules.threshold(dataset.subject, str(grade))
    if threshold is None:
        raise _denied(
            "grade_not_as_rows",
            "columns",
            f"{grade} 级数据不得以明细形式给出。",
            f"Data of grade {grade} about this kind of subject is never given as rows.",
        )
    return threshold


def _visible(
    plan: ExtractPlan, batch: pa.RecordBatch, pseudonym_key: bytes, rules: MaskRules
) -> pa.RecordBatch:
    arrays = [
        _as_shown(
            column,
            apply_mask(batch.column(column.name), column.mask, key=pseudonym_key, rules=rules),
        )
        for column in plan.columns
    ]
    if plan.counts_units:
        arrays.append(batch.column(UNIT_COLUMN).cast(pa.int64()))
    visible = pa.RecordBatch.from_arrays(arrays, schema=visible_schema(plan))
    for row_filter in plan.filters:
        values = pc.cast(visible.column(row_filter.column), pa.string())
        visible = visible.filter(pc.is_in(values, pa.array(row_filter.values, pa.string())))
    return visible


def _visible_type(column: Column) -> pa.DataType:
    if column.mask.kind is MaskKind.PSEUDONYM:
        return pa.string()
    return {
        ColumnType.INTEGER: pa.int64(),
        ColumnType.DECIMAL: pa.decimal128(19, column.scale),
        ColumnType.TEXT: pa.string(),
        ColumnType.DATE: pa.date32(),
        ColumnType.BOOLEAN: pa.bool_(),
    }[column.type]


def _as_shown(column: Column, masked: pa.Array) -> pa.Array:
    """Give a decimal back its point; its stored integer is the same bits."""
    if column.type is not ColumnType.DECIMAL or not pa.types.is_integer(masked.type):
        return masked.cast(_visible_type(column))
    whole = masked.cast(pa.decimal128(19, 0))
    shown = _visible_type(column)
    return pa.Array.from_buffers(shown, len(whole), whole.buffers(), offset=whole.offset)


def _check_groups(plan: ExtractPlan, visible: pa.Table) -> None:
    """Hold k and l over the visible quasi-identifiers, counting units where the data has them."""
    wanted = plan.threshold
    if (wanted.k <= 1 and wanted.l <= 1) or not visible.num_rows:
        return
    quasi = _names(plan, IdentifierKind.QUASI, IdentifierKind.DIRECT)
    counted = (UNIT_COLUMN, "count_distinct") if plan.counts_units else ([], "count_all")
    sensitive = [(name, "count_distinct") for name in _names(plan, IdentifierKind.SENSITIVE)]
    groups = visible.group_by(quasi).aggregate([counted, *sensitive])
    sizes = groups.column("_unit_count_distinct" if plan.counts_units else "count_all")
    if pc.min(sizes).as_py() < wanted.k:
        raise _too_small("k", wanted.k)
    for name, _ in sensitive:
        if pc.min(groups.column(f"{name}_count_distinct")).as_py() < wanted.l:
            raise _too_small("l", wanted.l)


def _names(plan: ExtractPlan, *kinds: IdentifierKind) -> list[str]:
    return [column.name for column in plan.columns if column.identifier in kinds]


def _in_own_order(table: pa.Table, key: bytes) -> pa.Table:
    """Order rows by a keyed hash of what they show; rows that look the same are the same."""
    order_key = hmac.digest(key, _ORDER_LABEL, "sha256")
    ranks = [hmac.digest(order_key, row, "sha256") for row in _row_bytes(table)]
    return table.take(pc.sort_indices(pa.array(ranks, pa.binary(32))))


def _row_bytes(table: pa.Table) -> Iterator[bytes]:
    """Encode each row so that different rows differ: every value with its length before it."""
    parts = []
    for name in table.column_names:
        text = table.column(name).combine_chunks().cast(pa.string()).cast(pa.binary())
        length = pc.fill_null(pc.binary_length(text).cast(pa.string()), "-").cast(pa.binary())
        parts += [length, pa.scalar(b":"), pc.fill_null(text, b"")]
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b""))
    for chunk in joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]:
        yield from chunk.to_pylist()


def _write(table: pa.Table, path: Path, key: bytes) -> None:
    properties = pe.create_encryption_properties(
        key, aad_prefix=_label(path), store_aad_prefix=False
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table, row_group_size=BATCH_ROWS * 4)


def _label(path: Path) -> bytes:
    return _FILE_LABEL + path.name.encode()


def _too_small(letter: str, wanted: int) -> Denied:
    return _denied(
        "extract_groups_too_small",
        "columns",
        f"授权副本未达到 {letter}={wanted}：可见的准标识符组合中有过小的组。",
        f"The extract misses {letter}={wanted}: some combination of visible quasi-identifiers is "
        "shared by too few.",
        way_out=Message(
            "请减少准标识符列，或由供数单位采用更粗的泛化。",
            "Grant fewer quasi-identifiers, or have the source generalise them more.",
        ),
    )


def _denied(code: str, field: str, zh: str, en: str, way_out: Message | None = None) -> Denied:
    return Denied(code, Message(zh, en), field=field, rule=RULE, way_out=way_out)
