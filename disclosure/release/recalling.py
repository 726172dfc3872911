"""Recall: the authority takes a release back; everyone who holds it is named, and a list is signed.

Nothing is handed over from then on, and the certificate counts no more: whoever is shown one looks
for its release in the signed list of recalls. What rests on the same answers or the same plan is
named too, for the authority to look at; nothing is recalled by itself.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from audit.events import AuditEvent, PendingEntry
from audit.key_requests import last_citation
from audit.reading import read_entries
from audit.tags import EntryKind
from authorization.separation import check_natural_person, check_role
from catalog.entries import Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue
from disclosure.release.certificate import RECALL_CONTEXT, commitment_of, issue
from disclosure.release.copies import recipients_of
from disclosure.release.encoding import sha256_of
from disclosure.release.parts import DeskParts, set_request
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseMove, next_state
from disclosure.release.store import (
    release_copy,
    release_file,
    release_recall,
    release_request,
    release_signed,
)
from foundation.canonical import canonical_bytes
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.lines import inert

SALT_BYTES = 32
HOUSES_AT_ONCE = 200
TITLE_CHARACTERS_SHOWN = 300


@dataclass(frozen=True)
class Recalled:
    """A recall: who must hear of it, and what else rests on the same."""

    request: Request
    number: int
    recipients: list[dict[str, object]]
    products: list[dict[str, object]]

    def as_json(self) -> dict[str, object]:
        """Return it as the authority is told."""
        return {
            **self.request.as_json(),
            "number": self.number,
            "recipients": self.recipients,
            "dependent_products": self.products,
        }


class Recalling:
    """Serves the authority."""

    def __init__(self, parts: DeskParts) -> None:
        """Join the parts."""
        self._parts = parts

    def recall(self, actor: Actor, request_id: str, reason: str) -> Recalled:
        """Take a delivered release back. One person suffices: it only closes."""

        def apply(connection: Connection, entry: PendingEntry) -> Recalled:
            check_role(actor, Role.AUTHORITY)
            check_natural_person(actor)
            request = require_request(connection, request_id)
            state = next_state(request.state, ReleaseMove.RECALL)
            if not reason.strip():
                raise _needs_reason()
            recipients = recipients_of(connection, request_id)
            products = dependent_products(connection, request)
            number = _next_number(connection)
            set_request(connection, request, state=state.value, recalled_us=entry.time_us)
            document = _list_with(connection, request, number, entry.time_us)
            connection.execute(
                insert(release_recall).values(
                    number=number,
                    request=request.id,
                    person=actor.person,
                    reason=reason,
                    document=document,
                    entry_index=entry.index,
                    recalled_us=entry.time_us,
                )
            )
            entry.amend(
                licence=request.licence,
                number=number,
                recipients=sorted({str(item["organisation"]) for item in recipients}),
                products=[str(item["release"]) for item in products],
                certifies=commitment_of(document),
            )
            _tell_holders(connection, entry, request, recipients)
            return Recalled(require_request(connection, request_id), number, recipients, products)

        public = {"release": request_id}
        event = AuditEvent(EntryKind.RELEASE_RECALLED, actor, public, {"reason": reason})
        found = self._parts.submit(event, apply).value
        self.sign_list()
        return found

    def sign_list(self) -> None:
        """Sign the newest list of recalls, where it is not signed; also after a crash."""
        with reading(self._parts.engine) as connection:
            newest = _newest(connection)
            if newest is None or _signed(connection, newest.number) is not None:
                return
            cited = last_citation(
                connection, EntryKind.RELEASE_RECALLED, {"release": newest.request}
            )
        signed = issue(self._parts.keys, newest.document, RECALL_CONTEXT, cited)
        text = canonical_bytes(signed.as_json()).decode()

        def apply(connection: Connection, _entry: PendingEntry) -> None:
            if _signed(connection, newest.number) is None:
                connection.execute(
                    insert(release_signed).values(
                        id=f"recalls-{newest.number}", kind="recall", document=text
                    )
                )

        document = json.loads(newest.document)
        public = {name: document[name] for name in ("release", "licence", "number")}
        event = AuditEvent(EntryKind.RECALLS_SIGNED, SYSTEM_ACTOR, public)
        self._parts.writer.submit(event, apply)


def recall_list(connection: Connection) -> dict[str, object] | None:
    """Return the newest signed list of recalls; None where nothing was ever recalled."""
    newest = _newest(connection)
    if newest is None:
        return None
    text = _signed(connection, newest.number)
    found: dict[str, object] | None = None if text is None else json.loads(text)
    return found


def notices_for(connection: Connection, organisation: str) -> list[dict[str, object]]:
    """List the recalls of releases that an organisation holds a copy of: what it must hear."""
    held = select(release_copy.c.request).where(release_copy.c.organisation == organisation)
    query = (
        select(release_recall, release_request.c.title_zh, release_request.c.title_en)
        .join_from(release_recall, release_request)
        .where(release_recall.c.request.in_(held))
        .order_by(release_recall.c.number)
    )
    return [
        {
            "number": row.number,
            "release": row.request,
            "title": {"zh": row.title_zh, "en": row.title_en},
            "recalled": to_iso(row.recalled_us),
            "notice": {"zh": _NOTICE.zh, "en": _NOTICE.en},
        }
        for row in connection.execute(query)
    ]


def _tell_holders(
    connection: Connection,
    entry: PendingEntry,
    request: Request,
    recipients: Sequence[Mapping[str, object]],
) -> None:
    """Push the recall to every house that holds a copy, whoever fetched it there."""
    houses = sorted({str(item["organisation"]) for item in recipients})
    title = Bilingual(
        zh=f"成果召回：{_one_line(request.title_zh)}", en=f"Recalled: {_one_line(request.title_en)}"
    )
    for start in range(0, len(houses), HOUSES_AT_ONCE):
        to = tuple(Recipient(organisation=one) for one in houses[start : start + HOUSES_AT_ONCE])
        notice = Notice(
            kind="release.recalled",
            subject=request.id,
            to=to,
            title=title,
            body=Bilingual(zh=_NOTICE.zh, en=_NOTICE.en),
            data={"release": request.id},
        )
        enqueue(connection, entry, notice)


def _one_line(title: str) -> str:
    return " ".join(inert(title).split())[:TITLE_CHARACTERS_SHOWN]


def dependent_products(connection: Connection, request: Request) -> list[dict[str, object]]:
    """List what rests on the same: other releases of its answers or plans, and its buyers' fetches.

    In whatever state: a draft of the same answer must not leave tomorrow.
    """
    table, ours = release_file.c, release_request.c
    answers = {name for made in request.files for name in made.answers}
    asked = {made.asked for made in request.files if made.asked}
    query = (
        select(table.request, table.answers, table.asked, ours.licence, ours.state)
        .select_from(release_file.join(release_request, table.request == ours.id))
        .where(table.request != request.id)
        .order_by(ours.created_index)
    )
    found: dict[str, dict[str, object]] = {}
    for row in connection.execute(query):
        if answers & set(json.loads(row.answers)) or row.asked in asked:
            found[row.request] = {
                "release": row.request,
                "licence": row.licence,
                "state": row.state,
                "fetches": _fetches(connection, row.request),
            }
    own = _fetches(connection, request.id)
    if own:
        itself = {"licence": request.licence, "state": request.state.value, "fetches": own}
        found[request.id] = {"release": request.id, **itself}
    return list(found.values())


def _fetches(connection: Connection, product: str) -> list[dict[str, object]]:
    entries = read_entries(
        connection, kinds=(EntryKind.PRODUCT_FETCHED,), subjects={"product": product}
    )
    return [
        {"entry": entry.index, "buyer": entry.public.get("buyer"), "at": to_iso(entry.time_us)}
        for entry in entries
    ]


def _list_with(connection: Connection, request: Request, number: int, time_us: int) -> str:
    """Return the list of all recalls, this one last, as the document that is signed."""
    newest = _newest(connection)
    earlier = [] if newest is None else json.loads(newest.document)["recalls"]
    this = {
        "number": number,
        "release": request.id,
        "licence": request.licence,
        "certificate_digest": sha256_of(request.certificate.encode()),
        "recalled": to_iso(time_us),
    }
    document = {
        "format": "sandgate/release-recalls@1",
        "release": request.id,
        "licence": request.licence,
        "number": number,
        "recalls": [*earlier, this],
        "salt": secrets.token_hex(SALT_BYTES),
    }
    return canonical_bytes(document).decode()


def _newest(connection: Connection) -> Row[Any] | None:
    query = select(release_recall).order_by(release_recall.c.number.desc())
    return connection.execute(query.limit(1)).first()


def _next_number(connection: Connection) -> int:
    return (
        int(connection.execute(select(func.count()).select_from(release_recall)).scalar_one()) + 1
    )


def _signed(connection: Connection, number: int) -> str | None:
    query = select(release_signed.c.document).where(release_signed.c.id == f"recalls-{number}")
    return connection.execute(query).scalar()


def _needs_reason() -> InvalidInput:
    return InvalidInput(
        "recall_needs_reason",
        Message("召回须写明理由。", "A recall needs its reason."),
        field="reason",
    )


_NOTICE = Message(
    "该结果已被召回：请停止使用，删除所持副本，并通知从您处得到它的人。",
    "This release was recalled: stop using it, delete your copies, and tell whoever had it from "
    "you.",
)
