"""Guessing through verification: halving, trying, enumerating, and consents used otherwise."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files

import pyarrow as pa
import pytest

from audit.tags import EntryKind
from disclosure.outcome import QuestionFailed, Refused
from disclosure.verify import lookup
from disclosure.verify.claims import Claim
from disclosure.verify.verifier import Verifier
from foundation.errors import SandgateError
from foundation.settings import Settings
from tests.city import RIVAL, City, Plan, built_city
from tests.city_documents import household_rows
from tests.claims import claim, verifying

_SLOTS_MISSED_MAX = 5


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city under the packaged rules, but for a shorter slot."""
    rules = tmp_path_factory.mktemp("rules") / "rules"
    shutil.copytree(
        str(files("policies")), rules, ignore=shutil.ignore_patterns("*.py", "py.typed")
    )
    file = rules / "verification" / "national.toml"
    text = file.read_text(encoding="utf-8")
    short = text.replace("answer_slot_milliseconds = 500", "answer_slot_milliseconds = 400")
    assert short != text
    file.write_text(short, encoding="utf-8")
    shutil.rmtree(rules / "schema", ignore_errors=True)
    home = tmp_path_factory.mktemp("guessing")
    plan = replace(Plan(), households=household_rows(400), licence=verifying())
    with built_city(home, plan, settings=Settings(home=home, policies=rules)) as built:
        yield built


def limited(city: City, **limits: int) -> Verifier:
    """Return a verifier of the same city under other limits."""
    parts = city.platform.verifier._parts
    return Verifier(replace(parts, rules=parts.rules.model_copy(update=limits)))


def answer(city: City, asked: Claim, **who: str) -> str:
    """Return the word of a claim; one whose short slot a busy machine missed is asked again.

    The claim is counted once however often it is asked, so the limits are met as without a miss.
    """
    for _ in range(_SLOTS_MISSED_MAX):
        with suppress(QuestionFailed):
            return city.platform.verifier.verify(city.scope(**who), asked).answer
    return city.platform.verifier.verify(city.scope(**who), asked).answer


def refusal(city: City, asked: Claim, **who: str) -> SandgateError:
    with pytest.raises(SandgateError) as refused:
        city.platform.verifier.verify(city.scope(**who), asked)
    return refused.value


def test_a_claim_is_answered_yes_no_or_unknown(city: City) -> None:
    assert answer(city, claim(8, state="east", age_band="older")) == "yes"
    assert answer(city, claim(8, state="north")) == "no"
    assert answer(city, claim(8, state="east", age_band="younger")) == "no"
    assert answer(city, claim(999_999, state="east")) == "unknown"


def test_a_number_cannot_be_halved(city: City) -> None:
    for value in ("50000", "> 50000", "0..50000", "low OR 1=1", "lo", ""):
        if value:
            assert refusal(city, claim(12, wages=value)).code == "claim_range"
    assert answer(city, claim(12, wages="low")) in {"yes", "no"}


def test_one_claim_too_many_locks_the_attribute_and_tells_the_authority(city: City) -> None:
    first = city.log_size()
    for state in ("north", "south", "west"):
        assert answer(city, claim(16, state=state)) == "no"
    assert answer(city, claim(16, state="north")) == "no"  # an earlier claim is no new guess
    assert refusal(city, claim(16, state="east")).code == "verification_locked"
    assert refusal(city, claim(16, state="north")).code == "verification_locked"
    assert answer(city, claim(16, age_band="older")) == "yes"  # only that attribute
    locked = city.entries(EntryKind.VERIFICATION_LOCKED, first=first)
    assert [entry.public["column"] for entry in locked] == ["state"]


def test_another_consent_person_or_licence_does_not_unlock(city: City) -> None:
    for state in ("north", "south", "west"):
        answer(city, claim(20, state=state))
    other = claim(20, {"number": "another-consent"}, state="east")
    assert refusal(city, other).code == "verification_locked"
    assert refusal(city, claim(20, state="east"), account="colleague").code == "verification_locked"
    second = city.grant(verifying())
    elsewhere = claim(20, {"number": "third-consent"}, state="east")
    assert refusal(city, elsewhere, licence=second).code == "verification_locked"


def test_the_authority_lifts_a_lock_with_a_reason_and_nobody_else(city: City) -> None:
    for state in ("north", "south", "west"):
        answer(city, claim(24, state=state))
    refusal(city, claim(24, state="east"))
    locks = city.client("founder").get("/api/v1/verification-locks").json()["locks"]
    target = f"/api/v1/verification-locks/{locks[0]['id']}/lift"
    body = {"reason": "the applicant moved twice"}
    headers = {"Idempotency-Key": "lift-24"}
    assert city.client("analyst").post(target, json=body, headers=headers).status_code == 403
    lifted = city.client("founder").post(target, json=body, headers=headers)
    assert lifted.status_code == 200, lifted.text
    assert answer(city, claim(24, state="east")) == "yes"
    again = city.client("founder").post(target, json=body, headers={"Idempotency-Key": "x"})
    assert again.json()["code"] == "lock_already_lifted"


def test_one_value_is_not_tried_on_everybody(city: City) -> None:
    verifier = limited(city, subjects_per_value_per_day_max=3)
    for household in (101, 105, 109):
        verifier.verify(city.scope(), claim(household, wages="high"))
    with pytest.raises(Refused, match="verification_rate"):
        verifier.verify(city.scope(), claim(113, wages="high"))
    verifier.verify(city.scope(), claim(109, wages="high"))  # no further subject


def test_an_operator_has_so_many_claims_a_day(city: City) -> None:
    made = len(city.entries(EntryKind.VERIFICATION_DECIDED))
    verifier = limited(city, claims_per_operator_per_day_max=made + 1)
    assert verifier.verify(city.scope(), claim(202, state="south")).answer == "yes"
    with pytest.raises(Refused, match="verification_rate"):
        verifier.verify(city.scope(), claim(203, state="south"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "marketing"}, "consent_for_another_purpose"),
        ({"given_on": "2999-01-01"}, "consent_not_in_time"),
        ({"given_on": "2001-01-01"}, "consent_not_in_time"),
        ({"given_on": "2001-99-99"}, "consent_not_in_time"),
    ],
)
def test_a_consent_for_something_else_carries_no_claim(
    city: City, changes: dict[str, str], code: str
) -> None:
    assert refusal(city, claim(28, changes, state="east")).code == code


def test_a_consent_is_one_persons_to_one_licence(city: City) -> None:
    mine = {"number": "shared-consent"}
    assert answer(city, claim(32, mine, state="east")) == "yes"
    assert answer(city, claim(32, mine, age_band="older")) == "yes"
    used = "consent_used_otherwise"
    assert refusal(city, claim(36, mine, state="east")).code == used
    assert refusal(city, claim(32, {**mine, "given_by": "x"}, state="east")).code == used
    second = city.grant(verifying())
    assert refusal(city, claim(32, mine, state="east"), licence=second).code == used


def test_a_licence_without_verification_or_of_another_operator_answers_nothing(city: City) -> None:
    rival = city.grant(verifying(operator=RIVAL))
    assert refusal(city, claim(40, state="east"), licence=rival).code == "licence_not_usable"
    without = city.grant(Plan().licence)
    assert refusal(city, claim(40, state="east"), licence=without).code == "claim_not_granted"


@pytest.mark.parametrize(
    "raw",
    [
        {"claimed": {"name": "Household 40"}},
        {"claimed": {"household": "40"}},
        {"claimed": {"nothing": "x"}},
        {"dataset": "colleges"},
        {"dataset": "nothing"},
    ],
)
def test_what_is_not_granted_and_what_does_not_exist_read_alike(
    city: City, raw: dict[str, object]
) -> None:
    asked = claim(40, state="east").model_copy(update=raw)
    found = refusal(city, asked)
    assert (found.code, found.field) == ("claim_not_granted", "claimed")


@pytest.mark.parametrize(
    "household", ["40 OR 1=1", "40; SELECT 1", "四十", "4e1", "0x28", "9" * 40]
)
def test_an_identifier_is_a_value_of_its_type_or_refused(city: City, household: str) -> None:
    assert refusal(city, claim(household, state="east")).code == "claim_value"


@pytest.mark.parametrize("text", ["east' OR '1'='1", "east\\' --", "east'); DROP", "';--", "東"])
def test_hostile_text_is_only_ever_compared(city: City, text: str) -> None:
    assert answer(city, claim(300 + 4 * len(text), state=text)) == "no"


def test_the_log_holds_digests_alone_and_each_answer_has_an_entry_before_and_with_it(
    city: City,
) -> None:
    first = city.log_size()
    given_by = "Ms Uniquely Named"
    asked = claim(344, {"given_by": given_by, "number": "N-344-SECRET"}, state="east")
    verified = city.platform.verifier.verify(city.scope(), asked)
    refusal(city, claim("344x", {"number": "N-344-OTHER"}, state="east"))
    entries = city.entries(first=first)
    kinds = [entry.kind for entry in entries]
    assert kinds.index(EntryKind.VERIFICATION_DECIDED) < kinds.index(
        EntryKind.VERIFICATION_ANSWERED
    )
    written = json.dumps([dict(entry.public) for entry in entries], default=str)
    for secret in (given_by, "SECRET", "OTHER", "344x", '"344"', "east", '"yes"'):
        assert secret not in written
    assert verified.index == entries[kinds.index(EntryKind.VERIFICATION_ANSWERED)].index


def test_every_answer_has_one_size_and_an_absent_subject_takes_the_same_slot(city: City) -> None:
    sizes = set()
    for household, state in ((348, "east"), (348, "north"), (999_348, "east")):
        verified = city.platform.verifier.verify(city.scope(), claim(household, state=state))
        fixed = {**verified.as_json(), "receipt": "", "entry": 0}
        sizes.add(len(json.dumps(fixed)))
    assert len(sizes) == 1


def test_present_absent_and_failed_all_take_the_whole_slot(city: City) -> None:
    parts = city.platform.verifier._parts
    slot_seconds = parts.rules.answer_slot_milliseconds / 1_000
    broken = Verifier(replace(parts, run=lambda *_asked: pa.table({"answer": ["100"]})))
    for verifier, household in (
        (city.platform.verifier, 352),
        (city.platform.verifier, 999_352),
        (broken, 356),
    ):
        begun = time.monotonic()
        with suppress(QuestionFailed):
            verifier.verify(city.scope(), claim(household, state="east"))
        assert time.monotonic() - begun >= slot_seconds


def test_a_worker_that_says_anything_else_ends_as_one_fixed_failure(city: City) -> None:
    parts = city.platform.verifier._parts
    for said in (["100"], ["yes", "no"], [None], []):
        broken = Verifier(
            replace(parts, run=lambda *_asked, said=said: pa.table({"answer": pa.array(said)}))
        )
        with pytest.raises(QuestionFailed) as failed:
            broken.verify(city.scope(), claim(360, state="east"))
        assert failed.value.code == "engine_error"
    assert city.entries(EntryKind.VERIFICATION_FAILED)


def test_ending_the_licence_ends_its_verifications(city: City) -> None:
    licence = city.grant(verifying())
    asked = claim(368, {"number": "c-368"}, state="east")
    assert answer(city, asked, licence=licence) == "yes"
    city.platform.revocation.suspend(city.actor("founder"), licence, "a complaint")
    assert refusal(city, asked, licence=licence).code == "licence_not_in_force"


def test_no_statement_of_ours_holds_what_a_caller_wrote(city: City) -> None:
    parts = city.platform.verifier
    asked = claim(364, state="'; DROP TABLE verified; --")
    prepared = parts._prepare(city.scope(), asked, "clm_x")
    sql = lookup.claim_sql(prepared.claim)
    assert "DROP" not in sql
    assert re.fullmatch(r"[A-Za-z0-9_ ()*>=,'\"]+", sql)
