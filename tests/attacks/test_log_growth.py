"""Verifying what a log gained: it is the same judgement as over the whole, and no rewrite passes.

The state of an earlier verification is the regulator's own file; the log in between was in the
hands of whoever rewrote it and signed it again with the true key.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from audit.verify.__main__ import run, verify_files, verify_grown
from audit.verify.findings import Unusable
from audit.verify.sources import read_source
from tests.attacks.log_scene import Files, Scene, as_log, bodies_of, codes, edit, make_scene

SIZES = (1, 200, 255, 256, 257, 300, 511, 512, 513)
OLD_PLACES = [
    (size, place) for size in SIZES for place in (0, 199, 254, 255, 256, 299, 512) if place < size
]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    made = make_scene(tmp_path_factory.mktemp("log"), 520)
    made.engine.dispose()
    return made


@pytest.fixture(scope="module")
def bodies(scene: Scene) -> list[bytes]:
    return bodies_of(scene)


def verified_at(size: int, bodies: Sequence[bytes], scene: Scene, home: Path) -> Path:
    state = home / "state.json"
    report = verify_grown(as_log(bodies[:size], scene), scene.verifier, state)
    assert (report.exit_code, "log_intact" in codes(report)) == (0, True)
    return state


class Counted(dict[str, bytes]):
    """Files that remember which of them were read."""

    def __init__(self, files: Files) -> None:
        super().__init__(files)
        self.read: set[str] = set()

    def get(self, name: str, default: bytes = b"") -> bytes:  # type: ignore[override]
        self.read.add(name)
        return super().get(name, default)


@pytest.mark.parametrize("size", SIZES)
def test_growth_is_verified_from_the_new_files_alone(
    size: int, scene: Scene, bodies: list[bytes], tmp_path: Path
) -> None:
    state = verified_at(size, bodies, scene, tmp_path)
    files = Counted(as_log(bodies, scene))
    report = verify_grown(files, scene.verifier, state)
    assert (report.exit_code, codes(report)) == (0, {"log_grown"})
    old = {f"tile/entries/{number:03d}" for number in range(size // 256)}
    assert not files.read & old
    assert json.loads(state.read_text())["checkpoint"] == files["checkpoint"].decode()
    assert verify_grown(files, scene.verifier, state).exit_code == 0  # nothing new


@pytest.mark.parametrize(("size", "place"), OLD_PLACES)
def test_an_old_entry_rewritten_and_signed_again_is_a_fork(
    size: int, place: int, scene: Scene, bodies: list[bytes], tmp_path: Path
) -> None:
    state = verified_at(size, bodies, scene, tmp_path)
    kept = state.read_bytes()
    forged = list(bodies)
    edit(forged, place)
    for length in (len(bodies), size):
        report = verify_grown(as_log(forged[:length], scene), scene.verifier, state)
        assert report.exit_code == 1
        assert codes(report) == {"forked_since"}
        if length > size and report.first_bad_index is not None:
            assert report.first_bad_index == place
        assert state.read_bytes() == kept


def test_a_shorter_log_is_a_rollback(scene: Scene, bodies: list[bytes], tmp_path: Path) -> None:
    state = verified_at(300, bodies, scene, tmp_path)
    report = verify_grown(as_log(bodies[:299], scene), scene.verifier, state)
    assert (report.exit_code, codes(report)) == (1, {"rolled_back"})
    assert report.first_bad_index == 299


@pytest.mark.parametrize("place", [300, 400, 511, 519])
def test_a_new_entry_changed_after_signing_is_named(
    place: int, scene: Scene, bodies: list[bytes], tmp_path: Path
) -> None:
    state = verified_at(300, bodies, scene, tmp_path)
    forged = list(bodies)
    edit(forged, place)
    good, bad = as_log(bodies, scene), as_log(forged, scene)
    changed = {name: bad[name] if "entries" in name else data for name, data in good.items()}
    report = verify_grown(changed, scene.verifier, state)
    assert (report.exit_code, report.first_bad_index) == (1, place)
    assert "entry_changed" in codes(report)


def test_a_truncated_log_is_named(scene: Scene, bodies: list[bytes]) -> None:
    cut = {
        name: data
        for name, data in as_log(bodies, scene).items()
        if not name.startswith(("tile/entries/001", "tile/entries/002"))
    }
    report = verify_files(cut, scene.verifier)
    assert (report.exit_code, report.first_bad_index) == (1, 256)
    assert "log_truncated" in codes(report)


def test_a_state_that_was_edited_proves_nothing(
    scene: Scene, bodies: list[bytes], tmp_path: Path
) -> None:
    state = verified_at(300, bodies, scene, tmp_path)
    content = json.loads(state.read_text())
    damaged: list[object] = [
        {**content, "edge": [content["edge"][0][:-1], *content["edge"][1:]]},
        {**content, "checkpoint": content["checkpoint"].replace("\n300\n", "\n299\n")},
        {**content, "format": "other"},
        {key: value for key, value in content.items() if key != "edge"},
        [],
    ]
    for broken in damaged:
        state.write_text(json.dumps(broken))
        with pytest.raises(Unusable, match="proves nothing"):
            verify_grown(as_log(bodies, scene), scene.verifier, state)


def test_several_processes_find_what_one_finds(
    scene: Scene, bodies: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.verify.scan.STRETCH_TILES", 1)
    assert verify_files(scene.files, scene.verifier, processes=2).exit_code == 0
    forged = list(bodies)
    edit(forged, 300)
    good, bad = as_log(bodies, scene), as_log(forged, scene)
    changed = {name: bad[name] if "entries" in name else data for name, data in good.items()}
    one, two = (verify_files(changed, scene.verifier, processes=count) for count in (1, 2))
    assert one.findings == two.findings
    assert one.first_bad_index == 300


def test_the_command_keeps_a_state_and_reads_it_again(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, key = tmp_path / "state.json", scene.key.text()
    command = ["log", str(scene.bundle), "--key", key, "--state", str(state), "--processes", "2"]
    assert run(command) == 0
    assert "log_intact" in capsys.readouterr().out
    assert run(command) == 0
    told = capsys.readouterr().out
    assert "log_grown" in told
    assert "files_not_verified" in told
    assert run(["log", str(scene.earlier_bundle), "--key", key, "--state", str(state)]) == 1
    assert "rolled_back" in capsys.readouterr().out
    assert dict(read_source(scene.bundle)) == scene.files
