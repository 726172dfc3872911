"""What the confined builder says is itself foreign: each lie must be refused, not stored."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from catalog import frames
from catalog.builder import (
    SourceRefused,
    _write_tables,
    bounded_schema,
    order_of,
    ranked_schema,
    rows_schema,
    units_schema,
)
from catalog.datasets import DatasetDeclaration
from catalog.declarations import check_declaration
from catalog.versions import VersionFolder
from foundation.errors import Unavailable

Reply = Any  # a JSON frame, or a table sent as one batch frame


@pytest.fixture
def declaration(declaration_document: dict[str, Any]) -> DatasetDeclaration:
    return check_declaration(declaration_document)


def _stream(replies: Sequence[Reply]) -> io.BytesIO:
    stream = io.BytesIO()
    for reply in replies:
        if isinstance(reply, dict):
            frames.send_json(stream, reply)
        else:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, reply.schema) as writer:
                writer.write_table(reply)
            frames.send(stream, frames.BATCH, sink.getvalue().to_pybytes())
    stream.seek(0)
    return stream


def _write(declaration: DatasetDeclaration, home: Path, replies: Sequence[Reply]) -> int:
    folder = VersionFolder(home)
    try:
        return _write_tables(declaration, _stream(replies), folder)
    finally:
        folder.discard_unpublished()


def _empty(schema: pa.Schema, rows: int = 2) -> pa.Table:
    return pa.table([pa.array([None] * rows, kind) for kind in schema.types], schema=schema)


def _rows(declaration: DatasetDeclaration) -> pa.Table:
    return _empty(rows_schema(declaration))


def test_the_order_names_no_label_grade_or_person(declaration: DatasetDeclaration) -> None:
    order = order_of(declaration)
    assert set(order) == {
        "columns",
        "unit_columns",
        "unique_keys",
        "ranked_columns",
        "ranked_names",
        "group_sets",
    }
    assert set(order["ranked_columns"][0]) == {"name", "type", "public_values"}
    assert set(order["columns"][0]) == {"name", "type", "nullable", "scale"}


def test_replies_that_break_the_protocol_are_refused(
    declaration: DatasetDeclaration, tmp_path: Path
) -> None:
    rows = _rows(declaration)
    other = rows.rename_columns(["x", *rows.column_names[1:]])
    replies: list[list[Reply]] = [
        [],
        [{"table": "other"}],
        [{"table": "rows"}],
        [{"table": "rows"}, other],
        [{"table": "rows"}, rows.append_column("salary", pa.array([1, 2]))],
        [{"table": "rows"}, rows, {"table": "rows"}, rows],
        [{"table": "rows"}, rows, {"rows": {}}],
    ]
    for reply in replies:
        with pytest.raises(frames.BrokenFrame):
            _write(declaration, tmp_path, reply)
    assert list((tmp_path / "versions").iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"J", b"X" + b"\0" * 8, b"J" + b"\xff" * 8, b"J" + (9).to_bytes(8, "big") + b"{"]
)
def test_a_broken_frame_is_refused(content: bytes) -> None:
    with pytest.raises(frames.BrokenFrame):
        frames.receive(io.BytesIO(content))


@pytest.mark.parametrize("payload", [b"{", b"[]", b"\xff"])
def test_a_frame_that_is_no_json_object_is_refused(payload: bytes) -> None:
    stream = io.BytesIO()
    frames.send(stream, frames.JSON, payload)
    stream.seek(0)
    with pytest.raises(frames.BrokenFrame):
        frames.receive_json(stream)


def test_faults_and_failures_of_the_child_are_told_as_such(
    declaration: DatasetDeclaration, tmp_path: Path
) -> None:
    long = "x" * 1000
    fault = {"rule": long, "row": "7; DROP", "column": long}
    with pytest.raises(SourceRefused) as refused:
        _write(declaration, tmp_path, [{"faults": [fault] * 500}])
    assert len(refused.value.faults) == 20
    assert refused.value.faults[0].row is None
    assert len(refused.value.faults[0].column or "") == 70
    with pytest.raises(Unavailable):
        _write(declaration, tmp_path, [{"failed": True}])


def test_a_truthful_reply_is_written(declaration: DatasetDeclaration, tmp_path: Path) -> None:
    ranked, bounded = (
        ranked_schema(declaration),
        bounded_schema(declaration, declaration.group_sets[0]),
    )
    assert bounded.names == ["k_state", "m_wages", "first"]
    assert ranked.names == ["k_state", "c_wages", "_unit", "_rank", "gr_by_state", "rg_by_state"]
    replies: list[Reply] = [{"table": "rows"}, _rows(declaration)]
    replies += [{"table": "units"}, _empty(units_schema()), {"table": "ranked"}, _empty(ranked)]
    replies += [{"table": "bounded-by_state"}, _empty(bounded), {"rows": {}}]
    assert _write(declaration, tmp_path, replies) == 2
    without_ranks = [*replies[:4], *replies[6:]]
    with pytest.raises(frames.BrokenFrame):
        _write(declaration, tmp_path, without_ranks)
