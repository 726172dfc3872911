"""The listing of data sets: what can be asked, read from declared facts, in both languages."""

from collections.abc import Iterator
from typing import Any

import pytest

import sandgate

INCOME = {
    "name": "income",
    "type": "integer",
    "label_zh": "收入",
    "label_en": "Income <x>",
    "unit_of_measure": "USD",
    "mask": None,
    "mode": "aggregate",
    "key": "parts",
    "lower": 0,
    "upper": 200_000,
}
STATE = {
    "name": "state",
    "type": "text",
    "label_zh": "州",
    "label_en": "State",
    "mask": None,
    "mode": "aggregate",
    "key": "public",
    "public_values": ["AL", "AK", "AZ", "AR", "CA"],
    "public_value_count": 51,
}
JOB = {**STATE, "name": "job", "key": "threshold", "public_values": [], "public_value_count": 0}
HOUSEHOLDS = {
    "name": "households",
    "label_zh": "住户",
    "label_en": "Households",
    "modes": ["aggregate", "verify"],
    "unit": "unit",
    "rows_per_unit_max": 3,
    "columns": [STATE, INCOME, JOB],
    "group_sets": [
        {
            "name": "s",
            "keys": ["state"],
            "measures": ["income"],
            "groups_per_unit_max": 1,
            "rows_per_group_max": 3,
        }
    ],
    "joins": [
        {"dataset": "states", "on": ["postal"], "kind": "public"},
        {"dataset": "visits", "on": ["unit"], "kind": "unit"},
    ],
    "verification": {
        "identifiers": ["id"],
        "columns": ["income"],
        "ranges": {"income": ["low", "high"]},
        "consent_purposes": ["loan"],
        "consent_days_max": 30,
    },
}


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    sandgate.language("en")
    yield
    sandgate.language("en")


@pytest.fixture
def datasets(gateway: Any) -> sandgate.Datasets:
    gateway.datasets = [HOUSEHOLDS]
    return sandgate.Gateway(str(gateway.path)).datasets()


@pytest.mark.parametrize(
    "told",
    [
        "AL, AK, AZ, AR, … (51 in all)",
        "whole number (USD)",
        "0 – 200,000",
        "past a threshold",
        "COUNT(DISTINCT unit) counts privacy units",
        "At most 3 rows of each unit are counted",
        "1 group, 3 rows in each",
        "joined to the public table states on its column postal",
        "joined to visits by unit (the same people)",
        "Verification of income: the person named by id",
        "Ranges of income: low, high",
    ],
)
def test_an_operator_reads_what_can_be_asked(datasets: Any, told: str) -> None:
    assert told in repr(datasets)
    assert told in datasets.html()


def test_it_is_escaped_and_speaks_chinese(datasets: Any) -> None:
    assert [item.name for item in datasets] == ["households"]
    assert "Income &lt;x&gt;" in datasets.html()
    sandgate.language("zh")
    html = datasets["households"].html()
    for told in ("差分隐私统计", "共 51 个", "过门槛才显示", "按其 postal 列连接", "核验"):
        assert told in html
    with pytest.raises(KeyError):
        datasets["fish"]


def test_a_column_of_the_table_that_says_nothing_is_left_out() -> None:
    plain = {"name": "n", "label_en": "N", "type": "text", "mask": "none", "mode": "rows"}
    text = sandgate.Dataset({"name": "d", "modes": ["rows"], "columns": [plain]}).plain()
    assert "Mask" not in text
    assert "(rows)" in text
    masked = {**plain, "mask": "null"}
    text = sandgate.Dataset({"name": "d", "modes": ["rows"], "columns": [masked]}).plain()
    assert "(masked rows)" in text
    assert "emptied" in text
