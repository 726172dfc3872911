"""The desk's checks: too few contributors first, then type, size, text, names; then a pass."""

import pyarrow as pa
import pytest

from disclosure.checks.contributors import Evidence, evidence_of
from disclosure.checks.desk import CheckedAnswer, all_passed, run_checks
from policies.load import load_policies
from policies.schema.disclosure import DisclosureRules
from tests.planning import priced

RULES = load_policies().rules(DisclosureRules)


def checked(**changes: object) -> CheckedAnswer:
    values: dict[str, object] = {
        "mode": "aggregate",
        "table": pa.table({"state": ["CA", "NY"], "n": [50, 40], "n_low": [30, 20]}),
        "content_bytes": 1_000,
        "evidence": Evidence("n_low", 1),
        "title_zh": "各州人数",
        "title_en": "People by state",
        "file_name": "people-by-state.csv",
    }
    return CheckedAnswer(**{**values, **changes})  # type: ignore[arg-type]


FAILURES = {
    "contributors_min": [
        {"table": pa.table({"n": [50, 12], "n_low": [30, 9]})},
        {"table": pa.table({"n": [50, 12], "n_low": [30, None]})},
        {"table": pa.table({"n": [50]})},
        {"evidence": Evidence("n_low", 3)},
        {"evidence": None},
    ],
    "answer_type": [{"mode": "rows"}],
    "size": [
        {"content_bytes": RULES.bytes_max + 1},
        {"table": pa.table({"n_low": pa.array([], pa.int64())})},
        {"table": pa.table({"n_low": [99] * (RULES.rows_max + 1)})},
    ],
    "columns": [
        {"table": pa.table({"n_low": [99], "x": pa.array([b"1"])})},
        {"table": pa.table({"n_low": [99], "x": pa.array([[1]])})},
        {"table": pa.table({f"c{i}": [99] for i in range(RULES.columns_max + 1)})},
    ],
    "header_length": [{"table": pa.table({"n_low": [99], "h" * 41: [1]})}],
    "text_length": [{"table": pa.table({"n_low": [99], "x": ["长" * 201]})}],
    "file_name": [
        {"file_name": name} for name in ("../x.csv", "x.exe", "X.csv", "x.svg", "", "a/b.csv")
    ],
    "title": [{"title_zh": " "}, {"title_en": "x" * 121}, {"title_en": "a\nb"}],
}


@pytest.mark.parametrize(
    ("check", "change"), [(name, one) for name, many in FAILURES.items() for one in many]
)
def test_a_failed_check_says_why(check: str, change: dict[str, object]) -> None:
    results = run_checks(checked(**change), RULES)
    failed = {result.check: result.reason for result in results if not result.passed}
    assert check in failed
    assert failed[check].zh
    assert failed[check].en
    assert not all_passed(results)


def test_failing_rows_are_named() -> None:
    table = pa.table({"n_low": [30, 9, 40, 1]})
    result = next(
        r for r in run_checks(checked(table=table), RULES) if r.check == "contributors_min"
    )
    assert "rows 2, 4" in result.reason.en


def test_a_good_answer_passes_every_check() -> None:
    results = run_checks(checked(), RULES)
    assert all_passed(results)
    assert len({result.check for result in results}) == len(results) == len(FAILURES)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT state, sex, COUNT(*) AS n, COUNT(DISTINCT unit) AS u FROM survey GROUP BY ALL",
            Evidence("u_low", 1),
        ),
        ("SELECT state, sex, COUNT(*) AS n FROM survey GROUP BY ALL", Evidence("n_low", 3)),
        ("SELECT state, COUNT(*) AS n FROM survey GROUP BY ALL", Evidence("n_low", 6)),
        ("SELECT SUM(pay) FROM survey", None),
    ],
)
def test_evidence_counts_units_not_rows(sql: str, expected: Evidence | None) -> None:
    assert evidence_of(priced(sql)) == expected
