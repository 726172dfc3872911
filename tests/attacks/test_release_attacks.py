"""What a hostile operator, checker or hand in the store tries at the desk; none of it gets out."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text

from audit.tags import EntryKind
from authorization.organisations import Account, Person, create_person
from disclosure.given import arrow_bytes, table_of
from disclosure.plan_classes import closed_plan_class
from disclosure.release.bodies import ReleaseDraft, ReleaseVote
from disclosure.release.checking import Checking
from disclosure.release.encoding import encode_table, ordered
from disclosure.release.files import FileDraft
from disclosure.release.parquet import encode_parquet
from disclosure.release.requests import Request
from disclosure.release.states import ReleaseState
from foundation.errors import Conflict, Denied
from foundation.identity import SYSTEM_ACTOR, Role
from tests.calling import API, entries, problem_of
from tests.city import City, built_city, told
from tests.city_documents import REVIEW, RIVAL

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        accounts = (
            Account(name="twice_one", organisation=REVIEW),
            Account(name="twice_two", organisation=RIVAL),
        )
        person = Person(
            id="twice",
            name="Two accounts",
            organisations=(REVIEW, RIVAL),
            roles=(Role.CHECKER,),
            accounts=accounts,
        )
        create_person(city.platform.writer, SYSTEM_ACTOR, person)
        yield city


def asked(city: City, name: str) -> str:
    question = BY_AGE.replace("AS households", f"AS {name}")
    return str(told(city.ask(question))["answer_id"])


def submitted(city: City, answer: str, name: str = "a.csv") -> Request:
    files = (FileDraft(name=name, source="answer", reference=answer),)
    draft = ReleaseDraft(title_zh="表", title_en="Table", files=files)
    desk, actor = city.platform.desk, city.actor("analyst")
    return desk.submit_draft(actor, desk.draft(actor, city.licence, draft).id)


def vote(city: City, request: Request, account: str, decision: str = "approve") -> httpx.Response:
    body = {"decision": decision, "sha256": request.sha256, "comment": "read"}
    return city.client(account).post(f"{API}/releases/{request.id}/votes", json=body)


def state_of(city: City, request: Request) -> str:
    return str(city.client("auditor").get(f"{API}/releases/{request.id}").json()["state"])


def swap(city: City, answer: str) -> None:
    """Change a stored answer by hand, as one who owns the database file can."""
    with create_engine(city.platform.engine.url).begin() as connection:
        connection.execute(text("DROP TRIGGER answer_no_update"))
        query = text("SELECT content FROM answer WHERE id = :id")
        table = table_of(bytes(connection.execute(query, {"id": answer}).scalar_one()))
        grown = [value + 1_000 for value in table.column(1).to_pylist()]
        other = table.set_column(1, table.field(1), pa.array(grown, table.field(1).type))
        change = text("UPDATE answer SET content = :content WHERE id = :id")
        connection.execute(change, {"content": arrow_bytes(other), "id": answer})


def test_what_is_swapped_between_vote_and_delivery_does_not_leave(tmp_path: Path) -> None:
    with built_city(tmp_path) as city:
        answer = asked(city, "swapped")
        request = submitted(city, answer)
        vote(city, request, "checker_one")
        yes = ReleaseVote(decision="approve", sha256=request.sha256)
        city.platform.desk.voting.record(city.actor("checker_two"), request.id, yes)
        swap(city, answer)
        assert city.platform.desk.resume() == []
        assert state_of(city, request) == "approved"
        assert city.platform.desk.waiting == {request.id: "release_bytes_differ"}
        preview = city.client("checker_one").get(f"{API}/releases/{request.id}/preview")
        assert problem_of(preview, 409)["code"] == "release_bytes_differ"
        metrics = city.client("auditor").get(f"{API}/release-desk/metrics").json()
        assert metrics["waiting"] == [{"release": request.id, "code": "release_bytes_differ"}]
        assert not entries(city, EntryKind.RELEASE_DELIVERED, release=request.id)


def test_a_changed_file_keeps_no_vote(city: City) -> None:
    answer, other = asked(city, "kept"), asked(city, "other")
    request = submitted(city, answer)
    vote(city, request, "checker_one")
    vote(city, request, "checker_two", "return")
    desk, actor = city.platform.desk, city.actor("analyst")
    desk.drafts.revise(actor, request.id)
    desk.drafts.put_file(
        actor, request.id, FileDraft(name="a.csv", source="answer", reference=other)
    )
    again = desk.submit_draft(actor, request.id)
    assert again.sha256 != request.sha256
    assert again.votes == []
    assert vote(city, again, "checker_two").json()["state"] == "checked"


def test_checks_of_one_revision_never_count_for_the_next(city: City) -> None:
    """A check that took long ends after its request was sent back, revised and submitted anew."""
    desk, actor = city.platform.desk, city.actor("analyst")
    request = submitted(city, asked(city, "slow"))
    stale = replace(request, state=ReleaseState.SUBMITTED)
    vote(city, request, "checker_one", "return")
    vote(city, request, "checker_two", "return")
    desk.drafts.revise(actor, request.id)
    desk.submitting.submit(actor, request.id)
    with pytest.raises(Conflict, match="release_bytes_differ"):
        Checking(desk.parts).check(stale)
    assert state_of(city, request) == "submitted"
    desk.resume()
    assert state_of(city, request) == "checked"


def test_nothing_shows_a_checker_that_the_other_has_voted(city: City) -> None:
    """Not the request, the lists, the metrics, the log that a checker reads, nor a refusal."""

    def told_now(request: Request) -> dict[str, Any]:
        reader = city.client("checker_two")
        metrics = city.client("founder").get(f"{API}/release-desk/metrics").json()
        metrics["queue_age"] = None  # time passes
        return {
            "request": reader.get(f"{API}/releases/{request.id}").json(),
            "list": reader.get(f"{API}/releases").json(),
            "metrics": metrics,
            "log": reader.get(f"{API}/log/entries", params={"release": request.id}).status_code,
            "certificate": problem_of(reader.get(f"{API}/releases/{request.id}/certificate")),
        }

    seen = []
    for decision in ("approve", "return", "refuse"):
        request = submitted(city, asked(city, f"blind_{decision}"))
        before = told_now(request)
        assert vote(city, request, "checker_one", decision).json()["state"] == "checked"
        after = told_now(request)
        assert after == before
        seen.append({name: after[name] for name in ("log", "certificate")})
        logged = entries(city, EntryKind.RELEASE_VOTED, release=request.id)[-1]
        assert decision not in json.dumps(logged.public)
        assert set(logged.public) == {"release", "licence", "revision"}
    assert seen[0] == seen[1] == seen[2]


def test_what_a_checker_writes_beside_the_vote_is_blind_too(city: City) -> None:
    request = submitted(city, asked(city, "commented"))
    path = f"{API}/releases/{request.id}"
    body = {"comment": "I shall refuse"}
    assert city.client("checker_one").post(f"{path}/comments", json=body).status_code == 201
    assert city.client("checker_one").get(path).json()["comments"]
    assert city.client("checker_two").get(path).json()["comments"] == []
    vote(city, request, "checker_one", "refuse")
    vote(city, request, "checker_two", "refuse")
    assert city.client("checker_two").get(path).json()["comments"]


def test_one_person_does_not_vote_twice_by_two_accounts(city: City) -> None:
    request = submitted(city, asked(city, "twice"))
    assert vote(city, request, "twice_one").status_code == 201
    for account in ("twice_one", "twice_two"):
        assert problem_of(vote(city, request, account), 403)["code"] == "voted_already"
    assert state_of(city, request) == "checked"


def test_a_recalled_product_is_fetched_no_more(city: City) -> None:
    request = submitted(city, asked(city, "recalled"))
    vote(city, request, "checker_one")
    assert vote(city, request, "checker_two").json()["state"] == "delivered"
    fetch = f"{API}/products/{city.licence}/fetches"
    fetched = city.client("buyer").post(fetch)
    assert fetched.status_code == 201
    copies = f"{API}/releases/{request.id}/copies"
    key = {"Idempotency-Key": "my-own-copy"}
    assert city.client("analyst").post(copies, headers=key).status_code == 201
    founder = city.client("founder")
    recall = founder.post(f"{API}/releases/{request.id}/recall", json={"reason": "wrong"})
    buyers = {item["organisation"] for item in recall.json()["recipients"]}
    assert buyers == {city.actor(name).organisation for name in ("analyst", "buyer")}
    refused = problem_of(city.client("buyer").post(fetch), 409)
    assert refused["code"] == "release_recalled"
    notices = city.client("buyer").get(f"{API}/release-desk/notices").json()["notices"]
    assert [item["release"] for item in notices] == [request.id]


def test_a_person_whom_the_policy_denies_releases_may_not_ask(city: City) -> None:
    answer = asked(city, "denied")
    stranger = city.actor("rival")
    with pytest.raises(Denied, match="licence_not_usable"):
        submit_as(city, stranger, answer)


def submit_as(city: City, actor: Any, answer: str) -> None:
    desk = city.platform.desk
    files = (FileDraft(name="a.csv", source="answer", reference=answer),)
    draft = ReleaseDraft(title_zh="表", title_en="Table", files=files)
    desk.submit_draft(actor, desk.draft(actor, city.licence, draft).id)


def test_an_answer_behind_which_the_engine_failed_does_not_leave(city: City) -> None:
    answer, other = asked(city, "failed"), asked(city, "sound")
    close_behind(city, answer)
    for name in (answer, other):  # alike: which of them failed does not show
        with pytest.raises(Conflict, match="plan_class_closed"):
            submitted(city, name)
    reopen(city)
    assert submitted(city, other).state.value == "checked"
    refused = submitted(city, answer)
    failed = [item["check"] for item in refused.checks if not item["passed"]]
    assert (refused.state.value, failed) == ("refused", ["contributors_min"])


def close_behind(city: City, answer: str) -> None:
    with city.platform.engine.begin() as connection:
        row = connection.execute(
            text("SELECT answered_index FROM answer WHERE id = :id"), {"id": answer}
        ).one()
        connection.execute(
            closed_plan_class.insert().values(
                id="cpc_test",
                class_digest="sha256:class",
                description='{"datasets":["households"]}',
                licence=city.licence,
                closed_index=row.answered_index,
                closed_us=1,
            )
        )


def reopen(city: City) -> None:
    with city.platform.engine.begin() as connection:
        connection.execute(closed_plan_class.update().values(reopened_us=2, reopened_by="founder"))


def hostile_tables() -> Iterator[tuple[str, pa.Table]]:
    plain = pa.table({"k": ["b", "a", "c"], "v": [2.0, 1.0, 0.0]})
    yield "row order", plain.take([2, 0, 1])
    yield "metadata", plain.replace_schema_metadata({"payload": "secret"})
    field = pa.field("k", pa.string(), metadata={"payload": "secret"})
    yield "field metadata", plain.cast(pa.schema([field, plain.schema.field(1)]))
    yield "chunks", pa.concat_tables([plain.slice(0, 1), plain.slice(1)])
    yield "negative zero", plain.set_column(1, "v", pa.array([2.0, 1.0, -0.0]))
    yield "offsets", pa.concat_tables([plain, plain]).combine_chunks().slice(3)


@pytest.mark.parametrize(("payload", "table"), list(hostile_tables()))
def test_no_payload_rides_on_equal_values(payload: str, table: pa.Table) -> None:
    del payload
    plain = ordered(pa.table({"k": ["b", "a", "c"], "v": [2.0, 1.0, 0.0]}))
    assert encode_table(ordered(table)) == encode_table(plain)
    assert encode_parquet(ordered(table)) == encode_parquet(plain)
    read = pq.read_table(io.BytesIO(encode_parquet(ordered(table))))
    assert read.schema.metadata is None
    assert b"secret" not in encode_parquet(ordered(table))


def test_hidden_values_of_nulls_do_not_ride_along() -> None:
    hidden = pa.Array.from_buffers(
        pa.int64(), 2, [pa.array([False, True]).buffers()[1], pa.array([77, 1]).buffers()[1]]
    )
    shown = pa.table({"v": hidden})
    assert encode_parquet(ordered(shown)) == encode_parquet(
        ordered(pa.table({"v": pa.array([None, 1])}))
    )
