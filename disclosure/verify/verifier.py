"""The one door of verification: read, decide, guard and log, look up, log, answer at the slot.

What it answers is yes, no or unknown, never a value; absent and unrecorded are both unknown. Each
answer has one size and takes a fixed slot. The log and the store hold keyed digests alone.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from audit.coalescing import CoalescingLog
from audit.events import AuditEvent, PendingEntry, Writer
from audit.tags import EntryKind
from authorization.compile import CompiledLicence
from authorization.decisions import AccessRequest, Permit, check_decision, decide
from authorization.documents import Grant
from authorization.enforcer import Enforcer
from authorization.lines import Action
from authorization.organisations import group_of
from authorization.revocation import SuspensionBoard, check_in_force
from catalog.datasets import Dataset, Version
from catalog.store import current_version, dataset_by_name
from catalog.versions import version_directory
from disclosure.metering import VerificationMeter, VerificationUse
from disclosure.outcome import question_failed
from disclosure.scope import QuestionScope
from disclosure.slots import Slot
from disclosure.verify import lookup, store
from disclosure.verify.claims import Claim, ReadClaim, not_granted, read_claim
from disclosure.verify.consents import bind_consent, check_consent
from disclosure.verify.digests import ClaimDigests, Digester
from disclosure.verify.guard import Claimant, Guessing, admit, remember, standing_lock
from disclosure.verify.rehearsing import ClaimRehearsal, Rehearsed
from foundation.canonical import salted_commitment
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.ids import new_id
from foundation.keys import KeyStore
from policies.schema.verification import VerificationRules

SALT_BYTES = 16
ANSWER_CHARACTERS = max(map(len, lookup.ANSWERS))


@dataclass(frozen=True)
class VerifierParts:
    """What the bootstrap hands the verifier."""

    engine: Engine
    writer: Writer
    clock: Clock
    keys: KeyStore
    home: Path
    enforcer: Enforcer
    board: SuspensionBoard
    run: lookup.Run
    rules: VerificationRules
    policy_digest: str
    refusals: CoalescingLog
    meter: VerificationMeter
    rehearsal: ClaimRehearsal


@dataclass(frozen=True)
class Verified:
    """An answer as it is handed over: its word, and what opens its commitment in the log.

    ``synthetic`` marks an answer from a twin: it has no salt, since the log holds no commitment.
    """

    claim: str
    answer: str
    salt: str
    index: int
    receipt: str
    gross_micro_fen: int
    synthetic: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the fields of an answer; with its padding each word takes the same room."""
        told: dict[str, object] = {
            "claim": self.claim,
            "answer": self.answer,
            "padding": " " * (ANSWER_CHARACTERS - len(self.answer)),
            "salt": self.salt,
            "entry": self.index,
            "receipt": self.receipt,
            "gross_micro_fen": self.gross_micro_fen,
        }
        return {**told, "synthetic": True} if self.synthetic else told


@dataclass(frozen=True)
class _Allowed:
    """A claim that a licence allows: what it is about, and by which decision."""

    claim: ReadClaim
    grant: Grant
    licence: CompiledLicence
    dataset: Dataset
    version: Version
    snapshot_digest: str


@dataclass(frozen=True)
class _Prepared:
    """A claim that a licence allows, before it is counted."""

    id: str
    claim: ReadClaim
    grant: Grant
    licence: CompiledLicence
    version: Version
    digests: ClaimDigests
    claimant: Claimant
    snapshot_digest: str

    def as_public(self) -> dict[str, object]:
        """Return what entries about this claim say: columns and digests."""
        return {
            "claim": self.id,
            "dataset": self.claim.dataset.name,
            "columns": sorted(self.digests.values),
            "version": self.version.manifest_digest,
            "purpose": str(self.licence.document.scenario.purpose),
            "consent_purpose": self.claim.consent.purpose,
            "licence_digest": self.licence.digest,
            "snapshot_digest": self.snapshot_digest,
            "subject": self.digests.subject,
            "claimed": dict(self.digests.values),
            "consent": self.digests.consent,
            "consent_terms": self.digests.consent_terms,
        }

    def use(self, scope: QuestionScope) -> VerificationUse:
        """Return the claim as it is metered: what is claimed of whom stays out of it."""
        return VerificationUse(
            claim=self.id,
            licence=self.licence.document,
            organisation=scope.actor.organisation,
            dataset=self.claim.dataset.name,
            columns=tuple(sorted(self.claim.columns)),
            session=scope.session,
        )


class Verifier:
    """Verifies the claims of sessions."""

    def __init__(self, parts: VerifierParts) -> None:
        """Join the parts."""
        self._parts = parts
        self._digester = Digester(parts.keys, parts.writer)

    def verify(self, scope: QuestionScope, claim: Claim) -> Verified:
        """Answer one claim, or raise the refusal that was logged."""
        claim_id = new_id("clm")
        if scope.twin:
            return self._rehearse(scope, claim, claim_id)
        try:
            prepared = self._prepare(scope, claim, claim_id)
            decided = self._decide(scope, prepared)
        except SandgateError as refusal:
            self._record(scope, claim_id, refusal)
            raise
        answer = self._look_up(scope, prepared)
        if answer is None:
            failed = question_failed("engine_error")
            public = {**scope.as_public(), **prepared.as_public(), "code": failed.code}
            event = AuditEvent(EntryKind.VERIFICATION_FAILED, scope.actor, public)
            meter = self._parts.meter
            self._parts.writer.submit(event, partial(meter.verification_failed, claim=claim_id))
            raise failed
        return self._release(scope, prepared, decided, answer)

    def _rehearse(self, scope: QuestionScope, claim: Claim, claim_id: str) -> Verified:
        """Answer a claim of a debug session from a twin; what refuses it is the same."""
        try:
            allowed = self._allowed(scope, claim)
            use = VerificationUse(
                claim=claim_id,
                licence=allowed.licence.document,
                organisation=scope.actor.organisation,
                dataset=allowed.dataset.declaration.name,
                columns=tuple(sorted(allowed.claim.columns)),
                session=scope.session,
            )
            rehearsed = Rehearsed(
                claim_id,
                allowed.claim,
                allowed.grant,
                allowed.licence,
                allowed.snapshot_digest,
                use,
            )
            word, index, receipt = self._parts.rehearsal.answer(scope, rehearsed)
        except SandgateError as refusal:
            if not refusal.logged:
                self._record(scope, claim_id, refusal)
            raise
        return Verified(claim_id, word, "", index, receipt, 0, synthetic=True)

    def _allowed(self, scope: QuestionScope, claim: Claim) -> _Allowed:
        """Find licence, grant and data set, read the claim, ask Casbin, check the consent."""
        licence = self._permit(AccessRequest(scope.actor, scope.licence, Action.SESSION_OPEN))
        grant = licence.licence.verification(claim.dataset)
        with reading(self._parts.engine) as connection:
            dataset = dataset_by_name(connection, claim.dataset)
            version = None if dataset is None else current_version(connection, dataset.id)
        if grant is None or grant.verify is None or dataset is None or version is None:
            raise not_granted()
        read = read_claim(claim, grant, dataset.declaration, self._parts.rules)
        permit = self._permit(_request(scope, dataset, read))
        check_consent(read.consent, grant.verify.consent, self._parts.clock.now_us())
        return _Allowed(read, grant, licence.licence, dataset, version, permit.snapshot_digest)

    def _prepare(self, scope: QuestionScope, claim: Claim, claim_id: str) -> _Prepared:
        """Add to an allowed claim the digests it is counted by. A debug session has none."""
        if scope.twin:
            raise question_failed("engine_error")
        allowed = self._allowed(scope, claim)
        with reading(self._parts.engine) as connection:
            group = group_of(connection, scope.actor.organisation)
        return _Prepared(
            id=claim_id,
            claim=allowed.claim,
            grant=allowed.grant,
            licence=allowed.licence,
            version=allowed.version,
            digests=self._digester.of(allowed.claim, scope.actor.organisation),
            claimant=Claimant(
                licence=scope.licence,
                person=scope.actor.person,
                organisation=scope.actor.organisation,
                group=group,
                population=allowed.dataset.declaration.population or claim.dataset,
            ),
            snapshot_digest=allowed.snapshot_digest,
        )

    def _permit(self, request: AccessRequest) -> Permit:
        snapshot = self._parts.enforcer.snapshot
        now_us = self._parts.clock.now_us()
        return check_decision(decide(snapshot, self._parts.board, request, now_us))

    def _decide(self, scope: QuestionScope, prepared: _Prepared) -> int:
        """Bind the consent, count the claim and log it, durably, before data is touched."""
        parts, digests = self._parts, prepared.digests

        def apply(connection: Connection, entry: PendingEntry) -> None:
            check_in_force(connection, parts.board, scope.licence, entry.time_us)
            parts.meter.verification_decided(connection, entry, prepared.use(scope))
            bind_consent(connection, digests, scope.licence, entry.index)
            admit(connection, prepared.claimant, digests, parts.rules, entry.time_us)
            remember(
                connection,
                prepared.claimant,
                digests,
                prepared.id,
                entry_index=entry.index,
                now_us=entry.time_us,
            )

        event = AuditEvent(
            EntryKind.VERIFICATION_DECIDED, scope.actor, self._public(scope, prepared)
        )
        try:
            return parts.writer.submit(event, apply).index
        except Guessing as guessing:
            if not guessing.was_locked:
                self._lock(scope, prepared, guessing.column)
            raise

    def _lock(self, scope: QuestionScope, prepared: _Prepared, column: str) -> None:
        """Lock a column of a subject to this operator, and tell the authority in the log."""
        lock_id = new_id("lck")
        claimant, subject = prepared.claimant, prepared.digests.subject

        def apply(connection: Connection, entry: PendingEntry) -> None:
            if standing_lock(connection, claimant, subject, column):
                return
            connection.execute(
                insert(store.lock).values(
                    id=lock_id,
                    organisation=claimant.organisation,
                    population=claimant.population,
                    subject=subject,
                    column=column,
                    locked_index=entry.index,
                    locked_us=entry.time_us,
                )
            )

        public = {
            **scope.as_public(),
            "lock": lock_id,
            "dataset": prepared.claim.dataset.name,
            "column": column,
            "subject": subject,
            "claims_per_subject_max": self._parts.rules.claims_per_subject_max,
        }
        event = AuditEvent(EntryKind.VERIFICATION_LOCKED, scope.actor, public)
        self._parts.writer.submit(event, apply)

    def _look_up(self, scope: QuestionScope, prepared: _Prepared) -> str | None:
        """Ask the worker, and wait for the end of the slot; None where there is no answer.

        The worker is loaded before the slot begins. A failure waits for its slot too.
        """
        parts, grant = self._parts, prepared.grant
        terms = grant.verify
        columns = (*grant.columns, *(terms.identifiers if terms is not None else ()))
        version = lookup.worker_version(prepared.version.manifest_digest, columns)
        directory = version_directory(parts.home, prepared.version.id, prepared.version.zone)
        tables = {lookup.TABLE: lookup.source(directory, columns)}
        person = scope.actor.person

        def run(sql: str) -> str | None:
            found = parts.run(scope.licence, version, tables, sql, person)
            return lookup.answer_of(found)

        with suppress(Exception):
            run(lookup.WARM)
        slot = Slot.beginning_now(parts.clock, parts.rules.answer_slot_milliseconds * 1_000)
        answer = None
        with suppress(Exception):  # whatever failed, the caller learns one fixed code
            answer = run(lookup.claim_sql(prepared.claim))
        in_time = not slot.is_over
        slot.wait()
        return answer if in_time else None

    def _release(
        self, scope: QuestionScope, prepared: _Prepared, decided_index: int, answer: str
    ) -> Verified:
        """Log the answer by a commitment that only its holder can open; then hand it over."""
        salt = secrets.token_bytes(SALT_BYTES)
        public = {
            **self._public(scope, prepared),
            "decided_index": decided_index,
            "answer_digest": salted_commitment(salt, answer.encode()),
        }

        def apply(connection: Connection, entry: PendingEntry) -> int:
            check_in_force(connection, self._parts.board, scope.licence, entry.time_us)
            use = prepared.use(scope)
            return self._parts.meter.verification_answered(connection, entry, use)

        event = AuditEvent(EntryKind.VERIFICATION_ANSWERED, scope.actor, public)
        recorded = self._parts.writer.submit(event, apply)
        return Verified(
            prepared.id, answer, salt.hex(), recorded.index, recorded.receipt, recorded.value
        )

    def _public(self, scope: QuestionScope, prepared: _Prepared) -> dict[str, object]:
        policy = {"policy_digest": self._parts.policy_digest}
        return {**scope.as_public(), **prepared.as_public(), **policy}

    def _record(self, scope: QuestionScope, claim_id: str, refusal: SandgateError) -> None:
        """Log a refusal, or count it; it names the field and the rule, and no digest."""
        public = {
            **scope.as_public(),
            "claim": claim_id,
            "code": refusal.code,
            "field": refusal.field,
            "rule": refusal.rule,
        }
        event = AuditEvent(EntryKind.VERIFICATION_REFUSED, scope.actor, public)
        key = (scope.licence, scope.actor.person, "verify")
        self._parts.refusals.record(key, event, scope.as_public())
        refusal.logged = True


def _request(scope: QuestionScope, dataset: Dataset, read: ReadClaim) -> AccessRequest:
    return AccessRequest(
        scope.actor, scope.licence, Action.QUERY_VERIFY, dataset.declaration, read.columns
    )
