"""The acceptance list: each row with a trial is played on a real stage; the report is honest."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from foundation.errors import Message
from service.acceptance.items import ITEMS, item
from service.acceptance.report import FAILED, PASSED, WAITING, as_json, play, verdict_lines
from service.acceptance.report_paper import report_pdf
from service.acceptance.stage import NotShown, Stage, expect, open_stage
from service.acceptance.trials import TRIALS
from tests.parts import need_namespaces, need_session_environment

PARTLY = {7: "not built", 24: "not built", 29: "reverse proxy", 30: "not built"}
"""Rows that are not shown whole: their trial says what is right, and what it waits for."""

SESSION_ROW = 8
SLOW = frozenset({SESSION_ROW, 29})
OF_DATA = frozenset(range(7, 31))
"""Rows whose trials ask confined workers; row 8 opens a session besides."""


def _marked(number: int) -> object:
    marks = [need_namespaces] if number in OF_DATA else []
    marks += [need_session_environment] if number == SESSION_ROW else []
    marks += [pytest.mark.full] if number in SLOW else []
    return pytest.param(number, marks=marks)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage() as opened:
        yield opened


def test_the_list_has_thirty_rows_in_both_languages() -> None:
    assert [one.number for one in ITEMS] == list(range(1, 31))
    for one in ITEMS:
        assert all(text.zh and text.en for text in (one.title, one.condition))


def test_a_row_fails_where_what_it_promises_is_not_seen(stage: Stage) -> None:
    def breaks(_stage: Stage) -> Sequence[Message]:
        expect(holds=False, zh="没有看到", en="it was not seen")
        return ()

    def stumbles(_stage: Stage) -> Sequence[Message]:
        raise KeyError("code")

    told = play(stage, {1: breaks, 2: stumbles}, (1, 2, 3), lambda _verdict: None)
    assert [verdict.state for verdict in told] == [FAILED, FAILED, WAITING]
    assert not any(verdict.passed for verdict in told)
    assert told[0].reason == Message("没有看到", "it was not seen")
    assert told[1].reason is not None
    assert "KeyError" in told[1].reason.en
    assert told[2].reason is not None


def test_the_report_reads_the_same_for_people_and_machines(stage: Stage) -> None:
    verdicts = play(stage, TRIALS, (2, 24), lambda _verdict: None)
    told = json.loads(json.dumps(as_json(verdicts, 0, "sha256:0")))
    assert [row["passed"] for row in told["rows"]] == [True, False]
    assert told["passed"] == 1
    lines = "\n".join(line for verdict in verdicts for line in verdict_lines(verdict, "zh"))
    assert "✓  2 不予共享：通过" in lines
    assert "✗ 24 登记：未通过" in lines


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="apt-get install poppler-utils")
def test_the_report_on_paper_says_every_row(stage: Stage) -> None:
    verdicts = play(stage, TRIALS, (2, 12, 24), lambda _verdict: None)
    made = report_pdf(verdicts, 0, "sha256:0")
    assert made == report_pdf(verdicts, 0, "sha256:0")
    said = subprocess.run(["pdftotext", "-", "-"], input=made, stdout=subprocess.PIPE, check=True)
    shown = said.stdout.decode()
    for verdict in verdicts:
        assert verdict.item.title.zh in shown
        assert verdict.state.zh in shown


@pytest.mark.parametrize("number", [_marked(row) for row in sorted(set(TRIALS) - set(PARTLY))])
def test_the_row_passes(stage: Stage, number: int) -> None:
    (verdict,) = play(stage, TRIALS, (number,), lambda _verdict: None)
    assert verdict.state is PASSED, verdict.reason
    assert verdict.seen, item(number).title.en


@pytest.mark.parametrize("number", [_marked(row) for row in sorted(PARTLY)])
def test_a_row_built_in_part_is_not_passed_and_says_what_it_waits_for(
    stage: Stage, number: int
) -> None:
    with pytest.raises(NotShown, match=PARTLY[number]):
        TRIALS[number](stage)
