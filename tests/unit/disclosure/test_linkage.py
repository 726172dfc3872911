"""Linkage: one group of one licence shares pseudonyms; everything else is a stranger to it."""

from itertools import combinations

import pyarrow as pa
import pytest

from catalog.datasets import IdentifierFormat, Mask, MaskKind
from disclosure.masking import apply_mask
from disclosure.masking.linkage import column_key
from tests.masks import RULES

LICENCES = (b"a" * 32, b"b" * 32)
PEOPLE = [f"138{number:08d}" for number in range(300)]
PSEUDONYM = Mask(kind=MaskKind.PSEUDONYM)
MOBILE = Mask(kind=MaskKind.FORMAT, format=IdentifierFormat.MOBILE)


def pseudonyms(key: bytes, mask: Mask) -> list[str]:
    found: list[str] = apply_mask(pa.array(PEOPLE), mask, key=key, rules=RULES).to_pylist()
    return found


@pytest.mark.parametrize("mask", [PSEUDONYM, MOBILE])
def test_a_group_of_one_licence_shares_pseudonyms(mask: Mask) -> None:
    one = column_key(LICENCES[0], dataset="tax", column="phone", group="taxpayers")
    other = column_key(LICENCES[0], dataset="loans", column="mobile", group="taxpayers")
    assert pseudonyms(one, mask) == pseudonyms(other, mask)


@pytest.mark.parametrize("mask", [PSEUDONYM, MOBILE])
def test_licences_groups_data_sets_and_columns_are_strangers(mask: Mask) -> None:
    keys = [
        column_key(licence, dataset=dataset, column=column, group=group)
        for licence in LICENCES
        for dataset, column, group in (
            ("tax", "phone", "taxpayers"),
            ("tax", "phone", "borrowers"),
            ("tax", "phone", None),
            ("tax", "mobile", None),
            ("loans", "phone", None),
        )
    ]
    assert len(set(keys)) == len(keys)
    columns = [pseudonyms(key, mask) for key in keys]
    for one, other in combinations(columns, 2):
        assert not any(a == b for a, b in zip(one, other, strict=True))
        if mask is PSEUDONYM:
            assert not set(one) & set(other)


def test_no_group_name_meets_the_key_of_a_column() -> None:
    own = column_key(LICENCES[0], dataset="tax", column="phone", group=None)
    for group in ("tax", "phone", "tax.phone", '["column","tax","phone"]'):
        assert column_key(LICENCES[0], dataset="x", column="y", group=group) != own
