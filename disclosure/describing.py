"""What an operator is told of a data set before asking: declared facts only, never a count of data.

Values and bounds of a column whose mask changes them are not told: a masked column is asked by
what it shows, and its true range is part of what the mask hides.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from authorization.documents import Grant
from catalog.datasets import (
    DAY_ZERO,
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    GroupSet,
    MaskKind,
)
from disclosure.plan.reading_scope import UNIT

PUBLIC_VALUES_TOLD_MAX = 12
KeyShown = Literal["public", "parts", "threshold"]


@dataclass(frozen=True)
class Join:
    """A data set that another may be joined to, and by which of its columns.

    ``public`` is open data with a unique key; ``unit`` a protected set of the same people.
    """

    dataset: str
    on: tuple[str, ...]
    kind: Literal["public", "unit"]


@dataclass(frozen=True)
class Described:
    """What a licence grants of one data set, in the terms that its description needs.

    ``masks`` are the kinds of mask under which the extract's columns stand, be they declared, of
    the rules or of the licence; a column without one here counts as masked.
    """

    declaration: DatasetDeclaration
    in_extract: frozenset[str]
    aggregated: frozenset[str]
    has_extract: bool = False
    verified: Grant | None = None
    joins: tuple[Join, ...] = ()
    masks: Mapping[str, str] = field(default_factory=dict)

    def as_public(self) -> dict[str, object]:
        """Return it as plain JSON."""
        declaration = self.declaration
        shown = self.in_extract | self.aggregated
        return {
            "name": declaration.name,
            "label_zh": declaration.label_zh,
            "label_en": declaration.label_en,
            "subject": declaration.subject,
            "population": declaration.population,
            "modes": self._modes(),
            "unit": UNIT if self.aggregated else None,
            "rows_per_unit_max": declaration.rows_per_unit_max if self.aggregated else None,
            "columns": [
                self._column(column) for column in declaration.columns if column.name in shown
            ],
            "group_sets": [
                _group_set(item, self.aggregated)
                for item in declaration.group_sets
                if self.aggregated and set(item.keys) <= self.aggregated
            ],
            "joins": [
                {"dataset": join.dataset, "on": list(join.on), "kind": join.kind}
                for join in self.joins
            ],
            "verification": _verification(self.verified),
        }

    def _modes(self) -> list[str]:
        held = {
            "rows": self.has_extract,
            "aggregate": bool(self.aggregated),
            "verify": self.verified is not None,
        }
        return [mode for mode, is_held in held.items() if is_held]

    def _column(self, column: Column) -> dict[str, object]:
        in_extract = column.name in self.in_extract
        mode = "rows" if in_extract else "aggregate"
        told: dict[str, object] = {
            "name": column.name,
            "type": column.type.value,
            "label_zh": column.label_zh,
            "label_en": column.label_en,
            "unit_of_measure": column.unit_of_measure,
            "nullable": column.nullable,
            "mask": self.masks.get(column.name) if in_extract else None,
            "mode": "unit" if column.exposure is Exposure.UNIT else mode,
            "key": None if in_extract else key_shown(column),
        }
        changed = in_extract and self.masks.get(column.name) != MaskKind.NONE
        return told | ({} if changed else _range(column))


def key_shown(column: Column) -> KeyShown:
    """Say which groups an answer by this column shows, from declarations alone.

    All of its public values; all bins or spans of dates between its bounds, and its single values
    past a threshold; or only those past a threshold.
    """
    if column.public_values or column.type is ColumnType.BOOLEAN:
        return "public"
    cut = column.type in {ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE}
    bounded = column.lower is not None and column.upper is not None
    return "parts" if cut and bounded else "threshold"


def joins_of(
    name: str,
    protected: Iterable[DatasetDeclaration],
    public: Iterable[tuple[str, Collection[str]]],
) -> tuple[Join, ...]:
    """Return what a protected data set may be joined to, by name; nothing for any other.

    Two protected sets of one population join unit to unit where both declare how many rows of a
    unit count.
    """
    known = {item.name: item for item in protected}
    own = known.get(name)
    if own is None:
        return ()
    found = [Join(table, tuple(sorted(keys)), "public") for table, keys in public if keys]
    found += [
        Join(other.name, (UNIT,), "unit")
        for other in known.values()
        if other.name != name
        and other.population == own.population
        and None not in {other.rows_per_unit_max, own.rows_per_unit_max}
    ]
    return tuple(sorted(found, key=lambda join: join.dataset))


def _range(column: Column) -> dict[str, object]:
    """Return public values, the first few and how many, and the declared bounds as written."""
    return {
        "lower": _bound(column, column.lower),
        "upper": _bound(column, column.upper),
        "public_values": list(column.public_values[:PUBLIC_VALUES_TOLD_MAX]),
        "public_value_count": len(column.public_values),
    }


def _bound(column: Column, stored: int | None) -> int | str | None:
    """Return a bound as people write it: a day in ISO 8601, a decimal with its point."""
    if stored is None:
        return None
    if column.type is ColumnType.DATE:
        return (DAY_ZERO + timedelta(days=stored)).isoformat()
    if column.type is ColumnType.DECIMAL:
        return str(Decimal(stored).scaleb(-column.scale))
    return stored


def _group_set(item: GroupSet, aggregated: Collection[str]) -> dict[str, object]:
    """Describe a group set; measures that the licence does not grant are not named."""
    return {
        "name": item.name,
        "keys": list(item.keys),
        "measures": [name for name in item.measures if name in aggregated],
        "groups_per_unit_max": item.groups_per_unit_max,
        "rows_per_group_max": item.rows_per_group_max,
    }


def _verification(verified: Grant | None) -> dict[str, object] | None:
    """Say which claims may be verified, by which identifiers and with which consent."""
    terms = None if verified is None else verified.verify
    if verified is None or terms is None:
        return None
    return {
        "identifiers": list(terms.identifiers),
        "columns": list(verified.columns),
        "ranges": {item.column: [found.label for found in item.ranges] for item in terms.ranges},
        "consent_purposes": list(terms.consent.purposes),
        "consent_days_max": terms.consent.days_max,
    }
