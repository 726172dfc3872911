"""Schemes over HTTP: made by two people, read by those paid, refused where they fail."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit.tags import EntryKind
from tests.calling import API, entries, problem_of
from tests.city import City, built_city
from tests.city_documents import FINANCE, OPERATOR, PROVIDER


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


def scheme(version: str = "fictional-2", **changes: Any) -> dict[str, Any]:
    def source(dataset: str, **bounds: int) -> dict[str, Any]:
        party = {"dataset": dataset, "payee": PROVIDER, "channel": "treasury"}
        return {**party, "approved_rows": 1_000, **bounds}

    return {
        "version": version,
        "approval": "fictional approval 2",
        "shares": [{"payee": OPERATOR, "ppm": 250_000, "channel": "account"}],
        "pot": {
            "ppm": 750_000,
            "weight": "columns*quality_ppm",
            "sources": [source("households", maximum_ppm=600_000), source("colleges")],
            "unused_to": {"payee": FINANCE, "channel": "treasury"},
        },
        **changes,
    }


def test_a_scheme_that_cannot_be_used_is_refused_by_its_field(city: City) -> None:
    path = f"{API}/licences/{city.licence}/schemes"
    founder = city.client("founder")
    bad_weight = scheme()
    bad_weight["pot"]["weight"] = "rows/calls"
    problem = problem_of(founder.post(path, json=bad_weight), 422)
    assert (problem["code"], problem["field"]) == ("weight_invalid", "$.scheme.pot.weight")
    assert "max" in problem["way_out"]["text"]
    short = scheme()
    short["pot"]["sources"].pop()
    assert problem_of(founder.post(path, json=short), 422)["code"] == "source_missing"
    float_share = scheme(shares=[{"payee": OPERATOR, "ppm": 0.25, "channel": "account"}])
    problem_of(founder.post(path, json=float_share), 422)
    problem_of(founder.post(f"{API}/licences/lic_none/schemes", json=scheme()), 404)
    problem_of(founder.post(f"{path}/sha256:none/approval", json={}), 404)


def test_two_people_replace_a_scheme_and_its_parties_read_it(city: City) -> None:
    path = f"{API}/licences/{city.licence}/schemes"
    founder, approver = city.client("founder"), city.client("approver")
    proposed = founder.post(path, json=scheme()).json()
    approval = f"{path}/{proposed['digest']}/approval"
    assert problem_of(founder.post(approval, json={}), 403)["code"] == "applicant_cannot_approve"
    before = founder.get(path).json()
    assert before["in_force"] == before["embedded"]["digest"]
    approved = approver.post(approval, json={})
    assert approved.status_code == 201, approved.text
    again = problem_of(approver.post(approval, json={}), 409)
    assert again["code"] == "scheme_approved"
    known = problem_of(founder.post(path, json=scheme()), 409)
    assert known["code"] == "scheme_version_known"
    for reader in ("founder", "analyst", "buyer", "treasurer", "auditor", "steward"):
        found = city.client(reader).get(path).json()
        assert found["in_force"] == proposed["digest"], reader
        assert [one["scheme"]["version"] for one in found["versions"]] == ["fictional-2"]
    logged = [entry.kind for entry in entries(city, *_KINDS)]
    assert logged == [kind.value for kind in _KINDS]


_KINDS = (EntryKind.SCHEME_PROPOSED, EntryKind.SCHEME_APPROVED)
