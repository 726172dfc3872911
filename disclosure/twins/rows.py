"""Makes the rows of one twin: seeded, the same on every machine, and from declarations alone.

Nothing here takes a path, a connection, a key or a row: what it is given are public metadata, the
values that a licence's filters let pass, and figures that were released or charged before. A unit
keeps within every contribution bound that is declared, so that bounding drops nothing of a twin.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from catalog.builder import rows_schema
from catalog.datasets import Column, DatasetDeclaration
from catalog.written import StoredValue
from disclosure.twins.chance import Chance
from disclosure.twins.values import Domain, as_declared, declared_values, is_own, own_value
from foundation.canonical import digest
from policies.schema.twins import TwinRules

FORMAT = "sandgate/twin@1"
"""Stands in every seed: another way of making twins makes other twins, and is seen in the log."""
SIZES = {
    *("units_max", "unit_rows_max", "rows_max"),
    *("key_rows_max", "text_values_max", "missing_ppm"),
}
PPM = 1_000_000
HELD_TENTHS = 8  # of a population's units stand in each of its data sets, so that joins miss some


@dataclass(frozen=True)
class TwinOrder:
    """What one twin is made from.

    ``allowed`` are the values that a column may take: those that the licence's filters let pass,
    and those of the key that it refers to. ``weights`` say of declared values (as they are
    written) how often each comes: from figures that were released by the owner, or charged.
    """

    declaration: DatasetDeclaration
    allowed: Mapping[str, tuple[StoredValue, ...]] = field(default_factory=dict)
    weights: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def seed(self, rules: TwinRules) -> str:
        """Return the digest of all that the twin follows from; it stands in the log."""
        return digest(
            {
                "format": FORMAT,
                "declaration": self.declaration.model_dump(mode="json"),
                "allowed": {
                    name: [str(value) for value in values] for name, values in self.allowed.items()
                },
                "weights": {name: dict(found) for name, found in self.weights.items()},
                "sizes": rules.model_dump(mode="json", include=SIZES),
            }
        )


def make_rows(order: TwinOrder, rules: TwinRules) -> pa.Table:
    """Return a twin's rows as a version stores them: declared columns, ``_unit`` and ``_rank``."""
    declaration, seed = order.declaration, order.seed(rules)
    places = list(_places(declaration, order, rules, seed))
    fixed = _fixed_by_unit(declaration)
    schema = rows_schema(declaration)
    arrays = []
    for column in declaration.columns:
        made = _Column(_domain(order, column, rules), Chance(seed, "column", column.name), rules)
        if column.name in declaration.unique_keys:
            values: list[StoredValue | None] = list(made.domain.values[: len(places)])
        elif column.name in declaration.unit_columns:
            values = [own_value(column, ordinal) for ordinal, _ in places]
        elif column.name in fixed:
            values = made.by_unit(places)
        else:
            values = made.by_row(len(places))
        arrays.append(pa.array(values, schema.field(column.name).type))
    if declaration.unit_columns:
        arrays.append(pa.array(_dense(places), pa.int64()))
        arrays.append(pa.array([rank for _, rank in places], pa.int16()))
    return pa.Table.from_arrays(arrays, schema=schema)


@dataclass(frozen=True)
class _Column:
    """Draws one column, under a stream of its own: a column more changes no other."""

    domain: Domain
    chance: Chance
    rules: TwinRules

    def by_unit(self, places: Sequence[tuple[int, int]]) -> list[StoredValue | None]:
        """Draw once a unit."""
        held: list[StoredValue | None] = []
        for ordinal, rank in places:
            held.append(held[-1] if rank > 1 else self.domain.draw(self.chance, ordinal))
        return held

    def by_row(self, count: int) -> list[StoredValue | None]:
        """Draw once a row; some values are missing where they may be."""
        nullable = self.domain.column.nullable
        return [
            None
            if nullable and self.chance.below(PPM) < self.rules.missing_ppm
            else self.domain.draw(self.chance, number)
            for number in range(count)
        ]


def rows_of_unit_max(declaration: DatasetDeclaration, rules: TwinRules) -> int:
    """Return how many rows a unit may have, so that it keeps within every declared bound.

    A set that allows a unit one group holds its keys fixed for the unit; of other sets no more
    rows are made than groups are allowed.
    """
    caps = [rules.unit_rows_max]
    if declaration.rows_per_unit_max is not None:
        caps.append(declaration.rows_per_unit_max)
    for item in declaration.group_sets:
        caps.append(item.rows_per_group_max)
        if item.groups_per_unit_max > 1:
            caps.append(item.groups_per_unit_max)
    return max(1, min(caps))


def _places(
    declaration: DatasetDeclaration, order: TwinOrder, rules: TwinRules, seed: str
) -> Iterator[tuple[int, int]]:
    """Give each row's unit (its ordinal in the population) and its rank within the unit."""
    if declaration.unique_keys:
        sizes = [len(order.allowed.get(name, ())) for name in declaration.unique_keys]
        count = min([*sizes, rules.key_rows_max, rules.rows_max])
        yield from ((number, 1) for number in range(count))
        return
    if not declaration.unit_columns:
        yield from ((number, 1) for number in range(rules.rows_max))
        return
    chance, rows = Chance(seed, "units"), 0
    most = rows_of_unit_max(declaration, rules)
    for ordinal in range(rules.units_max):
        count = 1 + chance.low(most)
        if chance.below(10) >= HELD_TENTHS or rows + count > rules.rows_max:
            continue
        yield from ((ordinal, rank) for rank in range(1, count + 1))
        rows += count


def _dense(places: Sequence[tuple[int, int]]) -> list[int]:
    """Return each row's unit, numbered from 0 among those that are there, as in a version."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(ordinal, len(numbers)) for ordinal, _ in places]


def unit_ordinals(order: TwinOrder, rules: TwinRules) -> list[int]:
    """Return the ordinals of a twin's units in its population, in the order of ``_unit``."""
    places = _places(order.declaration, order, rules, order.seed(rules))
    return list(dict.fromkeys(ordinal for ordinal, _ in places))


def _fixed_by_unit(declaration: DatasetDeclaration) -> frozenset[str]:
    """Name the columns that a unit has one value of: keys of one group, and its own identifiers."""
    if not declaration.unit_columns:
        return frozenset()
    keys = {
        name
        for item in declaration.group_sets
        if item.groups_per_unit_max == 1
        for name in item.keys
    }
    own = {column.name for column in declaration.columns if is_own(column)}
    return frozenset((keys | own) - set(declaration.unit_columns))


def _domain(order: TwinOrder, column: Column, rules: TwinRules) -> Domain:
    allowed = order.allowed.get(column.name)
    values = declared_values(column, rules.text_values_max) if allowed is None else allowed
    weights = order.weights.get(column.name, {})
    known = [max(0, weights.get(as_declared(value), 0)) for value in values]
    return Domain(column, values, tuple(known) if sum(known) else ())
