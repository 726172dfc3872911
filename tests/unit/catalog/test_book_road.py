"""The road of an entry: every step that may not be taken is refused first, then it is walked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from audit.writer import GroupCommitWriter
from catalog import store
from catalog.book import drafting, review, signing
from catalog.book.parts import Assessment, Book, Revision, head_of, open_revision
from catalog.book.states import EntryState
from catalog.book.store import catalog_move
from catalog.book.systems import SystemDocument, orphans, register_system, retire_system
from catalog.matters.matter import MatterState, MissingPaper
from catalog.matters.reads import inbox, matter
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, NotFound, SandgateError
from foundation.identity import Actor, ActorKind, Role
from foundation.two_people import refused_to_two
from tests.catalogue import ASSESSMENT, bare_book, person, walk, walk_on

ORGANISATION = "org_finance"
DRAFTER = person("drafter", ORGANISATION, Role.PROVIDER)
HEAD = person("head", ORGANISATION, Role.DEPARTMENT_HEAD)
REVIEWER = person("reviewer", "org_authority", Role.AUTHORITY)
PEOPLE = (DRAFTER, HEAD, REVIEWER)
MISSING = [MissingPaper(name="数据项说明", reason="缺少类型"), MissingPaper(name="共享范围")]
Document = dict[str, Any]


@dataclass(frozen=True)
class World:
    book: Book
    engine: Engine
    document: Document

    def draft(self) -> Revision:
        return drafting.draft_entry(self.book, DRAFTER, ORGANISATION, self.document).value

    def assessed(self) -> Revision:
        draft = self.draft()
        for paper in signing.Paper:
            draft = signing.assess(self.book, DRAFTER, draft.entry_id, paper, ASSESSMENT).value
        return draft

    def signed(self) -> Revision:
        draft = self.assessed()
        return signing.sign_off(self.book, HEAD, draft.entry_id, draft.papers).value

    def submitted(self) -> Revision:
        signed = self.signed()
        return review.submit_entry(self.book, DRAFTER, signed.entry_id).value

    def published(self) -> Revision:
        return walk(self.book, self.engine, self.document, ORGANISATION, PEOPLE)

    def state(self, entry_id: str) -> str:
        with reading(self.engine) as connection:
            head = head_of(connection, entry_id)
        assert head is not None
        return head.state


@pytest.fixture
def world(catalog_writer: GroupCommitWriter, engine: Engine, entry_document: Document) -> World:
    book = bare_book(catalog_writer, "org_authority")
    label = {"zh": "台账", "en": "ledger"}
    system = SystemDocument.model_validate({"name": "ledger", "label": label, "purpose": label})
    register_system(catalog_writer, DRAFTER, ORGANISATION, system)
    return World(book, engine, entry_document)


def refused(kind: type[SandgateError], move: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        move()
    return caught.value.code


def test_only_the_department_or_the_authority_drafts(world: World) -> None:
    def draft(actor: Actor) -> object:
        return drafting.draft_entry(world.book, actor, ORGANISATION, world.document)

    stranger = person("stranger", "org_other", Role.PROVIDER)
    assert refused(Denied, lambda: draft(stranger)) == "provider_required"
    assert refused(Denied, lambda: draft(HEAD)) == "provider_required"
    draft(DRAFTER)
    assert refused(Conflict, lambda: draft(DRAFTER)) == "entry_exists"


def test_no_sign_off_without_both_assessments_and_none_by_the_wrong_person(world: World) -> None:
    draft = world.draft()
    book, entry = world.book, draft.entry_id

    def sign(actor: Actor, papers: str = draft.papers) -> object:
        return signing.sign_off(book, actor, entry, papers)

    with pytest.raises(Conflict) as caught:
        sign(HEAD)
    assert caught.value.code == "assessments_missing"
    assert "保密风险评估" in caught.value.message.zh
    assert "个人信息保护影响评估" in caught.value.message.zh
    signing.assess(book, DRAFTER, entry, signing.Paper.SECRECY, ASSESSMENT)
    assert refused(Conflict, lambda: sign(HEAD)) == "assessments_missing"
    both = signing.assess(book, DRAFTER, entry, signing.Paper.PERSONAL, ASSESSMENT).value
    assert refused(Conflict, lambda: sign(HEAD)) == "entry_changed_meanwhile"
    other_head = person("other_head", "org_other", Role.DEPARTMENT_HEAD)
    service = replace(HEAD, kind=ActorKind.SERVICE)
    same = replace(HEAD, person=DRAFTER.person)
    late = replace(HEAD, since_us=both.revised_us + 1)
    codes = [
        refused(Denied, lambda actor=actor: sign(actor, both.papers))  # type: ignore[misc]
        for actor in (DRAFTER, other_head, service, same, late)
    ]
    assert codes == [
        "department_head_required",
        "department_head_required",
        "service_account_cannot_approve",
        "applicant_cannot_approve",
        "account_younger_than_request",
    ]
    sign(HEAD, both.papers)


def test_a_failed_assessment_stops_the_road(world: World) -> None:
    draft = world.assessed()
    failed = Assessment.model_validate({**ASSESSMENT.model_dump(), "conclusion": "failed"})
    paper = signing.Paper.PERSONAL
    failing = signing.assess(world.book, DRAFTER, draft.entry_id, paper, failed).value

    def sign() -> object:
        return signing.sign_off(world.book, HEAD, draft.entry_id, failing.papers)

    assert refused(Conflict, sign) == "assessment_failed"


def test_nothing_reaches_review_without_the_sign_off(world: World) -> None:
    draft = world.draft()

    def submit() -> object:
        return review.submit_entry(world.book, DRAFTER, draft.entry_id)

    assert refused(Conflict, submit) == "assessments_missing"
    for paper in signing.Paper:
        draft = signing.assess(world.book, DRAFTER, draft.entry_id, paper, ASSESSMENT).value
    assert refused(Conflict, submit) == "sign_off_missing"
    signing.sign_off(world.book, HEAD, draft.entry_id, draft.papers)
    submit()
    assert refused(Conflict, submit) == "entry_wrong_state"


@pytest.mark.parametrize("how", ["revised", "assessed"])
def test_a_change_after_the_sign_off_undoes_it(world: World, how: str) -> None:
    signed = world.signed()
    if how == "revised":
        changed = {**world.document, "format": "Parquet"}
        drafting.revise_entry(world.book, DRAFTER, signed.entry_id, changed)
    else:
        other = Assessment.model_validate({**ASSESSMENT.model_dump(), "document_number": "2号"})
        signing.assess(world.book, DRAFTER, signed.entry_id, signing.Paper.SECRECY, other)

    def submit() -> object:
        return review.submit_entry(world.book, DRAFTER, signed.entry_id)

    assert refused(Conflict, submit) == "sign_off_missing"


def test_the_heads_task_is_a_matter_of_the_department(world: World) -> None:
    draft = world.assessed()
    with reading(world.engine) as connection:
        assert [item.subject for item in inbox(connection, HEAD)] == [draft.entry_id]
        assert inbox(connection, DRAFTER) == []
    signing.sign_off(world.book, HEAD, draft.entry_id, draft.papers)
    with reading(world.engine) as connection:
        assert inbox(connection, HEAD) == []
    drafting.revise_entry(world.book, DRAFTER, draft.entry_id, world.document)
    with reading(world.engine) as connection:
        assert len(inbox(connection, HEAD)) == 1


def test_the_authority_reviews_another_persons_text_of_another_house(world: World) -> None:
    submitted = world.submitted()
    assert submitted.submitted_us is not None

    def publish(actor: Actor, digest: str = submitted.digest, book: Book = world.book) -> object:
        return review.publish_entry(book, actor, submitted.entry_id, digest)

    def never(_connection: object, _actor: Actor, _organisation: str) -> None:
        raise refused_to_two("checker_of_same_organisation", "不得", "no")

    def refusals(*actors: Actor) -> list[str]:
        return [refused(Denied, lambda: publish(actor)) for actor in actors]  # noqa: B023

    found = refusals(
        HEAD,
        replace(REVIEWER, kind=ActorKind.SERVICE),
        replace(REVIEWER, person=DRAFTER.person),
        replace(REVIEWER, person=HEAD.person),
        replace(REVIEWER, organisation=ORGANISATION),
        replace(REVIEWER, since_us=submitted.submitted_us + 1),
    )
    assert found == [
        "authority_required",
        "service_account_cannot_approve",
        "applicant_cannot_approve",
        "applicant_cannot_approve",
        "reviewer_of_same_organisation",
        "account_younger_than_request",
    ]
    apart = replace(world.book, apart=never)
    code = refused(Denied, lambda: publish(REVIEWER, book=apart))
    assert code == "checker_of_same_organisation"
    stale = "sha256:" + "0" * 64
    assert refused(Conflict, lambda: publish(REVIEWER, stale)) == "entry_changed_meanwhile"
    assert world.state(submitted.entry_id) == EntryState.SUBMITTED
    publish(REVIEWER)
    assert world.state(submitted.entry_id) == EntryState.PUBLISHED
    with reading(world.engine) as connection:
        closed = matter(connection, submitted.matter or "")
    assert closed is not None
    assert (closed.state, closed.outcome, closed.in_time) == (
        MatterState.CONCLUDED,
        "published",
        True,
    )


def test_an_orphan_is_not_submitted_and_both_sides_are_listed(world: World) -> None:
    world.document["systems"] = []
    signed = world.signed()

    def submit() -> object:
        return review.submit_entry(world.book, DRAFTER, signed.entry_id)

    assert refused(InvalidInput, submit) == "entry_orphan"
    unknown = {**world.document, "systems": ["ledger", "nowhere"]}
    revised = drafting.revise_entry(world.book, DRAFTER, signed.entry_id, unknown).value
    signing.sign_off(world.book, HEAD, signed.entry_id, revised.papers)
    assert refused(InvalidInput, submit) == "entry_system_unknown"
    with reading(world.engine) as connection:
        assert orphans(connection).systems == ("ledger",)
    whole = {**world.document, "systems": ["ledger"]}
    drafting.revise_entry(world.book, DRAFTER, signed.entry_id, whole)
    with reading(world.engine) as connection:
        draft = open_revision(connection, signed.entry_id)
    assert draft is not None
    walk_on(world.book, draft, PEOPLE)
    with reading(world.engine) as connection:
        assert orphans(connection) == orphans(connection, ORGANISATION)
        assert (orphans(connection).entries, orphans(connection).systems) == ((), ())
    retire_system(world.book.writer, DRAFTER, "ledger")
    with reading(world.engine) as connection:
        assert orphans(connection).entries == (signed.entry_id,)


def test_a_return_names_everything_once_and_restarts_the_clock(world: World) -> None:
    submitted = world.submitted()
    book, entry = world.book, submitted.entry_id
    assert refused(InvalidInput, lambda: review.return_entry(book, REVIEWER, entry, [])) == (
        "papers_unnamed"
    )
    returned = review.return_entry(book, REVIEWER, entry, MISSING).value
    assert (returned.signed_by, world.state(entry)) == (None, EntryState.DRAFT)
    signing.sign_off(book, HEAD, entry, returned.papers)
    again = review.submit_entry(book, DRAFTER, entry).value
    assert (again.matter, again.case_number) == (submitted.matter, submitted.case_number)

    def give_back() -> object:
        return review.return_entry(book, REVIEWER, entry, MISSING)

    assert refused(Conflict, give_back) == "notice_given_before"
    assert review.publish_entry(book, REVIEWER, entry, again.digest).value.version == 1


def test_a_refusal_needs_its_reason_and_the_text_may_be_taken_up_again(world: World) -> None:
    submitted = world.submitted()
    book, entry = world.book, submitted.entry_id
    assert refused(InvalidInput, lambda: review.refuse_entry(book, REVIEWER, entry, " ")) == (
        "reason_missing"
    )
    review.refuse_entry(book, REVIEWER, entry, "不属于政务数据")
    assert world.state(entry) == EntryState.REFUSED
    draft = drafting.revise_entry(book, DRAFTER, entry, world.document).value
    assert draft.secrecy is None
    assert walk_on(book, draft, PEOPLE).version == 1


def test_a_change_is_walked_like_the_first_text_and_makes_the_next_version(world: World) -> None:
    first = world.published()
    book, entry = world.book, first.entry_id

    def revise() -> object:
        return drafting.revise_entry(book, DRAFTER, entry, world.document)

    assert refused(Conflict, revise) == "entry_wrong_state"
    assert refused(InvalidInput, lambda: drafting.begin_change(book, DRAFTER, entry, "")) == (
        "reason_missing"
    )
    other = {**world.document, "code": "304001/99"}
    changed = {**world.document, "format": "Parquet"}
    assert refused(
        InvalidInput, lambda: drafting.begin_change(book, DRAFTER, entry, "职责调整", other)
    ) == ("entry_code_fixed")
    draft = drafting.begin_change(book, DRAFTER, entry, "职责调整", changed).value
    assert refused(Conflict, lambda: drafting.begin_change(book, DRAFTER, entry, "职责调整")) == (
        "entry_wrong_state"
    )
    with reading(world.engine) as connection:
        duty = matter(connection, draft.change_matter or "")
        published = store.entry_by_id(connection, entry)
    assert duty is not None
    assert duty.due is not None
    assert (duty.due.working_days, duty.due.extension_days_max) == (10, 5)
    assert published is not None
    assert (published.version, published.entry.format) == (1, "CSV")
    second = walk_on(book, draft, PEOPLE)
    assert (second.version, second.previous_digest) == (2, first.digest)
    with reading(world.engine) as connection:
        found = store.entry_by_code(connection, first.entry.code)
        closed = matter(connection, draft.change_matter or "")
        review_matter = matter(connection, second.matter or "")
    assert found is not None
    assert (found.version, found.entry.format) == (2, "Parquet")
    assert closed is not None
    assert review_matter is not None
    assert (closed.outcome, closed.case) == ("submitted", review_matter.case)


def test_a_withdrawn_entry_comes_back_by_the_whole_road(world: World) -> None:
    first = world.published()
    book, entry = world.book, first.entry_id

    def withdraw(actor: Actor, reason: str = "系统停用") -> object:
        return review.withdraw_entry(book, actor, entry, reason)

    assert refused(Denied, lambda: withdraw(DRAFTER)) == "authority_required"
    assert refused(InvalidInput, lambda: withdraw(REVIEWER, "")) == "reason_missing"
    at_work = drafting.begin_change(book, DRAFTER, entry, "法规修订").value
    withdraw(REVIEWER)
    assert refused(Conflict, lambda: withdraw(REVIEWER)) == "entry_wrong_state"
    with reading(world.engine) as connection:
        given_up = matter(connection, at_work.change_matter or "")
        found = store.entry_by_id(connection, entry)
    assert given_up is not None
    assert given_up.is_over
    assert found is not None
    assert not found.is_published
    draft = drafting.begin_change(book, DRAFTER, entry, "恢复发布").value
    returned = review.submit_entry(book, DRAFTER, _signed(book, draft)).value
    review.return_entry(book, REVIEWER, returned.entry_id, MISSING)
    assert world.state(entry) == EntryState.WITHDRAWN
    with reading(world.engine) as connection:
        again = open_revision(connection, entry)
    assert again is not None
    assert walk_on(book, again, PEOPLE).version == 2


def test_a_discarded_code_is_free_for_its_own_department(world: World) -> None:
    draft = world.draft()
    stranger = person("stranger", "org_other", Role.PROVIDER)
    drafting.discard_draft(world.book, DRAFTER, draft.entry_id)

    def take(actor: Actor, organisation: str) -> Revision:
        return drafting.draft_entry(world.book, actor, organisation, world.document).value

    assert refused(Conflict, lambda: take(stranger, "org_other")) == "entry_exists"
    assert take(DRAFTER, ORGANISATION).entry_id == draft.entry_id
    unknown = "cat_unknown"
    assert refused(NotFound, lambda: drafting.discard_draft(world.book, DRAFTER, unknown)) == (
        "entry_unknown"
    )


def test_each_move_has_its_line_with_digest_and_matter(world: World) -> None:
    entry = world.published().entry_id
    with reading(world.engine) as connection:
        moves = connection.execute(
            select(catalog_move)
            .where(catalog_move.c.entry_id == entry)
            .order_by(catalog_move.c.idx)
        ).all()
    assert [row.move for row in moves] == [
        *("drafted", "assessed", "assessed"),
        *("signed_off", "submitted", "published"),
    ]
    assert len({row.idx for row in moves}) == len(moves)
    assert all(row.digest.startswith("sha256:") for row in moves)
    assert moves[-1].matter == moves[-2].matter is not None


def _signed(book: Book, draft: Revision) -> str:
    for paper in signing.Paper:
        draft = signing.assess(book, DRAFTER, draft.entry_id, paper, ASSESSMENT).value
    signing.sign_off(book, HEAD, draft.entry_id, draft.papers)
    return draft.entry_id
