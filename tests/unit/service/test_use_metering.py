"""What the service tells the meter of sessions, verifications and questions, over real tables."""

from functools import partial

import pytest
from sqlalchemy import insert, select

from audit import store as audit_store
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from disclosure.metering import QuestionUse, VerificationUse
from foundation.db import reading
from foundation.errors import Denied
from policies.schema.revenue import Meter
from revenue.usage_store import contribution, usage
from sandbox.lifecycle import SessionMode, SessionState
from sandbox.sessions import Session
from service.metering import HOUR_US, RESTARTED, UseMetering
from tests.tariffs import price_json, tariff
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import BILLING, Entry, Scene

OPENED_US = Entry(0).time_us


def licence(**changes: object) -> LicenceDocument:
    plain = make_licence()
    prices = [price_json(meter.value, 10) for meter in Meter]
    terms = tariff(**{"prices": prices, **changes})
    product = plain.product.model_copy(update={"tariff": terms})
    return plain.model_copy(update={"product": product})


@pytest.fixture
def metering() -> UseMetering:
    return UseMetering(BILLING, bytes(32), 12 * 3_600)


def session(closed_us: int, opened_us: int | None = OPENED_US, reason: str = "asked") -> Session:
    return Session(
        id="ses_1",
        slot="slot",
        person="p",
        organisation="operator",
        licence="licence_a",
        purpose="industry",
        project=None,
        mode=SessionMode.PRODUCTION,
        review=None,
        state=SessionState.CLOSED,
        reason=reason,
        egress_bytes=0,
        opened_us=opened_us,
        changed_us=closed_us,
    )


def hours(scene: Scene) -> list[int]:
    with reading(scene.engine) as connection:
        query = select(usage.c.quantity).where(usage.c.meter == Meter.SESSION_HOUR.value)
        return list(connection.execute(query).scalars())


@pytest.mark.parametrize(
    ("lived_us", "expected"),
    [(0, 1), (1, 1), (HOUR_US, 1), (HOUR_US + 1, 2), (12 * HOUR_US, 12)],
)
def test_a_session_counts_started_hours(
    metering: UseMetering, lived_us: int, expected: int
) -> None:
    scene = Scene([licence()])
    one = session(OPENED_US + lived_us)
    scene.submit(lambda c, entry: metering.session_ended(c, entry, one))
    assert hours(scene) == [expected]


def test_a_session_that_never_opened_counts_nothing(metering: UseMetering) -> None:
    scene = Scene([licence()])
    one = session(OPENED_US, None)
    scene.submit(lambda c, entry: metering.session_ended(c, entry, one))
    assert hours(scene) == []


def test_no_hour_counts_while_the_service_was_down(metering: UseMetering) -> None:
    """The session died with the service: its last hour began before the log's last word."""
    scene = Scene([licence()])
    last_word_us = OPENED_US + HOUR_US + 1
    with scene.engine.begin() as connection:
        for index, kind, time_us in (
            (1, EntryKind.ANSWER_RELEASED, last_word_us),
            (2, EntryKind.SERVICE_STARTED, OPENED_US + 9 * HOUR_US),
        ):
            row = {"idx": index, "time_us": time_us, "kind": kind.value, "body": b"{}"}
            connection.execute(insert(audit_store.entry).values(**row, leaf_hash=b"0" * 32))
    scene.size = 3
    one = session(OPENED_US + 9 * HOUR_US, reason=RESTARTED)
    scene.submit(lambda c, entry: metering.session_ended(c, entry, one))
    assert hours(scene) == [2]


def test_a_prepaid_session_sets_its_longest_life_aside(metering: UseMetering) -> None:
    scene = Scene([licence(prepaid=True)])
    with pytest.raises(Denied, match="wallet_empty"):
        scene.submit(lambda c, entry: metering.session_asked(c, entry, session(0)))


def test_a_session_of_an_expired_tariff_still_ends(metering: UseMetering) -> None:
    scene = Scene([licence(valid_from="2020-01-01", valid_until="2021-01-01")])
    with pytest.raises(Denied, match="tariff_not_approved"):
        scene.submit(lambda c, entry: metering.session_asked(c, entry, session(0)))
    one = session(OPENED_US + HOUR_US)
    scene.submit(lambda c, entry: metering.session_ended(c, entry, one))
    with reading(scene.engine) as connection:
        assert list(connection.execute(select(usage.c.gross_micro_fen)).scalars()) == [0]


def test_verifications_of_two_people_look_the_same(metering: UseMetering) -> None:
    """The outcome key names data set and columns: who was verified, and how often, stays out."""
    terms = licence()
    scene = Scene([terms])
    for claim in ("clm_1", "clm_2"):
        use = VerificationUse(claim, terms, "operator", "households", ("household", "state"))
        scene.submit(partial(metering.verification_decided, use=use))
        scene.submit(partial(metering.verification_answered, use=use))
    with reading(scene.engine) as connection:
        keys = list(connection.execute(select(contribution.c.outcome_key)).scalars())
        prices = list(connection.execute(select(usage.c.gross_micro_fen)).scalars())
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert prices == [10, 10]


def test_equal_questions_of_a_licence_have_one_key_and_others_another(
    metering: UseMetering,
) -> None:
    first, second = licence(), licence().model_copy(update={"id": "licence_b"})
    scene = Scene([first, second])
    for terms, asked in ((first, "q"), (first, "q"), (first, "r"), (second, "q")):
        use = QuestionUse(
            question=f"qst_{scene.size}",
            licence=terms,
            organisation="operator",
            asked=asked,
            sources={"households": ("a",)},
            cost_nano_rho=7,
            answer=f"ans_{scene.size}",
        )
        scene.submit(partial(metering.question_decided, use=use))
        scene.submit(partial(metering.question_answered, use=use))
    with reading(scene.engine) as connection:
        query = select(contribution.c.outcome_key).order_by(contribution.c.audit_index)
        one, again, other, of_another = connection.execute(query).scalars()
    assert one == again
    assert len({one, other, of_another}) == 3
    assert all(key.startswith("hmac:") and len(key) == 69 for key in (one, other, of_another))


def test_a_price_is_shown_and_nothing_is_written(metering: UseMetering) -> None:
    terms = licence()
    scene = Scene([terms])
    use = QuestionUse("q", terms, "operator", "a", {"households": ("a",)}, 7)
    with reading(scene.engine) as connection:
        money = metering.price_of_question(connection, use, OPENED_US)
    assert money["question_micro_fen"] == 10 + 7 * 10
    assert money["question_fen"] == 1
    with reading(scene.engine) as connection:
        assert connection.execute(select(usage)).all() == []
