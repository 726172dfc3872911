"""Corrections (校核纠错) and real-name objections (异议): raised, verified, corrected, answered.

Any registered user may raise one about a data set or an entry. The provider's own people, never
the one who raised it, verify and answer in time; an upheld one flags what rests on the data.
Silence decides nothing: what is overdue stays open (政务数据共享条例 art. 26).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, update

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.tags import EntryKind
from catalog.entries import Bilingual
from catalog.matters.clocks import Clocks
from catalog.matters.daily import Daily, DailyAct
from catalog.matters.matter import Counter, MatterKind, NewMatter
from catalog.matters.opening import complete_papers, conclude, open_matter, withdraw
from catalog.quality.correction_duties import (
    check_handler,
    check_objector,
    check_raiser,
    check_referrer,
)
from catalog.quality.correction_notices import tell_answered, tell_holders, tell_raised
from catalog.quality.correction_reads import (
    AffectedOutput,
    Correction,
    flag_outputs,
    record_move,
    required_correction,
)
from catalog.quality.correction_states import CorrectionMove, CorrectionState, next_state
from catalog.quality.correction_targets import (
    RaisedCorrection,
    Target,
    newer_version,
    target_of,
    touched_datasets,
)
from catalog.quality.store import correction
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id

DEADLINE, REFERRAL = "correction", "correction_referral"
HANDLERS = (Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD)
_RAISED = Daily(DailyAct.CORRECTIONS, correction.c.person, correction.c.raised_us)
Dependents = Callable[[Connection, str], Sequence[AffectedOutput]]
"""Names what rests on a data set, by its name; given by the service, which knows releases."""
Apart = Callable[[Connection, Actor, str], None]
"""Refuses who serves an organisation or an affiliate of it (``authorization.independence``)."""
VerifiedName = Callable[[Connection, str], str | None]
"""Returns the name of a natural person whose identity was verified; None of anybody else."""


@dataclass(frozen=True)
class CorrectionDesk:
    """What corrections need: the writer, the clocks, and who the authority is."""

    writer: Writer
    clocks: Clocks
    authority: str
    name_of: VerifiedName
    dependents: Dependents
    apart: Apart

    def raise_correction(
        self, actor: Actor, raised: RaisedCorrection, comparison: str | None = None
    ) -> Recorded[Correction]:
        """Raise a correction or objection; the provider's clock, or the referral's, starts.

        ``comparison`` is the cross-source comparison that it was made from.
        """
        identifier = new_id("cor")
        public = {
            "correction": identifier,
            "correction_kind": raised.kind,
            "target": raised.target,
            "subject": raised.subject,
        }
        private = {"claim": raised.claim, "evidence": raised.evidence}
        if raised.real_name:
            private["real_name"] = raised.real_name
        event = AuditEvent(EntryKind.CORRECTION_RAISED, actor, public, private)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            check_raiser(actor)
            if not raised.claim.strip() or not raised.evidence.strip():
                raise _empty("$.claim")
            if raised.kind == "objection":
                check_objector(actor, raised.real_name, self.name_of(connection, actor.person))
            _RAISED.check(connection, self.clocks, entry.time_us, actor.person)
            about = target_of(connection, raised.target, raised.subject)
            referred = REFERRAL not in self.clocks.rules.clocks
            asked = self._asked(identifier, actor, raised.kind, about, referred=referred)
            opened = open_matter(connection, entry, self.clocks, asked)
            connection.execute(
                insert(correction).values(
                    id=identifier,
                    kind=raised.kind,
                    target=raised.target,
                    dataset_id=about.dataset_id,
                    entry_id=about.entry_id,
                    provider=about.provider,
                    organisation=actor.organisation,
                    person=actor.person,
                    claim=raised.claim,
                    evidence=raised.evidence,
                    comparison=comparison,
                    state=str(CorrectionState.REFERRED if referred else CorrectionState.RAISED),
                    matter=opened.id if referred else None,
                    referral=None if referred else opened.id,
                    case_number=opened.case,
                    raised_us=entry.time_us,
                )
            )
            record_move(connection, entry, identifier, actor, "raise", "")
            entry.amend(provider=about.provider)
            tell_raised(connection, entry, identifier, about)
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def refer(self, actor: Actor, identifier: str) -> Recorded[Correction]:
        """Refer a raised correction to the provider, whose clock starts now (the authority)."""
        event = _event(EntryKind.CORRECTION_REFERRED, actor, identifier)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            state = next_state(found.state, CorrectionMove.REFER)
            check_referrer(connection, actor, found)
            self._check_apart(connection, actor, found)
            conclude(connection, entry, found.referral or "", "referred")
            about = target_of(connection, found.target, found.subject)
            asked = self._asked(identifier, actor, found.kind, about, referred=True)
            follow = asked.model_copy(
                update={
                    "case": found.case_number,
                    "applicant": found.organisation,
                    "applicant_person": found.person,
                }
            )
            opened = open_matter(connection, entry, self.clocks, follow)
            _move(connection, identifier, state, referred_by=actor.person, matter=opened.id)
            record_move(connection, entry, identifier, actor, "refer", "")
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def judge(
        self, actor: Actor, identifier: str, *, upheld: bool, answer: str
    ) -> Recorded[Correction]:
        """Uphold a correction after verifying it, or refuse it with the grounds as answer.

        Upheld, what rests on the data is listed and flagged for whoever holds it.
        """
        kind = EntryKind.CORRECTION_UPHELD if upheld else EntryKind.CORRECTION_REFUSED
        move = CorrectionMove.UPHOLD if upheld else CorrectionMove.REFUSE
        event = _event(kind, actor, identifier, answer)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            state = next_state(found.state, move)
            check_handler(connection, actor, found)
            self._check_apart(connection, actor, found)
            if not answer.strip():
                raise _empty("$.answer")
            judged: dict[str, object] = {
                "handler_person": actor.person,
                "judged_us": entry.time_us,
            }
            if not upheld:
                judged |= {"answer": answer, "closed_us": entry.time_us}
                conclude(connection, entry, found.matter or "", "refused", answer)
                tell_answered(connection, entry, found)
            _move(connection, identifier, state, **judged)
            record_move(connection, entry, identifier, actor, str(move), answer)
            if upheld:
                outputs = self._outputs(connection, found)
                flag_outputs(connection, entry, identifier, outputs)
                tell_holders(connection, entry, identifier, outputs)
                entry.amend(
                    outputs=[item.output for item in outputs],
                    holders=sorted({item.organisation for item in outputs}),
                )
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def correct(self, actor: Actor, identifier: str) -> Recorded[Correction]:
        """Name the newest version as the one that corrects: it must be younger than the claim."""
        event = _event(EntryKind.CORRECTION_MADE, actor, identifier)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            state = next_state(found.state, CorrectionMove.CORRECT)
            check_handler(connection, actor, found)
            fixed = newer_version(connection, found)
            _move(connection, identifier, state, fixed_by=fixed)
            record_move(connection, entry, identifier, actor, "correct", fixed)
            entry.amend(version=fixed)
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def answer(self, actor: Actor, identifier: str, answer: str) -> Recorded[Correction]:
        """Answer the one who raised it, and close the matter."""
        event = _event(EntryKind.CORRECTION_ANSWERED, actor, identifier, answer)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            state = next_state(found.state, CorrectionMove.ANSWER)
            check_handler(connection, actor, found)
            if not answer.strip():
                raise _empty("$.answer")
            _move(connection, identifier, state, answer=answer, closed_us=entry.time_us)
            conclude(connection, entry, found.matter or "", "corrected", answer)
            tell_answered(connection, entry, found)
            record_move(connection, entry, identifier, actor, "answer", answer)
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def supplement(self, actor: Actor, identifier: str, evidence: str) -> Recorded[Correction]:
        """Complete the papers that the handler asked for; its clock starts afresh."""
        event = AuditEvent(
            EntryKind.CORRECTION_SUPPLEMENTED,
            actor,
            {"correction": identifier},
            {"evidence": evidence},
        )

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            _check_own(actor, found)
            if not evidence.strip():
                raise _empty("$.evidence")
            live = found.referral if found.state is CorrectionState.RAISED else found.matter
            complete_papers(connection, entry, self.clocks, live or "")
            record_move(connection, entry, identifier, actor, "supplement", evidence)
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def withdraw(self, actor: Actor, identifier: str) -> Recorded[Correction]:
        """Take a correction back before it is judged: only the one who raised it."""
        event = _event(EntryKind.CORRECTION_WITHDRAWN, actor, identifier)

        def apply(connection: Connection, entry: PendingEntry) -> Correction:
            found = required_correction(connection, identifier)
            _check_own(actor, found)
            state = next_state(found.state, CorrectionMove.WITHDRAW)
            live = found.referral if found.state is CorrectionState.RAISED else found.matter
            withdraw(connection, entry, live or "")
            _move(connection, identifier, state, closed_us=entry.time_us)
            record_move(connection, entry, identifier, actor, "withdraw", "")
            return required_correction(connection, identifier)

        return self.writer.submit(event, apply)

    def _check_apart(self, connection: Connection, actor: Actor, found: Correction) -> None:
        """Refuse who also serves the house that raised it, where that is another house."""
        if found.organisation != actor.organisation:
            self.apart(connection, actor, found.organisation)

    def _outputs(self, connection: Connection, found: Correction) -> list[AffectedOutput]:
        """List what rests on the data, and on all data sets that were made from them."""
        outputs: dict[str, AffectedOutput] = {}
        for name in touched_datasets(connection, found):
            outputs |= {item.output: item for item in self.dependents(connection, name)}
        return list(outputs.values())

    def _asked(
        self, identifier: str, actor: Actor, kind: str, about: Target, *, referred: bool
    ) -> NewMatter:
        named = "异议" if kind == "objection" else "校核"
        title = Bilingual(
            zh=f"{named}：{about.title.zh}", en=f"{kind.capitalize()}: {about.title.en}"
        )
        if not referred:
            return NewMatter(
                kind=MatterKind.CORRECTION_REFERRAL,
                counter=Counter.ACCEPT,
                deadline=REFERRAL,
                subject=identifier,
                title=title,
                applicant=actor.organisation,
                applicant_person=actor.person,
                handler=self.authority,
                handler_roles=(Role.AUTHORITY,),
            )
        return NewMatter(
            kind=MatterKind.OBJECTION if kind == "objection" else MatterKind.CORRECTION,
            counter=Counter.ACCEPT,
            deadline=DEADLINE,
            subject=identifier,
            title=title,
            applicant=actor.organisation,
            applicant_person=actor.person,
            handler=about.provider,
            handler_roles=HANDLERS,
        )


def _move(
    connection: Connection, identifier: str, state: CorrectionState, **values: object
) -> None:
    connection.execute(
        update(correction).where(correction.c.id == identifier).values(state=str(state), **values)
    )


def _event(kind: EntryKind, actor: Actor, identifier: str, reason: str = "") -> AuditEvent:
    return AuditEvent(kind, actor, {"correction": identifier}, {"reason": reason} if reason else {})


def _check_own(actor: Actor, found: Correction) -> None:
    if actor.person != found.person or actor.organisation != found.organisation:
        raise NotFound(
            "correction_unknown",
            Message("没有该校核或异议。", "There is no such correction."),
            field="correction",
        )


def _empty(field: str) -> InvalidInput:
    return InvalidInput(
        "text_missing", Message("请填写内容。", "This may not be empty."), field=field
    )
