"""An evidence pack of what a search or a timeline found: signed by the log, checked without it.

The pack's manifest names every file and every entry in it, and its digest stands in the log's own
entry of this export; that entry, each exported entry and their proofs lead to one checkpoint that
the log's key signed. What a pack cannot prove is that nothing else was to be found: for that a
recipient needs the whole log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.events import Recorded, Writer
from audit.export import keys_file
from audit.formats.crate import CRATE, CrateHead, crate_metadata
from audit.formats.lineage import as_openlineage
from audit.formats.records import Record
from audit.formats.security import as_cef, as_ocsf
from audit.formats.tables import as_csv, as_jsonl, as_parquet
from audit.notes import VerifierKey
from audit.reading import LogEntry, current_checkpoint
from audit.tags import EntryKind
from audit.view.narration import Names, sentence
from audit.view.packing import export_pack, receipts_under
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.identity import Actor

ENTRIES_MAX = 5_000

README = """\
监管取证包 / Evidence pack

data/            查询或时间线的结果，同一批条目的若干格式 / the result, in the formats asked for
entries/<N>.json 每条日志原文（叶哈希即取自这些字节）/ each entry, the very bytes its hash is of
proofs/<N>.tlog-proof 该条目在日志中的位置证明（c2sp.org/tlog-proof）/ the proof of its place
export.json, export.tlog-proof 本次导出自身的日志条目及其证明 / this export's own entry
manifest.json    全部文件与条目的清单；其摘要登记在 export.json / digest stands in export.json
checkpoint       签名检查点 / the signed checkpoint that all proofs lead to
ro-crate-metadata.json RO-Crate 1.1

核验（离线，公钥来自包外）/ Verify offline, with the key from outside
  sandgate verify bundle FILE --key NAME+HASH+KEY
  或任何支持 C2SP tlog-proof 的工具：叶哈希 = SHA-256(0x00 || entries/<N>.json)
  or any tool that reads C2SP tlog-proof: leaf hash = SHA-256(0x00 || entries/<N>.json)

本包证明其中每一条属实；不能证明没有遗漏，遗漏须对照全部日志。
The pack proves that each entry in it is true. That nothing was left out needs the whole log.
"""


class Format(StrEnum):
    """The formats that entries can be exported in."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    OCSF = "ocsf"
    CEF = "cef"
    OPENLINEAGE = "openlineage"


_WRITERS: Mapping[Format, tuple[str, Callable[[Sequence[Record]], bytes]]] = {
    Format.JSONL: ("data/entries.jsonl", as_jsonl),
    Format.CSV: ("data/entries.csv", as_csv),
    Format.PARQUET: ("data/entries.parquet", as_parquet),
    Format.OCSF: ("data/ocsf.jsonl", as_ocsf),
    Format.CEF: ("data/cef.log", as_cef),
}
_LINEAGE = "data/openlineage.jsonl"


@dataclass(frozen=True)
class Found:
    """What is to be exported: the entries, what was asked, and whether these are all of them.

    ``read_first`` and ``read_end`` bound the part of the log that was read for it.
    """

    entries: Sequence[LogEntry]
    asked: Mapping[str, object]
    complete: bool
    read_first: int
    read_end: int
    title_zh: str
    title_en: str


@dataclass(frozen=True)
class Exported:
    """A pack on disk: the entry that announces it, and how many entries it holds."""

    recorded: Recorded[None]
    count: int


def export_found(
    engine: Engine,
    writer: Writer,
    actor: Actor,
    found: Found,
    *,
    key: VerifierKey,
    formats: Iterable[Format],
    names: Names,
    now_us: int,
    out: Path,
) -> Exported:
    """Log the export, then write the pack as a zip."""
    ordered = sorted(found.entries, key=lambda entry: entry.index)
    records = [Record(key.name, entry, sentence(entry, names)) for entry in ordered]
    asked = canonical_bytes(dict(found.asked)).decode()
    head = CrateHead(key.name, actor, now_us, found.title_zh, found.title_en, asked)
    with reading(engine) as connection:
        files = _data_files(
            connection, records, sorted(set(formats)), current_checkpoint(connection)
        )
    files |= {"README.txt": README.encode(), "keys.json": keys_file(key)}
    files[CRATE] = crate_metadata(head, files)
    recorded = export_pack(
        engine,
        writer,
        actor,
        EntryKind.VIEW_EXPORTED,
        {
            "asked": dict(found.asked),
            "complete": found.complete,
            "formats": [str(name) for name in sorted(set(formats))],
        },
        entries=ordered,
        files=files,
        about={
            "asked": dict(found.asked),
            "complete": found.complete,
            "read": [found.read_first, found.read_end],
        },
        out=out,
    )
    return Exported(recorded, len(ordered))


def _data_files(
    connection: Connection, records: Sequence[Record], formats: Sequence[Format], note: str | None
) -> dict[str, bytes]:
    files = {}
    for name in formats:
        if name is Format.OPENLINEAGE:
            entries = [record.entry for record in records]
            receipts = {} if note is None else receipts_under(connection, entries, note)
            files[_LINEAGE] = as_openlineage(records, receipts)
        else:
            path, write = _WRITERS[name]
            files[path] = write(records)
    return files
