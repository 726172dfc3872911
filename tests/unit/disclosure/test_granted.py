"""The licence's own row filters bind private answers as narrowly as they bind rows."""

from typing import Any

import pytest

from authorization.documents import Grant
from disclosure.granted import forced_values

FILTER_2015 = {"column": "year", "values": ["2015"]}
FILTER_BOTH = {"column": "year", "values": ["2015", "2016"]}
FILTER_2014 = {"column": "year", "values": ["2014"]}


def grant(dataset: str, *filters: dict[str, Any]) -> Grant:
    return Grant.model_validate(
        {"dataset": dataset, "modes": ["rows"], "columns": ["year"], "row_filters": list(filters)}
    )


@pytest.mark.parametrize("filters", [(FILTER_2015, FILTER_BOTH), (FILTER_BOTH, FILTER_2015)])
def test_two_filters_of_one_column_leave_what_both_allow(filters: tuple[Any, ...]) -> None:
    assert forced_values([grant("colleges", *filters)], "colleges") == {"year": ("2015",)}


def test_filters_that_exclude_each_other_leave_nothing() -> None:
    grants = [grant("colleges", FILTER_2014), grant("colleges", FILTER_BOTH)]
    assert forced_values(grants, "colleges") == {"year": ()}


def test_filters_of_other_data_sets_bind_nothing() -> None:
    assert forced_values([grant("schools", FILTER_2014)], "colleges") == {}


def test_a_filter_only_column_binds_private_answers_too() -> None:
    filtered = {"column": "year", "values": ["2014"], "discloses": "what happened in 2014"}
    raw = grant("colleges", FILTER_BOTH).model_copy(update={"row_filters": ()})
    both = Grant.model_validate({**raw.model_dump(), "filter_only": [filtered]})
    assert forced_values([both], "colleges") == {"year": ("2014",)}
