"""A real session behind its screen: cells in the log first, own files in, nothing active out."""

import base64
import io
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from tests.integration.session_parts import Stage, stage
from tests.parts import need_namespaces, need_session_environment
from tests.session_browser import KernelChannel, SessionBrowser

pytestmark = [need_namespaces, need_session_environment]
CELLS = 100
ADDED_SECONDS_MAX = 3.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("screen")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(running: Stage) -> Iterator[SessionBrowser]:
    with running.enter(running.open().slot) as browser:
        yield browser


@pytest.fixture(scope="module")
def kernel(browser: SessionBrowser) -> Iterator[KernelChannel]:
    with browser.kernel() as channel:
        channel.execute("1")
        yield channel


def numbers(running: Stage) -> list[int]:
    with reading(running.engine) as connection:
        entries = read_entries(connection, kinds=(EntryKind.CELL_EXECUTED,), limit=10_000)
    return sorted(int(entry.public["number"]) for entry in entries)


def put(browser: SessionBrowser, path: str, content: bytes, **more: Any) -> Any:
    coded = base64.b64encode(content).decode()
    body = {"type": "file", "format": "base64", "content": coded, **more}
    return browser.request("PUT", f"/api/contents/{path}", json=body)


def test_each_cell_has_its_entry_and_a_refused_one_says_why(
    running: Stage, kernel: KernelChannel
) -> None:
    before = len(numbers(running))
    assert kernel.execute("print(6 * 7)").text == "42\n"
    assert len(numbers(running)) == before + 1
    refused = kernel.execute("#" * 300_000)
    assert refused.error == "cell_too_long"
    assert "262144" in refused.traceback
    assert len(numbers(running)) == before + 1


def test_a_hundred_cells_at_once_run_in_order_and_do_not_crawl(
    running: Stage, kernel: KernelChannel
) -> None:
    before = numbers(running)[-1]
    begun = time.perf_counter()
    results = kernel.execute_all([f"x = {number}; x" for number in range(CELLS)])
    spent = time.perf_counter() - begun
    assert [result.text for result in results] == [str(number) for number in range(CELLS)]
    assert numbers(running)[-CELLS:] == list(range(before + 1, before + CELLS + 1))
    single = []
    for _ in range(5):
        begun = time.perf_counter()
        kernel.execute("1")
        single.append(time.perf_counter() - begun)
    assert spent < CELLS * statistics.median(single) + ADDED_SECONDS_MAX


def test_nothing_active_comes_out_live_or_saved(
    browser: SessionBrowser, kernel: KernelChannel
) -> None:
    code = "from IPython.display import HTML, Javascript, display; "
    shown = kernel.execute(code + "display(HTML('<b>kept</b><script>evil()</script>'))")
    assert "<b>kept</b>" in shown.displays[0]["text/html"]
    assert "evil" not in str(shown.displays)
    shown = kernel.execute(code + "display(Javascript('evil()'))")
    assert "application/javascript" not in shown.displays[0]
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>evil"}}
    cell: dict[str, object] = {
        "cell_type": "code",
        "id": "a",
        "source": "",
        "metadata": {},
        "execution_count": None,
    }
    book = {"cells": [{**cell, "outputs": [output]}], "metadata": {}}
    body = {"type": "notebook", "format": "json", "content": book | {"nbformat": 4}}
    body["content"]["nbformat_minor"] = 5  # type: ignore[index]
    browser.request("PUT", "/api/contents/evil.ipynb", json=body).raise_for_status()
    got = browser.request("GET", "/api/contents/evil.ipynb?type=notebook&content=1")
    assert "evil()" not in got.text
    assert "<script" not in got.text


def test_a_page_that_prints_for_ever_is_cut(kernel: KernelChannel) -> None:
    text = kernel.execute("for i in range(5_000): print(i)").text
    assert "998\n" in text
    assert "4000" not in text
    assert "其余未显示" in text


def test_own_files_come_in_and_are_joined_in_the_session(
    browser: SessionBrowser, kernel: KernelChannel
) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "n": [10, 20]}), sink)
    assert put(browser, "own.parquet", sink.getvalue()).status_code == 201
    assert put(browser, "own.csv", "id,名\n1,东\n2,西\n".encode()).status_code == 201
    code = "import pandas as pd; a = pd.read_parquet('own.parquet'); b = pd.read_csv('own.csv'); "
    assert kernel.execute(code + "print(len(a.merge(b, on='id')))").text == "2\n"
    # in only: bytes that are no text are not shown again
    assert browser.request("GET", "/api/contents/own.parquet?content=1").status_code in {400, 403}


def test_a_large_file_in_chunks_arrives_whole(
    browser: SessionBrowser, kernel: KernelChannel
) -> None:
    content = b"a,b\n" + b"1,2\n" * 400_000
    size = 1 << 20
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    for number, part in enumerate(parts[:-1], 1):
        answer = put(browser, "big.csv", part, chunk=number)
        assert answer.status_code == 200
        assert answer.json()["path"] == "big.csv"
    assert "False" in kernel.execute("import os; print(os.path.exists('big.csv'))").text
    assert put(browser, "big.csv", parts[-1], chunk=-1).status_code == 201
    assert kernel.execute("print(os.path.getsize('big.csv'))").text == f"{len(content)}\n"


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("x.pkl", b"\x80\x04.", "upload_type"),
        ("x.so", b"\x7fELF", "upload_type"),
        ("x.csv", b"PK\x03\x04", "upload_content"),
        (".ipython/startup.py", b"\x00", "upload_content"),
    ],
)
def test_other_files_are_refused_readably(
    browser: SessionBrowser, path: str, content: bytes, code: str
) -> None:
    answer = put(browser, path, content)
    assert answer.status_code == 403
    told = answer.json()
    assert (told["code"], told["rule"]) == (code, "policies/screen")
    assert told["way_out"]["text"]
    assert "/" in told["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/lab/../../../../etc/passwd",
        "/static/lab/index.html",
        "/static/lab/",
        "/lab/extensions/jupyterlab_pygments/../../../../etc/passwd",
        "/lab/extensions/x/static/remoteEntry.js",
        "/lab/api/themes/@jupyterlab/none/index.css",
        "/static/lab/%2e%2e/%2e%2e/x.js",
    ],
)
def test_only_known_files_of_the_environment_are_served(browser: SessionBrowser, path: str) -> None:
    answer = browser.request("GET", path)
    assert answer.status_code in {403, 404}
    assert "root:" not in answer.text


def test_assets_come_from_the_host_kept_for_ever_and_with_their_type(
    running: Stage, browser: SessionBrowser
) -> None:
    page = browser.request("GET", "/lab").text
    script = page.partition('src="')[2].partition('"')[0]
    answer = browser.request("GET", script.partition("?")[0])
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self' 'unsafe-eval';" in answer.headers["content-security-policy"]
    assert "/opt/env" not in page
    assert str(Path.home()) not in page
    assert running.exceeded == []
