"""The road of a catalogue entry: draft, two assessments, the head's sign-off, review, withdrawal.

There is no other way to a published entry over HTTP. Who may make which step shows in each
signature; the rest (own department, another person, another house) is decided in the move itself.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import Field

from catalog.book.drafting import begin_change, discard_draft, draft_entry, revise_entry
from catalog.book.parts import Assessment, Revision
from catalog.book.review import (
    publish_entry,
    refuse_entry,
    return_entry,
    submit_entry,
    withdraw_entry,
)
from catalog.book.signing import Paper, assess, sign_off
from catalog.datasets import Frozen
from catalog.matters.matter import MissingPaper
from service.api.callers import AuthorityCaller, CataloguerCaller, HeadCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/catalog/entries", route_class=IdempotentRoute, tags=["catalogue"])

Document = Annotated[dict[str, Any], Body()]
Reason = Annotated[str, Field(min_length=1, max_length=400)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class ChangeBody(Frozen):
    """Why an entry changes, and its new text where it is at hand already."""

    ground: Reason
    document: dict[str, Any] | None = None


class SignOffBody(Frozen):
    """The digest over text and assessments that the head read (``papers`` of the draft)."""

    papers: Digest


class PublicationBody(Frozen):
    """The digest of the text that the reviewer read."""

    digest: Digest


class ReturnBody(Frozen):
    """Everything that lacks, at once (一次性告知)."""

    missing: Annotated[tuple[MissingPaper, ...], Field(min_length=1, max_length=50)]


class ReasonBody(Frozen):
    """The reason of a decision."""

    reason: Reason


@router.post("", status_code=201)
def post_entry(
    body: Document,
    actor: CataloguerCaller,
    platform: OnPlatform,
    provider: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, object]:
    """Draft an entry for the caller's department, or a named one. Nothing is published yet."""
    recorded = draft_entry(platform.book, actor, provider or actor.organisation, body)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/revision", status_code=201)
def post_revision(
    entry_id: str, body: Document, actor: CataloguerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Replace the text of a draft; a sign-off over the earlier text counts no longer."""
    recorded = revise_entry(platform.book, actor, entry_id, body)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/change", status_code=201)
def post_change(
    entry_id: str, body: ChangeBody, actor: CataloguerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Begin a change of a published (or withdrawn) entry; the department's clock starts."""
    recorded = begin_change(platform.book, actor, entry_id, body.ground, body.document)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/discard", status_code=201)
def post_discard(entry_id: str, actor: CataloguerCaller, platform: OnPlatform) -> dict[str, object]:
    """Give a draft up."""
    recorded = discard_draft(platform.book, actor, entry_id)
    return {"id": entry_id, "state": "discarded", "entry": recorded.index}


@router.post("/{entry_id}/assessments/{paper}", status_code=201)
def post_assessment(
    entry_id: str,
    paper: Paper,
    body: Assessment,
    actor: CataloguerCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Enter the secrecy-risk or the personal-information assessment of a draft."""
    recorded = assess(platform.book, actor, entry_id, paper, body)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/sign-off", status_code=201)
def post_sign_off(
    entry_id: str, body: SignOffBody, actor: HeadCaller, platform: OnPlatform
) -> dict[str, object]:
    """Sign a draft off as the head of its department."""
    recorded = sign_off(platform.book, actor, entry_id, body.papers)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/submission", status_code=201)
def post_submission(
    entry_id: str, actor: CataloguerCaller, platform: OnPlatform
) -> dict[str, object]:
    """Submit a signed draft to the data authority; the review clock starts."""
    recorded = submit_entry(platform.book, actor, entry_id)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/publication", status_code=201)
def post_publication(
    entry_id: str, body: PublicationBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Publish a submitted text as the next version of its entry."""
    recorded = publish_entry(platform.book, actor, entry_id, body.digest)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/return", status_code=201)
def post_return(
    entry_id: str, body: ReturnBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Return a submitted text once, with everything that lacks."""
    recorded = return_entry(platform.book, actor, entry_id, body.missing)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/refusal", status_code=201)
def post_refusal(
    entry_id: str, body: ReasonBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Refuse to publish a submitted text, with the reason."""
    recorded = refuse_entry(platform.book, actor, entry_id, body.reason)
    return _told(recorded.value, recorded.index)


@router.post("/{entry_id}/withdrawal", status_code=201)
def post_withdrawal(
    entry_id: str, body: ReasonBody, actor: AuthorityCaller, platform: OnPlatform
) -> dict[str, object]:
    """Take a published entry off the catalogue (下线)."""
    recorded = withdraw_entry(platform.book, actor, entry_id, body.reason)
    return {"id": entry_id, "state": recorded.value.state, "entry": recorded.index}


def _told(revision: Revision, index: int) -> dict[str, object]:
    """Say where a text stands now: what the next step must name is in it."""
    return {
        "id": revision.entry_id,
        "code": revision.entry.code,
        "state": revision.state,
        "version": revision.version,
        "digest": revision.digest,
        "papers": revision.papers,
        "signed_by": revision.signed_by,
        "matter": revision.matter,
        "case": revision.case_number,
        "entry": index,
    }
