"""Every kind of mask and every kind of column, for tests that hold over all of them."""

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from catalog.check_digits import body_check, luhn_check, resident_check
from catalog.credit_codes import credit_check
from catalog.datasets import (
    BirthShown,
    Column,
    ColumnType,
    DateUnit,
    Exposure,
    Grade,
    IdentifierFormat,
    Mask,
    MaskKind,
    RegionLevel,
)
from policies.load import load_policies
from policies.schema.masks import MaskRules

RULES = load_policies().rules(MaskRules)
KEY = b"k" * 32
CODES = (
    "440305",
    "440300",
    "110101",
    "440305001",
    "440305001002",
    "44030",
    "044030",
    "４４０３０５",
)


def column(name: str, kind: ColumnType = ColumnType.TEXT, **more: object) -> Column:
    """Return a column that a licence may hold in rows, unless told otherwise."""
    fields = {"grade": Grade.L1, "exposure": Exposure.ROWS, "label_zh": name, "label_en": name}
    return Column.model_validate({"name": name, "type": kind, **fields, **more})


def resident_id(region: str, birth: str, sequence: str) -> str:
    body = region + birth + sequence
    return body + resident_check(body)


def bank_card(body: str) -> str:
    return body + luhn_check(body)


def credit_code(head: str, body: str) -> str:
    code = head + body + body_check(body)
    return code + credit_check(code)


IDENTIFIERS = (
    resident_id("110101", "19491231", "002"),
    resident_id("440305", "19900229"[:6] + "28", "123"),
    resident_id("440305", "20000229", "999"),
    "11010519491231002x",
    "110105194912310021",
    "13812345678",
    "12812345678",
    bank_card("622202100112345"),
    bank_card("622848001234567890"),
    "6222021001123450",
    credit_code("91440300", "MA5DA1TX"),
    credit_code("11100000", "00001361"),
    "91440300MA5DA1TX3Y",
    "粤B12345",
    "粤B1A2C5",
    "粤BABC12",
    "粤BD12345",
    "粤B12345F",
    "粤B1234学",
)
TEXT_VALUES = st.one_of(st.text(max_size=12), st.sampled_from(CODES), st.sampled_from(IDENTIFIERS))
COLUMNS: st.SearchStrategy[tuple[list[Any], pa.DataType]] = st.one_of(
    st.tuples(st.lists(st.none() | TEXT_VALUES), st.just(pa.string())),
    st.tuples(
        st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)),
        st.just(pa.int64()),
    ),
    st.tuples(st.lists(st.none() | st.integers(-128, 127)), st.just(pa.int8())),
    st.tuples(st.lists(st.none() | st.integers(0, 2**64 - 1)), st.just(pa.uint64())),
    st.tuples(st.lists(st.none() | st.dates()), st.just(pa.date32())),
    st.tuples(st.lists(st.none() | st.booleans()), st.just(pa.bool_())),
    st.tuples(st.lists(st.none() | st.floats()), st.just(pa.float64())),
    st.tuples(st.lists(st.none() | st.binary(max_size=8)), st.just(pa.binary())),
    st.tuples(st.lists(st.none() | st.text(max_size=5)), st.just(pa.large_string())),
)
EDGES = st.lists(st.integers(-200, 200), max_size=6, unique=True).map(sorted).map(tuple)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Draw any mask, its parameters fitting or not."""
    edges = draw(EDGES)
    missing = draw(st.booleans()) and draw(st.booleans())
    labels = tuple(f"b{place}" for place in range(len(edges) + (0 if missing else 1)))
    hierarchy = draw(st.sampled_from([(), (), (("440305", "South"), ("110101", "North"))]))
    return Mask(
        kind=draw(st.sampled_from(list(MaskKind))),
        keep_first=draw(st.integers(0, 5) | st.integers(0, 64)),
        keep_last=draw(st.integers(0, 5) | st.integers(0, 64)),
        hidden_min=draw(st.integers(0, 6) | st.integers(0, 256)),
        step=draw(st.sampled_from([0, 1, 2, 3, 5, 10, 2**40, 2**62]) | st.integers(0, 50)),
        unit=draw(st.sampled_from(list(DateUnit))),
        level=draw(st.none() | st.sampled_from(list(RegionLevel))),
        hierarchy=hierarchy,
        edges=edges,
        labels=labels,
        format=draw(st.none() | st.sampled_from(list(IdentifierFormat))),
        birth=draw(st.sampled_from(list(BirthShown))),
    )
