"""What every move of the book works with, and one entry or revision as the store holds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, select

from audit.events import Writer
from catalog.book.states import OPEN_REVISIONS, PUBLIC_MOVES, EntryState, Move, RevisionState
from catalog.book.store import catalog_entry, catalog_move, catalog_revision
from catalog.datasets import Frozen
from catalog.entries import CatalogueEntry, Text
from catalog.matters.clocks import Clocks
from foundation.canonical import digest
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from policies.schema.catalog import CatalogRules

Apart = Callable[[Connection, Actor, str], None]
"""Refuses an actor who serves an organisation or its affiliates (``authorization``)."""
CreditCode = Callable[[Connection, str], str | None]
"""The unified social credit code that the registry knows of an organisation, or None."""


class Conclusion(StrEnum):
    """What an assessment found."""

    PASSED = "passed"  # 可以编目
    FAILED = "failed"  # 不得编目


class Assessment(Frozen):
    """保密风险评估 or 个人信息保护影响评估: who assessed, what was found, under which paper."""

    assessor: Text
    conclusion: Conclusion
    document_number: Text
    on: str = Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")


class Revision(Frozen):
    """One text of an entry with its papers, on its way to publication or published."""

    id: str
    entry_id: str
    provider: str
    batch: str | None
    state: RevisionState
    version: int | None
    digest: str
    previous_digest: str | None
    drafted_by: str
    drafted_us: int
    revised_by: str
    revised_us: int
    papers: str
    signed_by: str | None
    signed_us: int | None
    sign_matter: str | None
    submitted_by: str | None
    submitted_us: int | None
    matter: str | None
    case_number: str | None
    change_matter: str | None
    decided_by: str | None
    decided_us: int | None
    reason: str | None
    secrecy: Assessment | None
    secrecy_by: str | None
    personal: Assessment | None
    personal_by: str | None
    entry: CatalogueEntry


@dataclass(frozen=True)
class Book:
    """The parts of every move. ``authority`` is the organisation that reviews."""

    writer: Writer
    rules: CatalogRules
    clocks: Clocks
    authority: str
    apart: Apart
    credit_code: CreditCode


class EntryHead(Frozen):
    """What everybody knows an entry by. ``version`` is None until it is first published."""

    id: str
    code: str
    provider: str
    state: EntryState
    version: int | None
    zone: str
    created_us: int
    changed_us: int
    changed_index: int


def entry_digest(entry: CatalogueEntry) -> str:
    """Return the digest of an entry's document, as versions and log entries name it."""
    return digest(entry.model_dump(mode="json"))


def papers_digest(
    document_digest: str, secrecy: Assessment | None, personal: Assessment | None
) -> str:
    """Return the digest of all that a head signs: the document and both assessments."""
    return digest(
        {
            "document": document_digest,
            "secrecy": secrecy.model_dump(mode="json") if secrecy else None,
            "personal": personal.model_dump(mode="json") if personal else None,
        }
    )


def head_of(connection: Connection, entry_id: str) -> EntryHead | None:
    """Return an entry's head by its identifier."""
    row = connection.execute(select(catalog_entry).where(catalog_entry.c.id == entry_id)).first()
    return _head(row) if row else None


def head_by_code(connection: Connection, code: str) -> EntryHead | None:
    """Return an entry's head by its catalogue code."""
    row = connection.execute(select(catalog_entry).where(catalog_entry.c.code == code)).first()
    return _head(row) if row else None


def known_head(connection: Connection, entry_id: str) -> EntryHead:
    """Return an entry's head. Raises NotFound."""
    found = head_of(connection, entry_id)
    if found is None:
        raise entry_unknown()
    return found


def open_revision(connection: Connection, entry_id: str) -> Revision | None:
    """Return the text of an entry that is not decided yet, if there is one."""
    query = select(catalog_revision).where(
        catalog_revision.c.entry_id == entry_id, catalog_revision.c.state.in_(OPEN_REVISIONS)
    )
    row = connection.execute(query).first()
    return revision_of(row) if row else None


def published_revision(connection: Connection, entry_id: str, version: int) -> Revision | None:
    """Return one published version of an entry."""
    query = select(catalog_revision).where(
        catalog_revision.c.entry_id == entry_id, catalog_revision.c.version == version
    )
    row = connection.execute(query).first()
    return revision_of(row) if row else None


def revision_by_id(connection: Connection, revision: str) -> Revision:
    """Return a text that is known to be there, whatever became of it."""
    query = select(catalog_revision).where(catalog_revision.c.id == revision)
    return revision_of(connection.execute(query).one())


def refused_revision(connection: Connection, entry_id: str) -> Revision:
    """Return the text of an entry that was refused last."""
    query = (
        select(catalog_revision)
        .where(
            catalog_revision.c.entry_id == entry_id,
            catalog_revision.c.state == RevisionState.REFUSED.value,
        )
        .order_by(catalog_revision.c.decided_us.desc())
        .limit(1)
    )
    return revision_of(connection.execute(query).one())


def required_revision(connection: Connection, entry_id: str, state: RevisionState) -> Revision:
    """Return the open text of an entry in this state. Raises Conflict."""
    found = open_revision(connection, entry_id)
    if found is None or found.state is not state:
        raise wrong_state(known_head(connection, entry_id), found)
    return found


def wrong_state(head: EntryHead, revision: Revision | None) -> Conflict:
    """Say that the entry's state forbids this move."""
    text = "none" if revision is None else str(revision.state)
    return Conflict(
        "entry_wrong_state",
        Message(
            f"目录条目现处于“{head.state}”状态（在办文本：{text}），不能办理此项。",
            f"The entry is {head.state} (text at work: {text}); this cannot be done now.",
        ),
        field="$.entry",
        rule="catalog.book.states",
    )


def was_withdrawn(connection: Connection, entry_id: str) -> bool:
    """Tell whether what was published of an entry last was taken off the catalogue again."""
    query = (
        select(catalog_move.c.move)
        .where(catalog_move.c.entry_id == entry_id, catalog_move.c.move.in_(PUBLIC_MOVES))
        .order_by(catalog_move.c.idx.desc())
        .limit(1)
    )
    return connection.execute(query).scalar() == Move.WITHDRAWN


def entry_unknown() -> NotFound:
    """Return what is said of an entry that does not exist, or that the caller may not know of."""
    return NotFound(
        "entry_unknown",
        Message("没有该目录条目，请先登记目录。", "No such entry; register the entry first."),
        field="$.entry",
    )


def revision_of(row: Row[tuple[object, ...]]) -> Revision:
    """Return a stored revision."""
    return revision_from(row._mapping)  # noqa: SLF001 - the row's own columns


def revision_from(fields: Mapping[Any, Any]) -> Revision:
    """Return a stored revision from its columns by name."""
    values = dict(fields)
    document = CatalogueEntry.model_validate_json(values.pop("document"))
    values.pop("decided_organisation")
    values.pop("signed_papers")
    for name in ("secrecy", "personal"):
        text = values[name]
        values[name] = Assessment.model_validate_json(text) if text else None
    return Revision(**values, entry=document)


def _head(row: Row[tuple[object, ...]]) -> EntryHead:
    values = row._mapping  # noqa: SLF001 - the row's own columns
    return EntryHead(**{name: values[name] for name in EntryHead.model_fields})
