"""A bureau's book in bulk: all rows of a batch walk the road together, or none."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from audit.reading import read_entries
from audit.tags import EntryKind
from catalog import store
from catalog.book import batch_steps, bulk, drafting, review
from catalog.book.batches import Batch, stored_batch
from catalog.book.parts import Book
from catalog.book.store import catalog_entry, catalog_move
from catalog.entries import CatalogueEntry, check_entry
from catalog.exchange.drafting import BookDrafting
from catalog.matters.matter import MissingPaper
from catalog.matters.reads import inbox
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, SandgateError
from foundation.identity import Actor, Role
from tests.catalogue import ASSESSMENT, person, walk_on

ORGANISATION = "org_finance"
DRAFTER = person("drafter", ORGANISATION, Role.PROVIDER)
HEAD = person("head", ORGANISATION, Role.DEPARTMENT_HEAD)
REVIEWER = person("reviewer", "org_authority", Role.AUTHORITY)
Document = dict[str, Any]


@pytest.fixture
def documents(book: Book, entry_document: Document) -> list[CatalogueEntry]:
    return [
        check_entry({**entry_document, "code": f"304001/{number}"}, book.rules)
        for number in (1, 2, 10)
    ]


def refused(kind: type[SandgateError], move: Callable[[], object]) -> tuple[str, str | None]:
    with pytest.raises(kind) as caught:
        move()
    return caught.value.code, caught.value.field


def drafted(book: Book, documents: list[CatalogueEntry], actor: Actor = DRAFTER) -> Batch:
    return bulk.make_drafts(book, actor, ORGANISATION, documents, batch="台账.xlsx 1–3").value


def submitted(book: Book, batch: Batch) -> Batch:
    batch_steps.assess_batch(book, DRAFTER, batch.id, ASSESSMENT, ASSESSMENT)
    batch_steps.sign_off_batch(book, HEAD, batch.id, batch.digest)
    return batch_steps.submit_batch(book, DRAFTER, batch.id).value


def published(book: Book, batch: Batch) -> Batch:
    submitted(book, batch)
    return batch_steps.publish_batch(book, REVIEWER, batch.id, batch.digest).value


def test_one_bad_row_keeps_the_whole_batch_out(
    book: Book, engine: Engine, documents: list[CatalogueEntry], entry_document: Document
) -> None:
    drafting.draft_entry(book, DRAFTER, ORGANISATION, {**entry_document, "code": "304001/2"})
    stranger = person("stranger", "org_other", Role.PROVIDER)
    assert refused(Denied, lambda: drafted(book, documents, stranger))[0] == "provider_required"
    assert refused(Conflict, lambda: drafted(book, documents)) == ("entry_unchanged", "$.rows[1]")
    twice = [documents[0], documents[0]]
    assert refused(Conflict, lambda: drafted(book, twice)) == ("entry_exists", "$.rows[1]")
    assert refused(InvalidInput, lambda: drafted(book, []))[0] == "batch_size"
    with reading(engine) as connection:
        held = bulk.standing(connection, documents)
        count = connection.execute(select(func.count()).select_from(catalog_entry)).scalar()
    assert count == 1
    assert [item and item.same for item in held] == [None, True, None]
    foreign = [item.model_copy(update={"format": "XML"}) for item in documents]

    def take_over() -> object:
        return bulk.make_drafts(book, stranger, "org_other", foreign, batch="x")

    assert refused(Conflict, take_over) == ("entry_exists", "$.rows[1]")


def test_a_batch_takes_no_step_out_of_turn_or_by_the_wrong_person(
    book: Book, documents: list[CatalogueEntry]
) -> None:
    batch = drafted(book, documents)
    name, digest = batch.id, batch.digest

    def sign(actor: Actor = HEAD, read: str = digest) -> object:
        return batch_steps.sign_off_batch(book, actor, name, read)

    def publish(actor: Actor = REVIEWER, read: str = digest) -> object:
        return batch_steps.publish_batch(book, actor, name, read)

    assert refused(Denied, lambda: publish(DRAFTER))[0] == "authority_required"
    assert refused(Conflict, publish)[0] == "batch_wrong_state"
    assert refused(Conflict, lambda: batch_steps.submit_batch(book, DRAFTER, name)) == (
        "assessments_missing",
        "$.rows[0].secrecy",
    )
    assert refused(Denied, lambda: sign(DRAFTER))[0] == "department_head_required"
    assert refused(Conflict, sign)[0] == "assessments_missing"
    batch_steps.assess_batch(book, DRAFTER, name, ASSESSMENT, ASSESSMENT)
    assert refused(Conflict, lambda: batch_steps.submit_batch(book, DRAFTER, name)) == (
        "sign_off_missing",
        "$.rows[0].sign_off",
    )
    assert refused(Conflict, lambda: sign(read="sha256:0"))[0] == "entry_changed_meanwhile"
    sign()
    batch_steps.submit_batch(book, DRAFTER, name)
    both = person("drafter", "org_authority", Role.AUTHORITY)
    assert refused(Denied, lambda: publish(both))[0] == "applicant_cannot_approve"
    assert refused(Conflict, lambda: publish(read="sha256:0"))[0] == "entry_changed_meanwhile"

    def publish_one() -> object:
        return review.publish_entry(book, REVIEWER, batch.entry_ids[0], "sha256:0")

    assert refused(Conflict, publish_one)[0] == "entry_in_batch"
    publish()


def test_a_batch_has_one_entry_a_step_that_names_each_row(
    book: Book, engine: Engine, documents: list[CatalogueEntry]
) -> None:
    batch = published(book, drafted(book, documents))
    with reading(engine) as connection:
        found = [store.entry_by_code(connection, item.code) for item in documents]
        moves = connection.execute(select(catalog_move.c.idx).distinct()).all()
        kinds = [kind for kind in EntryKind if kind.startswith("catalog:batch:")]
        logged = read_entries(connection, first=0, kinds=kinds)
        assert inbox(connection, REVIEWER) == inbox(connection, HEAD) == []
    assert [item and (item.version, item.is_published) for item in found] == [(1, True)] * 3
    assert [entry.kind for entry in logged] == [
        EntryKind.BATCH_DRAFTED,
        EntryKind.BATCH_ASSESSED,
        EntryKind.BATCH_SIGNED_OFF,
        EntryKind.BATCH_SUBMITTED,
        EntryKind.BATCH_PUBLISHED,
    ]
    assert len(moves) == len(logged)
    rows = sorted(
        f"{item.entry.code} {item.digest.removeprefix('sha256:')}" for item in found if item
    )
    assert sorted(logged[-1].public["rows"]) == rows
    assert {entry.public["digest"] for entry in logged} == {batch.digest}
    assert "台账" not in json.dumps([entry.public for entry in logged], ensure_ascii=False)


def test_the_next_import_of_published_rows_is_a_batch_of_changes(
    book: Book, engine: Engine, documents: list[CatalogueEntry]
) -> None:
    published(book, drafted(book, documents))
    changed = [item.model_copy(update={"format": "XML"}) for item in documents]
    again = drafted(book, changed)
    with reading(engine) as connection:
        assert [item.kind for item in inbox(connection, DRAFTER)] == ["catalogue_change"]
    submitted(book, again)
    missing = [MissingPaper(name="样例数据")]
    batch_steps.return_batch(book, REVIEWER, again.id, missing)
    batch_steps.sign_off_batch(book, HEAD, again.id, again.digest)
    batch_steps.submit_batch(book, DRAFTER, again.id)

    def give_back() -> object:
        return batch_steps.return_batch(book, REVIEWER, again.id, missing)

    assert refused(Conflict, give_back)[0] == "notice_given_before"
    batch_steps.refuse_batch(book, REVIEWER, again.id, "格式未经论证")
    with reading(engine) as connection:
        found = [store.entry_by_code(connection, item.code) for item in documents]
    assert [item and (item.version, item.state) for item in found] == [(1, "published")] * 3
    published(book, drafted(book, changed))
    with reading(engine) as connection:
        found = [store.entry_by_code(connection, item.code) for item in documents]
    assert [item and (item.version, item.entry.format) for item in found] == [(2, "XML")] * 3


def test_a_row_that_is_rewritten_leaves_its_batch_and_walks_alone(
    book: Book, engine: Engine, documents: list[CatalogueEntry]
) -> None:
    batch = drafted(book, documents)
    batch_steps.assess_batch(book, DRAFTER, batch.id, ASSESSMENT, ASSESSMENT)
    other = {**documents[0].model_dump(mode="json"), "format": "XML"}
    alone = drafting.revise_entry(book, DRAFTER, batch.entry_ids[0], other).value
    assert alone.batch is None
    with reading(engine) as connection:
        rest = stored_batch(connection, batch.id)
    assert (rest.rows, rest.digest != batch.digest) == (2, True)
    assert walk_on(book, alone, (DRAFTER, HEAD, REVIEWER)).version == 1
    batch_steps.sign_off_batch(book, HEAD, batch.id, rest.digest)
    batch_steps.submit_batch(book, DRAFTER, batch.id)
    batch_steps.publish_batch(book, REVIEWER, batch.id, rest.digest)
    with reading(engine) as connection:
        assert all(store.entry_by_code(connection, item.code) for item in documents)


def test_what_a_batch_asked_ends_with_the_last_row_that_leaves_it(
    book: Book, engine: Engine, documents: list[CatalogueEntry]
) -> None:
    batch = drafted(book, documents)
    batch_steps.assess_batch(book, DRAFTER, batch.id, ASSESSMENT, ASSESSMENT)

    def asked_of_the_head() -> list[str]:
        with reading(engine) as connection:
            return [item.subject for item in inbox(connection, HEAD)]

    one, two, three = batch.entry_ids
    drafting.discard_draft(book, DRAFTER, one)
    drafting.discard_draft(book, DRAFTER, two)
    assert asked_of_the_head() == [batch.id]
    other = {**documents[2].model_dump(mode="json"), "format": "XML"}
    drafting.revise_entry(book, DRAFTER, three, other)
    assert asked_of_the_head() == [three]
    again = drafted(book, documents[2:])
    assert asked_of_the_head() == []
    batch_steps.assess_batch(book, DRAFTER, again.id, ASSESSMENT, ASSESSMENT)
    drafted(book, [item.model_copy(update={"format": "JSON"}) for item in documents[2:]])
    assert asked_of_the_head() == []


def test_every_row_bears_the_credit_code_of_its_own_department(
    book: Book, engine: Engine, documents: list[CatalogueEntry]
) -> None:
    own, other = documents[0].provider.code, "11999999MB2F00016L"
    named = replace(book, credit_code=lambda _connection, _house: other)
    assert refused(InvalidInput, lambda: drafted(named, documents)) == (
        "provider_code_of_another",
        "$.rows[0].provider.code",
    )
    single = documents[0].model_dump(mode="json")
    with pytest.raises(InvalidInput) as caught:
        drafting.draft_entry(named, DRAFTER, ORGANISATION, single)
    told = caught.value.message.en
    assert own in told
    assert other in told
    with reading(engine) as connection:
        (_, fault), *_ = BookDrafting(named).standings(connection, ORGANISATION, documents)
    assert fault
    assert fault.rule == "provider_code_of_another"
    batch = drafted(book, documents)  # drafted before the registry knew the code
    batch_steps.assess_batch(book, DRAFTER, batch.id, ASSESSMENT, ASSESSMENT)
    batch_steps.sign_off_batch(book, HEAD, batch.id, batch.digest)
    assert refused(InvalidInput, lambda: batch_steps.submit_batch(named, DRAFTER, batch.id)) == (
        "provider_code_of_another",
        "$.rows[0].provider.code",
    )
