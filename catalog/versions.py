"""A version on disk: salted Parquet files and a manifest, written apart and renamed in one step.

Each file holds 32 random bytes in its footer, so that its digest commits to the content without
confirming a guess. A directory under ``versions/`` that no row names is a leftover of a crash
and is removed at start.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.datasets import PUBLIC_ZONE, StoredFile
from catalog.zones.places import make_zone_home, zone_directories, zone_home
from foundation.canonical import canonical_bytes, digest, sha256_hex
from foundation.ids import new_id

SALT_BYTES = 32
SALT_KEY = b"sandgate.salt"
BATCH_ROWS = 131_072
BUILDING = ".building-"
MANIFEST = "manifest.json"
ROWS_FILE, RANKED_FILE, UNITS_FILE = "rows.parquet", "ranked.parquet", "units.parquet"
Role = Literal["rows", "bounded", "ranked", "units"]


def versions_directory(home: Path, zone: str = PUBLIC_ZONE) -> Path:
    """Return where the versions of a zone live."""
    return zone_home(home, zone) / "versions"


def version_directory(home: Path, version_id: str, zone: str = PUBLIC_ZONE) -> Path:
    """Return one version's directory, in its zone."""
    return versions_directory(home, zone) / version_id


def bounded_file(group_set: str) -> str:
    """Return the file name of a group set's bounded rows."""
    return f"bounded-{group_set}.parquet"


class VersionFolder:
    """A version under construction: seen by no one until ``reveal``."""

    def __init__(self, home: Path, zone: str = PUBLIC_ZONE) -> None:
        """Make an empty directory beside the published versions of its zone."""
        self.version_id = new_id("ver")
        make_zone_home(home, zone)
        self._published = version_directory(home, self.version_id, zone)
        self._path = versions_directory(home, zone) / f"{BUILDING}{self.version_id}"
        self._path.mkdir(mode=0o700, parents=True)
        self._files: list[StoredFile] = []

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """The files written so far."""
        return tuple(self._files)

    @contextmanager
    def table(
        self, role: Role, schema: pa.Schema, group_set: str | None = None
    ) -> Iterator[pq.ParquetWriter]:
        """Write one table, a group set's bounded rows by its name; salted, synced, digested."""
        name = bounded_file(group_set) if group_set else f"{role}.parquet"
        path = self._path / name
        salt = {SALT_KEY: secrets.token_hex(SALT_BYTES).encode()}
        with (
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            pq.ParquetWriter(file, schema.with_metadata(salt), compression="zstd") as writer,
        ):
            yield writer
        _sync(path)
        self._files.append(
            StoredFile(
                path=name,
                sha256=_file_digest(path),
                bytes=path.stat().st_size,
                role=role,
                group_set=group_set,
            )
        )

    def seal(self, facts: dict[str, object]) -> str:
        """Write the manifest; return its digest, which names this version everywhere else."""
        manifest = {
            "format": "sandgate/version@1",
            "version": self.version_id,
            "salt": secrets.token_hex(SALT_BYTES),
            "files": [file.model_dump() for file in self._files],
            **facts,
        }
        path = self._path / MANIFEST
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(canonical_bytes(manifest))
            file.flush()
            os.fsync(file.fileno())
        _sync(self._path)
        return digest(manifest)

    def reveal(self) -> None:
        """Give the directory its published name, in one step."""
        self._path.rename(self._published)
        _sync(self._published.parent)

    def discard_unpublished(self) -> None:
        """Leave nothing behind of what was not revealed; a revealed version stays."""
        shutil.rmtree(self._path, ignore_errors=True)


def remove_leftovers(home: Path, known: Collection[str]) -> list[str]:
    """Remove directories that no published version names, in any zone; return their names."""
    places = [versions_directory(home), *(path / "versions" for path in zone_directories(home))]
    found = [path for place in places if place.exists() for path in place.iterdir()]
    leftovers = [path for path in found if path.name not in known]
    for path in leftovers:
        shutil.rmtree(path)
    return sorted(path.name for path in leftovers)


def read_rows(
    version_dir: Path, columns: Sequence[str] | None = None, batch_size: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Read a version's rows in stored order: declared columns, ``_unit`` and ``_rank``."""
    return _read(version_dir / ROWS_FILE, columns, batch_size)


def read_bounded(
    version_dir: Path,
    group_set: str,
    columns: Sequence[str] | None = None,
    batch_size: int = BATCH_ROWS,
) -> Iterator[pa.RecordBatch]:
    """Read a group set's bounded rows: ``k_…`` codes, ``m_…`` clamped measures, ``first``."""
    return _read(version_dir / bounded_file(group_set), columns, batch_size)


def read_ranked(
    version_dir: Path, columns: Sequence[str] | None = None, batch_size: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Read what aggregates read: ``k_…`` codes, ``c_…`` values, ``_unit``, ``_rank``, ranks."""
    return _read(version_dir / RANKED_FILE, columns, batch_size)


def read_units(version_dir: Path, batch_size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Read each unit's ordinal with its 16-byte hash under the population's secret."""
    return _read(version_dir / UNITS_FILE, None, batch_size)


def check_files(version_dir: Path, files: Sequence[StoredFile]) -> list[str]:
    """Return the names of files that are missing or no longer have their digest."""
    return [
        file.path
        for file in files
        if not (version_dir / file.path).is_file()
        or _file_digest(version_dir / file.path) != file.sha256
    ]


def manifest_digest(version_dir: Path) -> str:
    """Return the digest of the manifest as it stands on disk."""
    return f"sha256:{sha256_hex((version_dir / MANIFEST).read_bytes())}"


def _read(path: Path, columns: Sequence[str] | None, batch_size: int) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as parquet:
        names = None if columns is None else list(columns)
        for batch in parquet.iter_batches(batch_size, columns=names, use_threads=False):
            yield batch.replace_schema_metadata(None)  # the salt stays here


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
