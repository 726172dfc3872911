"""Every single edit of the log is found offline and named; a rebuilt and re-signed log is refused.

The attacker holds the database, the bundle and, where a test says so, the log's own signing key.
What the attacker does not hold is the checkpoint that the regulator kept.
"""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from audit.bodies import PrivateField
from audit.export import export_bundle
from audit.notes import VerifierKey
from audit.sealing import FieldSealer, unclassed
from audit.store import entry_private
from audit.verify.__main__ import run, verify_files
from audit.verify.findings import Unusable
from audit.verify.notes import read_key
from audit.verify.since import read_kept
from audit.verify.sources import read_source
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes
from foundation.errors import InvalidInput
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.attacks.log_scene import (
    Scene,
    as_log,
    bodies_of,
    check_every_byte,
    codes,
    edit,
    entries_name,
    exit_code,
    flipped,
    judged,
    make_scene,
    renumbered,
)
from tests.fakes import SteppedClock
from tests.parts import REPOSITORY


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    made = make_scene(tmp_path_factory.mktemp("log"), 30)
    made.engine.dispose()
    return made


def test_every_flipped_byte_of_every_file_is_detected_and_its_entry_named(scene: Scene) -> None:
    check_every_byte(scene)


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_every_flipped_byte_of_a_log_of_two_hundred(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, 200)
    check_every_byte(scene)
    scene.engine.dispose()


def test_every_flipped_byte_of_the_zip_is_detected_or_changes_no_file(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scene = make_scene(tmp_path_factory.mktemp("small"), 4)
    scene.engine.dispose()
    whole, original = scene.bundle.read_bytes(), scene.files
    copy = tmp_path / "copy.zip"
    outside = 0
    for offset in range(len(whole)):
        data = bytearray(whole)
        data[offset] ^= 1
        copy.write_bytes(data)
        try:
            files = dict(read_source(copy))
        except Unusable:
            continue
        if files == original:
            outside += 1
        else:
            assert exit_code(files, scene) in {1, 2}, offset
    assert outside < len(whole) // 4  # dates, versions and flags of the zip itself


@pytest.mark.parametrize("place", [0, 1, 7, 19, 31])
def test_an_edited_entry_is_named(scene: Scene, place: int) -> None:
    bodies = bodies_of(scene)
    bodies[place] = bodies[place].replace(b"system", b"sistem")
    forged = {**scene.files, entries_name(scene): as_log(bodies, scene)[entries_name(scene)]}
    report = judged(forged, scene)
    assert (report.exit_code, report.first_bad_index) == (1, place)
    assert "entry_changed" in codes(report)


@pytest.mark.parametrize("place", [0, 1, 7, 19, 31])
def test_a_removed_entry_is_named(scene: Scene, place: int) -> None:
    bodies = bodies_of(scene)
    del bodies[place]
    name = entries_name(scene)
    rest = b"".join(len(body).to_bytes(2, "big") + body for body in bodies)
    report = judged({**scene.files, name: rest}, scene)
    assert (report.exit_code, report.first_bad_index) == (1, place)
    assert codes(report) & {"entry_moved", "entry_missing"}


@pytest.mark.parametrize(("place", "other"), [(0, 1), (3, 20), (30, 31)])
def test_reordered_entries_are_named(scene: Scene, place: int, other: int) -> None:
    bodies = bodies_of(scene)
    bodies[place], bodies[other] = bodies[other], bodies[place]
    forged = {**scene.files, entries_name(scene): as_log(bodies, scene)[entries_name(scene)]}
    report = judged(forged, scene)
    assert (report.exit_code, report.first_bad_index) == (1, place)
    assert "entry_moved" in codes(report)


def test_a_log_rebuilt_without_renumbering_gives_itself_away(scene: Scene) -> None:
    bodies = bodies_of(scene)
    del bodies[11]
    report = judged(as_log(bodies, scene), scene)
    assert (report.exit_code, report.first_bad_index) == (1, 11)
    assert "entry_misplaced" in codes(report)


def test_a_log_signed_with_its_times_out_of_order_gives_itself_away(scene: Scene) -> None:
    bodies = bodies_of(scene)
    bodies[4], bodies[9] = bodies[9], bodies[4]
    report = judged(as_log(renumbered(bodies), scene), scene)
    assert (report.exit_code, report.first_bad_index) == (1, 5)
    assert "time_runs_backwards" in codes(report)


def remove(bodies: list[bytes], place: int) -> None:
    del bodies[place]


@pytest.mark.parametrize("place", [0, 5, 20])
@pytest.mark.parametrize("forge", [edit, remove])
def test_a_log_rebuilt_and_resigned_with_the_true_key_is_refused_against_the_past(
    scene: Scene, place: int, forge: Callable[[list[bytes], int], None]
) -> None:
    bodies = bodies_of(scene)[:-1]  # without the export that committed to the files beside it
    forge(bodies, place)
    rebuilt = as_log(renumbered(bodies), scene)
    assert judged(rebuilt, scene).exit_code == 0  # consistent in itself: signed by the platform
    note_only = read_kept({"checkpoint": scene.checkpoint.read_bytes()}, scene.verifier)
    report = judged(rebuilt, scene, [note_only])
    assert report.exit_code == 1
    assert codes(report) >= {"rewritten_since"}
    for kept_file in (scene.kept, scene.earlier_bundle):
        kept = read_kept(read_source(kept_file), scene.verifier)
        report = judged(rebuilt, scene, [kept])
        assert (report.exit_code, report.first_bad_index) == (1, place)
        assert "rewritten_since" in codes(report)
    assert "query:question:refused" in report.findings[-1].en  # what stood there before


def test_several_kept_checkpoints_narrow_the_difference_down(scene: Scene) -> None:
    bodies = bodies_of(scene)
    kept = [
        read_kept({"checkpoint": as_log(bodies[:size], scene)["checkpoint"]}, scene.verifier)
        for size in (5, 10, 15)
    ]
    edit(bodies, 12)
    report = judged(as_log(bodies[:-1], scene), scene, kept)
    assert report.exit_code == 1
    assert "10 to 14" in report.findings[-1].en


def test_a_log_rolled_back_to_a_backup_is_refused(scene: Scene) -> None:
    shorter = as_log(bodies_of(scene)[:9], scene)
    assert judged(shorter, scene).exit_code == 0
    report = judged(shorter, scene, scene.earlier())
    assert (report.exit_code, report.first_bad_index) == (1, 9)


def test_a_checkpoint_that_lies_about_its_size_is_refused(scene: Scene) -> None:
    bodies = bodies_of(scene)[:9]
    for size in (8, 10):
        lying = as_log(bodies, scene, size)
        assert exit_code(lying, scene) == 1


def test_entries_replaced_together_with_their_tiles_are_refused(scene: Scene) -> None:
    bodies = bodies_of(scene)
    edit(bodies, 6)
    forged = {**as_log(bodies, scene), "checkpoint": scene.files["checkpoint"]}
    report = judged(forged, scene)
    assert report.exit_code == 1
    assert "root_not_signed" in codes(report)
    report = judged(forged, scene, scene.earlier())
    assert report.first_bad_index == 6


@pytest.mark.parametrize("name", ["tile/0/000.p/32", "tile/entries/000.p/32"])
def test_a_missing_file_of_the_log_is_refused(scene: Scene, name: str) -> None:
    files = {path: data for path, data in scene.files.items() if path != name}
    assert judged(files, scene).exit_code == 1
    assert judged(files, scene).first_bad_index == 0


def test_files_beside_the_log_are_committed_to(scene: Scene) -> None:
    files = dict(scene.files)
    assert "file_changed" in codes(judged(flipped(files, "rules/access.json", 3), scene))
    added = {**files, "rules/extra.json": b"{}"}
    assert "file_unlisted" in codes(judged(added, scene))
    removed = {name: data for name, data in files.items() if name != "rules/access.json"}
    assert "file_missing" in codes(judged(removed, scene))
    hashes = json.loads(files["manifest.json"])
    hashes["files"].pop("rules/access.json")
    forged = {**removed, "manifest.json": canonical_bytes(hashes)}
    assert "manifest_not_logged" in codes(judged(forged, scene))
    assert "manifest_not_logged" in codes(
        judged({n: d for n, d in files.items() if n != "manifest.json"}, scene)
    )


def test_a_disclosed_private_field_must_open_its_commitment(scene: Scene, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    other = make_scene(home, 3)
    with other.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER entry_private_no_update")
        row = connection.execute(select(entry_private).where(entry_private.c.idx == 1)).one()
        lie = PrivateField("sql", bytes(16), "SELECT 9")
        sealer = FieldSealer(other.keys, unclassed)
        changed = sealer.row("query:question:decided", row.idx, 0, lie)
        connection.execute(update(entry_private).where(entry_private.c.idx == 1).values(**changed))
    with GroupCommitWriter(
        other.engine, other.keys, SteppedClock(), other.key.name, home / "head"
    ) as writer:
        export_bundle(
            other.engine,
            writer,
            SYSTEM_ACTOR,
            key=other.key,
            files={},
            out=other.bundle,
            opening=other.keys,
        )
    other.engine.dispose()
    report = judged(other.files, other)
    assert (report.exit_code, report.first_bad_index) == (1, 1)
    assert "private_field_changed" in codes(report)
    assert "SELECT 0" in scene.files["private.jsonl"].decode()


def test_an_entry_edited_in_the_database_is_named_in_the_next_bundle(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, 12)
    with scene.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER entry_no_update")
        connection.exec_driver_sql(
            "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'lic_2', 'lic_0') AS BLOB) "
            "WHERE idx = 5"
        )
    with GroupCommitWriter(
        scene.engine, scene.keys, SteppedClock(), scene.key.name, tmp_path / "head"
    ) as writer:
        export_bundle(scene.engine, writer, SYSTEM_ACTOR, key=scene.key, files={}, out=scene.bundle)
    scene.engine.dispose()
    report = judged(scene.files, scene)
    assert (report.exit_code, report.first_bad_index) == (1, 5)


def test_another_key_another_origin_and_a_damaged_past_prove_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    stranger = FileKeyStore(tmp_path / "stranger").ensure_signing_key("log")
    for key in (
        VerifierKey(scene.key.name, stranger),
        VerifierKey("other.example/log", scene.key.public_key),
    ):
        report = verify_files(scene.files, read_key(key.text()))
        assert codes(report) == {"checkpoint_not_signed"}
        assert report.exit_code == 1
    damaged = scene.checkpoint.read_bytes().replace(b"\n2", b"\n1", 1)
    with pytest.raises(Unusable, match="proves nothing"):
        read_kept({"checkpoint": damaged}, scene.verifier)
    with pytest.raises(Unusable, match="no checkpoint"):
        read_kept({}, scene.verifier)


def test_a_bundle_takes_no_file_in_the_place_of_its_own(scene: Scene, tmp_path: Path) -> None:
    for path in ("checkpoint", "tile/0/000", "../up", "/root", "manifest.json"):
        with (
            GroupCommitWriter(
                scene.engine, scene.keys, SteppedClock(), scene.key.name, head_of(scene)
            ) as writer,
            pytest.raises(InvalidInput),
        ):
            export_bundle(
                scene.engine,
                writer,
                SYSTEM_ACTOR,
                key=scene.key,
                files={path: b""},
                out=tmp_path / "x.zip",
            )
    scene.engine.dispose()


def head_of(scene: Scene) -> Path:
    return scene.bundle.with_name("head")


def test_archives_with_names_twice_or_climbing_are_unusable(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    for name in ("../checkpoint", "/checkpoint"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(Unusable):
            read_source(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("checkpoint", "x")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("checkpoint", "y")
    with pytest.raises(Unusable):
        read_source(path)
    with pytest.raises(Unusable):
        read_source(tmp_path / "nothing.zip")


def test_an_honest_bundle_is_good_and_every_finding_speaks_both_languages(scene: Scene) -> None:
    report = judged(scene.files, scene, scene.earlier())
    assert report.exit_code == 0
    assert codes(report) == {"log_intact", "files_logged", "extends_checkpoint", "private_fields"}
    assert all(finding.zh and finding.en for finding in report.findings)
    assert "log_intact" in report.text("zh")


def test_the_command_needs_no_more_than_python_and_cryptography(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, bundle = scene.key.text(), str(scene.bundle)
    script = (
        "import sys; from audit.verify.__main__ import run; code = run(sys.argv[1:]);"
        "ours = {name.split('.')[0] for name in sys.modules};"
        "assert not ours & {'foundation', 'sqlalchemy', 'pydantic', 'revenue'}, ours;"
        "assert 'audit.tree' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "bundle", bundle, "--key", key, "--since", scene.kept],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "全部" in done.stdout
    damaged = tmp_path / "damaged.zip"
    whole = bytearray(scene.bundle.read_bytes())
    whole[len(whole) // 3] ^= 1
    damaged.write_bytes(whole)
    assert run(["bundle", str(damaged), "--key", key]) in {1, 2}
    assert run(["bundle", bundle, "--key", "nonsense+1+x"]) == 2
    assert run(["bundle", bundle, "--key", str(tmp_path / "missing.key")]) == 2
    assert run(["bundle", bundle, "--key", key, "--require-since"]) == 3
    assert run(["bundle", bundle, "--key", key, "--since", str(scene.checkpoint)]) == 0
    capsys.readouterr()
    assert run(["bundle", bundle, "--key", key, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exit_code"] == 0
    folder = tmp_path / "log"
    for name, data in scene.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    assert run(["log", str(folder), "--key", key, "--since", str(scene.earlier_bundle)]) == 0
