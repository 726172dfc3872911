"""Paging an extract out by outputs, comms, files and several sessions: one budget stops it.

What reached the browser is counted here on the browser's side, without the proxy's own figures.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from audit.reading import read_entries
from audit.tags import EntryKind
from foundation.db import reading
from sandbox.egress import EgressAccount
from tests.integration.session_parts import Stage, stage
from tests.parts import need_namespaces, need_session_environment
from tests.screens import LICENCE, PERSON, opened_screens, screen_of
from tests.session_browser import KernelChannel, SessionBrowser

pytestmark = [need_namespaces, need_session_environment]
ACCOUNT = EgressAccount(PERSON, LICENCE)
VALUES_MAX = 30_000
ROWS = "[f'{i:07d},{i * 7919 %% 9973:05d}' for i in range(%d, %d)]"
COMM = """
from comm import create_comm
c = create_comm(target_name='jupyter.widget', data={'v': %s})
c.send({'v': %s}, buffers=[bytes(2_000)])
"""
SAVE = "open('page%d.%s', 'w').write(%s)"


class Stopped(Exception):
    """The session answers no more."""


class Pager:
    """Takes page after page of an extract of its own making, and counts what it got."""

    def __init__(self, browser: SessionBrowser, kernel: KernelChannel, first: int) -> None:
        self._browser = browser
        self._kernel = kernel
        self._row = first
        self.values = 0

    def _rows(self, count: int) -> str:
        self._row += count
        return ROWS % (self._row - count, self._row)

    def page_on(self) -> None:
        """Take pages by every way in turn. Raises ConnectionClosed or Stopped."""
        for turn in range(10_000):
            getattr(self, WAYS[turn % len(WAYS)])()

    def _content(self, path: str) -> Any:
        answer = self._browser.request("GET", f"/api/contents/{path}")
        if answer.status_code != httpx.codes.OK:
            raise Stopped(answer.text)
        return answer.json()["content"]

    def output(self) -> None:
        got = self._kernel.execute(f"print('\\n'.join({self._rows(400)}))").text
        self.values += 2 * got.count("\n")

    def display(self) -> None:
        code = f"from IPython.display import JSON; JSON({self._rows(300)})"
        (shown,) = self._kernel.execute(code).displays
        self.values += 2 * len(shown["application/json"])

    def error(self) -> None:
        got = self._kernel.execute(f"raise ValueError({self._rows(200)})").traceback
        self.values += 2 * got.count(",") // 3

    def comm(self) -> None:
        rows = self._rows(200)
        self._kernel.execute(COMM % (rows, rows))
        self.values += 2 * 400 + 2_000 // 8

    def text_file(self) -> None:
        self._kernel.execute(SAVE % (self._row, "txt", f"'\\n'.join({self._rows(400)})"))
        name = f"page{self._row - 400}.txt"
        self.values += 2 * (self._content(f"{name}?content=1").count("\n") + 1)

    def notebook(self) -> None:
        rows = f"'\\n'.join({self._rows(400)})"
        name = f"page{self._row - 400}"
        cell = "{'cell_type': 'markdown', 'metadata': {}, 'source': " + rows + ", 'id': 'a'}"
        book = "{'cells': [" + cell + "], 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5}"
        self._kernel.execute(f"import json; open('{name}.ipynb', 'w').write(json.dumps({book}))")
        got = self._content(f"{name}.ipynb?type=notebook&content=1")
        self.values += 2 * (json.dumps(got).count("\\n") + 1)

    def saved(self) -> None:
        """Bring a file in and out again: what came in leaves like everything else."""
        text = "\n".join(f"{number},1" for number in range(400))
        body = {"type": "file", "format": "text", "content": text}
        if self._browser.request("PUT", "/api/contents/own.txt", json=body).is_error:
            raise Stopped
        self.values += 2 * (self._content("own.txt?content=1").count("\n") + 1)


WAYS = ("output", "display", "error", "comm", "text_file", "notebook", "saved")


@contextmanager
def paging(running: Stage, first: int) -> Iterator[Pager]:
    """Open a session of the same person and begin to page in it."""
    endpoint = running.open(f"ses_{first}")
    with running.enter(endpoint.slot) as browser, browser.kernel() as kernel:
        yield Pager(browser, kernel, first)


def test_paging_by_every_way_and_in_two_sessions_stops_at_the_budget_for_good(
    tmp_path: Path,
) -> None:
    limits = {"values_per_day_max": VALUES_MAX, "steps_per_day": 8}
    with stage(tmp_path, egress=limits) as running:
        with paging(running, 1_000_000) as one, paging(running, 5_000_000) as other:
            for way in WAYS:
                getattr(one, way)()
            for pager in (other, one):
                with pytest.raises((ConnectionClosed, Stopped)):
                    pager.page_on()
            assert min(one.values, other.values) > VALUES_MAX // 10
            assert one.values + other.values <= VALUES_MAX
        assert running.screens.egress.remaining(ACCOUNT)[1] == 0
        assert len(running.exceeded) == 2
        with reading(running.engine) as connection:
            reserved = read_entries(connection, kinds=(EntryKind.EGRESS_RESERVED,))
        assert reserved[-1].public["values"] == VALUES_MAX
    with opened_screens(tmp_path, egress=limits) as (screens, _engine):  # after a restart
        assert screens.egress.remaining(ACCOUNT)[1] == 0
        meter = screen_of(screens, "a" * 26).meter
        assert not meter.count(1, 1)
        assert not meter.cover()
