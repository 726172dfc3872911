"""No path, however written, reaches a handler of the session's server that is not open."""

import pytest

from tests.attacks.proxy_fuzzing import Reached, listed_requests, random_requests, reached
from tests.attacks.test_proxy_paths import ALLOWED, DENIED
from tests.parts import need_session_environment

pytestmark = need_session_environment
SEED = 20261123
SOME, MANY = 5_000, 200_000


@pytest.fixture(scope="module")
def found() -> list[list[Reached]]:
    """Where the listed, the allowed and some random requests end."""
    allowed = [(method, path.encode(), query.encode()) for method, path, query in ALLOWED]
    return reached(listed_requests(), allowed, random_requests(SOME, SEED))


def test_the_listed_paths_reach_nothing(found: list[list[Reached]]) -> None:
    assert len(DENIED) >= 40
    assert found[0] == []


def test_allowed_paths_end_where_they_should(found: list[list[Reached]]) -> None:
    assert len(found[1]) >= 8
    assert not [one for one in found[1] if one.denied]


def test_random_paths_reach_no_denied_handler(found: list[list[Reached]]) -> None:
    assert len(found[2]) > SOME // 100  # the fuzzer stays close enough to what is allowed
    assert [one for one in found[2] if one.denied] == []


@pytest.mark.full
def test_many_random_paths_reach_no_denied_handler() -> None:
    (many,) = reached(random_requests(MANY, SEED + 1))
    assert [one for one in many if one.denied] == []
