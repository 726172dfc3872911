"""Charts: dates and numbers in their own order, bins as ranges, words as asked or tallest first."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from sandgate import labels
from tests.parts import need_session_environment


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([date(2013, 1, 1), date(2013, 2, 1)], ["2013-01", "2013-02"]),
        ([date(2012, 1, 1), date(2013, 1, 1)], ["2012", "2013"]),
        ([date(2013, 1, 7), None], ["2013-01-07", "(none)"]),
        ([0, 20_000, 40_000], ["0–20,000", "20,000–40,000", "40,000–60,000"]),
        ([0, 20, 40, None], ["0–20", "20–40", "40–60", "(none)"]),
        ([2012, 2014, 2016], ["2012", "2014", "2016"]),
        ([1, 2, 3], ["1", "2", "3"]),
        (["a", None], ["a", "(none)"]),
        ([True, False], ["True", "False"]),
    ],
)
def test_keys_are_labelled_as_people_write_them(values: list[Any], shown: list[str]) -> None:
    assert labels.written(values) == shown


def drawn(in_session: Callable[[str], str], *wanted: tuple[str, str]) -> list[dict[str, Any]]:
    """Draw each table as ``plot`` is called for it, in one session's Python."""
    lines = [
        f"print(json.dumps(sandgate.Answer(pa.table({table})).plot({plot}).to_dict()))"
        for table, plot in wanted
    ]
    head = "import json, pyarrow as pa, sandgate\nfrom datetime import datetime\n"
    return [json.loads(line) for line in in_session(head + "\n".join(lines)).splitlines()]


@need_session_environment
def test_time_and_numbers_stand_in_order_with_what_is_missing_last(
    in_session: Callable[[str], str],
) -> None:
    ends = "'n': [2, 1, 3], 'n_low': [1, 0, 2], 'n_high': [3, 2, 4]"
    months = "[datetime(2013, 3, 1), None, datetime(2013, 1, 1)]"
    tables = (f"{{'month': {months}, {ends}}}", ""), (f"{{'persons': [8, 1, 2], {ends}}}", "")
    by_month, by_size = drawn(in_session, *tables)
    keys = [item["key"] for item in by_month["data"]["values"]]
    assert keys == ["2013-01", "2013-03", "(none)"]
    assert by_month["layer"][0]["encoding"]["x"]["sort"] == keys
    assert [item["key"] for item in by_size["data"]["values"]] == ["1", "2", "8"]


@need_session_environment
def test_bins_are_a_histogram_and_stay_upright_where_words_lie_down(
    in_session: Callable[[str], str],
) -> None:
    size = 20
    figures = f"'n': list(range({size})), 'n_low': [0] * {size}, 'n_high': [9] * {size}"
    bins = f"{{'bin': [5000 * i for i in range({size})], {figures}}}"
    words = f"{{'word': [f'w{{i}}' for i in range({size})], {figures}}}"
    spec, lying = drawn(in_session, (bins, ""), (words, ""))
    encoding = spec["layer"][0]["encoding"]
    assert encoding["x"]["scale"]["paddingInner"] < 0.1
    assert spec["data"]["values"][0]["key"] == "0–5,000"
    assert lying["layer"][0]["encoding"]["y"]["field"] == "key"
    assert lying["data"]["values"][0]["key"] == "w19"


@need_session_environment
def test_formulas_and_quantiles_are_drawn_with_their_own_intervals(
    in_session: Callable[[str], str],
) -> None:
    table = (
        "{'band': ['a', 'b'], 'median': [1.5, 2.5], 'median_low': [1.0, 2.0], "
        "'median_high': [2.0, 3.0], 'ratio': [0.1, None], 'ratio_low': [0.0, None], "
        "'ratio_high': [0.2, None]}"
    )
    spec, first = drawn(in_session, (table, 'y="ratio"'), (table, ""))
    assert spec["data"]["values"] == [
        {"key": "a", "value": 0.1, "low": 0.0, "high": 0.2},
        {"key": "b", "value": None, "low": None, "high": None},
    ]
    assert first["data"]["values"][0]["value"] == 1.5
