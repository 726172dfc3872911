"""The platform's page, the framed session and a hostile cell, in a real browser."""

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Frame, Page, sync_playwright

from sandbox.backends.interface import Endpoint
from tests.integration.session_parts import Stage, stage
from tests.parts import need_chromium, need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment, need_chromium]

ATTEMPTS = {
    "fetch": "fetch(URL + 'fetch', {mode: 'no-cors'}).catch(() => 0)",
    "image": "new Image().src = URL + 'image'",
    "beacon": "navigator.sendBeacon(URL + 'beacon', 'x')",
    "websocket": "new WebSocket(URL.replace('http', 'ws') + 'websocket')",
    "event source": "new EventSource(URL + 'events')",
    "script": "add('script', {src: URL + 'script'})",
    "stylesheet": "add('link', {rel: 'stylesheet', href: URL + 'style'})",
    "prefetch": "add('link', {rel: 'prefetch', href: URL + 'prefetch'})",
    "preconnect": "add('link', {rel: 'preconnect', href: URL})",
    "frame": "add('iframe', {src: URL + 'frame'})",
    "object": "add('object', {data: URL + 'object'})",
    "video": "add('video', {src: URL + 'video'})",
    "form": "const f = add('form', {action: URL + 'form', method: 'post'}); f.submit()",
    "window": "window.open(URL + 'window')",
    "blank link": "add('a', {href: URL + 'blank', target: '_blank'}).click()",
    "top": "try { window.top.location = URL + 'top' } catch (error) {}",
    "style import": "add('style', {textContent: `@import '${URL}import'`})",
    "service worker": "navigator.serviceWorker.register('/static/x.js').catch(() => 0)",
    "own frame": "window.location = URL + 'own'",
}
ADD = """
const add = (tag, fields) => {
  const element = Object.assign(document.createElement(tag), fields)
  document.body.append(element)
  return element
};
"""


@pytest.fixture(scope="module")
def foreign() -> Iterator[tuple[str, list[str]]]:
    """A listener on another origin, and every path it was asked for."""
    hits: list[str] = []

    class Listen(http.server.BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listen)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", hits
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Stage, Endpoint]]:
    with stage() as running:
        yield running, running.open()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser.new_page()
        browser.close()


@pytest.fixture(scope="module")
def frame(running: tuple[Stage, Endpoint], page: Page) -> Frame:
    """The session's frame, entered through the platform's page."""
    opened, endpoint = running
    page.goto(f"http://sandgate.localhost:{opened.port}/sessions/{endpoint.slot}/view")
    inner = page.frame_locator("iframe")
    inner.locator("#jp-main-dock-panel").wait_for(timeout=120_000)
    return page.frames[1]


def test_jupyterlab_is_usable_in_the_frame(frame: Frame) -> None:
    assert frame.url.endswith("/lab") or "/lab/" in frame.url
    assert frame.evaluate("document.cookie") == ""
    title = frame.evaluate("fetch('/api/status').then(answer => answer.status)")
    assert title == 200


def test_an_operator_opens_a_notebook_and_runs_a_cell(frame: Frame, page: Page) -> None:
    """As a person does it: the launcher's card, a line of code, Shift and Enter."""
    frame.locator(".jp-LauncherCard[data-category=Notebook]").first.click()
    frame.get_by_text("(Sandgate) | Idle").first.wait_for(timeout=60_000)
    frame.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.type("print(6 * 7, 'from the sandbox')")
    page.keyboard.press("Shift+Enter")
    frame.locator(".jp-OutputArea-output", has_text="42 from the sandbox").wait_for(timeout=60_000)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_hostile_script_reaches_no_other_origin(
    name: str,
    frame: Frame,
    page: Page,
    running: tuple[Stage, Endpoint],
    foreign: tuple[str, list[str]],
) -> None:
    """Run the attempt in a page of the session's origin, under its headers and its frame."""
    opened, endpoint = running
    url, hits = foreign
    inside = f"{opened.proxy.session_origin(endpoint.slot)}/api/status"
    with page.expect_response(inside):
        page.evaluate(f"document.querySelector('iframe').src = {inside!r}")
    page.wait_for_timeout(200)
    assert frame.url == inside
    code = f"const URL = {url!r}; {ADD} {ATTEMPTS[name]}"
    frame.evaluate(f"(() => {{ setTimeout(() => {{ {code} }}, 10) }})()")
    page.wait_for_timeout(400)
    assert hits == []
    assert page.url.endswith("/view")
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
