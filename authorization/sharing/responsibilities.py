"""The responsibility list (责任清单) and its matrix: who provides, who uses, who manages each item.

A published entry has its provider and its manager by itself, and every department whose request
was agreed to as a user; the authority adds duties by name.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.organisations import require_organisation
from authorization.separation import check_natural_person, check_role
from authorization.sharing.demand_store import responsibility
from authorization.sharing.parts import SharingParts, published_entry
from authorization.sharing.states import ShareState
from authorization.sharing.store import share_request
from catalog.book.store import catalog_entry
from foundation.canonical import digest
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor, Role
from foundation.ids import new_id

LINES_MAX = 200
AGREED = (
    *(ShareState.APPROVED, ShareState.SUPPLIED, ShareState.IN_USE),
    *(ShareState.SUSPENDED, ShareState.RECTIFYING),
)
PUBLISHED = ("published", "change_submitted")


class Responsibilities(SharingParts):
    """The authority lists duties."""

    def assign(
        self, actor: Actor, entry_id: str, user: str, duties: Sequence[str], demand: str = ""
    ) -> Recorded[str]:
        """List what a provider owes a user for one entry; the authority manages it."""
        check_role(actor, Role.AUTHORITY)
        check_natural_person(actor)
        line = new_id("rsp")
        document = {"duties": list(duties)}
        event = AuditEvent(
            EntryKind.RESPONSIBILITY_ASSIGNED,
            actor,
            {"responsibility": line, "user": user, "document_digest": digest(document)},
        )

        def apply(connection: Connection, entry: PendingEntry) -> str:
            found = published_entry(connection, entry_id)
            require_organisation(connection, user, "user")
            if user == found.provider:
                raise _one_department()
            connection.execute(
                insert(responsibility).values(
                    id=line,
                    entry=found.id,
                    provider=found.provider,
                    user=user,
                    keeper=self.authority,
                    demand=demand,
                    duties=json.dumps(list(duties), ensure_ascii=False),
                    assigned_by=actor.person,
                    made_us=entry.time_us,
                )
            )
            entry.amend(catalogue_entry=found.id, provider=found.provider, keeper=self.authority)
            return line

        return self.writer.submit(event, apply)

    def matrix(
        self, connection: Connection, *, organisation: str | None = None, after: str = ""
    ) -> list[dict[str, Any]]:
        """Return the matrix line by line: entry, 提供方, 使用方, 管理方 and the listed duties.

        ``organisation`` keeps the lines where it provides or uses; ``after`` is the last code read.
        """
        table = catalog_entry.c
        query = (
            select(table.id, table.code, table.provider, table.name_zh, table.name_en)
            .where(table.state.in_(PUBLISHED), table.code > after)
            .order_by(table.code)
        )
        if organisation is not None:
            using = _users_query(organisation)
            query = query.where((table.provider == organisation) | table.id.in_(using))
        return [
            self._line(connection, row) for row in connection.execute(query.limit(LINES_MAX)).all()
        ]

    def _line(self, connection: Connection, row: Any) -> dict[str, Any]:
        duties = duties_of(connection, row.id)
        agreed = select(share_request.c.requester).where(
            share_request.c.entry == row.id,
            share_request.c.state.in_([str(state) for state in AGREED]),
        )
        users = {*connection.execute(agreed).scalars(), *(one["user"] for one in duties)}
        return {
            "entry": row.id,
            "code": row.code,
            "name": {"zh": row.name_zh, "en": row.name_en},
            "provider": row.provider,
            "users": sorted(users),
            "manager": self.authority,
            "duties": duties,
        }


def duties_of(connection: Connection, entry_id: str) -> list[dict[str, Any]]:
    """Return the duties listed for an entry, oldest first."""
    table = responsibility.c
    rows = connection.execute(
        select(table.id, table.user, table.keeper, table.demand, table.duties)
        .where(table.entry == entry_id)
        .order_by(table.made_us)
    )
    return [{**row._mapping, "duties": json.loads(row.duties)} for row in rows]  # noqa: SLF001


def _users_query(organisation: str) -> Any:
    asked = select(share_request.c.entry).where(
        share_request.c.requester == organisation,
        share_request.c.state.in_([str(state) for state in AGREED]),
    )
    return asked.union(select(responsibility.c.entry).where(responsibility.c.user == organisation))


def _one_department() -> InvalidInput:
    return InvalidInput(
        "responsibility_one_department",
        Message("提供方与使用方不得相同。", "Provider and user are two departments."),
        field="$.user",
    )
