"""Has one provider's file built into a version by a confined child, and trusts nothing it says.

The child gets the open file and one socket, no path, key or network. What comes back is checked
against the schema that the declaration implies, batch by batch, before it is written.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from catalog import frames
from catalog.datasets import Column, DatasetDeclaration, Exposure, GroupSet
from catalog.foreign import FAULTS_MAX, STORED_TYPES, Fault
from catalog.standards.conforming import ElementCheck, Violation, violations_told
from catalog.versions import Role, VersionFolder
from foundation.confinement import Confinement, Limits, launch
from foundation.errors import Message, Unavailable

GUEST = Path(__file__).with_name("build_child.py")
GUEST_MODULES = ("__init__.py", "columnar.py", "foreign.py", "frames.py")
STEP_SECONDS_MAX = 600.0
PIDS_MAX = 64
SECRET_BYTES = 32
SMALL_CODES_MAX = 2**15 - 1
MEBIBYTE = 1 << 20


class SourceRefused(Exception):
    """The file breaks its declaration; the faults say where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep the faults."""
        super().__init__("the file does not match its declaration")
        self.faults = tuple(faults)


class Elements:
    """The data elements that a file's columns are held to, and what the build found broken."""

    def __init__(self, checks: Sequence[ElementCheck] = ()) -> None:
        """Nothing is broken before a build."""
        self.checks = tuple(checks)
        self.broken: tuple[Violation, ...] = ()

    def take(self, told: object) -> None:
        """Keep what the builder counted, as far as it is a count of what was asked."""
        self.broken = violations_told(told, self.checks)


class Builder(Protocol):
    """Turns one file into the tables of a version."""

    def build(
        self,
        declaration: DatasetDeclaration,
        source: Path,
        form: str,
        folder: VersionFolder,
        population_secret: bytes,
        elements: Elements | None = None,
    ) -> int:
        """Write the version's tables; return the number of rows. Raises SourceRefused.

        ``elements`` are told how many rows break them, whether the file is refused or not.

        ``population_secret`` is the same for all data sets of one population: under it, one
        person has one hash in all of them. It is empty for open data.
        """
        ...


@dataclass(frozen=True)
class ConfinedBuilder:
    """The builder of production: a bubblewrap child that holds one file and one socket."""

    environment: Path
    memory_bytes_max: int
    rows_max: int
    bubblewrap: Path | None = None
    threads: int = 2
    processors: frozenset[int] = frozenset()

    def build(
        self,
        declaration: DatasetDeclaration,
        source: Path,
        form: str,
        folder: VersionFolder,
        population_secret: bytes,
        elements: Elements | None = None,
    ) -> int:
        """Build in a child of its own; end it whatever happens."""
        elements = elements or Elements()
        order = {
            "elements": [check.order() for check in elements.checks],
            "form": form,
            "rows_max": self.rows_max,
            "memory_bytes_max": self.memory_bytes_max * 3 // 5,
            "threads": self.threads,
            "secret": secrets.token_hex(SECRET_BYTES),
            "population_secret": population_secret.hex(),
            **order_of(declaration),
        }
        with self._child(source) as stream:
            try:
                frames.send_json(stream, order)
                return _write_tables(declaration, stream, folder, elements)
            except (frames.BrokenFrame, OSError, ValueError, pa.ArrowException) as error:
                raise SourceRefused([Fault("builder_stopped")]) from error

    @contextlib.contextmanager
    def _child(self, source: Path) -> Iterator[BinaryIO]:
        ours, theirs = socket.socketpair()
        file = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            process = launch(self._confinement(theirs.fileno(), file), bubblewrap=self.bubblewrap)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(file)
        ours.settimeout(STEP_SECONDS_MAX)
        try:
            with ours, ours.makefile("rwb", buffering=MEBIBYTE) as stream:
                yield cast(BinaryIO, stream)
        finally:
            process.kill()

    def _confinement(self, channel: int, file: int) -> Confinement:
        here = GUEST.parent
        return Confinement(
            environment=self.environment,
            program=GUEST,
            arguments=(str(channel), str(file)),
            guest_files={f"catalog/{name}": here / name for name in GUEST_MODULES},
            inherited_fds=(channel, file),
            limits=Limits(
                memory_bytes_max=self.memory_bytes_max,
                pids_max=PIDS_MAX,
                processors=self.processors,
            ),
            profile="worker",
        )


def order_of(declaration: DatasetDeclaration) -> dict[str, Any]:
    """Return what the child must know of a declaration: no label, no grade, no name of people."""
    return {
        "columns": [
            {
                "name": column.name,
                "type": str(column.type),
                "nullable": column.nullable,
                "scale": column.scale,
            }
            for column in declaration.columns
        ],
        "unit_columns": list(declaration.unit_columns),
        "unique_keys": list(declaration.unique_keys),
        "ranked_columns": [
            {
                "name": column.name,
                "type": str(column.type),
                "public_values": column.public_values,
            }
            for column in ranked_columns(declaration)
        ],
        "ranked_names": ranked_schema(declaration).names,
        "group_sets": [_group_set_order(declaration, item) for item in declaration.group_sets],
    }


def rows_schema(declaration: DatasetDeclaration) -> pa.Schema:
    """Return the schema of ``rows.parquet``."""
    fields = [(column.name, STORED_TYPES[column.type]) for column in declaration.columns]
    if declaration.unit_columns:
        fields += [("_unit", pa.int64()), ("_rank", pa.int16())]
    return pa.schema(fields)


def ranked_columns(declaration: DatasetDeclaration) -> tuple[Column, ...]:
    """Return the columns that aggregates may read; the unit itself is known by its ordinal."""
    return tuple(
        column
        for column in declaration.columns
        if column.exposure in {Exposure.ROWS, Exposure.AGGREGATE}
        and column.name not in declaration.unit_columns
    )


def ranked_schema(declaration: DatasetDeclaration) -> pa.Schema:
    """Return the schema of ``ranked.parquet``: codes or values, the unit, and every rank."""
    fields = [
        (f"k_{column.name}", _code_type(column))
        if column.public_values
        else (f"c_{column.name}", STORED_TYPES[column.type])
        for column in ranked_columns(declaration)
    ]
    fields += [("_unit", pa.int32()), ("_rank", pa.uint8())]
    for item in declaration.group_sets:
        fields += [(f"gr_{item.name}", pa.uint8()), (f"rg_{item.name}", pa.uint8())]
    return pa.schema(fields)


def units_schema() -> pa.Schema:
    """Return the schema of ``units.parquet``."""
    return pa.schema([("_unit", pa.int32()), ("hash", pa.binary())])


def bounded_schema(declaration: DatasetDeclaration, group_set: GroupSet) -> pa.Schema:
    """Return the schema of a group set's bounded rows."""
    keys = [(f"k_{name}", _code_type(_column(declaration, name))) for name in group_set.keys]
    measures = [
        (f"m_{name}", _measure_type(_column(declaration, name))) for name in group_set.measures
    ]
    return pa.schema([*keys, *measures, ("first", pa.bool_())])


def _group_set_order(declaration: DatasetDeclaration, group_set: GroupSet) -> dict[str, Any]:
    return {
        "name": group_set.name,
        "keys": {name: _column(declaration, name).public_values for name in group_set.keys},
        "groups_per_unit_max": group_set.groups_per_unit_max,
        "rows_per_group_max": group_set.rows_per_group_max,
        "measures": [
            {
                "name": name,
                "lower": _column(declaration, name).lower,
                "upper": _column(declaration, name).upper,
                "type": str(_column(declaration, name).type),
            }
            for name in group_set.measures
        ],
    }


def _column(declaration: DatasetDeclaration, name: str) -> Column:
    column = declaration.column(name)
    if column is None:
        raise ValueError("a checked declaration names only its own columns")
    return column


def _code_type(column: Column) -> pa.DataType:
    return pa.int16() if len(column.public_values) <= SMALL_CODES_MAX else pa.int32()


def _measure_type(column: Column) -> pa.DataType:
    lower, upper = column.lower or 0, column.upper or 0
    for bits, kind in ((8, pa.int8()), (16, pa.int16()), (32, pa.int32())):
        if -(2 ** (bits - 1)) <= lower and upper < 2 ** (bits - 1):
            return kind
    return pa.int64()


def _tables(declaration: DatasetDeclaration) -> list[tuple[Role, str | None, pa.Schema]]:
    """List the tables of a version in the order in which the child sends them."""
    tables: list[tuple[Role, str | None, pa.Schema]] = [("rows", None, rows_schema(declaration))]
    if declaration.unit_columns:
        tables += [("units", None, units_schema()), ("ranked", None, ranked_schema(declaration))]
    for item in declaration.group_sets:
        tables.append(("bounded", item.name, bounded_schema(declaration, item)))
    return tables


def _write_tables(
    declaration: DatasetDeclaration,
    stream: BinaryIO,
    folder: VersionFolder,
    elements: Elements | None = None,
) -> int:
    """Write the announced tables, each once and in the declared order; return the row count."""
    elements = elements or Elements()
    header = frames.receive_json(stream)
    rows = 0
    for role, group_set, schema in _tables(declaration):
        elements.take(header.get("broken"))
        _raise_outcome(header)
        if header.get("table") != (f"{role}-{group_set}" if group_set else role):
            raise frames.BrokenFrame("not the table that comes next")
        with folder.table(role, schema, group_set) as writer:
            written, header = _write_batches(stream, schema, writer)
        rows = written if role == "rows" else rows
    elements.take(header.get("broken"))
    _raise_outcome(header)
    return rows


def _write_batches(
    stream: BinaryIO, schema: pa.Schema, writer: pq.ParquetWriter
) -> tuple[int, dict[str, Any]]:
    """Write batches until the next JSON frame, which is returned."""
    rows = 0
    while True:
        kind, payload = frames.receive(stream)
        if kind == frames.JSON:
            return rows, frames.json_object(payload)
        for batch in pa.ipc.open_stream(payload):
            batch.validate(full=True)
            if not batch.schema.equals(schema):
                raise frames.BrokenFrame("not the declared columns")
            writer.write_batch(batch)
            rows += batch.num_rows


def _raise_outcome(header: dict[str, Any]) -> None:
    """Raise where the child reports faults or its own failure."""
    if header.get("failed"):
        raise Unavailable(
            "builder_failed",
            Message(
                "数据构建进程出错（可能内存不足），未保存任何内容。请拆分文件，或联系平台管理员。",
                "The builder failed, perhaps for want of memory; nothing was stored. Split the "
                "file, or ask the platform's administrator.",
            ),
        )
    faults = header.get("faults")
    if faults:
        raise SourceRefused([_fault(item) for item in faults[:FAULTS_MAX]])


def _fault(item: dict[str, Any]) -> Fault:
    row, column = item.get("row"), item.get("column")
    return Fault(
        rule=str(item.get("rule"))[:40],
        row=row if isinstance(row, int) else None,
        column=column[:70] if isinstance(column, str) else None,
    )
