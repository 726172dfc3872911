"""Evidence packs: verified offline, refused once anything in them is changed, and whole."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.notes import parse_verifier_key
from audit.verify.__main__ import run as verify
from tests.calling import API, problem_of
from tests.city import built_city
from tests.fakes import TickingClock
from tests.oversight import Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield Scene(city, clock)


def pack_of(files: dict[str, bytes], folder: Path) -> str:
    path = folder / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return str(path)


def test_a_pack_verifies_offline_and_every_changed_file_does_not(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = scene.export(timeline={"subject": "release", "id": scene.release})
    key = scene.get("/log/key").text.strip()
    assert verify(["bundle", pack_of(files, tmp_path), "--key", key]) == 0
    for name, data in files.items():
        changed = {**files, name: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]}
        code = verify(["bundle", pack_of(changed, tmp_path), "--key", key])
        assert code in {1, 2}, name
        missing = {path: held for path, held in files.items() if path != name}
        assert verify(["bundle", pack_of(missing, tmp_path), "--key", key]) in {1, 2}, name
    added = {**files, "data/more.csv": b"x"}
    assert verify(["bundle", pack_of(added, tmp_path), "--key", key]) == 1
    assert verify(["bundle", pack_of(files, tmp_path), "--key", other_key(key)]) == 1
    capsys.readouterr()


def other_key(key: str) -> str:
    from audit.notes import VerifierKey  # noqa: PLC0415

    return VerifierKey(parse_verifier_key(key).name, b"\x01" * 32).text()


def test_an_entry_put_into_a_pack_from_elsewhere_is_refused(scene: Scene, tmp_path: Path) -> None:
    files = scene.export(search={"question": scene.question})
    key = scene.get("/log/key").text.strip()
    one, other = sorted(name for name in files if name.startswith("entries/"))[:2]
    swapped = {**files, one: files[other], other: files[one]}
    assert verify(["bundle", pack_of(swapped, tmp_path), "--key", key]) == 1


def test_a_pack_holds_every_format_its_crate_and_its_own_entry(scene: Scene) -> None:
    files = scene.export(search={"person": "analyst", "period": "2026-11"})
    data = {name for name in files if name.startswith("data/")}
    assert data == {
        "data/entries.jsonl",
        "data/entries.csv",
        "data/entries.parquet",
        "data/ocsf.jsonl",
        "data/cef.log",
        "data/openlineage.jsonl",
    }
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    graph = {item["@id"]: item for item in crate["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    for part in graph["./"]["hasPart"]:
        assert part["@id"] in files
    for name in ("name", "description", "datePublished", "license"):
        assert graph["./"][name]
    own = json.loads(files["export.json"])
    assert own["kind"] == "audit:view:exported"
    assert own["actor"]["person"] == "auditor"
    manifest = json.loads(files["manifest.json"])
    assert manifest["complete"] is True
    assert own["public"]["entries"] == len(manifest["entries"]) > 0
    assert manifest["asked"] == {"search": {"period": "2026-11", "person": "analyst"}}


@pytest.mark.parametrize("body", [{}, {"formats": []}, {"search": {}, "timeline": {}}])
def test_an_export_of_nothing_named_is_refused(scene: Scene, body: dict[str, Any]) -> None:
    refused = scene.city.client("auditor").post(f"{API}/regulator/exports", json=body)
    assert problem_of(refused)["code"]
