"""Requests of several files through a whole life: returned, revised, excepted, copied, recalled."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from audit.tags import EntryKind
from authorization.organisations import Account, Person, create_person
from disclosure.release.answer_files import AnswerFiles
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.certificate import CONTEXT, COPY_CONTEXT, RECALL_CONTEXT
from disclosure.release.desk import ReleaseDesk
from disclosure.release.files import FileDraft, Sources
from disclosure.release.requests import Request
from foundation.canonical import canonical_bytes
from foundation.errors import InvalidInput
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.keys import signature_holds
from policies.schema.disclosure import AutomaticRules
from service.cli import app
from service.cli_release import told_of
from tests.calling import API, entries, in_session, opened, problem_of
from tests.city import City, Plan, built_city, licence_json, told
from tests.city_documents import OPERATOR, REVIEW

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
BY_STATE = "SELECT state, COUNT(DISTINCT unit) AS households FROM households GROUP BY state"
LONG = "a" * 41  # one character over what the rules let a column be called


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        for name in ("officer_one", "officer_voter"):
            roles = (Role.RELEASE_OFFICER, Role.CHECKER)[: 2 if name == "officer_voter" else 1]
            account = Account(name=name, organisation=REVIEW)
            person = Person(
                id=name, name=name, organisations=(REVIEW,), roles=roles, accounts=(account,)
            )
            create_person(city.platform.writer, SYSTEM_ACTOR, person)
        yield city


@pytest.fixture(scope="module")
def by_age(city: City) -> str:
    return str(told(city.ask(BY_AGE))["answer_id"])


@pytest.fixture(scope="module")
def by_state(city: City) -> str:
    return str(told(city.ask(BY_STATE))["answer_id"])


def of_answer(name: str, answer: str) -> FileDraft:
    return FileDraft(name=name, source="answer", reference=answer)


def drafted(city: City, *files: FileDraft, title: str = "Households") -> Request:
    asked = ReleaseDraft(title_zh="住户", title_en=title, context="for the yearbook", files=files)
    return city.platform.desk.draft(city.actor("analyst"), city.licence, asked)


def submitted(city: City, *files: FileDraft, title: str = "Households") -> Request:
    request = drafted(city, *files, title=title)
    return city.platform.desk.submit_draft(city.actor("analyst"), request.id)


def vote(city: City, request: Request, account: str, decision: str = "approve") -> httpx.Response:
    body = {"decision": decision, "sha256": request.sha256, "comment": f"{account} read it"}
    return city.client(account).post(f"{API}/releases/{request.id}/votes", json=body)


def delivered(city: City, *files: FileDraft) -> Request:
    request = submitted(city, *files)
    vote(city, request, "checker_one")
    assert vote(city, request, "checker_two").json()["state"] == "delivered"
    return request


def shown(city: City, request: Request, account: str = "analyst") -> dict[str, Any]:
    found: dict[str, Any] = city.client(account).get(f"{API}/releases/{request.id}").json()
    return found


def is_signed(certificate: dict[str, Any], context: bytes) -> bool:
    key, signature = (bytes.fromhex(certificate[name]) for name in ("public_key", "signature"))
    return signature_holds(key, signature, context + canonical_bytes(certificate["document"]))


def test_several_files_leave_under_one_certificate(city: City, by_age: str, by_state: str) -> None:
    files = (of_answer("by-age.csv", by_age), of_answer("by-state.parquet", by_state))
    request = delivered(city, *files)
    certificate = city.client("analyst").get(f"{API}/releases/{request.id}/certificate").json()
    document = certificate["document"]
    assert is_signed(certificate, CONTEXT)
    assert [item["name"] for item in document["files"]] == ["by-age.csv", "by-state.parquet"]
    assert [item["sha256"] for item in document["files"]] == [f.sha256 for f in request.files]
    assert {item["sha256"] for item in document["votes"]} == {request.sha256}
    assert document["thresholds"]["contributors_min"] >= 10
    assert all(item["passed"] for item in document["checks"])


def test_each_file_is_previewed_by_its_name(city: City, by_age: str, by_state: str) -> None:
    request = submitted(city, of_answer("one.csv", by_age), of_answer("two.parquet", by_state))
    checker, path = city.client("checker_one"), f"{API}/releases/{request.id}/preview"
    assert problem_of(checker.get(path), 404)["code"] == "file_unknown"
    table = pq.read_table(io.BytesIO(checker.get(path, params={"name": "two.parquet"}).content))
    assert table.column("state").to_pylist() == sorted(table.column("state").to_pylist())
    assert table.schema.metadata is None
    assert checker.get(path, params={"name": "one.csv"}).content.startswith(b"age_band")


def test_what_was_returned_is_revised_and_voted_on_anew(
    city: City, by_age: str, by_state: str
) -> None:
    request = submitted(city, of_answer("a.csv", by_age), of_answer("b.csv", by_state))
    vote(city, request, "checker_one")
    assert vote(city, request, "checker_two", "return").json()["state"] == "returned"
    analyst = city.client("analyst")
    assert analyst.post(f"{API}/releases/{request.id}/revise").json()["revision"] == 2
    desk, actor = city.platform.desk, city.actor("analyst")
    desk.drafts.remove_file(actor, request.id, "b.csv")
    second = desk.submit_draft(actor, request.id)
    assert (second.state.value, second.sha256 != request.sha256) == ("checked", True)
    assert problem_of(vote(city, request, "checker_one"), 409)["code"] == "release_bytes_differ"
    assert vote(city, second, "checker_one").json()["state"] == "checked"  # the old yes is gone
    assert vote(city, second, "checker_two").json()["state"] == "delivered"
    votes = shown(city, request)["votes"]
    assert [(item["revision"], item["decision"]) for item in votes] == [
        (1, "approve"), (1, "return"), (2, "approve"), (2, "approve"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ("approve", "approve", "delivered"),
        ("refuse", "refuse", "refused"),
        ("approve", "refuse", "returned"),
        ("refuse", "approve", "returned"),
        ("return", "refuse", "returned"),
        ("approve", "return", "returned"),
    ],
)
def test_how_two_votes_are_counted(city: City, first: str, second: str, state: str) -> None:
    question = BY_AGE.replace("AS households", f"AS {first}_{second}")
    request = submitted(city, of_answer("a.csv", str(told(city.ask(question))["answer_id"])))
    assert vote(city, request, "checker_one", first).json()["state"] == "checked"
    assert vote(city, request, "checker_two", second).json()["state"] == state


def test_only_the_author_changes_or_submits(city: City, by_age: str) -> None:
    request = drafted(city, of_answer("a.csv", by_age))
    desk, other = city.platform.desk, replace(city.actor("analyst"), person="colleague")
    moves: tuple[Callable[[], object], ...] = (
        lambda: desk.submit_draft(other, request.id),
        lambda: desk.drafts.withdraw(other, request.id, "mine now"),
        lambda: desk.drafts.remove_file(other, request.id, "a.csv"),
        lambda: desk.drafts.put_file(other, request.id, of_answer("b.csv", by_age)),
    )
    for move in moves:
        with pytest.raises(Exception, match="not_the_author"):
            move()
    assert problem_of(city.client("checker_one").get(f"{API}/releases/{request.id}"), 404)


def test_a_source_that_is_not_here_is_refused_plainly() -> None:
    with pytest.raises(InvalidInput, match="file_source_not_here") as refused:
        Sources([AnswerFiles()]).check_here(FileDraft(name="map.png", source="figure"))
    assert refused.value.way_out is not None


def test_a_withdrawn_request_shows_no_vote(city: City, by_age: str) -> None:
    request = submitted(city, of_answer("a.csv", by_age))
    vote(city, request, "checker_one", "refuse")
    body = {"reason": "a better one comes"}
    withdrawn = city.client("analyst").post(f"{API}/releases/{request.id}/withdraw", json=body)
    assert (withdrawn.json()["state"], withdrawn.json()["votes"]) == ("withdrawn", [])
    assert problem_of(vote(city, request, "checker_two"), 409)["code"] == "release_state"


def excepting(city: City, request: Request, account: str, **changes: str) -> httpx.Response:
    body = {"check": "header_length", "file": "a.csv", "reason": "agreed in writing", **changes}
    return city.client(account).post(f"{API}/releases/{request.id}/exceptions", json=body)


def test_an_officer_lets_a_failed_check_pass_and_the_certificate_says_so(city: City) -> None:
    question = BY_AGE.replace("AS households", f"AS {LONG}")
    request = submitted(city, of_answer("a.csv", str(told(city.ask(question))["answer_id"])))
    assert request.state.value == "returned"
    assert problem_of(excepting(city, request, "checker_one"), 403)["code"] == "role_missing"
    wrong = excepting(city, request, "officer_one", check="size")
    assert problem_of(wrong, 409)["code"] == "check_did_not_fail"
    done = excepting(city, request, "officer_voter").json()
    assert (done["state"], done["exceptions"][0]["person"]) == ("checked", "officer_voter")
    own = vote(city, request, "officer_voter")
    assert problem_of(own, 403)["code"] == "officer_cannot_vote"
    vote(city, request, "checker_one")
    assert vote(city, request, "checker_two").json()["state"] == "delivered"
    certificate = city.client("analyst").get(f"{API}/releases/{request.id}/certificate").json()
    excepted = certificate["document"]["exceptions"][0]
    assert (excepted["check"], excepted["reason"]) == ("header_length", "agreed in writing")
    logged = entries(city, EntryKind.RELEASE_EXCEPTED)[-1]
    assert opened(city, logged)["reason"] == "agreed in writing"
    assert "agreed" not in logged.body.decode()


def test_some_checks_are_never_excepted(city: City) -> None:
    question = "SELECT age_band, SUM(wages) AS wages FROM households GROUP BY age_band"
    request = submitted(city, of_answer("a.csv", str(told(city.ask(question))["answer_id"])))
    assert request.state.value == "refused"
    refused = excepting(city, request, "officer_one", check="contributors_min")
    assert problem_of(refused, 409)["code"] == "release_state"


def copy_of(city: City, request: Request, account: str = "analyst") -> dict[str, bytes]:
    answer = city.client(account).post(f"{API}/releases/{request.id}/copies")
    assert answer.status_code == 201, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def traced(city: City, path: Path, content: bytes, account: str = "founder") -> list[Any]:
    path.write_bytes(content)
    client = city.client(account)
    answer = client.post(f"{API}/release-desk/traces", json=told_of(path))
    assert answer.status_code == 201, answer.text
    return list(answer.json()["origins"])


def wide(city: City) -> str:
    """Return an answer with enough texts for its marks to name somebody."""
    question = (
        "SELECT age_band, state, COUNT(DISTINCT unit) AS households FROM households "
        "GROUP BY age_band, state"
    )
    return str(told(city.ask(question))["answer_id"])


def test_each_copy_has_its_own_bytes_and_certificate_and_the_same_values(
    city: City,
) -> None:
    answer = wide(city)
    request = delivered(city, of_answer("a.csv", answer), of_answer("b.parquet", answer))
    one, two = copy_of(city, request), copy_of(city, request)
    assert one["a.csv"] != two["a.csv"]
    assert one["b.parquet"] != two["b.parquet"]
    assert one["a.csv"].replace(b'"', b"") == two["a.csv"].replace(b'"', b"")
    tables = [pq.read_table(io.BytesIO(copy["b.parquet"])) for copy in (one, two)]
    assert tables[0].equals(tables[1])
    certificate = json.loads(one["certificate.copy.json"])
    assert is_signed(certificate, COPY_CONTEXT)
    assert certificate["document"]["recipient"] == {"organisation": OPERATOR, "person": "analyst"}


def test_a_copy_is_traced_by_bytes_by_marks_and_else_to_the_release(
    city: City, tmp_path: Path, by_state: str
) -> None:
    answer = wide(city)
    request = delivered(city, of_answer("a.csv", answer), of_answer("b.parquet", answer))
    copies = [copy_of(city, request) for _ in range(2)]
    names = [json.loads(copy["certificate.copy.json"])["document"]["copy"] for copy in copies]
    stray = tmp_path / "stray"
    for copy, name in zip(copies, names, strict=True):
        by_bytes, *_ = traced(city, stray, copy["a.csv"])
        assert (by_bytes["copy"], by_bytes["release"]) == (name, request.id)
        assert by_bytes["recipient"] == {"organisation": OPERATOR, "person": "analyst"}
        (by_name,) = traced(city, stray, b"junk" + copy["b.parquet"] + b"junk")
        assert by_name["copy"] == name
    bare = copies[0]["a.csv"].replace(b'"', b"")
    origins = traced(city, stray, bare.replace(b"\n", b"\r\n"))
    assert request.id in {item["release"] for item in origins}
    assert {item["recipient"] for item in origins} == {None}
    few = [delivered(city, of_answer("few.csv", by_state)) for _ in range(2)]
    alike = {one["release"] for one in traced(city, stray, copy_of(city, few[0])["few.csv"])}
    assert alike >= {one.id for one in few}  # so few marks may be equal by chance
    assert traced(city, stray, b"a,b\n1,2\n") == []
    logged = entries(city, EntryKind.RELEASE_TRACED)
    assert logged[-1].public["found"] == "nothing"


def test_a_recall_names_everyone_and_stops_everything(city: City, by_age: str) -> None:
    request = delivered(city, of_answer("a.csv", by_age))
    later = submitted(city, of_answer("later.csv", by_age))
    copy_of(city, request)
    founder = city.client("founder")
    recall = founder.post(
        f"{API}/releases/{request.id}/recall", json={"reason": "a source withdrew"}
    ).json()
    assert recall["state"] == "recalled"
    assert [item["organisation"] for item in recall["recipients"]] == [OPERATOR]
    assert later.id in {item["release"] for item in recall["dependent_products"]}
    analyst = city.client("analyst")
    for answer in (
        analyst.post(f"{API}/releases/{request.id}/copies"),
        analyst.get(f"{API}/releases/{request.id}/certificate"),
    ):
        assert problem_of(answer, 409)["code"] == "release_recalled"
    recalls = analyst.get(f"{API}/release-desk/recalls").json()["recalls"]
    assert is_signed(recalls, RECALL_CONTEXT)
    assert recalls["document"]["recalls"][-1]["release"] == request.id
    notices = analyst.get(f"{API}/release-desk/notices").json()["notices"]
    assert request.id in {item["release"] for item in notices}
    again = founder.post(f"{API}/releases/{request.id}/recall", json={"reason": "again"})
    assert problem_of(again, 409)["code"] == "release_state"


def test_a_result_refused_too_often_is_not_taken_again(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        answer = str(told(city.ask(BY_AGE))["answer_id"])
        most = city.platform.pack.rules(type(city.platform.desk.rules)).decided_against_max
        for number in range(most):
            request = submitted(city, of_answer(f"try-{number}.csv", answer))
            for checker in ("checker_one", "checker_two"):
                vote(city, request, checker, "refuse")
        with in_session(city) as gateway:
            body = {"answer_id": answer, "title_zh": "题", "title_en": "Title"}
            refused = problem_of(gateway.call("POST", "/v1/releases", json=body), 409)
        assert refused["code"] == "release_asked_too_often"
        metrics = city.client("auditor").get(f"{API}/release-desk/metrics").json()
        assert metrics["decisions"] == {"refuse": 2 * most}
        assert metrics["states"]["refused"] == most
        assert metrics["turnaround"]["count"] == most


def test_a_licences_own_terms_are_stricter_and_never_looser(tmp_path: Path) -> None:
    document = licence_json()
    document["release"] = {"contributors_min": 1, "file_formats": ["parquet"], "files_max": 1}
    with built_city(tmp_path, replace(Plan(), licence=document)) as city:
        answer = str(told(city.ask(BY_AGE))["answer_id"])
        csv = submitted(city, of_answer("a.csv", answer))
        failed = [item["check"] for item in csv.checks if not item["passed"]]
        assert (csv.state.value, failed) == ("refused", ["file_name"])
        with pytest.raises(InvalidInput, match="too_many_files"):
            submitted(city, of_answer("a.parquet", answer), of_answer("b.parquet", answer))
        request = delivered(city, of_answer("a.parquet", answer))
        certificate = city.client("analyst").get(f"{API}/releases/{request.id}/certificate")
        thresholds = certificate.json()["document"]["thresholds"]
        assert thresholds["contributors_min"] >= 10


def test_low_risk_results_leave_unseen_only_where_rule_and_licence_say_so(tmp_path: Path) -> None:
    document = licence_json()
    document["release"] = {"automatic": True}
    with built_city(tmp_path, replace(Plan(), licence=document)) as city:
        answer = str(told(city.ask(BY_AGE))["answer_id"])
        assert submitted(city, of_answer("a.csv", answer)).state.value == "checked"  # off by rule
        parts = city.platform.desk.parts
        every = AutomaticRules(enabled=True, grades=("L1", "L2", "L3", "L4"), sample_ppm=10_000)
        roads = set()
        for sample_ppm in (1_000_000, 10_000):
            automatic = every.model_copy(update={"sample_ppm": sample_ppm})
            rules = parts.rules.model_copy(update={"automatic": automatic, "grades": {}})
            desk = ReleaseDesk(replace(parts, rules=rules))
            for number in range(3):
                file = of_answer(f"b-{sample_ppm}-{number}.csv", answer)
                asked = ReleaseDraft(title_zh="住户", title_en="Households", files=(file,))
                draft = desk.draft(city.actor("analyst"), city.licence, asked)
                done = desk.submit_draft(city.actor("analyst"), draft.id)
                roads.add((sample_ppm, done.state.value, done.road))
        assert (1_000_000, "checked", "voted") in roads  # all of them are in the sample
        assert (1_000_000, "delivered", "automatic") not in roads
        assert (10_000, "delivered", "automatic") in roads
        logged = entries(city, EntryKind.RELEASE_AUTOMATIC)[-1]
        path = f"{API}/releases/{logged.public['release']}/certificate"
        certificate = city.client("analyst").get(path).json()
        assert is_signed(certificate, CONTEXT)
        assert (certificate["document"]["road"], certificate["document"]["votes"]) == (
            "automatic",
            [],
        )


def test_the_command_line_says_where_a_file_came_from(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = delivered(city, of_answer("a.csv", wide(city)))
    stray = tmp_path / "stray.csv"
    stray.write_bytes(copy_of(city, request)["a.csv"])
    client = city.client("founder")
    token = client.headers["authorization"].removeprefix("Bearer ")
    monkeypatch.setenv("SANDGATE_TOKEN", token)
    monkeypatch.setenv("SANDGATE_URL", str(client.base_url).rstrip("/"))
    run = CliRunner().invoke(app, ["trace", str(stray)], env={"SANDGATE_LANGUAGE": "en"})
    assert (run.exit_code, request.id in run.output, "analyst" in run.output) == (0, True, True)
    told_json = CliRunner().invoke(app, ["release", "trace", str(stray), "--json"])
    assert json.loads(told_json.output)["origins"][0]["release"] == request.id
    stray.write_text("a,b\n1,2\n", encoding="utf-8")
    nothing = CliRunner().invoke(app, ["trace", str(stray)])
    assert (nothing.exit_code, "没有找到" in nothing.output) == (1, True)
