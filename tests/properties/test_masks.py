"""Masks over every type: total, and several on one column show no more than any one alone."""

from itertools import combinations
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.datasets import (
    BirthShown,
    Column,
    ColumnType,
    Exposure,
    Grade,
    IdentifierFormat,
    IdentifierKind,
    Mask,
    MaskKind,
    RegionLevel,
)
from disclosure.masking import apply_mask, effective_mask, masked_type, strictest
from disclosure.masking.disclosed import discloses
from tests.masks import COLUMNS, KEY, RULES, masks


def shown(values: list[Any], kind: pa.DataType, mask: Mask) -> list[Any]:
    result: list[Any] = apply_mask(pa.array(values, kind), mask, key=KEY, rules=RULES).to_pylist()
    return result


@settings(max_examples=120)
@given(column=COLUMNS, mask=masks())
def test_every_mask_is_total_on_every_column(
    column: tuple[list[Any], pa.DataType], mask: Mask
) -> None:
    values, kind = column
    result = apply_mask(pa.array(values, kind), mask, key=KEY, rules=RULES)
    result.validate(full=True)
    assert len(result) == len(values)
    assert result.type == masked_type(mask, kind)
    assert discloses(mask).zh
    if not (mask.kind is MaskKind.REDACT and kind == pa.string()):
        found = result.to_pylist()
        assert all(found[place] is None for place, value in enumerate(values) if value is None)


@settings(max_examples=60)
@given(mask=masks(), broken=st.binary(min_size=1, max_size=6))
def test_text_that_is_no_utf_8_is_dropped_and_never_raises(mask: Mask, broken: bytes) -> None:
    raw = b"\xff" + broken
    offsets = pa.py_buffer((0).to_bytes(4, "little") + len(raw).to_bytes(4, "little"))
    values = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(raw)])
    result = apply_mask(values, mask, key=KEY, rules=RULES)
    assert mask.kind is MaskKind.NONE or result.null_count == 1


@settings(max_examples=60)
@given(mask=masks(), days=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1))
def test_dates_beyond_the_calendar_never_raise(mask: Mask, days: list[int]) -> None:
    values = pa.array(days, pa.int32()).cast(pa.date32())
    assert len(apply_mask(values, mask, key=KEY, rules=RULES)) == len(days)


def check_joined(column: tuple[list[Any], pa.DataType], several: list[Mask], same: bool) -> None:
    """Insist that values which look alike under one mask look alike under all joined."""
    values, kind = column
    if same:
        several = [mask.model_copy(update={"kind": several[0].kind}) for mask in several]
    joined = shown(values, kind, strictest(several, RULES))
    for mask in several:
        alone = shown(values, kind, mask)
        for one, other in combinations(range(len(values)), 2):
            if repr(alone[one]) == repr(alone[other]):
                assert repr(joined[one]) == repr(joined[other]), mask


@settings(max_examples=120)
@given(column=COLUMNS, several=st.lists(masks(), min_size=2, max_size=4), same=st.booleans())
def test_the_joined_mask_shows_no_more_than_any_single_rule(
    column: tuple[list[Any], pa.DataType], several: list[Mask], same: bool
) -> None:
    check_joined(column, several, same)


@pytest.mark.full
@settings(max_examples=5_000)
@given(column=COLUMNS, several=st.lists(masks(), min_size=2, max_size=4), same=st.booleans())
def test_the_joined_mask_shows_no_more_at_length(
    column: tuple[list[Any], pa.DataType], several: list[Mask], same: bool
) -> None:
    check_joined(column, several, same)


@settings(max_examples=120)
@given(
    values=st.lists(st.integers(-60, 60), max_size=20),
    kinds=st.lists(st.sampled_from(["bucket", "generalise"]), min_size=2, max_size=3),
    data=st.data(),
)
def test_spans_and_buckets_join_at_the_edges_they_share(
    values: list[int], kinds: list[str], data: st.DataObject
) -> None:
    several = []
    for kind in kinds:
        edges = tuple(sorted(data.draw(st.sets(st.sampled_from(range(-40, 41, 10)), min_size=1))))
        labels = tuple(f"b{place}" for place in range(len(edges) + 1))
        step = data.draw(st.sampled_from([5, 10, 20]))
        several.append(Mask(kind=MaskKind(kind), edges=edges, labels=labels, step=step))
    joined = shown(list(values), pa.int64(), strictest(several, RULES))
    for mask in several:
        alone = shown(list(values), pa.int64(), mask)
        for one, other in combinations(range(len(values)), 2):
            assert alone[one] != alone[other] or joined[one] == joined[other]


@given(mask=masks(), asked=masks(), identifier=st.sampled_from(list(IdentifierKind)))
def test_no_column_is_shown_below_the_policys_minimum(
    mask: Mask, asked: Mask, identifier: IdentifierKind
) -> None:
    for grade in Grade:
        column = Column(
            name="c",
            type=ColumnType.TEXT,
            label_zh="c",
            label_en="c",
            grade=grade,
            identifier=identifier,
            exposure=Exposure.ROWS,
            mask=mask,
        )
        found = effective_mask(column, RULES, [asked])
        least = RULES.minimum(identifier, grade)
        order = RULES.strictness
        assert least is None or order.index(str(found.kind)) >= order.index(least)


def test_the_strictest_of_several_masks_wins() -> None:
    span = Mask(kind=MaskKind.GENERALISE, step=10)
    wider = Mask(kind=MaskKind.GENERALISE, step=100)
    pseudonym = Mask(kind=MaskKind.PSEUDONYM)
    more = Mask(kind=MaskKind.PARTIAL, keep_first=3, keep_last=4)
    less = Mask(kind=MaskKind.PARTIAL, keep_first=1)
    assert strictest([wider, span], RULES) == wider
    assert strictest([span, Mask(kind=MaskKind.GENERALISE, step=15)], RULES).step == 30
    kept = strictest([more, less], RULES)
    assert (kept.keep_first, kept.keep_last, kept.hidden_min) == (1, 0, 7)
    assert strictest([Mask(), pseudonym], RULES) == pseudonym
    assert strictest([pseudonym, Mask(kind=MaskKind.NULL)], RULES).kind is MaskKind.NULL
    assert strictest([], RULES) == Mask()


def test_two_masks_that_show_different_things_hide_the_value() -> None:
    span = Mask(kind=MaskKind.GENERALISE, step=10)
    assert strictest([span, Mask(kind=MaskKind.PSEUDONYM)], RULES).kind is MaskKind.REDACT


@pytest.mark.parametrize(
    "closed",
    [
        Mask(kind=MaskKind.FORMAT, format=IdentifierFormat.RESIDENT_ID),
        Mask(
            kind=MaskKind.FORMAT,
            format=IdentifierFormat.RESIDENT_ID,
            level=RegionLevel.COUNTY,
            birth=BirthShown.YEAR,
        ),
        Mask(kind=MaskKind.FORMAT, format=IdentifierFormat.MOBILE),
    ],
)
def test_a_format_that_hides_everything_is_not_opened_by_a_wider_one(closed: Mask) -> None:
    resident = Mask(
        kind=MaskKind.FORMAT, format=IdentifierFormat.RESIDENT_ID, level=RegionLevel.CITY
    )
    assert strictest([closed, resident], RULES).kind is MaskKind.REDACT
    assert strictest([resident, closed], RULES).kind is MaskKind.REDACT


def test_two_formats_keep_the_wider_region_and_less_of_the_birth() -> None:
    one = Mask(
        kind=MaskKind.FORMAT,
        format=IdentifierFormat.RESIDENT_ID,
        level=RegionLevel.CITY,
        birth=BirthShown.YEAR,
    )
    other = one.model_copy(update={"level": RegionLevel.COUNTY, "birth": BirthShown.NOTHING})
    joined = strictest([one, other], RULES)
    assert (joined.level, joined.birth) == (RegionLevel.CITY, BirthShown.NOTHING)
