"""Who made an assessment neither signs the entry off nor reviews it: alone and in batches."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from catalog.book import batch_steps, bulk, drafting, review, signing
from catalog.book.parts import Book, Revision
from catalog.entries import check_entry
from foundation.errors import Denied
from foundation.identity import Role
from tests.catalogue import ASSESSMENT, person

ORGANISATION = "org_finance"
DRAFTER = person("drafter", ORGANISATION, Role.PROVIDER)
HEAD = person("head", ORGANISATION, Role.DEPARTMENT_HEAD)
BOTH = person("head", ORGANISATION, Role.PROVIDER, Role.DEPARTMENT_HEAD)
REVIEWER = person("reviewer", "org_authority", Role.AUTHORITY)
SECOND = replace(REVIEWER, person="second")
Document = dict[str, Any]


@pytest.fixture
def draft(book: Book, entry_document: Document) -> Revision:
    """Give a draft whose papers are all there, by its drafter."""
    found = drafting.draft_entry(book, DRAFTER, ORGANISATION, entry_document).value
    for paper in signing.Paper:
        found = signing.assess(book, DRAFTER, found.entry_id, paper, ASSESSMENT).value
    return found


def refused(move: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(Denied) as caught:
        move()
    return caught.value.code, caught.value.field


@pytest.mark.parametrize("paper", list(signing.Paper))
def test_whoever_made_an_assessment_signs_nothing_off(
    book: Book, draft: Revision, entry_document: Document, paper: signing.Paper
) -> None:
    entry = draft.entry_id

    def sign(papers: str) -> Revision:
        return signing.sign_off(book, BOTH, entry, papers).value

    mine = signing.assess(book, BOTH, entry, paper, ASSESSMENT).value
    assert refused(lambda: sign(mine.papers)) == ("assessor_cannot_sign", "actor")
    changed = {**entry_document, "format": "Parquet"}
    revised = drafting.revise_entry(book, DRAFTER, entry, changed).value
    assert refused(lambda: sign(revised.papers))[0] == "assessor_cannot_sign"
    again = signing.assess(book, DRAFTER, entry, paper, ASSESSMENT).value
    assert (again.secrecy_by, again.personal_by) == (DRAFTER.person, DRAFTER.person)
    assert sign(again.papers).signed_by == HEAD.person


def test_whoever_made_an_assessment_reviews_nothing(book: Book, draft: Revision) -> None:
    entry, paper = draft.entry_id, signing.Paper.SECRECY
    mine = signing.assess(book, REVIEWER, entry, paper, ASSESSMENT).value
    signing.sign_off(book, HEAD, entry, mine.papers)
    digest = review.submit_entry(book, DRAFTER, entry).value.digest
    found = refused(lambda: review.publish_entry(book, REVIEWER, entry, digest))
    assert found == ("applicant_cannot_approve", "actor")
    assert review.publish_entry(book, SECOND, entry, digest).value.version == 1


def test_whoever_assessed_a_batch_signs_and_publishes_none_of_it(
    book: Book, entry_document: Document
) -> None:
    codes = ("304001/1", "304001/2")
    rows = [check_entry({**entry_document, "code": code}, book.rules) for code in codes]
    batch = bulk.make_drafts(book, DRAFTER, ORGANISATION, rows, batch="台账").value
    name, digest = batch.id, batch.digest

    def sign() -> object:
        return batch_steps.sign_off_batch(book, BOTH, name, digest)

    batch_steps.assess_batch(book, BOTH, name, ASSESSMENT, ASSESSMENT)
    assert refused(sign) == ("assessor_cannot_sign", "actor")
    batch_steps.assess_batch(book, REVIEWER, name, ASSESSMENT, ASSESSMENT)
    sign()
    batch_steps.submit_batch(book, DRAFTER, name)
    found = refused(lambda: batch_steps.publish_batch(book, REVIEWER, name, digest))
    assert found == ("applicant_cannot_approve", "actor")
    batch_steps.publish_batch(book, SECOND, name, digest)
