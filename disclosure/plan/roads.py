"""How a question may be bounded: every road that policy allows it, with its caps.

A road is a choice from declarations alone. The caps say how much of one unit the stored or
computed bound lets through, and how many of its groups can fall together in the answer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from catalog.datasets import GroupSet
from disclosure.plan.conditions import conjuncts_of
from disclosure.plan.domains import holds_at, key_value
from disclosure.plan.expressions import Condition, Field, KeyExpression, Literal, Plain, fields_of
from disclosure.plan.facts import facts_of, public_literals
from disclosure.plan.model import Asked, AskedDataset, Bounding, Road
from disclosure.plan.question import Function, Question

CAP_MAX = 254
"""Stored ranks are single bytes that saturate at 255."""
EVALUATIONS_MAX = 100_000
"""Beyond this many readings of a value, groups are bounded as if all of them fell together."""


@dataclass(frozen=True)
class Roads:
    """Finds the roads of one question, whose conditions and row filters together are ``where``."""

    question: Question
    asked: Asked
    where: Condition | None

    def allowed(self) -> Iterator[Bounding]:
        """Give every road that this question could take, the cheapest kinds first."""
        source = self.question.source
        if source.per_unit is not None:
            if self._dataset.has_ranks:
                yield Bounding(Road.PER_UNIT, 1, 1)
            return
        if source.unit_join is not None:
            yield from self._unit_join(source.unit_join)
            return
        for item in self._sets:
            if self._is_declared(item):
                yield self._of_set(Road.DECLARED, item)
        if self._dataset.has_ranks:
            yield from (self._of_set(Road.RANKED, item) for item in self._sets)
            rows = self._dataset.declaration.rows_per_unit_max
            if rows is not None:
                yield Bounding(Road.RANKED, 1, rows, refines=bool(self.question.keys))
            yield from self._unranked()

    @property
    def _dataset(self) -> AskedDataset:
        return self.asked.protected[self.question.source.dataset]

    @property
    def _sets(self) -> list[GroupSet]:
        sets = self._dataset.declaration.group_sets
        return [item for item in sets if usable(item, self._dataset)]

    def _unit_join(self, other: str) -> Iterator[Bounding]:
        sides = (self._dataset, self.asked.protected[other])
        caps = [side.declaration.rows_per_unit_max for side in sides]
        known = tuple(cap for cap in caps if cap is not None)
        if len(known) == len(sides) and all(side.has_ranks for side in sides):
            keyed = bool(self.question.keys)
            yield Bounding(Road.RANKED, 1, prod(known), refines=keyed, row_caps=known)

    def _unranked(self) -> Iterator[Bounding]:
        """Bound by the answer's own groups, with the caps of the declared sets, else of rows."""
        caps = [(item.groups_per_unit_max, item.rows_per_group_max) for item in self._sets]
        rows = self._dataset.declaration.rows_per_unit_max
        if rows is not None and not caps:
            caps = [(rows, 1)]
        for groups, each in caps:
            if self.question.keys:
                yield Bounding(Road.UNRANKED, groups, each)
            else:
                yield Bounding(Road.UNRANKED, 1, min(groups * each, CAP_MAX))

    def _is_declared(self, group_set: GroupSet) -> bool:
        """Tell whether the stored rows of a set hold all that the question reads."""
        dataset = self.question.source.dataset
        if self.question.source.public_joins:
            return False
        read = {field for key in self.question.keys for field in fields_of(key)}
        read |= set() if self.where is None else set(fields_of(self.where))
        if not read <= {Field(dataset, name) for name in group_set.keys}:
            return False
        return self._measured() <= {
            field
            for field in (Field(dataset, name) for name in group_set.measures)
            if field.column in group_set.keys or not self._is_coded(field)
        }

    def _is_coded(self, field: Field) -> bool:
        """Tell whether rows hold a field's place among public values; a set's measures do not."""
        return bool(facts_of(field, self.question.source, self.asked).public_values)

    def _measured(self) -> set[Field]:
        found: set[Field] = set()
        for item in self.question.aggregates:
            found |= {item.measure.field} if item.measure is not None else set()
            found |= {item.counted} if item.counted is not None else set()
        return found

    def _of_set(self, road: Road, group_set: GroupSet) -> Bounding:
        """Count how many groups of a set a unit can have here, and how many fall together."""
        dataset = self.question.source.dataset
        fields = [Field(dataset, name) for name in group_set.keys]
        inside = [key for key in self.question.keys if set(fields_of(key)) <= set(fields)]
        conditions = [
            part for part in conjuncts_of(self.where) if set(fields_of(part)) <= set(fields)
        ]
        cut = _Cut(
            {f: public_literals(facts_of(f, self.question.source, self.asked)) for f in fields},
            inside,
            conditions,
        )
        left, merged = cut.counted()
        groups = group_set.groups_per_unit_max
        if road is Road.DECLARED:  # stored ranks are cut at the set's own caps
            groups = max(min(groups, left), 1)
        return Bounding(
            road,
            groups,
            group_set.rows_per_group_max,
            merged_max=max(min(merged, groups), 1),
            refines=len(inside) < len(self.question.keys),
            group_set=group_set.name,
        )


@dataclass(frozen=True)
class _Cut:
    """How keys and conditions over the fields of a group set cut its groups.

    Keys and conditions that read several fields tie these together into one part of the set;
    parts are independent, and what they count is multiplied.
    """

    domains: Mapping[Field, tuple[Literal, ...]]
    keys: list[KeyExpression]
    conditions: list[Condition]

    def counted(self) -> tuple[int, int]:
        """Return how many groups of the set are left, and the most that share all keys."""
        parts = [self._counted(part) for part in self._parts()]
        return prod(left for left, _ in parts), prod(merged for _, merged in parts)

    def _parts(self) -> list[set[Field]]:
        parts: list[set[Field]] = [{field} for field in self.domains]
        for item in (*self.keys, *self.conditions):
            tied = set(fields_of(item))
            touched = [part for part in parts if part & tied]
            parts = [part for part in parts if not part & tied]
            if touched:
                parts.append(set().union(*touched))
        return parts

    def _counted(self, part: set[Field]) -> tuple[int, int]:
        """Count one part by listing its values, or, where that is long, take all as merged."""
        fields = [field for field in self.domains if field in part]
        keys = [key for key in self.keys if set(fields_of(key)) <= part]
        conditions = [item for item in self.conditions if set(fields_of(item)) <= part]
        size = prod(len(self.domains[field]) for field in fields)
        if not conditions and {key.field for key in keys if isinstance(key, Plain)} == part:
            return size, 1
        read = sum(1 for item in (*keys, *conditions) for _ in fields_of(item))
        if not (keys or conditions) or size * read > EVALUATIONS_MAX:
            return size, size
        counts: Counter[tuple[Literal | None, ...]] = Counter()
        for values in product(*(self.domains[field] for field in fields)):
            row = dict(zip(fields, values, strict=True))
            if all(holds_at(item, row) for item in conditions):
                counts[tuple(key_value(key, row) for key in keys)] += 1
        return counts.total(), max(counts.values(), default=0)


def usable(group_set: GroupSet, asked: AskedDataset) -> bool:
    """Tell whether a licence may use a set: each of its keys is granted."""
    return set(group_set.keys) <= asked.columns


def asks_units(question: Question) -> bool:
    """Tell whether a question counts privacy units."""
    return any(item.function is Function.UNITS for item in question.aggregates)
