"""The desk's CSV: text that a spreadsheet would run is inert, in whichever width it is written."""

import pyarrow as pa
import pytest

from disclosure.release.encoding import encode_table

FORMULAS = ["=1+1", "+1", "-1", "@A1", " =1+1", "＝1+1", "＋1", "－1", "＠A1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_made_inert_in_cells_and_in_names(text: str) -> None:
    table = pa.table({text: [text]})
    assert encode_table(table).decode() == f"'{text}\n'{text}\n"


def test_numbers_keep_their_sign_and_plain_text_stays() -> None:
    table = pa.table({"州": ["east"], "n": [-3], "m": [-1e-7]})
    assert encode_table(table).decode() == "州,n,m\neast,-3,-0.0000001\n"
