"""One running worker seen from the service: its process, its socket, one command at a time.

Every command has a time after which the process is killed; a worker that dies, hangs or answers
nonsense raises ``Broken`` and is never used again.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

LENGTH_BYTES = 8
HEADER_BYTES_MAX = 64 << 20
PAYLOAD_BYTES_MAX = 1 << 30


class Broken(Exception):
    """The worker is gone or not to be trusted any longer; ``code`` is the fixed code for it."""

    def __init__(self, code: str = "engine_error") -> None:
        """Keep the code: ``too_slow`` where the worker was killed for its deadline."""
        super().__init__(code)
        self.code = code


class WorkerProcess(Protocol):
    """What the pool needs of a confined process (see ``foundation.confinement``)."""

    def kill(self) -> None:
        """End the process at once, with everything it started."""
        ...

    def memory_bytes(self) -> int:
        """Return how much memory the process holds now."""
        ...


class Stream(Protocol):
    """The service's end of the socket pair."""

    def makefile(self, mode: Any) -> Any:
        """Return a file over the socket."""
        ...

    def close(self) -> None:
        """Close the socket."""
        ...


class WorkerLink:
    """Sends commands to one worker and reads its answers."""

    def __init__(self, process: WorkerProcess, stream: Stream) -> None:
        """Take over a started process and the service's end of its socket."""
        self._process = process
        self._stream = stream
        self._reader: BinaryIO = stream.makefile("rb")
        self._writer: BinaryIO = stream.makefile("wb")
        self._closing = threading.Lock()
        self._closed = False

    def call(
        self,
        header: dict[str, Any],
        *,
        seconds_max: float,
        rows: pa.RecordBatchReader | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """Send one command (and the stream that belongs to it); return the answer's two parts.

        ``tell`` is given how many per cent are done, as often as the worker says so.
        """
        with self._killed_after(seconds_max) as fired:
            try:
                self._send(header, rows)
                return self._answered(tell)
            except Exception as error:  # whatever it was, a half-sent stream is never read on
                self.close()
                raise Broken("too_slow" if fired.is_set() else "engine_error") from error

    def memory_bytes(self) -> int:
        """Return how much memory the worker holds now."""
        return 0 if self._closed else self._process.memory_bytes()

    def close(self) -> None:
        """Kill the process and close the socket; a second call changes nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._process.kill()
        for part in (self._writer, self._reader, self._stream):
            with contextlib.suppress(OSError, ValueError):
                part.close()

    @contextlib.contextmanager
    def _killed_after(self, seconds_max: float) -> Iterator[threading.Event]:
        fired = threading.Event()

        def kill() -> None:
            fired.set()
            self._process.kill()

        timer = threading.Timer(seconds_max, kill)
        timer.daemon = True
        timer.start()
        try:
            yield fired
        finally:
            timer.cancel()

    def _send(self, header: dict[str, Any], rows: pa.RecordBatchReader | None) -> None:
        encoded = json.dumps(header).encode()
        self._writer.write(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded)
        if rows is not None:
            with pa.ipc.new_stream(self._writer, rows.schema) as stream:
                for batch in rows:
                    stream.write_batch(batch)
        self._writer.flush()

    def _answered(self, tell: Callable[[int], None] | None) -> tuple[dict[str, Any], bytes]:
        header, payload = self._receive()
        while "percent" in header:
            if tell is not None:
                tell(int(header["percent"]))
            header, payload = self._receive()
        return header, payload

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        length = int.from_bytes(self._exactly(LENGTH_BYTES), "big")
        if length > HEADER_BYTES_MAX:
            raise ValueError("header too long")
        header = json.loads(self._exactly(length))
        payload_bytes = int(header["payload_bytes"])
        if not 0 <= payload_bytes <= PAYLOAD_BYTES_MAX:
            raise ValueError("payload too long")
        return header, self._exactly(payload_bytes)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) != size:
            raise ValueError("the worker closed its end")
        return data
