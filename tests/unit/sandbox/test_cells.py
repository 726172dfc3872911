"""No entry, no execution: what a browser sends to a kernel, judged message by message."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from audit.reading import read_entries
from audit.store import entry_private
from audit.tags import EntryKind
from foundation.clock import SystemClock
from foundation.db import reading
from foundation.errors import SandgateError
from sandbox.kernel_messages import KernelMessage, Unreadable, write_message
from sandbox.kernel_screen import Inward, KernelScreen
from sandbox.screen import Screens
from tests.screens import (
    LICENCE,
    PERSON,
    SESSION,
    opened_screens,
    screen_log,
    screen_of,
    screen_rules,
)


def message(kind: str, content: dict[str, Any], channel: str = "shell", **more: Any) -> str:
    header = {"msg_id": more.pop("id", "m1"), "msg_type": kind, "session": "s", **more}
    written = write_message(KernelMessage(channel, header, {}, {}, content), v1=False)
    assert isinstance(written, str)
    return written


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Screens, Engine]]:
    limits = {"code_bytes_max": 1_000, "cells_per_minute_max": 5}
    with opened_screens(tmp_path, cells=limits) as (screens, engine):
        yield screens, engine


@pytest.fixture
def kernels(opened: tuple[Screens, Engine]) -> KernelScreen:
    return screen_of(opened[0], "a" * 26).kernels


def logged(engine: Engine, kind: EntryKind) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        entries = read_entries(connection, kinds=(kind,))
    return [{**entry.content, **entry.public} for entry in entries]


def wait(inward: Inward) -> Inward:
    if inward.logged is not None:
        inward.logged.result(10)
    return inward


@pytest.mark.parametrize(
    ("kind", "channel"),
    [
        ("execute_request", "control"),
        ("execute_request", "iopub"),
        ("execute_request", "stdin"),
        ("debug_request", "control"),
        ("input_request", "stdin"),
        ("anything", "shell"),
        ("", "shell"),
        ("EXECUTE_REQUEST", "shell"),
        ("execute_reply", "shell"),
        ("usage_request", "control"),
        ("connect_request", "shell"),
        ("abort_request", "control"),
        ("clear_request", "control"),
        ("apply_request", "shell"),
    ],
)
def test_messages_that_no_page_sends_are_dropped(
    kernels: KernelScreen, kind: str, channel: str
) -> None:
    inward = kernels.inwards(message(kind, {"code": "1"}, channel), v1=False)
    assert inward == Inward()


def test_comms_of_other_targets_are_dropped(kernels: KernelScreen) -> None:
    other = {"comm_id": "c1", "target_name": "evil", "data": {}}
    assert kernels.inwards(message("comm_open", other), v1=False).forward is None
    assert kernels.inwards(message("comm_msg", {"comm_id": "c1"}), v1=False).forward is None
    widget = {"comm_id": "c2", "target_name": "jupyter.widget", "data": {}}
    assert kernels.inwards(message("comm_open", widget), v1=False).forward
    assert kernels.inwards(message("comm_msg", {"comm_id": "c2"}), v1=False).forward


def test_a_malformed_frame_goes_nowhere(kernels: KernelScreen) -> None:
    with pytest.raises(Unreadable):
        kernels.inwards("{", v1=False)


def test_a_cell_is_in_the_log_before_it_may_go_on(
    opened: tuple[Screens, Engine], kernels: KernelScreen
) -> None:
    inward = wait(kernels.inwards(message("execute_request", {"code": "x = 42"}), v1=False))
    assert inward.forward
    (entry,) = logged(opened[1], EntryKind.CELL_EXECUTED)
    assert entry["actor"]["person"] == PERSON
    assert (entry["licence"], entry["session"], entry["number"]) == (LICENCE, SESSION, 1)
    assert (entry["by"], entry["code_bytes"]) == ("execute_request", 6)
    assert set(entry["private"]) == {"cell"}
    assert "x = 42" not in json.dumps(entry)


def test_the_text_is_sealed_apart_in_its_own_class_and_month(
    opened: tuple[Screens, Engine], kernels: KernelScreen
) -> None:
    wait(kernels.inwards(message("execute_request", {"code": "secret_name = 1"}), v1=False))
    with reading(opened[1]) as connection:
        (row,) = connection.execute(select(entry_private)).all()
    assert row.field == "cell"
    assert row.key_name.startswith("texts.cell_text.20")
    assert b"secret_name" not in bytes(row.sealed)


def test_equal_code_has_unlike_hashes(
    opened: tuple[Screens, Engine], kernels: KernelScreen
) -> None:
    for number in range(2):
        asked = message("execute_request", {"code": "1"}, id=f"m{number}")
        wait(kernels.inwards(asked, v1=False))
    first, second = logged(opened[1], EntryKind.CELL_EXECUTED)
    assert first["private"]["cell"] != second["private"]["cell"]


@pytest.mark.parametrize(
    ("kind", "content", "channel", "size"),
    [
        ("input_reply", {"value": "exec_me()"}, "stdin", 9),
        ("execute_request", {"code": "", "user_expressions": {"a": "evil()"}}, "shell", 15),
        ("execute_request", {"code": ["not", "text"]}, "shell", 14),
        ("execute_request", {"code": "\ud800"}, "shell", 6),
        ("execute_request", {"code": "1", "silent": True, "store_history": False}, "shell", 1),
    ],
)
def test_everything_that_runs_is_logged(
    opened: tuple[Screens, Engine],
    kernels: KernelScreen,
    kind: str,
    content: dict[str, Any],
    channel: str,
    size: int,
) -> None:
    wait(kernels.inwards(message(kind, content, channel), v1=False))
    (entry,) = logged(opened[1], EntryKind.CELL_EXECUTED)
    assert (entry["by"], entry["code_bytes"]) == (kind, size)


def test_too_long_a_cell_is_refused_readably_and_logged_without_its_text(
    opened: tuple[Screens, Engine], kernels: KernelScreen
) -> None:
    for _ in range(2):
        inward = kernels.inwards(message("execute_request", {"code": "x" * 1_001}), v1=False)
        assert inward.forward is None
        kinds = [json.loads(answer)["msg_type"] for answer in inward.answers]
        assert kinds == ["status", "error", "execute_reply", "status"]
        failed = json.loads(inward.answers[1])
        assert "1000" in failed["content"]["evalue"]
        assert failed["parent_header"]["msg_id"] == "m1"
    opened[0].close()
    (entry,) = logged(opened[1], EntryKind.CELL_REFUSED)  # once a minute, however often
    assert (entry["code"], entry["code_bytes"]) == ("cell_too_long", 1_001)


def test_too_many_cells_in_a_minute_are_refused(kernels: KernelScreen) -> None:
    sent = [
        kernels.inwards(message("execute_request", {"code": "1"}, id=f"m{number}"), v1=False)
        for number in range(6)
    ]
    assert [one.forward is not None for one in sent] == [True] * 5 + [False]
    assert "cells_too_many" in str(sent[5].answers[1])


def test_without_a_log_nothing_goes_on(tmp_path: Path) -> None:
    with screen_log(tmp_path) as (engine, writer):
        screens = Screens(screen_rules(), engine, writer, SystemClock())
        kernels = screen_of(screens, "a" * 26).kernels
        writer.close()
        inward = kernels.inwards(message("execute_request", {"code": "1"}), v1=False)
        assert inward.logged is not None
        with pytest.raises(SandgateError):
            inward.logged.result(10)
        screens.close()


def test_a_kernel_says_nothing_in_headers_and_hidden_kinds(kernels: KernelScreen) -> None:
    wait(kernels.inwards(message("execute_request", {"code": "1"}), v1=False))
    stream = message(
        "stream", {"name": "stdout", "text": "hi", "more": "hidden"}, "iopub", date="hidden"
    )
    spoken = json.loads(stream)
    spoken["parent_header"] = {"msg_id": "m1", "session": "hidden", "date": "hidden"}
    spoken["metadata"] = {"x": "hidden"}
    shown = kernels.outwards(json.dumps(spoken), v1=False)
    assert "hidden" not in str(shown.frame)
    assert json.loads(str(shown.frame))["parent_header"]["session"] == "s"
    for kind, channel in (("debug_event", "iopub"), ("anything", "iopub"), ("stream", "other")):
        said = message(kind, {"name": "stdout", "text": "x"}, channel)
        assert kernels.outwards(said, v1=False).frame is None


def test_what_is_shown_is_counted_with_its_buffers_and_unknown_parents(
    kernels: KernelScreen,
) -> None:
    widget = {"comm_id": "c1", "target_name": "jupyter.widget", "data": {}}
    said = KernelMessage(
        "iopub", {"msg_type": "comm_open"}, {"msg_id": "ab" * 30}, {}, widget, (b"x" * 400,)
    )
    shown = kernels.outwards(write_message(said, v1=True), v1=True)
    assert shown.values >= 400 // 4 + len(json.dumps(widget)) // 8
    assert isinstance(shown.frame, bytes)
    assert shown.bytes == len(shown.frame)
