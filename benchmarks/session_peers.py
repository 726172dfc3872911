"""What sessions are measured against: a plain JupyterLab, and JupyterHub's simple local spawner.

The plain side is the session environment's own ``jupyter lab`` on a TCP port with its defaults.
JupyterHub runs in an environment of its own, made from ``peers/jupyterhub``; its hub and proxy are
up before anything is timed, so that only the spawn, the kernel and the cell count.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from websockets.sync.client import connect

from benchmarks.foreign_verifiers import npm_modules
from benchmarks.peer_environments import python_of
from benchmarks.public_queries import Skipped
from benchmarks.session_platform import ADDRESS, ENVIRONMENT, SECONDS_MAX, run_cell
from tests.session_browser import KernelChannel

TOKEN = secrets.token_hex(16)
AGAIN_SECONDS = 0.01


def plain_seconds() -> float:
    """Start ``jupyter lab`` as anyone would, run the cell, end it; return seconds to the cell."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as home:
        command = [
            str(ENVIRONMENT / "bin" / "python"),
            *("-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            *(f"--ServerApp.ip={ADDRESS}", f"--ServerApp.port={port}"),
            *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}"),
        ]
        variables = {"HOME": home, "PATH": f"{ENVIRONMENT}/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        started = time.perf_counter()
        with _running(command, variables, home):
            _first_cell(f"{ADDRESS}:{port}", "/api")
            return time.perf_counter() - started


class Hub:
    """A running JupyterHub with its proxy, and people who ask it for servers."""

    def __init__(self, port: int) -> None:
        """Know where it listens."""
        self._address = f"{ADDRESS}:{port}"
        self._people = 0

    def first_cell_seconds(self) -> float:
        """Ask for a server of somebody new, run the cell in it; return seconds to the cell."""
        self._people += 1
        name = f"person{self._people}"
        with _client(self._address) as client:
            client.post(f"/hub/api/users/{name}").raise_for_status()
            started = time.perf_counter()
            client.post(f"/hub/api/users/{name}/server").raise_for_status()
            _first_cell(self._address, f"/user/{name}/api")
            seconds = time.perf_counter() - started
            client.delete(f"/hub/api/users/{name}/server").raise_for_status()
        return seconds


@contextmanager
def jupyterhub() -> Iterator[Hub]:
    """Run JupyterHub until the block ends. Raises Skipped, naming what is missing."""
    python, proxy = python_of("jupyterhub"), _proxy_command()
    ports = [_free_port() for _ in range(3)]
    with tempfile.TemporaryDirectory(prefix="hub-") as home:
        configuration = Path(home) / "configuration.py"
        configuration.write_text(_configuration(ports, proxy, home))
        command = [str(python), "-m", "jupyterhub", "-f", str(configuration)]
        path = f"{python.parent}:/usr/local/bin:/usr/bin:/bin"
        variables = {"HOME": home, "PATH": path, "LANG": "C.UTF-8"}
        with _running(command, variables, home) as hub:
            _wait_for_hub(hub, f"{ADDRESS}:{ports[0]}")
            yield Hub(ports[0])


def _configuration(ports: list[int], proxy: list[str], home: str) -> str:
    return f"""
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.bind_url = "http://{ADDRESS}:{ports[0]}"
c.JupyterHub.hub_bind_url = "http://{ADDRESS}:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://{ADDRESS}:{ports[2]}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.JupyterHub.db_url = "sqlite:///{home}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{home}/cookie_secret"
c.Spawner.default_url = "/lab"
c.Spawner.args = ["--allow-root"]
c.SimpleLocalProcessSpawner.home_dir_template = "{home}/{{username}}"
c.JupyterHub.services = [{{"name": "bench", "api_token": "{TOKEN}"}}]
c.JupyterHub.load_roles = [{{
    "name": "bench", "services": ["bench"],
    "scopes": ["admin:users", "admin:servers", "access:servers"],
}}]
"""


def _proxy_command() -> list[str]:
    """Return what runs configurable-http-proxy. Raises Skipped where Node.js is missing."""
    node = shutil.which("node")
    if node is None:
        raise Skipped("needs Node.js for configurable-http-proxy: apt-get install nodejs npm")
    modules = npm_modules("jupyterhub")
    return [node, str(modules / "configurable-http-proxy" / "bin" / "configurable-http-proxy")]


def _wait_for_hub(hub: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + SECONDS_MAX
    with _client(address) as client:
        while time.monotonic() < until and hub.poll() is None:
            if _answers(client, "/hub/api/"):
                return
            time.sleep(0.1)
    raise Skipped("JupyterHub did not start here")


def _first_cell(address: str, api: str) -> None:
    """Wait for a server, start a kernel, run the cell."""
    with _client(address) as client:
        until = time.monotonic() + SECONDS_MAX
        while not _answers(client, f"{api}/status"):
            if time.monotonic() > until:
                raise RuntimeError("the server never answered")
            time.sleep(AGAIN_SECONDS)
        kernel = client.post(f"{api}/kernels", json={"name": "python3"}).json()["id"]
    with connect(
        f"ws://{address}{api}/kernels/{kernel}/channels",
        additional_headers={"authorization": f"token {TOKEN}"},
        compression=None,
        proxy=None,
    ) as opened:
        run_cell(KernelChannel(opened, SECONDS_MAX))


def _client(address: str) -> httpx.Client:
    headers = {"authorization": f"token {TOKEN}"}
    return httpx.Client(
        base_url=f"http://{address}", headers=headers, timeout=SECONDS_MAX, trust_env=False
    )


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.create_server((ADDRESS, 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _running(
    command: list[str], variables: dict[str, str], directory: str
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a program and all that it starts; end the whole group."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=variables,
        cwd=directory,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
