"""A hostile page and kernel around the log of cells, the day's screen budget and the reviewer.

Each attempt is a frame or a request as a browser could send it, judged by the real screen over a
real log.
"""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from audit.reading import private_of, read_entries
from audit.tags import EntryKind
from foundation.db import reading
from foundation.errors import Denied, InvalidInput
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.sessions import SessionRules
from sandbox.kernel_messages import KernelMessage, dumped, read_message, write_message
from sandbox.notebooks import read_notebook
from sandbox.screen import Screens, SlotScreen
from tests.fakes import SteppedClock
from tests.screens import opened_screens, screen_of

CODE = "steal_" * 20
CELLS = {
    "code_bytes_max": 4_000,
    "cells_per_minute_max": 50,
    "bytes_per_minute_max": 20_000,
    "bytes_per_session_max": 30_000,
    "unlogged_bytes_max": 500,
}
UPLOADS = {"files_per_minute_max": 5, "file_bytes_max": 1_000}


@pytest.fixture
def opened(tmp_path: Path, clock: SteppedClock) -> Iterator[tuple[Screens, Engine]]:
    with opened_screens(tmp_path, clock, cells=CELLS, uploads=UPLOADS) as (screens, engine):
        yield screens, engine


@pytest.fixture
def screen(opened: tuple[Screens, Engine]) -> SlotScreen:
    return screen_of(opened[0], "a" * 26)


def frame(kind: str, content: dict[str, Any], **more: Any) -> bytes:
    """Write a message of a page; ``more`` is what hides something."""
    header = {"msg_id": "m1", "msg_type": kind, "session": "s", **more.get("header", {})}
    parts = more.get("parent", {}), more.get("metadata", {})
    channel = {"input_reply": "stdin"}.get(kind, "shell")
    message = KernelMessage(channel, header, *parts, content, more.get("buffers", ()))
    written = write_message(message, v1=True)
    assert isinstance(written, bytes)
    return written


def texts(engine: Engine, home: Path) -> list[str]:
    """Return what the log keeps of what was sent."""
    keys = FileKeyStore(home / "keys")
    with reading(engine) as connection:
        found = read_entries(connection, kinds=(EntryKind.CELL_EXECUTED,), limit=1_000)
        return [private_of(connection, entry.index, keys)["cell"].text for entry in found]


def cells(engine: Engine, kind: EntryKind = EntryKind.CELL_EXECUTED) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(entry.public) for entry in read_entries(connection, kinds=(kind,))]


RUN: dict[str, Any] = {"code": "exec(hidden)", "silent": False}


@pytest.mark.parametrize(
    ("kind", "content", "more"),
    [
        ("execute_request", RUN, {"metadata": {"x": CODE, "cellId": CODE}}),
        ("execute_request", RUN, {"metadata": {"cellId": {"x": CODE}}}),
        ("execute_request", RUN, {"parent": {"x": CODE}}),
        ("execute_request", RUN, {"buffers": (CODE.encode(),)}),
        ("execute_request", RUN, {"header": {"username": CODE, "subshell_id": [CODE]}}),
        ("execute_request", RUN, {"header": {"date": CODE}}),
        ("execute_request", {**RUN, "x": CODE}, {}),
        ("execute_request", {**RUN, "silent": CODE, "stop_on_error": {"x": CODE}}, {}),
        ("input_reply", {"value": "1", "x": CODE, "status": CODE}, {}),
    ],
)
def test_beside_a_cell_nothing_goes_along(
    screen: SlotScreen, kind: str, content: dict[str, Any], more: dict[str, Any]
) -> None:
    inward = screen.kernels.inwards(frame(kind, content, **more), v1=True)
    assert inward.logged is not None
    assert isinstance(inward.forward, bytes)
    assert b"steal_" not in inward.forward
    assert read_message(inward.forward, v1=True).kind == kind


@pytest.mark.parametrize(
    ("kind", "content", "buffers"),
    [
        ("complete_request", {"code": CODE, "cursor_pos": 3}, ()),
        ("inspect_request", {"code": CODE, "cursor_pos": 3, "detail_level": 1}, ()),
        ("is_complete_request", {"code": CODE}, ()),
        ("history_request", {"pattern": CODE}, ()),
        ("kernel_info_request", {"x": CODE}, ()),
        ("comm_open", {"comm_id": "c", "target_name": "sandgate", "data": {"x": CODE}}, ()),
        (
            "comm_open",
            {"comm_id": "c", "target_name": "sandgate", "data": {}},
            (CODE.encode(),),
        ),
    ],
)
def test_what_could_become_code_is_in_the_log_before_much_of_it_is_in_the_session(
    opened: tuple[Screens, Engine],
    screen: SlotScreen,
    tmp_path: Path,
    kind: str,
    content: dict[str, Any],
    buffers: tuple[bytes, ...],
) -> None:
    unlogged = 0
    for _ in range(20):
        inward = screen.kernels.inwards(frame(kind, content, buffers=buffers), v1=True)
        assert inward.forward is not None
        unlogged += len(dumped(content)) + sum(map(len, buffers))
        if inward.logged is not None:
            inward.logged.result(10)
            unlogged = 0
        assert unlogged <= CELLS["unlogged_bytes_max"]
    wanted = base64.b64encode(CODE.encode()).decode() if buffers else CODE
    assert sum(text.count(wanted) for text in texts(opened[1], tmp_path)) >= 15
    assert {entry["by"] for entry in cells(opened[1])} == {"sent_by_page"}


def test_settings_and_addresses_are_in_the_log_too(
    opened: tuple[Screens, Engine], screen: SlotScreen, tmp_path: Path
) -> None:
    for method, path, query, body in (
        ("PUT", "/lab/api/settings/a", "", json.dumps({"raw": CODE}).encode()),
        ("GET", f"/api/contents/{CODE}", "", b""),
        ("GET", "/api/kernels", f"x={CODE}", b""),
        ("PATCH", "/api/sessions/1", "", CODE.encode() * 4),
    ):
        noted = screen.asked(method, path, query, body)
        if noted is not None:
            noted.result(10)
    assert sum(text.count(CODE) for text in texts(opened[1], tmp_path)) == 7
    before = len(cells(opened[1]))
    for number in range(500):  # a page that only looks again costs no entry
        assert screen.asked("GET", "/api/kernels", str(number), b"") is None
    assert len(cells(opened[1])) == before


def test_one_long_message_of_a_widget_is_no_upload(screen: SlotScreen) -> None:
    content = {"comm_id": "c", "target_name": "sandgate", "data": {}}
    refused = screen.kernels.inwards(frame("comm_open", content, buffers=(b"x" * 4_000,)), v1=True)
    assert refused.forward is None
    assert b"cell_too_long" in b"".join(part for part in refused.answers if isinstance(part, bytes))


def test_no_session_makes_the_log_grow_without_end(
    opened: tuple[Screens, Engine], screen: SlotScreen, clock: SteppedClock
) -> None:
    sent = 0
    for _ in range(4):
        for _ in range(40):
            code = frame("execute_request", {"code": "#" * 3_000})
            sent += 3_000 * (screen.kernels.inwards(code, v1=True).forward is not None)
        clock.advance(61_000_000)
    assert sent == CELLS["bytes_per_session_max"]
    assert len(cells(opened[1], EntryKind.CELL_REFUSED)) <= 4


def test_refused_and_empty_files_do_not_flood_the_log(
    opened: tuple[Screens, Engine], screen: SlotScreen
) -> None:
    for number in range(50):
        with pytest.raises((Denied, InvalidInput)):
            screen.files.receive("a.exe", {"type": "file", "format": "text", "content": ""})
        empty = {"type": "file", "format": "text", "content": ""}
        with (
            pytest.raises(Denied, match="files_too_many")
            if number >= 2
            else contextlib.nullcontext()
        ):
            screen.files.receive("a.txt", empty)
    assert len(cells(opened[1], EntryKind.FILE_RECEIVED)) <= UPLOADS["files_per_minute_max"]
    assert len(cells(opened[1], EntryKind.FILE_REFUSED)) <= 2


def test_files_that_never_finish_fill_no_memory(screen: SlotScreen) -> None:
    part = base64.b64encode(b"x" * 900).decode()
    for number in range(4):
        model = {"type": "file", "format": "base64", "content": part, "chunk": 1}
        assert screen.files.receive(f"{number}.csv", model).forward is None
    assert sum(len(one.content) for one in screen.files._pending.values()) <= 1_000


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("display_data", {"data": {"text/plain": "1"}, "metadata": {"x": "secret" * 500}}),
        ("execute_input", {"code": "secret" * 500, "execution_count": 1}),
        ("input_request", {"prompt": "secret" * 500, "password": False}),
        ("clear_output", {"wait": "secret" * 500}),
    ],
)
def test_the_share_of_one_cell_holds_whatever_kind_its_outputs_are(
    tmp_path: Path, kind: str, content: dict[str, Any]
) -> None:
    with opened_screens(tmp_path, display={"bytes_max": 10_000}) as (screens, _engine):
        kernels = screen_of(screens, "a" * 26).kernels
        kernels.inwards(frame("execute_request", {"code": "1"}), v1=True)
        shown = 0
        for _ in range(50):
            parent = {"msg_id": "m1"}
            message = KernelMessage("iopub", {"msg_type": kind}, parent, {}, content)
            out = kernels.outwards(write_message(message, v1=True), v1=True)
            shown += (out.frame or b"").count(b"secret")  # type: ignore[arg-type]
        assert shown * len("secret") <= 10_000


@pytest.mark.parametrize(
    "code",
    [
        "admin = False  # \u202e\u2066 if not\u2069\u2066 checked",
        "pay\u200bload = 1",
        "harmless()\rexec(hidden)",
        "x = 1 \x1b[2K",
        "x = 1\u2028exec(hidden)",
        "x = '\U000e0041'",
        "x = 1\x0cexec(hidden)",
    ],
)
def test_a_reviewer_sees_the_code_that_runs(code: str) -> None:
    cell = {"cell_type": "code", "source": code}
    with pytest.raises(InvalidInput) as caught:
        read_notebook(
            json.dumps({"nbformat": 4, "cells": [cell]}), load_policies().rules(SessionRules)
        )
    assert caught.value.code == "notebook_unseen_characters"


def test_chinese_tabs_and_windows_lines_are_code_as_any() -> None:
    cell = {"cell_type": "code", "source": "# 统计各区人数，按年\r\nif 1:\n\tprint('é ⚠\ufe0f')"}
    text = json.dumps({"nbformat": 4, "cells": [cell]})
    assert read_notebook(text, load_policies().rules(SessionRules)).cells
