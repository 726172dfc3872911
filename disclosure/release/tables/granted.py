"""What a licence holds as rows right now, and where the rows of one of its extracts are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from catalog.datasets import Grade, MaskKind
from catalog.store import NeighbourRelation, dataset_by_name, population, versions
from catalog.versions import version_directory
from disclosure.extract_records import active_extracts, extract_by_digest
from disclosure.extracts.plan import masked_as
from disclosure.release.tables import refusals
from disclosure.release.tables.reading import GrantedRows
from policies.schema.masks import MaskRules

_KEYED = frozenset({MaskKind.PSEUDONYM, MaskKind.FORMAT})


@dataclass(frozen=True)
class HeldRows:
    """One extract of a licence: what it shows, of which version, and how it is named."""

    rows: GrantedRows
    version: str
    extract: str

    @property
    def population(self) -> str:
        """Name the people behind it; data without units is its own population."""
        declared = self.rows.declaration.population
        return declared if declared is not None else f"dataset.{self.rows.declaration.name}"

    @property
    def has_people(self) -> bool:
        """Tell whether its people are the same ones in other versions and data sets."""
        return self.rows.extract.counts_units

    def grade(self, columns: tuple[str, ...]) -> Grade:
        """Return the highest grade of some columns, and of what the licence filters by."""
        plan = self.rows.extract
        filtered = {item.column for item in plan.filters}
        hidden = {item.column for item in plan.hidden_filters}
        read = {*columns, *filtered, *hidden} or {plan.columns[0].name}
        every = (*plan.columns, *plan.hidden_columns)
        grades = [column.grade for column in every if column.name in read]
        return max(grades, key=list(Grade).index)

    def is_keyed(self, columns: tuple[str, ...]) -> bool:
        """Tell whether a mask of the licence's own key stands on a column that is read."""
        read = {*columns, *(item.column for item in self.rows.extract.filters)}
        return any(
            column.mask.kind in _KEYED
            for column in self.rows.extract.columns
            if column.name in read
        )

    def directory(self, connection: Connection, home: Path, rules: MaskRules) -> Path:
        """Return where its version is kept. Raises Refused where it, or its masks, are gone."""
        dataset = dataset_by_name(connection, self.rows.declaration.name)
        known = [] if dataset is None else versions(connection, dataset.id)
        found = next((item for item in known if item.manifest_digest == self.version), None)
        if found is None or self.rows.extract.masked_as != masked_as(rules):
            raise refusals.version_gone()
        return version_directory(home, found.id, found.zone)


def held_rows(connection: Connection, licence: str) -> Mapping[str, HeldRows]:
    """Return the extracts of a licence in force, by data set.

    Raises Denied where people stand behind one of whom only private aggregates may be told.
    """
    held = (
        held_then(connection, licence, extract.digest)
        for extract in active_extracts(connection, licence)
    )
    return {item.rows.declaration.name: item for item in held}


def held_then(connection: Connection, licence: str, extract: str) -> HeldRows:
    """Return one extract that a licence has or had. Raises Refused for another licence's."""
    found = extract_by_digest(connection, licence, extract)
    dataset = None if found is None else dataset_by_name(connection, found.plan.dataset)
    if found is None or dataset is None:
        raise refusals.version_gone()
    name = dataset.declaration.population
    behind = None if name is None else population(connection, name)
    if behind is not None and behind.relation is not NeighbourRelation.MIXED:
        raise refusals.not_mixed()
    return HeldRows(GrantedRows(dataset.declaration, found.plan), found.version, extract)
