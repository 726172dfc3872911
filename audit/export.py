"""What leaves for a regulator: the evidence bundle, and the small file a checkpoint keeper keeps.

A bundle is a zip in C2SP tlog-tiles layout with the files that callers add. Its manifest's digest
is itself a log entry, so every file in the bundle is committed to by the checkpoint in it.
"""

import secrets
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, Engine, select

from audit.bodies import PrivateField
from audit.events import AuditEvent, Recorded, Writer, no_effect
from audit.notes import VerifierKey, parse_checkpoint
from audit.proofs import parse_receipt
from audit.reading import current_checkpoint
from audit.recovery import stored_tile
from audit.sealing import KeyRing
from audit.store import entry, entry_private
from audit.tags import EntryKind
from audit.tree import TILE_WIDTH, entries_path, tile_path, tiles_of_size
from foundation.canonical import canonical_bytes, sha256_hex
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.keys import KeyStore

BUNDLE_FORMAT = "sandgate/bundle@1"
SALT_BYTES = 16
MANIFEST = "manifest.json"
PRIVATE = "private.jsonl"
_RESERVED = ("checkpoint", MANIFEST, PRIVATE, "README.txt", "keys.json")
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes

README = """\
证据包 / Evidence bundle

本包可在没有数据库、没有平台服务的机器上核验。公钥与早先的检查点必须来自包外：
包内的 keys.json 仅供参考，不构成信任。
This bundle is verified without any database or service. The key and an earlier checkpoint must
come from outside: keys.json in here is informative and proves nothing.

核验 / Verify
  sandgate verify bundle FILE --key NAME+HASH+KEY --since EARLIER_CHECKPOINT
  python -m audit.verify bundle FILE --key … --since …   (Python + cryptography)
  退出码 / exit codes: 0 完好 good, 1 被改动 tampered, 2 无法读取 unusable, 3 未达要求 policy unmet

不用本平台的工具 / With tools that are not ours
  checkpoint            C2SP signed note (c2sp.org/tlog-checkpoint), Ed25519
  tile/<L>/<N>[.p/<W>]  C2SP tlog-tiles: RFC 6962 SHA-256 hashes, 256 a tile
  tile/entries/<N>…     每条：两字节长度（大端）+ 原文 / each entry: 2-byte length, then its bytes
  叶哈希 / leaf hash    SHA-256(0x00 || entry)
  可用 / for example    golang.org/x/mod/sumdb/{note,tlog}, sigstore, any RFC 6962 library
  manifest.json         其摘要登记在日志 audit:bundle:exported 条目中
                        its SHA-256 stands in the log's audit:bundle:exported entry
  journals.jsonl        每笔分录之和为零 / the postings of each journal sum to zero
"""


@dataclass(frozen=True)
class ExportedBundle:
    """A bundle on disk: the entry that announces it, and how many entries it holds."""

    recorded: Recorded[None]
    size: int
    checkpoint: str


def export_bundle(
    engine: Engine,
    writer: Writer,
    actor: Actor,
    *,
    key: VerifierKey,
    files: Mapping[str, bytes],
    out: Path,
    opening: KeyStore | None = None,
) -> ExportedBundle:
    """Log the export, then write the bundle. ``files`` maps a path in the bundle to its bytes.

    With ``opening`` the private fields that still exist are disclosed beside their salts.
    """
    _check_paths(files)
    beside = dict(files) | {"README.txt": README.encode(), "keys.json": keys_file(key)}
    if opening is not None:
        with reading(engine) as connection:
            beside[PRIVATE] = _private_lines(connection, opening)
    manifest = _manifest(beside)
    digest = f"sha256:{sha256_hex(manifest)}"
    public = {"manifest_digest": digest, "files": len(beside), "private": opening is not None}
    event = AuditEvent(EntryKind.BUNDLE_EXPORTED, actor, public)
    recorded = writer.submit(event, no_effect)
    note = parse_receipt(recorded.receipt).checkpoint_note
    with reading(engine) as connection:
        _write_zip(out, _log_files(connection, note), beside | {MANIFEST: manifest})
    return ExportedBundle(recorded, parse_checkpoint(note).size, note)


def export_kept(engine: Engine, out: Path) -> str:
    """Write what a regulator keeps between visits: the checkpoint and the leaf hashes beneath it.

    Returns the checkpoint note. The note alone refuses any rewrite; the hashes also name the
    first entry that differs. No entry's content is in the file.
    """
    with reading(engine) as connection:
        note = current_checkpoint(connection)
        if note is None:
            raise NotFound(
                "log_empty",
                Message(zh="审计日志还没有条目。", en="The audit log holds no entry yet."),
            )
        size = parse_checkpoint(note).size
        leaves = (
            (tile_path(level, number, width), stored_tile(connection, level, number, width))
            for level, number, width in tiles_of_size(size)
            if level == 0
        )
        _write_zip(out, _with_checkpoint(note, leaves), {})
    return note


def _log_files(connection: Connection, note: str) -> Iterator[tuple[str, bytes]]:
    return _with_checkpoint(note, _tiles(connection, parse_checkpoint(note).size))


def _with_checkpoint(note: str, files: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    yield "checkpoint", note.encode()
    yield from files


def _tiles(connection: Connection, size: int) -> Iterator[tuple[str, bytes]]:
    for level, number, width in tiles_of_size(size):
        yield tile_path(level, number, width), stored_tile(connection, level, number, width)
        if level == 0:
            yield entries_path(number, width), _entry_bundle(connection, number, width)


def _entry_bundle(connection: Connection, number: int, width: int) -> bytes:
    first = number * TILE_WIDTH
    bodies = connection.execute(
        select(entry.c.body)
        .where(entry.c.idx >= first, entry.c.idx < first + width)
        .order_by(entry.c.idx)
    ).scalars()
    return b"".join(len(body).to_bytes(2, "big") + body for body in bodies)


def _private_lines(connection: Connection, keys: KeyStore) -> bytes:
    rows = connection.execute(
        select(entry_private).order_by(entry_private.c.idx, entry_private.c.field)
    )
    ring = KeyRing(keys)
    return b"".join(private_line(row.idx, ring.open(row)) for row in rows)


def private_line(index: int, hidden: PrivateField) -> bytes:
    """Disclose one private field of an entry, with the salt that opens its commitment."""
    line = {"index": index, "field": hidden.field, "salt": hidden.salt.hex(), "text": hidden.text}
    return canonical_bytes(line) + b"\n"


def keys_file(key: VerifierKey) -> bytes:
    """Name the log's key, for information: trust comes from outside."""
    return canonical_bytes({"log": key.text(), "trust": "informative; keys come from outside"})


def _manifest(files: Mapping[str, bytes]) -> bytes:
    digests = {path: sha256_hex(data) for path, data in files.items()}
    salt = secrets.token_hex(SALT_BYTES)  # the digest in the log confirms no guess about a file
    return canonical_bytes({"format": BUNDLE_FORMAT, "files": digests, "salt": salt})


def _write_zip(
    out: Path, log_files: Iterator[tuple[str, bytes]], beside: Mapping[str, bytes]
) -> None:
    fresh = out.with_name(f"{out.name}.new")
    with zipfile.ZipFile(fresh, "w") as archive:
        for path, data in chain(log_files, sorted(beside.items())):
            member = zipfile.ZipInfo(path, _ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    fresh.replace(out)


def _check_paths(files: Mapping[str, bytes]) -> None:
    for path in files:
        parts = PurePosixPath(path).parts
        ours = path in _RESERVED or path.startswith("tile/")
        if ours or not parts or path.startswith("/") or ".." in parts:
            raise InvalidInput(
                "bundle_path_invalid",
                Message(
                    zh=f"证据包不接受附加文件路径“{path}”。",
                    en=f"The bundle takes no additional file at {path!r}.",
                ),
                field="files",
            )
