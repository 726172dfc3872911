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

ROWS_TABLE, RANKED_TABLE, UNITS_TABLE = "rows", "ranked", "units"
BOUNDED_PREFIX = "bounded-"
Emit = Callable[[str, pa.RecordBatchReader], None]


def build(order: Mapping[str, Any], file: BinaryIO, emit: Emit) -> dict[str, Any]:
    """Parse, rank and bound one file; hand every table to ``emit``; return the row counts.

    Raises foreign.FileRefused where the file breaks its declaration.
    """
    columns = [foreign.ColumnSpec(**column) for column in order["columns"]]
    store = columnar.open_store(order["memory_bytes_max"], order["threads"])
    counts = {ROWS_TABLE: _load(store, file, order, columns)}
    _prove_unique(store, order)
    broken = _hold_to_elements(store, order)
    names = [column.name for column in columns]
    if order["unit_columns"]:
        counts |= _build_units(store, order, names, emit)
    else:
        emit(ROWS_TABLE, columnar.stream_rows(store, "source", names, units=False))
    store.close()
    return {"rows": counts, "broken": broken}


def _build_units(
    store: columnar.Store, order: Mapping[str, Any], names: Sequence[str], emit: Emit
) -> dict[str, int]:
    """Emit the rows by unit, what aggregates read of them, the units' hashes, the bounded rows.

    Each table is dropped as soon as nothing reads it: memory is what bounds a file's size.
    """
    units, secret = order["unit_columns"], bytes.fromhex(order["secret"])
    columnar.rank_rows(store, source="source", target="sorted", unit_columns=units, secret=secret)
    store.execute("DROP TABLE source")
    emit(ROWS_TABLE, columnar.stream_rows(store, "sorted", names, units=True))
    columnar.hash_units(
        store,
        source="sorted",
        target="units",
        unit_columns=units,
        secret=bytes.fromhex(order["population_secret"]),
    )
    emit(UNITS_TABLE, columnar.stream_table(store, "units"))
    store.execute("DROP TABLE units")
    sets = _bounded_sets(order["group_sets"])
    ranked = [columnar.RankedColumn(**column) for column in order["ranked_columns"]]
    columnar.rank_groups(
        store, source="sorted", target="ranked", columns=ranked, sets=sets, secret=secret
    )
    store.execute("DROP TABLE sorted")
    emit(RANKED_TABLE, columnar.stream_table(store, "ranked", order["ranked_names"]))
    counts = {}
    for bounded in sets:
        name = f"{BOUNDED_PREFIX}{bounded.name}"
        counts[name] = _bound(store, bounded)
        emit(name, columnar.stream_table(store, "bounded"))
        store.execute("DROP TABLE bounded")
    return counts


def _prove_unique(store: columnar.Store, order: Mapping[str, Any]) -> None:
    """Refuse a column declared unique in which a value is missing or stands twice."""
    header_rows = 1 if order["form"] == "csv" else 0
    for name in order["unique_keys"]:
        place = columnar.first_repeat(store, "source", name)
        if place is not None:
            raise foreign.FileRefused([foreign.Fault("not_unique", place + 1 + header_rows, name)])


def _hold_to_elements(store: columnar.Store, order: Mapping[str, Any]) -> list[list[object]]:
    """Count what breaks the data elements; refuse where an element says so, with all counts."""
    broken: list[list[object]] = []
    refused: list[foreign.Fault] = []
    for check in order.get("elements", ()):
        counts = columnar.count_violations(
            store,
            "source",
            check["column"],
            length_max=check["length_max"],
            pattern=check["pattern"],
            values=check["values"],
        )
        found = [(rule, count) for rule, count in counts.items() if count]
        broken += [[check["column"], rule, count] for rule, count in found]
        refused += [
            foreign.Fault(rule, None, check["column"]) for rule, _ in found * check["refuse"]
        ]
    if refused:
        raise foreign.FileRefused(refused, broken)
    return broken


def _load(
    store: columnar.Store,
    file: BinaryIO,
    order: Mapping[str, Any],
    columns: Sequence[foreign.ColumnSpec],
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


def _bound(store: columnar.Store, bounded: columnar.BoundedSet) -> int:
    kept = columnar.bound_rows(store, source="ranked", target="bounded", bounded=bounded)
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
            outcome = {"faults": faults, "broken": refused.broken}
        except Exception:  # noqa: BLE001 - what a library says may hold data
            outcome = {"failed": True}
    frames.send_json(writer, outcome)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
