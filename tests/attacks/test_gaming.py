"""Whoever asks again, pads, splits or republishes to raise a share moves it by 0 fen, or within
the bound that the documentation states.

Each attack is played out twice under a licence with a fixed fee, so that the money is the same, and
what the payees are paid is compared to the fen.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from authorization.documents import LicenceDocument
from authorization.revenue_terms import Purpose
from authorization.scheme_terms import ShareScheme
from policies.schema.revenue import Meter
from revenue.schemes.versions import scheme_digest
from tests.tariffs import tariff_json
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import (
    Asked,
    Scene,
    affiliate,
    as_bytes,
    later,
    paid,
    pot_scheme,
    put_in_force,
    source,
)

FEE_FEN = 1_000_003
PADDED = 10**9
WEIGHTS = ("rows*quality_ppm", "columns", "calls", "min(rows,10)*columns+calls")


def licence(scheme: ShareScheme, name: str = "lic_a", **changes: Any) -> LicenceDocument:
    plain = make_licence(name, scheme=scheme, datasets=("d_roads", "d_people"), **changes)
    fee = {"fen_per_period": FEE_FEN, "ceiling_fen_per_period": FEE_FEN}
    terms = plain.product.model_dump(mode="json")
    price_class = terms["price_class"]
    terms["tariff"] = tariff_json(prices=[], subscription=fee, price_class=price_class)
    return plain.model_validate({**plain.model_dump(mode="json"), "product": terms})


def settled(asked: Iterable[Asked], *, others: Sequence[LicenceDocument] = ()) -> dict[str, Any]:
    """Ask in one period and return the pool of ``lic_a``."""
    questions = list(asked)
    scene = Scene([questions[0].licence, *others])
    scene.open("p")
    for one in questions:
        scene.use(one)
    scene.close("p")
    document = scene.pools("p")["lic_a"]
    scene.dispose()
    return document


def honest(scheme: ShareScheme) -> list[Asked]:
    terms = licence(scheme)
    return [
        Asked(terms, "k1", {"d_roads": 120, "d_people": 30}, columns=("a", "b")),
        Asked(terms, "k2", {"d_people": 77}, columns=("c",)),
        Asked(terms, "k3", {"d_roads": 9}),
    ]


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("repeats", [60, pytest.param(10_000, marks=pytest.mark.full)])
def test_asking_again_moves_nothing(weight: str, repeats: int) -> None:
    before = honest(pot_scheme(weight))
    after = settled([*before, *[before[0]] * repeats])
    assert after["usage_count"] == len(before) + repeats
    assert after["steps"] == settled(before)["steps"]
    assert after["billed_fen"] == FEE_FEN


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_new_version_a_day_moves_nothing_however_padded(weight: str) -> None:
    before = honest(pot_scheme(weight))
    daily = [
        later(before[0], sources={"d_roads": 120 + day * 1_000, "d_people": 30})
        for day in range(1, 31)
    ]
    assert settled([*before, *daily])["steps"] == settled(before)["steps"]
    assert settled([*reversed(daily), *before])["steps"] == settled(before)["steps"]


def test_duplicated_rows_count_up_to_the_approved_size_and_no_further() -> None:
    scheme = pot_scheme(sources=[source("d_roads", approved_rows=129), source("d_people")])
    before = honest(scheme)
    padded = [
        later(one, sources={name: PADDED if name == "d_roads" else rows for name, rows in item})
        for one, item in ((one, one.sources.items()) for one in before)
    ]
    assert settled(padded)["steps"] == settled(before)["steps"]


@pytest.mark.parametrize("weight", ["rows*quality_ppm", "columns", "columns*approved_rows"])
def test_a_question_split_in_parts_moves_nothing(weight: str) -> None:
    before = honest(pot_scheme(weight))
    parts = [
        later(before[0], key=f"part{place}", sources={"d_roads": 12, "d_people": 3})
        for place in range(10)
    ]
    assert settled([*parts, *before[1:]])["steps"] == settled(before)["steps"]


@pytest.mark.parametrize("parts", [2, 10, 300])
def test_where_calls_weigh_splitting_moves_no_more_than_the_stated_bound(parts: int) -> None:
    """By d more calls of weights that sum to w, a share of the pot rises by at most d / (w + d)."""
    before = honest(pot_scheme("calls"))
    extra = [later(before[2], key=f"part{place}") for place in range(parts)]
    honest_pot, gamed_pot = _pot(settled(before)), _pot(settled([*before, *extra]))
    weights = 4  # d_roads asked twice, d_people twice
    moved = gamed_pot["d_roads"] - honest_pot["d_roads"]
    whole = sum(honest_pot.values())
    assert 0 < moved <= whole * parts // (weights + parts) + 1


def test_a_maximum_holds_against_any_number_of_calls() -> None:
    scheme = pot_scheme(
        "calls", sources=[source("d_roads", maximum_ppm=550_000), source("d_people")]
    )
    before = honest(scheme)
    pot = _pot(settled([*before, *(later(before[2], key=f"x{n}") for n in range(200))]))
    assert pot["d_roads"] <= -(-sum(pot.values()) * 550_000 // 1_000_000)


@pytest.mark.parametrize("meter", [Meter.REPEAT, Meter.RELEASE, Meter.SESSION_HOUR])
def test_repeats_releases_and_sessions_weigh_nothing(meter: Meter) -> None:
    before = honest(pot_scheme("calls+rows+columns"))
    idle = [
        Asked(before[0].licence, f"i{place}", {"d_roads": 999}, ("z",), meter=meter)
        for place in range(20)
    ]
    assert settled([*before, *idle])["steps"] == settled(before)["steps"]


def test_free_use_weighs_nothing_and_no_licence_shares_anothers_money() -> None:
    before = honest(pot_scheme("calls+rows+columns"))
    free = licence(pot_scheme("calls"), "lic_free", price_class=Purpose.PUBLIC_WELFARE)
    rich = licence(pot_scheme("calls"), "lic_rich")
    strange = [
        Asked(terms, f"o{place}", {"d_roads": 999}, ("z",))
        for terms in (free, rich)
        for place in range(20)
    ]
    alone, beside = settled(before), settled([*before, *strange], others=[free, rich])
    assert alone["steps"] == beside["steps"]
    assert alone["contributions"] == beside["contributions"]
    scene = Scene([free])
    scene.open("p")
    scene.use(Asked(free, "o", {"d_roads": 5}))
    scene.close("p")
    (pool,) = scene.pools("p").values()
    assert (pool["billed_fen"], pool["contribution_count"]) == (0, 0)
    assert pool["usage_totals"] == {"fetch": 1}


def test_use_by_an_affiliate_of_a_source_or_the_operator_is_flagged() -> None:
    asked = honest(pot_scheme())
    scene = Scene([asked[0].licence])
    scene.submit(lambda connection, _: affiliate(connection, "roads_bureau", "shell"))
    scene.submit(lambda connection, _: affiliate(connection, "operator", "sister"))
    scene.open("p")
    for buyer in ("enterprise", "shell", "shell", "sister", "operator"):
        scene.use(later(asked[0], buyer=buyer))
    scene.close("p")
    flagged = {one["buyer"]: one for one in scene.pools("p")["lic_a"]["affiliates"]}
    assert sorted(flagged) == ["shell", "sister"]
    assert flagged["shell"]["affiliated_with"] == ["roads_bureau"]
    assert flagged["shell"]["usage_count"] == 2
    assert flagged["sister"]["affiliated_with"] == ["operator"]


def test_the_order_of_questions_leaves_every_figure_as_it_is() -> None:
    asked = honest(pot_scheme("calls*rows+columns"))
    one, other = settled(asked), settled(list(reversed(asked)))
    assert as_bytes(_figures(one)) == as_bytes(_figures(other))


def test_a_period_is_split_by_the_scheme_that_it_opened_with() -> None:
    asked = honest(pot_scheme("rows"))
    terms = asked[0].licence
    better = pot_scheme("calls", version="s2", ppm=1_000_000)
    scene = Scene([terms])
    scene.open("p1")
    for one in asked:
        scene.use(one)
    scene.submit(lambda connection, entry: put_in_force(connection, entry, terms.id, better))
    scene.close("p1")
    scene.open("p2")
    scene.use(asked[0])
    scene.close("p2")
    first, second = scene.pools("p1")["lic_a"], scene.pools("p2")["lic_a"]
    assert first["scheme_digest"] == scheme_digest(terms.scheme)
    assert paid(first) == paid(settled(asked))
    assert second["scheme_digest"] == scheme_digest(better)


def _pot(document: Mapping[str, Any]) -> dict[str, int]:
    return {
        step["dataset"]: step["micro_fen"] for step in document["steps"] if step["step"] == "pot"
    }


def _figures(document: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what names places in the log."""
    return {
        name: value
        for name, value in document.items()
        if name not in {"usage_digest", "contributions_digest"}
    }
