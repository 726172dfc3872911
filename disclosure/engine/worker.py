"""The confined child: one in-memory DuckDB that holds only what it may show.

It speaks framed messages over one inherited descriptor (8-byte length, JSON header, Arrow
stream). Whatever goes wrong in the engine leaves here as one fixed code, never as engine text
(I11). Imports duckdb, pyarrow and the standard library only.
"""

import argparse
import contextlib
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

# The desk's solver brings numpy to this environment; a worker has no use for it, and both libraries
# below would load it: 0.2 s and 20 MB for every worker.
sys.modules["numpy"] = None  # type: ignore[assignment]

import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402

LENGTH_BYTES = 8
HEADER_BYTES_MAX = 16 << 20
BATCH_ROWS = 16_384
SPILL_DIRECTORY = "/spill"
PROGRESS_SECONDS = 0.25
PROGRESS_CURSORS = 128  # of 20 KB each; they must be made before the configuration is locked
HELD = "held"  # the database in memory that holds the tables, compressed
_SPILL_FILE = re.compile(r"^duckdb_temp_[A-Za-z0-9_.-]+$")
COMMANDS = {
    "parser": frozenset({"parse"}),
    "rows": frozenset({"lock", "load", "unload", "query", "reset"}),
    "aggregate": frozenset({"lock", "load", "unload", "query", "reset"}),
}
_TABLE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,127}$")
_FINGERPRINT = """
    SELECT (SELECT count(*) FROM duckdb_databases()),
           (SELECT count(*) FROM duckdb_tables() WHERE NOT internal),
           (SELECT count(*) FROM duckdb_views() WHERE NOT internal),
           (SELECT count(*) FROM duckdb_types() WHERE NOT internal),
           (SELECT count(*) FROM duckdb_functions() WHERE NOT internal)
"""


Tell = Callable[[int], None]


class Failed(Exception):
    """A command failed; its one argument is the fixed code that the supervisor may see."""


class Channel:
    """The two directions of the inherited descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Open the descriptor for reading and, through a duplicate, for writing."""
        self.reader: BinaryIO = os.fdopen(descriptor, "rb", buffering=1 << 20)
        self._writer: BinaryIO = os.fdopen(os.dup(descriptor), "wb", buffering=1 << 20)

    def receive(self) -> dict[str, Any] | None:
        """Read one header, or None where the supervisor has gone or speaks another tongue."""
        length = self.reader.read(LENGTH_BYTES)
        if len(length) < LENGTH_BYTES or int.from_bytes(length, "big") > HEADER_BYTES_MAX:
            return None
        header = json.loads(self.reader.read(int.from_bytes(length, "big")))
        return header if isinstance(header, dict) else None

    def send(self, header: dict[str, Any], payload: pa.Buffer | None = None) -> None:
        """Write one header and, after it, as many payload bytes as it announces."""
        header["payload_bytes"] = 0 if payload is None else payload.size
        encoded = json.dumps(header).encode()
        self._writer.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)
        if payload is not None:
            self._writer.write(payload)
        self._writer.flush()


class Engine:
    """One DuckDB without files, network, extensions or sight of Python's own variables."""

    def __init__(self, *, memory_bytes_max: int, spill_bytes_max: int, threads: int) -> None:
        """Open the database with every door shut except the configuration's own lock."""
        self._spills = spill_bytes_max > 0
        self._database = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{memory_bytes_max // 1024}KiB",
                "threads": threads,
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "python_enable_replacements": False,
                "temp_directory": SPILL_DIRECTORY if self._spills else "",
                "max_temp_directory_size": f"{spill_bytes_max // 1024}KiB",
            },
        )
        self._database.execute(f"ATTACH ':memory:' AS {HELD} (COMPRESS)")
        self._database.execute(f"USE {HELD}")
        self._database.execute("LOAD icu")
        self._database.execute("SET TimeZone = 'UTC'")
        self.locked = False
        self._watched: list[duckdb.DuckDBPyConnection] = []
        self._clean: tuple[Any, ...] = ()

    def lock(self, *, watched: bool = False) -> None:
        """Freeze the configuration for good; have cursors that tell their progress, if wanted."""
        for _ in range(PROGRESS_CURSORS if watched else 0):
            cursor = self._database.cursor()
            cursor.execute("SET enable_progress_bar = true")
            cursor.execute("SET enable_progress_bar_print = false")
            self._watched.append(cursor)
        self._database.execute("SET lock_configuration = true")
        self.locked = True
        self._clean = self._fingerprint()

    def load(self, name: str, rows: pa.RecordBatchReader, cluster: str | None) -> None:
        """Make a table of a stream, in its order, or laid out by one of its columns."""
        if not self.locked or not _TABLE_NAME.match(name):
            raise Failed("engine_error")
        if cluster is not None and not _TABLE_NAME.match(cluster):
            raise Failed("engine_error")
        order = "" if cluster is None else f' ORDER BY "{cluster}"'
        self._database.register("sandgate_incoming", rows)
        self._database.execute(f'CREATE TABLE "{name}" AS SELECT * FROM sandgate_incoming{order}')  # noqa: S608 - names are checked
        self._database.unregister("sandgate_incoming")
        self._database.execute(f"CHECKPOINT {HELD}")
        self._clean = self._fingerprint()

    def unload(self, name: str) -> None:
        """Drop a table, so that it can be loaded anew with other columns."""
        if not self.locked or not _TABLE_NAME.match(name):
            raise Failed("engine_error")
        self._database.execute(f'DROP TABLE "{name}"')
        self._clean = self._fingerprint()

    def query(
        self, sql: str, caps: tuple[int, int], deadline_s: float, tell: Tell | None = None
    ) -> pa.Buffer:
        """Answer one statement as an Arrow stream, within row cap, byte cap and deadline.

        ``tell`` is given the engine's own percentage now and then, while there are cursors for it.
        """
        if not self.locked:
            raise Failed("engine_error")
        watched = tell is not None and bool(self._watched)
        cursor = self._watched.pop() if watched else self._database.cursor()
        telling = _telling(cursor, tell) if watched and tell else contextlib.nullcontext()
        interrupting = _interrupting(cursor, deadline_s)
        with contextlib.closing(cursor), interrupting as fired, telling:
            try:
                cursor.execute(f"USE {HELD}")
                return _collect(cursor, sql, caps)
            except Exception as error:  # noqa: BLE001 - no engine error leaves as it is
                raise Failed("too_slow" if fired.is_set() else _code_of(error)) from None

    def reset(self) -> None:
        """Confirm that nothing a person did is left: queries had own cursors, read only."""
        if self._fingerprint() != self._clean or self._foreign_files():
            raise Failed("engine_error")

    def parse(self, sql: str) -> dict[str, str]:
        """Turn hostile text, as a bound parameter, into DuckDB's own syntax tree and back."""
        answer = self._database.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql])
        tree = str(answer.fetchall()[0][0])
        try:
            answer = self._database.execute("SELECT json_deserialize_sql(?::JSON)", [tree])
            canonical_sql = str(answer.fetchall()[0][0])
        except duckdb.Error:
            canonical_sql = ""
        return {"tree": tree, "canonical_sql": canonical_sql}

    def _foreign_files(self) -> bool:
        """Tell whether the engine's spill directory holds what the engine did not spill."""
        names = os.listdir(SPILL_DIRECTORY) if self._spills else []  # noqa: PTH208 - few imports
        return any(not _SPILL_FILE.match(name) for name in names)

    def _fingerprint(self) -> tuple[Any, ...]:
        return tuple(self._database.execute(_FINGERPRINT).fetchall())


def _collect(cursor: duckdb.DuckDBPyConnection, sql: str, caps: tuple[int, int]) -> pa.Buffer:
    if len(cursor.extract_statements(sql)) != 1:
        raise Failed("engine_error")
    rows_max, bytes_max = caps
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    reader = cursor.sql(sql).to_arrow_reader(BATCH_ROWS)
    sink = pa.BufferOutputStream()
    rows = 0
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            rows += batch.num_rows
            stream.write_batch(batch)
            if rows > rows_max or sink.tell() > bytes_max:
                raise Failed("too_large")
    return sink.getvalue()


@contextlib.contextmanager
def _interrupting(
    cursor: duckdb.DuckDBPyConnection, deadline_s: float
) -> Iterator[threading.Event]:
    fired = threading.Event()

    def interrupt() -> None:
        fired.set()
        while not done.wait(0.05):  # an interrupt between two steps is lost: ask again
            cursor.interrupt()

    done = threading.Event()
    timer = threading.Timer(deadline_s, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield fired
    finally:
        timer.cancel()
        done.set()
        if fired.is_set():
            timer.join()


@contextlib.contextmanager
def _telling(cursor: duckdb.DuckDBPyConnection, tell: Tell) -> Iterator[None]:
    """Tell the engine's percentage while a question runs, and nothing once it is answered."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(PROGRESS_SECONDS):
            percent = int(cursor.query_progress())
            if percent >= 0:
                tell(percent)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _code_of(error: Exception) -> str:
    if isinstance(error, Failed):
        return str(error.args[0])
    if isinstance(error, duckdb.OutOfMemoryException | MemoryError | pa.ArrowMemoryError):
        return "out_of_memory"
    return "engine_error"


def _answer(
    engine: Engine, channel: Channel, header: dict[str, Any], kind: str
) -> tuple[dict[str, Any], pa.Buffer | None]:
    watched = kind == "rows"  # of private questions nobody is told how far they are
    steps: dict[str, Callable[[], Any]] = {
        "lock": lambda: engine.lock(watched=watched),
        "load": lambda: engine.load(
            header["table"], pa.ipc.open_stream(channel.reader), header.get("cluster")
        ),
        "unload": lambda: engine.unload(header["table"]),
        "query": lambda: engine.query(
            header["sql"],
            (header["rows_max"], header["bytes_max"]),
            header["deadline_s"],
            (lambda percent: channel.send({"percent": percent})) if watched else None,
        ),
        "reset": engine.reset,
        "parse": lambda: engine.parse(header["sql"]),
    }
    if header.get("command") not in COMMANDS[kind]:
        raise Failed("engine_error")
    value = steps[header["command"]]()
    if isinstance(value, pa.Buffer):
        return {"ok": True}, value
    return {"ok": True} | (value or {}), None


def serve(channel: Channel, engine: Engine, kind: str) -> None:
    """Answer commands until the supervisor closes the descriptor or a stream breaks."""
    if kind == "parser":
        engine.lock()
    while (header := channel.receive()) is not None:
        try:
            reply, payload = _answer(engine, channel, header, kind)
        except Exception as error:  # noqa: BLE001 - every engine error becomes one fixed code
            reply, payload = {"ok": False, "code": _code_of(error)}, None
        channel.send(reply, payload)
        if header.get("command") == "load" and not reply["ok"]:
            return  # the rest of a broken stream must not be read as commands


def main(arguments: list[str]) -> None:
    """Run one worker of the kind and limits named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--kind", choices=sorted(COMMANDS), required=True)
    parser.add_argument("--memory-bytes-max", type=int, required=True)
    parser.add_argument("--spill-bytes-max", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args(arguments)
    engine = Engine(
        memory_bytes_max=options.memory_bytes_max,
        spill_bytes_max=options.spill_bytes_max,
        threads=options.threads,
    )
    serve(Channel(options.fd), engine, options.kind)


if __name__ == "__main__":
    main(sys.argv[1:])
