"""Certificates of destruction: what was destroyed, which copies are left, which keys are gone.

A certificate is a document whose digest stands in an entry of the log; that entry's receipt is the
proof, so that anyone who holds the log's key can check it (``sandgate verify certificate``).
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from audit.events import AuditEvent, Writer, no_effect
from audit.reading import LogEntry, read_entries
from audit.retention.classes import Classes
from audit.tags import EntryKind
from authorization.licences import LicenceState, require_licence
from disclosure.extract_records import standing_extracts
from disclosure.release.contents.store import release_upload
from disclosure.store import answer
from foundation.canonical import digest
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import Conflict, Message
from foundation.identity import Actor
from foundation.keys import KeyStore
from sandbox.homes.keeping import STANDING, Home, home_key_name, homes
from sandbox.lifecycle import SessionState
from sandbox.sessions import Session, SessionRegistry

FORMAT = "sandgate/destruction-certificate@1"
OVER = frozenset({LicenceState.ENDED, LicenceState.EXPIRED})
RULE = "destruction-certificate"


@dataclass(frozen=True)
class DestructionDesk:
    """Issues certificates for sessions and for licences that are over."""

    engine: Engine
    writer: Writer
    keys: KeyStore
    classes: Classes
    sessions: SessionRegistry

    def of_session(self, actor: Actor, session: Session) -> dict[str, object]:
        """Certify the end of a session. Raises Conflict while it stands."""
        if session.state is not SessionState.DESTROYED:
            raise _not_yet(
                "会话尚未销毁。", "The session is not destroyed yet.", "请先关闭会话。", "Close it."
            )
        with reading(self.engine) as connection:
            ended = _entries(connection, EntryKind.SESSION_DESTROYED, {"session": session.id})
            saved = [
                home
                for home in homes(connection, person=session.person)
                if home.session == session.id
            ]
            document: dict[str, object] = {
                "format": FORMAT,
                "subject": {"session": session.id, "slot": session.slot, "mode": session.mode},
                "licence": session.licence,
                "person": session.person,
                "organisation": session.organisation,
                "opened": None if session.opened_us is None else to_iso(session.opened_us),
                "destroyed_at": to_iso(session.changed_us),
                "reason": session.reason,
                "destroyed": [_item("sandbox", _SANDBOX, ended)],
                "copies": [
                    *(_home_copy(home) for home in saved),
                    *self._stored(connection, "session", session.id),
                ],
                "keys": self._key_states({home_key_name(session.licence)}) if saved else [],
            }
        return self._issued(actor, document, {"session": session.id, "licence": session.licence})

    def of_licence(self, actor: Actor, licence: str) -> dict[str, object]:
        """Certify the end of everything under a licence. Raises Conflict while anything stands."""
        with reading(self.engine) as connection:
            held = require_licence(connection, licence)
            self._check_gone(connection, licence, LicenceState(held.state))
            extracts = _entries(connection, EntryKind.EXTRACT_DESTROYED, {"licence": licence})
            ended = _entries(connection, EntryKind.HOME_DESTROYED, {"licence": licence})
            sessions = self.sessions.sessions(licence=licence)
            names = {str(entry.public["key_name"]) for entry in (*extracts, *ended)}
            document: dict[str, object] = {
                "format": FORMAT,
                "subject": {"licence": licence},
                "licence": licence,
                "organisation": held.operator,
                "state": held.state,
                "destroyed": [
                    *(
                        _item("extract", _EXTRACT, [entry], digest=entry.public["extract_digest"])
                        for entry in extracts
                    ),
                    *(
                        _item("home", _HOME, [entry], digest=entry.public["box_digest"])
                        for entry in ended
                    ),
                ],
                "sessions": [
                    {"session": one.id, "destroyed_at": to_iso(one.changed_us)} for one in sessions
                ],
                "copies": self._stored(connection, "licence", licence),
                "keys": self._key_states(names),
            }
        return self._issued(actor, document, {"licence": licence})

    def _check_gone(self, connection: Connection, licence: str, state: LicenceState) -> None:
        if state not in OVER:
            raise _not_yet(
                "授权仍在，未销毁。",
                "The licence stands; nothing of it was destroyed.",
                "请先终止授权。",
                "End the licence first.",
            )
        live = self.sessions.sessions(licence=licence, live=True)
        standing = [
            *standing_extracts(connection, licence),
            *homes(connection, licence=licence, states=STANDING),
        ]
        if live or standing:
            raise _not_yet(
                "授权已终止，销毁尚在进行。",
                "The licence is over; its destruction is under way.",
                "请数秒后重试。",
                "Ask again in a few seconds.",
            )

    def _stored(self, connection: Connection, what: str, name: str) -> list[dict[str, object]]:
        """Name what is kept beside the sandbox, and for how long."""
        answers = _count(connection, select(func.count()).where(answer.c[what] == name))
        uploads = _count(connection, select(func.count()).where(release_upload.c[what] == name))
        texts = [self.classes.named(item) for item in ("question_text", "cell_text")]
        copies: list[dict[str, object]] = []
        if answers:
            copies.append(_copy("answers", _ANSWERS, answers))
        if uploads:
            copies.append(_copy("uploads", _UPLOADS, uploads))
        copies.append(
            {
                **_copy("log", _LOG, None),
                "private_text_months": {
                    found.name: [found.minimum_months, found.maximum_months]
                    for found in texts
                    if found is not None
                },
            }
        )
        return copies

    def _key_states(self, names: set[str]) -> list[dict[str, object]]:
        known = {record.name: record.state for record in self.keys.inventory()}
        return [{"name": name, "state": known.get(name, "destroyed")} for name in sorted(names)]

    def _issued(
        self, actor: Actor, document: dict[str, object], about: Mapping[str, object]
    ) -> dict[str, object]:
        public = {**about, "document_digest": digest(document)}
        event = AuditEvent(EntryKind.DESTRUCTION_CERTIFIED, actor, public)
        recorded = self.writer.submit(event, no_effect)
        return {
            "document": document,
            "entry": {
                "index": recorded.index,
                "body": base64.b64encode(recorded.body).decode(),
                "receipt": recorded.receipt,
            },
        }


_SANDBOX = Message(
    "会话的全部进程、内存及内存文件系统（工作目录、临时文件、共享内存）",
    "every process of the session, its memory, and its file systems in memory (home, temporary "
    "files, shared memory)",
)
_EXTRACT = Message("授权数据副本的密文与密钥", "an extract of the licence: its file and its key")
_HOME = Message("加密保存的工作目录", "work that was kept, sealed")
_ANSWERS = Message(
    "平台留存的答案（为重复查询、结算与出域所需；本版本不清除）",
    "answers that the platform keeps for repeats, bills and releases; this version does not "
    "purge them",
)
_UPLOADS = Message(
    "交付审核台的文件内容（为审核记录所需；本版本不清除）",
    "values of files handed to the release desk, kept with its record; this version does not "
    "purge them",
)
_LOG = Message(
    "审计日志中的条目（依法留存；其中的文字按类别与月份加密，期满销毁密钥）",
    "entries of the audit log, kept by law; texts in them are sealed by class and month, and end "
    "with their key",
)


def _entries(
    connection: Connection, kind: EntryKind, subjects: Mapping[str, str]
) -> list[LogEntry]:
    return read_entries(connection, kinds=(kind,), subjects=subjects)


def _item(
    kind: str, what: Message, entries: Sequence[LogEntry], **more: object
) -> dict[str, object]:
    return {
        "kind": kind,
        "what": {"zh": what.zh, "en": what.en},
        "entries": [entry.index for entry in entries],
        "at": [to_iso(entry.time_us) for entry in entries],
        **more,
    }


def _home_copy(home: Home) -> dict[str, object]:
    ends = None if home.state != "destroyed" or home.ended_us is None else to_iso(home.ended_us)
    return {
        "kind": "home",
        "what": {"zh": _HOME.zh, "en": _HOME.en},
        "id": home.id,
        "state": home.state,
        "digest": home.box_digest,
        "ended": ends,
        "ends": {"zh": "随授权终止", "en": "with its licence"},
    }


def _copy(kind: str, what: Message, count: int | None) -> dict[str, object]:
    counted = {} if count is None else {"count": count}
    return {"kind": kind, "what": {"zh": what.zh, "en": what.en}, **counted}


def _count(connection: Connection, query: object) -> int:
    return int(connection.execute(query).scalar_one())  # type: ignore[call-overload]


def _not_yet(zh: str, en: str, way_zh: str, way_en: str) -> Conflict:
    return Conflict(
        "not_destroyed",
        Message(zh, en),
        field="state",
        rule=RULE,
        way_out=Message(way_zh, way_en),
    )
