"""Which mask wins where several rules name one: the result never shows more than any of them.

Two values that look alike under one rule look alike in the result. Within one kind the parameters
are joined (a wider step that both divide, fewer kept characters); of two kinds the one that hides
all wins, by the rule file's order; two kinds that show different things hide the value.
"""

from collections.abc import Iterable
from functools import reduce
from math import lcm

from catalog.datasets import (
    BirthShown,
    Column,
    DateUnit,
    IdentifierFormat,
    Mask,
    MaskKind,
    RegionLevel,
)
from disclosure.masking.generalised import MONTHS
from policies.schema.masks import MaskRules

HIDES_ALL = frozenset({MaskKind.REDACT, MaskKind.NULL})
STEP_MAX = 2**62
_HIDDEN = Mask(kind=MaskKind.REDACT)
_COARSEST_FIRST = (RegionLevel.PROVINCE, RegionLevel.CITY, RegionLevel.COUNTY)
_REGIONAL = frozenset({IdentifierFormat.RESIDENT_ID, IdentifierFormat.CREDIT_CODE})


def strictest(masks: Iterable[Mask], rules: MaskRules) -> Mask:
    """Return the mildest mask that shows no more than any of these; no mask for none."""
    return reduce(lambda one, other: _joined(one, other, rules), masks, Mask())


def effective_mask(column: Column, rules: MaskRules, asked: Iterable[Mask] = ()) -> Mask:
    """Return a column's mask: as declared and as asked, never below the policy's minimum."""
    mask = strictest((column.mask, *asked), rules)
    least = rules.minimum(str(column.identifier), str(column.grade))
    if least is None or _place(mask, rules) >= rules.strictness.index(least):
        return mask
    return strictest((mask, Mask(kind=MaskKind(least))), rules)


def _joined(one: Mask, other: Mask, rules: MaskRules) -> Mask:
    if one.kind is other.kind:
        return _same_kind(one, other)
    if {one.kind, other.kind} == {MaskKind.BUCKET, MaskKind.GENERALISE}:
        bucket, span = (one, other) if one.kind is MaskKind.BUCKET else (other, one)
        shared = {edge for edge in bucket.edges if span.step and edge % span.step == 0}
        return _with_edges(bucket, shared)
    mild, strict = sorted((one, other), key=lambda mask: _place(mask, rules))
    covers = mild.kind is MaskKind.NONE or strict.kind in HIDES_ALL
    return strict if covers else _HIDDEN


def _place(mask: Mask, rules: MaskRules) -> int:
    return rules.strictness.index(str(mask.kind))


def _same_kind(one: Mask, other: Mask) -> Mask:
    joins = {
        MaskKind.PARTIAL: _partial,
        MaskKind.GENERALISE: _generalise,
        MaskKind.REGION: _region,
        MaskKind.BUCKET: _bucket,
        MaskKind.FORMAT: _format,
    }
    join = joins.get(one.kind)
    return one if join is None or one == other else join(one, other)


def _partial(one: Mask, other: Mask) -> Mask:
    """Keep what both keep, and only of values that both are ready to show something of."""
    first, last = min(one.keep_first, other.keep_first), min(one.keep_last, other.keep_last)
    least = max(mask.keep_first + mask.keep_last + max(mask.hidden_min, 1) for mask in (one, other))
    update = {"keep_first": first, "keep_last": last, "hidden_min": least - first - last}
    return one.model_copy(update=update)


def _generalise(one: Mask, other: Mask) -> Mask:
    if not (one.step and other.step):
        return _HIDDEN
    if one.unit is other.unit:
        step, unit = lcm(one.step, other.step), one.unit
    elif DateUnit.WEEK in {one.unit, other.unit}:
        return _HIDDEN  # weeks and months cut the calendar at different days
    else:
        step, unit = lcm(*(mask.step * MONTHS[mask.unit] for mask in (one, other))), DateUnit.MONTH
    return one.model_copy(update={"step": step, "unit": unit}) if step <= STEP_MAX else _HIDDEN


def _region(one: Mask, other: Mask) -> Mask:
    if one.hierarchy or other.hierarchy or one.level is None or other.level is None:
        return _HIDDEN
    return min(one, other, key=lambda mask: _rank(mask.level))


def _bucket(one: Mask, other: Mask) -> Mask:
    if len(other.labels) != len(other.edges) + 1:
        return _HIDDEN
    return _with_edges(one, set(one.edges) & set(other.edges))


def _with_edges(bucket: Mask, kept: set[int]) -> Mask:
    """Merge the buckets between the edges that stay; a merged one is named by its ends."""
    if not kept or len(bucket.labels) != len(bucket.edges) + 1:
        return _HIDDEN
    ends = [place for place, edge in enumerate(bucket.edges) if edge in kept]
    starts = [0, *(place + 1 for place in ends)]
    labels = [
        bucket.labels[start] if start == end else f"{bucket.labels[start]}–{bucket.labels[end]}"
        for start, end in zip(starts, [*ends, len(bucket.edges)], strict=True)
    ]
    edges = tuple(bucket.edges[place] for place in ends)
    return bucket.model_copy(update={"edges": edges, "labels": tuple(labels)})


def _format(one: Mask, other: Mask) -> Mask:
    regional = one.format in _REGIONAL
    if one.format is not other.format or not (_open(one) and _open(other)):
        return _HIDDEN
    years = {mask.birth for mask in (one, other)} == {BirthShown.YEAR}
    level = min(one.level, other.level, key=_rank) if regional else None
    birth = BirthShown.YEAR if years else BirthShown.NOTHING
    return one.model_copy(update={"level": level, "birth": birth})


def _open(mask: Mask) -> bool:
    """Tell whether a format-preserving mask shows anything: see ``ff1.DOMAIN_MIN``."""
    if mask.format not in _REGIONAL:
        return True
    narrow = mask.level is RegionLevel.COUNTY and mask.birth is BirthShown.YEAR
    resident = mask.format is IdentifierFormat.RESIDENT_ID
    return mask.level is not None and not (resident and narrow)


def _rank(level: RegionLevel | None) -> int:
    return -1 if level is None else _COARSEST_FIRST.index(level)
