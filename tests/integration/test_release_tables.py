"""Tables over granted rows on a running city: what may not leave, what leaves, and what is kept.

Two operators hold rows about the same residents; each asks for tables, and the desk recomputes.
"""

import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit.tags import EntryKind
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from disclosure.release.tables.plan import TableRequest
from disclosure.release.tables.store import released_figure, released_table
from foundation.db import reading
from foundation.errors import Message, SandgateError
from service.app import create_gateway
from service.session_gateway_socket import GatewaySockets
from tests.calling import SLOT, entries, in_session, opened, problem_of
from tests.city import City, rows_of
from tests.city_documents import RIVAL
from tests.parts import REPOSITORY, need_namespaces
from tests.table_city import (
    delivered,
    submitted,
    table_city,
    table_rows,
    visit_rows,
    visits_licence,
)

CLIENT = REPOSITORY / "client" / "src"
if str(CLIENT) not in sys.path:
    sys.path.insert(0, str(CLIENT))

import sandgate  # noqa: E402 - the client is another distribution, found by its path

pytestmark = need_namespaces

BY_REGION = "SELECT region, COUNT(*) AS n, SUM(cost) AS total FROM visits GROUP BY region"
URGENT = "SELECT region, COUNT(*) AS n FROM visits WHERE urgent GROUP BY region"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with table_city(tmp_path_factory.mktemp("tables")) as found:
        yield found


@pytest.fixture(scope="module")
def sibling(city: City) -> str:
    """Another operator's licence over rows of the same people."""
    return city.grant(visits_licence(RIVAL))


def refused(city: City, sql: str, **more: Any) -> SandgateError:
    with pytest.raises(SandgateError) as refusal:
        submitted(city, sql, **more)
    return refusal.value


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT age_band, COUNT(*) AS n FROM households GROUP BY age_band", "table_not_granted"),
        ("SELECT pid, COUNT(*) AS n FROM visits GROUP BY pid", "table_not_granted_as_rows"),
        ("SELECT region, day FROM visits", "aggregate_form"),
        ("SELECT region, COUNT(*) AS n FROM visits GROUP BY region LIMIT 1", "table_form"),
        (
            "SELECT day, cost, COUNT(*) AS n FROM visits GROUP BY day, cost",
            "table_too_large",
        ),
        ("SELECT region, COUNT(*) AS n FROM visits WHERE cost = 7019 GROUP BY region", ""),
    ],
)
def test_what_is_no_safe_table_over_granted_rows_is_refused(
    city: City, sql: str, code: str
) -> None:
    refusal = refused(city, sql)
    assert refusal.code == (code or "table_not_protectable")
    assert not entries(city, EntryKind.TABLE_RECOMPUTED)


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"sql": BY_REGION, "table": [["east", 12]]},
        {"sql": BY_REGION, "values": "invented"},
        {"sql": BY_REGION, "rounding": -1},
        {"sql": 7},
    ],
)
def test_no_count_of_the_authors_own_is_ever_read(city: City, plan: dict[str, Any]) -> None:
    file = FileDraft(name="table.csv", source="table", plan=plan)
    draft = ReleaseDraft(title_zh="表", title_en="Table", files=(file,))
    actor, desk = city.actor("analyst"), city.platform.desk
    request = desk.draft(actor, city.licence, draft)
    with pytest.raises(SandgateError) as refusal:
        desk.submit_draft(actor, request.id)
    assert refusal.value.code == "table_plan_invalid"


def test_a_table_leaves_as_the_desk_computed_it(city: City) -> None:
    request = submitted(city, BY_REGION, margins=True)
    assert request.state == "checked"
    first = city.platform.desk.preview(city.actor("checker_one"), request.id)
    again = city.platform.desk.preview(city.actor("checker_two"), request.id)
    assert first.content == again.content
    truth = visit_rows()
    for row in table_rows(first.content):
        own = [r for r in truth if row["region"] in {"", r["region"]}]
        assert row["n"] == str((len(own) + 2) // 5 * 5)  # to the nearest 5
        assert row["total"] == str(sum(r["cost"] or 0 for r in own))
        assert row["suppressed"] == "False"
    assert delivered(city, request).state == "delivered"


def test_a_recomputation_is_logged_once_and_its_register_names_nobody(city: City) -> None:
    before = len(entries(city, EntryKind.TABLE_RECOMPUTED))
    request = submitted(city, URGENT)
    city.platform.desk.preview(city.actor("checker_one"), request.id)
    delivered(city, request)
    entry, *others = entries(city, EntryKind.TABLE_RECOMPUTED)[before:]
    assert not others
    assert entry.public["release"] == request.id
    assert entry.public["columns"] == {"visits": ["region", "urgent"]}
    assert set(opened(city, entry)) == {"table", "plan", "compared"}
    assert b"east" not in entry.body
    with reading(city.platform.engine) as connection:
        table = connection.execute(
            select(released_table).where(released_table.c.request == request.id)
        ).one()
        figures = connection.execute(
            select(released_figure).where(released_figure.c.table_id == table.id)
        ).all()
    assert len(figures) == 4
    assert {len(bytes(figure.sketch)) for figure in figures} <= {2_048, 4_096}


def test_another_operators_table_that_differs_by_one_person_is_held_back(
    city: City, sibling: str
) -> None:
    """The first waits for its votes only: what is pending counts as much as what left."""
    whole = "SELECT band, COUNT(*) AS n FROM visits GROUP BY band"
    waiting = submitted(city, whole)
    assert waiting.state == "checked"
    alone = next(r for r in visit_rows() if sum(o["cost"] == r["cost"] for o in visit_rows()) == 1)
    near = f"SELECT band, COUNT(*) AS n FROM visits WHERE cost <> {alone['cost']} GROUP BY band"
    held = submitted(city, near, account="rival", licence=sibling)
    rows = table_rows(city.platform.desk.preview(city.actor("checker_one"), held.id).content)
    assert alone["band"] in {row["band"] for row in rows if row["suppressed"] == "True"}
    told = " ".join(item["reason_en"] + item["reason_zh"] for item in held.checks)
    assert waiting.id not in told
    assert city.licence not in told
    assert "pearl" not in told


def test_two_near_tables_submitted_at_once_never_both_show_what_tells_them_apart(
    city: City, sibling: str
) -> None:
    cost = _one_cost_before("2026-05-01")
    asks = [
        ("analyst", city.licence, "SELECT COUNT(*) AS n FROM visits WHERE cost > 0"),
        ("rival", sibling, f"SELECT COUNT(*) AS n FROM visits WHERE cost > 0 AND cost <> {cost}"),
    ]

    def ask(who: tuple[str, str, str]) -> bool:
        account, licence, sql = who
        try:
            submitted(city, sql, account=account, licence=licence)
        except SandgateError as refusal:
            assert refusal.code == "table_not_protectable"  # noqa: PT017 - one of two may be
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        assert sorted(both.map(ask, asks)) == [False, True]


def test_a_refused_request_counts_for_nothing_afterwards(city: City, sibling: str) -> None:
    sql = "SELECT COUNT(*) AS n FROM visits WHERE {}"
    first = submitted(city, sql.format("day < DATE '2026-03-01'"))
    near = sql.format(f"day < DATE '2026-03-01' AND cost <> {_one_cost_before('2026-03-01')}")
    refusal = refused(city, near, account="rival", licence=sibling)
    assert refusal.code in {"table_not_protectable", "table_differs_too_little"}
    city.platform.desk.drafts.withdraw(city.actor("analyst"), first.id, "not needed")
    again = submitted(city, near, account="rival", licence=sibling)
    assert again.state == "checked"


def test_a_new_version_is_held_against_the_old_and_what_waits_stays_at_its_own(
    tmp_path: Path,
) -> None:
    """Twelve people move in, four of them urgent: the extract may be renewed, their cell not."""
    with table_city(tmp_path / "home") as city:
        waiting = submitted(city, URGENT)
        voted = city.platform.desk.preview(city.actor("checker_one"), waiting.id).content
        east = next(row for row in visit_rows() if (row["region"], row["band"]) == ("east", "0-17"))
        moved = [{**east, "pid": 10_000 + n, "urgent": n < 4, "cost": n} for n in range(12)]
        city.publish("visits", [*visit_rows(), *moved])
        assert city.platform.activation.refresh_extracts() == [city.licence]
        assert delivered(city, waiting).state == "delivered"
        assert waiting.sha256 == f"sha256:{sha256(voted).hexdigest()}"
        later = submitted(city, URGENT)
        content = city.platform.desk.preview(city.actor("checker_one"), later.id).content
        shown = {row["region"]: row["suppressed"] for row in table_rows(content)}
        assert shown == {"east": "True", "north": "False", "south": "False", "west": "False"}


def test_a_rehearsal_tells_no_figure_and_is_logged_and_counted(
    city: City, tmp_path_factory: pytest.TempPathFactory
) -> None:
    no_table = "SELECT region, MEDIAN(cost) AS m FROM visits GROUP BY region"
    with in_session(city) as gateway:
        asked = {"sql": BY_REGION, "margins": True}
        found = gateway.call("POST", "/v1/tables/preview", json=asked)
        refusal = gateway.call("POST", "/v1/tables/preview", json={"sql": no_table})
        _ask_from_a_notebook(city, str(tmp_path_factory.mktemp("s") / "g.sock"))
    body = found.json()
    assert found.status_code == 200, body
    assert body["columns"] == ["region", "totalled", "n", "total", "suppressed"]
    assert (body["rows"], body["suppressed_count"]) == (5, 0)
    assert str(sum(r["cost"] or 0 for r in visit_rows())) not in found.text
    problem = problem_of(refusal)
    assert problem["code"] == "table_form"
    assert problem["way_out"]["sql"] == "SELECT region, COUNT(*) AS n FROM visits GROUP BY region"
    first, second, _ = entries(city, EntryKind.TABLE_PREVIEWED)
    assert set(opened(city, first)) == set(opened(city, second)) == {"request"}
    with reading(city.platform.engine) as connection:
        known = connection.execute(select(released_table.c.request)).scalars().all()
    assert "" not in known


def test_a_filter_by_a_pseudonym_means_what_the_operator_sees(city: City) -> None:
    """The masks are applied anew, under the licence's own key, opened on an entry of its own."""
    rows = rows_of(city.ask("SELECT college_id, degree FROM colleges"))
    shown = rows[0]["college_id"]
    sql = (
        f"SELECT degree, COUNT(*) AS n FROM colleges WHERE college_id <> '{shown}' GROUP BY degree"
    )
    request = submitted(city, sql)
    content = city.platform.desk.preview(city.actor("checker_one"), request.id).content
    seen = {row["degree"]: row["n"] for row in table_rows(content)}
    assert set(seen.values()) == {"300"}  # 298 and 300, to the nearest 5
    purposes = [e.public["purpose"] for e in entries(city, EntryKind.KEYS_REQUESTED)]
    assert "table" in purposes
    assert refused(city, sql.replace("<>", "=")).code == "table_not_protectable"


def test_a_rehearsal_beyond_the_days_number_is_refused(city: City) -> None:
    previews = city.platform.previews
    few = replace(previews, rules=previews.rules.model_copy(update={"previews_per_day_max": 1}))
    with pytest.raises(SandgateError) as refusal:
        few.preview(city.scope(), TableRequest(sql=URGENT))
    assert refusal.value.code == "table_previews_spent"
    assert isinstance(refusal.value.way_out, Message)


def _ask_from_a_notebook(city: City, path: str) -> None:
    """Rehearse and release a table by the SDK, over the session's own socket."""
    sockets = GatewaySockets(create_gateway(city.platform))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        sockets.serve(SLOT, listener, os.getuid())
        try:
            client = sandgate.Gateway(path)
            table = client.table("SELECT band, urgent, COUNT(*) AS n FROM visits GROUP BY ALL")
            assert (table.details["rows"], table.suppressed) == (8, [])
            request = table.release("就诊", "Visits", "visits.parquet")
            assert request.state == "checked"
            assert request.details["files"][0]["name"] == "visits.parquet"
            with pytest.raises(sandgate.Refused) as refusal:
                client.release_table(
                    "SELECT pid, COUNT(*) AS n FROM visits GROUP BY pid", "表", "T"
                )
            assert refusal.value.allowed_sql == "SELECT COUNT(*) AS n FROM visits"
        finally:
            sockets.close()


def _one_cost_before(day: str) -> int:
    """Return a cost that one visit before a day has, and no other visit."""
    costs = [row["cost"] for row in visit_rows()]
    found = (row["cost"] for row in visit_rows() if row["day"].isoformat() < day)
    return int(next(cost for cost in found if cost is not None and costs.count(cost) == 1))
