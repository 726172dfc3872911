"""Run inside: packs the home for the host to keep, and unpacks what the host kept.

Only plain files and directories travel: no links, devices, caches or the server's own state. The
host reads nothing of it; it caps the bytes and the time.
"""

import io
import os
import shutil
import tarfile
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, authenticated

HOME = "/home/operator"
LEFT_OUT = frozenset({".cache", ".ipynb_checkpoints", ".local", ".ipython", ".jupyter"})


class HomeHandler(APIHandler):
    """Answers the host alone: its token is the server's, and the proxy lets nobody here."""

    @authenticated
    async def get(self) -> None:
        """Send the home as a tar archive, or 413 where it is larger than asked for."""
        packed = pack(HOME, int(self.get_query_argument("bytes_max")))
        if packed is None:
            raise HTTPError(413)
        self.set_header("content-type", "application/x-tar")
        self.finish(packed)

    @authenticated
    async def put(self) -> None:
        """Unpack what the host kept."""
        unpack(self.request.body, HOME)
        self.set_status(204)
        self.finish()


def pack(home: str, bytes_max: int) -> bytes | None:
    """Return the plain files of a home in one archive; None where it would be too large."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for directory, names, files in os.walk(home):
            names[:] = sorted(name for name in names if name not in LEFT_OUT)
            for name in sorted([*names, *files]):
                path = os.path.join(directory, name)  # noqa: PTH118 - one call for each file
                if os.path.islink(path) or not (os.path.isfile(path) or os.path.isdir(path)):  # noqa: PTH112, PTH113, PTH114
                    continue
                if os.path.getsize(path) + out.tell() > bytes_max:  # noqa: PTH202
                    return None
                archive.add(path, os.path.relpath(path, home), recursive=False, filter=plain)
    packed = out.getvalue()
    return packed if len(packed) <= bytes_max else None


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who owned a file."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def unpack(packed: bytes, home: str) -> None:
    """Write an archive's plain files into a home; nothing leaves the home's directory."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:
            path = os.path.realpath(os.path.join(home, member.name))  # noqa: PTH118
            inside = path.startswith(f"{home}/")
            if not inside or path[len(home) + 1 :].split("/")[0] in LEFT_OUT:
                continue
            if member.isdir():
                os.makedirs(path, exist_ok=True)  # noqa: PTH103 - one call for each directory
            elif member.isreg() and (content := archive.extractfile(member)) is not None:
                os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
                with open(path, "wb") as file:  # noqa: PTH123
                    shutil.copyfileobj(content, file)


def handlers() -> list[tuple[str, Any]]:
    """Return what the server serves besides its own."""
    return [("/home", HomeHandler)]
