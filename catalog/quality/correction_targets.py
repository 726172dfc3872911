"""What a correction is about, and whether a version younger than it was published since."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, select

from catalog.book.store import catalog_revision
from catalog.datasets import Frozen
from catalog.entries import Bilingual
from catalog.quality.correction_reads import Correction
from catalog.store import dataset_table, datasets, entry_by_id, version_table
from foundation.errors import Conflict, Message, NotFound

TEXT_CHARACTERS_MAX = 10_000


class RaisedCorrection(Frozen):
    """What is claimed to be wrong, where, and on what evidence.

    ``kind`` objection (异议) takes the objector's ``real_name``, which must be the verified one.
    """

    kind: Literal["correction", "objection"] = "correction"
    target: Literal["dataset", "entry"]
    subject: str = Field(min_length=1, max_length=100)
    claim: str = Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)
    evidence: str = Field(min_length=1, max_length=TEXT_CHARACTERS_MAX)
    real_name: str = Field(default="", max_length=200)


@dataclass(frozen=True)
class Target:
    """The data set or entry, whose provider verifies; ``dataset_id`` is None for an entry."""

    dataset_id: str | None
    entry_id: str
    provider: str
    title: Bilingual


def target_of(connection: Connection, target: str, subject: str) -> Target:
    """Return what a correction is about. Raises NotFound."""
    if target == "entry":
        entry = entry_by_id(connection, subject)
        if entry is None:
            raise _no_target()
        return Target(
            None,
            entry.id,
            entry.provider,
            Bilingual.model_validate({"zh": entry.entry.name.zh, "en": entry.entry.name.en}),
        )
    table = dataset_table.c
    row = connection.execute(select(dataset_table).where(table.name == subject)).first()
    if row is None:
        raise _no_target()
    entry = entry_by_id(connection, row.entry_id)
    name = row.name
    title = (
        Bilingual(zh=name, en=name)
        if entry is None
        else Bilingual.model_validate(
            {"zh": f"{entry.entry.name.zh}（{name}）", "en": f"{entry.entry.name.en} ({name})"}
        )
    )
    return Target(row.id, row.entry_id, row.provider, title)


def touched_datasets(connection: Connection, found: Correction) -> list[str]:
    """Return the data set, or those beneath the entry, and all that were derived from them."""
    table = dataset_table.c
    query = select(table.name)
    if found.dataset_id is not None:
        query = query.where(table.id == found.dataset_id)
    else:
        query = query.where(table.entry_id == found.entry_id)
    touched = set(connection.execute(query).scalars())
    made_from = {
        item.declaration.name: set(item.declaration.derived_from) for item in datasets(connection)
    }
    waiting = set(touched)
    while waiting:
        waiting = {name for name, sources in made_from.items() if waiting & sources} - touched
        touched |= waiting
    return sorted(touched)


def newer_version(connection: Connection, found: Correction) -> str:
    """Return the newest version made after the correction was raised. Raises Conflict."""
    if found.dataset_id is not None:
        table = version_table.c
        query = select(table.id).where(
            table.dataset_id == found.dataset_id, table.created_us > found.raised_us
        )
        fixed = connection.execute(query.order_by(table.number.desc()).limit(1)).scalar()
    else:
        revised = catalog_revision.c
        query = select(revised.id).where(
            revised.entry_id == found.entry_id,
            revised.version.is_not(None),
            revised.decided_us > found.raised_us,
        )
        fixed = connection.execute(query.order_by(revised.version.desc()).limit(1)).scalar()
    if fixed is None:
        raise Conflict(
            "correction_without_version",
            Message(
                "提出校核之后尚未发布更正后的版本。",
                "No corrected version was published since this was raised.",
            ),
            way_out=Message(
                "请先发布更正后的数据版本（目录版本），再登记更正。",
                "Publish the corrected version of the data (or the entry) first.",
            ),
        )
    return str(fixed)


def _no_target() -> NotFound:
    return NotFound(
        "target_unknown",
        Message("没有该数据集或目录。", "There is no such data set or entry."),
        field="$.subject",
    )
