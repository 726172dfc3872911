"""Two licences' extracts of one base are linked by nothing but what both show."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.documents import AccessMode, Grant
from catalog.datasets import Column, ColumnType, DatasetDeclaration, Exposure, Grade
from disclosure.extracts import (
    BuildLimits,
    Extract,
    build_extract,
    building,
    files,
    open_extract,
    plan_extract,
)
from disclosure.extracts.order import RowTagger
from disclosure.extracts.scatter import TAG, Scatter, sorted_by_tag
from foundation.errors import Unavailable
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.masks import MaskRules

RULES = load_policies().rules(MaskRules)
ROWS = 20_000
BATCH_ROWS = 1_000
CLASSES = 10


def _column(name: str, kind: ColumnType) -> Column:
    return Column(
        name=name,
        type=kind,
        label_zh=name,
        label_en=name,
        grade=Grade.L1,
        exposure=Exposure.ROWS,
    )


BASE = DatasetDeclaration(
    name="base",
    entry="ent_x",
    label_zh="x",
    label_en="x",
    subject="open",
    columns=(
        _column("id", ColumnType.INTEGER),
        _column("kind", ColumnType.INTEGER),
        _column("left_text", ColumnType.TEXT),
        _column("right_text", ColumnType.TEXT),
    ),
)


def stored() -> Iterator[pa.RecordBatch]:
    """Rows in the order of their raw number; only ``kind`` is shown to both licences."""
    places = range(ROWS)
    table = pa.table(
        {
            "id": pa.array(places, pa.int64()),
            "kind": pa.array([place % CLASSES for place in places], pa.int64()),
            "left_text": pa.array([f"left {place}" for place in places]),
            "right_text": pa.array([f"right {place}" for place in places]),
        }
    )
    yield from table.to_batches(max_chunksize=BATCH_ROWS)


def build(
    home: Path,
    keys: FileKeyStore,
    *columns: str,
    name: str = "a",
    limits: BuildLimits | None = None,
) -> Extract:
    grant = Grant(dataset="base", modes=(AccessMode.ROWS,), columns=columns)
    return build_extract(
        plan_extract(BASE, grant, RULES),
        stored(),
        path=home / f"{name}.parquet",
        keys=keys,
        key_name=f"extract.{name}",
        pseudonym_key=bytes(32),
        rules=RULES,
        rows_expected=ROWS,
        limits=limits,
    )


def read(extract: Extract, keys: FileKeyStore) -> pa.Table:
    return open_extract(extract.path, keys.data_key(extract.key_name)).read_all()


def raw_numbers(texts: pa.ChunkedArray) -> list[int]:
    return [int(text.rpartition(" ")[2]) for text in texts.to_pylist()]


def correlation(numbers: list[int]) -> float:
    """Spearman's rho between position and raw number: both are ranks already."""
    count = len(numbers)
    apart = sum((place - number) ** 2 for place, number in enumerate(numbers))
    return 1 - 6 * apart / (count * (count**2 - 1))


def test_a_tag_is_a_function_of_the_values_alone_whatever_stands_beside_them() -> None:
    tagger = RowTagger(b"k" * 32, b"use")
    texts = pa.array(["a", None, "", "a" * 300, "b" * 16, "b" * 17, "a\0", "a"])
    numbers = pa.array([1, 2, None, 4, 5, 6, 7, 1])
    together = tagger.tags([texts, numbers], 8).to_pylist()
    for place in range(8):
        alone = tagger.tags([texts.slice(place, 1), numbers.slice(place, 1)], 1)
        assert alone[0].as_py() == together[place]
    assert len(set(together)) == 7
    assert together[0] == together[7]
    repeated = pa.array(["a", "b"] * 2_000)  # few values: tagged by another path
    found = tagger.tags([repeated], 4_000)
    assert found[:2].to_pylist() == [
        tagger.tags([pa.array([text])], 1)[0].as_py() for text in ("a", "b")
    ]
    assert RowTagger(b"k" * 32, b"other").tags([texts, numbers], 8).to_pylist() != together


VALUES = st.one_of(st.none(), st.text(st.sampled_from("ab\0é中"), max_size=40))


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=20))
def test_rows_have_one_tag_if_and_only_if_they_look_the_same(
    rows: list[tuple[str | None, str | None]],
) -> None:
    columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
    tags = RowTagger(b"k" * 32, b"use").tags(columns, len(rows)).to_pylist()
    assert len(set(tags)) == len(set(rows))
    assert len(set(zip(rows, tags, strict=True))) == len(set(rows))


def test_position_says_nothing_of_the_raw_number(tmp_path: Path, keys: FileKeyStore) -> None:
    numbers = raw_numbers(read(build(tmp_path, keys, "left_text"), keys).column("left_text"))
    assert sorted(numbers) == list(range(ROWS))
    # Under a random order rho has a standard deviation of 1/sqrt(n - 1): five of them.
    assert abs(correlation(numbers)) < 5 / (ROWS - 1) ** 0.5


def test_linking_by_position_is_no_better_than_by_what_both_show(
    tmp_path: Path, keys: FileKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_ROWS", 2_048)
    monkeypatch.setattr(building, "ROW_GROUP_ROWS", 2_048)
    left = build(tmp_path, keys, "kind", "left_text")
    right = build(tmp_path, keys, "kind", "right_text", name="b")
    ours = raw_numbers(read(left, keys).column("left_text"))
    theirs = raw_numbers(read(right, keys).column("right_text"))
    same_place = sum(a == b for a, b in zip(ours, theirs, strict=True))
    assert same_place <= 10  # one is expected of two random orders
    # Guessing within a class by the order of the class: as good as one guess in a class.
    by_class = 0
    for kind in range(CLASSES):
        mine = [number for number in ours if number % CLASSES == kind]
        other = [number for number in theirs if number % CLASSES == kind]
        by_class += sum(a == b for a, b in zip(mine, other, strict=True))
    assert by_class <= 10 + CLASSES * 3
    # Row groups: two rows share one no more often than chance lets them.
    group_of = {number: place // 2_048 for place, number in enumerate(theirs)}
    shared = sum(group_of[number] == place // 2_048 for place, number in enumerate(ours))
    chance = sum((min(2_048, ROWS - start) / ROWS) ** 2 for start in range(0, ROWS, 2_048))
    deviation = (ROWS * chance * (1 - chance)) ** 0.5
    assert abs(shared - ROWS * chance) < 6 * deviation


def test_the_layout_tells_of_no_row_and_there_are_no_statistics(
    tmp_path: Path, keys: FileKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_ROWS", 2_048)
    extract = build(tmp_path, keys, "kind", "left_text")
    properties = pe.create_decryption_properties(
        keys.data_key(extract.key_name), aad_prefix=files._label(extract.path)
    )
    metadata = pq.ParquetFile(extract.path, decryption_properties=properties).metadata
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    assert {group.num_rows for group in groups[:-1]} == {2_048}
    assert all(
        not group.column(place).is_stats_set
        for group in groups
        for place in range(metadata.num_columns)
    )
    with pytest.raises((OSError, pa.ArrowException)):
        pq.read_metadata(extract.path)


def test_what_does_not_fit_is_spilled_sealed_and_the_extract_is_the_same(
    tmp_path: Path, keys: FileKeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileKeyStore, "_fresh_key", lambda _keys: b"7" * 32)
    whole = read(build(tmp_path, keys, "kind", "left_text"), keys)
    spilled: list[int] = []
    closed = Scatter.close

    def close(scatter: Scatter) -> None:
        spilled.append(scatter.spilled_bytes)
        closed(scatter)

    monkeypatch.setattr(Scatter, "close", close)
    tight = BuildLimits(held_bytes_max=200_000)
    again = read(build(tmp_path, keys, "kind", "left_text", name="b", limits=tight), keys)
    assert spilled[0] > 200_000
    assert again.equals(whole)


def test_the_spill_has_no_name_says_nothing_and_ends_with_the_build(tmp_path: Path) -> None:
    scatter = Scatter(
        tmp_path, rows_expected=10, partition_rows=10, held_bytes_max=1, spill_bytes_max=1 << 20
    )
    texts = pa.array(["secret4c1e"] * 10)
    tags = RowTagger(b"k" * 32, b"use").tags([texts], 10)
    scatter.add(sorted_by_tag(pa.RecordBatch.from_arrays([texts, tags], names=["text", TAG])))
    spill = scatter._spill._file
    assert spill is not None
    spill.flush()
    assert list(tmp_path.iterdir()) == []
    assert b"secret4c1e" not in os.pread(spill.fileno(), scatter.spilled_bytes, 0)
    found = scatter.partition(0)
    assert found is not None
    assert found.column("text").to_pylist() == ["secret4c1e"] * 10
    scatter.close()
    assert spill.closed


def test_a_full_spill_refuses_and_leaves_nothing(tmp_path: Path, keys: FileKeyStore) -> None:
    tight = BuildLimits(held_bytes_max=100_000, spill_bytes_max=200_000)
    with pytest.raises(Unavailable, match="extract_spill_full"):
        build(tmp_path, keys, "kind", "left_text", limits=tight)
    assert not (tmp_path / "a.parquet").exists()
    with pytest.raises(Unavailable):
        keys.data_key("extract.a")


def test_only_the_columns_asked_for_are_read_in_the_extracts_own_order(
    tmp_path: Path, keys: FileKeyStore
) -> None:
    extract = build(tmp_path, keys, "id", "kind", "left_text")
    key = keys.data_key(extract.key_name)
    some = open_extract(extract.path, key, ("left_text", "id")).read_all()
    assert some.column_names == ["id", "left_text"]
    assert (
        pc.equal(
            some.column("id"), pa.chunked_array([pa.array(raw_numbers(some.column("left_text")))])
        ).to_pylist()
        == [True] * ROWS
    )
