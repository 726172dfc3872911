"""Work outlives its session in a real sandbox: packed inside, sealed outside, brought back."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from foundation.errors import Unavailable
from sandbox.backends.interface import Endpoint
from sandbox.homes.moving import fetch_home, give_home
from tests.integration.session_parts import Stage, stage
from tests.parts import need_namespaces, need_session_environment

pytestmark = [need_namespaces, need_session_environment]
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def running() -> Iterator[Stage]:
    with stage() as running:
        yield running


@pytest.fixture(scope="module")
def endpoint(running: Stage) -> Endpoint:
    return running.open()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for member, content in members:
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return out.getvalue()


def names(packed: bytes) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as file:
        found = {}
        for member in file:
            content = file.extractfile(member)
            found[member.name] = None if content is None else content.read()
        return found


def linked(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_what_is_too_large_is_not_taken(endpoint: Endpoint) -> None:
    give_home(endpoint, archive((tarfile.TarInfo("large.bin"), b"x" * MEBIBYTE)), seconds_max=10)
    with pytest.raises(Unavailable):
        fetch_home(endpoint, bytes_max=MEBIBYTE // 2, seconds_max=10)


def test_plain_files_travel_and_nothing_else(running: Stage, endpoint: Endpoint) -> None:
    kept = archive(
        (tarfile.TarInfo("work/note.md"), "区县".encode()),
        (linked("passwd", "/etc/passwd"), b""),
        (tarfile.TarInfo("../../tmp/outside"), b"x"),
        (tarfile.TarInfo("/home/other"), b"x"),
        (tarfile.TarInfo("large.bin"), b""),
    )
    give_home(endpoint, kept, seconds_max=10)
    packed = fetch_home(endpoint, bytes_max=MEBIBYTE, seconds_max=10)
    assert names(packed) == {"large.bin": b"", "work": None, "work/note.md": "区县".encode()}
    other = running.open()
    give_home(other, packed, seconds_max=10)
    again = fetch_home(other, bytes_max=MEBIBYTE, seconds_max=10)
    assert names(again)["work/note.md"] == "区县".encode()


def test_the_browser_reaches_neither_home_nor_warmth(running: Stage, endpoint: Endpoint) -> None:
    with running.enter(endpoint.slot) as browser:
        for path in ("/home?bytes_max=9", "/warm", "/home/"):
            assert browser.request("GET", path).status_code == 403
