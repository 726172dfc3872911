"""Random requests for the proxy, and what the session's own server would make of those let through.

The oracle is Tornado's routing inside the real server (``proxy_routing.py``), so that a path which
the proxy and the server read differently shows as a handler that nobody meant to open.
"""

import json
import random  # noqa: TID251 - a seeded generator
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from foundation.errors import Denied
from sandbox.proxy_rules import Asked, check_request
from service.session_assets import SessionAssets
from tests.attacks.test_proxy_paths import ALLOWED, DENIED, ORIGIN
from tests.parts import SESSION_ENVIRONMENT

ROUTING = Path(__file__).with_name("proxy_routing.py")
_SERVICES = "jupyter_server.services."
_NOWHERE = frozenset(
    {
        "",
        "jupyter_server.base.handlers.Template404",
        "jupyterlab_server.handlers.NotFoundHandler",
        "jupyter_server.base.handlers.APIVersionHandler",
        "jupyter_server.base.handlers.TrailingSlashHandler",
    }
)
OPENED = _NOWHERE | {
    f"{_SERVICES}api.handlers.APIStatusHandler",
    f"{_SERVICES}api.handlers.IdentityHandler",
    f"{_SERVICES}config.handlers.ConfigHandler",
    f"{_SERVICES}contents.handlers.ContentsHandler",
    f"{_SERVICES}contents.handlers.CheckpointsHandler",
    f"{_SERVICES}contents.handlers.ModifyCheckpointsHandler",
    f"{_SERVICES}events.handlers.SubscribeWebsocket",
    f"{_SERVICES}kernels.handlers.KernelActionHandler",
    f"{_SERVICES}kernels.handlers.KernelHandler",
    f"{_SERVICES}kernels.handlers.MainKernelHandler",
    f"{_SERVICES}kernels.websocket.KernelWebsocketHandler",
    f"{_SERVICES}kernelspecs.handlers.KernelSpecHandler",
    f"{_SERVICES}kernelspecs.handlers.MainKernelSpecHandler",
    f"{_SERVICES}sessions.handlers.SessionHandler",
    f"{_SERVICES}sessions.handlers.SessionRootHandler",
    "jupyterlab_server.listings_handler.ListingsHandler",
    "jupyterlab_server.settings_handler.SettingsHandler",
    "jupyterlab_server.translations_handler.TranslationsHandler",
    "jupyterlab_server.workspaces_handler.WorkspacesHandler",
}
"""The handlers that pages need. Each other one is denied, whatever the path looks like."""
SHUT = (
    *("/files/x", "/view/x.html", "/nbconvert/html/x.ipynb", "/login", "/logout", "/metrics"),
    *("/api/shutdown", "/lab/api/extensions", "/lab/api/build", "/api/contents/x/trust"),
)
"""Doors of the real server that must stay shut: the oracle has to name a handler for each."""
METHODS = (
    *("GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "WEBSOCKET"),
    *("OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "G\u0130T", ""),
)
_PIECES = (
    *("/", "//", "/./", "/../", "..", ".", ";", "\\", "?", "#", "%", "@", ":", "~", "*", "|"),
    *("%2f", "%2F", "%5c", "%2e", "%2e%2e", "%252f", "%252e", "%00", "%0d%0a", "%09", "%20"),
    *("%c0%af", "%c0%ae", "%e0%80%af", "%ef%bc%8f", "%e2%81%84", "\u2215", "\uff0f", "\u202e"),
    *("files", "view", "nbconvert", "terminals", "metrics", "logout", "login", "custom", "lsp"),
    *("api", "lab", "contents", "kernels", "sessions", "checkpoints", "trust", "channels", "tree"),
    *("extensions", "build", "news", "shutdown", "spec.yaml", "security", "csp-report", "static"),
)
_QUERIES = (
    "",
    "",
    "",
    "content=1",
    "download=1",
    "format=base64",
    "token=x",
    "type=file&content=1",
)


@dataclass(frozen=True)
class Reached:
    """One request that the proxy let through to the session, and where it ended there."""

    method: str
    sent: str
    target: str
    handler: str

    @property
    def denied(self) -> bool:
        """Whether it ended in a handler that is not open."""
        return self.handler not in OPENED


def random_requests(count: int, seed: int) -> list[tuple[str, bytes, bytes]]:
    """Return requests grown from known paths by cutting, joining, inserting and encoding."""
    chance = random.Random(seed)
    known = [path for _method, path, _query in (*ALLOWED, *DENIED) if len(path) < 200]
    return [
        (
            chance.choice(METHODS),
            _random_path(chance, known).encode("utf-8", "replace"),
            chance.choice(_QUERIES).encode(),
        )
        for _ in range(count)
    ]


def listed_requests() -> list[tuple[str, bytes, bytes]]:
    """Return the odd and encoded paths that are listed by hand."""
    return [(method, path.encode(), query.encode()) for method, path, query in DENIED]


def reached(*groups: Sequence[tuple[str, bytes, bytes]]) -> list[list[Reached]]:
    """Return, of each group, where those that the proxy lets through end in the session's server.

    One server answers for all groups.
    """
    through = [
        [passed for one in group if (passed := _through(*one)) is not None] for group in groups
    ]
    lines = [
        ("GET" if method == "WEBSOCKET" else method, target)
        for group in through
        for method, _sent, target in group
    ]
    handlers = iter(routed([*lines, *(("GET", path) for path in SHUT)]))
    found = [[Reached(*one, next(handlers)) for one in group] for group in through]
    missed = [path for path, handler in zip(SHUT, handlers, strict=True) if handler in OPENED]
    if missed:
        raise AssertionError(f"the oracle does not know the doors that are shut: {missed}")
    return found


def routed(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Ask Tornado for the handler of each method and target."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile("w+") as asked:
        places = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        asked.writelines(f"{json.dumps(line)}\n" for line in lines)
        asked.seek(0)
        answered = subprocess.run(
            [str(SESSION_ENVIRONMENT / "bin" / "python"), "-I", str(ROUTING)],
            stdin=asked,
            cwd=home,
            env=dict.fromkeys(places, home),
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    return [str(json.loads(line)) for line in answered.stdout.splitlines()]


def _through(method: str, raw_path: bytes, raw_query: bytes) -> tuple[str, str, str] | None:
    """Return what the session would be asked; None where the host refuses or answers itself."""
    try:
        path, query = check_request(Asked(method, raw_path, raw_query, {"origin": ORIGIN}), ORIGIN)
    except Denied:
        return None
    if path == "/" or SessionAssets(SESSION_ENVIRONMENT).serves(path):
        return None
    target = quote(path, safe="/@:") + (f"?{query}" if query else "")
    return method, raw_path.decode("utf-8", "replace"), target


def _random_path(chance: random.Random, known: Sequence[str]) -> str:
    path = chance.choice(known)
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(path) + 1)
        move = chance.randrange(5)
        if move == 0:
            path = path[:place] + chance.choice(_PIECES) + path[place:]
        elif move == 1:
            path = path[:place] + chance.choice(known)[chance.randrange(8) :]
        elif move == 2 and place < len(path):
            path = path[:place] + f"%{ord(path[place]) % 256:02x}" + path[place + 1 :]
        elif move == 3 and place < len(path):
            path = path[:place] + f"%25{ord(path[place]) % 256:02x}" + path[place + 1 :]
        else:
            path = path[:place].swapcase() + path[place:]
    return path
