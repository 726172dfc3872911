"""Finds what may meet a demand already: products under licence, interfaces, published entries.

Words are looked for in the published catalogue; a product is one whose licence grants data of an
entry that was found. The order is the one of preference: product, service, entry.
"""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, or_, select

from authorization.documents import LicenceDocument
from authorization.licences import LicenceState, licences_in
from catalog.book.recording import folded
from catalog.book.store import catalog_entry
from catalog.datasets import Frozen
from catalog.entries import Bilingual, ShareMode
from catalog.store import dataset_table, entry_by_id

FOUND_MAX = 50
PUBLISHED = ("published", "change_submitted")


class Candidate(Frozen):
    """One thing that may meet a demand."""

    kind: Literal["product", "service", "entry"]
    id: str
    name: Bilingual
    organisation: str


def candidates(connection: Connection, words: Sequence[str]) -> list[Candidate]:
    """Return what matches any of the words, products first, at most so many."""
    rows = connection.execute(_matching(words)).all()
    products = _products(connection, [row.id for row in rows])
    services: list[Candidate] = []
    entries: list[Candidate] = []
    for row in rows:
        found = entry_by_id(connection, row.id)
        if found is None:
            continue
        is_service = found.entry.share_mode is ShareMode.SERVICE
        kind: Literal["service", "entry"] = "service" if is_service else "entry"
        name = Bilingual(zh=found.entry.name.zh, en=found.entry.name.en)
        one = Candidate(kind=kind, id=row.id, name=name, organisation=row.provider)
        (services if is_service else entries).append(one)
    return [*products, *services, *entries][:FOUND_MAX]


def _matching(words: Sequence[str]) -> Any:
    table = catalog_entry.c
    plain = [folded(word.strip()) for word in words if word.strip()]
    tests = [table.search_text.contains(word, autoescape=True) for word in plain]
    return (
        select(table.id, table.provider)
        .where(table.state.in_(PUBLISHED), or_(*tests))
        .order_by(table.code)
        .limit(FOUND_MAX)
    )


def _products(connection: Connection, entries: Sequence[str]) -> list[Candidate]:
    beneath = select(dataset_table.c.name).where(dataset_table.c.entry_id.in_(entries))
    names = set(connection.execute(beneath).scalars())
    if not names:
        return []
    found = []
    for licence in licences_in(connection, [LicenceState.ACTIVE]):
        document = LicenceDocument.model_validate_json(licence.document)
        if names & {grant.dataset for grant in document.grants}:
            name = Bilingual(zh=document.product.name_zh, en=document.product.name_en)
            found.append(
                Candidate(kind="product", id=licence.id, name=name, organisation=document.operator)
            )
    return found
