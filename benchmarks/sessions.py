"""Cold sandboxed session against a plain JupyterLab: request to the first executed ``1+1``.

Interleaved pairs; the figure is the median of each pair's ratio. The sandboxed side includes
namespaces, filter, limits, own uid, and the proxy with its ticket; the plain side is the same
environment's ``jupyter lab`` on a TCP port with its defaults. Run: ``./dev bench sessions``.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from websockets.sync.client import connect

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from foundation.clock import SystemClock  # noqa: E402
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits  # noqa: E402
from sandbox.tickets import Tickets  # noqa: E402
from service.session_proxy import SessionHosts, SessionProxy  # noqa: E402
from tests.session_browser import KernelChannel, SessionBrowser  # noqa: E402

ENVIRONMENT = REPOSITORY / ".venv-session"
LIMIT = 1.2
PAIRS = 5
TOKEN = "benchmark"  # noqa: S105 - a server of our own on the loopback interface
LIMITS = SessionLimits(memory_bytes_max=2 << 30, pids_max=256, home_bytes_max=64 << 20)


@contextmanager
def served_proxy() -> Iterator[tuple[SessionProxy, int]]:
    """Serve the session proxy on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    proxy = SessionProxy(
        Tickets(SystemClock()),
        f"http://sandgate.localhost:{port}",
        on_egress_exceeded=lambda _slot: None,
        on_activity=lambda _slot: None,
    )
    config = uvicorn.Config(
        SessionHosts(Starlette(), proxy),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield proxy, port
    finally:
        proxy.close()
        server.should_exit = True
        thread.join()
        listener.close()


def sandboxed_seconds(proxy: SessionProxy, port: int, backend: BubblewrapBackend) -> float:
    """Open a cold session, run the cell through the proxy, end the session."""
    started = time.perf_counter()
    slot = backend.prestart()
    try:
        endpoint = backend.assign(slot, "ses_benchmark")
        proxy.light_up(slot, endpoint.ui_socket, endpoint.ui_token, lambda _count: True)
        with (
            SessionBrowser(proxy.enter_url(slot), "127.0.0.1", port) as browser,
            browser.kernel() as kernel,
        ):
            run_cell(kernel)
            return time.perf_counter() - started
    finally:
        proxy.go_dark(slot)
        backend.kill(slot)


def plain_seconds() -> float:
    """Start ``jupyter lab`` as anyone would, run the cell, end it."""
    with socket.create_server(("127.0.0.1", 0)) as free, tempfile.TemporaryDirectory() as home:
        port = free.getsockname()[1]
        free.close()
        command = [
            str(ENVIRONMENT / "bin" / "python"),
            *("-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}"),
        ]
        path = f"{ENVIRONMENT}/bin:/usr/bin:/bin"
        started = time.perf_counter()
        server = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": home, "PATH": path, "LANG": "C.UTF-8"},
            cwd=home,
            start_new_session=True,
        )
        try:
            first_cell_of_plain(port)
            return time.perf_counter() - started
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def first_cell_of_plain(port: int) -> None:
    """Wait for the plain server, start a kernel, run the cell."""
    headers = {"authorization": f"token {TOKEN}"}
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        while not answers(client):
            time.sleep(0.01)
        kernel = client.post("/api/kernels", json={"name": "python3"}).json()["id"]
    with connect(
        f"ws://127.0.0.1:{port}/api/kernels/{kernel}/channels",
        additional_headers=headers,
        compression=None,
        proxy=None,
    ) as opened:
        run_cell(KernelChannel(opened, 60))
    with httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=False) as client:
        client.delete(f"/api/kernels/{kernel}")


def answers(client: httpx.Client) -> bool:
    """Tell whether the server answers yet."""
    try:
        return client.get("/api/status").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def run_cell(kernel: KernelChannel) -> None:
    """Execute ``1+1`` and insist on the answer."""
    shown = kernel.execute("1+1").text
    if shown != "2":
        raise RuntimeError(f"the cell answered {shown!r}")


def main() -> int:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    pairs = parser.parse_args().pairs
    ratios = []
    backend = BubblewrapBackend(ENVIRONMENT, LIMITS)
    try:
        with served_proxy() as (proxy, port):
            plain_seconds()  # both sides find warm file caches
            for number in range(pairs):
                if number % 2:
                    sandboxed, plain = sandboxed_seconds(proxy, port, backend), plain_seconds()
                else:
                    plain, sandboxed = plain_seconds(), sandboxed_seconds(proxy, port, backend)
                sys.stderr.write(f"plain {plain:.2f} s, sandboxed {sandboxed:.2f} s\n")
                ratios.append(sandboxed / plain)
    finally:
        backend.close()
    value = round(statistics.median(ratios), 3)
    figure = {
        "figure": "cold_vs_plain",
        "value": value,
        "unit": "ratio",
        "limit": f"<={LIMIT}",
        "ok": value <= LIMIT,
        "against": "jupyter lab of the same environment, started plainly, to the first 1+1",
        "runs": pairs,
    }
    print(json.dumps(figure))
    return 0 if value <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
