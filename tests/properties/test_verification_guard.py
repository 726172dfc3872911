"""The guard against guessing, beside twenty lines of naive Python: the same claims, the same no."""

from dataclasses import dataclass, field

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, select, update

from disclosure.outcome import Refused
from disclosure.verify import store
from disclosure.verify.digests import ClaimDigests
from disclosure.verify.guard import DAY_US, Claimant, Guessing, admit, remember
from policies.load import load_policies
from policies.schema.verification import VerificationRules

RULES = (
    load_policies()
    .rules(VerificationRules)
    .model_copy(
        update={
            "claims_per_subject_max": 2,
            "period_days": 3,
            "subjects_per_value_per_day_max": 2,
            "claims_per_operator_per_day_max": 6,
        }
    )
)
GROUPS = {"a": frozenset({"a", "b"}), "b": frozenset({"a", "b"}), "c": frozenset({"c"})}
COLUMNS = ("income", "state")
START_US = 100 * DAY_US
steps = st.tuples(
    st.sampled_from(["a", "a", "b", "c"]),
    st.sampled_from(["s1", "s1", "s2", "s3"]),
    st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from("xyz"), min_size=1, max_size=2),
    st.sampled_from([1, 1, DAY_US // 10, DAY_US, 2 * DAY_US]),
    st.booleans(),
)


@dataclass
class Model:
    """What was admitted: (time, group, subject, column, value, claim), and what is locked."""

    made: list[tuple[int, frozenset[str], str, str, str, int]] = field(default_factory=list)
    locked: set[tuple[frozenset[str], str, str]] = field(default_factory=set)
    lifted: dict[tuple[frozenset[str], str, str], int] = field(default_factory=dict)

    def judge(self, group: frozenset[str], subject: str, values: dict[str, str], now: int) -> str:
        own = [row for row in self.made if row[1] == group]
        for column, value in values.items():
            key = (group, subject, column)
            if key in self.locked:
                return "locked"
            since = max(now - RULES.period_days * DAY_US, self.lifted.get(key, 0))
            tried = {r[4] for r in own if r[2:4] == (subject, column) and r[0] > since} | {value}
            if len(tried) > RULES.claims_per_subject_max:
                return column
        today = [row for row in own if row[0] > now - DAY_US]
        for column, value in values.items():
            others = {r[2] for r in today if r[3:5] == (column, value)} - {subject}
            if len(others) >= RULES.subjects_per_value_per_day_max:
                return "rate"
        made = len({row[5] for row in today})
        return "rate" if made >= RULES.claims_per_operator_per_day_max else "admitted"


def judged(
    connection: Connection, claimant: Claimant, digests: ClaimDigests, now: int
) -> tuple[str, str]:
    try:
        admit(connection, claimant, digests, RULES, now)
    except Guessing as guessing:
        return ("locked" if guessing.was_locked else guessing.column), guessing.column
    except Refused:
        return "rate", ""
    return "admitted", ""


@settings(max_examples=25, deadline=None)
@given(asked=st.lists(steps, min_size=8, max_size=25))
@example(asked=[("a", "s1", {"income": value}, 1, value == "z") for value in "xyzz"])
def test_the_guard_says_what_the_naive_model_says(
    asked: list[tuple[str, str, dict[str, str], int, bool]],
) -> None:
    engine = create_engine("sqlite://")
    tables = [store.consent, store.claim, store.lock]
    model, now = Model(), START_US
    with engine.begin() as connection:
        for table in tables:
            table.create(connection)
        for place, (who, subject, values, later, lifting) in enumerate(asked):
            now += later
            group = GROUPS[who]
            claimant = Claimant("lic", "p", who, group, "people")
            digests = ClaimDigests(
                subject, {name: f"{name}:{value}" for name, value in values.items()}, "c", "t"
            )
            said, column = judged(connection, claimant, digests, now)
            assert said == model.judge(group, subject, values, now)
            if said == "admitted":
                remember(connection, claimant, digests, f"{place}", entry_index=place, now_us=now)
                model.made += [(now, group, subject, n, v, place) for n, v in values.items()]
            elif said in COLUMNS:
                _lock(connection, place, who, subject, column, now)
                model.locked.add((group, subject, column))
            if lifting:
                now += 1
                _lift(connection, now)
                model.lifted |= dict.fromkeys(model.locked, now)
                model.locked.clear()
    engine.dispose()


def _lock(
    connection: Connection, place: int, who: str, subject: str, column: str, now: int
) -> None:
    connection.execute(
        insert(store.lock).values(
            id=f"lock{place}",
            organisation=who,
            population="people",
            subject=subject,
            column=column,
            locked_index=place,
            locked_us=now,
        )
    )


def _lift(connection: Connection, now: int) -> None:
    standing = select(store.lock.c.id).where(store.lock.c.lifted_us.is_(None))
    connection.execute(
        update(store.lock).where(store.lock.c.id.in_(standing)).values(lifted_us=now)
    )
