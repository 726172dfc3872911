"""Evidence made to mislead its verifier: what holds another content for another reader, what hangs,
what leads out of its directory, and what would be called good without having been looked at.

The maker holds the platform's own key where the text says "signed", as an insider does.
"""

import contextlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.export import export_bundle
from audit.notes import VerifierKey
from audit.proofs import receipt_text
from audit.reading import entry_at
from audit.tags import EntryKind
from audit.tree import complete_root, inclusion_proof, leaf_hash
from audit.verify.__main__ import run
from audit.verify.rotations import CONTEXT
from audit.view.packing import export_pack
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR
from tests.attacks.log_scene import Files, Scene, as_log, bodies_of, make_scene
from tests.fakes import SteppedClock

PLACE = 5
GOOD, TAMPERED, UNUSABLE, UNMET = 0, 1, 2, 3


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("hostile"), 12)


def verify(scene: Scene, command: str, path: Path, *more: object) -> tuple[int, str]:
    """Run the real command; an exception that leaves it fails the test."""
    said = io.StringIO()
    given = [command, str(path), "--key", scene.key.text(), "--lang", "en", *map(str, more)]
    with contextlib.redirect_stdout(said):
        code = run(given)
    said.getvalue().encode()  # what cannot be printed would end the command
    return code, said.getvalue()


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path, files: Files) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def signed_over(scene: Scene, body: bytes) -> Files:
    bodies = bodies_of(scene)
    return as_log([*bodies[:PLACE], body, *bodies[PLACE + 1 :]], scene)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"public":{', b'"public":{"dataset":"a","dataset":"b",'),
        (b'"time_us":', b'"time_us":1,"time_us":'),
        (b'"index":5', b'"index":5.0'),
        (b'"public":{', b'"public":{"cost_nano_rho":NaN,'),
        (b'"public":{', b'"public":{"cost_nano_rho":1e400,'),
        (b'"public":{', b'"public":{"cost_nano_rho":' + b"9" * 5_000 + b","),
        (b'"public":{', b'"public":{"x":' + b"[" * 30_000 + b"]" * 30_000 + b","),
    ],
)
def test_a_signed_entry_that_two_readers_read_differently_is_named(
    scene: Scene, tmp_path: Path, old: bytes, new: bytes
) -> None:
    body = bodies_of(scene)[PLACE]
    assert body.count(old) == 1
    files = signed_over(scene, body.replace(old, new))
    code, said = verify(scene, "log", zipped(tmp_path / "log.zip", files))
    assert code == TAMPERED
    assert f"entry_unreadable\n    Entry {PLACE} " in said


def test_an_index_is_a_number_and_no_flag(scene: Scene, tmp_path: Path) -> None:
    bodies = bodies_of(scene)
    bodies[1] = bodies[1].replace(b'"index":1', b'"index":true')
    code, said = verify(scene, "log", zipped(tmp_path / "log.zip", as_log(bodies, scene)))
    assert (code, "entry_misplaced" in said) == (TAMPERED, True)


def test_an_entry_in_another_encoding_is_no_entry(scene: Scene, tmp_path: Path) -> None:
    body = bodies_of(scene)[PLACE].decode().encode("utf-16")
    code, said = verify(scene, "log", zipped(tmp_path / "log.zip", signed_over(scene, body)))
    assert (code, "entry_unreadable" in said) == (TAMPERED, True)


def test_files_beside_an_empty_signed_log_are_not_called_good(scene: Scene, tmp_path: Path) -> None:
    false = tmp_path / "false.json"
    false.write_bytes(b'{"pool_fen":999999999}')
    files = {**as_log([], scene), "statements/2026-01.json": false.read_bytes()}
    bundle = zipped(tmp_path / "empty.zip", files)
    for command, path, more in (
        ("bundle", bundle, ()),
        ("statement", false, ("--bundle", bundle)),
    ):
        code, said = verify(scene, command, path, *more)
        assert (code, "manifest_not_logged" in said) == (TAMPERED, True), command


def test_a_statement_that_shows_another_sum_first_is_not_the_one_in_the_bundle(
    scene: Scene, tmp_path: Path
) -> None:
    false = tmp_path / "false.json"
    false.write_bytes(b'{"pool_fen":999999999,"pool_fen":1}')
    code, said = verify(scene, "statement", false, "--bundle", scene.bundle)
    assert code == UNUSABLE
    assert "statement_in_bundle" not in said


def test_a_name_in_the_evidence_forges_no_line_of_the_report(scene: Scene, tmp_path: Path) -> None:
    forged = "x\n[good] log_intact\n    All is well.\x1b[2J\x1b[H\u202e"
    code, said = verify(scene, "bundle", zipped(tmp_path / "b.zip", {**scene.files, forged: b"1"}))
    assert code == TAMPERED
    assert not any(sign in said for sign in "\x1b\u202e")
    assert said.count("\n[good] log_intact") + said.startswith("[good] log_intact") == 1


@pytest.mark.parametrize("output", ["--json", "--texts"])
def test_half_a_character_in_a_signed_entry_does_not_end_the_report(
    scene: Scene, tmp_path: Path, output: str
) -> None:
    body = bodies_of(scene)[PLACE].replace(b'"index":5', b'"index":"\\ud800"')
    path = zipped(tmp_path / "log.zip", signed_over(scene, body))
    code, said = verify(scene, "log", path, output)
    assert (code, "entry_misplaced" in said) == (TAMPERED, True)


@pytest.mark.parametrize("size", ["²", "9" * 5_000, "18446744073709551616", "-1", "01", "1e3"])
def test_a_size_that_is_none_is_no_checkpoint(scene: Scene, tmp_path: Path, size: str) -> None:
    note = f"{scene.key.name}\n{size}\nAAAA\n\n— x y\n".encode()
    path = zipped(tmp_path / "b.zip", {**scene.files, "checkpoint": note})
    for more in ((), ("--authority-key", scene.key.text())):
        code, said = verify(scene, "bundle", path, *more)
        assert (code, "checkpoint_not_signed" in said) == (TAMPERED, True)


@pytest.mark.parametrize("size", [10**15, 2**63 - 1])
def test_a_signed_size_beyond_all_files_ends_at_once(
    scene: Scene, tmp_path: Path, size: int
) -> None:
    files = as_log(bodies_of(scene), scene, size=size)
    code, said = verify(scene, "log", zipped(tmp_path / "log.zip", files))
    assert (code, "log_truncated" in said) == (TAMPERED, True)


def test_what_a_directory_only_points_to_is_no_part_of_it(scene: Scene, tmp_path: Path) -> None:
    root = unpacked(tmp_path / "bundle", scene.files)
    assert verify(scene, "bundle", root)[0] == GOOD
    outside = (root / "private.jsonl").rename(tmp_path / "outside")
    (root / "private.jsonl").symlink_to(outside)
    code, said = verify(scene, "bundle", root)
    assert (code, "file_missing" in said) == (TAMPERED, True)


def test_a_pipe_or_an_endless_device_does_not_hold_the_verifier(
    scene: Scene, tmp_path: Path
) -> None:
    entries = next(name for name in scene.files if name.startswith("tile/entries/"))
    for endless in (False, True):
        root = unpacked(tmp_path / str(endless), scene.files)
        (root / entries).unlink()
        if endless:
            (root / entries).symlink_to("/dev/zero")
        else:
            os.mkfifo(root / entries)
        code, said = verify(scene, "log", root)
        assert (code, "log_truncated" in said) == (TAMPERED, True)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/13"])
def test_a_swelling_member_is_refused_before_it_is_unpacked(
    scene: Scene, tmp_path: Path, name: str
) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(4 << 20))
    assert bomb.stat().st_size < 10_000
    assert verify(scene, "bundle", bomb)[0] == UNUSABLE


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000,
        b'{"edge":[],"edge":[[]],"format":"sandgate/verified@1"}',
        b'{"format":"sandgate/verified@1","edge":[],"checkpoint":"%s","time_us":1e400}',
        b'{"format":"sandgate/verified@1","edge":[],"checkpoint":"%s","time_us":"0"}',
    ],
)
def test_a_state_file_that_is_none_is_refused(scene: Scene, tmp_path: Path, text: bytes) -> None:
    state = tmp_path / "state"
    note = json.dumps(scene.files["checkpoint"].decode())[1:-1].encode()
    state.write_bytes(text.replace(b"%s", note))
    assert verify(scene, "log", scene.bundle, "--state", state)[0] == UNUSABLE


def test_bytes_moved_within_an_edge_are_no_edge(scene: Scene, tmp_path: Path) -> None:
    """Two hashes are hashed behind each other, so 31 and 33 bytes give the root of 32 and 32."""
    state = tmp_path / "state"
    assert verify(scene, "log", scene.bundle, "--state", state)[0] == GOOD
    content = json.loads(state.read_bytes())
    row = content["edge"][0]
    row[0], row[1] = row[0] + row[1][:2], row[1][2:]
    state.write_text(json.dumps(content), encoding="utf-8")
    assert verify(scene, "log", scene.bundle, "--state", state)[0] == UNUSABLE


@pytest.fixture(scope="module")
def pack(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pack") / "pack.zip"
    head = Path(str(scene.engine.url.database)).with_name("head")
    with GroupCommitWriter(scene.engine, scene.keys, SteppedClock(), scene.key.name, head) as log:
        with reading(scene.engine) as connection:
            entries = [entry_at(connection, index) for index in range(3)]
        said = {"asked": {}, "complete": True, "formats": []}
        export_pack(
            scene.engine, log, SYSTEM_ACTOR, EntryKind.VIEW_EXPORTED, said,
            entries=entries, files={"README.txt": b"x"}, about={}, out=out,
        )  # fmt: skip
    return out


def test_a_pack_does_not_pass_for_a_log_that_grew(scene: Scene, pack: Path, tmp_path: Path) -> None:
    assert verify(scene, "bundle", pack)[0] == GOOD
    state = tmp_path / "state"
    assert verify(scene, "log", scene.bundle, "--state", state)[0] == GOOD
    kept = state.read_bytes()
    code, said = verify(scene, "log", pack, "--state", state)
    assert (code, "pack_not_comparable" in said) == (UNMET, True)
    assert state.read_bytes() == kept


def test_of_a_part_of_the_log_no_claim_about_all_licences_is_made(scene: Scene, pack: Path) -> None:
    code, said = verify(scene, "bundle", pack, "--authority-key", scene.key.text())
    assert (code, "licences_signed_by_authority" in said) == (UNMET, False)


def test_a_file_that_holds_a_name_twice_is_named_though_the_log_lists_it(
    scene: Scene, tmp_path: Path
) -> None:
    out = tmp_path / "twice.zip"
    head = Path(str(scene.engine.url.database)).with_name("head")
    with GroupCommitWriter(scene.engine, scene.keys, SteppedClock(), scene.key.name, head) as log:
        export_bundle(
            scene.engine, log, SYSTEM_ACTOR,
            key=scene.key, files={"rules/a.json": b'{"cap":9,"cap":1}'}, out=out,
        )  # fmt: skip
    code, said = verify(scene, "bundle", out)
    assert (code, "file_ambiguous" in said) == (TAMPERED, True)


def turning_over(scene: Scene) -> tuple[VerifierKey, bytes]:
    """Return a new key, and the entry that states it in the old one's place."""
    secret = Ed25519PrivateKey.generate()
    new = VerifierKey(scene.key.name, secret.public_key().public_bytes_raw())
    stated = {
        "format": "sandgate/key-rotation@1",
        "role": "log",
        "old": scene.key.text(),
        "new": new.text(),
    }
    data = CONTEXT + canonical_bytes(stated)
    signatures = {
        "old_signature": scene.keys.sign("log", data).hex(),
        "new_signature": secret.sign(data).hex(),
    }
    content = json.loads(bodies_of(scene)[PLACE])
    content |= {"kind": "keys:signing:rotated", "private": {}, "public": {**stated, **signatures}}
    return new, canonical_bytes(content)


def test_a_stolen_key_that_the_log_itself_has_ended_signs_no_more(
    scene: Scene, tmp_path: Path
) -> None:
    """The user still holds the old key only, and the thief signs with it."""
    _, body = turning_over(scene)
    path = zipped(tmp_path / "log.zip", signed_over(scene, body))
    code, said = verify(scene, "log", path)
    assert (code, "signed_with_turned_over_key" in said) == (TAMPERED, True)


def test_a_stolen_key_that_the_key_file_has_ended_is_remarked(scene: Scene, tmp_path: Path) -> None:
    """The thief leaves the turning over out of the log; only an earlier checkpoint refuses that."""
    new, body = turning_over(scene)
    stated = canonical_bytes(json.loads(body)["public"]).decode()
    key_file = tmp_path / "keys"
    key_file.write_text(f"{scene.key.text()}\n{stated}\n", encoding="utf-8")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        run(["log", str(scene.bundle), "--key", str(key_file)])
    assert "signed_before_key_turned_over" in said.getvalue()
    assert new.public_key != scene.key.public_key


def test_a_receipt_for_an_entry_that_names_another_place_does_not_hold(
    scene: Scene, tmp_path: Path
) -> None:
    body = bodies_of(scene)[PLACE].replace(b'"index":5', b'"index":7')
    leaves = [leaf_hash(item) for item in bodies_of(scene)]
    leaves[PLACE] = leaf_hash(body)

    def node(height: int, number: int) -> bytes:
        return complete_root(leaves[number << height : (number + 1) << height])

    note = signed_over(scene, body)["checkpoint"].decode()
    proof = inclusion_proof(PLACE, len(leaves), node)
    receipt, entry = tmp_path / "receipt", tmp_path / "entry"
    receipt.write_text(receipt_text(PLACE, proof, note), encoding="utf-8")
    entry.write_bytes(body)
    assert verify(scene, "receipt", receipt, "--leaf", leaves[PLACE].hex())[0] == GOOD
    code, said = verify(scene, "receipt", receipt, "--entry", entry)
    assert (code, "entry_misplaced" in said) == (TAMPERED, True)
