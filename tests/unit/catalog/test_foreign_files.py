import contextlib
import io
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.faults import RULES, explain
from catalog.foreign import (
    FIELD_CHARACTERS_MAX,
    INTEGER_MAX,
    LINE_BYTES_MAX,
    ColumnSpec,
    Fault,
    FileRefused,
    read_foreign,
)

COLUMNS = (
    ColumnSpec("id", "integer", nullable=False, scale=0),
    ColumnSpec("name", "text", nullable=True, scale=0),
    ColumnSpec("paid", "decimal", nullable=True, scale=2),
    ColumnSpec("day", "date", nullable=True, scale=0),
    ColumnSpec("open", "boolean", nullable=True, scale=0),
)
HEADER = b"id,name,paid,day,open\n"
GOOD = b"1,a,2.50,2026-01-02,true\n"


def _read(content: bytes, form: str = "csv", rows_max: int = 1_000_000) -> pa.Table:
    reader = read_foreign(io.BytesIO(content), form, COLUMNS, rows_max, [])
    return reader.read_all()


def _faults(content: bytes, form: str = "csv", rows_max: int = 1_000_000) -> Sequence[Fault]:
    found: list[FileRefused] = []
    with pytest.raises(FileRefused) as refused:
        read_foreign(io.BytesIO(content), form, COLUMNS, rows_max, found).read_all()
    assert found in ([], [refused.value])
    return refused.value.faults


def _parquet(**changes: Any) -> bytes:
    columns = {
        "id": pa.array([1, 2], pa.int32()),
        "name": pa.array(["a", None]).dictionary_encode(),
        "paid": pa.array([Decimal("2.5"), None], pa.decimal128(9, 1)),
        "day": pa.array([date(2026, 1, 2), None]),
        "open": pa.array([True, None]),
        **changes,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table({name: value for name, value in columns.items() if value}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (HEADER + GOOD + b"x,a,1,2026-01-02,true\n", Fault("type", 3, "id")),
        (HEADER + GOOD * 9 + b"1.5,a,1,2026-01-02,true\n", Fault("type", 11, "id")),
        (HEADER + b"1,a,1.234,2026-01-02,true\n", Fault("type", 2, "paid")),
        (HEADER + b"1,a,1,2026-02-30,true\n", Fault("type", 2, "day")),
        (HEADER + b"1,a,1,2026-01-02,maybe\n", Fault("type", 2, "open")),
        (HEADER + GOOD + b",a,1,2026-01-02,true\n", Fault("null", 3, "id")),
        (HEADER + GOOD + b"1,a,1,2026-01-02\n", Fault("field_count", 3)),
        (HEADER + GOOD + b"1,a,1,2026-01-02,true,6\n" + GOOD, Fault("field_count", 3)),
        (HEADER + b"9007199254740992,a,1,,\n", Fault("out_of_range", 2, "id")),
        (HEADER + b"99999999999999999999,a,1,,\n", Fault("type", 2, "id")),
        (b"id,name,paid,day\n", Fault("column_missing", 1, "open")),
        (HEADER.replace(b"open", b"open,salary"), Fault("column_unknown", 1, "#6")),
        (HEADER.replace(b"open", b"open,id"), Fault("column_duplicate", 1, "id")),
        (HEADER, Fault("empty", 1)),
        (b"", Fault("column_missing", 1, "id")),
        (HEADER + GOOD + b"1,\xc4\xe3,1,,\n", Fault("encoding", 3)),
        (HEADER + b"1,\xe4\xbd", Fault("encoding", 2)),
        (HEADER + GOOD + b"1,a\0b,1,,\n", Fault("nul_byte", 3)),
        (HEADER + GOOD + b"1," + b"a" * LINE_BYTES_MAX + b",1,,\n", Fault("field_too_long", 3)),
        (
            HEADER + GOOD + b"1," + b"a" * (FIELD_CHARACTERS_MAX + 1) + b",1,,\n",
            Fault("field_too_long", 3, "name"),
        ),
        (b'"id,name\n', Fault("row_malformed", 1)),
    ],
)
def test_a_broken_csv_is_refused_by_row_column_and_rule(content: bytes, fault: Fault) -> None:
    assert fault in _faults(content)


def test_an_open_quote_is_refused() -> None:
    assert _faults(HEADER + GOOD + b'1,"a,1,,\n' + GOOD)[0].rule in {"row_malformed", "field_count"}


def test_the_file_of_another_encoding_is_refused_as_such() -> None:
    assert _faults("id,name\n1,你好\n".encode("gb18030")) == (Fault("encoding", 2),)


def test_faults_of_several_columns_come_together() -> None:
    faults = _faults(HEADER + b"x,a,y,,\n")
    assert faults == (Fault("type", 2, "id"), Fault("type", 2, "paid"))


def test_rows_past_the_limit_are_refused() -> None:
    assert _faults(HEADER + GOOD * 3, rows_max=2) == (Fault("too_many_rows", 3),)


def test_the_row_is_right_in_a_later_batch() -> None:
    rows = b"".join(b"%d,%s,1,,\n" % (number, b"a" * 200) for number in range(100_000))
    assert _faults(HEADER + rows + b"x,a,1,,\n") == (Fault("type", 100_002, "id"),)
    assert _faults(HEADER + rows + b"1,a\n") == (Fault("field_count", 100_002),)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"open": None}, Fault("column_missing", 1, "open")),
        ({"salary": pa.array([1, 2])}, Fault("column_unknown", 1, "#6")),
        ({"id": pa.array(["1", "2"])}, Fault("type", None, "id")),
        ({"id": pa.array([1.0, 2.0])}, Fault("type", None, "id")),
        ({"id": pa.array([[1], [2]])}, Fault("type", None, "id")),
        ({"paid": pa.array([1.0, 2.0])}, Fault("type", None, "paid")),
        ({"paid": pa.array([Decimal("1.234")] * 2)}, Fault("type", None, "paid")),
        ({"day": pa.array([0, 1], pa.timestamp("us"))}, Fault("type", None, "day")),
        ({"id": pa.array([1, None])}, Fault("null", 2, "id")),
        ({"id": pa.array([1, INTEGER_MAX + 1])}, Fault("out_of_range", 2, "id")),
        ({"id": pa.array([1, 2**63], pa.uint64())}, Fault("type", 2, "id")),
        ({"name": pa.array(["a", "b\0"])}, Fault("nul_byte", 2, "name")),
    ],
)
def test_a_broken_parquet_is_refused_by_row_column_and_rule(
    changes: dict[str, Any], fault: Fault
) -> None:
    assert _faults(_parquet(**changes), "parquet") == (fault,)


def test_a_parquet_cut_anywhere_or_damaged_is_refused() -> None:
    whole = _parquet()
    for length in range(0, len(whole), 37):
        assert _faults(whole[:length], "parquet")[0].rule == "unreadable"
    for place in range(4, len(whole), 11):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        with contextlib.suppress(FileRefused):  # or it reads: a flip may fall into padding
            _read(bytes(damaged), "parquet")


def test_an_empty_parquet_is_refused() -> None:
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(_parquet())).slice(0, 0), sink)
    assert _faults(sink.getvalue(), "parquet") == (Fault("empty"),)


def test_no_fault_repeats_what_stood_in_the_file() -> None:
    content = b"4111111111111111,name,paid,day,open,id\n1,a,secretvalue,,,2\n"
    for fault in _faults(content):
        told = explain(fault, "file.csv")
        assert "4111" not in f"{told} {told.zh} {told.en}"


def test_every_rule_has_its_sentence_in_both_languages() -> None:
    for rule in RULES:
        told = explain(Fault(rule, 7, "paid"), "file.csv")
        assert "第 7 行" in told.zh
        assert "row 7" in told.en


def test_a_sound_csv_is_read_as_stored_types() -> None:
    content = b"\xef\xbb\xbf" + HEADER + GOOD + b'2,"x, ""y""\n\xe4\xbd\xa0",,,\n3,,-0.01,,false\n'
    table = _read(content)
    assert table.to_pydict() == {
        "id": [1, 2, 3],
        "name": ["a", 'x, "y"\n你', None],
        "paid": [250, None, -1],
        "day": [date(2026, 1, 2), None, None],
        "open": [True, None, False],
        "_position": [0, 1, 2],
    }


def test_a_sound_parquet_is_read_as_stored_types() -> None:
    table = _read(_parquet(), "parquet")
    assert table.schema.types[:3] == [pa.int64(), pa.string(), pa.int64()]
    assert table.column("paid").to_pylist() == [250, None]
    assert table.column("name").to_pylist() == ["a", None]
