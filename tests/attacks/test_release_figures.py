"""A figure as a way round the checks: by other data than its table's, and by its title."""

from collections.abc import Iterator
from typing import Any

import pytest

from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from disclosure.release.requests import Request
from tests.city import City
from tests.parts import need_namespaces
from tests.table_city import table_city, visit_rows

pytestmark = need_namespaces

WHOLE = "SELECT band, COUNT(*) AS n FROM visits GROUP BY band"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with table_city(tmp_path_factory.mktemp("figures")) as found:
        yield found


def near() -> str:
    """Return the same table without one person, whom the cost tells from all others."""
    rows = visit_rows()
    alone = next(r for r in rows if sum(o["cost"] == r["cost"] for o in rows) == 1)
    return f"SELECT band, COUNT(*) AS n FROM visits WHERE cost <> {alone['cost']} GROUP BY band"


def table(name: str, sql: str) -> FileDraft:
    return FileDraft(name=name, source="table", plan={"sql": sql})


def figure(data: FileDraft, title: str = "") -> FileDraft:
    chart = {"kind": "bar", "x": "band", "y": "n", "title": title}
    plan: dict[str, Any] = {"chart": chart, "data": data.model_dump()}
    return FileDraft(name="figure.png", source="figure", plan=plan)


def submitted(city: City, *files: FileDraft, title: str = "Visits") -> Request:
    desk, actor = city.platform.desk, city.actor("analyst")
    draft = ReleaseDraft(title_zh="就诊", title_en=title, files=files)
    return desk.submit_draft(actor, desk.draft(actor, city.licence, draft).id)


def failed(request: Request) -> set[tuple[str, str]]:
    return {
        (str(item["file"]), str(item["check"])) for item in request.checks if not item["passed"]
    }


def test_a_figure_under_anothers_name_shows_no_cell_that_its_table_holds_back(city: City) -> None:
    """Two tables apart by one person: the second hides a cell, and no figure may draw it."""
    first, second = table("a.csv", WHOLE), table("b.csv", near())
    under_a = FileDraft(name="a.csv", source="table", plan=second.plan)
    request = submitted(city, first, second, figure(under_a))
    assert ("figure.png", "figure_data_present") in failed(request)
    assert request.state == "refused"  # no officer excepts it


def test_a_figure_and_its_table_are_recorded_once_in_one_request(city: City) -> None:
    data = table("by_band.csv", "SELECT band, COUNT(*) AS n FROM visits WHERE urgent GROUP BY band")
    assert failed(submitted(city, data, figure(data, "各年龄段急诊人次"))) == set()


def test_titles_are_read_like_any_text(city: City) -> None:
    """Those of a figure and of a request: no number, identifier or unseen byte rides on them."""
    data = table("by_band.csv", "SELECT band, COUNT(*) AS n FROM visits WHERE urgent GROUP BY band")
    title = (
        "共 48213 人 13800138000 屯\U000e0150\U000e0151 Zm9vYmFyQmF6MTIzNDU2Nzg5MFFXRVJUWQ== <b>"
    )
    found = failed(submitted(city, data, figure(data, title), title=title))
    checks = ("numbers_traced", "identifiers", "unseen_characters", "opaque_runs", "active_content")
    for name in ("", "figure.png"):
        assert {(name, check) for check in checks} <= found
