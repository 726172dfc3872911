"""A real JupyterLab in a real sandbox, used through the real proxy."""

import contextlib
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from foundation.errors import Unavailable
from sandbox.backends.interface import Endpoint
from sandbox.warmth import WarmthQuestion
from tests.integration.session_parts import Stage, stage
from tests.parts import need_namespaces, need_session_environment
from tests.screens import screen_of
from tests.session_browser import KernelChannel, SessionBrowser

pytestmark = [need_namespaces, need_session_environment]

SECONDS_MAX = 60.0
WHO = """
import http.client, socket
class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/gateway.sock")
connection = Local("gateway")
connection.request("GET", "/who")
print(connection.getresponse().read().decode())
"""

FORK = """
import os, time
if os.fork() == 0:
    print('child', flush=True)
    os._exit(0)
os.wait()
time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with stage() as running:
        yield running


@pytest.fixture(scope="module")
def endpoint(running: Stage) -> Endpoint:
    return running.open()


@pytest.fixture(scope="module")
def browser(running: Stage, endpoint: Endpoint) -> Iterator[SessionBrowser]:
    with running.enter(endpoint.slot) as browser:
        yield browser


@pytest.fixture(scope="module")
def kernel(browser: SessionBrowser) -> Iterator[KernelChannel]:
    with browser.kernel() as channel:
        yield channel


def test_without_a_cookie_a_session_does_not_exist(running: Stage, endpoint: Endpoint) -> None:
    host = running.proxy.session_origin(endpoint.slot).removeprefix("http://")
    answer = httpx.get(f"http://127.0.0.1:{running.port}/api/status", headers={"host": host})
    assert answer.status_code == 404
    assert answer.json()["code"] == "session_unknown"


def test_a_ticket_works_once(running: Stage, endpoint: Endpoint, browser: SessionBrowser) -> None:
    url = running.proxy.enter_url(endpoint.slot)
    host = browser.headers()["host"]
    path = url.removeprefix(browser.origin)
    base = f"http://127.0.0.1:{running.port}"
    assert httpx.get(base + path, headers={"host": host}).status_code == 303
    assert httpx.get(base + path, headers={"host": host}).status_code == 403


def test_a_ticket_opens_no_other_session(running: Stage, endpoint: Endpoint) -> None:
    other = "a" * 26
    path = running.proxy.enter_url(endpoint.slot).split("/", 3)[3]
    answer = httpx.get(
        f"http://127.0.0.1:{running.port}/{path}",
        headers={"host": f"{other}.sandgate.localhost:{running.port}"},
    )
    assert answer.status_code == 404


def test_the_platform_stays_on_its_own_host(running: Stage) -> None:
    answer = httpx.get(
        f"http://127.0.0.1:{running.port}/", headers={"host": f"sandgate.localhost:{running.port}"}
    )
    assert answer.text == "platform"


def test_direct_call_without_the_token_is_refused(
    endpoint: Endpoint, browser: SessionBrowser
) -> None:
    assert browser.request("GET", "/api/status").status_code == 200
    transport = httpx.HTTPTransport(uds=str(endpoint.ui_socket))
    with httpx.Client(transport=transport, base_url="http://session") as client:
        assert client.get("/api/contents").status_code == 403


def test_a_cell_runs(kernel: KernelChannel) -> None:
    assert kernel.execute("1+1").text == "2"


def test_lab_page_loads_with_our_headers_and_no_token(
    endpoint: Endpoint, browser: SessionBrowser
) -> None:
    page = browser.request("GET", "/lab")
    assert page.status_code == 200
    assert "frame-ancestors http://sandgate.localhost" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    assert endpoint.ui_token not in page.text
    assert "filebrowser-extension:download" in page.text


def test_workspaces_and_settings_can_be_saved(browser: SessionBrowser) -> None:
    workspace = {"data": {}, "metadata": {"id": "default"}}
    saved = browser.request("PUT", "/lab/api/workspaces/default", json=workspace)
    assert saved.status_code == 204
    settings = browser.request(
        "PUT", "/lab/api/settings/@jupyterlab/apputils-extension:themes", json={"raw": "{}"}
    )
    assert settings.status_code == 204


def test_a_notebook_is_saved_and_read_but_not_downloaded(browser: SessionBrowser) -> None:
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    body = {"type": "notebook", "format": "json", "content": notebook}
    assert browser.request("PUT", "/api/contents/笔记.ipynb", json=body).status_code == 201
    read = browser.request("GET", "/api/contents/笔记.ipynb?type=notebook&content=1")
    assert read.json()["content"]["nbformat"] == 4
    assert browser.request("GET", "/files/笔记.ipynb").status_code == 403
    assert browser.request("GET", "/api/contents/笔记.ipynb?format=base64").status_code == 403


def test_the_gateway_knows_the_slot_by_its_listener(
    endpoint: Endpoint, kernel: KernelChannel
) -> None:
    assert endpoint.slot in kernel.execute(WHO).text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives sessions a uid of their own")
def test_another_uid_is_cut_off_at_the_gateway(endpoint: Endpoint) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(5)
        stranger.connect(str(endpoint.ui_socket.with_name("gateway.sock")))
        answer = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            stranger.sendall(b"GET /who HTTP/1.1\r\nHost: gateway\r\n\r\n")
            answer = stranger.recv(100)
        assert answer == b""


def test_an_unassigned_slot_gets_no_answer(running: Stage) -> None:
    slot = running.backend.prestart()
    held = running.backend.endpoint(slot)
    path = str(held.ui_socket.with_name("gateway.sock"))
    transport = httpx.HTTPTransport(uds=path)
    try:
        with socket.socket(socket.AF_UNIX) as early, pytest.raises(ConnectionRefusedError):
            early.connect(path)
        with httpx.Client(transport=transport, base_url="http://gateway") as client:
            running.gateways.serve(slot, held.gateway_listener, os.geteuid())
            assert client.get("/who").json() == {"slot": slot}
    finally:
        running.gateways.go_dark(slot)
        running.backend.kill(slot)


def test_the_client_and_the_data_libraries_import(kernel: KernelChannel) -> None:
    shown = kernel.execute("import sandgate, pandas, polars, pyarrow; print('ready')")
    assert (shown.error, shown.text.strip()) == (None, "ready"), shown.traceback
    assert kernel.execute("import foundation").error == "ModuleNotFoundError"


def test_output_of_forked_children_is_seen(kernel: KernelChannel) -> None:
    code = (
        "import os\nif os.fork() == 0:\n    print('child', flush=True)\n    os._exit(0)\nos.wait()"
    )
    shown = kernel.execute(code + "\nimport time; time.sleep(0.5)")
    assert shown.error is None
    assert kernel.execute("!echo pty works").text.strip() == "pty works"


def test_two_sessions_do_not_see_each_other(running: Stage, kernel: KernelChannel) -> None:
    other = running.open()
    try:
        with running.enter(other.slot) as second, second.kernel() as channel:
            channel.execute(
                "open('/tmp/mark','w').write('x'); open('/dev/shm/mark','w').write('x')"
            )
            shown = channel.execute(WHO).text
        assert other.slot in shown
        seen = kernel.execute(
            "import os; print(os.path.exists('/tmp/mark'), os.path.exists('/dev/shm/mark'))"
        )
        assert seen.text.strip() == "False False"
    finally:
        running.gateways.go_dark(other.slot)
        running.proxy.go_dark(other.slot)
        running.backend.kill(other.slot)


def test_going_dark_closes_the_channel_at_once_and_kill_leaves_nothing(running: Stage) -> None:
    before, descriptors = leftovers(), open_descriptors()
    endpoint = running.open()
    process = running.backend._slots[endpoint.slot].process
    with running.enter(endpoint.slot) as browser, browser.kernel() as channel:
        assert channel.execute("1+1").text == "2"
        running.proxy.go_dark(endpoint.slot)
        running.gateways.go_dark(endpoint.slot)
        with pytest.raises(ConnectionClosed):
            deque(iter(partial(channel.socket.recv, 60), None), 0)  # what had arrived is still read
        assert browser.request("GET", "/api/status").status_code == 404
        running.backend.kill(endpoint.slot)
    assert not Path("/proc", str(process.init_pid)).exists()
    assert leftovers() == before
    until(lambda: open_descriptors() <= descriptors)  # the loop lets closed channels go in time


def test_a_frozen_session_says_so(running: Stage) -> None:
    endpoint = running.open()
    try:
        with running.enter(endpoint.slot) as browser:
            running.proxy.go_dark(endpoint.slot, frozen=True)
            answer = browser.request("GET", "/api/status")
        assert answer.status_code == 403
        assert answer.json()["code"] == "session_frozen"
    finally:
        running.gateways.go_dark(endpoint.slot)
        running.backend.kill(endpoint.slot)


def test_past_the_egress_budget_the_session_freezes() -> None:
    with stage(egress={"bytes_per_day_max": 200_000}) as small:
        endpoint = small.open()
        with small.enter(endpoint.slot) as browser, browser.kernel() as channel:
            with pytest.raises(ConnectionClosed):
                channel.execute_all(["print('x' * 50_000)"] * 10)
            assert small.exceeded == [endpoint.slot]
            assert browser.request("GET", "/api/status").status_code == 403


def leftovers() -> tuple[list[str], list[str]]:
    """Our cgroups and our mounts."""
    groups = sorted(
        str(path) for path in Path("/sys/fs/cgroup").glob(f"*/**/sandgate-{os.getpid()}-*")
    )
    return groups, Path("/proc/self/mounts").read_text().splitlines()


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_warm_kernel_has_imported_what_was_asked_and_shows_no_trace_of_it(
    running: Stage,
) -> None:
    slot = running.backend.prestart()
    WarmthQuestion(running.backend.endpoint(slot), ("pandas", "no_such_module"), 60).ask()
    endpoint = running.backend.assign(slot, "ses_warm")
    screen = screen_of(running.screens, slot, "ses_warm")
    running.proxy.light_up(slot, endpoint.ui_socket, endpoint.ui_token, screen)
    try:
        with running.enter(slot) as browser, browser.kernel() as channel:
            seen = channel.execute(
                "import sys; print('pandas' in sys.modules, 'pandas' in globals(), len(In), Out)"
            )
        assert seen.text.strip() == "True False 2 {}"  # IPython's empty cell 0, and this one
        with pytest.raises(Unavailable):  # somebody has the kernel: it is not the host's to warm
            WarmthQuestion(endpoint, ("polars",), 10).ask()
    finally:
        running.proxy.go_dark(slot)
        running.backend.kill(slot)
