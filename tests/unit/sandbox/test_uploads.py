"""What may come in: each refusal names field, rule and way out; what comes in is logged first."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Denied
from sandbox.screen import Screens
from sandbox.upload_contents import check_content, stripped_notebook
from sandbox.uploads import SessionFiles
from tests.screens import opened_screens, screen_of, screen_rules

LIMITS = {
    "file_bytes_max": 20_000,
    "uploaded_bytes_per_day_max": 30_000,
    "saved_bytes_per_day_max": 25_000,
    "line_bytes_max": 5_000,
}
RULES = screen_rules(uploads=LIMITS).uploads
CSV = "区,人数\n东,1\n".encode()


def notebook(**cell: Any) -> dict[str, Any]:
    one = {"cell_type": "code", "source": "1", "metadata": {"x": 1}, "outputs": [], **cell}
    return {"cells": [one], "metadata": {"evil": 1}, "nbformat": 4, "nbformat_minor": 5}


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2]}), sink)
    return bytes(sink.getvalue())


def upload(content: bytes, **more: Any) -> dict[str, Any]:
    coded = base64.b64encode(content).decode()
    return {"type": "file", "format": "base64", "content": coded, **more}


def save(text: str) -> dict[str, Any]:
    return {"type": "file", "format": "text", "content": text}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Screens, Engine]]:
    with opened_screens(tmp_path, uploads=LIMITS) as opened:
        yield opened


@pytest.fixture
def files(opened: tuple[Screens, Engine]) -> SessionFiles:
    return screen_of(opened[0], "a" * 26).files


def entries(engine: Engine, kind: EntryKind) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [{**one.content, **one.public} for one in read_entries(connection, kinds=(kind,))]


@pytest.mark.parametrize(
    ("path", "model", "code", "field"),
    [
        ("x.pkl", upload(b"\x80\x04x"), "upload_type", "path"),
        ("x.zip", upload(b"PK\x03\x04"), "upload_type", "path"),
        ("x.so", upload(b"\x7fELF"), "upload_type", "path"),
        ("x", upload(b"a"), "upload_type", "path"),
        ("a.csv/x", upload(b"a"), "upload_type", "path"),
        ("x.csv.exe", upload(b"a"), "upload_type", "path"),
        ("x.html", save("<p>"), "upload_type", "path"),
        ("x.md", upload(b"# a"), "upload_type", "path"),
        ("x.csv", upload(b"\x80\x04pickle"), "upload_content", "content"),
        ("x.csv", upload(b"PK\x03\x04zip"), "upload_content", "content"),
        ("x.csv", upload(b"\x7fELF"), "upload_content", "content"),
        ("x.csv", upload(b"MZ\x90\x00\x03\x00"), "upload_content", "content"),
        ("x.csv", upload(b"a\x00b"), "upload_content", "content"),
        ("x.csv", upload(b"a,b\n" + b"x" * 6_000), "upload_content", "content"),
        ("x.csv", upload("a,b".encode("utf-16")), "upload_content", "content"),
        ("x.py", upload("# 中文".encode("gb18030")), "upload_content", "content"),
        ("x.py", upload(b"\x1b[2J"), "upload_content", "content"),
        ("x.parquet", upload(b"PAR1"), "upload_content", "content"),
        ("x.parquet", upload(b"PAR1" + b"x" * 30), "upload_content", "content"),
        ("x.parquet", upload(b"PAR1\xff\xff\xff\xffPAR1"), "upload_content", "content"),
        ("x.ipynb", upload(b"{}"), "upload_content", "content"),
        ("x.ipynb", upload(b"[" * 9_000), "upload_content", "content"),
        ("x.ipynb", upload(json.dumps(notebook(source=7)).encode()), "upload_content", "content"),
        ("x.csv", upload(b"x" * 20_001), "upload_size", "content"),
        ("x.csv", {**upload(b""), "content": "not base64"}, "upload_form", "content"),
        ("x.csv", {**upload(b""), "content": 7}, "upload_form", "content"),
        ("x.csv", {"type": "file", "format": "json", "content": {}}, "upload_form", "format"),
        ("x.csv", upload(b"a", chunk=2), "upload_chunk", "chunk"),
        ("x.csv", upload(b"a", chunk=-1), "upload_chunk", "chunk"),
        ("x.csv", upload(b"a", chunk="1"), "upload_chunk", "chunk"),
        ("x.ipynb", save("{}"), "upload_content", "content"),
        ("x.txt", save("x" * 20_001), "upload_size", "content"),
        ("x.txt", save("a\x00b"), "upload_content", "content"),
    ],
)
def test_refused_with_field_rule_and_logged_without_content(
    opened: tuple[Screens, Engine],
    files: SessionFiles,
    path: str,
    model: dict[str, Any],
    code: str,
    field: str,
) -> None:
    with pytest.raises(Denied) as found:
        files.receive(path, model)
    assert (found.value.code, found.value.field) == (code, field)
    assert found.value.rule == "policies/screen"
    assert not entries(opened[1], EntryKind.FILE_RECEIVED)
    (refused,) = entries(opened[1], EntryKind.FILE_REFUSED)
    assert refused["code"] == code


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("数据.csv", CSV),
        ("b.CSV", "姓名\n王\n".encode("gb18030")),
        ("c.csv", b"\xef\xbb\xbfa,b\n"),
        ("d.parquet", parquet()),
        ("folder/e.py", b"print('MZ')\n"),
    ],
)
def test_own_files_come_in_whole_and_are_logged_by_salted_hash(
    opened: tuple[Screens, Engine], files: SessionFiles, path: str, content: bytes
) -> None:
    incoming = files.receive(path, upload(content))
    assert incoming.forward is not None
    assert base64.b64decode(incoming.forward["content"]) == content
    (entry,) = entries(opened[1], EntryKind.FILE_RECEIVED)
    assert (entry["by"], entry["file_bytes"]) == ("upload", len(content))
    told = json.dumps(entry)
    assert hashlib.sha256(content).hexdigest() not in told
    assert path not in told


def test_an_uploaded_notebook_brings_its_text_alone(files: SessionFiles) -> None:
    evil = {"output_type": "display_data", "data": {"text/html": "<script>evil()</script>"}}
    sent = json.dumps(notebook(outputs=[evil], attachments={"evil": {}}, execution_count=3))
    incoming = files.receive("x.ipynb", upload(sent.encode()))
    assert incoming.forward is not None
    assert incoming.forward["type"] == "notebook"
    assert "evil" not in json.dumps(incoming.forward)
    assert incoming.forward["content"]["cells"][0]["source"] == "1"
    assert stripped_notebook(sent.encode())["cells"][0]["outputs"] == []


def test_a_saved_notebook_keeps_its_outputs_and_counts_apart(
    opened: tuple[Screens, Engine], files: SessionFiles
) -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * 11_000}]
    model = {"type": "notebook", "format": "json", "content": notebook(outputs=outputs)}
    for _ in range(2):
        incoming = files.receive("x.ipynb", model)
        assert incoming.forward is not None
        assert incoming.forward["content"] == model["content"]
    with pytest.raises(Denied) as found:
        files.receive("x.ipynb", model)
    assert found.value.code == "upload_day_full"
    assert files.receive("x.csv", upload(CSV)).forward
    assert {one["by"] for one in entries(opened[1], EntryKind.FILE_RECEIVED)} == {"save", "upload"}


def test_a_day_is_shared_by_sessions_and_survives_a_restart(tmp_path: Path) -> None:
    for number in range(2):
        with opened_screens(tmp_path, uploads=LIMITS) as (screens, _engine):
            one = screen_of(screens, "a" * 26, f"ses_{number}").files
            other = screen_of(screens, "b" * 26, f"ses_x{number}").files
            if number == 0:
                one.receive("x.csv", upload(b"a,\n" * 5_000))
                other.receive("x.csv", upload(b"a,\n" * 4_000))
            for files in (one, other):
                with pytest.raises(Denied) as found:
                    files.receive("y.csv", upload(b"a,\n" * 1_100))
                assert found.value.code == "upload_day_full"


def test_chunks_are_judged_as_the_whole_that_they_make(
    opened: tuple[Screens, Engine], files: SessionFiles
) -> None:
    content = CSV * 300
    for number, start in enumerate(range(0, 4_000, 2_000), 1):
        part = content[start : start + 2_000]
        assert files.receive("x.csv", upload(part, chunk=number)).forward is None
    last = files.receive("x.csv", upload(content[4_000:], chunk=-1))
    assert last.forward is not None
    assert base64.b64decode(last.forward["content"]) == content
    assert len(entries(opened[1], EntryKind.FILE_RECEIVED)) == 1


def test_a_magic_split_over_chunks_and_too_many_chunks_are_found(files: SessionFiles) -> None:
    assert files.receive("x.csv", upload(b"PK", chunk=1)).forward is None
    with pytest.raises(Denied) as found:
        files.receive("x.csv", upload(b"\x03\x04rest", chunk=-1))
    assert found.value.code == "upload_content"
    files.receive("y.csv", upload(b"a" * 15_000, chunk=1))
    with pytest.raises(Denied) as found:
        files.receive("y.csv", upload(b"a" * 15_000, chunk=2))
    assert found.value.code == "upload_size"
    with pytest.raises(Denied):
        files.receive("y.csv", upload(b"a", chunk=3))  # the file was given up


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from(["csv", "py", "ipynb", "parquet", "json", "txt"]))
def test_no_bytes_pass_that_are_neither_text_nor_parquet(content: bytes, ending: str) -> None:
    try:
        check_content(ending, content, RULES)
    except Denied:
        return
    assert content.startswith(b"PAR1") if ending == "parquet" else b"\x00" not in content
