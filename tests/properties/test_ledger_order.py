"""Whatever order outcomes come in, every payee is paid the same, and nothing drifts or is lost."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from authorization.documents import LicenceDocument
from authorization.scheme_terms import FixedAmount
from foundation.db import reading
from foundation.money import MICRO_FEN_PER_FEN
from revenue.carries import BILL, bill_carry_micro_fen, carried_by_payee
from revenue.ledger import balances, reverse
from revenue.pools import give_back_pool
from tests.tariffs import price_json
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import Asked, Scene, pot_scheme, source

DATASETS = ("d_people", "d_roads")


def priced(name: str, micro_fen: int, **changes: Any) -> LicenceDocument:
    """Return a licence whose fetches cost this, shared out by a pot with bounds."""
    scheme = pot_scheme(
        "rows*quality_ppm+calls",
        sources=[
            source("d_people", minimum_ppm=200_000, approved_rows=50),
            source("d_roads", maximum_ppm=700_000, quality_ppm=900_001),
        ],
        ppm=777_777,
        cost_recovery=(FixedAmount(payee="centre", channel="treasury", fen_per_period=1),),
    )
    plain = make_licence(name, scheme=scheme, datasets=DATASETS, **changes)
    terms = plain.product.model_dump(mode="json")
    terms["tariff"]["prices"] = [price_json("fetch", micro_fen)]
    return plain.model_validate({**plain.model_dump(mode="json"), "product": terms})


LICENCES = (
    priced("lic_a", 1_300_007),
    priced("lic_b", 999_999, payer="city"),
    make_licence("lic_c", fen=7, shares=(("x", 999_999), ("y", 1))),
)
asked = st.builds(
    Asked,
    licence=st.sampled_from(LICENCES),
    key=st.sampled_from("abc"),
    sources=st.fixed_dictionaries({}, optional={name: st.integers(0, 60) for name in DATASETS}),
    columns=st.lists(st.sampled_from("xyz"), max_size=2),
)
FIGURES = ("billed_fen", "carry_out_micro_fen", "contributions", "steps", "lines", "usage_totals")


def _settled(scene: Scene, period: str, questions: Sequence[Asked]) -> dict[str, dict[str, Any]]:
    scene.open(period)
    for one in questions:
        scene.use(one)
    scene.close(period)
    return scene.pools(period)


@settings(max_examples=15, deadline=None)
@given(st.data(), st.lists(asked, min_size=1, max_size=12))
def test_the_order_of_outcomes_changes_no_payment(
    data: st.DataObject, questions: list[Asked]
) -> None:
    shuffled = data.draw(st.permutations(questions))
    found = []
    for order in (questions, shuffled):
        scene = Scene(LICENCES)
        pools = _settled(scene, "p", order)
        found.append({name: {key: pool[key] for key in FIGURES} for name, pool in pools.items()})
        scene.dispose()
    assert found[0] == found[1]
    for pool in found[0].values():
        assert sum(line["fen"] for line in pool["lines"]) == pool["billed_fen"]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(asked, max_size=5), min_size=1, max_size=6))
def test_over_many_periods_all_that_was_metered_is_billed_and_paid(
    periods: list[list[Asked]],
) -> None:
    scene = Scene(LICENCES)
    gross: dict[str, int] = {}
    billed: dict[str, int] = {}
    for place, questions in enumerate(periods):
        for name, pool in _settled(scene, f"p{place}", questions).items():
            gross[name] = gross.get(name, 0) + pool["gross_micro_fen"]
            billed[name] = billed.get(name, 0) + pool["billed_fen"]
            assert sum(step["micro_fen"] for step in pool["steps"]) == (
                pool["billed_fen"] * MICRO_FEN_PER_FEN
            )
    with reading(scene.engine) as connection:
        for name, micro in gross.items():
            left = bill_carry_micro_fen(connection, name)
            assert 0 <= left < MICRO_FEN_PER_FEN
            assert micro == billed[name] * MICRO_FEN_PER_FEN + left
            carried = carried_by_payee(connection, name)
            assert sum(one.micro_fen for one in carried.values()) == 0
            assert all(one.micro_fen > -MICRO_FEN_PER_FEN for one in carried.values())
            assert BILL not in carried
    scene.dispose()


@settings(max_examples=8, deadline=None)
@given(st.data(), st.lists(st.lists(asked, min_size=1, max_size=4), min_size=1, max_size=4))
def test_a_refund_of_everything_leaves_nothing_anywhere(
    data: st.DataObject, periods: list[list[Asked]]
) -> None:
    """Reversing every settlement, in any order, empties every account and every payee's carry."""
    scene = Scene(LICENCES)
    journals: list[str] = []
    gross: dict[str, int] = {}
    for place, questions in enumerate(periods):
        scene.open(f"p{place}")
        for one in questions:
            metered = scene.use(one)
            name = one.licence.id
            gross[name] = gross.get(name, 0) + metered.gross_micro_fen
        journals += scene.close(f"p{place}").journals
    scene.open("refund")

    def refund(journal: str) -> None:
        def apply(connection: Any, entry: Any) -> None:
            reverse(connection, entry, journal, "refund")
            give_back_pool(connection, entry, journal)
            give_back_pool(connection, entry, journal)  # a second time gives nothing more

        scene.submit(apply)

    for journal in data.draw(st.permutations(journals)):
        refund(journal)
    with reading(scene.engine) as connection:
        assert set(balances(connection).values()) <= {0}
        unbilled = {name: bill_carry_micro_fen(connection, name) for name in gross}
        carried = [carried_by_payee(connection, name) for name in gross]
    assert not any(carried)
    assert all(abs(micro) < MICRO_FEN_PER_FEN * len(periods) for micro in unbilled.values())
    scene.dispose()
