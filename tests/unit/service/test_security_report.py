"""The monthly security report: counted from the log of that month, whole in the log, on paper."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from audit.events import AuditEvent, no_effect
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.canonical import digest
from foundation.db import metadata, open_engine, reading
from foundation.errors import InvalidInput, NotFound
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from policies.effective import calendar_of
from policies.load import load_policies
from policies.schema.controls import ControlRules
from service.doctor import parts_of
from service.figures.controls import judged, kinds_of
from service.figures.report_paper import SUMMARY_NAMES, report_pdf
from service.figures.security_report import SecurityReports, findings, report_at, reports
from service.migrate import import_stores
from tests.fakes import SteppedClock

PACK = load_policies()
CALENDAR = calendar_of(PACK, "china")
AUDITOR = Actor("auditor", "regulator", frozenset({Role.REGULATOR}))
ANALYST = Actor("analyst", "operator", frozenset({Role.OPERATOR}))
DOCTOR = {"witnesses": True, "key_holder": True, "ciphers": True, "retention": True, "logins": True}
OCTOBER_US = CALENDAR.starts_us(date(2026, 10, 1))
NOVEMBER_US = CALENDAR.starts_us(date(2026, 11, 1))


@dataclass
class Desk:
    engine: Engine
    writer: GroupCommitWriter
    clock: SteppedClock
    doctor: dict[str, bool] = field(default_factory=lambda: dict(DOCTOR))
    witnesses: dict[str, Any] = field(
        default_factory=lambda: {"contradicted": False, "witnesses": []}
    )

    def log(self, kind: EntryKind, actor: Actor = ANALYST, **public: object) -> None:
        self.writer.submit(AuditEvent(kind, actor, public), no_effect)

    @property
    def reports(self) -> SecurityReports:
        return SecurityReports(
            engine=self.engine,
            writer=self.writer,
            clock=self.clock,
            pack=PACK,
            calendar=CALENDAR,
            origin="city.example/log",
            doctor=lambda: self.doctor,
            witnesses=lambda: self.witnesses,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A log with entries of October, then of November."""
    import_stores()
    engine = open_engine(f"sqlite:///{tmp_path}/control.db")
    metadata.create_all(engine)
    clock = SteppedClock(OCTOBER_US + 1)
    keys = FileKeyStore(tmp_path / "keys")
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as writer:
        desk = Desk(engine, writer, clock)
        desk.log(EntryKind.QUESTION_REFUSED, code="gate")
        desk.log(EntryKind.REFUSALS_COALESCED, code="gate", count=40)
        desk.log(EntryKind.REQUEST_REFUSED, route="POST /licences", code="step_up_required")
        clock.advance(NOVEMBER_US - clock.now_us())
        desk.log(EntryKind.REQUEST_REFUSED, route="GET /cases", code="role_missing")
        yield desk
    engine.dispose()


def standing(document: Mapping[str, Any], control: str) -> str:
    return str(next(one["standing"] for one in document["controls"] if one["id"] == control))


def test_a_report_counts_its_month_alone_and_floods_in_full(desk: Desk) -> None:
    october = desk.reports.document("2026-10")
    november = desk.reports.document("2026-11")
    assert october["refusals"] == {"gate": 41, "step_up_required": 1}
    assert october["summary"]["refusals"] == 42
    assert october["summary"]["fresh_logins_asked"] == 1
    assert (october["log"]["first"], october["log"]["end"], october["whole"]) == (0, 3, True)
    assert november["refusals"] == {"role_missing": 1}
    assert (november["log"]["first"], november["whole"]) == (3, False)
    assert set(october["summary"]) == set(SUMMARY_NAMES)


def test_a_report_is_an_entry_and_is_read_back_from_it(desk: Desk) -> None:
    made = desk.reports.make(AUDITOR, "2026-10")
    with reading(desk.engine) as connection:
        (entry,) = read_entries(connection, kinds=[EntryKind.SECURITY_REPORTED])
        assert [one.index for one in reports(connection)] == [made.index]
        assert report_at(connection, made.index) == made.value
        for index in (0, made.index + 1, -1):
            with pytest.raises(NotFound):
                report_at(connection, index)
    assert entry.content["actor"]["person"] == "auditor"
    assert entry.public["document_digest"] == digest(made.value)
    assert entry.public["month"] == "2026-10"


def test_a_month_to_come_and_what_is_no_month_are_refused(desk: Desk) -> None:
    for month in ("2026-12", "2026-00", "november"):
        with pytest.raises(InvalidInput):
            desk.reports.make(AUDITOR, month)


def test_what_should_not_be_and_what_does_not_stand_are_findings(desk: Desk) -> None:
    assert findings(desk.reports.document("2026-11")) == []
    assert standing(desk.reports.document("2026-11"), "T-02") == "evidenced"
    assert standing(desk.reports.document("2026-11"), "O-03") == "quiet"
    desk.doctor["retention"] = False
    desk.witnesses["contradicted"] = True
    found = desk.reports.document("2026-11")
    assert {one["id"] for one in findings(found)} == {"I-04", "T-06"}
    desk.witnesses["contradicted"] = False
    desk.log(EntryKind.ANSWER_WITHHELD, SYSTEM_ACTOR, withheld_index=1, witnesses_required=1)
    assert standing(desk.reports.document("2026-11"), "T-06") == "finding"


def test_incidents_are_said_to_be_unrecorded_and_not_counted_as_none(desk: Desk) -> None:
    document = desk.reports.document("2026-11")
    assert "尚无" in document["incidents"]["zh"]
    assert "incidents" not in document["summary"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="apt-get install poppler-utils")
def test_the_paper_says_what_the_entry_says(desk: Desk) -> None:
    made = desk.reports.make(AUDITOR, "2026-10")
    paper = report_pdf(made.value, made.index)
    assert paper == report_pdf(made.value, made.index)
    text = subprocess.run(
        ["pdftotext", "-", "-"], input=paper, stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    pillars = ("制度规范", "技术防护", "运行管理")
    for words in ("2026-10 月度安全报告", *pillars, "step_up_required", "42"):
        assert words in text, words


def test_every_control_names_kinds_and_parts_and_rules_that_exist(tmp_path: Path) -> None:
    sections = {path.partition("/")[0] for path in PACK.file_digests}
    known = {part.name for part in parts_of(Settings(home=tmp_path))}
    for control in PACK.rules(ControlRules).controls:
        for prefix in control.kinds:
            alone = control.model_copy(update={"kinds": (prefix,)})
            assert kinds_of(alone), (control.id, prefix)
        assert set(control.doctor) <= known, control.id
        assert set(control.rules) <= sections, control.id
    told = judged(PACK, {}, dict.fromkeys(known, True), {"contradicted": False})
    assert {one["pillar"] for one in told} == {"institution", "technology", "operation"}
