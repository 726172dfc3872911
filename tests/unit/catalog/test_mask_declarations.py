"""Which masks a source may declare on which columns: what means nothing there is refused."""

from typing import Any

import pytest

from catalog.datasets import ColumnType, Mask
from catalog.declarations import mask_fits

TEXT, NUMBER, DECIMAL, DATE, BOOLEAN = (
    ColumnType.TEXT,
    ColumnType.INTEGER,
    ColumnType.DECIMAL,
    ColumnType.DATE,
    ColumnType.BOOLEAN,
)
LABELS = ("a", "b")


def mask(kind: str, **more: Any) -> Mask:
    return Mask.model_validate({"kind": kind, **more})


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (mask("partial"), TEXT),
        (mask("partial", keep_first=1), NUMBER),
        (mask("redact"), DATE),
        (mask("generalise"), NUMBER),
        (mask("generalise", step=5), TEXT),
        (mask("region"), TEXT),
        (mask("region", level="city"), DATE),
        (mask("region", level="city", hierarchy=[["a", "b"]]), TEXT),
        (mask("region", hierarchy=[["a", "b"], ["a", "c"]]), TEXT),
        (mask("region", hierarchy=[["1", "2"]]), NUMBER),
        (mask("bucket"), NUMBER),
        (mask("bucket", edges=[1], labels=["a"]), NUMBER),
        (mask("bucket", edges=[1], labels=["a", "a"]), NUMBER),
        (mask("bucket", edges=[2, 1], labels=["a", "b", "c"]), NUMBER),
        (mask("bucket", edges=[1], labels=LABELS), TEXT),
        (mask("format"), TEXT),
        (mask("format", format="mobile"), NUMBER),
        (mask("format", format="mobile", level="city"), TEXT),
        (mask("format", format="resident_id"), TEXT),
        (mask("format", format="resident_id", level="county", birth="year"), TEXT),
    ],
)
def test_a_mask_that_means_nothing_there_is_refused(declared: Mask, kind: ColumnType) -> None:
    assert not mask_fits(declared, kind)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (mask("partial", keep_last=4), TEXT),
        (mask("generalise", step=1, unit="week"), DATE),
        (mask("region", level="city"), NUMBER),
        (mask("region", hierarchy=[["a", "b"]]), TEXT),
        (mask("bucket", edges=[1], labels=LABELS), DECIMAL),
        (mask("format", format="bank_card"), TEXT),
        (mask("format", format="credit_code", level="county"), TEXT),
        (mask("format", format="resident_id", level="city", birth="year"), TEXT),
        (mask("pseudonym"), BOOLEAN),
        (mask("null"), BOOLEAN),
    ],
)
def test_a_mask_that_fits_is_taken(declared: Mask, kind: ColumnType) -> None:
    assert mask_fits(declared, kind)
