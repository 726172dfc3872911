"""Compares one item of two data sets by key (多源校核), on the authority's order.

The counts are for the two source departments and the authority. Each department is given the keys
of its own rows that differ or that the other lacks, and no key of the other's alone; the
authority, and every operator, none. All of it is sealed; no figure stands in the log (I14).
"""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, insert, or_, select

from audit.events import AuditEvent, PendingEntry
from audit.key_requests import request_keys
from audit.tags import EntryKind
from catalog.datasets import Dataset, Frozen, Name, Version
from catalog.quality.keepers import is_keeper, required_dataset
from catalog.quality.measurer import Compared
from catalog.quality.measuring import PURPOSE, QualityDesk
from catalog.quality.store import source_comparison
from catalog.store import current_version, dataset_table
from catalog.versions import ROWS_FILE, version_directory
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.keys import AES_GCM
from foundation.two_people import check_natural_person


class Side(Frozen):
    """One of the two: the data set, its key columns in order, and the column compared."""

    dataset: Name
    keys: tuple[Name, ...] = Field(min_length=1, max_length=4)
    column: Name


class Comparison(Frozen):
    """What is compared with what."""

    item: str = Field(min_length=1, max_length=200)
    left: Side
    right: Side


@dataclass(frozen=True)
class _Place:
    dataset: Dataset
    version: Version
    side: Side


def compare_sources(desk: QualityDesk, actor: Actor, asked: Comparison) -> str:
    """Compare the newest versions of two data sets; return the comparison's identifier."""
    _require_authority(actor)
    with reading(desk.engine) as connection:
        left, right = (_place(connection, side) for side in (asked.left, asked.right))
    _check_alike(left, right)
    found = desk.measurer.compare(_compared(desk, left), _compared(desk, right))
    comparison = new_id("cmp")
    key_name = f"quality.{comparison}"
    about = {"dataset": asked.left.dataset, "other": asked.right.dataset}
    cited = request_keys(desk.writer, actor, PURPOSE, [key_name], **about)
    key = desk.keys.create_data_key(key_name, cited)
    boxes = {
        name: AES_GCM.seal(key, canonical_bytes(content), _context(comparison, name))
        for name, content in _contents(found).items()
    }
    public = {
        "comparison": comparison,
        "item": asked.item,
        "left": asked.left.dataset,
        "right": asked.right.dataset,
    }
    event = AuditEvent(EntryKind.SOURCES_COMPARED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> str:
        connection.execute(
            insert(source_comparison).values(
                id=comparison,
                item=asked.item,
                left_dataset=left.dataset.id,
                right_dataset=right.dataset.id,
                left_version=left.version.id,
                right_version=right.version.id,
                document=asked.model_dump_json(),
                key_name=key_name,
                ordered_by=actor.person,
                compared_us=entry.time_us,
                **boxes,
            )
        )
        return comparison

    return desk.writer.submit(event, apply).value


def read_comparison(desk: QualityDesk, actor: Actor, comparison: str) -> dict[str, object]:
    """Open a comparison for one of its readers: the counts, and a source's own keys."""
    with reading(desk.engine) as connection:
        row, own = _readable(connection, actor, comparison)
    about = {"comparison": comparison}
    cited = request_keys(desk.writer, actor, PURPOSE, [row.key_name], **about)
    key = desk.keys.data_key(row.key_name, cited)
    opened = {
        name: json.loads(AES_GCM.open(key, bytes(row._mapping[name]), _context(row.id, name)))  # noqa: SLF001
        for name in ("counts", *own)
    }
    return {
        "comparison": row.id,
        "asked": json.loads(row.document),
        "compared_us": row.compared_us,
        **opened,
    }


def comparisons(connection: Connection, actor: Actor) -> list[dict[str, object]]:
    """List the comparisons that the caller may open, newest first; no figure stands here."""
    table = source_comparison.c
    query = select(source_comparison).order_by(table.compared_us.desc())
    if not actor.has(Role.AUTHORITY):
        mine = select(dataset_table.c.id).where(dataset_table.c.provider == actor.organisation)
        query = query.where(or_(table.left_dataset.in_(mine), table.right_dataset.in_(mine)))
    return [
        {"comparison": row.id, "asked": json.loads(row.document), "compared_us": row.compared_us}
        for row in connection.execute(query)
    ]


def required_comparison(connection: Connection, comparison: str) -> Row[Any]:
    """Return a comparison's row. Raises NotFound."""
    query = select(source_comparison).where(source_comparison.c.id == comparison)
    row = connection.execute(query).first()
    if row is None:
        raise _unknown()
    return row


def _readable(connection: Connection, actor: Actor, comparison: str) -> tuple[Row[Any], list[str]]:
    row = required_comparison(connection, comparison)
    asked = Comparison.model_validate_json(row.document)
    own = [
        name
        for name, side in (("left_keys", asked.left), ("right_keys", asked.right))
        if is_keeper(connection, actor, required_dataset(connection, side.dataset))
    ]
    if not own and not actor.has(Role.AUTHORITY):
        raise _unknown()
    return row, own


def _contents(found: dict[str, Any]) -> dict[str, Any]:
    """Part what was found by who may read it."""
    keys = found["keys"]
    return {
        "counts": found["counts"],
        "left_keys": {"differ": keys["differ"], "missing_there": keys["left_only"]},
        "right_keys": {"differ": keys["differ"], "missing_there": keys["right_only"]},
    }


def _place(connection: Connection, side: Side) -> _Place:
    dataset = required_dataset(connection, side.dataset)
    version = current_version(connection, dataset.id)
    if version is None:
        raise Conflict(
            "no_version",
            Message("该数据集还没有数据版本。", "The data set has no version yet."),
            field=f"$.{side.dataset}",
        )
    return _Place(dataset, version, side)


def _check_alike(left: _Place, right: _Place) -> None:
    if left.dataset.id == right.dataset.id:
        raise _unlike("dataset", "须为两个不同的数据集", "takes two different data sets")
    if len(left.side.keys) != len(right.side.keys):
        raise _unlike("keys", "两边的键列数须相同", "takes as many key columns on both sides")
    pairs = zip(
        (*left.side.keys, left.side.column), (*right.side.keys, right.side.column), strict=True
    )
    for ours, theirs in pairs:
        first = left.dataset.declaration.column(ours)
        second = right.dataset.declaration.column(theirs)
        if first is None or second is None:
            raise _unlike("column", "列须存在", "names only columns that are there")
        if (first.type, first.scale) != (second.type, second.scale):
            raise _unlike("column", "对应列的类型须相同", "pairs columns of the same type")


def _compared(desk: QualityDesk, place: _Place) -> Compared:
    rows = version_directory(desk.home, place.version.id, place.version.zone) / ROWS_FILE
    return Compared(rows, place.side.keys, place.side.column)


def _require_authority(actor: Actor) -> None:
    check_natural_person(actor)
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message(
                "多源校核由数据主管部门组织。", "A comparison of sources is the authority's order."
            ),
            rule="roles",
        )


def _context(comparison: str, name: str) -> bytes:
    return f"sandgate/comparison/{comparison}/{name}".encode()


def _unlike(field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(
        "comparison_invalid",
        Message(f"多源校核{zh}。", f"A comparison {en}."),
        field=f"$.{field}",
    )


def _unknown() -> NotFound:
    return NotFound(
        "comparison_unknown",
        Message("没有该校核结果。", "There is no such comparison."),
        field="comparison",
    )
