"""The desk under hostile interleavings: whatever is tried in whatever order, two votes release.

A model that knows the rules in ten lines runs beside the real desk, store, log and keys. After each
step: nothing left but what two persons apart from the author approved in that very revision, and no
reader was told of a vote before all were in.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audit.tags import EntryKind
from disclosure.release.bodies import ReleaseDraft, ReleaseVote
from disclosure.release.desk import ReleaseDesk
from disclosure.release.files import FileDraft
from disclosure.release.requests import Request, require_request
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.errors import SandgateError
from tests.calling import entries
from tests.city import City, built_city, told

BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
CHECKERS = ("checker_one", "checker_two")
STRANGERS = ("buyer", "rival", "auditor")
ANYONE = st.sampled_from(("analyst", "founder", *CHECKERS, *STRANGERS))
MOSTLY_AUTHOR = st.sampled_from(("analyst",) * 5 + (*CHECKERS, *STRANGERS))
MOSTLY_CHECKERS = st.sampled_from((*CHECKERS * 4, "analyst", "founder", *STRANGERS))
DECISIONS = ("approve", "approve", "approve", "return", "refuse")
NAMES = ("a.csv", "b.parquet", "c.csv")
CITY: list[City] = []
DESK: list[ReleaseDesk] = []
ANSWER: list[str] = []
REACHED: set[str] = set()
LONG = 100  # examples; fewer are the same every time, so that they reach what they should


class Desk(RuleBasedStateMachine):
    """One request after another on one city; ``model`` is where the request stands by the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.city = CITY[0]
        self.desk = DESK[0]
        self.author = self.city.actor("analyst")
        self.model = "draft"
        self.votes: dict[str, str] = {}
        self.revision = 1

    @initialize()
    def begin(self) -> None:
        answer = ANSWER[0]
        files = (FileDraft(name=NAMES[0], source="answer", reference=answer),)
        asked = ReleaseDraft(title_zh="表", title_en="Table", files=files)
        self.names = {NAMES[0]}
        self.id = self.desk.draft(self.author, self.city.licence, asked).id
        self.seen = self.request().sha256

    def request(self) -> Request:
        with reading(self.city.platform.engine) as connection:
            return require_request(connection, self.id)

    def tried(self, move: object, *arguments: object) -> bool:
        try:
            move(*arguments)  # type: ignore[operator]
        except SandgateError:
            return False
        return True

    @rule(name=st.sampled_from(NAMES), caller=MOSTLY_AUTHOR)
    def put(self, name: str, caller: str) -> None:
        file = FileDraft(name=name, source="answer", reference=ANSWER[0])
        may = self.model == "draft" and caller == "analyst"
        done = self.tried(self.desk.drafts.put_file, self.city.actor(caller), self.id, file)
        assert done is may
        self.names |= {name} if done else set()

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        may = self.model == "draft" and name in self.names
        assert self.tried(self.desk.drafts.remove_file, self.author, self.id, name) is may
        self.names -= {name} if may else set()

    @rule(caller=MOSTLY_AUTHOR)
    def submit(self, caller: str) -> None:
        may = self.model == "draft" and bool(self.names) and caller == "analyst"
        assert self.tried(self.desk.submit_draft, self.city.actor(caller), self.id) is may
        if may:
            self.model, self.votes = "checked", {}
            self.seen = self.request().sha256

    @rule(caller=MOSTLY_CHECKERS, decision=st.sampled_from(DECISIONS), stale=st.just(False))
    def vote(self, caller: str, decision: str, *, stale: bool) -> None:
        sha256 = "sha256:" + "0" * 64 if stale else (self.seen or "none")
        cast = ReleaseVote.model_validate(
            {"decision": decision, "sha256": sha256, "comment": "read"}
        )
        before = canonical_bytes(self.request().as_json("analyst"))
        may = self.model == "checked" and caller in CHECKERS and caller not in self.votes
        done = self.tried(self.desk.vote, self.city.actor(caller), self.id, cast)
        assert done is (may and not stale)
        if not done:
            return
        self.votes[caller] = decision
        if len(self.votes) < len(CHECKERS):
            assert canonical_bytes(self.request().as_json("analyst")) == before
            return
        said = set(self.votes.values())
        ends = {"approve": "delivered", "refuse": "refused"}
        self.model = ends.get(said.pop(), "returned") if len(said) == 1 else "returned"

    @precondition(lambda self: self.model == "draft" and self.names)
    @rule()
    def submit_by_its_author(self) -> None:
        self.submit("analyst")

    @precondition(lambda self: self.model == "checked")
    @rule(first=st.sampled_from(DECISIONS), second=st.sampled_from(DECISIONS))
    def vote_by_both(self, first: str, second: str) -> None:
        self.vote("checker_one", first, stale=False)
        self.vote("checker_two", second, stale=False)

    @precondition(lambda self: self.model == "delivered")
    @rule()
    def recall_by_the_authority(self) -> None:
        self.copy("analyst")
        self.recall("founder")
        self.copy("analyst")

    @rule(caller=st.sampled_from(CHECKERS))
    def vote_on_other_bytes(self, caller: str) -> None:
        self.vote(caller, "approve", stale=True)

    @rule()
    def revise(self) -> None:
        may = self.model == "returned"
        assert self.tried(self.desk.drafts.revise, self.author, self.id) is may
        if may:
            self.model, self.revision, self.votes = "draft", self.revision + 1, {}

    @precondition(lambda self: len(self.votes) % 2 == 1)
    @rule()
    def withdraw(self) -> None:
        may = self.model in {"draft", "checked", "returned"}
        assert self.tried(self.desk.drafts.withdraw, self.author, self.id, "enough") is may
        self.model = "withdrawn" if may else self.model

    @rule(caller=MOSTLY_AUTHOR)
    def copy(self, caller: str) -> None:
        may = self.model == "delivered" and caller == "analyst"
        assert self.tried(self.desk.copies.hand_over, self.city.actor(caller), self.id) is may

    @rule(caller=ANYONE)
    def recall(self, caller: str) -> None:
        may = self.model == "delivered" and caller == "founder"
        done = self.tried(self.desk.recalls.recall, self.city.actor(caller), self.id, "wrong")
        assert done is may
        self.model = "recalled" if may else self.model

    @rule()
    def carry_on(self) -> None:
        self.desk.resume()

    @invariant()
    def stands_where_the_rules_say(self) -> None:
        REACHED.add(self.model)
        request = self.request()
        shown = request.as_json("analyst")
        assert (shown["state"], request.revision) == (self.model, self.revision)
        if self.model in {"draft", "checked", "withdrawn"}:
            assert all(vote["revision"] < self.revision for vote in shown["votes"])  # type: ignore[attr-defined]
        if self.model in {"delivered", "recalled"}:
            approved = {vote.person for vote in request.votes if vote.decision == "approve"}
            assert len(approved) >= len(CHECKERS)
            assert request.author not in approved
            assert {vote.sha256 for vote in request.votes} == {request.sha256}

    def teardown(self) -> None:
        logged = entries(self.city, EntryKind.RELEASE_DELIVERED, release=self.id)
        assert len(logged) == (self.model in {"delivered", "recalled"})


@contextmanager
def a_city() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as home, built_city(Path(home)) as city:
        CITY[:] = [city]
        yield
        CITY.clear()


def run(examples: int, steps: int) -> None:
    with a_city():
        parts = CITY[0].platform.desk.parts
        caps = {"decided_against_max": 1_000, "requests_open_max": 100_000}
        DESK[:] = [ReleaseDesk(replace(parts, rules=parts.rules.model_copy(update=caps)))]
        REACHED.clear()
        ANSWER[:] = [str(told(CITY[0].ask(BY_AGE))["answer_id"])]
        found = settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < LONG,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(Desk, settings=found)
    assert {"checked", "returned", "delivered"} <= REACHED


def test_only_two_votes_release() -> None:
    run(12, 18)


@pytest.mark.full
def test_only_two_votes_release_however_long_it_is_tried() -> None:
    run(200, 50)
