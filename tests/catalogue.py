"""Walks the whole road of a catalogue entry, with the people it needs: draft to published."""

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import Connection, Engine

from audit.writer import GroupCommitWriter
from catalog.book import drafting, review, signing
from catalog.book.parts import Assessment, Book, Revision
from catalog.book.systems import SystemDocument, register_system, system
from catalog.matters.clocks import Clocks
from foundation.db import reading
from foundation.identity import Actor, ActorKind, Role
from policies.load import load_policies
from policies.schema.catalog import CatalogRules

if TYPE_CHECKING:
    from service.bootstrap import Platform

SYSTEM = "register"
ASSESSMENT = Assessment.model_validate(
    {
        "assessor": "测试评估人",
        "conclusion": "passed",
        "document_number": "测评〔2026〕1号",
        "on": "2026-01-05",
    }
)
Document = Mapping[str, Any]
ActorOf = Callable[[str], Actor]


def entry_code(name: str) -> str:
    """Return a catalogue code for a test's data set: the same name has the same code."""
    return f"306009/{zlib.crc32(name.encode())}"


def whole_document(code: str, name: str, english: str, system: str) -> dict[str, Any]:
    """Return a catalogue entry with all that the law asks of one; every text is its name."""
    text = {"zh": name, "en": english}
    return {
        "code": code,
        "name": text,
        "data_items": [text],
        "provider": {"name": text, "code": "91350100M000100Y43"},
        "format": "CSV",
        "update_frequency": "yearly",
        "share_attribute": "conditional",
        "share_mode": "sandbox",
        "use_conditions": text,
        "classification": {"category": text, "grade": "L3"},
        "share_scope": text,
        "permitted_use": text,
        "open_attribute": "withheld",
        "open_basis": {"reason": text, "act": text},
        "return_attribute": "none",
        "systems": [system],
        "source": text,
    }


def person(name: str, organisation: str, *roles: Role) -> Actor:
    """Return a natural person who has long been there."""
    return Actor(name, organisation, frozenset(roles), ActorKind.PERSON)


def no_one_serves_both(_connection: Connection, _actor: Actor, _organisation: str) -> None:
    """Let everybody be apart: for a bare store without a registry of organisations."""


def no_code_known(_connection: Connection, _organisation: str) -> None:
    """Know no credit code: for a bare store without a registry of organisations."""


def bare_book(writer: GroupCommitWriter, authority: str = "data_authority") -> Book:
    """Return the book over a bare writer, with the national rules and clocks."""
    pack = load_policies()
    clocks = Clocks.of(pack, "national")
    parts = (writer, pack.rules(CatalogRules), clocks, authority)
    return Book(*parts, no_one_serves_both, no_code_known)


def publish_entry(
    platform: "Platform",
    document: Document,
    provider: str,
    actor_of: ActorOf,
    *,
    people: tuple[str, str, str] = ("steward", "head", "founder"),
) -> Revision:
    """Publish an entry of a platform: drafter, head and reviewer are these accounts."""
    drafter, head, reviewer = (actor_of(account) for account in people)
    return walk(platform.book, platform.engine, document, provider, (drafter, head, reviewer))


def walk(
    book: Book,
    engine: Engine,
    document: Document,
    provider: str,
    people: tuple[Actor, Actor, Actor],
) -> Revision:
    """Walk the road with these people; the document's systems are registered where they are not."""
    drafter, head, reviewer = people
    whole = {"systems": [SYSTEM], **document}
    whole["systems"] = whole["systems"] or [f"{provider}.{SYSTEM}"]
    for name in whole["systems"]:
        _registered(book, engine, drafter, provider, name)
    draft = drafting.draft_entry(book, drafter, provider, whole).value
    return walk_on(book, draft, (drafter, head, reviewer))


def walk_on(book: Book, draft: Revision, people: tuple[Actor, Actor, Actor]) -> Revision:
    """Walk on from a draft to its publication."""
    drafter, head, reviewer = people
    for paper in signing.Paper:
        draft = signing.assess(book, drafter, draft.entry_id, paper, ASSESSMENT).value
    signing.sign_off(book, head, draft.entry_id, draft.papers)
    review.submit_entry(book, drafter, draft.entry_id)
    return review.publish_entry(book, reviewer, draft.entry_id, draft.digest).value


def publish_over_http(
    document: Document,
    drafter: httpx.Client,
    head: httpx.Client,
    reviewer: httpx.Client,
    api: str = "/api/v1",
) -> dict[str, Any]:
    """Walk the road over the HTTP API; return what the publication answered."""
    for name in document["systems"]:
        label = {"zh": name, "en": name}
        body = {"name": name, "label": label, "purpose": label}
        drafter.post(f"{api}/catalog/systems", json=body)
    told = _answered(drafter.post(f"{api}/catalog/entries", json=document))
    path = f"{api}/catalog/entries/{told['id']}"
    for paper in signing.Paper:
        body = ASSESSMENT.model_dump(mode="json")
        told = _answered(drafter.post(f"{path}/assessments/{paper}", json=body))
    _answered(head.post(f"{path}/sign-off", json={"papers": told["papers"]}))
    _answered(drafter.post(f"{path}/submission"))
    return _answered(reviewer.post(f"{path}/publication", json={"digest": told["digest"]}))


def _answered(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def _registered(book: Book, engine: Engine, actor: Actor, provider: str, name: str) -> None:
    with reading(engine) as connection:
        if system(connection, name) is not None:
            return
    label = {"zh": name, "en": name}
    document = SystemDocument.model_validate({"name": name, "label": label, "purpose": label})
    register_system(book.writer, actor, provider, document)
