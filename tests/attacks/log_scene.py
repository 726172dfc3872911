"""A log to attack, the key to check it with, and the tools of an insider who rebuilds it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.export import export_bundle, export_kept
from audit.notes import Checkpoint, HeldKey, VerifierKey, sign_note
from audit.recovery import edge_root
from audit.tags import EntryKind
from audit.tree import TILE_WIDTH, TreeEdge, entries_path, leaf_hash, tile_path, tiles_of_size
from audit.verify.__main__ import verify_files
from audit.verify.findings import Report, Unusable
from audit.verify.notes import Key, read_key
from audit.verify.since import Kept, read_kept
from audit.verify.sources import read_source
from audit.verify.tiles import read_bodies
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes
from foundation.db import metadata, open_engine
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from tests.fakes import SteppedClock

Files = Mapping[str, bytes]
EXTRA = {
    "rules/access.json": b'{"rule":"fictional"}',
    "notes/readme.txt": "结算说明".encode(),
}


@dataclass(frozen=True)
class Scene:
    """A log, the bundle and kept files exported from it, and the key to check them with."""

    engine: Engine
    keys: FileKeyStore
    key: VerifierKey
    bundle: Path
    earlier_bundle: Path
    kept: Path
    checkpoint: Path

    @property
    def files(self) -> Files:
        return dict(read_source(self.bundle))

    @property
    def verifier(self) -> Key:
        return read_key(self.key.text())

    def earlier(self) -> list[Kept]:
        return [read_kept(read_source(self.kept), self.verifier)]


def make_scene(home: Path, entries: int) -> Scene:
    engine = open_engine(f"sqlite:///{home}/control.db")
    metadata.create_all(engine)
    keys, clock = FileKeyStore(home / "keys"), SteppedClock()
    bundle, earlier, kept, note = (home / name for name in ("b.zip", "e.zip", "k.zip", "note"))
    with GroupCommitWriter(engine, keys, clock, "test.example/log", home / "head") as writer:
        key = writer.verifier_key
        for number in range(entries):
            clock.advance(1_000)
            public = {
                "licence": f"lic_{number % 3}",
                "session": "ses",
                "question": f"q{number}",
                "code": "c",
            }
            event = AuditEvent(
                EntryKind.QUESTION_REFUSED, SYSTEM_ACTOR, public, {"sql": f"SELECT {number}"}
            )
            writer.submit(event, no_effect)
            if number == entries * 2 // 3:
                export_bundle(engine, writer, SYSTEM_ACTOR, key=key, files={}, out=earlier)
                note.write_text(export_kept(engine, kept), encoding="utf-8")
        export_bundle(engine, writer, SYSTEM_ACTOR, key=key, files=EXTRA, out=bundle, opening=keys)
    return Scene(engine, keys, key, bundle, earlier, kept, note)


def judged(files: Files, scene: Scene, kept: Sequence[Kept] = ()) -> Report:
    return verify_files(files, scene.verifier, kept)


def exit_code(files: Files, scene: Scene) -> int:
    try:
        return judged(files, scene).exit_code
    except Unusable:
        return 2


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def flipped(files: Files, name: str, offset: int, bit: int = 1) -> Files:
    data = bytearray(files[name])
    data[offset] ^= bit
    return {**files, name: bytes(data)}


def as_log(bodies: Sequence[bytes], scene: Scene, size: int | None = None) -> Files:
    """Build a whole log over these bodies and sign it with the platform's own key."""
    edge = TreeEdge()
    rows: dict[tuple[int, int], bytes] = {}
    for body in bodies:
        rows |= {(level, n): data for level, n, data in edge.append(leaf_hash(body))}
    head = Checkpoint(scene.key.name, size or edge.size, edge_root(edge))
    signer = HeldKey(scene.key, lambda data: scene.keys.sign("log", data))
    note = sign_note(head.text(), [signer])
    files = {"checkpoint": note.encode()}
    for level, number, width in tiles_of_size(edge.size):
        tile = rows.get((level, number)) or edge.partial_tile(level, number) or b""
        files[tile_path(level, number, width)] = tile
        if level == 0:
            chunk = bodies[number * TILE_WIDTH : number * TILE_WIDTH + width]
            files[entries_path(number, width)] = b"".join(
                len(body).to_bytes(2, "big") + body for body in chunk
            )
    return files


def renumbered(bodies: Sequence[bytes]) -> list[bytes]:
    return [
        canonical_bytes({**json.loads(body), "index": index}) for index, body in enumerate(bodies)
    ]


def edit(bodies: list[bytes], place: int) -> None:
    content = json.loads(bodies[place])
    content["public"]["question"] = "edited"
    bodies[place] = canonical_bytes(content)


def bodies_of(scene: Scene) -> list[bytes]:
    files = scene.files
    return read_bodies(files, int(files["checkpoint"].split(b"\n")[1]))


def owners(scene: Scene) -> list[int]:
    """For each byte of the entry bundle, the entry it belongs to."""
    return [i for i, body in enumerate(bodies_of(scene)) for _ in range(len(body) + 2)]


def entries_name(scene: Scene) -> str:
    return next(name for name in scene.files if name.startswith("tile/entries/"))


def check_every_byte(scene: Scene) -> None:
    files, entries, owner = scene.files, entries_name(scene), owners(scene)
    for name, data in files.items():
        for offset in range(len(data)):
            changed = flipped(files, name, offset)
            assert exit_code(changed, scene) in {1, 2}, f"{name} byte {offset}"
            if name == entries:
                assert judged(changed, scene).first_bad_index == owner[offset], offset
