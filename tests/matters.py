"""A desk of matters: the real writer, and the short forms of what tests ask of it."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

import audit.store  # noqa: F401 - the log's tables
import catalog.matters.store  # noqa: F401 - the tables of matters
from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from catalog.entries import Bilingual
from catalog.matters.clocks import Clocks
from catalog.matters.matter import Counter, Matter, MatterKind, NewMatter
from catalog.matters.opening import open_matter
from catalog.matters.reads import matter
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from tests.fakes import SteppedClock

APPLICANT = Actor("anna", "traffic", frozenset({Role.PROVIDER}))
HANDLER = Actor("hans", "civil", frozenset({Role.PROVIDER}))
AUTHORITY = Actor("alma", "data_authority", frozenset({Role.AUTHORITY}))


@dataclass
class Desk:
    """A writer, and the short forms of what these tests ask of it."""

    writer: GroupCommitWriter
    engine: Engine
    clocks: Clocks
    clock: SteppedClock

    def run(self, move: Callable[[Connection, PendingEntry], Matter]) -> Matter:
        # A refusal's entry is not enforced to its grammar, so it may carry any business move.
        event = AuditEvent(EntryKind.REQUEST_REFUSED, SYSTEM_ACTOR, {"route": "t", "code": "t"})
        return self.writer.submit(event, move).value

    def open(self, deadline: str | None = "share_conditional", case: str = "") -> Matter:
        asked = NewMatter(
            kind=MatterKind.SHARE_REQUEST,
            counter=Counter.ACCEPT,
            deadline=deadline,
            subject="req_1",
            title=Bilingual(zh="共享申请", en="Sharing request"),
            applicant=APPLICANT.organisation,
            applicant_person=APPLICANT.person,
            handler=HANDLER.organisation,
            handler_roles=(Role.PROVIDER, Role.DEPARTMENT_HEAD),
            case=case,
        )
        return self.run(
            lambda connection, entry: open_matter(connection, entry, self.clocks, asked)
        )

    def read(self, matter_id: str) -> Matter:
        with reading(self.engine) as connection:
            found = matter(connection, matter_id)
        assert found is not None
        return found
