"""JupyterLab's page, scripts, styles and fonts, served by the host from the session environment.

None of it comes from the sandbox, which answers with JSON alone: so no script of an operator's own
making ever runs in the page. Only files of known kinds beneath four folders are served, by name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from starlette.responses import Response

from foundation.errors import Message, NotFound, Unavailable

KEPT = "public, max-age=31536000, immutable"
NOT_KEPT = "no-store"
_KINDS: Mapping[str, str] = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".ico": "image/x-icon",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".ttf": "font/ttf",
    ".eot": "application/vnd.ms-fontobject",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
}
_PAGE_PATH = re.compile(r"^/lab(?:/workspaces/([0-9A-Za-z-]{1,64}))?(?:/tree(?:/(.*))?)?$")
_MAIN = re.compile(r"main\.[0-9a-f]{8,40}\.js\?v=[0-9a-f]{8,40}")
DISABLED = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/docmanager-extension:download",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/filebrowser-extension:download",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:export",
    "@jupyterlab/notebook-extension:language-server",
    "@jupyterlab/terminal-extension",
)
"""Extensions of the page whose doors are shut anyway: downloads, terminals, managers, servers."""
_TEMPLATE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>JupyterLab</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<script id="jupyter-config-data" type="application/json">{config}</script>
<link rel="icon" type="image/x-icon" href="/static/favicons/favicon.ico" class="idle favicon">
<link rel="" type="image/x-icon" href="/static/favicons/favicon-busy-1.ico" class="busy favicon">
<script defer src="/static/lab/{main}"></script>
</head><body class="jp-ThemedContainer"></body></html>
"""


class SessionAssets:
    """The files of one session environment; it does not change while the service runs."""

    def __init__(self, environment: Path, language: str = "zh") -> None:
        """Read nothing yet. ``language`` is the page's own; an operator may change it."""
        self._environment = environment
        self._language = language
        self._kept: dict[str, tuple[bytes, str]] = {}
        self._config: dict[str, Any] | None = None
        self._main = ""

    def serves(self, path: str) -> bool:
        """Tell whether a decoded path is the host's to answer."""
        page = _PAGE_PATH.match(path) is not None
        return page or path == "/favicon.ico" or any(path.startswith(one) for one in self._roots())

    def answer(self, path: str) -> Response:
        """Answer a decoded path. Raises NotFound; Unavailable where the environment is not whole.

        Blocks while it reads a file for the first time.
        """
        page = _PAGE_PATH.match(path)
        if page is not None:
            return self._page(page[1], page[2] or "")
        content, kind = self._file("/static/favicon.ico" if path == "/favicon.ico" else path)
        return Response(content, media_type=kind, headers={"cache-control": KEPT})

    def _roots(self) -> dict[str, Path]:
        share = self._environment / "share" / "jupyter"
        return {
            "/static/lab/": share / "lab" / "static",
            "/lab/extensions/": share / "labextensions",
            "/lab/api/themes/": share / "lab" / "themes",
            "/static/": self._environment / "server-static",
        }

    def _file(self, path: str) -> tuple[bytes, str]:
        held = self._kept.get(path)
        if held is None:
            found = self._found(path)
            kind = _KINDS.get(found.suffix.lower())
            if kind is None:
                raise _no_such_file()
            held = self._kept[path] = (found.read_bytes(), kind)
        return held

    def _found(self, path: str) -> Path:
        """Return the file behind a path: a real one, beneath its own folder, whatever links say."""
        prefix, root = next(
            ((prefix, root) for prefix, root in self._roots().items() if path.startswith(prefix)),
            (None, None),
        )
        if prefix is None or root is None:
            raise _no_such_file()
        if prefix == "/static/":
            root = self._server_static()
        try:
            whole = root.resolve(strict=True)
            found = (whole / path.removeprefix(prefix)).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            raise _no_such_file() from None
        if not found.is_relative_to(whole) or not found.is_file():
            raise _no_such_file()
        return found

    def _server_static(self) -> Path:
        libraries = sorted((self._environment / "lib").glob("python3*/site-packages"))
        return (libraries[0] if libraries else self._environment) / "jupyter_server" / "static"

    def _page(self, workspace: str | None, tree: str) -> Response:
        if self._config is None:
            self._config, self._main = self._configuration(), self._main_script()
        config = {**self._config, "treePath": tree, "workspace": workspace or "default"}
        shown = _TEMPLATE.format(
            language=escape(self._language),
            config=json.dumps(config).replace("<", "\\u003c"),
            main=self._main,
        )
        headers = {"cache-control": NOT_KEPT}
        return Response(shown, media_type="text/html; charset=utf-8", headers=headers)

    def _main_script(self) -> str:
        index = self._environment / "share" / "jupyter" / "lab" / "static" / "index.html"
        try:
            found = _MAIN.search(index.read_text(encoding="utf-8"))
        except OSError:
            found = None
        if found is None:
            raise Unavailable(
                "session_environment",
                Message("会话环境不完整。", "The session environment is not whole."),
            )
        return found[0]

    def _configuration(self) -> dict[str, Any]:
        """Return what the page needs to know; no path of host or sandbox is in it."""
        return {
            "appName": "JupyterLab",
            "appNamespace": "lab",
            "appUrl": "/lab",
            "baseUrl": "/",
            "wsUrl": "",
            "buildAvailable": False,
            "buildCheck": False,
            "cacheFiles": False,
            "copyAbsolutePath": False,
            "delete_to_trash": False,
            "devMode": False,
            "disabledExtensions": list(DISABLED),
            "exposeAppInBrowser": False,
            "extensionManager": {"can_install": False, "install_path": "", "name": "read-only"},
            "federated_extensions": list(self._extensions()),
            "fullAppUrl": "/lab",
            "fullLabextensionsUrl": "/lab/extensions",
            "fullListingsUrl": "/lab/api/listings",
            "fullMathjaxUrl": "",
            "fullSettingsUrl": "/lab/api/settings",
            "fullStaticUrl": "/static/lab",
            "fullThemesUrl": "/lab/api/themes",
            "fullTranslationsApiUrl": "/lab/api/translations",
            "fullTreeUrl": "/lab/tree",
            "fullWorkspacesApiUrl": "/lab/api/workspaces",
            "ignorePlugins": [],
            "labextensionsUrl": "/lab/extensions",
            "listingsUrl": "/lab/api/listings",
            "mode": "multiple-document",
            "news": {"disabled": True},
            "notebookStartsKernel": True,
            "notebookVersion": "[2, 21, 1]",
            "preferredPath": "/",
            "quitButton": False,
            "settingsUrl": "/lab/api/settings",
            "store_id": 0,
            "terminalsAvailable": False,
            "themesUrl": "/lab/api/themes",
            "token": "",
            "translationsApiUrl": "/lab/api/translations",
            "treeUrl": "/lab/tree",
            "workspacesApiUrl": "/lab/api/workspaces",
        }

    def _extensions(self) -> Iterator[dict[str, Any]]:
        """Name the extensions that were installed into the environment, as JupyterLab does."""
        root = self._environment / "share" / "jupyter" / "labextensions"
        for described in sorted([*root.glob("*/package.json"), *root.glob("@*/*/package.json")]):
            package = json.loads(described.read_text(encoding="utf-8"))
            built = package.get("jupyterlab", {}).get("_build")
            if isinstance(built, dict) and "load" in built:
                yield {
                    "name": package["name"],
                    "load": built["load"],
                    **{
                        key: built[key]
                        for key in ("extension", "mimeExtension", "style")
                        if key in built
                    },
                }


def _no_such_file() -> NotFound:
    return NotFound("asset_unknown", Message("没有这个文件。", "There is no such file."))
