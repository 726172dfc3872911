"""A case as one file: its entries with proofs, the texts it opened, what was erased, and a report.

Opening the texts is logged like any reading, and so is the export, whose entry commits to every
file. The pack is checked offline like any other (``audit.verify.packs``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from audit.cases.files import Case, CaseState, check_auditor, check_own, require_case
from audit.cases.narrative import Story, case_report
from audit.cases.scope import covered
from audit.cases.texts import READ_AT_ONCE_MAX, CaseTexts, FieldFound, FieldState
from audit.events import Recorded, Writer
from audit.export import keys_file, private_line
from audit.notes import VerifierKey
from audit.reading import LogEntry, current_checkpoint, entry_at
from audit.store import entry
from audit.tags import EntryKind
from audit.view.narration import Names
from audit.view.packing import export_pack
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import Conflict, Message
from foundation.identity import Actor

ENTRIES_MAX = 2_000

README = """\
案件材料 / A case's evidence

report.pdf       案件报告（中文）：事实、文字、哈希与核验方法 / the report
entries/<N>.json 每条日志原文 / each entry, the very bytes its leaf hash is of
proofs/<N>.tlog-proof 位置证明（c2sp.org/tlog-proof）/ the proof of its place
private.jsonl    凭本案件打开的非公开字段及其盐 / the private fields opened for this case
erased.jsonl     已抹除的字段与抹除它的条目 / fields that were erased, and the entry that did it
case.json        案件与保全 / the case and its holds
policies/        所依规则文件 / the rule files in force
export.json, manifest.json, checkpoint  本次导出、文件清单、签名检查点 / export, list, checkpoint

核验 / Verify offline, with the key from outside
  sandgate verify bundle FILE --key NAME+HASH+KEY
  … --texts 逐项列出非公开字段的状态 / … --texts names the state of every private field
"""


@dataclass(frozen=True)
class CaseExported:
    """A case on disk: the entry that announces it, and how many entries it holds."""

    recorded: Recorded[None]
    count: int


class CaseExporter:
    """Writes cases for those who opened them."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        texts: CaseTexts,
        *,
        key: VerifierKey,
        policies: Mapping[str, bytes],
        policy_digest: str,
    ) -> None:
        """``policies`` maps a rule file's path to its bytes."""
        self._engine = engine
        self._writer = writer
        self._texts = texts
        self._key = key
        self._policies = policies
        self._policy_digest = policy_digest

    def export(
        self, actor: Actor, case: str, *, names: Names, now_us: int, out: Path
    ) -> CaseExported:
        """Open what the case may read, then write the pack. Raises Conflict where it is too large.

        ``now_us`` is the report's date.
        """
        check_auditor(actor)
        with reading(self._engine) as connection:
            found = require_case(connection, case)
            check_own(actor, found)
            held = _held(connection, found)
        fields = self._opened(actor, case, held)
        with reading(self._engine) as connection:
            entries = _with_context(connection, found, held, fields)
            note = current_checkpoint(connection) or ""
        report = case_report(
            Story(found, entries, fields, names, self._key, note, now_us, self._policy_digest)
        )
        files = self._files(found, fields, report)
        recorded = export_pack(
            self._engine,
            self._writer,
            actor,
            EntryKind.CASE_EXPORTED,
            {"case": case},
            entries=entries,
            files=files,
            about={"case": case},
            out=out,
        )
        return CaseExported(recorded, len(entries))

    def _opened(self, actor: Actor, case: str, held: Sequence[LogEntry]) -> list[FieldFound]:
        indexes = [item.index for item in held if item.content["private"]]
        chunks = [
            indexes[first : first + READ_AT_ONCE_MAX]
            for first in range(0, len(indexes), READ_AT_ONCE_MAX)
        ]
        return [field for chunk in chunks for field in self._texts.read(actor, case, chunk).value]

    def _files(self, case: Case, fields: Sequence[FieldFound], report: bytes) -> dict[str, bytes]:
        files = {
            "README.txt": README.encode(),
            "case.json": canonical_bytes(case.as_json(whole=True)),
            "keys.json": keys_file(self._key),
            "report.pdf": report,
            "private.jsonl": b"".join(
                private_line(item.index, item.hidden) for item in fields if item.hidden is not None
            ),
            "erased.jsonl": b"".join(
                canonical_bytes(
                    {"index": item.index, "field": item.field, "erased_by": item.erased_index}
                )
                + b"\n"
                for item in fields
                if item.state is FieldState.ERASED
            ),
        }
        return files | {f"policies/{path}": data for path, data in self._policies.items()}


def _held(connection: Connection, case: Case) -> list[LogEntry]:
    """Return the entries that the case covers."""
    if case.state is CaseState.CLOSED or not case.scopes:
        raise Conflict(
            "case_covers_nothing",
            Message(
                "案件已结案或没有有效保全，没有可导出的条目。",
                "The case is closed, or none of its holds stands: there is nothing to export.",
            ),
            field="case",
        )
    query = select(entry.c.idx).where(covered(case.scopes)).order_by(entry.c.idx)
    indexes = list(connection.execute(query.limit(ENTRIES_MAX + 1)).scalars())
    if len(indexes) > ENTRIES_MAX:
        raise Conflict(
            "case_too_large",
            Message(
                f"案件所及超过 {ENTRIES_MAX} 条，无法写成一份材料。",
                f"The case covers more than {ENTRIES_MAX} entries, too many for one file.",
            ),
            field="case",
            rule=f"<= {ENTRIES_MAX}",
            way_out=Message(
                "请缩小保全范围（时段、授权），或导出完整证据包。",
                "Narrow its holds by time or licence, or export the whole bundle.",
            ),
        )
    return [entry_at(connection, index) for index in indexes]


def _with_context(
    connection: Connection, case: Case, held: Sequence[LogEntry], fields: Sequence[FieldFound]
) -> list[LogEntry]:
    """Add the case's own entries and those that erased a field of it, in the order of the log."""
    indexes = {item.index for item in held}
    indexes |= {case.opened_index, *(hold.placed_index for hold in case.holds)}
    indexes |= {hold.lifted_index for hold in case.holds if hold.lifted_index is not None}
    indexes |= {item.erased_index for item in fields if item.erased_index is not None}
    return [entry_at(connection, index) for index in sorted(indexes)]
