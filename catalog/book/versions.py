"""An entry's published versions, what differs between two, its history, and the change feed.

A difference is named field by field, in both languages; the feed's cursor is the index of the log
entry that published or withdrew, so that a reader may stop and go on at any time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from catalog.book.parts import Revision, entry_unknown, published_revision, revision_of
from catalog.book.states import PUBLIC_MOVES, EntryState, Move
from catalog.book.store import catalog_entry, catalog_move, catalog_revision
from catalog.datasets import Frozen
from catalog.entries import Bilingual, CatalogueEntry

FEED_ROWS_MAX = 500


class FieldChange(Frozen):
    """One field that differs: its path, its name to people, and both values as JSON."""

    field: str
    label: Bilingual
    before: Any
    after: Any


class HistoryLine(Frozen):
    """One move of an entry; ``index`` is the log entry that tells of it."""

    index: int
    time_us: int
    move: Move
    state: EntryState
    version: int | None
    digest: str
    previous_digest: str | None
    matter: str | None
    person: str
    organisation: str
    reason: str | None


class Change(Frozen):
    """One line of the change feed."""

    index: int
    time_us: int
    move: Move
    entry: str
    code: str
    provider: str
    version: int | None
    digest: str
    previous_digest: str | None


class Feed(Frozen):
    """A page of the change feed. ``next`` is what to ask after, for the next page."""

    changes: tuple[Change, ...]
    next: int
    more: bool


def versions_of(connection: Connection, entry_id: str) -> list[Revision]:
    """Return the published versions of an entry, oldest first."""
    query = (
        select(catalog_revision)
        .where(catalog_revision.c.entry_id == entry_id, catalog_revision.c.version.is_not(None))
        .order_by(catalog_revision.c.version)
    )
    return [revision_of(row) for row in connection.execute(query)]


def known_version(connection: Connection, entry_id: str, version: int) -> Revision:
    """Return a published version. Raises NotFound."""
    found = published_revision(connection, entry_id, version)
    if found is None:
        raise entry_unknown()
    return found


def difference(before: CatalogueEntry, after: CatalogueEntry) -> list[FieldChange]:
    """Return every field that differs, in the order of the document's fields."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return [
        FieldChange(
            field=path,
            label=_label(path),
            before=_at(old, path),
            after=_at(new, path),
        )
        for path in _paths(old, new)
        if _at(old, path) != _at(new, path)
    ]


def history(connection: Connection, entry_id: str, *, public_only: bool) -> list[HistoryLine]:
    """Return an entry's moves, oldest first; or only those that published or withdrew."""
    table = catalog_move
    query = select(table).where(table.c.entry_id == entry_id).order_by(table.c.idx)
    if public_only:
        query = query.where(table.c.move.in_(PUBLIC_MOVES))
    lines = []
    for row in connection.execute(query):
        fields = dict(row._mapping)  # noqa: SLF001 - the row's own columns
        fields.pop("entry_id")
        lines.append(HistoryLine(index=fields.pop("idx"), **fields))
    return lines


def changes_after(connection: Connection, index: int, limit: int) -> Feed:
    """Return what was published or withdrawn after a log entry, in order.

    A batch's rows share one index and are never parted, so that ``next`` skips none of them.
    """
    limit = max(1, min(limit, FEED_ROWS_MAX))
    table = catalog_move
    public = select(table.c.idx).where(table.c.move.in_(PUBLIC_MOVES), table.c.idx > index)
    last = connection.execute(
        public.order_by(table.c.idx).offset(limit - 1).limit(1)
    ).scalar_one_or_none()
    query = (
        select(table, catalog_entry.c.code, catalog_entry.c.provider)
        .join(catalog_entry, catalog_entry.c.id == table.c.entry_id)
        .where(table.c.move.in_(PUBLIC_MOVES), table.c.idx > index)
        .order_by(table.c.idx, catalog_entry.c.code)
    )
    if last is not None:
        query = query.where(table.c.idx <= last)
    changes = tuple(
        Change(
            index=row.idx,
            time_us=row.time_us,
            move=Move(row.move),
            entry=row.entry_id,
            code=row.code,
            provider=row.provider,
            version=row.version,
            digest=row.digest,
            previous_digest=row.previous_digest,
        )
        for row in connection.execute(query)
    )
    end = changes[-1].index if changes else index
    further = select(table.c.idx).where(table.c.move.in_(PUBLIC_MOVES), table.c.idx > end)
    more = connection.execute(further.limit(1)).first() is not None
    return Feed(changes=changes, next=end, more=more)


_NESTED = ("provider", "classification", "legal_basis", "open_basis")
LABELS: Mapping[str, tuple[str, str]] = {
    "code": ("目录代码", "catalogue code"),
    "name": ("目录名称", "catalogue name"),
    "data_items": ("数据项", "data items"),
    "provider": ("提供单位", "provider"),
    "provider.name": ("提供单位名称", "name of the provider"),
    "provider.code": ("提供单位代码", "code of the provider"),
    "format": ("数据格式", "data format"),
    "update_frequency": ("更新频率", "update frequency"),
    "share_attribute": ("共享属性", "share attribute"),
    "share_mode": ("共享方式", "share mode"),
    "use_conditions": ("使用条件", "use conditions"),
    "classification": ("分类分级", "class and grade"),
    "classification.category": ("分类", "class"),
    "classification.grade": ("分级", "grade"),
    "open_attribute": ("开放属性", "open attribute"),
    "return_attribute": ("回流属性", "return attribute"),
    "share_scope": ("共享范围", "scope of sharing"),
    "permitted_use": ("允许用途", "permitted use"),
    "legal_basis": ("不予共享依据", "legal basis for withholding"),
    "legal_basis.reason": ("不予共享理由", "reason for withholding"),
    "legal_basis.act": ("不予共享依据", "legal basis for withholding"),
    "open_basis": ("不（无条件）开放依据", "basis for not being open"),
    "open_basis.reason": ("不（无条件）开放理由", "reason for not being open"),
    "open_basis.act": ("不（无条件）开放依据", "basis for not being open"),
    "abstract": ("摘要", "abstract"),
    "related_codes": ("关联目录代码", "related codes"),
    "base_libraries": ("基础库标签", "base libraries"),
    "themes": ("主题库标签", "themes"),
    "zone": ("数据专区", "zone"),
    "systems": ("关联系统", "linked systems"),
    "source": ("数据来源", "source"),
}


def _label(path: str) -> Bilingual:
    zh, en = LABELS[path]
    return Bilingual(zh=zh, en=en)


def _paths(*documents: Mapping[str, Any]) -> Sequence[str]:
    """Return the fields to compare: parts of a nested field where both documents have it."""
    found: list[str] = []
    for name in CatalogueEntry.model_fields:
        parts = [document.get(name) for document in documents]
        if name in _NESTED and all(isinstance(part, dict) for part in parts):
            found += [f"{name}.{key}" for key in parts[0] or {}]
        else:
            found.append(name)
    return found


def _at(document: Mapping[str, Any], path: str) -> Any:
    name, _, part = path.partition(".")
    value = document.get(name)
    return value.get(part) if part and isinstance(value, dict) else value
