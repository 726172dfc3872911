"""Alerts on a running city: rules, what raises them, who looks; and the regulator's commands."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.grammar import grammar
from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from foundation.clock import MICROSECONDS_PER_SECOND, to_iso
from foundation.db import reading
from foundation.errors import SandgateError
from sandbox.egress import EgressAccount
from service.cli import app
from service.regulator.alert_rules import RuleDraft, save_rule
from service.regulator.alerting import alerts
from service.upkeep import Upkeep
from tests.calling import API, entries, problem_of
from tests.city import City, built_city, opened_city
from tests.city_documents import HOUSEHOLDS, POPULATION
from tests.fakes import TickingClock
from tests.oversight import REFUSED, Scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield Scene(city, clock)


def rule_body(**changes: Any) -> dict[str, Any]:
    return {
        "name": "two refusals",
        "check": "refused_bursts",
        "threshold": {"minimum": 2, "window_seconds": 600},
        "about": {"person": "colleague"},
        **changes,
    }


def refuse(city: City, times: int, account: str = "colleague") -> None:
    for _ in range(times):
        with pytest.raises(SandgateError):
            city.ask(REFUSED, scope=city.scope(account))


def test_own_rules_are_saved_adjusted_switched_off_and_never_change_their_check(
    scene: Scene,
) -> None:
    client, city = scene.city.client("auditor"), scene.city
    evaluate = city.platform.oversight.alerting.evaluate
    address = f"{API}/regulator/alert-rules"
    assert problem_of(client.post(f"{address}/alr_x", json=rule_body()), 404)
    for wrong in ({"check": "guess"}, {"threshold": {"minimum": 0, "window_seconds": 60}}):
        assert problem_of(client.post(address, json=rule_body(**wrong)), 422)
    assert problem_of(client.post(address, json=rule_body(about={"mood": "x"})), 422)
    evaluate()
    saved = client.post(address, json=rule_body()).json()
    refuse(city, 1)
    assert evaluate() == 0
    refuse(city, 1)
    assert evaluate() == 1
    changed = client.post(f"{address}/{saved['id']}", json=rule_body(check="odd_hours"))
    assert problem_of(changed, 409)["code"] == "alert_rule_check_fixed"
    off = client.post(f"{address}/{saved['id']}", json=rule_body(enabled=False)).json()
    assert (off["revision"], off["enabled"]) == (2, False)
    refuse(city, 3)
    assert evaluate() == 0
    listed = client.get(address).json()
    assert [rule["id"] for rule in listed["own"]] == [saved["id"]]
    assert len(listed["national"]) == 6


def test_an_alert_names_its_entries_is_acknowledged_once_and_tells_how_far_was_read(
    scene: Scene,
) -> None:
    client, alerting = scene.city.client("auditor"), scene.city.platform.oversight.alerting
    alerting.evaluate()
    found = client.get(f"{API}/regulator/alerts").json()
    assert found["checked"]["unchecked"] == 0
    (alert,) = (one for one in found["alerts"] if one["rule"].startswith("alr_"))
    assert alert["about"]["person"] == "colleague"
    assert len(alert["evidence"]) == alert["figure"] == 2
    raised = entries(scene.city, EntryKind.ALERT_RAISED, alert=alert["id"])
    assert raised[0].public["evidence"] == alert["evidence"]
    address = f"{API}/regulator/alerts/{alert['id']}/acknowledgement"
    analyst = scene.city.client("analyst")
    assert problem_of(analyst.post(address, json={"note": "mine"}), 403)
    assert problem_of(client.post(address, json={"note": ""}), 422)
    assert client.post(address, json={"note": "spoke to them"}).status_code == 201
    again = client.post(address, json={"note": "again"})
    assert problem_of(again, 409)["code"] == "alert_acknowledged"
    unknown = client.post(f"{API}/regulator/alerts/alt_x/acknowledgement", json={"note": "n"})
    assert problem_of(unknown, 404)
    left = client.get(f"{API}/regulator/alerts", params={"state": "open"}).json()["alerts"]
    assert alert["id"] not in [one["id"] for one in left]
    scene.found(person="buyer", since=to_iso(0))
    behind = client.get(f"{API}/regulator/alerts").json()["checked"]
    assert behind["unchecked"] > 0


def test_upkeep_raises_alerts_without_anyone_asking(tmp_path: Path) -> None:
    with built_city(tmp_path, clock=TickingClock()) as city:  # in working hours
        refuse(city, 20, "analyst")
        Upkeep(city.platform).run_once()
        (raised,) = entries(city, EntryKind.ALERT_RAISED)
        assert raised.public["person"] == "analyst"
        assert raised.public["alert_rule"] == "national/refused_bursts"
        assert raised.public["policy_digest"] == city.platform.pack.digest
        assert len(raised.public["evidence"]) <= raised.public["figure"] == 20


def test_a_spent_screen_budget_raises_an_alert(tmp_path: Path) -> None:
    with built_city(tmp_path, clock=TickingClock()) as city:
        account = EgressAccount("analyst", city.licence)
        city.platform.doors.egress.tell_spent(account, "ses_1")
        assert city.platform.oversight.alerting.evaluate() == 1
        (raised,) = entries(city, EntryKind.ALERT_RAISED)
        assert raised.public["person"] == "analyst"
        assert raised.public["alert_rule"] == "national/screen_spent"
        found = city.client("auditor").get(f"{API}/regulator/alerts").json()
        assert found["alerts"][0]["check"] == "screen_spent"


def test_alerts_are_raised_once_whatever_stops_and_silence_is_told(tmp_path: Path) -> None:
    clock = TickingClock()
    with built_city(tmp_path, clock=clock) as city:
        licence = city.licence
        refuse(city, 20, "analyst")
        alerting = city.platform.oversight.alerting
        assert alerting.evaluate() == 1
        assert alerting.evaluate() == 0
        refuse(city, 19, "analyst")
    with opened_city(tmp_path, clock=clock, licence=licence) as city:
        told_of = entries(city, EntryKind.ALERTS_EVALUATED)
        assert told_of[-1].public["read_end"] <= told_of[-1].index
        alerting = city.platform.oversight.alerting
        assert alerting.evaluate() == 0
        refuse(city, 1, "analyst")
        assert alerting.evaluate() == 1
        with reading(city.platform.engine) as connection:
            raised = alerts(connection)
        assert len(raised) == len(entries(city, EntryKind.ALERT_RAISED)) == 2
        clock.advance(3_601 * MICROSECONDS_PER_SECOND)
        size = len(entries(city, EntryKind.ALERTS_EVALUATED))
        refuse(city, 1, "analyst")
        alerting.evaluate()
        alerting.evaluate()
        assert len(entries(city, EntryKind.ALERTS_EVALUATED)) == size + 1
        clock.advance(3_601 * MICROSECONDS_PER_SECOND)
        alerting.evaluate()  # nothing but its own entry was read since: it stays silent
        assert len(entries(city, EntryKind.ALERTS_EVALUATED)) == size + 1


@pytest.mark.parametrize(
    "kind",
    [
        EntryKind.RECORDS_READ,
        EntryKind.VIEW_EXPORTED,
        EntryKind.ALERT_RULE_SAVED,
        EntryKind.ALERT_RAISED,
        EntryKind.ALERT_ACKNOWLEDGED,
        EntryKind.ALERTS_EVALUATED,
    ],
)
def test_what_oversight_writes_is_of_its_grammar(scene: Scene, kind: EntryKind) -> None:
    scene.export(search={"question": scene.question})
    scene.found(question=scene.question)
    scene.city.platform.oversight.alerting.evaluate()
    scene.city.platform.oversight.alerting.tell()
    written = entries(scene.city, kind)
    assert written
    for entry in written:
        content = entry.content
        assert grammar()[kind].departure(content["public"], content["private"]) is None


def commanded(city: City, *arguments: str, account: str = "auditor") -> tuple[int, str]:
    base = city.client().base_url
    common = ["--token", city.token(account), "--url", f"http://{base.host}:{base.port}"]
    done = CliRunner().invoke(app, ["audit", *arguments, *common])
    return done.exit_code, done.output


def test_the_commands_refuse_an_operator(scene: Scene) -> None:
    for arguments in (("search",), ("odometer",), ("alerts",), ("columns", "a.b")):
        code, said = commanded(scene.city, *arguments, account="analyst")
        assert (code, "role_missing" in said) == (1, True)
    code, said = commanded(scene.city, "search", "--where", "person")
    assert (code, "NAME=VALUE" in said) == (2, True)


def test_an_official_reads_the_commands_in_both_languages(scene: Scene, tmp_path: Path) -> None:
    city = scene.city
    code, said = commanded(
        city, "search", "--where", "person=buyer", "--where", "decision=answered"
    )
    assert code == 0
    assert "harbour_buyer的buyer：产品已被调用" in said
    assert "共 1 条，已检索全部范围。" in said
    code, said = commanded(city, "timeline", "question", scene.question, "--language", "en")
    assert "An answer was given" in said
    code, said = commanded(city, "columns", "households.age_band", "--language", "en")
    assert [line.split()[0] for line in said.splitlines()][:1] == ["person"]
    assert "answered=1 permitted=1" in said
    code, said = commanded(city, "odometer")
    assert (code, "日志重算与存储一致。" in said) == (0, True)
    code, said = commanded(city, "alerts", "--state", "all", "--language", "en")
    assert "Checked up to" in said
    code, said = commanded(city, "alerts", "--json")
    assert json.loads(said)["checked"]["log_size"] == city.log_size()
    pack = tmp_path / "pack.zip"
    key = scene.get("/log/key").text.strip()
    where = ("--timeline", f"release/{scene.release}", "--format", "csv")
    assert commanded(city, "export", "--out", str(pack), *where)[0] == 0
    assert verify(["bundle", str(pack), "--key", key]) == 0
    picture = tmp_path / "loss.svg"
    drawn = commanded(city, "odometer", "--picture", POPULATION, "--out", str(picture))
    assert drawn[0] == 0
    ET.fromstring(picture.read_text(encoding="utf-8"))
    assert HOUSEHOLDS["population"] == POPULATION


def test_there_are_so_many_own_rules(scene: Scene) -> None:
    city, client = scene.city, scene.city.client("auditor")
    rules, address = city.platform.oversight.rules, f"{API}/regulator/alert-rules"
    draft = RuleDraft.model_validate(rule_body(enabled=False))
    for _ in range(rules.own_rules_max - len(client.get(address).json()["own"])):
        save_rule(city.platform.writer, city.actor("auditor"), draft, rules)
    full = problem_of(client.post(address, json=rule_body()), 409)
    assert full["code"] == "alert_rules_too_many"
