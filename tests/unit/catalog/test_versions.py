import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.versions import (
    MANIFEST,
    SALT_KEY,
    Role,
    VersionFolder,
    check_files,
    manifest_digest,
    read_bounded,
    read_ranked,
    read_rows,
    read_units,
    remove_leftovers,
    version_directory,
)

ROWS = pa.table({"a": pa.array([1, 2], pa.int64())})
TABLES: tuple[tuple[Role, str | None], ...] = (
    ("rows", None),
    ("units", None),
    ("ranked", None),
    ("bounded", "by_state"),
)
FILES = ["bounded-by_state.parquet", "ranked.parquet", "rows.parquet", "units.parquet"]


def _built(home: Path) -> tuple[VersionFolder, str]:
    folder = VersionFolder(home)
    for role, group_set in TABLES:
        with folder.table(role, ROWS.schema, group_set) as writer:
            writer.write_table(ROWS)
    return folder, folder.seal({"dataset": "ds", "row_count": 2})


def test_equal_content_never_has_equal_digests(tmp_path: Path) -> None:
    (first, first_digest), (second, second_digest) = _built(tmp_path), _built(tmp_path)
    digests = {file.sha256 for file in (*first.files, *second.files)}
    assert len(digests) == 8
    assert first_digest != second_digest


def test_nothing_is_seen_before_the_version_is_revealed(tmp_path: Path) -> None:
    folder, _ = _built(tmp_path)
    assert not version_directory(tmp_path, folder.version_id).exists()
    folder.reveal()
    folder.discard_unpublished()
    assert sorted(
        path.name for path in version_directory(tmp_path, folder.version_id).iterdir()
    ) == sorted([*FILES, MANIFEST])
    assert [(file.path, file.role, file.group_set) for file in folder.files] == [
        ("rows.parquet", "rows", None),
        ("units.parquet", "units", None),
        ("ranked.parquet", "ranked", None),
        ("bounded-by_state.parquet", "bounded", "by_state"),
    ]


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    folder, _ = _built(tmp_path)
    folder.discard_unpublished()
    assert list((tmp_path / "versions").iterdir()) == []


def test_leftovers_of_a_crash_are_removed_and_published_versions_stay(tmp_path: Path) -> None:
    kept, _ = _built(tmp_path)
    kept.reveal()
    half, _ = _built(tmp_path)
    unrecorded, _ = _built(tmp_path)
    unrecorded.reveal()
    assert len(remove_leftovers(tmp_path, {kept.version_id})) == 2
    assert [path.name for path in (tmp_path / "versions").iterdir()] == [kept.version_id]
    assert half.version_id != kept.version_id
    assert remove_leftovers(tmp_path / "nowhere", set()) == []


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder, digest = _built(tmp_path)
    folder.reveal()
    directory = version_directory(tmp_path, folder.version_id)
    assert check_files(directory, folder.files) == []
    assert manifest_digest(directory) == digest
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(content)
    assert check_files(directory, folder.files) == [name]
    (directory / name).unlink()
    assert check_files(directory, folder.files) == [name]


def test_only_the_owner_may_read_and_the_salt_stays_in_the_file(tmp_path: Path) -> None:
    folder, _ = _built(tmp_path)
    folder.reveal()
    directory = version_directory(tmp_path, folder.version_id)
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    metadata = pq.read_schema(directory / "rows.parquet").metadata
    assert len(bytes.fromhex(metadata[SALT_KEY].decode())) == 32
    for batch in (
        *read_rows(directory, ["a"]),
        *read_bounded(directory, "by_state"),
        *read_ranked(directory),
        *read_units(directory),
    ):
        assert batch.schema.metadata is None
        assert batch.column("a").to_pylist() == [1, 2]
