"""Reading what is to be verified: a zip or a directory is a lazy map from path to bytes.

Nothing is read before it is asked for, so that a log larger than memory can be verified. The
input is hostile until proven otherwise: names twice, names that climb, and archives that swell
beyond a limit are refused as unusable.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from audit.verify.findings import Unusable

BYTES_MAX = 64 << 30
MEMBER_BYTES_MAX = 2 << 30
NOTE_BYTES_MAX = 1 << 20
TILE_BYTES_MAX = 256 * 32
BUNDLE_BYTES_MAX = 256 * (2 + (1 << 16))
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted member, or a compression that zipfile does not know
    ValueError,
    struct.error,
)


class DirectoryFiles(Mapping[str, bytes]):
    """The files beneath a directory, read when they are asked for."""

    def __init__(self, root: Path) -> None:
        """Stand over a directory."""
        self._root = root
        self._true_root = root.resolve()

    def __getitem__(self, name: str) -> bytes:
        """Read a file. Raises KeyError where there is none, Unusable where it cannot be read."""
        path = self._root / name
        if path.exists() and not self._is_inside(path):
            raise KeyError(name)
        try:
            if path.is_file() and path.stat().st_size > _bytes_max(name):
                raise _too_large()
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyError(name) from None
        except OSError as error:
            raise Unusable(f"无法读取 {name}。", f"{name} cannot be read.") from error

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a file."""
        return isinstance(name, str) and self._is_inside(self._root / name)

    def __iter__(self) -> Iterator[str]:
        """Name every file."""
        for file in sorted(self._root.rglob("*")):
            if self._is_inside(file):
                yield file.relative_to(self._root).as_posix()

    def __len__(self) -> int:
        """Count the files."""
        return sum(1 for _ in self)

    def _is_inside(self, path: Path) -> bool:
        """Tell whether a path is a file of the directory: no pipe, no link or name that leads out.

        What lies elsewhere on the verifier's machine is no part of the evidence.
        """
        return path.is_file() and path.resolve().is_relative_to(self._true_root)


class ZipFiles(Mapping[str, bytes]):
    """The members of an archive, unpacked when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Open the archive. Raises Unusable where it is broken or its names are not safe."""
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
            members = self._archive.infolist()
        except _BROKEN as error:
            raise _broken(path) from error
        _check_members(members)
        self._members = {item.filename: item for item in members}

    def __reduce__(self) -> tuple[type["ZipFiles"], tuple[Path]]:
        """Open the archive anew in another process."""
        return ZipFiles, (self._path,)

    def __getitem__(self, name: str) -> bytes:
        """Unpack a member. Raises KeyError where there is none, Unusable where it is broken."""
        member = self._members[name]
        try:
            return self._archive.read(member)
        except _BROKEN as error:
            raise _broken(self._path) from error

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a member."""
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        """Name every member."""
        return iter(self._members)

    def __len__(self) -> int:
        """Count the members."""
        return len(self._members)


def read_source(path: Path) -> Mapping[str, bytes]:
    """Open a bundle (zip), a kept file (zip) or a log directory."""
    if path.is_dir():
        return DirectoryFiles(path)
    if not path.is_file():
        raise Unusable(f"找不到文件 {path.name}。", f"There is no file {path.name}.")
    return ZipFiles(path)


def read_checkpoint_source(path: Path) -> Mapping[str, bytes]:
    """Open an earlier checkpoint: a signed note as text, or a zip that holds one."""
    if path.is_file() and not zipfile.is_zipfile(path):
        return {"checkpoint": path.read_bytes()}
    return read_source(path)


def text_of(data: bytes, name: str) -> str:
    """Decode UTF-8, or say which file is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unusable(f"{name} 不是 UTF-8 文本。", f"{name} is not UTF-8 text.") from error


def _broken(path: Path) -> Unusable:
    return Unusable(
        f"{path.name} 不是完好的 zip 文件，无法核验。",
        f"{path.name} is not an intact zip file, so nothing in it can be verified.",
    )


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [item.filename for item in members]
    climbing = [name for name in names if name.startswith("/") or ".." in PurePosixPath(name).parts]
    if len(set(names)) != len(names) or climbing:
        raise Unusable(
            "压缩包内文件名重复或越界。", "The archive holds a name twice, or one that climbs out."
        )
    large = any(item.file_size > _bytes_max(item.filename) for item in members)
    if large or sum(item.file_size for item in members) > BYTES_MAX:
        raise _too_large()


def _bytes_max(name: str) -> int:
    """Return how many bytes a file can have: the log's own are small, whatever the log's size."""
    if name.endswith("checkpoint"):
        return NOTE_BYTES_MAX
    if name.startswith("tile/entries/"):
        return BUNDLE_BYTES_MAX
    return TILE_BYTES_MAX if name.startswith("tile/") else MEMBER_BYTES_MAX


def _too_large() -> Unusable:
    return Unusable("材料展开后过大。", "The evidence is too large once unpacked.")
