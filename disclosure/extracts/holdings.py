"""Judges everything an organisation and its affiliates ever held of a population, together (I13).

Each unit has one combined view: what every release shows of it, and from which releases it is
missing. Releases of one version are joined row by row, others by the unit itself, which assumes the
strongest linking that a holder could do. Then k units at least share every combined view, and each
sensitive column shows l values among them. So complementary masks, other columns, other licences
and units that appear, change or vanish between versions all count; equal content adds nothing.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from disclosure.extracts.groups import ClassCounter, DistinctPairs
from disclosure.extracts.order import RowTagger
from disclosure.extracts.plan import UNIT_COLUMN, ExtractPlan, visible
from policies.schema.masks import MaskRules

JUDGED_ROWS_MAX = 50_000_000  # pairs of a unit and a view that one judgement may hold
_ANY_KEY = bytes(32)  # pseudonyms stand one to one for values under any key

Verdict = Literal["k", "l", "too_large"]
ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Release:
    """One extract that is, was or would be held: what it shows, and of which version.

    ``read`` gives the stored rows of that version, with the columns that it is asked for.
    """

    licence: str
    version: str
    plan: ExtractPlan
    read: ReadRows


def judge_together(releases: Sequence[Release], rules: MaskRules) -> Verdict | None:
    """Return what all releases together miss, or None. They are of one population."""
    k = max(release.plan.threshold.k for release in releases)
    l = max(release.plan.threshold.l for release in releases)  # noqa: E741 - the field's name
    if k <= 1 and l <= 1:
        return None
    tagger = RowTagger(secrets.token_bytes(32), b"sandgate/holdings@1")
    try:
        series = [
            _Series([_panel(tagger, group, rules) for group in versions], tagger)
            for versions in _alike(releases)
        ]
        combined = _combined(series, tagger)
    except _TooLarge:
        return "too_large"
    counter = ClassCounter([])
    counter.add(combined.column("class"), combined.column("unit"), [])
    missed = counter.missed(k, l)
    if missed is not None:
        return "k"
    if l > 1 and any(
        _fewest_values(part, place, combined) < l for place, part in enumerate(series)
    ):
        return "l"
    return None


class _TooLarge(Exception):
    """There is more to join than one judgement may hold; it is refused, never guessed."""


@dataclass(frozen=True)
class _Panel:
    """One version as all its releases show it: a row's unit, its combined look, its values."""

    rows: pa.Table  # unit, look, and one column for each visible sensitive column
    sensitive: tuple[str, ...]


def _alike(releases: Sequence[Release]) -> Iterator[list[list[Release]]]:
    """Give the releases by version, and together those versions that are seen in the same ways."""
    versions: dict[tuple[str, str], dict[str, Release]] = {}
    for release in releases:
        seen = versions.setdefault((release.plan.dataset, release.version), {})
        seen.setdefault(release.plan.digest, release)
    looks = sorted(
        (
            ((dataset, sorted(seen)), version, [seen[name] for name in sorted(seen)])
            for (dataset, version), seen in versions.items()
        ),
        key=lambda item: (item[0], item[1]),
    )
    for _, group in groupby(looks, key=lambda item: item[0]):
        yield [seen for _, _, seen in group]


def _panel(tagger: RowTagger, releases: Sequence[Release], rules: MaskRules) -> _Panel:
    first = releases[0].plan
    needed = dict.fromkeys(first.unit_columns)
    for release in releases:
        needed |= dict.fromkeys(name for name in release.plan.source_columns())
    needed.pop(UNIT_COLUMN, None)
    parts, rows = [], 0
    for batch in releases[0].read(tuple(needed)):
        parts.append(_batch_looks(tagger, batch, releases, rules))
        rows += parts[-1].num_rows
        if rows > JUDGED_ROWS_MAX:
            raise _TooLarge
    names = tuple(name for name in parts[0].column_names if name not in {"unit", "look"})
    return _Panel(pa.concat_tables(parts), names)


def _batch_looks(
    tagger: RowTagger, batch: pa.RecordBatch, releases: Sequence[Release], rules: MaskRules
) -> pa.Table:
    """Return the rows of a batch that some release shows."""
    count = batch.num_rows
    places = pa.arange(0, count)
    found: dict[str, pa.Array] = {"unit": _unit(tagger, batch, releases[0].plan.unit_columns)}
    looks, shown_anywhere = [], pa.array([False] * count)
    numbered = batch.append_column(UNIT_COLUMN, places)
    for number, release in enumerate(releases):
        plan = release.plan
        shown = visible(plan, numbered, _ANY_KEY, rules)
        at = pc.index_in(places, value_set=shown.column(UNIT_COLUMN).cast(pa.int64()))
        quasi = [shown.column(name) for name in plan.quasi()]
        looks.append(_signed(tagger.tags(quasi, shown.num_rows)).take(at))
        for name in plan.sensitive():
            values = shown.column(name)
            tags = pc.if_else(
                pc.is_valid(values), _signed(tagger.tags([values], len(values))), None
            )
            found[f"{number}.{name}"] = tags.take(at)
        shown_anywhere = pc.or_(shown_anywhere, pc.is_valid(at))
    found["look"] = _signed(tagger.tags(looks, count))
    return pa.table(found).filter(shown_anywhere)


def _unit(tagger: RowTagger, batch: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    """Name the unit by the values of its own columns: the same in every data set and version."""
    texts = [batch.column(name).cast(pa.string()) for name in names]
    return _signed(tagger.tags([pa.array(["unit"] * batch.num_rows), *texts], batch.num_rows))


class _Series:
    """The versions that were seen in the same ways, matched: what stayed alike adds nothing.

    ``items`` are the distinct pairs of a unit and an item: a look, and, unless the unit shows it
    equally often in every version, how often in each.
    """

    def __init__(self, panels: Sequence[_Panel], tagger: RowTagger) -> None:
        self.panels = panels
        counts = [f"n{place}" for place in range(len(panels))]
        merged = pa.concat_tables(
            _counted(panel.rows, place, counts) for place, panel in enumerate(panels)
        )
        merged = merged.group_by(["unit", "look"]).aggregate([(name, "sum") for name in counts])
        columns = [_one(merged.column(f"{name}_sum")) for name in counts]
        same = pa.array([True] * merged.num_rows)
        for column in columns[1:]:
            same = pc.and_(same, pc.equal(column, columns[0]))
        change = _signed(tagger.tags(columns, merged.num_rows))
        change = pc.if_else(same, pa.scalar(0, pa.int64()), change)
        look = _one(merged.column("look"))
        item = _signed(tagger.tags([look, change], merged.num_rows))
        self.items = pa.table({"unit": merged.column("unit"), "look": look, "item": item})


def _counted(rows: pa.Table, place: int, counts: Sequence[str]) -> pa.Table:
    found = rows.select(["unit", "look"])
    for number, name in enumerate(counts):
        found = found.append_column(name, pa.repeat(pa.scalar(int(number == place)), len(found)))
    return found


def _combined(series: Sequence[_Series], tagger: RowTagger) -> pa.Table:
    """Join all series by the unit: one row for each combination of items that a unit shows."""
    found: pa.Table | None = None
    names = [f"item{place}" for place in range(len(series))]
    for name, part in zip(names, series, strict=True):
        items = part.items.select(["unit", "item"]).rename_columns(["unit", name])
        if found is not None:
            _check_size(found, items)
            found = found.join(items, keys="unit", join_type="full outer")
        else:
            found = items
    assert found is not None  # noqa: S101 - judged releases are one at least
    look = tagger.tags([_one(found.column(name)) for name in names], found.num_rows)
    return found.append_column("class", _signed(look))


def _check_size(left: pa.Table, right: pa.Table) -> None:
    """Refuse a join that would outgrow the limit, before it is made."""
    most = [
        table.group_by("unit").aggregate([([], "count_all")]).column("count_all")
        for table in (left, right)
    ]
    widest = min(pc.max(most[0]).as_py() or 0, pc.max(most[1]).as_py() or 0)
    if max(left.num_rows, right.num_rows) * max(widest, 1) * 2 > JUDGED_ROWS_MAX:
        raise _TooLarge


def _fewest_values(part: _Series, place: int, combined: pa.Table) -> int:
    """Return the fewest values that any sensitive column of a series shows within a class."""
    found = []
    for panel in part.panels:
        for name in panel.sensitive:
            rows = panel.rows.select(["unit", "look", name])
            rows = rows.join(part.items, keys=["unit", "look"], join_type="inner")
            rows = rows.rename_columns(
                [f"item{place}" if column == "item" else column for column in rows.column_names]
            )
            keys = ["unit", f"item{place}"]
            rows = rows.join(combined.select([*keys, "class"]), keys=keys, join_type="inner")
            pairs = DistinctPairs()
            pairs.add(rows.column("class"), rows.column(name))
            found.append(pairs.fewest(int(pc.count_distinct(rows.column("class")).as_py())))
    return min(found, default=JUDGED_ROWS_MAX)


def _signed(tags: pa.Array) -> pa.Array:
    return pa.Array.from_buffers(pa.int64(), len(tags), tags.buffers(), offset=tags.offset)


def _one(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
