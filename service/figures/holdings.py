"""The published catalogue counted once: by provider, zone, attributes and tags, with what is held.

Everything that is said of coverage is a sum over these groups, so that no two figures of one page
disagree. An entry is *attached* where a data set is registered beneath it, and *gathered* where
that has at least one version.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from catalog.book.states import EntryState
from catalog.book.store import catalog_entry
from catalog.store import dataset_table, version_table
from policies.schema.figures import PPM

PUBLISHED = (str(EntryState.PUBLISHED), str(EntryState.CHANGE_SUBMITTED))


@dataclass(frozen=True)
class Group:
    """So many published entries that agree in all of this."""

    provider: str
    zone: str
    share: str
    opened: str
    returned: str
    tags: frozenset[str]
    entries: int
    attached: int
    gathered: int


@dataclass(frozen=True)
class Covered:
    """So many entries, so many of them with a resource, so many with data."""

    entries: int = 0
    attached: int = 0
    gathered: int = 0

    def __add__(self, other: "Covered | Group") -> "Covered":
        """Add what is counted."""
        return Covered(
            self.entries + other.entries,
            self.attached + other.attached,
            self.gathered + other.gathered,
        )

    def as_json(self) -> dict[str, int | None]:
        """Return the counts with their shares in parts per million; None: there are no entries."""
        return {
            "entries": self.entries,
            "attached": self.attached,
            "gathered": self.gathered,
            "attached_ppm": share_ppm(self.attached, self.entries),
            "gathered_ppm": share_ppm(self.gathered, self.entries),
        }


def share_ppm(part: int, whole: int) -> int | None:
    """Return a share in parts per million, rounded down; None of nothing."""
    return part * PPM // whole if whole else None


def holdings(connection: Connection) -> list[Group]:
    """Count the published entries, in groups."""
    held = (
        select(
            dataset_table.c.entry_id,
            func.max(case((version_table.c.id.is_not(None), 1), else_=0)).label("gathered"),
        )
        .outerjoin(version_table, version_table.c.dataset_id == dataset_table.c.id)
        .group_by(dataset_table.c.entry_id)
        .subquery()
    )
    table = catalog_entry.c
    kinds = (
        *(table.provider, table.zone, table.share_attribute),
        *(table.open_attribute, table.return_attribute, table.tags),
    )
    query = (
        select(
            *kinds,
            func.count(),
            func.count(held.c.entry_id),
            func.coalesce(func.sum(held.c.gathered), 0),
        )
        .select_from(catalog_entry.outerjoin(held, held.c.entry_id == table.id))
        .where(table.state.in_(PUBLISHED))
        .group_by(*kinds)
    )
    return [
        Group(
            provider=row[0],
            zone=row[1],
            share=row[2],
            opened=row[3],
            returned=row[4],
            tags=frozenset(filter(None, row[5].split("|"))),
            entries=int(row[6]),
            attached=int(row[7]),
            gathered=int(row[8]),
        )
        for row in connection.execute(query)
    ]


def total(groups: Iterable[Group]) -> Covered:
    """Add groups up."""
    found = Covered()
    for group in groups:
        found += group
    return found


def by(
    groups: Iterable[Group], keys_of: Callable[[Group], Iterable[Hashable]]
) -> Mapping[Hashable, Covered]:
    """Add groups up under each of their keys."""
    found: dict[Hashable, Covered] = {}
    for group in groups:
        for key in keys_of(group):
            found[key] = found.get(key, Covered()) + group
    return found
