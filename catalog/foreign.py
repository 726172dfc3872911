"""Reads one untrusted file, CSV or Parquet, into batches of declared types, or says what is wrong.

Runs in the confined builder: pyarrow and the standard library only. A fault names row, column and
rule and never a value or a name out of the file, since the header of a file without one is data.
Rows of a CSV file count as a spreadsheet shows them: the header is row 1.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

BATCH_ROWS = 65_536
SCAN_BYTES = 1 << 20
LINE_BYTES_MAX = 1 << 20
FIELD_CHARACTERS_MAX = 4_096
COLUMNS_MAX = 2_000
INTEGER_MAX = 2**53 - 1
FAULTS_MAX = 20
DECIMAL_PRECISION = 30  # with 10^6 as 7 digits, the product just fits decimal128
POSITION = "_position"

STORED_TYPES: Mapping[str, pa.DataType] = {
    "integer": pa.int64(),
    "decimal": pa.int64(),
    "text": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True)
class ColumnSpec:
    """A declared column as the builder needs it."""

    name: str
    type: str
    nullable: bool
    scale: int


@dataclass(frozen=True)
class Fault:
    """One thing wrong with the file: where, and which rule it breaks."""

    rule: str
    row: int | None = None
    column: str | None = None


class FileRefused(Exception):
    """The file breaks the declaration."""

    def __init__(self, faults: Sequence[Fault], broken: Sequence[Sequence[object]] = ()) -> None:
        """Keep at most ``FAULTS_MAX`` faults, first ones first.

        ``broken`` counts, by column and rule, the rows that break data elements.
        """
        super().__init__("the file does not match its declaration")
        self.faults = tuple(faults[:FAULTS_MAX])
        self.broken = list(broken)


def read_foreign(
    file: BinaryIO,
    form: str,
    columns: Sequence[ColumnSpec],
    rows_max: int,
    found: list[FileRefused],
) -> pa.RecordBatchReader:
    """Give the file's rows as stored types plus their position.

    Whoever pulls the batches may wrap what it raises in an error of its own, so a refusal is
    also put into ``found``.
    """
    batches = read_csv(file, columns) if form == "csv" else read_parquet(file, columns)
    schema = stored_schema(columns)

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from _positioned(batches, schema, rows_max)
        except FileRefused as refused:
            found.append(refused)
            raise

    return pa.RecordBatchReader.from_batches(schema, watched())


def stored_schema(columns: Sequence[ColumnSpec]) -> pa.Schema:
    """Return the schema of the batches that ``read_foreign`` gives."""
    fields = [pa.field(column.name, STORED_TYPES[column.type]) for column in columns]
    return pa.schema([*fields, pa.field(POSITION, pa.int64())])


def read_csv(file: BinaryIO, columns: Sequence[ColumnSpec]) -> Iterator[list[pa.Array]]:
    """Read a comma-separated UTF-8 file with one header row (RFC 4180)."""
    _scan_text(file)
    _check_names(_csv_header(file), columns)
    bad_rows: list[Fault] = []

    def refuse_row(row: Any) -> str:
        bad_rows.append(Fault("field_count", row.number))
        return "skip"

    row = 2
    try:
        for batch in _open_csv(file, columns, refuse_row):
            if bad_rows:
                raise FileRefused(bad_rows)
            yield _convert(batch, columns, row)
            row += batch.num_rows
    except pa.ArrowInvalid as error:
        raise FileRefused([*bad_rows, Fault("row_malformed", row)]) from error
    if bad_rows:
        raise FileRefused(bad_rows)
    if row == 2:  # noqa: PLR2004 - only the header was there
        raise FileRefused([Fault("empty", 1)])


def read_parquet(file: BinaryIO, columns: Sequence[ColumnSpec]) -> Iterator[list[pa.Array]]:
    """Read a Parquet file whose columns have the declared types."""
    row = 1
    try:
        parquet = pq.ParquetFile(
            pa.PythonFile(file, "r"),
            thrift_string_size_limit=1 << 26,
            thrift_container_size_limit=1 << 22,
        )
        schema = parquet.schema_arrow
        _check_names(schema.names, columns)
        _check_types(schema, columns)
        names = [column.name for column in columns]
        for batch in parquet.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
            batch.validate(full=True)
            yield _convert(batch, columns, row)
            row += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FileRefused([Fault("unreadable", row if row > 1 else None)]) from error
    if row == 1:
        raise FileRefused([Fault("empty")])


def _positioned(
    batches: Iterator[list[pa.Array]], schema: pa.Schema, rows_max: int
) -> Iterator[pa.RecordBatch]:
    position = 0
    for arrays in batches:
        rows = len(arrays[0])
        if position + rows > rows_max:
            raise FileRefused([Fault("too_many_rows", rows_max + 1)])
        place = pa.array(range(position, position + rows), pa.int64())
        yield pa.RecordBatch.from_arrays([*arrays, place], schema=schema)
        position += rows


def _scan_text(file: BinaryIO) -> None:
    """Refuse NUL bytes, broken UTF-8 and endless lines before any parser sees the file."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    row, line_bytes = 1, 0
    while chunk := file.read(SCAN_BYTES):
        nul = chunk.find(b"\0")
        if nul >= 0:
            raise FileRefused([Fault("nul_byte", row + chunk.count(b"\n", 0, nul))])
        _decode(decoder, chunk, row)
        lines = chunk.split(b"\n")
        lengths = [len(line) for line in lines]
        lengths[0] += line_bytes
        if max(lengths) > LINE_BYTES_MAX:
            raise FileRefused([Fault("field_too_long", row + lengths.index(max(lengths)))])
        row, line_bytes = row + len(lines) - 1, lengths[-1]
    _decode(decoder, b"", row, final=True)
    file.seek(0)


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, row: int, *, final: bool = False
) -> None:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        broken = error.object[: error.start].count(b"\n")
        raise FileRefused([Fault("encoding", row + broken)]) from error


def _csv_header(file: BinaryIO) -> list[str]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        return next(csv.reader(text, strict=True), [])
    except csv.Error as error:
        raise FileRefused([Fault("row_malformed", 1)]) from error
    finally:
        text.detach()
        file.seek(0)


def _open_csv(
    file: BinaryIO, columns: Sequence[ColumnSpec], refuse_row: Callable[[Any], str]
) -> pacsv.CSVStreamingReader:
    names = [column.name for column in columns]
    return pacsv.open_csv(
        pa.PythonFile(file, "r"),
        read_options=pacsv.ReadOptions(use_threads=False, block_size=8 * SCAN_BYTES),
        parse_options=pacsv.ParseOptions(
            newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=refuse_row
        ),
        convert_options=pacsv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _check_names(found: Sequence[str], columns: Sequence[ColumnSpec]) -> None:
    declared = [column.name for column in columns]
    if len(found) > COLUMNS_MAX:
        raise FileRefused([Fault("too_many_columns", 1)])
    repeated = [name for name in declared if found.count(name) > 1]
    missing = [name for name in declared if name not in found]
    strangers = [place for place, name in enumerate(found, 1) if name not in declared]
    faults = [
        *(Fault("column_duplicate", 1, name) for name in repeated),
        *(Fault("column_missing", 1, name) for name in missing),
        *(Fault("column_unknown", 1, f"#{place}") for place in strangers),
    ]
    if faults:
        raise FileRefused(faults)


def _check_types(schema: pa.Schema, columns: Sequence[ColumnSpec]) -> None:
    faults = [
        Fault("type", None, column.name)
        for column in columns
        if not _may_hold(schema.field(column.name).type, column)
    ]
    if faults:
        raise FileRefused(faults)


def _may_hold(found: pa.DataType, column: ColumnSpec) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    whole = bool(pa.types.is_integer(found))
    if column.type == "decimal":
        return whole or bool(pa.types.is_decimal128(found) and found.scale <= column.scale)
    if column.type == "integer":
        return whole
    tests = {
        "text": (pa.types.is_string, pa.types.is_large_string),
        "date": (pa.types.is_date,),
        "boolean": (pa.types.is_boolean,),
    }
    return any(test(found) for test in tests[column.type])


def _convert(
    batch: pa.RecordBatch, columns: Sequence[ColumnSpec], first_row: int
) -> list[pa.Array]:
    arrays, faults = [], []
    for column in columns:
        found = _convert_column(batch.column(column.name), column)
        if isinstance(found, tuple):
            rule, index = found
            faults.append(Fault(rule, first_row + index, column.name))
        else:
            arrays.append(found)
    if faults:
        raise FileRefused(sorted(faults, key=lambda fault: fault.row or 0))
    return arrays


def _convert_column(array: pa.Array, column: ColumnSpec) -> pa.Array | tuple[str, int]:
    """Return the column as stored, or the first broken rule and its index."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.null_count and not column.nullable:
        return "null", _first(pc.is_null(array))
    try:
        stored = _cast(array, column)
    except pa.ArrowInvalid:
        return "type", _first_uncastable(array, column)
    if column.type == "text":
        return _check_text(stored)
    if column.type in {"integer", "decimal"}:
        return _check_range(stored)
    return stored


def _cast(array: pa.Array, column: ColumnSpec) -> pa.Array:
    if column.type != "decimal":
        return pc.cast(array, STORED_TYPES[column.type])
    exact = pc.cast(array, pa.decimal128(DECIMAL_PRECISION, column.scale))
    power = pa.scalar(10**column.scale, pa.decimal128(7, 0))
    return pc.cast(pc.multiply_checked(exact, power), pa.int64())


def _first_uncastable(array: pa.Array, column: ColumnSpec) -> int:
    """Find the first value that does not cast, by halving."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _cast(array.slice(low, middle - low), column)
            low = middle
        except pa.ArrowInvalid:
            high = middle
    return low


def _check_text(array: pa.Array) -> pa.Array | tuple[str, int]:
    longest = pc.max(pc.utf8_length(array)).as_py() or 0
    if longest > FIELD_CHARACTERS_MAX:
        too_long = pc.greater(pc.utf8_length(array), FIELD_CHARACTERS_MAX)
        return "field_too_long", _first(too_long)
    nul = pc.match_substring(array, "\0")
    if pc.any(nul).as_py():
        return "nul_byte", _first(nul)
    return array


def _check_range(array: pa.Array) -> pa.Array | tuple[str, int]:
    wide = pc.or_(pc.greater(array, INTEGER_MAX), pc.less(array, -INTEGER_MAX))
    if pc.any(wide).as_py():
        return "out_of_range", _first(wide)
    return array


def _first(mask: pa.Array) -> int:
    return int(pc.index(mask, value=True).as_py())
