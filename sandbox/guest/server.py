"""Run inside: JupyterLab's server on an inherited listening socket, and one kernel kept warm.

The socket has no path inside, so nothing in here can swap it. No network, terminals, language
servers or news; kernels speak ZeroMQ over Unix sockets. Arguments: the socket's descriptor, and
``handed`` where it brings connections that the host accepted (another kernel cannot listen on it).
"""

import asyncio
import json
import os
import socket
import sys
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import authenticated
from traitlets.config import Config

sys.path.append("/opt/guest")  # python -I leaves it out; what lies there is ours

import homes

HOME = "/home/operator"
LAB_SETTINGS = "/run/lab-settings"
WARM_PATH = "/warm"
WARM_SECONDS_MAX = 60
HIDDEN_EXTENSIONS = {
    "jupyter_lsp": False,
    "jupyter_server_terminals": False,
    "notebook_shim": False,
    "jupyterlab": True,
}
DISABLED_IN_THE_PAGE = [
    "@jupyterlab/filebrowser-extension:download",
    "@jupyterlab/docmanager-extension:download",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/terminal-extension",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/notebook-extension:language-server",
]


class WarmKernels(AsyncMappingKernelManager):
    """Starts one kernel at boot and gives it to whoever first asks for the default one."""

    _warm: "asyncio.Task[str] | None" = None

    def warm(self) -> None:
        """Begin starting the kernel that the first request will get."""
        self._warm = asyncio.ensure_future(super().start_kernel())

    async def warmed(self, modules: list[str]) -> bool:
        """Wait until the warm kernel answers; import modules in it, leaving no name and no cell.

        Stops importing as soon as somebody was given the kernel, who must not wait.
        """
        if self._warm is None:
            return False
        kernel = self.get_kernel(await asyncio.shield(self._warm))
        client = kernel.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=WARM_SECONDS_MAX)
            for module in modules:
                if self._warm is None:
                    return False
                code = f"__import__({module!r})"
                await client.execute_interactive(
                    code, silent=True, store_history=False, output_hook=_unseen
                )
        finally:
            client.stop_channels()
        return True

    async def start_kernel(self, *, kernel_id: Any = None, path: Any = None, **options: Any) -> str:
        """Hand over the warm kernel once, else start another."""
        default = options.get("kernel_name") in {None, "", self.default_kernel_name}
        if self._warm is not None and kernel_id is None and default and self._at_home(path):
            warm, self._warm = self._warm, None
            return await warm
        return await super().start_kernel(kernel_id=kernel_id, path=path, **options)

    def _at_home(self, path: Any) -> bool:
        return path is None or os.path.realpath(self.cwd_for_path(path)) == HOME


def _unseen(_message: Any) -> None:
    """Show nothing of an import, not even that it failed: a cell's own import will say so."""


class Warmth(APIHandler):
    """Answers the host when the warm kernel is ready: ``/warm?import=pandas&import=pyarrow``."""

    @authenticated
    async def get(self) -> None:
        """Answer 204 once warm; 409 where somebody has the kernel already."""
        warm = await self.kernel_manager.warmed(self.get_arguments("import"))
        self.set_status(204 if warm else 409)
        self.finish()


class HandedConnections(socket.socket):
    """Stands where a listening socket would: each message on it carries one accepted connection."""

    def accept(self) -> tuple[socket.socket, str]:
        """Return the next connection. Raises BlockingIOError where none waits."""
        told, descriptors, _flags, _address = socket.recv_fds(self, 1, 1)
        if not told:
            os._exit(0)  # the host is gone, and with it whoever could ask
        if not descriptors:
            raise ConnectionAbortedError
        return socket.socket(fileno=descriptors[0]), ""


def listener_of(arguments: list[str]) -> socket.socket:
    """Return what the server accepts from, as the arguments say."""
    kind = HandedConnections if arguments[1:] == ["handed"] else socket.socket
    listener = kind(fileno=int(arguments[0]))
    listener.setblocking(False)
    return listener


class SessionServer(ServerApp):
    """A server that listens on what it inherited and nowhere else."""

    listener: socket.socket

    def _bind_http_server(self) -> None:
        self.http_server.add_socket(self.listener)
        self.kernel_manager.warm()


def first_settings() -> str:
    """Let JupyterLab begin in the operator's language; they may choose another."""
    chinese = os.environ.get("SANDGATE_LANGUAGE", "zh").lower().startswith("zh")
    wanted = {"@jupyterlab/translation-extension:plugin": {"locale": "zh_CN"}} if chinese else {}
    os.makedirs(LAB_SETTINGS, exist_ok=True)  # noqa: PTH103 - one call, before anything is served
    with open(f"{LAB_SETTINGS}/overrides.json", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(wanted, file)
    return LAB_SETTINGS


def configuration(token: str) -> Config:
    """Return the whole configuration; nothing is read from files."""
    config = Config()
    config.ServerApp = Config(
        ip="127.0.0.1",  # the default would probe with a TCP socket
        sock="/run/unused.sock",  # the default would search for a free port
        base_url="/",
        default_url="/lab",
        root_dir=HOME,
        allow_root=True,
        allow_remote_access=True,
        open_browser=False,
        terminals_enabled=False,
        jpserver_extensions=HIDDEN_EXTENSIONS,
        kernel_manager_class=WarmKernels,
    )
    config.IdentityProvider.token = token
    config.ZMQChannelsWebsocketConnection.iopub_data_rate_limit = 32 << 20
    config.KernelManager.transport = "ipc"
    config.MultiKernelManager.default_kernel_name = "python3"
    config.KernelSpecManager.ensure_native_kernel = False
    config.KernelSpecManager.allowed_kernelspecs = {"python3"}
    config.FileContentsManager.delete_to_trash = False
    config.LabApp.news_url = None
    config.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
    config.LabApp.extension_manager = "readonly"
    config.LabApp.workspaces_dir = f"{HOME}/.jupyter/lab/workspaces"
    config.LabApp.app_settings_dir = first_settings()
    config.LabApp.user_settings_dir = f"{HOME}/.jupyter/lab/user-settings"
    return config


def without_downloads(_handler: Any, page: dict[str, Any]) -> dict[str, Any]:
    """Hide what the proxy refuses anyway, and keep the server's token out of the page."""
    disabled = [*page.get("disabledExtensions", []), *DISABLED_IN_THE_PAGE]
    quiet = {"token": "", "buildCheck": False, "buildAvailable": False}
    return {**page, **quiet, "disabledExtensions": sorted(set(disabled))}


def main() -> None:
    """Serve until killed."""
    for output in (1, 2):  # gVisor hands the host's pipe in as one that refuses when it is full
        os.set_blocking(output, True)
    token = os.environ.pop("SANDBOX_UI_TOKEN")
    server = SessionServer.instance(config=configuration(token))
    server.listener = listener_of(sys.argv[1:])
    server.initialize(argv=[])
    server.web_app.settings["page_config_hook"] = without_downloads
    server.web_app.add_handlers(".*", [(WARM_PATH, Warmth), *homes.handlers()])
    server.start()


if __name__ == "__main__":
    main()
