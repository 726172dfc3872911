"""The platform's page, the framed session and a hostile cell, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Frame, Page

from sandbox.backends.interface import Endpoint
from tests.attacks.browser_attempts import (
    ATTEMPTS,
    CELLS,
    PREAMBLE,
    attempt,
    chromium,
    enter,
    foreign_listener,
    open_notebook,
    run_cell,
)
from tests.integration.session_parts import Stage, stage
from tests.parts import need_chromium, need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment, need_chromium]
CHART = (
    "import pandas as pd; from IPython.display import display; "
    "frame = pd.DataFrame({'x': [1, 2], 'y': [2, 1]}); "
    "display({'application/vnd.vegalite.v5+json': {'mark': 'bar', "
    "'data': {'values': frame.to_dict('records')}, 'encoding': {'x': {'field': 'x'}, "
    "'y': {'field': 'y'}}}, 'text/plain': 'chart'}, raw=True)"
)
"""As the client's own charts are shown."""


@pytest.fixture(scope="module")
def foreign() -> Iterator[tuple[str, list[str]]]:
    with foreign_listener() as listening:
        yield listening


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Stage, Endpoint]]:
    with stage() as running:
        yield running, running.open()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1_280, "height": 900})


@pytest.fixture(scope="module")
def frame(running: tuple[Stage, Endpoint], page: Page) -> Frame:
    """The session's frame, entered through the platform's page."""
    return enter(page, *running)


def test_jupyterlab_is_usable_in_the_frame(frame: Frame) -> None:
    assert frame.url.endswith("/lab") or "/lab/" in frame.url
    assert frame.evaluate("document.cookie") == ""
    title = frame.evaluate("fetch('/api/status').then(answer => answer.status)")
    assert title == 200


def test_an_operator_opens_a_notebook_and_sees_tables_and_charts(frame: Frame, page: Page) -> None:
    """As a person does it: the launcher's card, a line of code, Shift and Enter."""
    open_notebook(frame)
    run_cell(page, "print(6 * 7, 'from the sandbox')")
    shown = frame.locator(".jp-OutputArea-output")
    shown.filter(has_text="42 from the sandbox").wait_for(timeout=60_000)
    run_cell(page, CHART)
    frame.locator(".jp-OutputArea-output canvas, .jp-OutputArea-output svg").first.wait_for(
        timeout=60_000
    )
    run_cell(page, "frame")
    frame.locator(".jp-OutputArea-output table.dataframe").wait_for(timeout=60_000)


def test_what_cells_display_reaches_no_other_origin(
    frame: Frame, page: Page, foreign: tuple[str, list[str]]
) -> None:
    url, hits = foreign
    run_cell(page, PREAMBLE)
    for code in CELLS.values():
        run_cell(page, code.format(url=url))
    frame.get_by_text("Active content").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1_500)
    assert hits == []


def test_the_watermark_names_person_and_minute_and_the_frame_cannot_remove_it(
    frame: Frame, page: Page
) -> None:
    marks = page.locator("[data-mark]")
    assert marks.count() > 40
    assert "王小明 (p1) · 20" in str(marks.first.text_content())
    over = page.locator(".over").evaluate("one => getComputedStyle(one).pointerEvents")
    assert over == "none"
    for code in ("window.parent.document.body.innerHTML = ''", "window.top.location = '/lab'"):
        assert (
            frame.evaluate(f"(() => {{ try {{ {code} }} catch (error) {{ return 'no' }} }})()")
            == "no"
        )
    assert marks.count() > 40


@pytest.mark.parametrize("name", ATTEMPTS)
def test_hostile_script_reaches_no_other_origin(
    name: str,
    frame: Frame,
    page: Page,
    running: tuple[Stage, Endpoint],
    foreign: tuple[str, list[str]],
) -> None:
    url, hits = foreign
    assert attempt(page, *running, url, name) is frame
    assert hits == []
    assert page.url.endswith("/view?language=zh")
    assert len(page.context.pages) == 1


def test_there_are_enough_attempts() -> None:
    assert len(ATTEMPTS) >= 17


def test_the_same_listener_is_reached_without_our_headers(
    page: Page, foreign: tuple[str, list[str]]
) -> None:
    url, hits = foreign
    page.goto(f"{url}control")
    page.evaluate(f"fetch({url!r} + 'fetched')")
    page.wait_for_timeout(500)
    assert {"/control", "/fetched"} <= set(hits)


def test_a_session_opened_as_a_tab_is_refused(running: tuple[Stage, Endpoint], page: Page) -> None:
    opened, endpoint = running
    answer = page.goto(opened.proxy.session_origin(endpoint.slot) + "/lab")
    assert answer is not None
    assert answer.status in {403, 404}
