"""Before every answer its decision, with it its outcome; and where a part is missing, no answer.

I1: entries and stored answers agree. I3: missing isolation, key, disk or authority refuses. I12:
each entry names the digests of what decided.
"""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from disclosure.extract_records import active_extracts
from disclosure.store import answer
from foundation.bubblewrap import find_bubblewrap
from foundation.db import reading
from foundation.errors import Denied, SandgateError, Unavailable
from foundation.settings import Settings
from tests.city import (
    COUNT_BY_STATE,
    POPULATION,
    ROWS_QUESTION,
    City,
    built_city,
    licence_json,
    told,
)
from tests.parts import need_namespaces

pytestmark = need_namespaces
QUESTIONS = {"rows": ROWS_QUESTION, "aggregate": COUNT_BY_STATE}
SMALL_BUDGET = {  # so that the licences of this city fit its population together
    "population": POPULATION,
    "budget_nano_rho": 20_000_000,
    "question_nano_rho_max": 20_000_000,
}


class Faults:
    """What goes wrong at a named point of a question's life."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], object]] = {}

    def __call__(self, point: str) -> None:
        self.at.get(point, lambda: None)()


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def isolation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A link on the way to bubblewrap: without it this host has none."""
    link = tmp_path_factory.mktemp("part") / "link"
    link.symlink_to(find_bubblewrap().absolute().parents[2])
    return link


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, faults: Faults, isolation: Path
) -> Iterator[City]:
    home = tmp_path_factory.mktemp("city") / "home"
    found = find_bubblewrap().absolute()
    bubblewrap = isolation / found.relative_to(found.parents[2])
    settings = Settings(home=home, bubblewrap=bubblewrap)
    with built_city(home, fault=faults, settings=settings) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_faults(faults: Faults) -> Iterator[None]:
    yield
    faults.at.clear()


def stored(city: City) -> list[tuple[str, int, int]]:
    columns = (answer.c.id, answer.c.decided_index, answer.c.answered_index)
    with reading(city.platform.engine) as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


def fails(city: City, sql: str, licence: str | None = None) -> SandgateError:
    before = stored(city)
    with pytest.raises(SandgateError) as found:
        city.ask(sql, scope=city.scope(licence=licence))
    assert stored(city) == before
    return found.value


def test_each_stored_answer_has_its_decision_before_it_and_its_outcome_with_it(
    city: City,
) -> None:
    for sql in QUESTIONS.values():
        city.ask(sql)
    found = stored(city)
    assert len(found) >= 2
    for answer_id, decided_index, answered_index in found:
        assert decided_index < answered_index
        decided, outcome = (
            city.entries(first=index)[0] for index in (decided_index, answered_index)
        )
        assert decided.kind == EntryKind.QUESTION_DECIDED
        assert outcome.kind == EntryKind.ANSWER_RELEASED
        assert outcome.public["answer"] == answer_id
        assert outcome.public["decided_index"] == decided_index
        assert outcome.public["question"] == decided.public["question"]
    outcomes = city.entries(EntryKind.ANSWER_RELEASED)
    assert {entry.public["answer"] for entry in outcomes} == {row[0] for row in found}


def test_entries_name_the_digests_of_everything_that_decided(city: City) -> None:
    licence = city.licence
    loaded = city.entries(EntryKind.POLICY_LOADED)[-1].public
    assert loaded["policy_digest"] == city.platform.pack.digest
    assert loaded["rule_files"] == dict(city.platform.pack.file_digests)
    activated = [
        entry.public["document_digest"]
        for entry in city.entries(EntryKind.LICENCE_ACTIVATED)
        if entry.public["licence"] == licence
    ]
    kinds = (EntryKind.QUESTION_DECIDED, EntryKind.ANSWER_RELEASED)
    for entry in city.entries(*kinds):
        assert entry.public["policy_digest"] == city.platform.pack.digest
        if entry.public["licence"] == licence:
            assert [entry.public["licence_digest"]] == activated
        for name in ("snapshot_digest", "versions"):
            assert entry.public[name]
        if entry.public["mode"] == "aggregate":
            assert "plan_digest" not in entry.public  # it would confirm a guessed question
    for entry in city.entries(EntryKind.QUESTION_DECIDED):
        if entry.public["mode"] == "aggregate":
            assert entry.public["spent_digest"].startswith("sha256:")
            assert entry.content["private"]["plan"].startswith("sha256:")


@pytest.mark.parametrize("mode", QUESTIONS)
def test_without_isolation_there_is_no_answer(city: City, isolation: Path, mode: str) -> None:
    licence = city.grant(licence_json(budgets=[SMALL_BUDGET]))
    city.platform.pipeline.estimate(city.scope(), COUNT_BY_STATE, None)  # the parser is up
    target = isolation.readlink()
    isolation.unlink()
    before = city.log_size()
    try:
        error = fails(city, QUESTIONS[mode], licence)
    finally:
        isolation.symlink_to(target)
    assert isinstance(error, Unavailable)
    assert error.code == "isolation_unavailable"
    decided, failed = city.entries(first=before)
    assert decided.kind == EntryKind.QUESTION_DECIDED
    assert (failed.kind, failed.public["code"]) == (EntryKind.ANSWER_FAILED, error.code)
    told(city.ask(QUESTIONS[mode], scope=city.scope(licence=licence)))


def test_without_isolation_nothing_is_even_parsed(city: City, isolation: Path) -> None:
    city.platform.pool.close()
    target = isolation.readlink()
    isolation.unlink()
    before = city.log_size()
    try:
        error = fails(city, ROWS_QUESTION)
    finally:
        isolation.symlink_to(target)
    assert error.code == "isolation_unavailable"
    (entry,) = city.entries(first=before)
    assert (entry.kind, entry.public["code"]) == (EntryKind.QUESTION_REFUSED, error.code)


def test_an_extract_whose_key_is_destroyed_answers_nothing(city: City) -> None:
    licence = city.grant(licence_json(budgets=[SMALL_BUDGET]))
    with reading(city.platform.engine) as connection:
        (extract,) = active_extracts(connection, licence)
    city.platform.keys.destroy(extract.key_name)
    before = city.log_size()
    error = fails(city, ROWS_QUESTION, licence)
    assert isinstance(error, Unavailable)
    assert error.code == "key_unavailable"
    assert [entry.kind for entry in city.entries(first=before)] == [
        EntryKind.QUESTION_DECIDED,
        EntryKind.ANSWER_FAILED,
    ]


def disk_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("mode", QUESTIONS)
@pytest.mark.parametrize("point", ["before_commit", "after_apply"])
def test_a_full_disk_refuses_and_nothing_is_half_done(
    city: City, faults: Faults, point: str, mode: str
) -> None:
    licence = city.grant(licence_json(budgets=[SMALL_BUDGET]))
    scope = city.scope(licence=licence)
    before, spent = city.log_size(), city.platform.pipeline.budget(scope)
    faults.at[point] = disk_full
    error = fails(city, QUESTIONS[mode], licence)
    faults.at.clear()
    assert isinstance(error, Unavailable)
    assert error.code == "log_unavailable"
    assert (city.log_size(), city.platform.pipeline.budget(scope)) == (before, spent)
    assert not told(city.ask(QUESTIONS[mode], scope=scope))["repeated"]


@pytest.mark.parametrize("mode", QUESTIONS)
def test_a_disk_that_fills_after_the_decision_gives_no_answer_either(
    city: City, faults: Faults, mode: str
) -> None:
    licence = city.grant(licence_json(budgets=[SMALL_BUDGET]))
    before = city.log_size()

    def fill() -> None:
        faults.at["before_commit"] = disk_full

    faults.at["before_outcome"] = fill
    error = fails(city, QUESTIONS[mode], licence)
    faults.at.clear()
    assert error.code == "log_unavailable"
    assert [entry.kind for entry in city.entries(first=before)] == [EntryKind.QUESTION_DECIDED]


@pytest.mark.parametrize("mode", QUESTIONS)
@pytest.mark.parametrize("point", ["after_decision", "before_outcome"])
def test_a_licence_suspended_while_a_question_runs_gives_no_answer(
    city: City, faults: Faults, point: str, mode: str
) -> None:
    licence = city.grant(licence_json(budgets=[SMALL_BUDGET]))
    approver = city.actor("approver")
    before = city.log_size()
    faults.at[point] = lambda: city.platform.revocation.suspend(approver, licence, "test")
    error = fails(city, QUESTIONS[mode], licence)
    faults.at.clear()
    assert isinstance(error, Denied)
    assert error.code == "licence_not_in_force"
    kinds = [entry.kind for entry in city.entries(first=before)]
    assert kinds == [
        EntryKind.QUESTION_DECIDED,
        EntryKind.LICENCE_SUSPENDED,
        EntryKind.ANSWER_FAILED,
    ]


def test_whatever_breaks_inside_has_one_code(city: City, faults: Faults) -> None:
    """A private plan that breaks on data is answered: see ``test_plan_class_closing``."""

    def break_down() -> None:
        raise ValueError("zanzibar")

    for mode, point in {"rows": "after_run", "aggregate": "before_outcome"}.items():
        sql, licence = QUESTIONS[mode], city.grant(licence_json(budgets=[SMALL_BUDGET]))
        faults.at = {point: break_down}
        before = city.log_size()
        error = fails(city, sql, licence)
        assert error.code == "engine_error", mode
        assert b"zanzibar" not in city.entries(first=before)[-1].body
