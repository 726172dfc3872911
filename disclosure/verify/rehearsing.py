"""The claims of debug sessions: read and decided like any other, looked up in a twin.

No consent is bound, no claim counted and no subject locked, since none of them exists; no digest is
made, so that no key is asked for; no slot is waited for. The log names columns and never a value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.tags import EntryKind
from authorization.compile import CompiledLicence
from authorization.documents import Grant
from authorization.revocation import SuspensionBoard, check_in_force
from disclosure.granted import granted_datasets
from disclosure.metering import VerificationMeter, VerificationUse
from disclosure.outcome import question_failed
from disclosure.scope import QuestionScope
from disclosure.twins.claims import claim_table
from disclosure.twins.shelf import Twin, TwinShelf
from disclosure.twins.undone import UnheardEntry, undone
from disclosure.twins.wanted import twins_wanted
from disclosure.verify import lookup
from disclosure.verify.claims import ReadClaim
from foundation.db import reading

RunTwin = Callable[[str, str, Mapping[str, pa.Table], str, str], pa.Table]
"""Runs one statement on a worker of twins: licence, version, tables, SQL, person."""


@dataclass(frozen=True)
class Rehearsed:
    """A claim that a licence allows, in a debug session."""

    id: str
    claim: ReadClaim
    grant: Grant
    licence: CompiledLicence
    snapshot_digest: str
    use: VerificationUse


@dataclass(frozen=True)
class ClaimRehearsal:
    """Answers claims from twins. It has neither keys nor the platform's home."""

    engine: Engine
    writer: Writer
    board: SuspensionBoard
    shelf: TwinShelf
    run: RunTwin
    policy_digest: str
    meter: VerificationMeter

    def answer(self, scope: QuestionScope, claim: Rehearsed) -> tuple[str, int, str]:
        """Return the word, and index and receipt of its entry. Raises QuestionFailed, Denied."""
        twin = self._twin(claim)
        public = self._public(scope, claim, twin)
        decided = self._decide(scope, claim, public)
        word = self._look_up(scope, claim, twin)
        if word is None:
            failed = question_failed("engine_error")
            told = {**public, "code": failed.code}
            event = AuditEvent(EntryKind.DEBUG_CLAIM_FAILED, scope.actor, told)
            self.writer.submit(event, no_effect)
            failed.logged = True
            raise failed

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self.board, scope.licence, entry.time_us)

        told = {**public, "decided_index": decided}
        event = AuditEvent(EntryKind.DEBUG_CLAIM_ANSWERED, scope.actor, told)
        recorded = self.writer.submit(event, apply)
        return word, recorded.index, recorded.receipt

    def _twin(self, claim: Rehearsed) -> Twin:
        with reading(self.engine) as connection:
            granted = granted_datasets(connection, claim.licence)
            twins = self.shelf.of(
                twins_wanted(connection, claim.licence.id, granted, self.shelf.rules)
            )
        return twins[claim.claim.dataset.name]

    def _decide(self, scope: QuestionScope, claim: Rehearsed, public: Mapping[str, object]) -> int:
        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, self.board, scope.licence, entry.time_us)
            with undone(connection):
                self.meter.verification_decided(connection, UnheardEntry(entry), claim.use)

        event = AuditEvent(EntryKind.DEBUG_CLAIM_DECIDED, scope.actor, public)
        return self.writer.submit(event, apply).index

    def _look_up(self, scope: QuestionScope, claim: Rehearsed, twin: Twin) -> str | None:
        terms = claim.grant.verify
        identifiers = terms.identifiers if terms is not None else ()
        columns = (*claim.grant.columns, *identifiers)
        version = lookup.worker_version(twin.seed, columns)
        tables = {lookup.TABLE: claim_table(twin, columns)}
        try:
            sql = lookup.claim_sql(claim.claim)
            found = self.run(scope.licence, version, tables, sql, scope.actor.person)
        except Exception:  # noqa: BLE001 - whatever failed, the caller learns one fixed code
            return None
        return lookup.answer_of(found)

    def _public(self, scope: QuestionScope, claim: Rehearsed, twin: Twin) -> dict[str, object]:
        return {
            **scope.as_public(),
            "claim": claim.id,
            "dataset": claim.claim.dataset.name,
            "columns": sorted(item.column.name for item in claim.claim.attributes),
            "purpose": str(claim.licence.document.scenario.purpose),
            "licence_digest": claim.licence.digest,
            "snapshot_digest": claim.snapshot_digest,
            "twin_seeds": {claim.claim.dataset.name: twin.seed},
            "policy_digest": self.policy_digest,
        }
