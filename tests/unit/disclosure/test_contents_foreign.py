"""Foreign files read in a real confined child: hostile ones refused, payloads gone."""

import io
import json
import pickle
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disclosure.outcome import Refused
from disclosure.release.contents.foreign import _REASONS, ForeignReader, rounded_whole
from disclosure.release.contents.foreign_forms import CODES
from policies.load import load_policies
from policies.schema.contents import ContentRules

RULES = load_policies().rules(ContentRules)
READER = ForeignReader(Path(sys.prefix), RULES)


def parquet(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.csv", "a\n1\n")
    return out.getvalue()


NOTEBOOK = json.dumps({"cells": [], "nbformat": 4, "metadata": {}}).encode()
HOSTILE: list[tuple[str, str, bytes, str]] = [
    ("zip as csv", "csv", archive(), "archive"),
    ("gzip as json", "json", b"\x1f\x8b\x08\x00", "archive"),
    ("pickle as csv", "csv", pickle.dumps([1]), "serialised_objects"),
    ("png as csv", "csv", b"\x89PNG\r\n\x1a\n", "picture"),
    ("program as md", "md", b"#!/bin/sh\n", "executable"),
    ("notebook as json", "json", NOTEBOOK, "notebook"),
    ("csv as parquet", "parquet", b"a,b\n1,2\n", "not_this_format"),
    ("parquet as csv", "csv", parquet(pa.table({"a": [1]})), "not_this_format"),
    ("broken parquet", "parquet", b"PAR1" + b"\x00" * 64 + b"PAR1", "unreadable"),
    ("trailing bytes", "parquet", parquet(pa.table({"a": [1]})) + b"rows", "not_this_format"),
    ("nested", "parquet", parquet(pa.table({"a": [[1, 2]]})), "nested_type"),
    ("binary column", "parquet", parquet(pa.table({"a": [b"x"]})), "nested_type"),
    ("infinite", "parquet", parquet(pa.table({"a": [float("inf")]})), "not_finite"),
    ("many rows", "parquet", parquet(pa.table({"a": list(range(6_000))})), "too_many_rows"),
    ("bomb", "parquet", parquet(pa.table({"a": [0] * 3_000_000})), "too_many_rows"),
    ("uneven", "csv", b"a,b\n1\n", "uneven_rows"),
    ("repeated name", "csv", b"a,a\n1,2\n", "duplicate_columns"),
    ("not text", "csv", b"a\n\xff\xfe\n", "not_utf8"),
    ("half surrogate", "json", b'{"a": "\\ud800"}', "not_utf8"),
    ("repeated key", "json", b'{"a": 1, "a": 2}', "duplicate_keys"),
    ("deep", "json", b"[" * 40 + b"]" * 40, "too_deep"),
    ("deeper than the parser", "json", b"[" * 100_000, "unreadable"),
    ("nan", "json", b"[NaN]", "not_finite"),
    ("trailing json", "json", b"{} {}", "unreadable"),
    ("html", "md", b"<b>x</b>\n", "active_content"),
    ("picture link", "md", b"![x](http://host/x.png)\n", "active_content"),
    ("script link", "md", b"[x](javascript:x)\n", "active_content"),
    ("empty", "csv", b"", "empty"),
    ("unlisted format", "xlsx", b"a", "not_this_format"),
    ("too large", "csv", b"a\n" * 9_000_000, "too_large"),
]


@pytest.mark.parametrize(
    ("file_format", "data", "code"),
    [pytest.param(*rest, id=name) for name, *rest in HOSTILE],
)
def test_a_hostile_file_is_refused_by_its_reason(file_format: str, data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        READER.read(file_format, data)
    assert refusal.value.code == f"file_{code}"
    assert refusal.value.way_out is not None


def test_every_reason_has_its_words() -> None:
    assert set(_REASONS) == CODES


def test_row_order_low_digits_and_metadata_carry_nothing() -> None:
    plain = pa.table({"county": ["b", "a", "c"], "mean": [2.0, 1.0, 3.0]})
    marked = pa.table({"county": ["c", "a", "b"], "mean": [3.0000001, 1.0000002, 2.0000003]})
    marked = marked.replace_schema_metadata({"rows": "secret"})
    read = [
        READER.read("parquet", parquet(table, compression=codec, row_group_size=size)).table
        for table, codec, size in ((plain, "none", 3), (marked, "zstd", 1))
    ]
    assert read[0] is not None
    assert read[0].equals(read[1], check_metadata=True)
    assert read[1] is not None
    assert read[1].schema.metadata is None


def test_a_csv_is_read_as_the_plainest_types() -> None:
    file = READER.read("csv", "区县,人数,均值,日期\r\n乙,2,1.5,2024-01-02\r\n甲,,2,\r\n".encode())
    assert file.table is not None
    assert file.table.to_pydict()["区县"] == ["乙", "甲"]
    assert [str(kind) for kind in file.table.schema.types] == [
        "string",
        "int64",
        "double",
        "date32[day]",
    ]


def test_words_lose_what_nobody_sees_at_the_ends_of_lines() -> None:
    file = READER.read("md", "# 说明 \t \r\n\r\n\r\n\r\n文字\u3000\n\n".encode())
    assert file.text == "# 说明\n\n文字\n"


def test_json_is_written_in_one_way() -> None:
    one, other = (READER.read("json", data) for data in (b'{"b":1,"a":[2]}', b'{"a":[2],"b":1}'))
    assert list(one.json_value) == list(other.json_value) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (1_234_567, 1_234_570),
        (-1_234_565, -1_234_570),
        (999, 999),
        (0, 0),
        (9_999_995, 10_000_000),
    ],
)
def test_whole_numbers_keep_six_digits(value: int, rounded: int) -> None:
    assert rounded_whole(value, RULES) == rounded
