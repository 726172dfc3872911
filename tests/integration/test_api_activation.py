"""An activation has all its effects, or none: data must be there, and a crash is made good."""

from pathlib import Path

from authorization.licences import activate_licence
from tests.calling import API, problem_of
from tests.catalogue import SYSTEM, publish_entry
from tests.city import PROVIDER, built_city, opened_city, rows_of
from tests.city_documents import COLLEGES, ROWS_QUESTION, catalogue_entry, licence_json


def test_a_licence_on_a_data_set_without_a_version_is_not_activated(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        steward, founder = city.client("steward"), city.client("founder")
        empty = {**COLLEGES, "name": "empty_set", "entry": "306001/4"}
        publish_entry(city.platform, catalogue_entry(empty, SYSTEM), PROVIDER, city.actor)
        assert steward.post(f"{API}/catalog/datasets", json=empty).status_code == 201
        document = licence_json()
        document["grants"].append({**document["grants"][1], "dataset": "empty_set"})
        drafted = founder.post(f"{API}/licences", json=document).json()["id"]
        path = f"{API}/licences/{drafted}"
        refused = city.client("approver").post(f"{path}/activate")
        assert problem_of(refused, 404)["code"] == "version_unknown"
        assert founder.get(path).json()["state"] == "drafted"


def test_an_activation_that_a_crash_cut_off_is_completed_at_the_next_start(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        licence, platform = city.draft(licence_json()), city.platform
        rules = platform.licence_rules
        approver = city.actor("approver")
        activate_licence(platform.writer, platform.keys, approver, licence, rules)
    for _start in range(2):
        with opened_city(tmp_path, licence=licence) as city:
            assert len(rows_of(city.ask(ROWS_QUESTION))) == 600
            assert len(list((city.home / "extracts").glob("*.parquet"))) == 2
