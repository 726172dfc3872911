"""Figures over a small world of sharing: what is counted, under which month, and never the data."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

import tests.sharing_world
from audit.events import AuditEvent, no_effect
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.sharing.states import ShareState
from catalog.entries import UpdateFrequency
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import open_engine, reading
from foundation.errors import InvalidInput
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.effective import calendar_of
from policies.load import load_policies
from policies.schema.figures import PPM, FigureRules
from policies.schema.quality import QualityRules
from service.figures.assessing import assessment
from service.figures.benefits import benefits
from service.figures.coverage import coverage, indicator_shares, national_rules
from service.figures.headline import calls, headline
from service.figures.holdings import Covered, Group, by, total
from service.figures.spans import Span, month_of, span_of
from service.figures.timeliness import timeliness
from service.migrate import import_stores
from tests.fakes import START_US, TickingClock
from tests.postgresql import postgresql_server
from tests.sharing_world import ROWS, World, create_tables, founded

PACK = load_policies()
CALENDAR = calendar_of(PACK, "china")
AGES: dict[str, int] = dict(PACK.rules(QualityRules).age_days)
RECENT = national_rules(PACK).recent_days
ANALYST = Actor("analyst", "datawise", frozenset({Role.OPERATOR}))


@contextmanager
def opened(home: Path, url: str = "") -> Iterator[World]:
    home.mkdir(exist_ok=True)
    import_stores()
    engine = open_engine(url or f"sqlite:///{home}/control.db")
    create_tables(engine)
    keys, clock = FileKeyStore(home / "keys"), TickingClock()
    with GroupCommitWriter(engine, keys, clock, "city.example/log", home / "head") as writer:
        world = founded(engine, keys, clock, writer, home)
        share = world.asked()
        for plate in ("闽A1", "闽A3"):
            world.delivery.call(world["program"], share.id, where={"plate": plate}, limit=10)
        writer.submit(AuditEvent(EntryKind.ANSWER_REPEATED, ANALYST, {}), no_effect)
        writer.submit(AuditEvent(EntryKind.QUESTION_REFUSED, ANALYST, {"code": "x"}), no_effect)
        yield world
    engine.dispose()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(tmp_path_factory.mktemp("figures")) as world:
        yield world


def year(now_us: int = START_US) -> Span:
    return span_of(CALENDAR, now_us, "", "", 36)


def everything(connection: Connection) -> dict[str, Any]:
    now_us = START_US + MICROSECONDS_PER_DAY
    return {
        "headline": headline(connection, year()),
        "calls": calls(connection, year()),
        "coverage": coverage(connection, PACK, "national"),
        "timeliness": timeliness(connection, AGES, now_us, RECENT),
        "benefits": benefits(connection, national_rules(PACK), year()),
        "assessment": assessment(connection, AGES, now_us, RECENT),
    }


def test_the_headline_counts_what_is_there(world: World) -> None:
    with reading(world.engine) as connection:
        told = headline(connection, year())
    assert told["catalogue"] == {
        "entries": 1,
        "entries_by_state": {"published": 1},
        "entries_with_resource": 1,
        "resources": 1,
        "versions": 1,
    }
    assert told["connected"]["departments_with_entries"] == 1
    assert "platform" not in told["connected"]["by_kind"]
    assert (told["calls"], told["questions"]) == (2, 1)
    assert told["months"][-1] == {"month": "2026-11", "calls": 2, "questions": 1}
    assert sum(month["calls"] for month in told["months"][:-1]) == 0


def test_calls_are_told_by_department_region_and_month(world: World) -> None:
    with reading(world.engine) as connection:
        told = calls(connection, year())
        before = calls(connection, span_of(CALENDAR, START_US, "2026-01", "2026-10", 36))
    line = {"total": 2, "months": {"2026-11": 2}}
    assert told["by_department"] == [{"organisation": "transport", **line}]
    assert told["by_provider"] == [{"organisation": "police", **line}]
    assert told["by_region"] == [{"region": "", **line}]
    asked = {"organisation": "datawise", "total": 1, "months": {"2026-11": 1}}
    assert told["questions_by_organisation"] == [asked]
    assert before["by_department"] == before["questions_by_organisation"] == []


def test_a_department_reads_its_own_coverage_alone(world: World) -> None:
    with reading(world.engine) as connection:
        every = coverage(connection, PACK, "national")
        own = coverage(connection, PACK, "national", "transport")
    assert every["total"]["attached_ppm"] == PPM
    assert [line["organisation"] for line in every["by_department"]] == ["police"]
    assert own["total"]["entries"] == 0
    assert own["total"]["attached_ppm"] is None


def test_a_target_counts_only_where_its_jurisdiction_is_in_force(world: World) -> None:
    with reading(world.engine) as connection:
        told = {
            name: {item["key"]: item for item in coverage(connection, PACK, name)["indicators"]}
            for name in ("national", "huangshan-2020")
        }
    assert [one["in_force"] for one in told["national"]["government_gathered"]["targets"]] == [
        False
    ]
    (target,) = told["huangshan-2020"]["government_gathered"]["targets"]
    assert (target["share_ppm"], target["in_force"], target["met"]) == (PPM, True, True)
    (target,) = told["huangshan-2020"]["social_gathered"]["targets"]
    assert (target["share_ppm"], target["met"]) == (600_000, None), "no entry of society: no share"
    assert told["huangshan-2020"]["resource_attached"]["targets"] == []


def test_shares_of_government_and_society_are_told_apart_and_rounded_down() -> None:
    def group(provider: str, zone: str, entries: int, gathered: int) -> Group:
        tags = frozenset({"population", "health"})
        return Group(
            provider, zone, "withheld", "conditional", "none", tags, entries, gathered, gathered
        )

    groups = [group("police", "public", 3, 2), group("police", "harbour", 5, 3)]
    groups.append(group("datawise", "public", 1, 0))
    shares = indicator_shares(groups, frozenset({"zone:harbour", "organisation:datawise"}))
    assert shares["government_gathered"] == {"part": 2, "whole": 3, "share_ppm": 666_666}
    assert shares["social_gathered"] == {"part": 3, "whole": 6, "share_ppm": 500_000}
    assert shares["opened"]["share_ppm"] == PPM
    counted = by(groups, lambda one: one.tags)
    assert counted["population"] == counted["health"] == total(groups) == Covered(9, 5, 5)


@pytest.mark.parametrize(("hours", "in_time"), [(47, 1), (73, 0)])
def test_a_resource_is_late_once_its_frequency_has_passed(
    world: World, hours: int, in_time: int
) -> None:
    now_us = START_US + hours * MICROSECONDS_PER_DAY // 24
    with reading(world.engine) as connection:
        told = timeliness(connection, AGES, now_us, RECENT)["resources"]
        cards = assessment(connection, AGES, now_us, RECENT, "police")["cards"]
    assert (told["in_time"], told["late"]) == (in_time, 1 - in_time)
    assert [one["late_days"] for one in told["late_resources"]] == [1] * (1 - in_time)
    assert [card["resources_in_time"] for card in cards] == [in_time]


def test_what_was_decided_late_is_named_with_its_case(world: World) -> None:
    share = world.asked(ShareState.SUBMITTED)
    with reading(world.engine) as connection:
        soon = assessment(connection, AGES, START_US, RECENT)["late_matters"]
        later_us = START_US + 60 * MICROSECONDS_PER_DAY
        late = assessment(connection, AGES, later_us, RECENT)["late_matters"]
        own = assessment(connection, AGES, later_us, RECENT, "transport")["late_matters"]
    assert soon == []
    assert [(one["case"], one["organisation"]) for one in late] == [(share.case_number, "police")]
    assert own == []


def test_a_benefit_says_what_is_not_recorded(world: World) -> None:
    with reading(world.engine) as connection:
        told = benefits(connection, national_rules(PACK), year())
    assert told["social"]["shared_calls"] == 2
    for name in ("economic", "social", "environmental"):
        assert told[name]["not_recorded"], name


def test_no_figure_depends_on_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "one") as one, reading(one.engine) as connection:
        told = everything(connection)
    other = [("110100199001011069", "350302", 40, "闽A1"), *ROWS[:3]]
    monkeypatch.setattr(tests.sharing_world, "ROWS", other)
    with opened(tmp_path / "other") as neighbour, reading(neighbour.engine) as connection:
        assert everything(connection) == told


@pytest.mark.full
def test_figures_are_the_same_on_postgresql(tmp_path: Path) -> None:
    with opened(tmp_path / "sqlite") as one, reading(one.engine) as connection:
        told = everything(connection)
    with (
        postgresql_server(tmp_path / "pg") as url,
        opened(tmp_path / "other", url) as other,
        reading(other.engine) as connection,
    ):
        assert everything(connection) == told


def test_every_frequency_and_every_target_has_its_rule() -> None:
    assert set(AGES) == {str(one) for one in UpdateFrequency}
    keys = {item.key for item in national_rules(PACK).indicators}
    for rules in PACK.every(FigureRules).values():
        assert {target.key for target in rules.targets} <= keys


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-13", ""), ("11-2026", ""), ("2026-12", "2026-11"), ("2020-01", "2026-11"), ("", "x")],
)
def test_a_span_that_is_none_is_refused(since: str, until: str) -> None:
    with pytest.raises(InvalidInput):
        span_of(CALENDAR, START_US, since, until, 36)


def test_a_month_is_the_jurisdictions_own() -> None:
    span = span_of(CALENDAR, START_US, "2026-02", "2026-03", 36)
    assert [month.name for month in span.months] == ["2026-02", "2026-03"]
    assert [month.last for month in span.months] == [date(2026, 2, 28), date(2026, 3, 31)]
    assert span.from_us == CALENDAR.starts_us(date(2026, 2, 1))
    assert span.until_us == CALENDAR.starts_us(date(2026, 4, 1))
    assert month_of("2026-12", "month").after == date(2027, 1, 1)
