"""What describes an evidence pack: RO-Crate 1.1 metadata of its files, who made it, and how."""

from collections.abc import Mapping
from dataclasses import dataclass

from foundation.canonical import canonical_bytes, sha256_hex
from foundation.clock import to_iso
from foundation.identity import Actor

CRATE = "ro-crate-metadata.json"
CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "https://w3id.org/ro/crate/1.1"
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "log": "text/plain",
    "txt": "text/plain",
}


@dataclass(frozen=True)
class CrateHead:
    """Whose pack it is: the log's origin, who exported, when, and what was asked for."""

    origin: str
    actor: Actor
    exported_us: int
    title_zh: str
    title_en: str
    asked: str


def crate_metadata(head: CrateHead, files: Mapping[str, bytes]) -> bytes:
    """Describe the files of a pack; each with its size and SHA-256."""
    when = to_iso(head.exported_us)
    agent, house = f"#person-{head.actor.person}", f"#organisation-{head.actor.organisation}"
    parts = [{"@id": path} for path in sorted(files)]
    graph: list[dict[str, object]] = [
        {
            "@id": CRATE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": PROFILE},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"{head.title_zh} / {head.title_en}",
            "description": f"监管取证包，源自审计日志 {head.origin} / evidence from the audit log "
            f"{head.origin}: {head.asked}",
            "datePublished": when,
            "license": {"@id": "#terms"},
            "author": {"@id": agent},
            "hasPart": parts,
            "mentions": {"@id": "#export"},
        },
        {
            "@id": "#terms",
            "@type": "CreativeWork",
            "name": "仅供监管与取证使用 / for oversight and evidence only",
        },
        {
            "@id": "#export",
            "@type": "CreateAction",
            "name": head.asked,
            "agent": {"@id": agent},
            "endTime": when,
            "instrument": {"@id": "#sandgate"},
            "result": parts,
        },
        {
            "@id": "#sandgate",
            "@type": "SoftwareApplication",
            "name": "Sandgate 沙闸",
            "version": "1",
        },
        {"@id": agent, "@type": "Person", "name": head.actor.person, "affiliation": {"@id": house}},
        {"@id": house, "@type": "Organization", "name": head.actor.organisation},
        *(_file(path, data) for path, data in sorted(files.items())),
    ]
    return canonical_bytes({"@context": CONTEXT, "@graph": graph})


def _file(path: str, data: bytes) -> dict[str, object]:
    ending = path.rpartition(".")[2]
    return {
        "@id": path,
        "@type": "File",
        "name": path,
        "encodingFormat": MEDIA_TYPES.get(ending, "application/octet-stream"),
        "contentSize": str(len(data)),
        "identifier": f"sha256:{sha256_hex(data)}",
    }
