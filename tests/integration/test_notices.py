"""The authority is told of a day's screen budget spent; nobody else reads its notices."""

from collections.abc import Iterator

import pytest

from sandbox.egress import EgressAccount
from tests.calling import API, problem_of
from tests.city import City, built_city


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.mark.parametrize("account", ["analyst", "checker_one", "auditor"])
def test_others_do_not_read_the_authoritys_notices(city: City, account: str) -> None:
    answer = city.client(account).get(f"{API}/notices")
    assert problem_of(answer, 403)["code"] == "role_missing"


def test_a_day_spent_is_told_and_opens_no_further_session(city: City) -> None:
    egress = city.platform.doors.egress
    account = EgressAccount(city.actor("analyst").person, city.licence)
    egress.count("a" * 26, account, egress.remaining(account)[0], 0)
    egress.tell_spent(account, "ses_one")
    notice = city.client("founder").get(f"{API}/notices").json()["notices"][0]
    assert notice["kind"] == "sandbox:egress:spent"
    assert notice["about"]["person"] == account.person
    assert notice["text"]["zh"]
    refused = city.client("analyst").post(f"{API}/sessions", json={"licence": city.licence})
    assert problem_of(refused)["code"] == "egress_budget_spent"
    assert not city.platform.sessions.sessions()
