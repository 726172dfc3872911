"""Rows licensed after private answers would make their price too low: refused, both ways round."""

from collections.abc import Iterator

import pytest

from catalog.populations import mark_rows_held
from disclosure.outcome import Refused
from disclosure.spending import check_rows_may_be_held, population_spent_nano_rho
from foundation.db import reading
from foundation.errors import Conflict
from tests.city import COUNT_BY_STATE, POPULATION, City, built_city
from tests.parts import need_namespaces

pytestmark = need_namespaces


@pytest.fixture
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


def spent(city: City) -> int:
    with reading(city.platform.engine) as connection:
        return population_spent_nano_rho(connection, POPULATION)


def test_rows_may_be_licensed_before_the_first_answer_and_not_after(city: City) -> None:
    with reading(city.platform.engine) as connection:
        check_rows_may_be_held(connection, POPULATION)
    city.ask(COUNT_BY_STATE)
    assert spent(city) > 0
    with reading(city.platform.engine) as connection, pytest.raises(Conflict) as refused:
        check_rows_may_be_held(connection, POPULATION)
    assert refused.value.code == "population_already_answered"


def test_a_population_whose_rows_are_held_already_may_be_licensed_again(city: City) -> None:
    with city.platform.engine.begin() as connection:
        mark_rows_held(connection, POPULATION)
    city.ask(COUNT_BY_STATE)
    with reading(city.platform.engine) as connection:
        check_rows_may_be_held(connection, POPULATION)


def test_a_price_made_before_the_relation_changed_is_void_and_nothing_is_charged(
    city: City,
) -> None:
    scope, pipeline = city.scope(), city.platform.pipeline
    prepared = pipeline._preparing.prepare(scope, "qst_before", COUNT_BY_STATE, None)
    with city.platform.engine.begin() as connection:
        mark_rows_held(connection, POPULATION)
    with pytest.raises(Refused) as refused:
        pipeline._decide(scope, prepared)
    assert refused.value.code == "population_relation_changed"
    assert spent(city) == 0
