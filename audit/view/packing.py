"""Puts entries, their proofs and further files into one zip that is checked without the platform.

The manifest names every file and every entry, and its digest stands in the log's own entry of the
export; that entry, each exported entry and their proofs lead to one signed checkpoint.
"""

import secrets
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, Recorded, Writer, no_effect
from audit.notes import parse_checkpoint
from audit.proofs import parse_receipt, receipt_text
from audit.reading import LogEntry, entry_at
from audit.recovery import stored_nodes
from audit.tags import EntryKind
from audit.tree import inclusion_proof
from foundation.canonical import canonical_bytes, sha256_hex
from foundation.db import reading
from foundation.identity import Actor

PACK_FORMAT = "sandgate/pack@1"
SALT_BYTES = 16  # so that the digest in the log confirms no guess about a file
MANIFEST = "manifest.json"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes


def export_pack(
    engine: Engine,
    writer: Writer,
    actor: Actor,
    kind: EntryKind,
    public: Mapping[str, object],
    *,
    entries: Sequence[LogEntry],
    files: Mapping[str, bytes],
    about: Mapping[str, object],
    out: Path,
) -> Recorded[None]:
    """Log an export under a kind, then write the pack; ``about`` stands in its manifest."""
    manifest = canonical_bytes(
        {
            **about,
            "format": PACK_FORMAT,
            "salt": secrets.token_hex(SALT_BYTES),
            "entries": {str(entry.index): entry.leaf_hash.hex() for entry in entries},
            "files": {path: sha256_hex(data) for path, data in files.items()},
        }
    )
    said = {"manifest_digest": f"sha256:{sha256_hex(manifest)}", "entries": len(entries), **public}
    recorded = writer.submit(AuditEvent(kind, actor, said), no_effect)
    note = parse_receipt(recorded.receipt).checkpoint_note
    with reading(engine) as connection:
        proven = _proven(connection, entries, note)
        own = {
            "checkpoint": note.encode(),
            "export.json": entry_at(connection, recorded.index).body,
            "export.tlog-proof": recorded.receipt.encode(),
        }
    _write_zip(out, {**files, **own, **proven, MANIFEST: manifest})
    return recorded


def receipts_under(
    connection: Connection, entries: Sequence[LogEntry], note: str
) -> dict[int, str]:
    """Prove each entry's place under one checkpoint; tiles are read once for all of them."""
    size, nodes = parse_checkpoint(note).size, stored_nodes(connection)
    return {
        entry.index: receipt_text(entry.index, inclusion_proof(entry.index, size, nodes), note)
        for entry in entries
        if entry.index < size
    }


def _proven(connection: Connection, entries: Sequence[LogEntry], note: str) -> dict[str, bytes]:
    receipts = receipts_under(connection, entries, note)
    bodies = {f"entries/{entry.index}.json": entry.body for entry in entries}
    proofs = {f"proofs/{index}.tlog-proof": text.encode() for index, text in receipts.items()}
    return bodies | proofs


def _write_zip(out: Path, files: Mapping[str, bytes]) -> None:
    fresh = out.with_name(f"{out.name}.new")
    with zipfile.ZipFile(fresh, "w") as archive:
        for path, data in sorted(files.items()):
            member = zipfile.ZipInfo(path, _ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    fresh.replace(out)
