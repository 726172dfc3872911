"""The notebook's calls against the real gateway: standing, hand-ins, drafts, and giving up."""

import _thread
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.tags import EntryKind
from foundation.settings import Settings
from service.app import create_gateway
from service.session_gateway_socket import GatewaySockets
from tests.calling import SLOT, entries, in_session
from tests.city import ROWS_QUESTION, City, built_city
from tests.notebooks import ipynb
from tests.parts import REPOSITORY, SESSION_ENVIRONMENT, need_namespaces

CLIENT = REPOSITORY / "client" / "src"
if str(CLIENT) not in sys.path:
    sys.path.insert(0, str(CLIENT))

import sandgate  # noqa: E402 - the client is another distribution, found by its path
from sandgate import asking  # noqa: E402 - as above

pytestmark = need_namespaces
BY_STATE = "SELECT state, COUNT(DISTINCT unit) AS households FROM households GROUP BY state"
SLOW = """SELECT count(*) AS n FROM colleges AS a JOIN colleges AS b ON a.state <> b.state
JOIN colleges AS c ON b.degree <> c.degree JOIN colleges AS d ON c.state <> d.state"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city")
    settings = Settings(home=home, session_environment=SESSION_ENVIRONMENT)
    with built_city(home, settings=settings) as found:
        yield found


@pytest.fixture(scope="module")
def gateway(city: City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sandgate.Gateway]:
    path = str(Path(tmp_path_factory.mktemp("s")) / "g.sock")
    chosen = sandgate.language()
    sandgate.language("en")
    with in_session(city):
        sockets = GatewaySockets(create_gateway(city.platform))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            sockets.serve(SLOT, listener, os.getuid())
            yield sandgate.Gateway(path)
            sockets.close()
    sandgate.language(chosen)


def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what would stand beneath the cell."""
    shown: list[str] = []

    def show(_self: Any, text: str, _percent: int | None = None) -> None:
        shown.append(text)

    monkeypatch.setattr(asking._Line, "show", show)
    return shown


def interrupted(monkeypatch: pytest.MonkeyPatch, gateway: Any, sql: str) -> list[str]:
    """Ask, stop the kernel once the question is on its way, and return what was then shown."""
    shown = lines(monkeypatch)
    stop = threading.Timer(0.7, _thread.interrupt_main)
    # Started in the background, a run of tests would ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            gateway.sql(sql)
        stop.join()
    finally:
        signal.signal(signal.SIGINT, before)
    return shown


def test_stopping_the_kernel_gives_rows_up_and_says_so(
    city: City, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = interrupted(monkeypatch, gateway, SLOW)
    assert "nothing was answered or billed" in shown[-1]
    assert entries(city, EntryKind.ANSWER_FAILED)[-1].public["code"] == "cancelled"
    assert gateway.sql(ROWS_QUESTION).table.num_rows


def test_stopping_the_kernel_does_not_give_a_private_answer_up(
    gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Event, "wait", _stopped_once(threading.Event.wait))
    shown = lines(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        gateway.sql(BY_STATE)
    assert "fixed time" in shown[-1] or "nothing was answered" in shown[-1]
    assert gateway.sql(BY_STATE).mode == "aggregate"


def test_a_long_answer_of_rows_tells_its_progress(
    gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int | None] = []

    def show(_self: Any, _text: str, percent: int | None = None) -> None:
        seen.append(percent)
        if percent is not None:
            raise KeyboardInterrupt

    monkeypatch.setattr(asking._Line, "show", show)
    with pytest.raises(KeyboardInterrupt):
        gateway.sql(SLOW)
    assert any(percent is not None for percent in seen)


def test_refusals_of_the_new_calls_are_readable(gateway: Any, tmp_path: Path) -> None:
    notebook = tmp_path / "n.ipynb"
    notebook.write_text("{}")
    with pytest.raises(sandgate.Refused) as caught:
        gateway.submit_notebook(notebook)
    assert "notebook" in caught.value.plain()
    assert caught.value.way_out
    bad = tmp_path / "n.exe"
    bad.write_bytes(b"MZ")
    calls: list[Callable[[], object]] = [
        lambda: gateway.hand_in(bad),
        lambda: gateway.request_package("no such name!", "1", "x"),
        lambda: gateway.draft("标题", "Title").add_answer("ans_x", "No Such.exe"),
    ]
    for call in calls:
        with pytest.raises(sandgate.Refused) as caught:
            call()
        assert caught.value.field
        assert caught.value.message


def test_the_session_says_where_it_stands(gateway: Any) -> None:
    status = gateway.status()
    assert (status.mode, status.licence_days_left > 0) == ("production", True)
    for word in ("Mode", "Licence", "Spent here", "Privacy budget left"):
        assert word in status.plain()
        assert word in status.html()


@pytest.mark.skipif(not SESSION_ENVIRONMENT.exists(), reason="no session environment here")
def test_each_answer_names_the_environment_that_is_listed(gateway: Any) -> None:
    environment = gateway.environment()
    assert environment.digest.startswith("sha256:")
    assert "pandas" in environment.packages
    assert "pandas" in environment.html()
    answer = gateway.sql(f"{ROWS_QUESTION} LIMIT 1")
    assert answer.environment_digest == environment.digest == answer.facts()["environment_digest"]
    asked = gateway.request_package("chartlib", "1.0", "to draw")
    assert "chartlib 1.0" in asked.plain()


def test_a_notebook_is_handed_in_for_review(gateway: Any, tmp_path: Path) -> None:
    if not SESSION_ENVIRONMENT.exists():
        pytest.skip("no session environment here")
    path = tmp_path / "n.ipynb"
    path.write_text(ipynb("1 + 1"), encoding="utf-8")
    assert "submitted" in gateway.submit_notebook(path).plain()


def test_a_release_is_put_together_checked_and_shown_row_by_row(gateway: Any) -> None:
    answer = gateway.sql(BY_STATE)
    draft = gateway.draft("住户表", "Households", context="a check of the desk")
    with pytest.raises(ValueError, match="no file"):
        draft.add_figure("f.png", data="households.csv", x="state", y="households")
    draft.add_answer(answer, "households.csv").add_answer(answer, "again.parquet")
    draft.remove("again.parquet").comment("Thank you.")
    assert draft.comments()[-1]["comment"] == "Thank you."
    assert draft.state == "draft"
    draft.submit()
    assert draft.findings
    words = draft.html()
    assert "households.csv" in words
    assert str(draft.findings[0]["check"]) in words
    assert draft.check().state == draft.state
    assert draft.withdraw("no longer needed").state == "withdrawn"


def _stopped_once(wait: Any) -> Any:
    """Stop the kernel at the first wait of the main thread for an answer."""
    told: list[int] = []

    def stopped(self: Any, timeout: float | None = None) -> Any:
        main = threading.current_thread() is threading.main_thread()
        if main and timeout == asking.FIRST_LOOK_SECONDS and not told:
            told.append(1)
            wait(self, 0.3)
            raise KeyboardInterrupt
        return wait(self, timeout)

    return stopped
