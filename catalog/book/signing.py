"""Keeps a draft's papers: both assessments (art. 13), then the head's sign-off over exactly these.

What the head signs is one digest over the text and both assessments. Whatever changes afterwards
undoes the sign-off, and the store refuses a submission whose papers are not those signed.
"""

from enum import StrEnum

from sqlalchemy import Connection

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.book.duties import check_drafts, check_signs_off
from catalog.book.matters import end_unasked, is_live, open_sign_off
from catalog.book.parts import (
    Assessment,
    Book,
    Conclusion,
    Revision,
    known_head,
    papers_digest,
    required_revision,
)
from catalog.book.recording import ALONE, UNSIGNED, record_move, write_revision
from catalog.book.states import Move, RevisionState
from catalog.matters.opening import conclude
from foundation.canonical import digest
from foundation.errors import Conflict, Message
from foundation.identity import Actor


class Paper(StrEnum):
    """Which assessment."""

    SECRECY = "secrecy"  # 保密风险评估
    PERSONAL = "personal"  # 个人信息保护影响评估


def assess(
    book: Book, actor: Actor, entry_id: str, paper: Paper, assessment: Assessment
) -> Recorded[Revision]:
    """Enter an assessment of a draft, or replace it; with both, its head is asked to sign off."""
    event = AuditEvent(
        EntryKind.ENTRY_ASSESSED,
        actor,
        public={
            "catalogue_entry": entry_id,
            "assessment": str(paper),
            "conclusion": str(assessment.conclusion),
        },
        private={"assessment_digest": digest(assessment.model_dump(mode="json"))},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        check_drafts(actor, head.provider)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        _write_assessment(connection, actor, revision, paper, assessment)
        end_unasked(connection, pending, (revision.sign_matter, revision.matter))
        reopen_sign_off(book, connection, pending, actor, entry_id)
        assessed = required_revision(connection, entry_id, RevisionState.DRAFT)
        record_move(connection, pending, actor, Move.ASSESSED, head.state, assessed)
        pending.amend(document_digest=assessed.digest)
        return assessed

    return book.writer.submit(event, apply)


def sign_off(book: Book, actor: Actor, entry_id: str, signed_digest: str) -> Recorded[Revision]:
    """Sign a draft off. ``signed_digest`` names the text the head read: another one is refused."""
    event = AuditEvent(
        EntryKind.ENTRY_SIGNED_OFF,
        actor,
        public={"catalogue_entry": entry_id},
        private={"papers_digest": signed_digest},
    )

    def apply(connection: Connection, pending: PendingEntry) -> Revision:
        head = known_head(connection, entry_id)
        revision = required_revision(connection, entry_id, RevisionState.DRAFT)
        check_alone(revision)
        check_signs_off(actor, revision)
        check_papers(revision)
        if revision.papers != signed_digest:
            raise changed_meanwhile()
        values = {
            "signed_by": actor.person,
            "signed_us": pending.time_us,
            "signed_papers": revision.papers,
        }
        write_revision(connection, revision.id, values)
        if revision.sign_matter and is_live(connection, revision.sign_matter):
            conclude(connection, pending, revision.sign_matter, "signed_off")
        signed = required_revision(connection, entry_id, RevisionState.DRAFT)
        record_move(connection, pending, actor, Move.SIGNED_OFF, head.state, signed)
        pending.amend(document_digest=signed.digest)
        return signed

    return book.writer.submit(event, apply)


def reopen_sign_off(
    book: Book, connection: Connection, pending: PendingEntry, actor: Actor, entry_id: str
) -> None:
    """Ask the head to sign a draft that has both papers, where nobody is asked yet."""
    revision = required_revision(connection, entry_id, RevisionState.DRAFT)
    if revision.secrecy is None or revision.personal is None:
        return
    if revision.sign_matter and is_live(connection, revision.sign_matter):
        return
    matter = open_sign_off(book, connection, pending, actor, revision)
    values = {"sign_matter": matter.id, "case_number": matter.case}
    write_revision(connection, revision.id, values)


def assessed_by(actor: Actor, paper: Paper, assessment: Assessment) -> dict[str, str]:
    """Return an assessment's columns: what it says, and who made it."""
    return {str(paper): assessment.model_dump_json(), f"{paper}_by": actor.person}


def _write_assessment(
    connection: Connection,
    actor: Actor,
    revision: Revision,
    paper: Paper,
    assessment: Assessment,
) -> None:
    """Write an assessment to a draft; a sign-off over the earlier papers is undone."""
    given = {paper: assessment}
    secrecy = given.get(Paper.SECRECY, revision.secrecy)
    personal = given.get(Paper.PERSONAL, revision.personal)
    values = assessed_by(actor, paper, assessment)
    papers = papers_digest(revision.digest, secrecy, personal)
    alone = ALONE if revision.batch else {}
    write_revision(connection, revision.id, {"papers": papers, **UNSIGNED, **alone, **values})


def check_papers(revision: Revision) -> None:
    """Refuse a draft without both assessments, or with one that failed; all is named at once."""
    names = {Paper.SECRECY: revision.secrecy, Paper.PERSONAL: revision.personal}
    missing = [paper for paper, found in names.items() if found is None]
    failed = [
        paper
        for paper, found in names.items()
        if found is not None and found.conclusion is Conclusion.FAILED
    ]
    if missing:
        raise Conflict(
            "assessments_missing",
            Message(
                f"缺少{'、'.join(_ZH[paper] for paper in missing)}，请先补齐评估。",
                f"There is no {' and no '.join(_EN[paper] for paper in missing)} yet; "
                "enter what is missing first.",
            ),
            field=f"$.{missing[0]}",
            rule=RULE,
        )
    if failed:
        raise Conflict(
            "assessment_failed",
            Message(
                f"{'、'.join(_ZH[paper] for paper in failed)}结论为不得编目，不能审签或提交。",
                f"The {' and the '.join(_EN[paper] for paper in failed)} concluded that this is "
                "not to be catalogued; it is not signed off or submitted.",
            ),
            field=f"$.{failed[0]}",
            rule=RULE,
        )


def check_alone(revision: Revision) -> None:
    """Refuse to move one row of a batch ahead of the others; rewriting it takes it out."""
    if revision.batch is not None:
        raise Conflict(
            "entry_in_batch",
            Message(
                "该条目属于导入批次，请整批办理；如需单独办理，请先修改该条目使其脱离批次。",
                "The entry is a row of a batch, which takes its steps as a whole; rewrite the "
                "entry to take it out of the batch first.",
            ),
            field="$.entry",
        )


def changed_meanwhile() -> Conflict:
    """Say that the text is no longer the one that was read."""
    return Conflict(
        "entry_changed_meanwhile",
        Message(
            "该条目或其评估已被修改，请重新阅读后再办理。",
            "The entry or an assessment changed since you read it; read it again first.",
        ),
        field="$.papers",
        rule=RULE,
    )


RULE = "政务数据共享条例 第十三条"
_ZH = {Paper.SECRECY: "保密风险评估", Paper.PERSONAL: "个人信息保护影响评估"}
_EN = {
    Paper.SECRECY: "secrecy-risk assessment",
    Paper.PERSONAL: "personal-information impact assessment",
}
