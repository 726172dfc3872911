"""Search and alerts on PostgreSQL: what is found and raised there is what SQLite finds too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from audit.reading import LogEntry
from audit.view.search import count, search
from audit.view.terms import Terms
from audit.writer import GroupCommitWriter
from foundation.db import metadata, open_engine, reading
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.alerts import AlertRules, AlertThreshold
from service.migrate import import_stores
from service.regulator.alert_rules import RuleDraft, save_rule, saved_rules
from service.regulator.alerting import Alerting, acknowledge, alerts
from tests.fakes import SteppedClock
from tests.postgresql import postgresql_server
from tests.searched_log import TERMS, filled, naive
from tests.unit.service.test_alert_windows import CALENDAR

AUDITOR = Actor("auditor", "city_regulator", frozenset({Role.REGULATOR}))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, list[LogEntry], Path]]:
    home = tmp_path_factory.mktemp("pg")
    with postgresql_server(tmp_path_factory.mktemp("server")) as url:
        engine = open_engine(url)
        import_stores()
        metadata.create_all(engine)
        yield engine, filled(engine, home), home
        engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(terms=TERMS)
def test_postgresql_finds_what_a_plain_filter_finds(
    log: tuple[Engine, list[LogEntry], Path], terms: Terms
) -> None:
    engine, entries, _ = log
    with reading(engine) as connection:
        page = search(connection, terms, limit=200)
        found = list(page.entries)
        if page.next_before is not None:
            found += search(connection, terms, before=page.next_before, limit=200).entries
        number, _ = count(connection, terms)
    expected = naive(entries, terms)
    assert [entry.index for entry in found] == expected
    assert number == len(expected)


def test_postgresql_raises_and_keeps_alerts(log: tuple[Engine, list[LogEntry], Path]) -> None:
    engine, _, home = log
    pack = load_policies()
    rules, clock, keys = pack.rules(AlertRules), SteppedClock(), FileKeyStore(home / "keys")
    with GroupCommitWriter(engine, keys, clock, "test.example/log", home / "head") as writer:
        draft = RuleDraft(
            name="early",
            check="refused_bursts",
            threshold=AlertThreshold(minimum=1, window_seconds=60),
        )
        first = save_rule(writer, AUDITOR, draft, rules).value
        save_rule(writer, AUDITOR, draft.model_copy(update={"enabled": False}), rules, first.id)
        alerting = Alerting(engine, writer, clock, rules, CALENDAR, lambda _c: {}, pack.digest)
        assert alerting.evaluate() > 0  # the log's own entries hold a burst
        assert alerting.evaluate() == 0
        with reading(engine) as connection:
            (saved,) = saved_rules(connection)
            raised = alerts(connection)
        assert (saved.revision, saved.enabled) == (2, False)
        assert {alert.rule for alert in raised} == {"national/refused_bursts"}
        acknowledge(writer, AUDITOR, raised[0].id, "seen")
        with reading(engine) as connection:
            assert len(alerts(connection, open_only=True)) == len(raised) - 1
