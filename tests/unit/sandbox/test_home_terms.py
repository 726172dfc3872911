"""What a home was made under: wider terms open it again, narrower ones never do."""

import pytest

from sandbox.homes.terms import HomeTerms, terms_from

MADE = HomeTerms(
    columns={"people/rows": frozenset({"county", "age"}), "people/aggregate": frozenset({"pay"})},
    filters={"people": '[{"column": "county", "values": ["a"]}]'},
    extracts={"people": "sha256:one"},
)


def never(_earlier: str, _now: str) -> bool:
    return False


def always(_earlier: str, _now: str) -> bool:
    return True


def test_the_same_terms_open_it() -> None:
    assert MADE.lost_in(terms_from(MADE.as_text()), never) == ()


def test_wider_terms_open_it() -> None:
    wider = HomeTerms(
        columns={**MADE.columns, "people/rows": frozenset({"county", "age", "sex"})},
        filters={},
        extracts={"people": "sha256:two", "firms": "sha256:three"},
    )
    assert MADE.lost_in(wider, always) == ()


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        (HomeTerms({}, {}, {}), {"people/rows", "people/aggregate", "people"}),
        (
            HomeTerms(
                {**MADE.columns, "people/rows": frozenset({"county"})}, MADE.filters, MADE.extracts
            ),
            {"people/rows"},
        ),
        (
            HomeTerms(
                MADE.columns, {"people": '[{"column": "county", "values": []}]'}, MADE.extracts
            ),
            {"people"},
        ),
        (HomeTerms(MADE.columns, MADE.filters, {"people": "sha256:masked"}), {"people"}),
        (HomeTerms(MADE.columns, MADE.filters, {}), {"people"}),
    ],
)
def test_narrower_terms_name_what_was_lost(now: HomeTerms, lost: set[str]) -> None:
    assert set(MADE.lost_in(now, never)) == lost


def test_a_filter_where_there_was_none_is_narrower() -> None:
    open_rows = HomeTerms(MADE.columns, {}, MADE.extracts)
    now = HomeTerms(MADE.columns, MADE.filters, {"people": "sha256:filtered"})
    assert open_rows.lost_in(now, never) == ("people",)
