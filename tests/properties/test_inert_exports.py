"""Whatever a bureau writes, no export carries it out, and its words are compared alike."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from catalog.exchange.inert import inert_csv, inert_json, inert_value
from catalog.exchange.words import known, lookup, plain

TEXTS = st.text(
    st.one_of(
        st.sampled_from("=+-@\t\r\n '\"<>&|\u202e\u2066\u200b\u2028\ufeff\x00人口"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=40,
)
STEERING = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff"
)


@given(TEXTS)
def test_no_csv_cell_is_a_formula_or_steers_a_display(text: str) -> None:
    (_, (cell,)) = csv.reader(io.StringIO(inert_csv(["x"], [[text]]).decode("utf-8-sig")))
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not STEERING & set(cell)
    assert "\x00" not in cell


@given(TEXTS)
def test_json_closes_no_element_and_says_what_was_meant(text: str) -> None:
    written = inert_json({"text": text, "deep": [{"text": text}]})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == inert_value({"text": text, "deep": [{"text": text}]})


@given(TEXTS)
def test_words_are_compared_alike_however_they_are_spaced(text: str) -> None:
    names = lookup([(text, "value")])
    assert plain(plain(text)) == plain(text)
    if plain(text):
        assert known(f" {text}\u200b ", names) == "value"
