"""Reading what is to be verified: a zip or a directory becomes a map from path to bytes.

The input is hostile until proven otherwise: names twice, names that climb, and archives that
swell beyond a limit are refused as unusable.
"""

import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from audit.verify.findings import Unusable

BYTES_MAX = 8 << 30
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,  # an encrypted member, or a compression that zipfile does not know
    ValueError,
    struct.error,
)


def read_source(path: Path) -> Mapping[str, bytes]:
    """Read a bundle (zip), a kept file (zip) or a log directory."""
    if path.is_dir():
        return _read_directory(path)
    if not path.is_file():
        raise Unusable(f"找不到文件 {path.name}。", f"There is no file {path.name}.")
    return _read_zip(path)


def read_checkpoint_source(path: Path) -> Mapping[str, bytes]:
    """Read an earlier checkpoint: a signed note as text, or a zip that holds one."""
    if path.is_file() and not zipfile.is_zipfile(path):
        return {"checkpoint": path.read_bytes()}
    return read_source(path)


def text_of(data: bytes, name: str) -> str:
    """Decode UTF-8, or say which file is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unusable(f"{name} 不是 UTF-8 文本。", f"{name} is not UTF-8 text.") from error


def _read_directory(path: Path) -> Mapping[str, bytes]:
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def _read_zip(path: Path) -> Mapping[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist())
            return {item.filename: archive.read(item) for item in archive.infolist()}
    except _BROKEN as error:
        raise Unusable(
            f"{path.name} 不是完好的 zip 文件，无法核验。",
            f"{path.name} is not an intact zip file, so nothing in it can be verified.",
        ) from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    names = [item.filename for item in members]
    climbing = [name for name in names if name.startswith("/") or ".." in PurePosixPath(name).parts]
    if len(set(names)) != len(names) or climbing:
        raise Unusable(
            "压缩包内文件名重复或越界。", "The archive holds a name twice, or one that climbs out."
        )
    if sum(item.file_size for item in members) > BYTES_MAX:
        raise Unusable("压缩包展开后过大。", "The archive is too large once unpacked.")
