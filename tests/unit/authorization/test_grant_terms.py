"""What a grant says of single columns: each wrong word refused at its field, then what it opens."""

from dataclasses import replace
from typing import Any

import pytest

from authorization.compile import compile_licence
from authorization.documents import AccessMode
from authorization.lines import Action
from authorization.validation import LicenceFacts, licence_problems
from catalog.datasets import DatasetDeclaration
from tests.licensing import (
    RULES,
    agreement,
    declarations,
    licence_document,
    licence_facts,
    licence_json,
)

CONSENT = {"purposes": ["loan_review"], "days_max": 90}
FILTER = {"column": "debt", "values": ["10"], "discloses": "Colleges with a debt of 10."}
VERIFY: dict[str, Any] = {
    "dataset": "households",
    "modes": ["verify"],
    "columns": ["state", "income"],
    "basis": "核验批准1号",
    "verify": {"identifiers": ["household"], "consent": CONSENT},
}


def facts() -> LicenceFacts:
    colleges = declarations()["colleges"]
    extra = [
        {**colleges.columns[1].model_dump(), "name": name, "identifier": identifier, "mask": mask}
        for name, identifier, mask in (
            ("code", "direct", {"kind": "pseudonym"}),
            ("region", "quasi", {}),
        )
    ]
    raw = colleges.model_dump()
    found = DatasetDeclaration.model_validate({**raw, "columns": [*raw["columns"], *extra]})
    agreed = agreement().model_copy(update={"linkage_groups": ("students",)})
    return replace(
        licence_facts(),
        datasets={**declarations(), "colleges": found},
        agreements={agreed.number: agreed},
    )


def rows(**changes: Any) -> dict[str, Any]:
    grants: list[dict[str, Any]] = licence_json()["grants"]
    return {"grants": [grants[0], {**grants[1], **changes}]}


def aggregates(**changes: Any) -> dict[str, Any]:
    grants: list[dict[str, Any]] = licence_json()["grants"]
    return {"grants": [{**grants[0], **changes}, grants[1]]}


def verify(**changes: Any) -> dict[str, Any]:
    return {"grants": [*licence_json()["grants"], {**VERIFY, **changes}]}


def ranges(*bounds: tuple[str, int, int], column: str = "income") -> dict[str, Any]:
    items = [{"label": label, "lower": low, "upper": high} for label, low, high in bounds]
    return {**VERIFY["verify"], "ranges": [{"column": column, "ranges": items}]}


REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "mask of a column not shown": (
        rows(masks=[{"column": "debt", "mask": {"kind": "null"}}]),
        "granted_mask_unfit",
        "$.grants[1].masks[0]",
    ),
    "mask that means nothing there": (
        rows(masks=[{"column": "title", "mask": {"kind": "generalise", "step": 5}}]),
        "granted_mask_unfit",
        "$.grants[1].masks[0]",
    ),
    "mask on aggregates": (
        aggregates(masks=[{"column": "state", "mask": {"kind": "null"}}]),
        "column_mode_unused",
        "$.grants[0].masks",
    ),
    "two masks on a column": (
        rows(masks=[{"column": "title", "mask": {"kind": kind}} for kind in ("null", "redact")]),
        "column_in_two_lists",
        "$.grants[1].masks",
    ),
    "filter on a shown column": (
        rows(filter_only=[{**FILTER, "column": "title", "values": ["x"]}]),
        "column_in_two_lists",
        "$.grants[1].filter_only",
    ),
    "filter that says nothing of what it discloses": (
        rows(filter_only=[{**FILTER, "discloses": " "}]),
        "filter_only_discloses",
        "$.grants[1].filter_only[0].discloses",
    ),
    "filter that names people": (
        rows(filter_only=[{**FILTER, "column": "code", "values": ["x"]}]),
        "filter_only_column",
        "$.grants[1].filter_only[0].column",
    ),
    "filter on nothing": (
        rows(filter_only=[{**FILTER, "column": "ghost"}]),
        "filter_only_column",
        "$.grants[1].filter_only[0].column",
    ),
    "filter value of another type": (
        rows(filter_only=[{**FILTER, "values": ["10", "ten"]}]),
        "filter_only_value",
        "$.grants[1].filter_only[0].values[1]",
    ),
    "filter without rows": (
        aggregates(filter_only=[{**FILTER, "column": "diagnosis", "values": ["x"]}]),
        "column_mode_unused",
        "$.grants[0].filter_only",
    ),
    "join without a group": (
        rows(join_only=["code"]),
        "linkage_group_missing",
        "$.grants[1].linkage_group",
    ),
    "a group nobody agreed": (
        rows(linkage_group="neighbours"),
        "linkage_group_not_agreed",
        "$.grants[1].linkage_group",
    ),
    "join on what is no row": (
        rows(join_only=["debt"], linkage_group="students"),
        "column_not_exposed_so",
        "$.grants[1].join_only[0]",
    ),
    "aggregate of a column that is closed": (
        aggregates(aggregate_only=["name"]),
        "column_not_exposed_so",
        "$.grants[0].aggregate_only[0]",
    ),
    "aggregate above its grade": (
        aggregates(aggregate_only=["diagnosis"]),
        "column_grade_above_ceiling",
        "$.grants[0].aggregate_only[0]",
    ),
    "verify beside rows": (
        verify(modes=["verify", "aggregate"]),
        "verify_terms",
        "$.grants[2].verify",
    ),
    "verify without terms": (verify(verify=None), "verify_terms", "$.grants[2].verify"),
    "terms without verify": (
        aggregates(verify=VERIFY["verify"]),
        "verify_terms",
        "$.grants[0].verify",
    ),
    "verify without a basis": (verify(basis=" "), "verify_without_basis", "$.grants[2].basis"),
    "verify a closed column": (
        verify(columns=["name"]),
        "column_never_shared",
        "$.grants[2].columns[0]",
    ),
    "verify the unit itself": (
        verify(columns=["household"], verify={"identifiers": ["household"], "consent": CONSENT}),
        "verify_column",
        "$.grants[2].columns[0]",
    ),
    "verify above its grade": (
        verify(columns=["diagnosis"]),
        "column_grade_above_ceiling",
        "$.grants[2].columns[0]",
    ),
    "identify by what identifies nobody": (
        verify(columns=["income"], verify={"identifiers": ["state"], "consent": CONSENT}),
        "verify_identifier",
        "$.grants[2].verify.identifiers[0]",
    ),
    "consent for ever": (
        verify(verify={**VERIFY["verify"], "consent": {**CONSENT, "days_max": 3_000}}),
        "consent_too_long",
        "$.grants[2].verify.consent.days_max",
    ),
    "ranges that overlap": (
        verify(verify=ranges(("low", 0, 50), ("high", 49, 100))),
        "verify_ranges",
        "$.grants[2].verify.ranges[0]",
    ),
    "a range that nests": (
        verify(verify=ranges(("all", 0, 100), ("half", 0, 50))),
        "verify_ranges",
        "$.grants[2].verify.ranges[0]",
    ),
    "an empty range": (
        verify(verify=ranges(("low", 5, 5))),
        "verify_ranges",
        "$.grants[2].verify.ranges[0]",
    ),
    "ranges of text": (
        verify(verify=ranges(("low", 0, 5), column="state")),
        "verify_ranges",
        "$.grants[2].verify.ranges[0]",
    ),
    "two ranges of one name": (
        verify(verify=ranges(("low", 0, 5), ("low", 5, 9))),
        "verify_ranges",
        "$.grants[2].verify.ranges[0]",
    ),
}
GOOD: dict[str, dict[str, Any]] = {
    "mask": rows(masks=[{"column": "title", "mask": {"kind": "null"}}]),
    "filter": rows(filter_only=[FILTER]),
    "join": rows(join_only=["code"], linkage_group="students"),
    "aggregate": rows(modes=["rows", "aggregate"], aggregate_only=["debt"]),
    "verify": verify(verify=ranges(("low", 0, 50), ("high", 50, 100))),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_may_not_be_signed_is_refused_at_its_field(case: str) -> None:
    changes, code, field = REFUSALS[case]
    found = licence_problems(licence_document(**changes), facts(), RULES)
    assert (code, field) in {(problem.code, problem.field) for problem in found}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_grant_has_no_problem(case: str) -> None:
    assert not licence_problems(licence_document(**GOOD[case]), facts(), RULES)


def allowed(changes: dict[str, Any], action: Action) -> set[str]:
    compiled = compile_licence(licence_document(**changes), RULES)
    return {line.obj for line in compiled.lines if line.act == action and line.eft == "allow"}


def test_a_filter_only_column_has_no_line_at_all() -> None:
    compiled = compile_licence(licence_document(**GOOD["filter"]), RULES)
    assert not [line for line in compiled.lines if line.obj == "col:colleges.debt"]
    assert compiled.extract("colleges") is not None


def test_an_aggregate_only_column_is_never_asked_as_rows() -> None:
    assert "col:colleges.debt" in allowed(GOOD["aggregate"], Action.QUERY_DP)
    assert "col:colleges.debt" not in allowed(GOOD["aggregate"], Action.QUERY_ROWS)
    compiled = compile_licence(licence_document(**GOOD["aggregate"]), RULES)
    extract = compiled.extract("colleges")
    assert extract is not None
    assert "debt" not in extract.columns
    assert "debt" in compiled.columns("colleges", AccessMode.AGGREGATE)


def test_a_join_only_column_is_never_asked_as_an_aggregate() -> None:
    assert "col:colleges.code" in allowed(GOOD["join"], Action.QUERY_ROWS)
    assert "col:colleges.code" not in allowed(GOOD["join"], Action.QUERY_DP)


def test_verification_opens_its_own_action_and_no_release() -> None:
    asked = allowed(GOOD["verify"], Action.QUERY_VERIFY)
    assert asked >= {"col:households.household", "col:households.income", "whole:households"}
    only = {"grants": [VERIFY], "budgets": []}
    assert not allowed(only, Action.QUERY_ROWS)
    assert not allowed(only, Action.QUERY_DP)
    assert not allowed(only, Action.RELEASE_REQUEST)
