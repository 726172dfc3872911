"""All that one group ever held of a population is judged together: k and l over combined views."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorization.documents import AccessMode, Grant, RowFilter
from catalog.datasets import (
    Column,
    ColumnType,
    DatasetDeclaration,
    Exposure,
    Grade,
    IdentifierKind,
    Mask,
    MaskKind,
)
from disclosure.extracts import holdings
from disclosure.extracts.holdings import Release, judge_together
from disclosure.extracts.plan import ExtractPlan, plan_extract
from policies.load import load_policies
from policies.schema.masks import ExtractThreshold, MaskRules

RULES = load_policies().rules(MaskRules)
K = 3


def declaration(step: int = 0, name: str = "persons") -> DatasetDeclaration:
    def column(label: str, kind: ColumnType = ColumnType.TEXT, **more: object) -> Column:
        fields = {"grade": Grade.L1, "exposure": Exposure.ROWS, "label_zh": "x", "label_en": "x"}
        return Column.model_validate({"name": label, "type": kind, **fields, **more})

    mask = Mask(kind=MaskKind.GENERALISE, step=step) if step else Mask()
    quasi = IdentifierKind.QUASI
    return DatasetDeclaration(
        name=name,
        entry="ent_x",
        label_zh="人",
        label_en="Persons",
        subject="person",
        population="residents",
        unit_columns=("person",),
        columns=(
            column("person", exposure=Exposure.UNIT),
            column("town", identifier=quasi),
            column("age", ColumnType.INTEGER, identifier=quasi, mask=mask),
            column("illness", identifier=IdentifierKind.SENSITIVE),
        ),
    )


def plan(
    *columns: str, step: int = 0, values: int = 1, towns: Sequence[str] = (), name: str = "persons"
) -> ExtractPlan:
    filters = (RowFilter(column="town", values=tuple(towns)),) if towns else ()
    grant = Grant(
        dataset=name, modes=(AccessMode.ROWS,), columns=columns, basis="1", row_filters=filters
    )
    found = plan_extract(declaration(step, name), grant, RULES)
    return found.model_copy(
        update={"threshold": ExtractThreshold(subject="person", grade="L1", k=K, l=values)}
    )


Rows = list[tuple[str, str, int, str]]


def reader(rows: Rows) -> Callable[[Sequence[str]], Iterator[pa.RecordBatch]]:
    table = pa.table(
        {
            "person": pa.array([row[0] for row in rows], pa.string()),
            "town": pa.array([row[1] for row in rows], pa.string()),
            "age": pa.array([row[2] for row in rows], pa.int64()),
            "illness": pa.array([row[3] for row in rows], pa.string()),
        }
    )
    return lambda names: iter(table.select(list(names)).to_batches(max_chunksize=5))


def release(shown: ExtractPlan, rows: Rows, version: str = "v1", licence: str = "a") -> Release:
    return Release(licence, version, shown, reader(rows))


PEOPLE: Rows = [
    (f"p{number}", "ab"[number % 2], 20 + number // 4 * 5, f"i{number % 5}") for number in range(24)
]


def test_one_release_of_large_groups_passes() -> None:
    assert judge_together([release(plan("town"), PEOPLE)], RULES) is None


def test_one_release_of_small_groups_is_refused() -> None:
    assert judge_together([release(plan("town", "age"), PEOPLE)], RULES) == "k"


def test_columns_that_are_harmless_apart_are_refused_together() -> None:
    towns, ages = release(plan("town"), PEOPLE), release(plan("age"), PEOPLE, licence="b")
    assert judge_together([towns], RULES) is None
    assert judge_together([ages], RULES) is None
    assert judge_together([towns, ages], RULES) == "k"


def test_complementary_masks_are_refused_together() -> None:
    people: Rows = [(f"p{age}{copy}", "a", age, "i") for age in range(12) for copy in "x"]
    by_four = release(plan("age", step=4), people)
    by_six = release(plan("age", step=6), people, licence="b")
    assert judge_together([by_four], RULES) is None
    assert judge_together([by_six], RULES) is None
    assert judge_together([by_four, by_six], RULES) == "k"  # steps 4 and 6 cut spans of two years


def test_the_same_values_in_two_versions_add_nothing() -> None:
    again = [*reversed(PEOPLE)]
    versions = [release(plan("town"), PEOPLE), release(plan("town"), again, "v2")]
    assert judge_together(versions, RULES) is None


def test_units_of_many_rows_may_stay_as_they_are_between_versions() -> None:
    rows = [*PEOPLE, *((person, "c", age, ill) for person, _, age, ill in PEOPLE[:5])]
    versions = [release(plan("town"), rows), release(plan("town"), rows, "v2")]
    assert judge_together(versions, RULES) is None


@pytest.mark.parametrize(
    "later",
    [PEOPLE[1:], [*PEOPLE, ("new", "a", 20, "i0")], [("p0", "b", 20, "i0"), *PEOPLE[1:]]],
    ids=["one leaves", "one joins", "one moves"],
)
def test_who_differs_between_two_versions_must_have_look_alikes(later: Rows) -> None:
    first, second = release(plan("town"), PEOPLE), release(plan("town"), later, "v2")
    assert judge_together([second], RULES) is None
    assert judge_together([first, second], RULES) == "k"


def test_many_who_join_together_pass() -> None:
    later = [*PEOPLE, *((f"new{number}", "a", 20, "i0") for number in range(K))]
    versions = [release(plan("town"), PEOPLE), release(plan("town"), later, "v2")]
    assert judge_together(versions, RULES) is None


def test_a_narrower_filter_tells_who_is_left_out() -> None:
    people: Rows = [(f"p{number}", "a" if number else "b", 30, "i") for number in range(12)]
    every = release(plan("age"), people)
    some = release(plan("town", "age", towns=("a",)), people, licence="b")
    assert judge_together([every], RULES) is None
    assert judge_together([some], RULES) is None
    assert judge_together([every, some], RULES) == "k"


def test_another_data_set_of_the_population_is_joined_by_the_unit() -> None:
    other: Rows = [(person, "z", age, ill) for person, _, age, ill in PEOPLE]
    towns = release(plan("town"), PEOPLE)
    ages = release(plan("age", name="others"), other, "w1", "b")
    assert judge_together([towns, ages], RULES) == "k"


def test_values_too_alike_within_a_combined_view_are_refused() -> None:
    people: Rows = [
        (f"p{number}", "ab"[number // 6], 20 + number % 2 * 5, f"i{number % 2}")
        for number in range(12)
    ]
    ills = release(plan("town", "illness", values=2), people)
    ages = release(plan("town", "age", values=2), people, licence="b")
    assert judge_together([ills], RULES) is None
    assert judge_together([ages], RULES) is None
    assert judge_together([ills, ages], RULES) == "l"  # an age tells which illness


def test_what_is_too_large_to_judge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "JUDGED_ROWS_MAX", 10)
    assert judge_together([release(plan("town"), PEOPLE)], RULES) == "too_large"


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=14)


@given(first=ROWS, second=ROWS)
def test_two_versions_of_one_row_a_unit_are_judged_as_by_hand(
    first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    def rows(found: list[tuple[str, int]]) -> Rows:
        return [(f"p{number}", town, age, "i") for number, (town, age) in enumerate(found)]

    views: dict[object, int] = {}
    for number in range(max(len(first), len(second))):
        view = (
            first[number][0] if number < len(first) else None,
            second[number][1] if number < len(second) else None,
        )
        views[view] = views.get(view, 0) + 1
    wanted = None if min(views.values()) >= K else "k"
    releases = [release(plan("town"), rows(first)), release(plan("age"), rows(second), "v2")]
    assert judge_together(releases, RULES) == wanted
