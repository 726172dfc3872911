"""From exact integers to noisy ones: the one place where an engine's figures are read.

Every public group is laid out first, with zero where no row matched, so that the existence of a
group never shows; groups of unknown keys show only past their threshold, in the order of the keys,
and how many did not is never told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import pyarrow as pa

from disclosure.plan.expressions import Literal
from disclosure.plan.model import AggregatePlan, PlannedKey
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.quantiles import NoisyQuantile

Group = tuple[Literal | None, ...]


@dataclass(frozen=True)
class Noisy:
    """Noisy integers: ``groups`` as shown, in order, and for each place in the plan its vector.

    Nothing here is exact; all that follows is post-processing.
    """

    groups: tuple[Group, ...]
    sums: Mapping[int, Sequence[int]]
    quantiles: Mapping[int, Sequence[NoisyQuantile]]


@dataclass(frozen=True)
class _Exact:
    """The engine's integers by group, before the noise; it never leaves this module."""

    sums: Mapping[Group, Mapping[int, int]]
    bins: Sequence[Mapping[Group, Mapping[int, int]]]


def measure(priced: PricedPlan, tables: Sequence[pa.Table]) -> Noisy:
    """Lay out the engine's tables over the groups and add noise.

    The first table has ``k<i>`` and ``v<place>``; then comes one of ``k<i>``, ``bin``, ``n`` for
    each quantile of the plan, in its order.
    """
    sums = _by_group(priced, tables[0])
    bins = [_histogram(priced.plan, table) for table in tables[1:]]
    return _noisy(priced, _Exact(sums, bins))


def measure_nothing(priced: PricedPlan) -> Noisy:
    """Make the noisy integers of no row at all: what a failed plan is answered with."""
    return _noisy(priced, _Exact({}, [{} for _ in priced.chosen]))


def _noisy(priced: PricedPlan, exact: _Exact) -> Noisy:
    if priced.threshold is None:
        groups = tuple(product(*(key.values or () for key in priced.plan.keys)))
        released: Mapping[int, Sequence[int]] = {}
    else:
        groups, units = _released(priced, exact)
        released = {0: units}
    sums = {
        item.place: _whole(
            item.mechanism.add([exact.sums.get(g, {}).get(item.place, 0) for g in groups])
        )
        for item in priced.noised
        if item.place not in released
    }
    quantiles = {
        item.place: [item.mechanism.choose(bins.get(group, {})) for group in groups]
        for item, bins in zip(priced.chosen, exact.bins, strict=True)
    }
    return Noisy(groups, {**released, **sums}, quantiles)


def _whole(values: list[int]) -> list[int]:
    """Let nothing but whole numbers on: the low bits of doubles tell of what was added to."""
    if not all(type(value) is int for value in values):
        raise TypeError("noise over integers gives integers")
    return values


def _released(priced: PricedPlan, exact: _Exact) -> tuple[tuple[Group, ...], list[int]]:
    """Release the groups whose noisy units pass the threshold, in the order of their keys."""
    if priced.threshold is None:
        raise ValueError("groups of public keys need no threshold")
    present = {group: found[0] for group, found in exact.sums.items() if found.get(0, 0) > 0}
    order = sorted(present, key=lambda group: _rank(priced.plan, group))
    found = priced.threshold.release({i: present[group] for i, group in enumerate(order)})
    return tuple(order[i] for i in found), list(found.values())


def _rank(plan: AggregatePlan, group: Group) -> tuple[tuple[bool, Literal], ...]:
    """Order groups by public domain where there is one, else by value; a missing one is last."""
    return tuple(
        (value is None, "" if value is None else value)
        if key.values is None
        else (False, key.values.index(value))
        for key, value in zip(plan.keys, group, strict=True)
    )


def _by_group(priced: PricedPlan, table: pa.Table) -> dict[Group, dict[int, int]]:
    columns = {item.place: table.column(f"v{item.place}").to_pylist() for item in priced.noised}
    return {
        group: {place: values[row] or 0 for place, values in columns.items()}
        for row, group in _groups(priced.plan, table)
    }


def _histogram(plan: AggregatePlan, table: pa.Table) -> dict[Group, dict[int, int]]:
    numbers, counts = table.column("bin").to_pylist(), table.column("n").to_pylist()
    found: dict[Group, dict[int, int]] = {}
    for row, group in _groups(plan, table):
        found.setdefault(group, {})[numbers[row]] = counts[row]
    return found


def _groups(plan: AggregatePlan, table: pa.Table) -> Iterator[tuple[int, Group]]:
    """Give each row's group as shown; a row outside the public domain belongs to none."""
    columns = [table.column(f"k{i}").to_pylist() for i in range(len(plan.keys))]
    domains = [_domain(key, column) for key, column in zip(plan.keys, columns, strict=True)]
    for row in range(table.num_rows):
        found = [column[row] for column in columns]
        if all(value in domain for value, domain in zip(found, domains, strict=True)):
            yield row, tuple(domain[value] for value, domain in zip(found, domains, strict=True))


def _domain(
    key: PlannedKey, found: Sequence[Literal | None]
) -> Mapping[Literal | None, Literal | None]:
    """Return what is shown for each value of the engine; unknown keys show what was found."""
    if key.values is None or key.engine_values is None:
        return {value: value for value in found}
    return dict(zip(key.engine_values, key.values, strict=True))
