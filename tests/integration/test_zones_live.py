"""On a running platform: a zone's data lie apart and end apart; a source's no stops a licence."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.tags import EntryKind
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from catalog.zones.places import zone_home
from foundation.errors import SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR, Role
from tests.calling import API, problem_of
from tests.catalogue import SYSTEM, publish_entry
from tests.city import PROVIDER, City, built_city, rows_of
from tests.city_documents import ROWS_QUESTION, catalogue_entry, column, licence_json

FROZEN_SECONDS_MAX = 60
NAME = {"zh": "企业专区", "en": "Enterprise zone"}
ROWS = {"place": ["520102", "520103", "370202"], "visits": [3, 5, 7]}
QUESTION = "SELECT place, visits FROM {} ORDER BY visits"


def declared(name: str, entry: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "entry": entry,
        "label_zh": "网点",
        "label_en": "Offices",
        "subject": "open",
        "columns": [
            column("place", "text", "L1", "rows", element="DE-DIVISION"),
            column("visits", "integer", "L1", "rows"),
        ],
        **more,
    }


def granting(dataset: str, zone: str = "public") -> dict[str, Any]:
    grant = {"dataset": dataset, "modes": ["rows"], "columns": ["place", "visits"]}
    return {**licence_json(), "grants": [grant], "budgets": [], "zone": zone}


def put(city: City, declaration: dict[str, Any], zone: str = "public") -> None:
    """Catalogue, register and publish one small data set, as a department does."""
    entry = {**catalogue_entry(declaration, SYSTEM), "zone": zone}
    publish_entry(city.platform, entry, PROVIDER, city.actor)
    made = city.client("steward").post(f"{API}/catalog/datasets", json=declaration)
    assert made.status_code == 201, made.text
    path = city.home / "rows.parquet"
    pq.write_table(pa.table(ROWS), path)
    name = declaration["name"]
    city.platform.publisher.publish(city.actor("steward"), name, path, path.name)
    path.unlink()


def asked(city: City, licence: str, dataset: str) -> list[dict[str, Any]]:
    scope = city.scope(licence=licence)
    return rows_of(city.ask(QUESTION.format(dataset), scope=scope))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        tax = Organisation(
            id="tax_bureau", kind=OrganisationKind.PROVIDER, name_zh="税务局", name_en="Tax"
        )
        create_organisation(city.platform.writer, SYSTEM_ACTOR, tax)
        clerk = Person(
            id="tax_clerk",
            name="clerk",
            organisations=("tax_bureau",),
            roles=(Role.PROVIDER,),
            accounts=(Account(name="tax_clerk", organisation="tax_bureau"),),
        )
        create_person(city.platform.writer, SYSTEM_ACTOR, clerk)
        yield city


def test_a_source_that_takes_its_consent_back_stops_the_licence(city: City) -> None:
    put(city, declared("lent", "306009/11", origin={"kind": "shared", "source": "tax_bureau"}))
    founder, tax, steward = (city.client(name) for name in ("founder", "tax_clerk", "steward"))
    document = granting("lent")
    early = problem_of(founder.post(f"{API}/licences", json=document), 422)
    assert early["code"] == "source_consent_missing"
    path = f"{API}/resources/lent/consents"
    given = {"reference": "同意函〔2026〕1号", "scope": "统计用途"}
    stranger = problem_of(steward.post(path, json=given), 403)
    assert stranger["code"] == "consent_of_source_only"
    assert founder.get(f"{API}/resources/lent").json()["awaits_consent"]
    over = {"reason": "purpose ended"}
    nothing = problem_of(tax.post(f"{path}/withdrawal", json=over), 409)
    assert nothing["code"] == "consent_state"
    assert tax.post(path, json=given).status_code == 201
    assert problem_of(tax.post(path, json=given), 409)["code"] == "consent_state"
    licence = city.grant(document)
    assert [row["visits"] for row in asked(city, licence, "lent")] == [3, 5, 7]
    began = time.monotonic()
    taken = tax.post(f"{path}/withdrawal", json=over).json()
    with pytest.raises(SandgateError) as caught:
        asked(city, licence, "lent")
    assert time.monotonic() - began < FROZEN_SECONDS_MAX
    assert caught.value.code in {"licence_not_in_force", "source_consent_missing"}
    assert taken["licences_suspended"] == 1
    assert founder.get(f"{API}/licences/{licence}").json()["state"] == "suspended"
    suspended = city.entries(EntryKind.LICENCE_SUSPENDED)[-1]
    assert suspended.public["ordered_by"] == SYSTEM_ACTOR.person
    shown = tax.get(f"{API}/resources/lent").json()
    assert [item["state"] for item in shown["consents"]] == ["granted", "withdrawn"]
    assert "consents" not in city.client("analyst").get(f"{API}/resources/lent").json()


def test_a_licence_resumed_without_the_consent_still_answers_nothing(city: City) -> None:
    licence = str(city.entries(EntryKind.LICENCE_SUSPENDED)[-1].public["licence"])
    resumed = city.client("founder").post(
        f"{API}/licences/{licence}/resume", json={"reason": "too early"}
    )
    assert resumed.status_code == 200, resumed.text
    with pytest.raises(SandgateError) as caught:
        asked(city, licence, "lent")
    assert caught.value.code == "source_consent_missing"
    assert city.platform.revocation.suspend_without_consent() == [licence]


def test_a_zone_lies_apart_and_ends_apart(city: City) -> None:
    founder = city.client("founder")
    order = {"id": "river-zone", "kind": "enterprise", "name": NAME, "grade_max": "L3"}
    opened = founder.post(f"{API}/zones", json={**order, "keeper": PROVIDER})
    assert opened.status_code == 201, opened.text
    again = founder.post(f"{API}/zones", json={**order, "keeper": PROVIDER})
    assert problem_of(again, 409)["code"] == "zone_exists"
    early = city.client("approver").post(f"{API}/zones/river-zone/destruction")
    assert problem_of(early, 409)["code"] == "zone_state"
    put(city, declared("zoned", "306009/12"), "river-zone")
    home = zone_home(city.home, "river-zone")
    assert home.stat().st_mode & 0o777 == 0o700
    assert len(list((home / "versions").iterdir())) == 1
    wrong = problem_of(founder.post(f"{API}/licences", json=granting("zoned")), 422)
    assert wrong["code"] == "dataset_of_another_zone"
    licence = city.grant(granting("zoned", "river-zone"))
    assert len(asked(city, licence, "zoned")) == 3
    (extract,) = (home / "extracts").glob("*.parquet")
    key = str(city.entries(EntryKind.EXTRACT_BUILT)[-1].public["key_name"])
    assert key == f"extract-zone.river-zone.{extract.stem}"
    public_key = str(city.entries(EntryKind.EXTRACT_BUILT)[0].public["key_name"])
    held = city.platform.keys.data_key(public_key)
    _end(city, home, licence, key)
    assert city.platform.keys.data_key(public_key) == held
    assert len(rows_of(city.ask(ROWS_QUESTION))) == 600


def _end(city: City, home: Path, licence: str, key: str) -> None:
    founder, approver = city.client("founder"), city.client("approver")
    path = f"{API}/zones/river-zone"
    over = {"reason": "over"}
    assert founder.post(f"{path}/closure", json=over).status_code == 201
    assert problem_of(founder.post(f"{path}/closure", json=over), 409)["code"] == "zone_state"
    rows = f"{API}/catalog/datasets/zoned/versions?file_name=rows.csv"
    late = city.client("steward").post(rows, content=b"place,visits\n520102,1\n")
    assert problem_of(late, 409)["code"] == "zone_state"
    with pytest.raises(SandgateError) as caught:
        asked(city, licence, "zoned")
    assert caught.value.code == "denied_by_zone"
    same = problem_of(founder.post(f"{path}/destruction"), 403)
    assert same["code"] == "applicant_cannot_approve"
    standing = problem_of(approver.post(f"{path}/destruction"), 409)
    assert standing["code"] == "zone_has_licences"
    city.platform.revocation.end(city.actor("founder"), licence, "zone over")
    ended = approver.post(f"{path}/destruction").json()
    assert ended["state"] == "destroyed"
    assert ended["receipt"].startswith("c2sp.org/tlog-proof")
    assert not home.exists()
    assert problem_of(approver.post(f"{path}/destruction"), 409)["code"] == "zone_state"
    assert problem_of(founder.post(f"{path}/closure", json=over), 409)["code"] == "zone_state"
    with pytest.raises(Unavailable):
        city.platform.keys.ensure_data_key(key)
    names = {item.name: item.state for item in city.platform.keys.inventory()}
    assert names["zone.river-zone"] == "destroyed"
