"""How an extract is built fast says nothing: same key and rows, same extract; a failure, none."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.documents import AccessMode, Grant
from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, Grade
from disclosure.extracts import BuildLimits, Extract, build_extract, files, open_extract
from disclosure.extracts import plan_extract as planned
from disclosure.extracts.order import RowTagger
from disclosure.extracts.scatter import TAG, sorted_by_tag
from foundation.errors import Unavailable
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.masks import MaskRules

RULES = load_policies().rules(MaskRules)
ROWS = 30_000
SMALL = BuildLimits(held_bytes_max=200_000)
TYPES = {"id": ColumnType.INTEGER, "kind": ColumnType.TEXT, "drift": ColumnType.TEXT}
BASE = DatasetDeclaration(
    name="base",
    entry="ent_x",
    label_zh="x",
    label_en="x",
    subject="open",
    columns=tuple(
        Column(
            name=name,
            type=kind,
            label_zh=name,
            label_en=name,
            grade=Grade.L1,
            exposure=Exposure.ROWS,
        )
        for name, kind in TYPES.items()
    ),
)
PLAN = planned(BASE, Grant(dataset="base", modes=(AccessMode.ROWS,), columns=tuple(TYPES)), RULES)
KINDS = ("north", "south", None, "")


def table() -> pa.Table:
    """``kind`` has few values throughout, ``drift`` in the first half of the rows only."""
    places = range(ROWS)
    half = ROWS // 2
    return pa.table(
        {
            "id": pa.array([None if place % 9 == 0 else place for place in places], pa.int64()),
            "kind": pa.array([KINDS[place % len(KINDS)] for place in places]),
            "drift": pa.array(["same" if place < half else f"own {place}" for place in places]),
        }
    )


class FixedKeys(FileKeyStore):
    """A key store that makes one known key, so that two builds can be compared."""

    def _fresh_key(self) -> bytes:
        return b"7" * 32


def build(
    home: Path,
    rows: Iterator[pa.RecordBatch],
    limits: BuildLimits | None = None,
    partitions: int = 16,
) -> tuple[Extract, FileKeyStore]:
    home.mkdir()
    keys = FixedKeys(home / "keys")
    extract = build_extract(
        PLAN,
        rows,
        path=home / "extract.parquet",
        keys=keys,
        key_name="extract.a",
        pseudonym_key=bytes(32),
        rules=RULES,
        rows_expected=partitions * files.ROW_GROUP_ROWS,
        limits=limits,
    )
    return extract, keys


def batches(source: pa.Table, rows: int) -> Iterator[pa.RecordBatch]:
    yield from source.to_batches(max_chunksize=rows)


def layout(extract: Extract, key: bytes) -> list[tuple[object, ...]]:
    """What the file's encrypted footer tells of each column, and how long the file is."""
    properties = pe.create_decryption_properties(key, aad_prefix=files._label(extract.path))
    found = pq.ParquetFile(extract.path, decryption_properties=properties).metadata
    chunks = [
        found.row_group(group).column(column)
        for group in range(found.num_row_groups)
        for column in range(found.num_columns)
    ]
    said = [(chunk.encodings, chunk.total_uncompressed_size) for chunk in chunks]
    return [*said, (extract.path.stat().st_size,)]


@pytest.mark.parametrize("limits", [None, SMALL], ids=["in memory", "spilled"])
def test_one_key_and_the_same_rows_make_one_extract_whatever_comes_when(
    tmp_path: Path, limits: BuildLimits | None
) -> None:
    """Batches of other sizes meet other threads and other dictionaries; so do rows backwards."""
    backwards = table().take(pa.arange(ROWS - 1, -1, -1))
    given_rows = [
        (batches(table(), 5_000), 16),
        (batches(table(), 1_111), 16),
        (batches(table(), ROWS), 1),
        (batches(backwards, 3_000), 16),
        (batches(table(), 1_111), 4_096),  # too many for a dictionary in every piece
    ]
    answers, layouts = [], []
    for place, (rows, partitions) in enumerate(given_rows):
        extract, keys = build(tmp_path / str(place), rows, limits, partitions)
        key = keys.data_key(extract.key_name)
        answers.append(open_extract(extract.path, key).read_all())
        layouts.append(layout(extract, key))
    assert all(answer.equals(answers[0]) for answer in answers[1:])
    coded, plain = layouts[0][1][0], layouts[0][2][0]
    assert "RLE_DICTIONARY" in str(coded)
    assert "RLE_DICTIONARY" not in str(plain)
    # Texts that few batches repeat are coded in some of them; the files do not show in which.
    assert all(found == layouts[0] for found in layouts[1:])


def test_codes_are_read_back_as_the_text_they_stand_for(tmp_path: Path) -> None:
    extract, keys = build(tmp_path / "x", batches(table(), 5_000))
    found = open_extract(extract.path, keys.data_key(extract.key_name)).read_all()
    assert found.schema.types == [pa.int64(), pa.string(), pa.string()]
    order = [("id", "ascending"), ("drift", "ascending"), ("kind", "ascending")]
    assert found.sort_by(order).equals(table().sort_by(order))
    text = sum(len((value or "").encode()) for value in table().column("kind").to_pylist())
    assert extract.column_bytes["kind"] == pytest.approx(text + 16 * ROWS, rel=0.01)


NUMBERS = st.one_of(st.none(), st.sampled_from([-1, 0, 1]))


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=20))
def test_numbers_share_a_tag_if_and_only_if_all_are_equal_and_null_is_none_of_them(
    rows: list[tuple[int | None, int | None, int | None]],
) -> None:
    columns = [pa.array(list(column), pa.int64()) for column in zip(*rows, strict=True)]
    tagger = RowTagger(b"k" * 32, b"use")
    tags = tagger.tags(columns, len(rows)).to_pylist()
    assert len(set(tags)) == len(set(rows)) == len(set(zip(rows, tags, strict=True)))
    alone = [tagger.tags([column.slice(0, 1) for column in columns], 1)[0].as_py()]
    assert alone == tags[:1]


def test_a_dictionary_has_the_tags_of_its_text() -> None:
    texts = pa.array([None, "a", "", "a" * 300, "b" * 16, "é中"] * 3)
    tagger = RowTagger(b"k" * 32, b"use")
    one_by_one = [tagger.tags([texts.slice(place, 1)], 1)[0].as_py() for place in range(6)]
    for coded in (texts.dictionary_encode(), texts.dictionary_encode(null_encoding="encode")):
        assert tagger.tags([coded], len(texts)).to_pylist() == one_by_one * 3


@settings(max_examples=20, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), common=st.integers(0, 12), ties=st.booleans())
def test_counting_digits_sorts_as_comparing_does(seed: bytes, common: int, ties: bool) -> None:
    tags = RowTagger(seed, b"use").tags([pa.arange(0, 6_000)], 6_000)
    tags = pc.shift_right(tags, pa.scalar(common, pa.uint64()))
    if ties:  # alike in the leading bits, so that the rest decides
        tags = pc.bit_wise_and(tags, pa.scalar(0xFFFF, pa.uint64()))
    batch = pa.RecordBatch.from_arrays([tags], names=[TAG])
    expected = tags.take(pc.sort_indices(tags))
    assert sorted_by_tag(batch, common).column(TAG).equals(expected)


def spills(home: Path) -> list[int]:
    """Return the open files under a directory that no directory names."""
    found = []
    for open_file in Path("/proc/self/fd").iterdir():
        try:
            link = str(open_file.readlink())
        except OSError:
            continue
        if link.startswith(str(home)) and link.endswith("(deleted)"):
            found.append(int(open_file.name))
    return found


def nothing_left(home: Path) -> bool:
    with pytest.raises(Unavailable):
        FileKeyStore(home / "keys").data_key("extract.a")
    return not (home / "extract.parquet").exists() and spills(home) == []


def test_a_failure_while_masking_leaves_no_spill_no_key_and_no_file(tmp_path: Path) -> None:
    home = tmp_path / "x"

    def rows() -> Iterator[pa.RecordBatch]:
        yield from batches(table(), 1_000)
        assert spills(home)
        yield from batches(table().drop_columns(["kind"]), 1_000)

    with pytest.raises(KeyError):
        build(home, rows(), SMALL)
    assert nothing_left(home)


def test_a_spill_that_somebody_changed_leaves_no_spill_no_key_and_no_file(tmp_path: Path) -> None:
    home = tmp_path / "x"

    def rows() -> Iterator[pa.RecordBatch]:
        yield from batches(table(), 1_000)
        os.pwrite(spills(home)[0], b"changed", 200)

    with pytest.raises(InvalidTag):
        build(home, rows(), SMALL)
    assert nothing_left(home)
