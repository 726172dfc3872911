"""A signed package of the published catalogue for an upper node: one file that proves itself.

``entries.jsonl`` holds one entry a line, by code; ``manifest.json`` its digest, its count and what
it is of. The manifest's digest stands in an entry of the log, and the package ends in that entry
with its receipt: the checkpoint's signatures (Ed25519, and SM2 where that profile is on) are the
platform's signatures over the package. ``sandgate verify catalogue`` checks it from the file alone.
"""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine

from audit.events import AuditEvent, Recorded, Writer, no_effect
from audit.proofs import parse_receipt
from audit.tags import EntryKind
from catalog.exchange.dcat import Node, Published
from catalog.exchange.published import all_published
from foundation.canonical import canonical_bytes, digest, sha256_hex
from foundation.clock import to_iso
from foundation.db import reading
from foundation.identity import Actor
from foundation.ids import new_id

FORMAT = "sandgate/catalogue-export@1"
ENTRIES, MANIFEST, BODY = "entries.jsonl", "manifest.json", "entry.json"
RECEIPT, CHECKPOINT = "receipt.txt", "checkpoint"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that the archive's format can say: no time leaks


@dataclass(frozen=True)
class Package:
    """A finished package and the log entry that vouches for it."""

    export: str
    entries: int
    index: int
    data: bytes


def export_catalogue(
    engine: Engine, writer: Writer, actor: Actor, node: Node, *, at_us: int
) -> Package:
    """Export every published entry as of now, under an entry of the log."""
    export = new_id("exp")
    with reading(engine) as connection:
        lines, count = entry_lines(all_published(connection))
    manifest = {
        "format": FORMAT,
        "export": export,
        "at": to_iso(at_us),
        "node": {
            "base": node.base,
            "name": {"zh": node.publisher.zh, "en": node.publisher.en},
            "code": node.publisher_code,
        },
        "entries": count,
        "entries_digest": f"sha256:{sha256_hex(lines)}",
    }
    event = AuditEvent(
        EntryKind.CATALOGUE_EXPORTED,
        actor,
        public={"export": export, "entries": count, "manifest_digest": digest(manifest)},
    )
    recorded = writer.submit(event, no_effect)
    data = packed(lines, canonical_bytes(manifest) + b"\n", recorded)
    return Package(export, count, recorded.index, data)


def entry_lines(entries: Iterable[Published]) -> tuple[bytes, int]:
    """Return the canonical lines of entries, and how many they are."""
    lines = [_line(published) for published in entries]
    return b"".join(lines), len(lines)


def packed(lines: bytes, manifest: bytes, recorded: Recorded[None]) -> bytes:
    """Return the package; equal content gives equal bytes."""
    data = io.BytesIO()
    parts = {
        MANIFEST: manifest,
        ENTRIES: lines,
        BODY: recorded.body,
        RECEIPT: recorded.receipt.encode(),
        CHECKPOINT: parse_receipt(recorded.receipt).checkpoint_note.encode(),
    }
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return data.getvalue()


def _line(published: Published) -> bytes:
    document = published.entry.model_dump(mode="json")
    line = {
        "code": published.entry.code,
        "version": published.version,
        "published_at": to_iso(published.published_us),
        "digest": digest(document),
        "document": document,
    }
    return canonical_bytes(line) + b"\n"
