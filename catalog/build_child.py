"""Run by path inside the confined builder: one hostile file in, ordered and bounded rows out.

It inherits two descriptors and nothing else: the file, opened for reading, and one end of a
socket. The order, with the version's secret, comes over the socket; Arrow batches go back. It
imports duckdb, pyarrow, the standard library, and the three guest modules bound beside it.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

import pyarrow as pa

from catalog import columnar, foreign, frames

ROWS_TABLE = "rows"
Emit = Callable[[str, pa.RecordBatchReader], None]


def build(order: Mapping[str, Any], file: BinaryIO, emit: Emit) -> dict[str, Any]:
    """Parse, rank and bound one file; hand every table to ``emit``; return the row counts.

    Raises foreign.FileRefused where the file breaks its declaration.
    """
    columns = [foreign.ColumnSpec(**column) for column in order["columns"]]
    units, secret = order["unit_columns"], bytes.fromhex(order["secret"])
    store = columnar.open_store(order["memory_bytes_max"], order["threads"])
    rows = _load(store, file, order, columns)
    table = "source"
    if units:
        columnar.rank_rows(
            store, source="source", target="ranked", unit_columns=units, secret=secret
        )
        store.execute("DROP TABLE source")
        table = "ranked"
    names = [column.name for column in columns]
    emit(ROWS_TABLE, columnar.stream_rows(store, table, names, units=bool(units)))
    counts = {ROWS_TABLE: rows}
    for bounded in _bounded_sets(order["group_sets"]):
        counts[bounded.name] = _bound(store, bounded, secret)
        emit(bounded.name, columnar.stream_table(store, "bounded"))
        store.execute("DROP TABLE bounded")
    store.close()
    return {"rows": counts}


def _load(
    store: Any, file: BinaryIO, order: Mapping[str, Any], columns: Sequence[foreign.ColumnSpec]
) -> int:
    """Load the file; a fault found while DuckDB pulls batches is raised as itself."""
    found: list[foreign.FileRefused] = []
    try:
        reader = foreign.read_foreign(file, order["form"], columns, order["rows_max"], found)
        return columnar.load_rows(store, reader, "source")
    except Exception:
        if found:
            raise found[0] from None
        raise


def _bound(store: Any, bounded: columnar.BoundedSet, secret: bytes) -> int:
    kept = columnar.bound_rows(
        store, source="ranked", target="bounded", bounded=bounded, secret=secret
    )
    for measure in bounded.measures:
        if columnar.sum_could_overflow(kept, measure):
            raise foreign.FileRefused([foreign.Fault("sum_overflow", None, measure.name)])
    return kept


def _bounded_sets(group_sets: Sequence[Mapping[str, Any]]) -> list[columnar.BoundedSet]:
    return [
        columnar.BoundedSet(
            name=group_set["name"],
            keys=group_set["keys"],
            groups_per_unit_max=group_set["groups_per_unit_max"],
            rows_per_group_max=group_set["rows_per_group_max"],
            measures=[columnar.Measure(**measure) for measure in group_set["measures"]],
        )
        for group_set in group_sets
    ]


def _emitter(stream: BinaryIO) -> Emit:
    def emit(name: str, reader: pa.RecordBatchReader) -> None:
        frames.send_json(stream, {"table": name})
        for batch in reader:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            frames.send(stream, frames.BATCH, sink.getvalue().to_pybytes())

    return emit


def main(socket_descriptor: int, file_descriptor: int) -> None:
    """Answer one order and end. No text of a library ever goes back."""
    reader = os.fdopen(socket_descriptor, "rb")
    writer = os.fdopen(os.dup(socket_descriptor), "wb", buffering=1 << 20)
    with os.fdopen(file_descriptor, "rb") as file:
        try:
            outcome = build(frames.receive_json(reader), file, _emitter(writer))
        except foreign.FileRefused as refused:
            faults = [vars(fault) for fault in refused.faults]
            outcome = {"faults": faults}
        except Exception:  # noqa: BLE001 - what a library says may hold data
            outcome = {"failed": True}
    frames.send_json(writer, outcome)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
