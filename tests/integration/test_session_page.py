"""The page around a session and its line of facts: only with their own one-time secrets."""

from collections.abc import Iterator

import pytest

from service.session_page import VIEW_HEADER
from tests.calling import SLOT, in_session
from tests.city import City, built_city

SESSION = f"ses_{SLOT}"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city, in_session(city):
        yield city


@pytest.mark.parametrize("headers", [{}, {VIEW_HEADER: ""}, {VIEW_HEADER: "x" * 43}])
def test_without_the_pages_secret_there_is_no_such_session(
    city: City, headers: dict[str, str]
) -> None:
    answer = city.client().get(f"/sessions/{SESSION}/status", headers=headers)
    assert answer.status_code == 404
    assert answer.json()["code"] == "session_unknown"


def test_a_ticket_is_no_such_secret(city: City) -> None:
    headers = {VIEW_HEADER: city.platform.tickets.give(SLOT)}
    answer = city.client("analyst").get(f"/sessions/{SESSION}/status", headers=headers)
    assert answer.status_code == 404


def test_the_page_holds_the_secret_that_reads_its_line(city: City) -> None:
    ticket = city.platform.tickets.give(SLOT)
    page = city.client().get(f"/sessions/{SESSION}", params={"ticket": ticket})
    assert page.status_code == 200
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    view = page.text.partition('data-view="')[2].partition('"')[0]
    told = city.client().get(f"/sessions/{SESSION}/status", headers={VIEW_HEADER: view})
    assert [item["label"] for item in told.json()["items"]] == [
        "模式",
        "隐私预算剩余",
        "授权剩余",
        "本会话费用",
        "会话还剩",
    ]


def test_a_dark_slot_answers_no_page(city: City) -> None:
    view = city.platform.tickets.give_view(SLOT)
    city.platform.tickets.forget(SLOT)
    answer = city.client().get(f"/sessions/{SESSION}/status", headers={VIEW_HEADER: view})
    assert answer.status_code == 404
