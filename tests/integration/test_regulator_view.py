"""The regulator's view of a running city: who is refused, what is found, told and alerted."""

import io
import json
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from audit.notes import parse_verifier_key
from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from disclosure.release.desk import ReleaseRequest
from foundation.clock import MICROSECONDS_PER_SECOND, to_iso
from foundation.db import reading
from foundation.errors import SandgateError
from revenue.periods import close_period, open_period
from service.cli import app
from service.regulator.alerting import alerts
from tests.calling import API, entries, problem_of
from tests.city import City, built_city, opened_city, told
from tests.city_documents import COUNT_BY_STATE, HOUSEHOLDS, POPULATION, ROWS_QUESTION
from tests.fakes import TickingClock

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
REFUSED = "SELECT name FROM households"


class Scene:
    """A city in which one question was asked, released, fetched, billed and settled."""

    def __init__(self, city: City, clock: TickingClock) -> None:
        self.city = city
        self.clock = clock
        platform = city.platform
        open_period(platform.writer, city.actor("founder"), "2026-11")
        self.answer = str(told(city.ask(BY_AGE))["answer_id"])
        city.ask(BY_AGE, scope=city.scope("colleague"))
        city.ask(ROWS_QUESTION)
        with suppress(SandgateError):
            city.ask(REFUSED)
        asked = ReleaseRequest(answer_id=self.answer, title_zh="住户表", title_en="Households")
        request = platform.desk.submit(city.actor("analyst"), city.licence, asked)
        self.release = request.id
        body = {"decision": "approve", "sha256": request.sha256, "comment": "read"}
        for checker in ("checker_one", "checker_two"):
            city.client(checker).post(f"{API}/releases/{request.id}/votes", json=body)
        self.fetched = platform.shop.fetch(city.actor("buyer"), city.licence)
        close_period(platform.writer, city.actor("founder"), "2026-11")
        released = entries(city, EntryKind.ANSWER_RELEASED, answer=self.answer)
        self.question = str(released[0].public["question"])

    def get(self, path: str, account: str = "auditor", **terms: str) -> httpx.Response:
        return self.city.client(account).get(f"{API}{path}", params=terms)

    def found(self, **terms: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/regulator/search", **terms).json()["entries"]
        return found

    def export(self, **body: Any) -> dict[str, bytes]:
        client = self.city.client("auditor")
        response = client.post(f"{API}/regulator/exports", json=body)
        assert response.status_code == 200, response.text
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    clock = TickingClock()
    with built_city(tmp_path_factory.mktemp("city"), clock=clock) as city:
        yield Scene(city, clock)


@pytest.mark.parametrize("account", ["analyst", "rival", "founder", "buyer", "checker_one"])
@pytest.mark.parametrize(
    "path", ["search", "columns", "odometer", "alerts", "alert-rules", "timelines/question/x"]
)
def test_only_the_regulator_is_let_in(scene: Scene, account: str, path: str) -> None:
    refused = scene.get(f"/regulator/{path}", account)
    assert problem_of(refused, 403)["code"] == "role_missing"


def test_an_operator_finds_own_entries_and_never_those_of_another(scene: Scene) -> None:
    for account, house in (("analyst", "pearl_operator"), ("rival", "river_operator")):
        for terms in ({}, {"person": "analyst"}, {"organisation": "pearl_operator"}):
            found = scene.get("/log/own", account, **terms).json()
            houses = {entry["content"]["actor"]["organisation"] for entry in found["entries"]}
            assert houses <= {house}
    assert scene.get("/log/own", "analyst", dataset="households").json()["entries"]
    nothing = scene.get("/log/own", "rival", dataset="households").json()
    assert nothing["entries"] == []
    assert nothing["next_before"] is None


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"licenze": "x"}, "search_term_unknown"),
        ({"column": "wages"}, "column_term_invalid"),
        ({"since": "yesterday"}, "time_invalid"),
        ({"until": "99999-01-01"}, "time_invalid"),
        ({"period": "1999-01"}, "period_unknown"),
        ({"person": ""}, "search_term_invalid"),
        ({"limit": "100000"}, "invalid_field"),
        ({"kind": "query:question:guessed"}, "invalid_field"),
    ],
)
def test_a_term_that_is_none_is_refused_and_finds_nothing(
    scene: Scene, terms: dict[str, str], code: str
) -> None:
    assert problem_of(scene.get("/regulator/search", **terms))["code"] == code


@pytest.mark.parametrize(
    "hostile", ["' OR 1=1 --", "%", "_", "*", "analyst' UNION SELECT", '"; DROP TABLE entry', "\\"]
)
def test_a_search_term_is_a_value_and_no_pattern(scene: Scene, hostile: str) -> None:
    size = scene.city.log_size()
    for term in ("person", "licence", "dataset", "release"):
        assert scene.found(**{term: hostile}) == []
    assert scene.city.log_size() > size  # the reading itself is told


def test_search_finds_by_everything_that_an_entry_names(scene: Scene) -> None:
    decided = scene.found(question=scene.question, decision="permitted")
    assert [entry["kind"] for entry in decided] == ["query:question:decided"]
    public, index = decided[0]["content"]["public"], decided[0]["index"]
    named = {
        "licence": scene.city.licence,
        "person": "analyst",
        "organisation": "pearl_operator",
        "dataset": "households",
        "column": "households.age_band",
        "purpose": "industry",
        "session": public["session"],
        "period": "2026-11",
        "population": POPULATION,
        "kind": "query:question:decided",
        "since": decided[0]["time"],
    }
    for name, value in named.items():
        assert index in {one["index"] for one in scene.found(**{name: value}, limit="200")}, name
    assert [entry["index"] for entry in scene.found(**named)] == [index]
    assert scene.found(**{**named, "column": "households.wages"}) == []
    assert scene.found(release=scene.release, decision="answered")
    assert [one["kind"] for one in scene.found(decision="refused", licence=scene.city.licence)][
        -1:
    ] == ["query:question:refused"]


def test_pages_go_on_without_gap_or_double(scene: Scene) -> None:
    whole = [
        entry["index"] for entry in scene.found(limit="200", until=to_iso(scene.clock.now_us()))
    ]
    client, seen, before = scene.city.client("auditor"), [], whole[0] + 1
    while before is not None:
        asked = {"limit": "7", "before": str(before)}
        page = client.get(f"{API}/regulator/search", params=asked).json()
        seen += [entry["index"] for entry in page["entries"]]
        before = page["next_before"]
    assert seen[: len(whole)] == whole
    assert seen == list(range(whole[0], -1, -1))


def test_a_reading_is_an_entry_and_the_same_again_is_counted(scene: Scene) -> None:
    for _ in range(4):
        scene.found(person="buyer")
    scene.clock.advance(61 * MICROSECONDS_PER_SECOND)
    scene.city.platform.oversight.write_counted()
    told_of = entries(scene.city, EntryKind.RECORDS_READ, person="buyer")
    assert [entry.public.get("count", 1) for entry in told_of] == [1, 3]
    assert {entry.content["actor"]["person"] for entry in told_of} == {"auditor"}


def test_the_life_of_a_question_runs_from_decision_to_settlement(scene: Scene) -> None:
    life = scene.get(f"/regulator/timelines/question/{scene.question}").json()
    kinds = [step["kind"] for step in life["steps"]]
    assert kinds == [
        "query:question:decided",
        "query:answer:released",
        "query:answer:repeated",
        "release:request:submitted",
        "release:request:checked",
        "release:request:voted",
        "release:request:voted",
        "release:request:delivered",
        "revenue:product:fetched",
        "revenue:period:closed",
    ]
    decided = life["steps"][0]
    assert "analyst of pearl_operator: A question was permitted" in decided["sentences"]["en"]
    assert "households.age_band" in decided["sentences"]["en"]
    assert "隐私损失" in decided["sentences"]["zh"]
    assert "计费 100.01 元" in life["steps"][8]["sentences"]["zh"]
    assert life["complete"] is True


def test_each_step_of_a_life_carries_a_receipt_that_verifies(scene: Scene, tmp_path: Path) -> None:
    key = scene.get("/log/key").text.strip()
    for step in scene.get(f"/regulator/timelines/release/{scene.release}").json()["steps"]:
        receipt = tmp_path / f"{step['index']}.tlog-proof"
        receipt.write_text(step["receipt"], encoding="utf-8")
        assert verify(["receipt", str(receipt), "--key", key, "--leaf", step["leaf"]]) == 0


def test_the_life_of_a_licence_counts_its_questions(scene: Scene) -> None:
    life = scene.get(f"/regulator/timelines/licence/{scene.city.licence}").json()
    kinds = [step["kind"] for step in life["steps"]]
    assert kinds[0] == "authorization:licence:drafted"
    assert {"authorization:licence:activated", "disclosure:extract:built"} <= set(kinds)
    assert {"revenue:product:fetched", "revenue:period:closed"} <= set(kinds)
    assert "query:question:decided" not in kinds
    assert life["counts"]["permitted"] == {"entries": 2, "exact": True}
    assert life["counts"]["answered"] == {"entries": 3, "exact": True}
    assert life["counts"]["refused"] == {"entries": 1, "exact": True}


def test_a_life_of_nothing_is_not_found(scene: Scene) -> None:
    for subject in ("question", "licence", "release"):
        refused = scene.get(f"/regulator/timelines/{subject}/nothing")
        assert problem_of(refused, 404)["code"] == "no_such_life"


def test_who_touched_a_column_is_told_by_person_and_licence(scene: Scene) -> None:
    touched = scene.get("/regulator/columns", column="households.age_band").json()
    lines = {line["person"]: line for line in touched["touched_by"]}
    assert lines["analyst"]["counts"] == {"permitted": 1, "answered": 1}
    assert lines["analyst"]["releases"] == [scene.release]
    assert lines["colleague"]["counts"] == {"repeated": 1}
    assert touched["complete"] is True
    extracts = scene.get("/regulator/columns", column="colleges.earnings").json()["touched_by"]
    assert {"extracts": 1} in [line["counts"] for line in extracts]
    untouched = scene.get("/regulator/columns", column="households.wages").json()
    assert untouched["touched_by"] == []


def test_the_odometer_draws_and_agrees(scene: Scene) -> None:
    report = scene.get("/regulator/odometer").json()
    (line,) = report["populations"]
    assert report["agrees"] is line["agrees"] is True
    assert line["recomputed_nano_rho"] == line["stored_nano_rho"] > 0
    drawn = scene.get(f"/regulator/odometer/{POPULATION}/picture")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    root = ET.fromstring(drawn.text)
    assert "differs" not in "".join(root.itertext())
    assert problem_of(scene.get("/regulator/odometer/nobody/picture"), 404)


def test_the_odometer_says_when_the_store_differs(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        city.ask(COUNT_BY_STATE)
        client = city.client("auditor")
        assert client.get(f"{API}/regulator/odometer").json()["agrees"] is True
        with city.platform.engine.begin() as connection:
            triggers = (
                "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='budget_node'"
            )
            for (name,) in connection.execute(text(triggers)).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text("UPDATE budget_node SET spent_nano_rho = spent_nano_rho - 1"))
        report = client.get(f"{API}/regulator/odometer").json()
        assert report["agrees"] is False
        assert report["populations"][0]["agrees"] is False
        picture = client.get(f"{API}/regulator/odometer/{POPULATION}/picture").text
        assert "differs from the stored budgets" in picture


def pack_of(files: dict[str, bytes], folder: Path) -> str:
    path = folder / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return str(path)


def test_a_pack_verifies_offline_and_every_changed_file_does_not(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = scene.export(timeline={"subject": "release", "id": scene.release})
    key = scene.get("/log/key").text.strip()
    assert verify(["bundle", pack_of(files, tmp_path), "--key", key]) == 0
    for name, data in files.items():
        changed = {**files, name: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]}
        code = verify(["bundle", pack_of(changed, tmp_path), "--key", key])
        assert code in {1, 2}, name
        missing = {path: held for path, held in files.items() if path != name}
        assert verify(["bundle", pack_of(missing, tmp_path), "--key", key]) in {1, 2}, name
    added = {**files, "data/more.csv": b"x"}
    assert verify(["bundle", pack_of(added, tmp_path), "--key", key]) == 1
    assert verify(["bundle", pack_of(files, tmp_path), "--key", other_key(key)]) == 1
    capsys.readouterr()


def other_key(key: str) -> str:
    from audit.notes import VerifierKey  # noqa: PLC0415

    return VerifierKey(parse_verifier_key(key).name, b"\x01" * 32).text()


def test_an_entry_put_into_a_pack_from_elsewhere_is_refused(scene: Scene, tmp_path: Path) -> None:
    files = scene.export(search={"question": scene.question})
    key = scene.get("/log/key").text.strip()
    one, other = sorted(name for name in files if name.startswith("entries/"))[:2]
    swapped = {**files, one: files[other], other: files[one]}
    assert verify(["bundle", pack_of(swapped, tmp_path), "--key", key]) == 1


def test_a_pack_holds_every_format_its_crate_and_its_own_entry(scene: Scene) -> None:
    files = scene.export(search={"person": "analyst", "period": "2026-11"})
    data = {name for name in files if name.startswith("data/")}
    assert data == {
        "data/entries.jsonl",
        "data/entries.csv",
        "data/entries.parquet",
        "data/ocsf.jsonl",
        "data/cef.log",
        "data/openlineage.jsonl",
    }
    crate = json.loads(files["ro-crate-metadata.json"])
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    graph = {item["@id"]: item for item in crate["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    for part in graph["./"]["hasPart"]:
        assert part["@id"] in files
    for name in ("name", "description", "datePublished", "license"):
        assert graph["./"][name]
    own = json.loads(files["export.json"])
    assert own["kind"] == "audit:view:exported"
    assert own["actor"]["person"] == "auditor"
    manifest = json.loads(files["manifest.json"])
    assert manifest["complete"] is True
    assert own["public"]["entries"] == len(manifest["entries"]) > 0
    assert manifest["asked"] == {"search": {"period": "2026-11", "person": "analyst"}}


@pytest.mark.parametrize("body", [{}, {"formats": []}, {"search": {}, "timeline": {}}])
def test_an_export_of_nothing_named_is_refused(scene: Scene, body: dict[str, Any]) -> None:
    refused = scene.city.client("auditor").post(f"{API}/regulator/exports", json=body)
    assert problem_of(refused)["code"]


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
    assert len(listed["national"]) == 5


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
