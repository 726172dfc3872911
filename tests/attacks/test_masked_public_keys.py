"""A public key that the licence itself masks is unique no more: protected rows never join to it.

Onboarding proves a key of the stored rows. A mask of the grant can let two rows of the extract
meet; each protected row would then count as often, beyond the bound that its plan claims.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from disclosure.granted import granted_datasets
from foundation.db import reading
from foundation.errors import SandgateError
from tests.city import City, built_city
from tests.city_wide import wide_licence, wide_plan
from tests.parts import need_namespaces

pytestmark = need_namespaces
JOIN = "SELECT COUNT(*) AS n FROM residents r JOIN zones z ON r.zone = z.code"
BY_AREA = f"{JOIN.replace('COUNT', 'z.area AS area, COUNT')} GROUP BY area"
ALL_ALIKE = {"kind": "region", "hierarchy": [[f"Z{n}", "Z0"] for n in range(10)]}
RESIDENTS = 60


def masking(column: str, mask: dict[str, Any]) -> dict[str, Any]:
    """Return a licence that masks a column of the zones, with a small budget."""
    document = wide_licence()
    document["grants"][-1]["masks"] = [{"column": column, "mask": mask}]
    for budget in document["budgets"]:
        budget.update(budget_nano_rho=10_000_000, question_nano_rho_max=10_000_000)
        budget.update(budget_delta_steps=0)
    return document


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    plan = replace(wide_plan(RESIDENTS), licence=masking("area", {"kind": "none"}))
    with built_city(tmp_path_factory.mktemp("masked"), plan) as built:
        yield built


def refusal(city: City, sql: str, licence: str) -> SandgateError:
    with pytest.raises(SandgateError) as refused:
        city.platform.pipeline.estimate(city.scope(licence=licence), sql, None)
    return refused.value


@pytest.mark.parametrize(
    "mask", [ALL_ALIKE, {"kind": "partial", "keep_first": 1}, {"kind": "redact"}]
)
def test_no_join_to_a_key_that_the_licence_masks(city: City, mask: dict[str, Any]) -> None:
    licence = city.grant(masking("code", mask))
    for sql in (JOIN, BY_AREA):
        refused = refusal(city, sql, licence)
        assert refused.code in {"join_not_unique", "not_granted"}, refused.code


def test_a_masked_column_beside_the_key_is_left_out_and_the_key_still_joins(city: City) -> None:
    licence = city.grant(masking("area", {"kind": "redact"}))
    told = city.platform.pipeline.estimate(city.scope(licence=licence), JOIN, None)
    assert told["mode"] == "aggregate"
    refusal(city, BY_AREA, licence)


def test_what_an_extract_shows_unmasked_is_told_by_its_own_plan(city: City) -> None:
    licence = city.grant(masking("hectares", {"kind": "generalise", "step": 50}))
    compiled = city.platform.enforcer.snapshot.licences[licence]
    with reading(city.platform.engine) as connection:
        zones = granted_datasets(connection, compiled)["zones"]
    table = zones.public_table()
    assert table is not None
    assert table.columns == frozenset({"code", "area"})
    assert table.unique == frozenset({"code"})


def test_a_description_names_the_licences_own_mask_and_tells_no_range_behind_it(
    city: City,
) -> None:
    licence = city.grant(masking("hectares", {"kind": "generalise", "step": 50}))
    listed = city.platform.pipeline.datasets(city.scope(licence=licence))
    zones = next(item for item in listed if item["name"] == "zones")
    assert isinstance(zones["columns"], list)
    found = {column["name"]: column for column in zones["columns"]}
    assert (found["hectares"]["mask"], found["area"]["mask"]) == ("generalise", "none")
    assert not {"lower", "upper", "public_values"} & found["hectares"].keys()
    assert "public_values" in found["area"]
