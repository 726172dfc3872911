"""A small city with zones: data sets put into a zone or under a source's consent, as an effect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from audit.events import AuditEvent, PendingEntry
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization import store
from authorization.decisions import AccessRequest, Decision, decide
from authorization.enforcer import PolicySnapshot
from authorization.licences import LicenceState
from authorization.lines import Action
from authorization.organisations import require_organisation
from authorization.revocation import SuspensionBoard
from authorization.signing import document_digest, sign_licence
from authorization.snapshots import assemble
from authorization.terms import check_term
from catalog.book.store import catalog_entry
from catalog.datasets import Dataset, DatasetDeclaration
from catalog.resources.origins import record_origin
from catalog.standards.regions import require_region
from catalog.store import dataset_table
from catalog.zones.zones import ZoneOrder, open_zone
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.ids import new_id
from foundation.keys import FileKeyStore
from policies.schema.standards import StandardRules
from policies.schema.zones import ZoneRules
from tests.fakes import SteppedClock
from tests.licensing import PACK, RULES, actor, declarations, licence_document

ZONES = PACK.rules(ZoneRules)
STANDARDS = PACK.rules(StandardRules)
NAME = {"zh": "专区", "en": "zone"}
SOURCE_PERSON = Actor("source_clerk", "treasury", frozenset({Role.PROVIDER}))


@dataclass(frozen=True)
class ZonedCity:
    """A writer, its store and keys, and the words that tests of zones speak."""

    writer: GroupCommitWriter
    keys: FileKeyStore
    engine: Engine
    clock: SteppedClock
    board: SuspensionBoard

    def open_zone(self, zone: str, kind: str = "enterprise", **more: Any) -> None:
        order = {"id": zone, "kind": kind, "name": NAME, "keeper": "datawise", "grade_max": "L3"}
        open_zone(
            self.writer,
            actor("drafter"),
            ZONES,
            ZoneOrder.model_validate({**order, **more}),
            check_keeper=_known,
            check_region=lambda _connection, region: _region(region),
        )

    def add_dataset(self, name: str, zone: str = "public", **declared: Any) -> None:
        """Put a copy of the open data set under a name, in a zone, with an origin."""
        like = declarations()["colleges"].model_dump(mode="json")
        declaration = DatasetDeclaration.model_validate({**like, "name": name, **declared})

        def apply(connection: Connection, entry: PendingEntry) -> None:
            dataset_id = new_id("ds")
            entry_id = connection.execute(select(catalog_entry.c.id).limit(1)).scalar_one()
            connection.execute(
                insert(dataset_table).values(
                    id=dataset_id,
                    name=name,
                    entry_id=entry_id,
                    provider="statistics",
                    declaration=declaration.model_dump_json(),
                    zone=zone,
                    created_us=1,
                )
            )
            found = Dataset(id=dataset_id, provider="statistics", declaration=declaration)
            record_origin(connection, entry, found)

        self.writer.submit(AuditEvent(EntryKind.DATASET_REGISTERED, SYSTEM_ACTOR), apply)

    def forge_licence(self, **changes: Any) -> str:
        """Put a licence in force that was truly signed, past every check of drafting."""
        document = licence_document(**changes)
        signed = sign_licence(self.keys, document)
        term = check_term(document.valid_from, document.valid_until, RULES.licences)

        def apply(connection: Connection, entry: PendingEntry) -> None:
            connection.execute(
                insert(store.licence).values(
                    id=document.id,
                    authority=document.authority,
                    operator=document.operator,
                    document=signed.document,
                    document_digest=document_digest(signed.document),
                    signature=signed.signature,
                    state=str(LicenceState.ACTIVE),
                    drafted_by="drafter",
                    activated_by="signer",
                    valid_from_us=term[0],
                    valid_until_us=term[1],
                    drafted_us=entry.time_us,
                    changed_us=entry.time_us,
                )
            )

        self.writer.submit(AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR), apply)
        return document.id

    def snapshot(self) -> PolicySnapshot:
        with reading(self.engine) as connection:
            return assemble(connection, PACK, self.keys.ensure_signing_key("authority")).snapshot

    def ask(
        self, licence: str, dataset: str | None, action: Action = Action.QUERY_ROWS
    ) -> Decision:
        like = declarations()["colleges"].model_dump(mode="json")
        asked = (
            None
            if dataset is None
            else DatasetDeclaration.model_validate({**like, "name": dataset})
        )
        columns = ("state",) if dataset is not None and action is Action.QUERY_ROWS else ()
        request = AccessRequest(actor("analyst"), licence, action, asked, columns)
        return decide(self.snapshot(), self.board, request, self.clock.now_us())


def grant(dataset: str) -> dict[str, Any]:
    """Return a grant of the rows of a copy of the open data set."""
    return {"dataset": dataset, "modes": ["rows"], "columns": ["state", "title"]}


def refused(call: Callable[[], object]) -> str:
    """Return the code of the refusal that a call ends in."""
    try:
        call()
    except SandgateError as error:
        return error.code
    return "nothing refused"


def _known(connection: Connection, keeper: str) -> None:
    require_organisation(connection, keeper, "keeper")


def _region(region: str) -> None:
    require_region(STANDARDS, region)
