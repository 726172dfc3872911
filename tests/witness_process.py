"""A regulator's witness as its own process, on a free port of this machine."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from audit.notes import VerifierKey
from audit.witness.directory import WitnessDirectory
from tests.parts import REPOSITORY

START_SECONDS_MAX = 30.0


class WitnessProcess:
    """Its home, its port, and the process while it runs."""

    def __init__(self, home: Path, name: str) -> None:
        self.place = WitnessDirectory(home)
        self.place.create(name)
        self.home = home
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        return self.place.keys().verifier_keys

    def peer_lines(self) -> str:
        """Return its lines of a platform's file of witnesses."""
        return "".join(f"witness w {key.text()} {self.url}\n" for key in self.keys)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "service.cli_witness", "serve"]
        self._process = subprocess.Popen(
            [*command, "--home", str(self.home), "--port", str(self.port)],
            cwd=REPOSITORY,
            env={"PYTHONPATH": str(REPOSITORY)},
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/{'0' * 64}/checkpoint", timeout=1.0)
            except httpx.HTTPError:
                time.sleep(0.05)
                continue
            return
        raise RuntimeError("the witness did not start")

    def kill(self) -> None:
        """Kill it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def witness_process(home: Path, name: str = "regulator.example/w1") -> Iterator[WitnessProcess]:
    """Make a witness that does not run yet; it is gone at the end."""
    made = WitnessProcess(home, name)
    try:
        yield made
    finally:
        made.kill()
